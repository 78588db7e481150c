"""A conversation as a file: Markdown to read, JSON with all that is known."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from autoglm_lite.chat.attachments import fenced, one_line
from autoglm_lite.chat.history import Conversation, Message
from autoglm_lite.chat.prompt import Turn

FORMAT = "autoglm-lite conversation"
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Names:
    """What the parts are called in Markdown."""

    you: str = "You"
    thinking: str = "Thinking"
    system: str = "System prompt"
    stopped: str = "stopped"
    cut_off: str = "cut off"
    no_answer: str = "no answer"


def markdown(conversation: Conversation, turns: Sequence[Turn], names: Names | None = None) -> str:
    """The branch of `turns`; what was thought and attached is folded. What was said stays as it is, but a code block
    left open is closed, so that it does not swallow what follows."""
    names = names or Names()
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(conversation.created))
    parts = [f"# {one_line(conversation.title) or conversation.id}", f"*{when}*"]
    if conversation.system:
        parts.append(_folded(names.system, fenced(conversation.system)))
    for turn in turns:
        parts.append(f"## {names.you}")
        parts += [_folded(one_line(one.name), fenced(one.text)) for one in turn.attachments]
        parts.append(_closed(turn.question))
        if turn.answer or turn.reasoning:
            parts.append(f"## {one_line(turn.model or '') or '…'}")
        if turn.reasoning:
            parts.append(_folded(names.thinking, _closed(turn.reasoning)))
        parts.append(_closed(turn.answer))
        ended = {"complete": "", "stopped": names.stopped, "cut off": names.cut_off}[turn.state]
        note = ended if turn.answer or turn.reasoning else names.no_answer
        parts.append(f"*({note})*" if note else "")
    return "\n\n".join(part for part in parts if part) + "\n"


def as_json(conversation: Conversation, messages: Sequence[Message]) -> str:
    """All branches, which `parent` makes a tree, in the order of writing; times in seconds since 1970."""
    kept = asdict(conversation)
    del kept["deleted"]
    report = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "conversation": kept,
        "messages": [asdict(message) for message in messages],
    }
    return json.dumps(report, ensure_ascii=False, indent=2) + "\n"


def _folded(summary: str, body: str) -> str:
    # The end of a fold inside of it would unfold the rest.
    body = re.sub("</(?=details)", "&lt;/", body, flags=re.IGNORECASE)
    escaped = summary.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<details>\n<summary>{escaped}</summary>\n\n{body}\n\n</details>"


def _closed(text: str) -> str:
    """`text` with the fence that it leaves open closed (CommonMark 0.31, 4.5)."""
    fence = ""
    for line in text.splitlines():
        found = re.match(r" {0,3}(`{3,}|~{3,})(.*)", line)
        if found is None:
            continue
        run, rest = found.groups()
        if fence:
            if run[0] == fence[0] and len(run) >= len(fence) and not rest.strip():
                fence = ""
        elif run[0] == "~" or "`" not in rest:
            fence = run
    return f"{text}\n{fence}" if fence else text
