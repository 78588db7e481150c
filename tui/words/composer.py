"""The box in which questions are written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    placeholder: str
    busy: str
    send: str
    newline: str


ENGLISH = Words(
    placeholder="Ask something…",
    busy="An answer is being written: Esc stops it",
    send="send",
    newline="new line",
)


CHINESE = Words(
    placeholder="问点什么…",
    busy="正在回答，按 Esc 停止",
    send="发送",
    newline="换行",
)
