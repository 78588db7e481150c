"""From facts about a model, this machine and the user's wishes to a Plan that will not hurt the machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from autoglm_lite.errors import UsageError, WillNotFitError
from autoglm_lite.gguf.facts import ModelFacts
from autoglm_lite.hardware.machine import Machine
from autoglm_lite.planning.embedding import EMBEDDING_CTX, suited
from autoglm_lite.planning.memory import Predicted, Sizes, predict
from autoglm_lite.planning.offload import offload
from autoglm_lite.planning.plan import KV_TYPES, KvType, Plan
from autoglm_lite.planning.preferences import RULE, Layer, Source, Values, filled, taken_from
from autoglm_lite.planning.prefill import UBATCHES, usual_ubatch

DEFAULT_CTX = 4096
"""Tokens; long enough for a conversation, and its cache is paid for in full whether it is used or not."""
"""Tokens; llama.cpp's own."""
CTX_STEPS = (4096, 3072, 2048, 1536, 1024, 768, 512)
"""What is tried when memory is short."""
ONE_THREAD_BYTES = 64_000_000
"""Models up to this size are read faster than threads can meet: with two, a tiny model on a busy machine was measured
at a hundredth of its speed, since each node of the graph waits for a thread that another program keeps off its core."""
MAX_THREADS = 512
"""GGML_MAX_N_THREADS."""

STREAMED_SHARE = 0.7
"""Of the file that must stay in memory. With less, a token reads nearly the whole file from the disk: measured at 0.7,
15 times slower than in memory on a fast disk."""

TIGHT_SHARE = 0.9
"""Of the memory that is free. A plan that takes more leaves little to the programs that are started next."""

DOUBTFUL_SHARE = 1.1
"""Of the memory that may be used: where a formula says that a plan needs more, llama.cpp need not be asked."""

Exact = Callable[[Plan], "Sizes | None"]
"""What llama.cpp itself says of a plan; None where it cannot be asked."""

Verdict = Literal["fits", "tight", "streams", "wont-fit"]
"""`tight`: it fits, but something was given up for that, or little memory is left. `streams`: parts of the file will
be read from the disk again for each token."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user asked for; None leaves the choice to the plan."""

    ctx: int | None = None
    threads: int | None = None
    kv_type: KvType | None = None
    gpu_layers: int | None = None
    memory: int | None = None
    """Bytes that may be used, instead of what is available now."""
    vram: int | None = None
    """Bytes that may be used of each graphics card and each other computer."""
    rpc: tuple[str, ...] = ()
    """HOST:PORT of the other computers; Machine.devices has what they offer."""
    threads_batch: int | None = None
    """For prefill; as many as `threads` where only those are wished for."""
    n_ubatch: int | None = None
    repack: bool | None = None
    flash_attention: bool | None = None
    profile: str | None = None
    """The name or the path of the profile asked for, which is among the `layers`."""
    n_parallel: int = 1
    """Answers that are to be written at the same time."""
    layers: tuple[Layer, ...] = ()
    """What is preferred where nothing is asked for, the first before the others; given up where memory is short."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A plan and how well it fits; with `wont-fit`, the smallest plan that was tried."""

    verdict: Verdict
    plan: Plan
    predicted: Predicted
    available: int
    """Bytes that may be used."""

    @property
    def fits(self) -> bool:
        return self.verdict in ("fits", "tight")


