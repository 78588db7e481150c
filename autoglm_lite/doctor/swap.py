"""What stands behind main memory."""

from __future__ import annotations

from autoglm_lite.doctor.finding import Finding, size
from autoglm_lite.hardware.survey import Survey
from autoglm_lite.hardware.swap import SwapDevice

SMALL = 8 << 30
"""Bytes of memory up to which a model and a desktop compete for it."""


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
        fix=make_zram(survey),
    )


def no_swap(survey: Survey) -> Finding | None:
    if survey.swap.devices != () or survey.installed is None or survey.installed > SMALL:
        return None
    return Finding(
        id="swap-missing",
        severity="warning",
        what=f"There is no swap, not even compressed memory (zram), and the memory is {size(survey.installed)}.",
        cost="When memory runs out a program is killed at once, where compressed memory holds about half as much more.",
        fix=make_zram(survey),
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
        fix="echo 1 | sudo tee /sys/module/zswap/parameters/enabled" if known else make_zram(survey),
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


def make_zram(survey: Survey) -> str:
    """With util-linux alone, until the next start; half of the memory, as the distributions' own services do."""
    half = (survey.installed or SMALL) // 2 >> 20
    return (
        f"sudo modprobe zram; device=$(sudo zramctl --find --size {half}M) && "
        "sudo mkswap $device && sudo swapon --priority 100 $device"
    )


def _compressed_before(survey: Survey, device: SwapDevice) -> bool:
    """Whether memory is compressed before it is written to `device`."""
    devices = survey.swap.devices or ()
    return bool(survey.swap.zswap) or any(other.zram and other.priority > device.priority for other in devices)
