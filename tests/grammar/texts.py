"""Whether a text follows a grammar, and texts that do, by our own picture of llama.cpp's stacks."""

from __future__ import annotations

from random import Random

from autoglm_lite.grammar.chars import common, without
from autoglm_lite.grammar.gbnf import parse
from autoglm_lite.grammar.machine import Machine

_USUAL = ((0x0A, 0x0A), (0x20, 0x7E), (0xC0, 0xFF), (0x4E00, 0x4EFF), (0x1F600, 0x1F64F))


def follows(gbnf: str, text: str) -> tuple[bool, bool]:
    """Whether the text can be a beginning, and whether it can be all."""
    machine = Machine(parse(gbnf))
    stacks = machine.start()
    for char in text:
        stacks = machine.accept(stacks, ord(char))
    return bool(stacks), None in stacks


def matches(gbnf: str, text: str) -> bool:
    return follows(gbnf, text)[1]


def written(gbnf: str, random: Random, n_chars: int = 400) -> str | None:
    """A text made at random; None when it has not come to an end."""
    machine = Machine(parse(gbnf))
    stacks = machine.start()
    text = ""
    while len(text) < n_chars:
        open_stacks = [stack for stack in stacks if stack is not None]
        if None in stacks and (not open_stacks or random.random() < 0.2):
            return text
        # The deeper what is open, the more we want to leave it.
        open_stacks.sort(key=lambda stack: stack.depth)
        stack = open_stacks[0] if random.random() < len(text) / n_chars else random.choice(open_stacks)
        ranges = machine.chars(stack).ranges
        usual = common(ranges, _USUAL) or without(ranges, ((0, 0), (0xD800, 0xDFFF)))
        first, last = random.choice(usual)
        code_point = random.randint(first, last)
        text += chr(code_point)
        stacks = machine.accept(stacks, code_point)
    return text if None in stacks else None
