"""The screen as it is to look, at three sizes, in both languages and both themes.

Each file has the lines of text, then for each cell a letter that stands for a style. Lines with figures of
the machine have none of them, nor letters.
`scripts/snapshots` writes the files anew: look at what it changed before you commit it.
"""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from string import ascii_letters

import pytest
from rich.style import Style
from textual.pilot import Pilot

from autoglm_lite.chat.history import Conversation, History
from autoglm_lite.chat.setup import ChatSetup
from autoglm_lite.generation import Sampling
from autoglm_lite.gguf.facts import read_facts
from benchmarks.scripted import STARTER, Scripted
from tests.tui.driving import drive, read, status, until
from tui.app import ChatApp
from tui.settings.settings import Settings
from tui.words import CHINESE, ENGLISH

FOLDER = Path(__file__).parent / "snapshots"
UPDATING = os.environ.get("AUTOGLM_LITE_SNAPSHOTS") == "update"
FIGURES = re.compile(r"\d+(?:[.,]\d+)*(?= ?(?:MB|GB|MiB|GiB|tok/s|词元/秒|°C|%))")
QUESTION = "Which of these is small? 哪一个小？"
ANSWER = """\
## Sizes

A *small* model has **few** weights; `ls -l` shows its size.

1. the starter
2. 小模型：不需要联网

| model | bytes |
|---|---|
| starter | 3 |
| 小模型 | 7 |

```python
def size(path):
    return path.stat().st_size  # bytes
```
"""


@dataclass(frozen=True, slots=True)
class Scene:
    name: str
    size: tuple[int, int]
    chinese: bool
    theme: str
    talk: bool = False
    key: str = ""

    @property
    def file(self) -> Path:
        language = "zh" if self.chinese else "en"
        return FOLDER / f"{self.name}-{self.size[0]}x{self.size[1]}-{language}-{self.theme}.txt"


SMALL, USUAL, LARGE = (50, 20), (80, 24), (120, 40)
SCENES = (
    Scene("welcome", USUAL, False, "dark"),
    Scene("welcome", SMALL, True, "light"),
    Scene("welcome", LARGE, True, "dark"),
    Scene("talk", USUAL, False, "dark", talk=True),
    Scene("talk", USUAL, True, "light", talk=True),
    Scene("talk", SMALL, False, "light", talk=True),
    Scene("talk", LARGE, True, "dark", talk=True),
    Scene("talk", LARGE, False, "light", talk=True),
    Scene("talk", USUAL, False, "plain", talk=True),
    Scene("help", USUAL, False, "dark", key="f1"),
    Scene("help", SMALL, True, "light", key="f1"),
    Scene("settings", USUAL, False, "light", key="f4"),
    Scene("settings", SMALL, True, "dark", key="f4"),
)


async def settled(pilot: Pilot[None], app: ChatApp) -> str:
    """The screen is drawn in several steps; it is done when nothing changes any more."""
    found = ""
    while found != (found := picture(app)):
        await pilot.pause(0.2)
    return found


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.file.stem)
def test_it_looks_as_it_did(scene: Scene, history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    # Its bars are as long as this machine's figures are high.
    monkeypatch.setattr("tui.machine.panel.is_folded", lambda width: True)
    # All tests before this one are in this process: where they made it larger than a GB, the line has another unit.
    monkeypatch.setattr("tui.machine.look.process_memory", lambda pid: (60_000_000, 50_000_000))
    drawn: list[str] = []

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        app.set(replace(Settings(), theme=scene.theme))
        await until(pilot, lambda: app.desk.loaded and "MB" in status(app))
        if scene.talk:
            await until(pilot, lambda: "st_size" in read(app))
        found = await settled(pilot, app)
        if scene.key:
            await pilot.press(scene.key)
            await until(pilot, lambda: len(app.screen_stack) == 2)
            found = await settled(pilot, app)
        drawn.append(found)

    words = CHINESE if scene.chinese else ENGLISH
    drive(setup_of(history, scene), test, scene.size, words, Scripted(0.01))
    (found,) = drawn
    if UPDATING:
        scene.file.write_text(found, encoding="utf-8")
    kept = scene.file.read_text(encoding="utf-8") if scene.file.exists() else ""
    difference = "\n".join(difflib.unified_diff(kept.splitlines(), found.splitlines(), "kept", "now", lineterm=""))
    assert not difference, f"{scene.file.name} looks otherwise; if that is meant, run scripts/snapshots.\n{difference}"


def setup_of(history: History, scene: Scene) -> ChatSetup:
    facts = read_facts(STARTER)
    conversation = talk(history) if scene.talk else None
    return ChatSetup(4096, facts, history, template=None, sampling=Sampling(temperature=0), conversation=conversation)


def talk(history: History) -> Conversation:
    made = history.create(str(STARTER), None, QUESTION)
    answer = history.add_answer(made.id, "", "", "starter", "complete")
    history.save_answer(answer, ANSWER, "", "stopped")
    return history.get(made.id)


def picture(app: ChatApp) -> str:
    """The lines, the letters of their styles, and what these stand for."""
    lines, grid, letters = [], [], dict[str, str]()
    for strip in app.screen._compositor.render_strips():
        text = "".join(part.text for part in strip).rstrip()
        if FIGURES.search(text):
            # As long as the figures are, so far apart is the rest.
            lines.append(" ".join(FIGURES.sub("#", text).split()))
            continue
        lines.append(text)
        row = ""
        for part in strip:
            letter = letters.setdefault(said(part.style), ascii_letters[len(letters) % len(ascii_letters)])
            row += letter * part.cell_length
        grid.append(row)
    legend = [f"{letter}: {style}" for style, letter in letters.items()]
    return "\n".join([*lines, "", *grid, "", *legend]) + "\n"


def said(style: Style | None) -> str:
    """Without links, which have numbers that count on."""
    return "" if style is None else str(style.without_color + Style(color=style.color, bgcolor=style.bgcolor))