def choose(facts: ModelFacts, machine: Machine, wishes: Wishes = Wishes(), exact: Exact | None = None) -> Choice:
    """The fastest plan that fits: when memory is short, first without repacked weights, then with a shorter context
    unless the user chose its length.

    `exact` is asked of each plan that may fit, and what it said of one is believed of the next; without it formulas
    tell its size. A file of which most can stay in memory is still planned for (verdict `streams`). Raises UsageError
    for wishes that make no sense.
    """
    _check(facts, wishes)
    plans = list(dict.fromkeys(_placed(facts, machine, wishes, p) for p in _candidates(facts, machine, wishes)))
    missed: dict[bool, int] = {}
    """Bytes by which the formulas said too little of a plan, with weights repacked or not."""
    for plan in plans:
        needed = predict(facts, machine.features, plan)
        available = available_bytes(machine, wishes) - _shared_bytes(machine, needed)
        # What devices take, the formulas alone tell.
        if exact and not plan.devices and needed.resident_total <= DOUBTFUL_SHARE * available:
            if plan != plans[-1] and needed.resident_total + missed.get(plan.repack, 0) > available:
                continue
            foreseen = needed.resident_total
            needed = predict(facts, machine.features, plan, exact(plan))
            missed[plan.repack] = needed.resident_total - foreseen
        if holds(needed, available, insisted=wishes.repack is not None):
            ample = plan == plans[0] and needed.resident_total <= TIGHT_SHARE * available
            return Choice("fits" if ample else "tight", plan, needed, available)
    streams = available - needed.anonymous >= STREAMED_SHARE * needed.mapped
    return Choice("streams" if streams else "wont-fit", plan, needed, available)


def holds(needed: Predicted, available: int, *, insisted: bool = False) -> bool:
    """Whether memory is enough. Repacked weights could only be swapped out when another program needs it, while mapped
    ones are dropped, so they must leave some free unless the user insisted on them."""
    share = TIGHT_SHARE if needed.repacked and not insisted else 1.0
    return needed.resident_total <= share * available


def decide(facts: ModelFacts, machine: Machine, wishes: Wishes = Wishes(), exact: Exact | None = None) -> Choice:
    """What is to be loaded: as `choose`, but `exact` is asked only where it might matter, which is where the formulas
    leave little memory free. Raises UsageError as `choose` does, and WillNotFitError with what would fit."""
    choice = choose(facts, machine, wishes)
    if exact is not None and choice.verdict != "fits":
        choice = choose(facts, machine, wishes, exact)
    if choice.verdict == "wont-fit":
        raise WillNotFitError(_will_not_fit(facts, machine, wishes, choice.predicted))
    return choice


