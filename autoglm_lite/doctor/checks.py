"""All that the doctor looks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from autoglm_lite.doctor.channels import one_channel
from autoglm_lite.doctor.disks import little_space, slow_store
from autoglm_lite.doctor.finding import SEVERITIES, Finding
from autoglm_lite.doctor.graphics import narrow_link, no_driver, not_in_build, slow_link
from autoglm_lite.doctor.memory import churn, limited_memory, memory_pressure, programs
from autoglm_lite.doctor.power import governor, heat, low_voltage
from autoglm_lite.doctor.processor import foreign_build, limited_time, no_build, old_processor, plain_build
from autoglm_lite.doctor.swap import no_swap, odd_swappiness, plain_swap, slow_swap
from autoglm_lite.hardware.survey import Survey

CHECKS: tuple[Callable[[Survey], Finding | None], ...] = (
    no_build,
    foreign_build,
    plain_build,
    old_processor,
    limited_time,
    governor,
    heat,
    low_voltage,
    memory_pressure,
    churn,
    limited_memory,
    one_channel,
    slow_swap,
    no_swap,
    plain_swap,
    odd_swappiness,
    programs,
    little_space,
    slow_store,
    no_driver,
    not_in_build,
    narrow_link,
    slow_link,
)


def diagnose(survey: Survey) -> list[Finding]:
    """What is wrong, the worst first. What the survey could not find out is not held against the machine."""
    findings = [finding for check in CHECKS if (finding := check(survey)) is not None]
    if survey.as_root:
        findings = [replace(finding, fix=finding.fix.replace("sudo ", "")) for finding in findings]
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))
