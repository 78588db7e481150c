"""Writing a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.actions.action import Action

if TYPE_CHECKING:
    from tui.app import ChatApp


def send(app: ChatApp) -> None:
    app.prompt.submit()


def newline(app: ChatApp) -> None:
    app.prompt.action_newline()


def choose_file(app: ChatApp) -> None:
    """Opens the list of files where the cursor is."""
    app.prompt.focus()
    before = app.prompt.document.get_line(app.prompt.cursor_location[0])[: app.prompt.cursor_location[1]]
    app.prompt.insert("@" if not before or before[-1].isspace() else " @")


async def attach_file(app: ChatApp, path: str) -> None:
    from tui.composer.attaching import attach_files
    from tui.composer.dropped import named_file

    await attach_files(app, [named_file(path)])


def editor(app: ChatApp) -> None:
    app.run_worker(_edit(app), group="editor", exclusive=True)


async def _edit(app: ChatApp) -> None:
    """Slash commands in the text that comes back are not run before it is sent."""
    from tui.composer.editor import EditorError, edited

    before = app.prompt.text
    try:
        text = await edited(app, before)
    except EditorError as error:
        app.warn(str(error))
        return
    if text == before:
        app.keys.remark(app.words.composer.unchanged)
    else:
        app.prompt.show_text(text)
    app.prompt.focus()


def presets(app: ChatApp) -> None:
    app.presets.show()


def use_preset(app: ChatApp, name: str) -> None:
    app.presets.use(name)


def detach(app: ChatApp) -> None:
    app.composer.detach()


ACTIONS = (
    Action("send", lambda words: words.composer.send, send, ("enter",), rank=1, bound=False),
    Action(
        "newline",
        lambda words: words.composer.newline,
        newline,
        ("ctrl+j", "shift+enter", "alt+enter"),
        rank=6,
        bound=False,
    ),
    Action("attach_file", lambda words: words.composer.attach, choose_file, slash="file", with_text=attach_file),
    Action("editor", lambda words: words.composer.edit, editor, ("ctrl+g",), "editor"),
    Action("presets", lambda words: words.presets.open, presets, ("ctrl+s",), "preset", with_text=use_preset),
    Action("detach", lambda words: words.composer.detach, detach, slash="detach"),
)
