"""Both languages say the same, and the locale chooses between them."""

from __future__ import annotations

from dataclasses import fields
from string import Formatter

import pytest

from tui.settings.manners import in_chinese
from tui.words import CHINESE, ENGLISH, Words


@pytest.mark.parametrize("part", [field.name for field in fields(Words)])
def test_both_languages_fill_in_the_same_names(part: str) -> None:
    english, chinese = getattr(ENGLISH, part), getattr(CHINESE, part)
    for field in fields(english):
        said = [getattr(words, field.name) for words in (english, chinese)]
        if isinstance(said[0], str):
            names = [sorted(name for _, name, _, _ in Formatter().parse(text) if name) for text in said]
            assert names[0] == names[1], field.name
            assert all(said)
        else:
            assert len(said[0]) == len(said[1]), field.name


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, ENGLISH),
        ({"LANG": "zh_CN.UTF-8"}, CHINESE),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, ENGLISH),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_TW"}, CHINESE),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, CHINESE),
        ({"LANG": "zh_CN.UTF-8", "TERM": "linux"}, ENGLISH),
    ],
)
def test_the_language_is_the_locale_s(environ: dict[str, str], words: Words) -> None:
    assert (CHINESE if in_chinese(environ) else ENGLISH) is words
