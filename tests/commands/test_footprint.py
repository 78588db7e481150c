"""What a model that the chat has planned takes and can do, as the terminal app is told."""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import replace
from pathlib import Path

from autoglm_lite.chat.backend import Footprint
from autoglm_lite.commands import bandwidth
from autoglm_lite.commands.backend import backend
from autoglm_lite.commands.footprint import footprint
from autoglm_lite.commands.options import add_planning_options
from autoglm_lite.commands.planned import Planned
from autoglm_lite.commands.remembered import remembered
from autoglm_lite.gguf.facts import ModelFacts, read_facts
from autoglm_lite.hardware.machine import Machine, read_machine
from autoglm_lite.paths import cache_dir
from autoglm_lite.planning.make import Wishes, choose
from autoglm_lite.planning.preferences import MEASURED_NAMES, Layer, Measured, Values
from autoglm_lite.worker.backend import LocalBackend
from tests.planning.models import QWEN_1_5B, QWEN_TENSORS, card

GB = 10**9
MACHINE = Machine(2, 4, 8 * GB, 6 * GB, features=frozenset({"avx2"}), cpus=(0, 1))

USUAL = Wishes()


def planned(facts: ModelFacts, wishes: Wishes = USUAL, machine: Machine = MACHINE) -> Planned:
    return Planned(choose(facts, machine, wishes), machine, wishes, ())


def test_of_the_starter_all_but_its_speed_is_known(stories_gguf: Path) -> None:
    parser = argparse.ArgumentParser()
    add_planning_options(parser)
    facts = read_facts(stories_gguf)
    model = backend(parser.parse_args(["--ctx", "512"]), facts, (), lambda sentence: None)
    assert isinstance(model, LocalBackend)

    async def ask() -> Footprint:
        found = await model.footprint(idle=True)
        # Asked every second, it is not made again.
        assert await model.footprint(idle=False) is found
        return found

    found = asyncio.run(ask())
    assert found.predicted is not None
    assert found.predicted.mapped > 0
    assert (found.decode, found.threads, found.cpus, found.n_layer) == (None, 1, read_machine().cpus, facts.n_layer)
    # Nothing was measured, since nothing would be known then.
    assert not (cache_dir() / bandwidth.FILE).exists()


def test_the_speed_of_memory_is_measured_only_while_nobody_waits() -> None:
    found = planned(QWEN_1_5B)
    threads = found.choice.plan.threads
    assert footprint(QWEN_1_5B, found, found.choice.plan, idle=False).decode is None
    assert remembered(bandwidth.FILE, str(threads)) is None
    decode = footprint(QWEN_1_5B, found, found.choice.plan, idle=True).decode
    measured = remembered(bandwidth.FILE, str(threads))
    assert decode is not None
    assert measured is not None
    assert 0.5 < decode <= 0.9 * measured / QWEN_1_5B.token_bytes + 0.01
    assert footprint(QWEN_1_5B, found, found.choice.plan, idle=False).decode == decode


def test_what_was_tuned_is_believed() -> None:
    plan = planned(QWEN_1_5B).choice.plan
    values = Values(**{name: getattr(plan, name) for name in MEASURED_NAMES})
    layer = Layer("tuned", "tuned on this machine", values, measured=Measured(values, 40.0, 7.5))
    found = planned(QWEN_1_5B, Wishes(layers=(layer,)))
    assert footprint(QWEN_1_5B, found, found.choice.plan, idle=False).decode == 7.5


def test_what_devices_take() -> None:
    machine = replace(MACHINE, devices=(card(4 * GB),))
    found = planned(QWEN_TENSORS, machine=machine)
    shown = footprint(QWEN_TENSORS, found, found.choice.plan, idle=True)
    (device,) = shown.devices
    assert (device.layers, device.memory_total) == (
        found.choice.plan.devices[0].layers,
        machine.devices[0].memory_total,
    )
    assert device.n_bytes == found.choice.predicted.devices[device.name] > 0
    assert shown.decode is None
    # One that has refused it.
    alone = replace(found.choice.plan, devices=(), gpu_layers=0)
    lighter = footprint(QWEN_TENSORS, found, alone, idle=False)
    assert lighter.devices == ()
    assert lighter.predicted is not None
    assert lighter.predicted.mapped + lighter.predicted.repacked > QWEN_TENSORS.tensor_bytes / 2
