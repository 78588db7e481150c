"""What a person reads is in tui/words, in both languages: elsewhere no sentence is given to a widget."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

MODULES = [path for path in sorted(Path("tui").rglob("*.py")) if "words" not in path.parts]
SHOWING = {
    *("Static", "Label", "Button", "Checkbox", "Input", "Option", "Prompt", "Tab", "TextArea", "Content"),
    *("update", "notify", "remark", "say", "tell", "change", "styled", "assemble", "Text"),
    *("border_title", "border_subtitle", "placeholder", "tooltip", "title", "sub_title", "TITLE"),
}
"""Calls and attributes by which text comes on the screen."""
NOT_TEXT = {"tab_behavior", "classes", "id", "name", "language", "theme", "group", "severity", "style", "key"}
"""Named arguments that nobody reads."""
SAME_IN_BOTH = {"autoglm-lite"}


def texts(node: ast.AST) -> Iterator[str]:
    """Literal text in what is shown, but not in what is only looked up or compared."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node.value
    elif isinstance(node, ast.JoinedStr):
        for value in node.values:
            if isinstance(value, ast.Constant):
                yield str(value.value)
    elif isinstance(node, ast.BinOp):
        yield from texts(node.left)
        yield from texts(node.right)
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body)
        yield from texts(node.orelse)


def shown(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        given: list[ast.AST] = []
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in SHOWING:
                second_is_style = called in ("styled", "Text")
                given += node.args[:1] if second_is_style else node.args
                given += [word.value for word in node.keywords if word.arg not in NOT_TEXT]
        elif isinstance(node, ast.Assign):
            names = {target.attr for target in node.targets if isinstance(target, ast.Attribute)}
            if names & SHOWING:
                given.append(node.value)
        for part in given:
            for text in texts(part):
                yield node.lineno, text  # type: ignore[attr-defined]


def is_language(text: str) -> bool:
    """Whether it has a word of three letters, or a Chinese one, that a reader of another language would miss."""
    words = "".join(letter if letter.isalpha() else " " for letter in text).split()
    return text not in SAME_IN_BOTH and any(len(word) > 2 or not word.isascii() for word in words)


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_no_text_is_outside_of_words(path: Path) -> None:
    found = [(line, text) for line, text in shown(ast.parse(path.read_text())) if is_language(text)]
    assert not found


def test_such_text_would_be_found() -> None:
    source = 'Static(f"{n} models", classes="notes")\nself.border_title = "Hint"\nkeys.remark("复制" if n else "ok")'
    assert {text for _, text in shown(ast.parse(source)) if is_language(text)} == {" models", "Hint", "复制"}
