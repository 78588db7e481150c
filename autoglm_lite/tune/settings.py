"""What can be tuned for a model on a machine: one setting after another, each with the values worth trying."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from autoglm_lite.gguf.facts import ModelFacts
from autoglm_lite.hardware.machine import Machine
from autoglm_lite.planning.make import ONE_THREAD_BYTES, Choice, Wishes, choose, holds
from autoglm_lite.planning.memory import predict, repacked_bytes
from autoglm_lite.planning.plan import Plan

Part = Literal["turn", "prefill", "decode"]
MICRO_BATCHES = (128, 256, 512)
"""Smaller ones stay in the processor's caches and take less memory. Larger than the usual 512 only takes more: a
question is read in steps of at most six seconds."""


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    """For the user: `threads`."""
    fields: tuple[tuple[str, Part], ...]
    """Of the Plan, and which part of a turn decides on each."""
    changes: tuple[dict[str, object], ...]
    """What each challenger changes in the best plan so far."""

    def apply(self, plan: Plan, number: int) -> Plan:
        """The plan of challenger `number`; 0 is `plan` itself."""
        return replace(plan, **self.changes[number - 1]) if number else plan  # type: ignore[arg-type]


def settings(facts: ModelFacts, machine: Machine, wishes: Wishes, choice: Choice) -> Iterator[Setting]:
    """What may be varied of `choice`'s plan, made from the rest: not what the user asked for."""
    plan = choice.plan
    yield from _weights(facts, machine, wishes, choice)
    # A tiny model's one thread is for when other programs are at work, which a quiet minute does not show.
    if wishes.threads is None and facts.tensor_bytes > ONE_THREAD_BYTES:
        numbers = [n for n in thread_numbers(machine) if n != plan.threads or n != plan.threads_batch]
        fields: tuple[tuple[str, Part], ...] = (("threads", "decode"), ("threads_batch", "prefill"))
        yield Setting("threads", fields, tuple({"threads": n, "threads_batch": n} for n in numbers))
    if wishes.n_ubatch is None:
        sizes = [n for n in MICRO_BATCHES if n != plan.n_ubatch and n < plan.n_ctx]
        yield Setting("micro-batch", (("n_ubatch", "prefill"),), tuple({"n_ubatch": n} for n in sizes))
    if wishes.flash_attention is None and plan.kv_type != "q8_0":
        other = None if plan.flash_attention is False else False
        yield Setting("flash attention", (("flash_attention", "turn"),), ({"flash_attention": other},))


def _weights(facts: ModelFacts, machine: Machine, wishes: Wishes, choice: Choice) -> Iterator[Setting]:
    """Repacking on and off; and where it was given up for lack of memory, on with a smaller KV cache."""
    plan = choice.plan
    if wishes.repack is not None or not repacked_bytes(facts, machine.features):
        return
    changes: list[dict[str, object]] = [{"repack": not plan.repack}]
    if not plan.repack and plan.kv_type == "f16" and wishes.kv_type is None:
        smaller = choose(facts, machine, replace(wishes, kv_type="q8_0", ctx=plan.n_ctx))
        if smaller.fits and smaller.plan.repack:
            changes.append({"repack": True, "kv_type": "q8_0"})
    yield Setting("repacking", (("repack", "turn"), ("kv_type", "turn")), tuple(changes))


def thread_numbers(machine: Machine) -> list[int]:
    """One, half of the cores, all but one, all, and their hyper-threads."""
    cores = machine.physical_cores
    numbers = {1, cores // 2, cores - 1, cores, machine.logical_cores}
    return sorted(n for n in numbers if 1 <= n <= machine.logical_cores)


def fits(facts: ModelFacts, machine: Machine, choice: Choice, plan: Plan) -> bool:
    """Whether there is memory enough for `plan`, or it takes no more of what cannot be dropped than `choice` does."""
    needed = predict(facts, machine.features, plan)
    return holds(needed, choice.available) or needed.anonymous <= choice.predicted.anonymous
