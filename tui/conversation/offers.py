"""What is offered under a picked message."""

from __future__ import annotations

from tui.conversation.answer import AnswerView
from tui.conversation.message import Handle, MessageView
from tui.words.conversation import Words


def handles(message: MessageView, words: Words, *, keys: bool, last: bool) -> list[Handle]:
    """`keys`: whether letters do the same; `last`: whether it is the last message, which alone can be continued."""
    found = [Handle("y", words.copy_message, "copy_message")]
    if isinstance(message, AnswerView):
        if message.fences():
            found.append(Handle("c", words.copy_code, "copy_code"))
        if message.has_links:
            found.append(Handle("l", words.copy_link, "copy_link"))
        if message.has_thoughts:
            found.append(Handle("t", words.toggle_thoughts, "message_thoughts"))
        found.append(Handle("r", words.regenerate, "regenerate"))
        if last and message.is_broken_off:
            found.append(Handle("o", words.go_on, "go_on"))
    else:
        found.append(Handle("e", words.edit, "edit"))
    return found if keys else [Handle("", handle.what, handle.action) for handle in found]
