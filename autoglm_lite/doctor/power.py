"""Frequency, heat and voltage."""

from __future__ import annotations

from autoglm_lite.doctor.finding import Finding
from autoglm_lite.hardware.survey import Survey

_POLICY = "/sys/devices/system/cpu/cpu*/cpufreq"
_OWN = ("intel_pstate", "amd-pstate-epp")
"""Drivers whose processors choose the frequency themselves: their powersave governor is the usual one, and the energy
preference says what is wanted."""
_SAVING = ("power", "balance_power")
_NEAR = 5.0
"""Degrees below the limit at which a processor is slowed already."""
_LOW_VOLTAGE, _THROTTLED = 0x1 | 0x10000, 0x4 | 0x40000


def governor(survey: Survey) -> Finding | None:
    power = survey.power
    if power.on_mains is not True or power.governor != "powersave":
        return None
    if power.driver not in _OWN:
        return Finding(
            id="governor",
            severity="warning",
            what="The processor is held at its lowest frequency (governor powersave) although it is on mains.",
            cost="Answers take two to four times as long as they need.",
            fix=f"echo performance | sudo tee {_POLICY}/scaling_governor",
        )
    if power.energy_preference not in _SAVING:
        return None
    return Finding(
        id="governor",
        severity="note",
        what=f"The processor saves energy (preference {power.energy_preference}) although it is on mains.",
        cost="It raises its frequency late and not fully, so that prompts are read more slowly.",
        fix=f"echo balance_performance | sudo tee {_POLICY}/energy_performance_preference",
    )


def heat(survey: Survey) -> Finding | None:
    power = survey.power
    now, limit = power.temperature, power.temperature_limit
    cost = "A hot processor lowers its frequency, often to less than half, for as long as the answer lasts."
    cost += " Fewer threads heat it less, as do a clean fan and clean vents."
    fewer = max(1, survey.machine.physical_cores // 2)
    fix = f"autoglm-lite chat --threads {fewer}"
    if now is not None and limit is not None and now >= limit - _NEAR:
        what = f"The processor is at {now:.0f} °C and is switched off at {limit:.0f} °C."
        return Finding(id="heat", severity="warning", what=what, cost=cost, fix=fix)
    if power.throttled or (power.pi_faults or 0) & _THROTTLED:
        times = "once" if power.throttled == 1 else f"{power.throttled:,} times" if power.throttled else "at least once"
        what = f"Heat has slowed the processor {times} since the machine was started."
        return Finding(id="heat", severity="note", what=what, cost=cost, fix=fix)
    return None


def low_voltage(survey: Survey) -> Finding | None:
    if not (survey.power.pi_faults or 0) & _LOW_VOLTAGE:
        return None
    return Finding(
        id="voltage",
        severity="warning",
        what="The power supply has not kept its voltage since this board was started.",
        cost="The processor is slowed while that lasts, and a write to the card may be lost.",
        fix="Use the board maker's own power supply and a short, thick cable.",
    )
