"""What the app shows of models: planned as `plan` does, and offered as the list in profiles/ has it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from autoglm_lite.commands.backend import offered
from autoglm_lite.commands.options import wishes

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from autoglm_lite.hardware import Machine
    from autoglm_lite.store.shelf import Look, Offer, Served

SECONDS_KNOWN = 10.0
"""That devices are not asked for again: a worker is started for that."""


class Shelf:
    """Everything may take a second, and is for a thread; one at a time."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._machine: Machine | None = None
        self._asked = 0.0

    def look(self, path: Path, given_back: int, *, at_rest: bool) -> Look:
        """`given_back`: bytes that will be free once what is loaded now has gone. `at_rest`: nothing is computed now
        that a measurement would suffer from. Raises ModelFileError, UsageError, ProfileError."""
        from autoglm_lite.commands.preferences import preferred, read_tuned
        from autoglm_lite.heap import return_freed_memory
        from autoglm_lite.planning.forecast import forecast
        from autoglm_lite.planning.make import choose
        from autoglm_lite.store.facts import stored_facts
        from autoglm_lite.store.shelf import Look
        from autoglm_lite.worker.sizes import exact_sizes

        facts = stored_facts(path)
        machine = self._now(given_back)
        tuned = read_tuned(facts, machine, lambda _: None)
        wanted = preferred(wishes(self._args), facts, machine, self._args.profile, tuned=tuned)
        choice = choose(facts, machine, wanted)
        # As where it is loaded: llama.cpp is asked only where that might matter.
        exact = None if choice.verdict == "fits" else exact_sizes
        bandwidth = _bandwidth(choice.plan.threads, machine, at_rest) if choice.fits else None
        found = forecast(facts, machine, wanted, bandwidth, exact=exact)
        return_freed_memory()
        return Look(
            path=path,
            name=facts.name,
            n_params=facts.n_params,
            file_type=facts.file_type,
            n_bytes=facts.file_bytes,
            n_ctx=facts.n_ctx_train,
            use=facts.use,
            verdict=found.choice.verdict,
            needed=found.choice.predicted.resident_total,
            available=found.choice.available,
            decode=found.expected.decode,
        )

    def served(self) -> list[Served]:
        """By the running service; empty without one."""
        from autoglm_lite.store.shelf import Served

        return [Served(model.name, bool(model.n_ctx)) for model in offered(self._args)]

    def offers(self, given_back: int, *, at_rest: bool) -> list[Offer]:
        """What suits this machine, the best first; the rest as of `look`. Raises ProfileError."""
        from autoglm_lite.commands.proposals import proposals
        from autoglm_lite.planning.make import available_bytes
        from autoglm_lite.store.shelf import Offer
        from autoglm_lite.store.wanted import Wanted

        machine = self._now(given_back)
        memory = available_bytes(machine, wishes(self._args))
        found = []
        for one in proposals(machine, memory, _bandwidth(machine.physical_cores, machine, at_rest)):
            model = one.model
            name = f"{model.reference.rpartition('/')[2].lower()}-{one.type}.gguf"
            offer = Offer(
                wanted=Wanted(one.reference, name, model.name, one.n_bytes),
                family=model.family,
                n_params=model.parameters,
                file_type=one.type,
                n_ctx=model.context,
                licence=model.licence,
                good_at=model.good_at,
                needed=one.needed,
                decode=one.decode,
            )
            found.append(offer)
        return found

    def _now(self, given_back: int) -> Machine:
        from autoglm_lite.commands.devices import machine_with_devices
        from autoglm_lite.hardware.machine import read_machine

        if self._machine is None or time.monotonic() - self._asked > SECONDS_KNOWN:
            self._machine = machine_with_devices(wishes(self._args), lambda _: None)
            self._asked = time.monotonic()
        now = read_machine()
        return replace(now, memory_available=now.memory_available + given_back, devices=self._machine.devices)


def _bandwidth(threads: int, machine: Machine, at_rest: bool) -> float | None:
    from autoglm_lite.commands.bandwidth import FILE, memory_bandwidth_apart
    from autoglm_lite.commands.remembered import remembered

    if not at_rest:
        return remembered(FILE, str(threads))
    return memory_bandwidth_apart(threads, machine.memory_available)
