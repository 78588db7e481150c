"""The Forecast: what will happen when a model is loaded on this machine, said before it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from autoglm_lite.gguf.facts import ModelFacts
from autoglm_lite.hardware.machine import Machine
from autoglm_lite.planning.embedding import EMBEDDING_CTX
from autoglm_lite.planning.make import DEFAULT_CTX, Choice, Exact, Wishes, choose, in_words, sources
from autoglm_lite.planning.memory import repacked_bytes
from autoglm_lite.planning.offload import room_on, usable
from autoglm_lite.planning.plan import KvType, Plan
from autoglm_lite.planning.preferences import measured
from autoglm_lite.planning.prefill import UBATCHES
from autoglm_lite.planning.speed import Expected, expect
from autoglm_lite.planning.suggestions import Suggestion, suggest

_KV_WORDS: dict[KvType, str] = {
    "f16": "what a processor computes with fastest",
    "q8_0": "half as large as f16, but long prompts are read slower",
    "f32": "twice as large as f16",
}


@dataclass(frozen=True, slots=True)
class Forecast:
    choice: Choice
    """The plan, its verdict and its bytes."""
    reasons: tuple[str, ...]
    """One sentence for each choice: context, KV cache, load mode, repacking, threads, micro-batch, layers."""
    expected: Expected
    suggestions: tuple[Suggestion, ...]
    """What fits instead; empty when this does."""


def forecast(
    facts: ModelFacts,
    machine: Machine,
    wishes: Wishes,
    bandwidth: float | None = None,
    others: Iterable[ModelFacts] = (),
    exact: Exact | None = None,
    disk: float | None = None,
) -> Forecast:
    """`bandwidth` of reading memory and of reading the model's `disk`, in bytes per second, None if unknown; `others`
    are the models that could be taken instead; `exact` is for `choose`. Raises UsageError for wishes that make no
    sense."""
    choice = choose(facts, machine, wishes, exact)
    known = measured(wishes.layers, choice.plan) if choice.fits and not choice.plan.gpu_layers else None
    expected = expect(facts, machine, choice, bandwidth)
    if known:
        expected = Expected(known.prefill, known.decode, (_TUNED_SPEED,))
    load = facts.file_bytes / disk if disk and choice.verdict != "wont-fit" else None
    return Forecast(
        choice,
        tuple(_reasons(facts, machine, wishes, choice)),
        replace(expected, load=load),
        suggest(facts, machine, wishes, choice, others),
    )


def _reasons(facts: ModelFacts, machine: Machine, wishes: Wishes, choice: Choice) -> Iterator[str]:
    plan = choice.plan
    of = sources(wishes, plan)
    if facts.use != "chat":
        yield _MADE_FOR[facts.use]
    yield f"Context of {plan.n_ctx:,} tokens: {of['n_ctx'].words or _why_ctx(facts, plan.n_ctx)}."
    kv_words = of["kv_type"].words
    if facts.encoder:
        yield "No KV cache: an encoder reads a whole text in one step and keeps nothing of it."
    else:
        yield f"KV cache of type {plan.kv_type}: {kv_words and kv_words + '; '}{_KV_WORDS[plan.kv_type]}."
    yield "Weights mapped from the file: what is not in use can be dropped and read again when memory is short."
    yield f"Repacking {'on' if plan.repack else 'off'}: {_why_repack(facts, machine, choice, of['repack'].words)}."
    yield f"{_count(plan.threads, 'thread')}: {of['threads'].words or _why_threads(machine, plan.threads)}."
    if plan.threads_batch != plan.threads:
        yield f"{_count(plan.threads_batch, 'thread')} for reading prompts: {of['threads_batch'].words}."
    yield f"Micro-batch of {plan.n_ubatch:,} tokens: {of['n_ubatch'].words or _why_ubatch(facts, plan.n_ubatch)}."
    if plan.flash_attention is not None:
        yield f"Flash attention {'on' if plan.flash_attention else 'off'}: {of['flash_attention'].words}."
    if facts.encoder:
        yield "No layers on a graphics card: encoders are computed by the processor."
    else:
        yield from _why_layers(facts, machine, wishes, choice)


_MADE_FOR = {
    "embeddings": "It makes embeddings: vectors by which texts are compared. It does not write.",
    "reranking": "It ranks documents by how well they answer a question. It does not write.",
}
_TUNED_SPEED = "Speeds at the beginning of a conversation, as `tune` measured them here."


def _why_ctx(facts: ModelFacts, n_ctx: int) -> str:
    if n_ctx == facts.n_ctx_train:
        return "all that the model was trained for"
    usual = DEFAULT_CTX if facts.use == "chat" else EMBEDDING_CTX
    if n_ctx < usual:
        return f"shorter than the usual {usual:,}, since memory is short"
    if facts.use != "chat":
        return "longer than texts to be found again mostly are; more takes memory whether it is used or not"
    return "the usual length; a longer one takes memory whether it is used or not"


def _why_repack(facts: ModelFacts, machine: Machine, choice: Choice, words: str) -> str:
    n_bytes = repacked_bytes(facts, machine.features)
    if not n_bytes:
        return "this processor has no faster layout for this model's types, so nothing is copied"
    said = words and words + "; "
    if choice.plan.repack:
        return (
            f"{said}{in_words(n_bytes)} of weights are copied into the layout that this processor multiplies fastest,"
            " and what they were copied from is given back"
        )
    if said:
        return f"{said}nothing is copied"
    return (
        f"memory is short, and a faster copy of {in_words(n_bytes)} of weights could not be dropped when another"
        " program needs it"
    )


def _why_ubatch(facts: ModelFacts, n_ubatch: int) -> str:
    if facts.encoder:
        return "the longest text, which an encoder reads at once; its buffers count in full"
    if n_ubatch == UBATCHES[0]:
        return "llama.cpp's usual, and what its buffers are counted for"
    return "as many as this machine reads between two looks at its progress; buffers for more would not be used"


def _why_threads(machine: Machine, threads: int) -> str:
    if threads < machine.physical_cores:
        return "the model is so small that more would wait for each other"
    return "one for each physical core of the fastest kind; memory is the limit, so more would not help"


def _why_layers(facts: ModelFacts, machine: Machine, wishes: Wishes, choice: Choice) -> Iterator[str]:
    plan = choice.plan
    if not plan.devices:
        yield f"No layers on a graphics card: {_why_no_layers(machine, wishes)}."
        return
    for part in plan.devices:
        room = next((room_on(device, wishes.vram) for device in machine.devices if device.name == part.name), 0)
        yield (
            f"{_count(part.layers, 'layer')} of {facts.n_layer} on {part.name}:"
            f" {_why_so_many(facts, wishes, plan)}, {in_words(choice.predicted.devices[part.name])} of"
            f" {in_words(room)} that may be used there."
        )
    if plan.gpu_layers <= facts.n_layer:
        yield "The output layer stays with the processor: it is large, so it comes after all others."
    if len(plan.on_cpu) > 1:
        yield "Experts stay with the processor, which reads few of them for a token, before other weights do."


def _why_no_layers(machine: Machine, wishes: Wishes) -> str:
    if wishes.gpu_layers == 0:
        return "as you asked"
    if not machine.devices:
        return "llama.cpp as it is installed here knows none"
    usable_ones = usable(machine.devices, asked=wishes.gpu_layers is not None)
    if not usable_ones:
        return "the one within the processor shares its memory and writes no faster; --gpu-layers N uses it anyway"
    rooms = " and ".join(f"{in_words(room_on(device, wishes.vram))} of {device.name}" for device in usable_ones)
    return f"not one fits into the {rooms} that may be used"


def _why_so_many(facts: ModelFacts, wishes: Wishes, plan: Plan) -> str:
    if wishes.gpu_layers is not None and plan.gpu_layers == min(wishes.gpu_layers, facts.n_layer + 1):
        return "as you asked"
    if plan.gpu_layers > facts.n_layer:
        return "the whole model fits" if len(plan.devices) == 1 else "together they take the whole model"
    return "as many as fit"


def _count(n: int, noun: str) -> str:
    return f"{n or 'No'} {noun}{'' if n == 1 else 's'}"
