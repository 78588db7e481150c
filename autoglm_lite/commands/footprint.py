"""What a model that was planned here takes and can do, for a face that shows it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autoglm_lite.chat.backend import Footprint
    from autoglm_lite.commands.planned import Planned
    from autoglm_lite.gguf.facts import ModelFacts
    from autoglm_lite.planning.plan import Plan


def footprint(facts: ModelFacts, planned: Planned, plan: Plan, idle: bool) -> Footprint:
    """Of `plan`, the one that was `planned` or a lighter one. Where the machine is idle the speed of memory is measured
    if it was not today, in half a second."""
    from autoglm_lite.chat.backend import Footprint, OnDevice
    from autoglm_lite.planning.memory import predict

    choice, machine = planned.choice, planned.machine
    if plan != choice.plan:
        choice = replace(choice, plan=plan, predicted=predict(facts, machine.features, plan))
    totals = {device.name: device.memory_total for device in machine.devices}
    return Footprint(
        predicted=choice.predicted,
        decode=_decode(facts, replace(planned, choice=choice), idle),
        threads=plan.threads,
        cpus=plan.cpus,
        devices=tuple(
            OnDevice(part.name, part.layers, choice.predicted.devices.get(part.name), totals.get(part.name))
            for part in plan.devices
        ),
        n_layer=facts.n_layer,
    )


def _decode(facts: ModelFacts, planned: Planned, idle: bool) -> float | None:
    """Tokens per second: what was tuned here, else as `plan` would say."""
    from autoglm_lite.commands.bandwidth import FILE, memory_bandwidth_apart
    from autoglm_lite.commands.remembered import remembered
    from autoglm_lite.hardware.machine import read_machine
    from autoglm_lite.planning.preferences import measured
    from autoglm_lite.planning.speed import expect

    choice = planned.choice
    known = measured(planned.wishes.layers, choice.plan) if choice.fits and not choice.plan.gpu_layers else None
    if known is not None:
        return known.decode
    # For a plan of which nothing can be said it would be measured in vain.
    if expect(facts, planned.machine, choice, bandwidth=1.0).decode is None:
        return None
    threads = choice.plan.threads
    bandwidth = remembered(FILE, str(threads))
    if bandwidth is None and idle:
        bandwidth = memory_bandwidth_apart(threads, read_machine().memory_available)
    return expect(facts, planned.machine, choice, bandwidth).decode
