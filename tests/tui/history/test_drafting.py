"""What was begun and not sent comes back with its conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from textual.events import Paste
from textual.pilot import Pilot

from autoglm_lite.chat.attachments import Attachment
from autoglm_lite.chat.history import History
from autoglm_lite.worker.backend import LocalBackend
from tests.tui.driving import ask, desk_of, drive, on_disk, plan_of, read, send, setup_of, until, write
from tests.tui.history.talks import held
from tui.app import ChatApp
from tui.history.drafts import NEW, Drafts
from tui.history.kept import Draft, KeptDrafts
from tui.words import ENGLISH


def test_each_conversation_has_its_own(stories_gguf: Path, history: History) -> None:
    talk = held(history, ("A cake", "Take flour."))
    drafts = Drafts(history.path.parent / "drafts")

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await write(pilot, "new one")
        # On the disk without anything else being pressed: a kill -9 now would lose nothing.
        await until(pilot, lambda: drafts.read(NEW) == "new one")
        await pilot.press("ctrl+o", "enter")
        await until(pilot, lambda: app.turns)
        assert app.prompt.text == ""
        await write(pilot, "and sugar")
        await until(pilot, lambda: drafts.read(talk.id) == "and sugar")
        await pilot.press("ctrl+n")
        await until(pilot, lambda: not app.turns)
        assert app.prompt.text == "new one"
        await pilot.press("enter")
        await until(pilot, lambda: app.desk.conversation is not None and not app.asking.is_busy)
        await write(pilot, "more")
        await until(pilot, lambda: drafts.read(NEW) == "")
        # What is in the box goes along to a new conversation that has no draft of its own.
        await pilot.press("ctrl+n")
        await until(pilot, lambda: not app.turns)
        assert app.prompt.text == "more"
        # It goes with what is deleted, and comes back with it.
        await pilot.press("ctrl+o", "tab", "j", "d")
        await until(pilot, lambda: drafts.read(talk.id) == "")
        await pilot.press("u")
        await until(pilot, lambda: drafts.read(talk.id) == "and sugar")
        await pilot.press("escape")

    drive(setup_of(stories_gguf, history), test)

    async def again(pilot: Pilot[None], app: ChatApp) -> None:
        assert app.prompt.text == "and sugar"
        app.prompt.clear()
        await ask(pilot, app, "Once")
        await until(pilot, lambda: drafts.read(talk.id) == "")

    drive(setup_of(stories_gguf, history, conversation=talk), again)
    assert Drafts(history.path.parent / "drafts").read(NEW) == "more"


def test_what_was_attached_stays_with_the_question(stories_gguf: Path, history: History, tmp_path: Path) -> None:
    talk = held(history, ("A cake", "Take flour."))
    file = tmp_path / "notes.txt"
    file.write_text("two eggs")
    notes = Attachment("notes.txt", "two eggs")
    drafts = KeptDrafts(history.path.parent)

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await write(pilot, "with this")
        app.post_message(Paste(str(file)))
        await until(pilot, lambda: drafts.read(NEW) == Draft("with this", (notes,)))
        # It does not come along to a conversation that it was not meant for.
        await pilot.press("ctrl+o", "enter")
        await until(pilot, lambda: app.turns)
        assert app.composer.attachments == ()
        assert "notes.txt" not in read(app)
        await pilot.press("ctrl+n")
        await until(pilot, lambda: not app.turns)
        assert app.prompt.text == "with this"
        await until(pilot, lambda: app.composer.attachments == (notes,))

    drive(setup_of(stories_gguf, history), test)
    file.unlink()

    async def again(pilot: Pilot[None], app: ChatApp) -> None:
        assert app.composer.attachments == (notes,)
        await until(pilot, lambda: "notes.txt" in read(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.desk.conversation is not None and not app.asking.is_busy)
        await until(pilot, lambda: drafts.read(NEW) == Draft())

    drive(setup_of(stories_gguf, history, max_tokens=3), again)
    assert drafts.read(talk.id) == Draft()


def test_attachments_that_cannot_be_read_are_none(tmp_path: Path) -> None:
    drafts = KeptDrafts(tmp_path)
    drafts.keep("a", Draft("text", (Attachment("b", "c"),)))
    (tmp_path / "attached" / "a").write_text("[{}]")
    assert drafts.take("a") == Draft("text")
    assert drafts.read("a") == Draft()


def test_a_question_that_waits_for_the_model_is_kept(stories_gguf: Path, history: History) -> None:
    setup = setup_of(stories_gguf, history)
    drafts = Drafts(history.path.parent / "drafts")
    ready = asyncio.Event()

    class Slow(LocalBackend):
        async def load(self, on_progress: Callable[[float], None], on_notice: Callable[[str], None]) -> None:
            await ready.wait()
            await super().load(on_progress, on_notice)

    async def run() -> None:
        app = ChatApp(desk_of(setup, Slow(plan_of(setup))), ENGLISH)
        async with app.run_test() as pilot:
            await until(pilot, lambda: app.prompt.has_focus)
            await write(pilot, "Once")
            await send(pilot, app)
            await write(pilot, "more")
            await until(pilot, lambda: drafts.read(NEW) == "Once\n\nmore")
            assert on_disk(history) == []
            ready.set()
            await until(pilot, lambda: drafts.read(NEW) == "")
            (talk,) = history.conversations()
            assert on_disk(history)[0].content == "Once"
            await until(pilot, lambda: drafts.read(talk.id) == "more")
            await pilot.press("ctrl+q")
            await until(pilot, lambda: app.return_code is not None)

    asyncio.run(run())
