"""The surveyed machine in a few lines for a reader, and as an object for a program."""

from __future__ import annotations

from dataclasses import asdict

from autoglm_lite.doctor.finding import size
from autoglm_lite.hardware.build import FEATURES, missing_instructions
from autoglm_lite.hardware.survey import Survey


def as_json(survey: Survey) -> dict[str, object]:
    """`machine` of `autoglm-lite doctor --json`; docs/doctor.md names its keys. Bytes, null for what is not known."""
    machine, build = survey.machine, survey.build
    return {
        "processor": {
            "name": survey.processor.name,
            "cores": machine.physical_cores,
            "threads": machine.logical_cores,
            "online": survey.online,
            "limit": survey.cpu_limit.cpus if survey.cpu_limit else None,
            "instructions": sorted(survey.processor.words & set(FEATURES.values())),
        },
        "memory": {
            "installed": survey.installed,
            "total": machine.memory_total,
            "available": machine.memory_available,
            "limit": survey.memory_limit.limit if survey.memory_limit else None,
            "bandwidth": survey.bandwidth,
            "slots": survey.modules.slots if survey.modules else None,
            "modules": [asdict(module) for module in survey.modules.filled] if survey.modules else None,
        },
        "swap": asdict(survey.swap),
        "power": asdict(survey.power),
        "pressure": asdict(survey.pressure),
        "activity": asdict(survey.activity),
        "store": {**asdict(survey.store), "path": str(survey.store.path)},
        "graphics": [asdict(card) for card in survey.graphics],
        "programs": [asdict(program) for program in survey.programs],
        "llama_cpp": None
        if build is None
        else {
            "instructions": None if build.features is None else sorted(build.features),
            "backends": sorted(build.backends),
        },
    }


def as_lines(survey: Survey) -> list[tuple[str, str]]:
    """A label and a text for each part of the machine; the last says what could not be found out."""
    lines = [
        ("processor", _processor(survey)),
        ("llama.cpp", _build(survey)),
        ("memory", _memory(survey)),
        ("swap", _swap(survey)),
        ("models", _store(survey)),
        (
            "graphics",
            ", ".join(f"{c.vendor} {c.address} ({c.driver or 'no driver'})" for c in survey.graphics) or "none",
        ),
        ("power", _power(survey)),
    ]
    unknown = _unknown(survey)
    return [*lines, ("not known", ", ".join(unknown))] if unknown else lines


def _processor(survey: Survey) -> str:
    machine = survey.machine
    cores = f"{_plural(machine.physical_cores, 'core')}, {_plural(machine.logical_cores, 'thread')}"
    features = ", ".join(sorted(machine.features)) or "no fast instructions known"
    return f"{survey.processor.name or 'of unknown make'}: {cores}; {features}"


def _build(survey: Survey) -> str:
    build = survey.build
    if build is None:
        return "not installed"
    graphics = f"with {', '.join(sorted(build.backends))}" if build.backends else "without graphics"
    if build.features is None:
        return f"built {graphics}, for what processor is not known"
    fits = "another processor" if missing_instructions(build, survey.processor) else "this processor"
    return f"built for {fits}, {graphics}"


def _memory(survey: Survey) -> str:
    machine = survey.machine
    limit = f" (limited, of {size(survey.installed)})" if survey.memory_limit and survey.installed else ""
    words = [f"{size(machine.memory_total)}{limit}", f"{size(machine.memory_available)} free"]
    words += [f"{len(survey.modules.filled)} of {survey.modules.slots} slots filled"] if survey.modules else []
    words += [f"read at {size(survey.bandwidth)}/s"] if survey.bandwidth else []
    return ", ".join(words)


def _swap(survey: Survey) -> str:
    devices = survey.swap.devices
    if devices is None:
        return f"{size(survey.machine.swap_total)}"
    kinds = {True: "rotating disk", False: "disk that does not rotate", None: "disk"}
    named = [f"{d.name}, {size(d.size)}, {'zram' if d.zram else kinds[d.rotating]}" for d in devices]
    return "; ".join(named + ["zswap"] * bool(devices and survey.swap.zswap)) or "none"


def _store(survey: Survey) -> str:
    store = survey.store
    free = "" if store.free is None else f", {size(store.free)} free"
    kind = {True: ", rotating disk", False: ", disk that does not rotate", None: ""}[store.rotating]
    return f"{store.path}{free}{kind}"


def _power(survey: Survey) -> str:
    power = survey.power
    words = [{True: "on mains", False: "on battery", None: ""}[power.on_mains]]
    words += [f"governor {power.governor}"] if power.governor else []
    words += [f"{power.temperature:.0f} °C"] if power.temperature is not None else []
    return ", ".join(word for word in words if word) or "nothing known"


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _unknown(survey: Survey) -> list[str]:
    power = survey.power
    questions = {
        "the processor's instructions": not survey.processor.words,
        "whether the models' disk rotates": survey.store.rotating is None,
        "free disk": survey.store.free is None,
        "swap devices": survey.swap.devices is None,
        "mains or battery": power.on_mains is None,
        "governor": power.governor is None,
        "temperature": power.temperature is None,
        "throttling by heat": power.throttled is None and power.pi_faults is None,
        "memory pressure": survey.pressure.memory_some is None,
    }
    return [name for name, unknown in questions.items() if unknown]
