"""What to wish for instead when a plan does not fit: each suggestion was planned, and fits."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from autoglm_lite.errors import UsageError
from autoglm_lite.gguf.facts import ModelFacts
from autoglm_lite.hardware.machine import Machine
from autoglm_lite.planning.make import CTX_STEPS, Choice, Wishes, choose, in_words
from autoglm_lite.planning.memory import N_CTX_STEP

BITS_PER_WEIGHT = {
    "Q8_0": 8.5,
    "Q6_K": 6.6,
    "Q5_K_M": 5.7,
    "Q4_K_M": 4.9,
    "IQ4_XS": 4.3,
    "Q3_K_M": 4.0,
    "Q2_K": 3.2,
    "IQ2_XS": 2.6,
}
"""Of whole files, about (llama.cpp's tools/quantize/README.md)."""
LEAST_BITS = 2.5
"""With fewer bits for a weight `convert --fit` finds no answer, or a poor one."""
SIXTEEN_BIT = ("F32", "F16", "BF16")
SIZE_STEP = 10**6


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`what` in words, and the `command` that does it; None where it takes something else."""

    what: str
    command: str | None


def suggest(
    facts: ModelFacts, machine: Machine, wishes: Wishes, choice: Choice, others: Iterable[ModelFacts]
) -> tuple[Suggestion, ...]:
    """The nearest wishes that fit where `choice`, made from the same, does not; `others` are the stored models."""
    if choice.fits:
        return ()
    found = (
        *_shorter(facts, machine, wishes, choice),
        *_smaller_cache(facts, machine, wishes, choice),
        *_more_memory(facts, machine, wishes, choice),
        *_smaller_type(facts, machine, wishes, choice),
        *_other_model(facts, machine, wishes, others),
    )
    return tuple(found)


def chat_command(facts: ModelFacts, wishes: Wishes) -> str:
    """What the user types for a conversation with these wishes, or to see a plan of a model that does not talk."""
    options = {
        "--ctx": wishes.ctx,
        "--threads": wishes.threads,
        "--kv-type": wishes.kv_type,
        "--gpu-layers": wishes.gpu_layers,
        "--memory": wishes.memory,
        "--profile": wishes.profile,
        "--vram": wishes.vram,
    }
    words = [str(word) for pair in options.items() if pair[1] is not None for word in pair]
    words += [word for endpoint in wishes.rpc for word in ("--rpc", endpoint)]
    return shlex.join(["autoglm-lite", "chat" if facts.use == "chat" else "plan", str(facts.path), *words])


def _fits(facts: ModelFacts, machine: Machine, wishes: Wishes) -> bool:
    try:
        return choose(facts, machine, wishes).fits
    except UsageError:
        return False


def _shorter(facts: ModelFacts, machine: Machine, wishes: Wishes, choice: Choice) -> Iterator[Suggestion]:
    """The longest context that fits, in llama.cpp's steps."""
    if wishes.ctx is None:
        return
    least, most = CTX_STEPS[-1] // N_CTX_STEP, (choice.plan.n_ctx - 1) // N_CTX_STEP
    if least > most or not _fits(facts, machine, replace(wishes, ctx=least * N_CTX_STEP)):
        return
    while least < most:
        middle = (least + most + 1) // 2
        if _fits(facts, machine, replace(wishes, ctx=middle * N_CTX_STEP)):
            least = middle
        else:
            most = middle - 1
    shorter = replace(wishes, ctx=least * N_CTX_STEP)
    yield Suggestion(f"A context of {shorter.ctx:,} tokens.", chat_command(facts, shorter))


def _smaller_cache(facts: ModelFacts, machine: Machine, wishes: Wishes, choice: Choice) -> Iterator[Suggestion]:
    smaller = replace(wishes, kv_type="q8_0")
    if choice.plan.kv_type != "q8_0" and _fits(facts, machine, smaller):
        yield Suggestion(
            "A KV cache of type q8_0, half as large; it reads long prompts slower.", chat_command(facts, smaller)
        )


def _more_memory(facts: ModelFacts, machine: Machine, wishes: Wishes, choice: Choice) -> Iterator[Suggestion]:
    needed = choice.predicted.resident_total
    larger = replace(wishes, memory=needed)
    if not _fits(facts, machine, larger):
        return
    if wishes.memory is not None and needed <= machine.memory_available:
        allowed = replace(wishes, memory=-(-needed // SIZE_STEP) * SIZE_STEP)
        yield Suggestion(f"Allow {in_words(needed)} of the memory that is free.", chat_command(facts, allowed))
    elif needed <= 0.9 * machine.memory_total:
        missing = needed - machine.memory_available
        yield Suggestion(f"Close other programs that hold {in_words(missing)}.", None)


def _smaller_type(facts: ModelFacts, machine: Machine, wishes: Wishes, choice: Choice) -> Iterator[Suggestion]:
    """A file of the size that is left beside all else; `convert --fit` makes it."""
    room = (choice.available - choice.predicted.anonymous) // SIZE_STEP * SIZE_STEP
    bits = 8 * room / facts.n_params
    if room >= facts.file_bytes or bits < LEAST_BITS or not _fits(scaled(facts, room), machine, wishes):
        return
    kind = min(BITS_PER_WEIGHT, key=lambda name: abs(BITS_PER_WEIGHT[name] - bits))
    exact = facts.file_type in SIXTEEN_BIT
    source = shlex.quote(str(facts.path)) if exact else "CHECKPOINT"
    yield Suggestion(
        f"A smaller type of the same model: a file of {in_words(room)}, about as {kind} is, made from"
        f" {'this one' if exact else 'the original checkpoint'}.",
        f"autoglm-lite convert {source} --fit {room // SIZE_STEP}MB",
    )


def _other_model(
    facts: ModelFacts, machine: Machine, wishes: Wishes, others: Iterable[ModelFacts]
) -> Iterator[Suggestion]:
    alike = [o for o in others if o.use == facts.use and o.path.absolute() != facts.path.absolute()]
    fitting = [o for o in alike if _fits(o, machine, wishes)]
    best = max(fitting, key=lambda other: other.file_bytes, default=None)
    if best is not None:
        yield Suggestion(
            f"The stored model {best.path.stem}, of {in_words(best.file_bytes)}.", chat_command(best, wishes)
        )


def scaled(facts: ModelFacts, file_bytes: int) -> ModelFacts:
    """The same model in a file of another size, all tensors alike."""
    share = file_bytes / facts.file_bytes
    return replace(
        facts,
        file_bytes=file_bytes,
        tensor_bytes=int(facts.tensor_bytes * share),
        token_bytes=int(facts.token_bytes * share),
        matrix_bytes={name: int(n_bytes * share) for name, n_bytes in facts.matrix_bytes.items()},
        tensors=(),
    )
