"""Reasoning apart from the answer, in a stream that may be cut anywhere."""

from __future__ import annotations

from typing import Literal

from autoglm_lite.generation import REASONING_CLOSE, REASONING_OPEN

Part = Literal["reasoning", "answer"]


class ReasoningSplitter:
    """Takes a model's text in pieces and gives the same text as pieces of reasoning and of answer.

    Only a text that begins with `<think>` reasons (or one whose prompt already ends in an open `<think>`: `inside`),
    and only once: the same tags further on are part of the answer. White space around the reasoning is dropped;
    the rest comes out unchanged, and the joined pieces do not depend on where the text was cut. `begun` says in the
    middle of which part a text goes on.
    """

    def __init__(self, *, inside: bool = False, begun: Part | None = None) -> None:
        self._stage: Literal["start", "reasoning", "gap", "answer"] = begun or ("reasoning" if inside else "start")
        self._held = ""
        self._began = begun is not None

    def feed(self, text: str) -> list[tuple[Part, str]]:
        """The pieces that are certain after `text`; none is empty."""
        self._held += text
        pieces: list[tuple[Part, str]] = []
        while (step := self._step()) is not None:
            if step[1]:
                pieces.append(step)
        return pieces

    def close(self) -> list[tuple[Part, str]]:
        """What was held back, once no more text comes."""
        held, self._held = self._held, ""
        if self._stage == "reasoning":
            held = held.rstrip() if self._began else held.strip()
            return [("reasoning", held)] if held else []
        if self._stage == "gap":
            return []
        return [("answer", held)] if held else []

    def _step(self) -> tuple[Part, str] | None:
        """Takes what can be taken from the held text; None when nothing more can be."""
        held = self._held
        if not held:
            return None
        if self._stage == "start":
            said = held.lstrip()
            if said.startswith(REASONING_OPEN):
                self._stage, self._held = "reasoning", said[len(REASONING_OPEN) :]
            elif REASONING_OPEN.startswith(said):
                return None
            else:
                self._stage = "answer"
            return "answer", ""
        if self._stage == "reasoning":
            if not self._began:
                held = held.lstrip()
            end = held.find(REASONING_CLOSE)
            if end >= 0:
                self._stage, self._held = "gap", held[end + len(REASONING_CLOSE) :]
                return "reasoning", held[:end].rstrip()
            keep = _tail(held)
            self._held = held[len(held) - keep :]
            certain = held[: len(held) - keep]
            self._began = self._began or bool(certain)
            return ("reasoning", certain) if certain else None
        if self._stage == "gap":
            self._held = held.lstrip()
            if not self._held:
                return None
            self._stage = "answer"
        answer, self._held = self._held, ""
        return "answer", answer


def _tail(text: str) -> int:
    """How many characters at the end may still turn out to be the closing tag or white space before it."""
    partial = next((n for n in range(len(REASONING_CLOSE) - 1, 0, -1) if text.endswith(REASONING_CLOSE[:n])), 0)
    body = text[: len(text) - partial]
    return partial + len(body) - len(body.rstrip())
