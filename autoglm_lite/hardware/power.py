"""What the processor is allowed to draw, and how hot it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.hardware.files import entries, read_int, read_text

_CPU = "sys/devices/system/cpu"
_ZONES = re.compile(r"x86_pkg_temp|.*cpu.*|soc.*", re.IGNORECASE)
_CHARGED = ("Charging", "Full", "Not charging")
_CHIPS = ("coretemp", "k10temp", "zenpower", "cpu_thermal")


@dataclass(frozen=True, slots=True)
class Power:
    on_mains: bool | None
    driver: str | None
    """What sets the processor's frequency, such as intel_pstate."""
    governor: str | None
    energy_preference: str | None
    throttled: int | None
    """How often since the start heat has slowed the processor; with several cores, the most for one."""
    temperature: float | None
    """Of the hottest sensor of the processor, in °C."""
    temperature_limit: float | None
    """Where that sensor's processor is switched off."""
    pi_faults: int | None
    """A Raspberry Pi's own word: bit 0 too little voltage now, bit 2 throttled now, bits 16 and 18 since the start."""
    battery: float | None = None
    """Its charge in percent, with several that of the fullest; None without one."""


def read_power(root: Path) -> Power:
    policy = root / _CPU / "cpu0/cpufreq"
    counts = [
        count
        for name in ("core_throttle_count", "package_throttle_count")
        for file in (root / _CPU).glob(f"cpu[0-9]*/thermal_throttle/{name}")
        if (count := read_int(file)) is not None
    ]
    hottest = max(_temperatures(root), key=lambda pair: pair[0], default=(None, None))
    return Power(
        on_mains=_on_mains(root / "sys/class/power_supply"),
        driver=read_text(policy / "scaling_driver"),
        governor=read_text(policy / "scaling_governor"),
        energy_preference=read_text(policy / "energy_performance_preference"),
        throttled=max(counts, default=None),
        temperature=hottest[0],
        temperature_limit=hottest[1],
        battery=_battery(root / "sys/class/power_supply"),
        pi_faults=_hexadecimal(read_text(root / "sys/devices/platform/soc/soc:firmware/get_throttled")),
    )


def _on_mains(folder: Path) -> bool | None:
    """A machine without a battery runs on mains; a battery of scope Device is that of a mouse."""
    supplies = _supplies(folder)
    if supplies is None:
        return None
    batteries = [supply for supply in supplies if read_text(supply / "type") == "Battery"]
    sources = [read_int(supply / "online") for supply in supplies if supply not in batteries]
    if 1 in sources or not batteries:
        return True
    return 0 not in sources and all(read_text(battery / "status") in _CHARGED for battery in batteries)


def _battery(folder: Path) -> float | None:
    batteries = [supply for supply in _supplies(folder) or [] if read_text(supply / "type") == "Battery"]
    return max((share for battery in batteries if (share := read_int(battery / "capacity")) is not None), default=None)


def _supplies(folder: Path) -> list[Path] | None:
    found = entries(folder)
    return None if found is None else [supply for supply in found if read_text(supply / "scope") != "Device"]


def _temperatures(root: Path) -> list[tuple[float, float | None]]:
    """Temperature and limit of each sensor of the processor."""
    found = []
    for zone in sorted((root / "sys/class/thermal").glob("thermal_zone[0-9]*")):
        now = read_int(zone / "temp")
        if now is not None and _ZONES.fullmatch(read_text(zone / "type") or ""):
            critical = [
                read_int(file.with_name(file.name.replace("_type", "_temp")))
                for file in zone.glob("trip_point_*_type")
                if read_text(file) == "critical"
            ]
            found.append((now, critical[0] if critical else None))
    for chip in sorted((root / "sys/class/hwmon").glob("hwmon[0-9]*")):
        now = read_int(chip / "temp1_input")
        if now is not None and read_text(chip / "name") in _CHIPS:
            found.append((now, read_int(chip / "temp1_crit")))
    # A sensor that is not connected reads zero or less.
    return [(now / 1000, limit / 1000 if limit and limit > 0 else None) for now, limit in found if now > 0]


def _hexadecimal(text: str | None) -> int | None:
    try:
        return int(text, 16) if text else None
    except ValueError:
        return None
