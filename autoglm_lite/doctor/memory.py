"""Main memory: who holds it, who may not have it, and what is dropped from it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from autoglm_lite.doctor.finding import Finding, size
from autoglm_lite.doctor.processor import ON_HOST
from autoglm_lite.doctor.swap import make_zram
from autoglm_lite.hardware.programs import Program
from autoglm_lite.hardware.survey import Survey

_WAITING = 10.0
"""Percent of the time that some program waits for memory, above which one feels it."""
_FELT = 5.0
"""Percent likewise, above which files that are read again are to blame for something."""
_CHURN, _CHURN_UNFELT = 4e6, 20e6
"""Bytes per second of files read again: what already keeps a rotating disk busy, and what is much on any disk, where
the kernel does not tell how long programs wait."""
_EMPTY = 1 / 8
"""Share of the memory that the kernel never leaves empty while it has to drop anything."""
_LARGE, _MUCH = 1 / 8, 300e6
"""Share of the memory, and bytes, from which on a program counts as large."""


def memory_pressure(survey: Survey) -> Finding | None:
    some, full = survey.pressure.memory_some, survey.pressure.memory_full
    if some is None or some < _WAITING:
        return None
    in_group = _short_in_group(survey)
    largest = f" The largest program is {survey.programs[0].name}." if survey.programs and not in_group else ""
    where = " in a control group" if in_group else ""
    waited = f"{some:.0f} % of the time" + (f", for {full:.0f} % all of them" if full is not None and full >= 1 else "")
    return Finding(
        id="memory-pressure",
        severity="warning",
        what=f"Memory is short now{where}: in the last ten seconds programs waited for it {waited}.{largest}",
        cost="What runs in that group slows down, be it a model."
        if in_group
        else "A model loaded now pushes out other programs, and is pushed out by them in turn.",
        fix=_raise_limit(survey) if in_group else _close(survey.programs[:1]),
    )


def churn(survey: Survey) -> Finding | None:
    again, some = survey.activity.read_again, survey.pressure.memory_some
    if again is None or again < (_CHURN_UNFELT if some is None else _CHURN) or (some is not None and some < _FELT):
        return None
    waiting = "" if some is None else f"; programs wait for memory {some:.0f} % of the time"
    in_group = _short_in_group(survey)
    where = " within a control group" if in_group else ""
    return Finding(
        id="memory-churn",
        severity="warning",
        what=f"Files are dropped from memory{where} and read again at once, {size(again)}/s now{waiting}.",
        cost="A model's weights are such a file: each word then waits for the disk, ten to a hundred times as long.",
        fix=_raise_limit(survey) if in_group else _keep_files(survey),
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


def _short_in_group(survey: Survey) -> bool:
    """Whether much memory is empty, so that only a control group's limit can make programs wait for it."""
    free, installed = survey.activity.memory_free, survey.installed
    return free is not None and installed is not None and free > _EMPTY * installed


def _raise_limit(survey: Survey) -> str:
    own = limited_memory(survey)
    if own is not None:
        return own.fix
    return "Raise the memory limit of the service or container that reaches it; systemd-cgtop -m lists them."


def _keep_files(survey: Survey) -> str:
    """What lets the kernel take memory from elsewhere than from files."""
    swappiness, devices = survey.swap.swappiness, survey.swap.devices
    if devices == ():
        return make_zram(survey)
    usual = 150 if devices and max(devices, key=lambda device: device.priority).zram else 60
    if devices and swappiness is not None and swappiness < min(usual, 100):
        return f"sudo sysctl vm.swappiness={usual}"
    return _close(survey.programs[:1])


def _close(large: Sequence[Program]) -> str:
    if not large:
        return "Close the programs that are not needed."
    sudo = "" if all(p.own for p in large) else "sudo "
    return f"{sudo}kill {' '.join(str(p.pid) for p in large)}"
