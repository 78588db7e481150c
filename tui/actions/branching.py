"""Other answers, other questions, and the way between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoglm_lite.errors import AutoglmError
from tui.actions.action import Action
from tui.conversation.message import MessageView
from tui.conversation.turn import TurnView

if TYPE_CHECKING:
    from tui.app import ChatApp


def regenerate(app: ChatApp) -> None:
    """Another answer to the picked message's question, or to the last."""
    view = _picked_turn(app)
    if _is_free(app) and view is not None and view.turn is not None:
        app.asking.again(view)


def go_on(app: ChatApp) -> None:
    """More of the last answer, if it was stopped or cut off."""
    turns = app.conversation.turns
    if not _is_free(app):
        return
    if not turns or app.conversation.n_later or not turns[-1].answer.is_broken_off:
        app.keys.remark(app.words.conversation.nothing_to_go_on)
    else:
        app.asking.go_on(turns[-1])


def edit(app: ChatApp) -> None:
    """The picked question, or the last, comes into the box."""
    view = _picked_turn(app)
    if view is not None and view.turn is not None:
        app.editing.begin(view)


def previous_version(app: ChatApp) -> None:
    # Beside the click that asks for it: what was clicked is taken away, and would wait for its own end.
    app.run_worker(_switch(app, -1), group="versions")


def next_version(app: ChatApp) -> None:
    app.run_worker(_switch(app, 1), group="versions")


async def _switch(app: ChatApp, by: int) -> None:
    """To another version of the picked message: of its own, or where it has but one, of the turn's other message."""
    picked, words = _picked(app), app.words.conversation
    if not _is_free(app) or picked is None or app.desk.session is None:
        return
    conversation = app.conversation
    view = conversation.turn_of(picked)
    message = next((one for one in (picked, view.answer, view.asked) if one.version[1] > 1), None)
    if message is None or view.turn is None:
        app.keys.remark(words.no_versions)
        return
    if not 1 <= message.version[0] + by <= message.version[1]:
        app.keys.remark(words.last_version if by > 0 else words.first_version)
        return
    try:
        await app.desk.session.switch(view.turn, by, message.kind)
    except AutoglmError as error:
        await conversation.say(str(error), failed=True)
        return
    number = conversation.first + conversation.turns.index(view)
    shown = await conversation.show_from(number)
    if shown is not None:
        conversation.look_at(shown.asked if picked.kind == "question" else shown.answer)


def _picked(app: ChatApp) -> MessageView | None:
    messages = app.conversation.messages
    return app.conversation.picked or (messages[-1] if messages else None)


def _picked_turn(app: ChatApp) -> TurnView | None:
    picked = _picked(app)
    if picked is None:
        app.keys.remark(app.words.conversation.nothing_asked)
        return None
    return app.conversation.turn_of(picked)


def _is_free(app: ChatApp) -> bool:
    if app.asking.is_busy:
        app.keys.remark(app.words.composer.busy)
    return not app.asking.is_busy


ACTIONS = (
    Action("regenerate", lambda words: words.conversation.regenerate, regenerate, ("ctrl+r",), "again", rank=10),
    Action("go_on", lambda words: words.conversation.go_on, go_on, ("o",), "continue", bound=False),
    Action("edit", lambda words: words.conversation.edit, edit, ("e",), "edit", bound=False),
    Action(
        "previous_version",
        lambda words: words.conversation.previous_version,
        previous_version,
        ("left", "left_square_bracket"),
        bound=False,
    ),
    Action(
        "next_version",
        lambda words: words.conversation.next_version,
        next_version,
        ("right", "right_square_bracket"),
        bound=False,
    ),
)
KEYS = {
    **{"r": "regenerate", "o": "go_on", "e": "edit"},
    **dict.fromkeys(("left", "left_square_bracket", "b"), "previous_version"),
    **dict.fromkeys(("right", "right_square_bracket"), "next_version"),
}
"""What keys do while the cursor is in the conversation."""
