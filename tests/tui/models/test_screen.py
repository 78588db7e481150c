"""Choosing, unloading and removing models by their keys."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from textual.pilot import Pilot

from autoglm_lite.chat.history import History
from autoglm_lite.chat.setup import ChatSetup
from autoglm_lite.commands import shelf
from autoglm_lite.remote.client import Offered
from autoglm_lite.store import starter_path
from autoglm_lite.store.models import models_dir
from autoglm_lite.worker.backend import LocalBackend
from tests.gguf.embedders import bert
from tests.gguf.tiny import TYPE_F32, Tensor, llama
from tests.tui.driving import STORY, ask, on_disk, read, status, until, write
from tests.tui.models.driving import desk_for, drive, to_row
from tui.app import ChatApp
from tui.composer.prompt import Prompt
from tui.models.screen import ModelsScreen
from tui.words import CHINESE, ENGLISH, Words


@pytest.fixture
def folder() -> Path:
    folder = models_dir()
    folder.mkdir(parents=True)
    return folder


def is_open(app: ChatApp) -> bool:
    return isinstance(app.screen, ModelsScreen)


def test_another_model_goes_on_with_the_conversation(endless_gguf: Path, history: History, folder: Path) -> None:
    stories = Path(shutil.copy(endless_gguf, folder / "stories.gguf"))

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await ask(pilot, app, "What can you do?")
        first = app.desk.pid
        await write(pilot, "Once upon ")
        await pilot.press("f3")
        await until(pilot, lambda: read(app).count(" fits") == 2)
        assert "● autoglm-lite starter" in read(app)
        assert "in use · 4 M parameters · Q8_0 · 4 MB · context 1,024" in read(app)
        assert "To get: these suit this machine" in read(app)
        await to_row(pilot, app, f"stored:{stories}")
        await pilot.press("enter")
        await until(pilot, lambda: not is_open(app))
        await write(pilot, "a time")
        assert app.query_one(Prompt).text == "Once upon a time"
        await until(pilot, lambda: app.using.path is None and app.desk.loaded)
        await until(pilot, lambda: "answers now" in read(app))
        assert app.desk.pid not in (None, first)
        assert "/32768" not in status(app)
        await pilot.press("enter")
        await until(pilot, lambda: len(app.asking.answer_text) > 20)
        await pilot.press("escape")
        await until(pilot, lambda: not app.asking.is_busy)
        assert len(app.turns) == 2

        await pilot.press("f3")
        await until(pilot, lambda: "● " in read(app))
        await pilot.press("u")
        await until(pilot, lambda: "is unloaded and" in read(app) and app.desk.pid is None)
        assert "not loaded" in status(app)
        await until(pilot, lambda: "in use, unloaded" in read(app))
        await pilot.press("u")
        await until(pilot, lambda: "nothing to unload" in read(app))
        await pilot.press("f3")
        await until(pilot, lambda: not is_open(app))
        await write(pilot, "And")
        await pilot.press("enter")
        await until(pilot, lambda: app.desk.pid is not None and app.asking.answer_text)
        await pilot.press("escape")
        await until(pilot, lambda: not app.asking.is_busy)

    drive(desk_for(history, str(starter_path()), "--temperature", "0", "--max-tokens", "400"), test, (100, 40))
    messages = on_disk(history)
    assert [message.role for message in messages] == ["user", "assistant"] * 3
    assert messages[2].content == "Once upon a time"


def test_what_cannot_be_used_leaves_the_model_before(endless_gguf: Path, history: History, folder: Path) -> None:
    whole = endless_gguf.read_bytes()
    good = folder / "good.gguf"
    good.write_bytes(whole)
    (folder / "damaged.gguf").write_bytes(whole[:5000])
    (folder / "gone.gguf").write_bytes(whole)
    (folder / "trap.gguf").write_bytes(whole)
    bert().write(folder / "vectors.gguf")
    desk = desk_for(history, str(good), "--temperature", "0", "--max-tokens", "70")
    find = desk._open_model

    def trapped(name: str | None) -> tuple[ChatSetup, LocalBackend]:
        found = find(name)
        if name is not None and name.endswith("trap.gguf"):
            Path(name).write_bytes(b"GGUF" + bytes(100))
        return found  # type: ignore[return-value]

    desk._open_model = trapped

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        async def choose_row(name: str) -> None:
            await pilot.press("f3")
            await until(pilot, lambda: is_open(app) and read(app).count(" fits") >= 3 and "Chinese" in read(app))
            await to_row(pilot, app, f"stored:{folder / name}")
            await pilot.press("enter")

        await choose_row("damaged.gguf")
        await until(pilot, lambda: "cannot be used" in read(app))
        await until(pilot, lambda: "damaged.gguf" in read(app))
        assert is_open(app)
        await pilot.press("escape")
        await choose_row("vectors.gguf")
        await until(pilot, lambda: "does not write answers" in read(app))
        await pilot.press("escape")
        await pilot.press("f3")
        await until(pilot, lambda: read(app).count(" fits") >= 3)
        (folder / "gone.gguf").unlink()
        await to_row(pilot, app, f"stored:{folder / 'gone.gguf'}")
        await pilot.press("enter")
        await until(pilot, lambda: "There is no file" in read(app) and "goes on answering" in read(app))
        await choose_row("trap.gguf")
        await until(pilot, lambda: "cannot load" in read(app))
        await until(pilot, lambda: app.desk.has(good))
        assert read(app).count("goes on answering") == 2
        assert "not loaded" in status(app)
        await ask(pilot, app, "Once upon a time")
        assert app.asking.answer_text.startswith(STORY)

    drive(desk, test, (100, 50))


def padded(path: Path, n_rows: int) -> Path:
    """A model with a matrix of so many thousands of bytes that nothing uses."""
    tiny = llama()
    tiny.tensors.append(Tensor(b"more.weight", [250, n_rows], TYPE_F32, bytes(1000 * n_rows)))
    return tiny.write(path)


def test_too_large_a_model_is_refused_and_a_slow_one_must_be_insisted_on(history: History, folder: Path) -> None:
    slow = padded(folder / "slow.gguf", 30_000)
    huge = padded(folder / "too-large.gguf", 90_000)

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await pilot.press("f3")
        await until(pilot, lambda: "streams from disk, slow" in read(app))
        await until(pilot, lambda: "does not fit: needs 1" in read(app))
        await to_row(pilot, app, f"stored:{huge}")
        for _ in range(2):
            await pilot.press("enter")
            await until(pilot, lambda: "of memory, and 60 MB can be had: close other programs" in read(app))
        assert is_open(app)
        await to_row(pilot, app, f"stored:{starter_path()}")
        await pilot.press("up", "up")
        await to_row(pilot, app, f"stored:{slow}")
        await pilot.press("enter")
        await until(pilot, lambda: "Enter again uses it all the same" in read(app))
        await pilot.press("down", "up", "enter")
        await until(pilot, lambda: "Enter again uses it all the same" in read(app))
        assert is_open(app)
        await pilot.press("enter")
        await until(pilot, lambda: not is_open(app))
        # llama.cpp does not take a matrix that nothing uses.
        await until(pilot, lambda: "goes on answering" in read(app))
        assert app.desk.has(starter_path())

    drive(desk_for(history, str(starter_path()), "--memory", "60MB"), test, (100, 50))


def test_what_the_service_has_is_marked(
    endless_gguf: Path, history: History, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(shutil.copy(endless_gguf, folder / "both.gguf"))
    known = [Offered("both", 4096, 1), Offered("far-away", None, 2)]
    monkeypatch.setattr(shelf, "offered", lambda _: known)

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await pilot.press("f3")
        await until(pilot, lambda: "in the service's memory" in read(app))
        assert "Only in the running service far-away ask the service for it" in read(app)
        await to_row(pilot, app, "served:far-away")
        await pilot.press("enter")
        await until(pilot, lambda: "known to the running service alone" in read(app))

    drive(desk_for(history, str(starter_path())), test, (110, 40))


@pytest.mark.parametrize("words", [ENGLISH, CHINESE], ids=["english", "chinese"])
def test_deleting_takes_two_presses_and_nothing_that_is_not_ours(
    endless_gguf: Path, history: History, folder: Path, words: Words
) -> None:
    ours = Path(shutil.copy(endless_gguf, folder / "ours.gguf"))
    link = folder / "link.gguf"
    link.symlink_to(endless_gguf)
    said = words.models

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await pilot.press("f3")
        await until(pilot, lambda: "link.gguf" in app.screen._drawn.__repr__())  # type: ignore[attr-defined]
        await to_row(pilot, app, f"stored:{ours}")
        await pilot.press("x")
        await until(pilot, lambda: said.delete_insist.partition("{")[0] in read(app))
        await pilot.press("up", "down", "x")
        assert ours.exists()
        await pilot.press("x")
        await until(pilot, lambda: not ours.exists())
        await until(pilot, lambda: said.deleted.format(name="ours", size="2 MB")[:8] in read(app))
        await until(pilot, lambda: f"stored:{ours}" not in app.screen._drawn)  # type: ignore[attr-defined]
        await to_row(pilot, app, f"stored:{link}")
        await pilot.press("x", "x")
        await until(pilot, lambda: not link.is_symlink())
        assert endless_gguf.exists()
        await until(pilot, lambda: f"stored:{link}" not in app.screen._drawn)  # type: ignore[attr-defined]
        await to_row(pilot, app, f"stored:{starter_path()}")
        await pilot.press("x", "x")
        await until(pilot, lambda: said.delete_starter[:10] in read(app))
        assert starter_path().exists()

    drive(desk_for(history, str(starter_path())), test, (40, 24) if words is CHINESE else (80, 24), words)
