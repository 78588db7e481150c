"""Colours: a dark and a light theme of our own, and the terminal's."""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="dark",
    primary="#6cb2f5",
    secondary="#4d8fd1",
    accent="#f2b866",
    warning="#f2b866",
    error="#ff8a80",
    success="#7fcf8a",
    foreground="#e4e4e4",
    background="#141414",
    surface="#1c1c1c",
    boost="#20242a",
    dark=True,
    variables={
        "text-muted": "#a6a6a6",
        "text-disabled": "#8a8a8a",
        "border-blurred": "#6a6a6a",
        "block-cursor-foreground": "#141414",
    },
)
LIGHT = Theme(
    name="light",
    primary="#005a9e",
    secondary="#2b6cb0",
    accent="#8a4b00",
    warning="#8a4b00",
    error="#b3261e",
    success="#1f6f2b",
    foreground="#1c1c1c",
    background="#fbfbf9",
    surface="#f3f3f0",
    boost="#eef1f4",
    dark=False,
    variables={
        "text-muted": "#5a5a5a",
        "text-disabled": "#767676",
        "border-blurred": "#8c8c8c",
        "block-cursor-foreground": "#fbfbf9",
    },
)
PLAIN = Theme(
    name="plain",
    ansi=True,
    primary="ansi_blue",
    secondary="ansi_cyan",
    accent="ansi_yellow",
    warning="ansi_yellow",
    error="ansi_red",
    success="ansi_green",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    variables={
        "ansi-background": "ansi_default",
        "ansi-foreground": "ansi_default",
        "foreground-disabled": "ansi_default",
        "surface-active": "ansi_default",
        "border-blurred": "ansi_default",
        "scrollbar": "ansi_default",
        "text-primary": "ansi_cyan",
        "text-accent": "ansi_yellow",
        "text-warning": "ansi_yellow",
        "text-error": "ansi_red",
        "text-success": "ansi_green",
    },
)
"""The terminal's own sixteen colours, on its own background."""
THEMES = (DARK, LIGHT, PLAIN)
