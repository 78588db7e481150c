"""The app as a whole."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    quit_again: str
    quit: str
    opening: str
    """In place of the model's name, until it is known."""
    interrupt: str


ENGLISH = Words(
    quit_again="{key} again quits",
    quit="quit",
    opening="…",
    interrupt="copy the selection, stop, or quit",
)


CHINESE = Words(
    quit_again="再按一次 {key} 退出",
    quit="退出",
    opening="…",
    interrupt="复制所选、停止或退出",
)
