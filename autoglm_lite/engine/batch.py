"""Which tokens are computed next, when several answers are under way."""

from __future__ import annotations

from collections.abc import Sequence

from autoglm_lite.planning.prefill import STEP_SECONDS

FIRST_CHUNK = 32
"""Tokens of the first prefill step: small, so that the speed is known and shown at once."""
SHARED_CHUNK = 8
"""At least, of a prompt that is read while another answer is being written."""
SHARED_SECONDS = 1.0
"""Of a step in which one prompt is read while another answer is being written: so long does that one pause."""


def next_chunk(
    n_left: int, tokens_per_second: float, n_ubatch: int, seconds: float = STEP_SECONDS, least: int = FIRST_CHUNK
) -> int:
    """How many of the `n_left` tokens to compute next: equal parts, each of `seconds` and n_ubatch at most, but not
    made smaller than `least` for the sake of time."""
    most = min(max(least, int(tokens_per_second * seconds)), n_ubatch)
    n_chunks = -(-n_left // most)
    return -(-n_left // n_chunks)


def share_out(
    writing: Sequence[int], reading: Sequence[int], tokens_per_second: float, n_ubatch: int
) -> tuple[list[int], list[int]]:
    """Tokens of each answer in the next micro-batch. `writing`: of answers that are being written, the few to compute
    before the next can be sampled; `reading`: what is left of the prompts of the others, in order of their turns.

    Who writes always gets on; the first reader gets a chunk, and those behind it what it leaves of one.
    """
    room = n_ubatch
    written = []
    for n in writing:
        written.append(min(n, room))
        room -= written[-1]
    read = [0] * len(reading)
    if reading and room:
        seconds, least = (SHARED_SECONDS, SHARED_CHUNK) if writing else (STEP_SECONDS, FIRST_CHUNK)
        most = min(room, next_chunk(max(reading[0], n_ubatch), tokens_per_second, n_ubatch, seconds, least))
        first = min(most, next_chunk(reading[0], tokens_per_second, n_ubatch, seconds, least))
        read[0] = first
        most -= first
        for i, n in enumerate(reading[1:], 1):
            read[i] = min(n, most)
            most -= read[i]
    return written, read
