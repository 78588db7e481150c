"""How fast a plan will read and write, as far as that can be known before trying."""

from __future__ import annotations

from dataclasses import dataclass

from autoglm_lite.gguf.facts import ModelFacts
from autoglm_lite.hardware.machine import Machine
from autoglm_lite.planning.make import ONE_THREAD_BYTES, Choice, in_words
from autoglm_lite.planning.memory import repacked_bytes
from autoglm_lite.planning.prefill import prefill_flops, tokens_per_second

DECODE_SHARE = 0.9
"""Of the bandwidth of memory; 0.97 was measured where memory is the limit."""
CORE_BYTES = 7e9
"""Of weights that a core multiplies by in a second, repacked. Measured of Q4_K_M: 7 on a virtual core of a Xeon with
AVX-512, 15 on a core of an AMD processor."""
PLAIN_CORE_BYTES = 4e9
"""The same where weights that could be repacked are not; measured 4 and 10.5."""
QUESTION_TOKENS = 500
"""A page of text."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Tokens per second, None where unknown; `why` says in words where each comes from."""

    prefill: float | None
    decode: float | None
    why: tuple[str, ...]
    load: float | None = None
    """Seconds until the file is read, where the page cache has nothing of it; None where unknown."""

    @property
    def first_token(self) -> float | None:
        """Seconds from a question of QUESTION_TOKENS to the first word, of a loaded model."""
        return None if self.prefill is None else QUESTION_TOKENS / self.prefill


def expect(facts: ModelFacts, machine: Machine, choice: Choice, bandwidth: float | None) -> Expected:
    """`bandwidth` is what was measured of reading memory, in bytes per second; None where it was not."""
    unknown = _unknown(facts, choice)
    if unknown:
        return Expected(None, None, (f"Speed unknown: {unknown}.",))
    prefill, why_prefill = _prefill(facts, machine, choice)
    if facts.use != "chat":
        return Expected(prefill, None, (why_prefill,))
    decode, why_decode = _decode(facts, machine, choice, bandwidth)
    return Expected(prefill, decode, (why_prefill, why_decode))


def weights_per_second(machine: Machine, threads: int, bandwidth: float, core: float = CORE_BYTES) -> float:
    """Bytes of weights that tokens are multiplied by, as fast as memory and the cores in use allow."""
    return min(DECODE_SHARE * bandwidth, min(threads, machine.physical_cores) * core)


def _unknown(facts: ModelFacts, choice: Choice) -> str:
    if choice.verdict == "wont-fit":
        return "it will not run"
    if choice.verdict == "streams":
        return "parts of the file are read from the disk for each token, many times slower than from memory"
    if choice.plan.devices:
        return "that of other devices is not measured"
    if facts.tensor_bytes <= ONE_THREAD_BYTES:
        return "so small a model is limited by other things than memory"
    return ""


def _prefill(facts: ModelFacts, machine: Machine, choice: Choice) -> tuple[float | None, str]:
    flops = prefill_flops(machine)
    if flops is None:
        return None, "Prefill unknown: no figures for this kind of processor."
    if choice.plan.kv_type == "q8_0":
        return None, "Prefill unknown: with a quantised KV cache it slows down as the conversation grows."
    return (
        tokens_per_second(facts, machine, choice.plan.threads_batch, flops),
        f"Prefill at least, by a cautious rule: {flops / 1e9:.0f} billion operations a second on each core in use.",
    )


def _decode(facts: ModelFacts, machine: Machine, choice: Choice, bandwidth: float | None) -> tuple[float | None, str]:
    if bandwidth is None:
        return None, "Decode unknown: the speed of memory could not be measured."
    plain = not choice.plan.repack and repacked_bytes(facts, machine.features) > 0
    core = PLAIN_CORE_BYTES if plain else CORE_BYTES
    limit_bytes = weights_per_second(machine, choice.plan.threads, bandwidth, core)
    limit = (
        f"{DECODE_SHARE:.0%} of the {bandwidth / 1e9:.1f} GB/s measured of memory"
        if limit_bytes == DECODE_SHARE * bandwidth
        else f"the {core / 1e9:.0f} GB/s that a slow core computes with, on each core"
    )
    why = f"Decode at the beginning of a conversation: each token needs {in_words(facts.token_bytes)}, at {limit}."
    return limit_bytes / facts.token_bytes, why
