"""Makes docs/images/*.svg: the real app with the starter model, at temperature 0, in both languages.

Memory in them is this machine's at the time; all else is the same each time.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from autoglm_lite.chat.backend import Backend
from autoglm_lite.chat.history import History
from autoglm_lite.chat.setup import ChatSetup
from autoglm_lite.cli import build_parser
from autoglm_lite.commands.chat import prepare
from tui.app import ChatApp
from tui.desk import Desk
from tui.settings.settings import Settings
from tui.words import CHINESE, ENGLISH, Words

IMAGES = Path(__file__).resolve().parent.parent / "docs/images"
FONTS = "DejaVu Sans Mono, Noto Sans Mono CJK SC, monospace"
"""Of the reader's own machine: a picture in the documentation loads nothing from elsewhere."""
FACE = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Picture:
    file: str
    size: tuple[int, int]
    words: Words
    theme: str = "dark"
    questions: int = 0
    key: str = ""


PICTURES = (
    Picture("welcome", (80, 24), ENGLISH),
    Picture("conversation", (80, 24), ENGLISH, questions=2),
    Picture("conversation-zh", (80, 24), CHINESE, questions=2),
    Picture("wide", (120, 36), ENGLISH, questions=3),
    Picture("light", (80, 24), ENGLISH, theme="light", questions=2),
    Picture("help-zh", (80, 24), CHINESE, key="f1"),
)


async def take(picture: Picture, history: History) -> None:
    arguments = build_parser("chat").parse_args(["chat", "--temperature", "0", "--seed", "1"])

    def open_model(_name: str | None) -> tuple[ChatSetup, Backend]:
        return prepare(arguments, history, None)

    app = ChatApp(Desk(open_model, history), picture.words)
    try:
        async with app.run_test(size=picture.size) as pilot:
            app.set(Settings(theme=picture.theme))
            while not app.desk.loaded:
                if app.refused is not None:
                    raise app.refused
                await pilot.pause(0.1)
            for question in picture.words.welcome.suggestions[: picture.questions]:
                app.prompt.insert(question)
                await pilot.press("enter")
                await pilot.pause(0.3)
                while app.asking.is_busy:
                    await pilot.pause(0.1)
            if picture.key:
                await pilot.press(picture.key)
            # Until the figures of the line of state are there.
            await pilot.pause(2.5)
            svg = app.export_screenshot(title="autoglm-lite")
            await pilot.press("escape", "ctrl+q")
    finally:
        await app.desk.close()
    svg = FACE.sub("", svg).replace("Fira Code, monospace", FONTS)
    (IMAGES / f"{picture.file}.svg").write_text(svg, encoding="utf-8")
    print(picture.file)


def main() -> None:
    wanted = set(sys.argv[1:])
    for picture in PICTURES:
        if wanted and picture.file not in wanted:
            continue
        with TemporaryDirectory() as home:
            os.environ["AUTOGLM_LITE_HOME"] = home
            with History(Path(home) / "conversations.db") as history:
                asyncio.run(take(picture, history))


if __name__ == "__main__":
    main()
