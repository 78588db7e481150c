"""Textual's classes have some hundred private names each; one of ours that is the same would silently replace it."""

from __future__ import annotations

import ast
import inspect
from importlib import import_module
from pathlib import Path

import pytest
from textual.app import App
from textual.message import Message
from textual.widget import Widget

MODULES = [
    ".".join(path.with_suffix("").parts) for path in sorted(Path("tui").rglob("*.py")) if path.stem != "__init__"
]
MEANT = {
    *("BINDINGS", "CSS_PATH", "TITLE", "ENABLE_COMMAND_PALETTE"),
    *("__init__", "__module__", "__doc__", "compose", "on_mount", "action_quit", "text", "show"),
    *("theme", "_handle_exception"),
    *("check_action", "render_line", "virtual_size", "highlighted"),
    *("action_cursor_up", "action_cursor_down", "cursor_blink", "display", "can_focus", "render_lines"),
    *("get_selection", "select_container", "notify_style_update", "auto_links"),
}


@pytest.mark.parametrize("module", MODULES)
def test_no_private_name_of_textual_is_taken(module: str) -> None:
    made = import_module(module)
    for name, kind in inspect.getmembers(made, inspect.isclass):
        if kind.__module__ != made.__name__ or not issubclass(kind, App | Widget) or issubclass(kind, Message):
            continue
        tree = ast.parse(inspect.getsource(kind))
        ours = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and _is_stored_on_self(node)}
        ours |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        base = next(parent for parent in kind.__mro__ if parent.__module__.startswith("textual"))
        theirs = set(dir(base)) | _assigned(base)
        assert (ours & theirs) - MEANT == set(), name


def _is_stored_on_self(node: ast.Attribute) -> bool:
    return isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name) and node.value.id == "self"


def _assigned(kind: type) -> set[str]:
    """Attributes that the classes from `kind` on set on themselves."""
    names: set[str] = set()
    for parent in kind.__mro__[:-1]:
        if parent.__module__.startswith("textual"):
            tree = ast.parse(inspect.getsource(inspect.getmodule(parent)))  # type: ignore[arg-type]
            names |= {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and _is_stored_on_self(n)}
    return names
