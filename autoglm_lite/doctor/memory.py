"""Main memory and what stands behind it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from autoglm_lite.doctor.finding import Finding, size
from autoglm_lite.doctor.processor import ON_HOST
from autoglm_lite.hardware.programs import Program
from autoglm_lite.hardware.survey import Survey
from autoglm_lite.hardware.swap import SwapDevice

SMALL = 8 << 30
"""Bytes of memory up to which a model and a desktop compete for it."""

_WAITING = 10.0
"""Percent of the time that some program waits for memory, above which one feels it."""
_FELT = 5.0
"""Percent likewise, above which files that are read again are to blame for something."""
_CHURN, _CHURN_UNFELT = 4e6, 20e6
"""Bytes per second of files read again: what already keeps a rotating disk busy, and what is much on any disk, where
the kernel does not tell how long programs wait."""
_LARGE, _MUCH = 1 / 8, 300e6
"""Share of the memory, and bytes, from which on a program counts as large."""


def memory_pressure(survey: Survey) -> Finding | None:
    some, full = survey.pressure.memory_some, survey.pressure.memory_full
    if some is None or some < _WAITING:
        return None
    largest = f" The largest program is {survey.programs[0].name}." if survey.programs else ""
    together = f", for {full:.0f} % all of them" if full is not None and full >= 1 else ""
    return Finding(
        id="memory-pressure",
        severity="warning",
        what=f"Memory is short now: in the last ten seconds programs waited for it {some:.0f} % of the time{together}."
        + largest,
        cost="A model loaded now pushes out other programs, and is pushed out by them in turn.",
        fix=_close(survey.programs[:1]),
    )


def churn(survey: Survey) -> Finding | None:
    again, some = survey.activity.read_again, survey.pressure.memory_some
    if again is None or again < (_CHURN_UNFELT if some is None else _CHURN) or (some is not None and some < _FELT):
        return None
    faults = f", and programs wait {survey.activity.major_faults:,.0f} times a second for a page of them"
    return Finding(
        id="memory-churn",
        severity="warning",
        what=f"Files are dropped from memory and read again at once, {size(again)}/s now{faults}.",
        cost="A model's weights are such a file: each word then waits for the disk, ten to a hundred times as long.",
        fix=_keep_files(survey),
    )


def limited_memory(survey: Survey) -> Finding | None:
    limit = survey.memory_limit
    if limit is None or survey.installed is None:
        return None
    fix = f"echo {'-1' if limit.file.name.endswith('_in_bytes') else 'max'} | sudo tee {shlex.quote(str(limit.file))}"
    if limit.outermost:
        fix = f"docker update --memory {survey.installed} --memory-swap -1 CONTAINER"
    return Finding(
        id="memory-limit",
        severity="note",
        what=f"A control group allows this process {size(limit.limit)} of the {size(survey.installed)} of memory.",
        cost="Models are chosen and refused by that limit; beyond it the process would be killed."
        + ON_HOST * limit.outermost,
        fix=fix,
    )


def slow_swap(survey: Survey) -> Finding | None:
    devices = survey.swap.devices or ()
    slow = max((device for device in devices if device.rotating), key=lambda device: device.priority, default=None)
    if slow is None or _compressed_before(survey, slow):
        return None
    return Finding(
        id="swap-slow",
        severity="warning",
        what=f"Memory is swapped to {slow.name}, which is on a rotating disk.",
        cost="Once memory runs short the whole machine stands still for minutes: such a disk finds 100 pages a second.",
        fix=_make_zram(survey),
    )


def no_swap(survey: Survey) -> Finding | None:
    if survey.swap.devices != () or survey.installed is None or survey.installed > SMALL:
        return None
    return Finding(
        id="swap-missing",
        severity="warning",
        what=f"There is no swap, not even compressed memory (zram), and the memory is {size(survey.installed)}.",
        cost="When memory runs out a program is killed at once, where compressed memory holds about half as much more.",
        fix=_make_zram(survey),
    )


def plain_swap(survey: Survey) -> Finding | None:
    devices = survey.swap.devices or ()
    first = max(devices, key=lambda device: device.priority, default=None)
    if first is None or first.rotating or survey.installed is None or survey.installed > SMALL:
        return None
    if first.zram or _compressed_before(survey, first):
        return None
    known = survey.swap.zswap is not None
    return Finding(
        id="swap-plain",
        severity="note",
        what=f"Memory is swapped to {first.name} as it is: neither zram nor zswap compresses it first.",
        cost="Once memory runs short each page is written to the disk and read back, where most would have stayed in"
        " memory at a third of their size.",
        fix="echo 1 | sudo tee /sys/module/zswap/parameters/enabled" if known else _make_zram(survey),
    )


def odd_swappiness(survey: Survey) -> Finding | None:
    swappiness, devices = survey.swap.swappiness, survey.swap.devices or ()
    first = max(devices, key=lambda device: device.priority, default=None)
    if swappiness is None or first is None or not first.zram or swappiness >= 100:
        return None
    return Finding(
        id="swappiness",
        severity="note",
        what=f"Swap is compressed memory (zram), and vm.swappiness is {swappiness}, which is meant for disks.",
        cost="Under pressure the kernel drops the model's mapped weights, which must be read from disk again, before it"
        " compresses what nobody uses.",
        fix="sudo sysctl vm.swappiness=150",
    )


def programs(survey: Survey) -> Finding | None:
    machine = survey.machine
    if machine.memory_available > machine.memory_total / 2:
        return None
    large = [p for p in survey.programs if p.memory >= max(_MUCH, _LARGE * machine.memory_total)]
    if not large:
        return None
    named = ", ".join(f"{p.name} ({size(p.memory)})" for p in large)
    return Finding(
        id="memory-programs",
        severity="note",
        what=f"{size(machine.memory_available)} of {size(machine.memory_total)} of memory are free; "
        f"much is held by {named}.",
        cost="A model has that much less room, or its context. Close them by hand where work is unsaved.",
        fix=_close(large),
    )


def _keep_files(survey: Survey) -> str:
    """What lets the kernel take memory from elsewhere than from files."""
    swappiness, devices = survey.swap.swappiness, survey.swap.devices
    if devices == ():
        return _make_zram(survey)
    usual = 150 if devices and max(devices, key=lambda device: device.priority).zram else 60
    if devices and swappiness is not None and swappiness < min(usual, 100):
        return f"sudo sysctl vm.swappiness={usual}"
    return _close(survey.programs[:1])


def _close(large: Sequence[Program]) -> str:
    if not large:
        return "Close the programs that are not needed."
    sudo = "" if all(p.own for p in large) else "sudo "
    return f"{sudo}kill {' '.join(str(p.pid) for p in large)}"


def _compressed_before(survey: Survey, device: SwapDevice) -> bool:
    """Whether memory is compressed before it is written to `device`."""
    devices = survey.swap.devices or ()
    return bool(survey.swap.zswap) or any(other.zram and other.priority > device.priority for other in devices)


def _make_zram(survey: Survey) -> str:
    """With util-linux alone, until the next start; half of the memory, as the distributions' own services do."""
    half = (survey.installed or SMALL) // 2 >> 20
    return (
        f"sudo modprobe zram; device=$(sudo zramctl --find --size {half}M) && "
        "sudo mkswap $device && sudo swapon --priority 100 $device"
    )
