"""One look at the machine and at what the model and the app take of it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autoglm_lite.hardware.load import Times, busy_shares, read_times
from autoglm_lite.hardware.power import Power, read_power
from autoglm_lite.hardware.pressure import Pressure, read_pressure
from autoglm_lite.hardware.process import process_memory
from autoglm_lite.hardware.programs import Program, read_programs
from autoglm_lite.planning.shedding import Course, shortage_of

SECONDS_BETWEEN_SENSORS = 10.0
"""A battery's driver may take milliseconds to answer, and a list of all programs takes tens of them."""
THROTTLED_NOW, LOW_VOLTAGE = 0b100, 0b1
"""Of a Raspberry Pi's word."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a process has in memory, in bytes."""

    resident: int
    anonymous: int

    @property
    def mapped(self) -> int:
        return max(0, self.resident - self.anonymous)


@dataclass(frozen=True, slots=True)
class Look:
    """What could not be found out is None or empty. Memory in bytes, within the limits of control groups."""

    total: int | None
    available: int | None
    app: Held
    model: Held | None
    """None while there is no process that has it, or it is not known which."""
    busy: Mapping[int, float] = field(default_factory=dict)
    """By processor, 0 to 1, since the last look."""
    power: Power | None = None
    slowed: bool = False
    """By heat, since the last look at the sensors."""
    low_voltage: bool = False
    waiting: float | None = None
    """Percent of the last ten seconds in which some program waited for memory."""
    short: bool = False
    """Whether other programs need memory that is not there."""
    largest: Program | None = None
    """Of the other programs, where memory is short."""


class Looker:
    """Remembers what takes two looks. Used by one thread at a time."""

    def __init__(self, root: Path = Path("/")) -> None:
        """Reads /proc and /sys under `root`."""
        self._root = root
        self._times: Mapping[int, Times] = {}
        self._pressure: Pressure | None = None
        self._pressure_at = 0.0
        self._power: Power | None = None
        self._power_at = -SECONDS_BETWEEN_SENSORS
        self._slowed = False
        self._largest: Program | None = None
        self._largest_at = -SECONDS_BETWEEN_SENSORS

    def glance(self, pid: int | None) -> Look:
        """Memory and power alone, for the line that the panel is folded to. `pid` has the model."""
        at, now = time.monotonic(), read_pressure(self._root)
        self._look_at_power(at)
        return Look(now.memory_total, now.memory_available, *self._held(pid), power=self._power)

    def look(self, pid: int | None) -> Look:
        """All of it; takes about a millisecond, and tens of them where memory is short, some with the sensors."""
        at, now = time.monotonic(), read_pressure(self._root)
        before, seconds = self._pressure, at - self._pressure_at
        self._pressure, self._pressure_at = now, at
        # At rest all was left, so to speak: little memory counts however it came to that.
        short = shortage_of(Course(left_at_rest=now.memory_total), before, now, seconds) != "none"
        if short and at - self._largest_at >= SECONDS_BETWEEN_SENSORS:
            self._largest = next(iter(read_programs(self._root, () if pid is None else (pid,))), None)
            self._largest_at = at
        times, earlier = read_times(self._root), self._times
        self._times = times
        self._look_at_power(at)
        pi = (self._power and self._power.pi_faults) or 0
        return Look(
            now.memory_total,
            now.memory_available,
            *self._held(pid),
            busy=busy_shares(earlier, times),
            power=self._power,
            slowed=self._slowed or bool(pi & THROTTLED_NOW),
            low_voltage=bool(pi & LOW_VOLTAGE),
            waiting=now.memory_some,
            short=short,
            largest=self._largest if short else None,
        )

    def _held(self, pid: int | None) -> tuple[Held, Held | None]:
        model = None if pid is None else Held(*process_memory(pid))
        return Held(*process_memory(os.getpid())), model if model and model.resident else None

    def _look_at_power(self, at: float) -> None:
        if at - self._power_at < SECONDS_BETWEEN_SENSORS:
            return
        before, now = self._power, read_power(self._root)
        self._slowed = before is not None and (now.throttled or 0) > (before.throttled or 0)
        self._power, self._power_at = now, at
