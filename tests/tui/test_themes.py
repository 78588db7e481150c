"""Both themes of ours can be read: contrast as WCAG 2 counts it."""

from __future__ import annotations

import pytest
from textual.color import Color
from textual.theme import Theme

from tui.themes import DARK, LIGHT, THEMES

TEXT = ("foreground", "text-primary", "text-accent", "text-warning", "text-error", "text-success")


def luminance(colour: Color) -> float:
    parts = [part / 255 for part in colour.rgb]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Color, other: Color) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
@pytest.mark.parametrize("ground", ["background", "surface", "panel", "boost"])
def test_contrast(theme: Theme, ground: str) -> None:
    colours = {
        name: Color.parse(value)
        for name, value in theme.to_color_system().generate().items()
        if name in (*TEXT, ground, "text-muted", "text-disabled", "border-blurred")
    }
    # A see-through ground is what it lies on.
    colours[ground] = Color.parse(str(theme.background)) + colours[ground]
    for name in (*TEXT, "text-muted"):
        assert contrast(colours[name], colours[ground]) >= 4.5, name
    assert contrast(colours["text-disabled"], colours[ground]) >= 3
    if ground == "background":
        assert contrast(colours["border-blurred"], colours[ground]) >= 3


def test_each_names_what_the_others_name() -> None:
    names = [set(theme.to_color_system().generate()) for theme in THEMES]
    assert names[0] == names[1]
    assert names[0] <= names[2]
