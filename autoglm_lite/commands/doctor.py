"""`autoglm-lite doctor`: what slows this machine down, and the commands that mend it."""

from __future__ import annotations

import json
import sys
import textwrap
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from autoglm_lite.doctor import Finding
    from autoglm_lite.hardware.machine import Machine
    from autoglm_lite.hardware.survey import Survey

WIDTH = 100
_LABEL = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's options."""
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(args: argparse.Namespace) -> int:
    """Looks, changes nothing, loads nothing native, and prints; always returns 0."""
    from autoglm_lite.doctor import diagnose
    from autoglm_lite.doctor.channels import question
    from autoglm_lite.doctor.describe import as_json
    from autoglm_lite.hardware.build import installed_libraries
    from autoglm_lite.hardware.survey import read_survey
    from autoglm_lite.store.models import models_dir

    survey = read_survey(models_dir(), installed_libraries())
    if (asked := question(survey)) is not None:
        survey = replace(survey, bandwidth=_bandwidth(survey.machine, asked.limit))
    findings = diagnose(survey)
    if args.json:
        report = {"findings": [asdict(finding) for finding in findings], "machine": as_json(survey)}
        print(json.dumps(report))
        return 0
    # A terminal or a pipe that cannot show a character gets a question mark for it.
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    print(page(survey, findings))
    return 0


def _bandwidth(machine: Machine, limit: float) -> float | None:
    """Bytes per second that all cores read. What is remembered may be of a busy moment, so it must be low twice."""
    from autoglm_lite.commands.bandwidth import BUFFER_BYTES, SHARE_OF_MEMORY, measure, memory_bandwidth

    cores, available = machine.physical_cores, machine.memory_available
    found = memory_bandwidth(cores, available)
    if found is None or found > limit:
        return found
    return max(found, measure(cores, min(BUFFER_BYTES, available // SHARE_OF_MEMORY)))


def page(survey: Survey, findings: list[Finding]) -> str:
    """The machine, then each finding with what it costs and what mends it."""
    from autoglm_lite.doctor.describe import as_lines

    blocks = ["\n".join(_lines(label, text) for label, text in as_lines(survey))]
    for finding in findings:
        label = f"{finding.severity}: {finding.id}"
        # A command is one line, whatever its length, so that it can be copied.
        fix = f"  {'Mend:':{_LABEL - 2}} {finding.fix}"
        blocks.append("\n".join([label, _lines("  Found:", finding.what), _lines("  Cost:", finding.cost), fix]))
    return "\n\n".join(blocks if findings else [*blocks, "Nothing found that slows this machine down."])


def _lines(label: str, text: str) -> str:
    indent = " " * (_LABEL + 1)
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=f"{label:{_LABEL}} ",
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