def fallbacks(facts: ModelFacts, machine: Machine, wishes: Wishes, plan: Plan) -> tuple[Plan, ...]:
    """What to try in turn if devices refuse `plan`, made from the same: half as many layers on them, then none."""
    if not plan.devices:
        return ()
    used = {part.name for part in plan.devices}
    here = replace(machine, devices=tuple(device for device in machine.devices if device.name in used))
    found = []
    for most in (sum(part.layers for part in plan.devices) // 2, 0):
        with suppress(WillNotFitError):
            lighter = decide(facts, here, replace(wishes, gpu_layers=most)).plan
            if bool(lighter.devices) == bool(most):
                found.append(replace(lighter, model_path=plan.model_path))
    return tuple(found)


def notices(facts: ModelFacts, machine: Machine, wishes: Wishes, choice: Choice) -> tuple[str, ...]:
    """Sentences about what the user may not expect of `choice`, made from the same."""
    found = []
    usual, what = (DEFAULT_CTX, "conversation") if facts.use == "chat" else (EMBEDDING_CTX, "text")
    if sources(wishes, choice.plan)["n_ctx"] == RULE and choice.plan.n_ctx < min(facts.n_ctx_train, usual):
        found.append(f"Memory is short, so a {what} can be {choice.plan.n_ctx:,} tokens long.")
    found += _idle_computers(facts, machine, choice.plan)
    if choice.verdict == "streams":
        found.append(
            f"{facts.name} is larger than the free memory and will be read from the disk all the time, which is slow;"
            " close other programs, or take a smaller model."
        )
    return tuple(found)


def _idle_computers(facts: ModelFacts, machine: Machine, plan: Plan) -> Iterator[str]:
    why = f"{facts.name} fits without it" if plan.gpu_layers > facts.n_layer else "not one layer fits into its memory"
    taking_part = {part.endpoint for part in plan.devices}
    for endpoint in dict.fromkeys(device.endpoint for device in machine.devices):
        if endpoint is not None and endpoint not in taking_part:
            yield f"{endpoint} takes no part: {why}."


def _check(facts: ModelFacts, wishes: Wishes) -> None:
    if wishes.ctx is not None and wishes.ctx < 1:
        raise UsageError(f"--ctx {wishes.ctx} makes no sense: give the number of tokens, such as --ctx 4096.")
    if wishes.ctx is not None and wishes.ctx > facts.n_ctx_train:
        raise UsageError(
            f"--ctx {wishes.ctx} is more than the {facts.n_ctx_train:,} tokens that {facts.name} was trained for:"
            f" use --ctx {facts.n_ctx_train} or less."
        )
    if wishes.threads is not None and not 1 <= wishes.threads <= MAX_THREADS:
        raise UsageError(f"--threads {wishes.threads} makes no sense: give a number from 1 to {MAX_THREADS}.")
    if wishes.gpu_layers is not None and wishes.gpu_layers < 0:
        raise UsageError(f"--gpu-layers {wishes.gpu_layers} makes no sense: give 0 or the number of layers.")
    if wishes.vram is not None and wishes.vram < 1:
        raise UsageError("--vram makes no sense: give a size such as 2GB, or --gpu-layers 0 to use none.")
    if wishes.memory is not None and wishes.memory < 1:
        raise UsageError("--memory makes no sense: give a size such as 3GB.")
    if wishes.kv_type is not None and wishes.kv_type not in KV_TYPES:
        raise UsageError(f"--kv-type {wishes.kv_type} is unknown: use one of {', '.join(KV_TYPES)}.")
    if wishes.kv_type == "q8_0" and not _in_blocks(facts):
        raise UsageError(f"--kv-type q8_0 does not work with {facts.name}: leave it out.")


def _candidates(facts: ModelFacts, machine: Machine, wishes: Wishes) -> Iterator[Plan]:
    """Plans in order of preference, each needing no more memory than the one before it that cannot be dropped."""
    liked = _liked(facts, wishes)
    usual_ctx = DEFAULT_CTX if facts.use == "chat" else EMBEDDING_CTX
    first = wishes.ctx or min(facts.n_ctx_train, liked.ctx or usual_ctx)
    # Texts are read many tokens at a time, so threads meet less often.
    small = ONE_THREAD_BYTES if facts.use == "chat" else ONE_THREAD_BYTES // 8
    usual = 1 if facts.tensor_bytes <= small else machine.physical_cores
    threads = wishes.threads or liked.threads or usual
    batch = wishes.threads_batch or wishes.threads or liked.threads_batch or threads
    kv_type: KvType = wishes.kv_type or liked.kv_type or "f16"
    n_ubatch = usual_ubatch(facts, machine, batch, kv_type)
    plan = Plan(
        model_path=str(facts.path),
        n_ctx=first,
        threads=threads,
        threads_batch=batch,
        n_ubatch=wishes.n_ubatch or liked.n_ubatch or n_ubatch,
        kv_type=kv_type,
        repack=_first(wishes.repack, liked.repack) is not False,
        cpus=machine.cpus,
        flash_attention=_first(wishes.flash_attention, liked.flash_attention),
        saving=liked.saving,
        n_parallel=wishes.n_parallel,
    )
    yield plan
    plan = _without_luxuries(plan, wishes, usual, n_ubatch)
    yield plan
    if wishes.repack is None:
        plan = replace(plan, repack=False)
        yield plan
    if wishes.ctx is None:
        yield from (replace(plan, n_ctx=step) for step in CTX_STEPS if step < first)


def _placed(facts: ModelFacts, machine: Machine, wishes: Wishes, plan: Plan) -> Plan:
    """`plan` with the layers that devices take; these read faster than the rule for micro-batches knows. Encoders are
    left to the processor: they are small, and how much of a device they would take is not known."""
    plan = suited(facts, plan)
    if facts.encoder:
        return plan
    larger = plan
    if sources(wishes, plan)["n_ubatch"] == RULE:
        larger = replace(plan, n_ubatch=UBATCHES[0])
    placed = offload(facts, machine.devices, larger, wishes.vram, wishes.gpu_layers)
    return placed if placed.devices else plan


def _liked(facts: ModelFacts, wishes: Wishes) -> Values:
    """What the layers prefer, without what does not work with this model."""
    liked = filled(wishes.layers)
    if liked.kv_type == "q8_0" and not _in_blocks(facts):
        liked = replace(liked, kv_type=None)
    # llama.cpp quantises values for flash attention alone.
    if (wishes.kv_type or liked.kv_type) == "q8_0":
        liked = replace(liked, flash_attention=None)
    return liked


def _without_luxuries(plan: Plan, wishes: Wishes, threads: int, n_ubatch: int) -> Plan:
    """`plan` without preferences that take more memory than the usual `threads` and `n_ubatch`, and the like."""
    asked = wishes.threads or wishes.threads_batch
    return replace(
        plan,
        threads_batch=plan.threads_batch if asked else min(plan.threads_batch, threads),
        n_ubatch=plan.n_ubatch if wishes.n_ubatch else min(plan.n_ubatch, n_ubatch),
        kv_type=plan.kv_type if wishes.kv_type or plan.kv_type != "f32" else "f16",
        flash_attention=plan.flash_attention if wishes.flash_attention is not None else plan.flash_attention or None,
    )


def _first(*values: bool | None) -> bool | None:
    return next((value for value in values if value is not None), None)


def _in_blocks(facts: ModelFacts) -> bool:
    """llama.cpp stores a head's quantised keys in blocks of 32."""
    return not (facts.key_length % 32 or facts.value_length % 32)


def sources(wishes: Wishes, plan: Plan) -> dict[str, Source]:
    """By name of a field of `plan`, made from `wishes`: where its value comes from."""
    return taken_from(wishes, wishes.layers, plan)


def available_bytes(machine: Machine, wishes: Wishes) -> int:
    """Bytes that a plan may use."""
    return machine.memory_available if wishes.memory is None else wishes.memory


def _shared_bytes(machine: Machine, needed: Predicted) -> int:
    """What devices take of this computer's own memory: graphics within the processor have no other."""
    within = {device.name for device in machine.devices if device.kind == "igpu"}
    return sum(n_bytes for name, n_bytes in needed.devices.items() if name in within)


def _will_not_fit(facts: ModelFacts, machine: Machine, wishes: Wishes, needed: Predicted) -> str:
    available = available_bytes(machine, wishes)
    free = "are free" if wishes.memory is None else "are allowed"
    more = "close other programs" if wishes.memory is None else "allow more with --memory"
    advice = f"{more}, or take a smaller type of this model or a smaller model"
    room = available - needed.anonymous
    if room > 0:
        advice += f" (a file of at most {in_words(room)} would fit)"
    shorter = _shorter_ctx(facts, machine, wishes)
    if shorter is not None:
        advice = f"use --ctx {shorter}, or {advice}"
    need = in_words(needed.resident_total)
    return f"{facts.name} needs about {need} of memory and {in_words(available)} {free}: {advice}."


def _shorter_ctx(facts: ModelFacts, machine: Machine, wishes: Wishes) -> int | None:
    """The longest context that would fit where the one asked for does not."""
    if wishes.ctx is None:
        return None
    shorter = choose(facts, machine, replace(wishes, ctx=None))
    return shorter.plan.n_ctx if shorter.fits and shorter.plan.n_ctx < wishes.ctx else None


def in_words(n_bytes: float) -> str:
    """`986 MB`, `1.2 GB`."""
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.0f} MB"
