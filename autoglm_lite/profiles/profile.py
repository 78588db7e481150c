"""A profile: what is preferred on a kind of machine, and how that kind is known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autoglm_lite.gguf.facts import ModelFacts
from autoglm_lite.hardware.machine import Machine
from autoglm_lite.planning.make import MAX_THREADS, ONE_THREAD_BYTES
from autoglm_lite.planning.plan import KV_TYPES, KvType, Saving
from autoglm_lite.planning.preferences import Layer, Origin, Values
from autoglm_lite.profiles.document import Table, read_document

KEYS = ("about", "ctx", "kv_type", "threads", "n_ubatch", "repack", "flash_attention", "match", "saving")
MATCH_KEYS = (
    *("rank", "memory_least", "memory_most", "cores_least", "cores_most"),
    *("features", "without", "architecture", "processor", "device_memory_least", "device_memory_most"),
)
SAVING_KEYS = ("threads", "nice")
FEATURES = ("sse4.2", "avx", "avx2", "avx512", "dotprod", "i8mm")
MOST_TOKENS = 1 << 24
MOST_UBATCH = 4096

ThreadCount = int | Literal["physical", "half"]
"""`half` of the physical cores, at least one."""
THREAD_WORDS: tuple[Literal["physical", "half"], ...] = ("physical", "half")


@dataclass(frozen=True, slots=True)
class Match:
    """On which machines a profile is chosen by itself; None and nothing mean any. Memory in bytes."""

    rank: int
    """Of several profiles that match, that of the highest rank is chosen."""
    memory_least: int | None
    memory_most: int | None
    cores_least: int | None
    cores_most: int | None
    features: tuple[str, ...]
    """Instruction sets that the processor has, and those that it is without."""
    without: tuple[str, ...]
    architecture: str | None
    processor: str | None
    """Part of its name, or of the board's."""
    device_memory_least: int | None
    """Of the largest graphics card; a machine without one does not match. Likewise `device_memory_most`."""
    device_memory_most: int | None

    def fits(self, machine: Machine) -> bool:
        card = max((device.memory_total for device in machine.devices if device.kind == "gpu"), default=None)
        needs_card = self.device_memory_least is not None or self.device_memory_most is not None
        return (
            _within(machine.memory_total, self.memory_least, self.memory_most)
            and _within(machine.physical_cores, self.cores_least, self.cores_most)
            and machine.features.issuperset(self.features)
            and machine.features.isdisjoint(self.without)
            and self.architecture in (None, machine.architecture)
            and (self.processor or "") in machine.processor
            and (not needs_card or card is not None)
            and (card is None or _within(card, self.device_memory_least, self.device_memory_most))
        )


@dataclass(frozen=True, slots=True)
class Profile:
    name: str
    about: str
    ctx: int | None
    kv_type: KvType | None
    threads: ThreadCount | None
    n_ubatch: int | None
    repack: bool | None
    flash_attention: bool | None
    saving: tuple[ThreadCount, int] | None
    """Threads and niceness on battery or when hot."""
    match: Match | None
    """None: chosen by name alone."""

    def layer(self, origin: Origin, words: str, facts: ModelFacts, machine: Machine) -> Layer:
        """What the profile prefers for this model on this machine. A tiny model keeps its one thread."""
        tiny = facts.tensor_bytes <= ONE_THREAD_BYTES
        threads = None if self.threads is None or tiny else _count(self.threads, machine)
        values = Values(
            ctx=self.ctx,
            kv_type=self.kv_type,
            threads=threads,
            threads_batch=threads,
            n_ubatch=self.n_ubatch,
            repack=self.repack,
            flash_attention=self.flash_attention,
            saving=None if self.saving is None else Saving(_count(self.saving[0], machine), self.saving[1]),
        )
        return Layer(origin, words, values, self.name if origin == "profile" else None)


def chosen(profiles: Iterable[Profile], machine: Machine) -> Profile | None:
    """The one for this machine; None where none is."""
    fitting = [p for p in profiles if p.match is not None and p.match.fits(machine)]
    return max(fitting, key=lambda p: (p.match.rank if p.match else 0, p.name), default=None)


def read_profile(path: Path) -> Profile:
    """The profile in a TOML file, called as the file is. Raises ProfileError with the line of the mistake."""
    table = read_document(path, KEYS)
    kv_type = table.text("kv_type", KV_TYPES)
    return Profile(
        name=path.stem,
        about=table.text("about") or "",
        ctx=table.integer("ctx", 1, MOST_TOKENS),
        kv_type=next((kind for kind in KV_TYPES if kind == kv_type), None),
        threads=_threads(table),
        n_ubatch=table.integer("n_ubatch", 1, MOST_UBATCH),
        repack=table.boolean("repack"),
        flash_attention=table.boolean("flash_attention"),
        saving=_saving(table.table("saving", SAVING_KEYS)),
        match=_match(table.table("match", MATCH_KEYS)),
    )


def _match(table: Table | None) -> Match | None:
    if table is None:
        return None
    most = 1 << 20
    match = Match(
        rank=table.integer("rank", 0, 100) or 0,
        memory_least=table.size("memory_least"),
        memory_most=table.size("memory_most"),
        cores_least=table.integer("cores_least", 1, most),
        cores_most=table.integer("cores_most", 1, most),
        features=table.texts("features", FEATURES),
        without=table.texts("without", FEATURES),
        architecture=table.text("architecture", ("x86", "arm")),
        processor=table.text("processor"),
        device_memory_least=table.size("device_memory_least"),
        device_memory_most=table.size("device_memory_most"),
    )
    pairs = (("memory", match.memory_least, match.memory_most), ("cores", match.cores_least, match.cores_most))
    for name, least, most_of in (*pairs, ("device_memory", match.device_memory_least, match.device_memory_most)):
        if least is not None and most_of is not None and least > most_of:
            raise table.mistake(f"{name}_least is more than {name}_most, so no machine matches.", f"{name}_least")
    return match


def _saving(table: Table | None) -> tuple[ThreadCount, int] | None:
    if table is None:
        return None
    threads = _threads(table)
    if threads is None:
        raise table.mistake("saving needs threads, such as threads = 1.")
    return threads, table.integer("nice", 0, 19) or 0


def _threads(table: Table) -> ThreadCount | None:
    if "threads" not in table:
        return None
    if isinstance(table.value("threads"), str):
        word = table.text("threads", THREAD_WORDS)
        return next(known for known in THREAD_WORDS if known == word)
    return table.integer("threads", 1, MAX_THREADS)


def _count(threads: ThreadCount, machine: Machine) -> int:
    if isinstance(threads, int):
        return threads
    return machine.physical_cores if threads == "physical" else max(1, machine.physical_cores // 2)


def _within(value: int, least: int | None, most: int | None) -> bool:
    return (least is None or value >= least) and (most is None or value <= most)
