"""Who imports what: commands start without the app, and the app runs no native code."""

from __future__ import annotations

import subprocess
import sys


def imported(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(' '.join(sys.modules))"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


def test_the_app_needs_neither_native_code_nor_numpy_nor_markdown_before_an_answer() -> None:
    native = {"llama_cpp", "numpy", "gguf", "safetensors", "sentencepiece"}
    assert not imported("import tui.app") & {*native, "markdown_it", "linkify_it", "pygments"}


def test_the_chat_command_alone_does_not_import_the_app() -> None:
    assert not imported("import autoglm_lite.commands.chat") & {"textual", "tui", "rich", "llama_cpp"}


def test_the_app_asks_textual_for_few_frames_and_no_animation() -> None:
    code = "from textual import constants as c; import os; print(c.MAX_FPS, c.TEXTUAL_ANIMATIONS, c.SMOOTH_SCROLL)"
    command = [sys.executable, "-c", f"import tui.app; {code}"]
    said = subprocess.run(command, check=True, capture_output=True, text=True, env={}).stdout
    assert said.split() == ["30", "none", "False"]
