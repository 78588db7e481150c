"""What was found for a model on a machine, kept as one small file for each pair of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoglm_lite.errors import AutoglmError
from autoglm_lite.gguf.facts import ModelFacts
from autoglm_lite.hardware.build import installed_version
from autoglm_lite.hardware.machine import Machine
from autoglm_lite.paths import data_dir, private_dir
from autoglm_lite.planning.plan import KV_TYPES
from autoglm_lite.planning.preferences import MEASURED_NAMES, Layer, Measured, Values
from autoglm_lite.replacing import replace_file
from autoglm_lite.tune.turn import Speed

if TYPE_CHECKING:
    from autoglm_lite.tune.search import Found

FORMAT = 1
HEAD_BYTES = 1 << 20
"""Of the model's file: its names, its shape and the beginning of its vocabulary."""
MOST_BYTES = 1 << 16
WORDS = "tuned on this machine"


@dataclass(frozen=True, slots=True)
class Tuned:
    values: Values
    """Of the fastest plan, all that decide on its speed."""
    decided: tuple[str, ...]
    """Which of them were decided by measuring, of MEASURED_NAMES."""
    usual: Speed
    """Of the plan as it would be without tuning."""
    best: Speed

    @classmethod
    def of(cls, found: Found) -> Tuned:
        values = Values(**{name: getattr(found.plan, name) for name in MEASURED_NAMES})
        return cls(values, tuple(sorted(found.raced)), found.usual, found.best)

    def layer(self, *, roomy: bool) -> Layer:
        """`roomy`: nothing need be given up for lack of memory, and so a smaller KV cache is of no use."""
        decided = {name: getattr(self.values, name) for name in self.decided}
        if roomy and decided.get("kv_type") == "q8_0":
            del decided["kv_type"]
        measured = Measured(self.values, 1 / self.best.prefill, 1 / self.best.decode)
        return Layer("tuned", WORDS, Values(**decided), measured=measured)


Identity = dict[str, Any]


def identity(facts: ModelFacts, machine: Machine) -> Identity:
    """What a result is true for: this model on this machine with this llama.cpp. Raises AutoglmError when the file
    cannot be read."""
    try:
        with facts.path.open("rb") as file:
            head = hashlib.sha256(file.read(HEAD_BYTES)).hexdigest()
    except OSError as error:
        raise AutoglmError(f"{facts.path} cannot be read: {error.strerror}.") from error
    return {
        "model": {"bytes": facts.file_bytes, "head": head},
        "machine": {
            "processor": machine.processor,
            "physical_cores": machine.physical_cores,
            "logical_cores": machine.logical_cores,
            "features": sorted(machine.features),
            "memory_total": machine.memory_total,
            "devices": sorted([device.name, device.memory_total] for device in machine.devices),
        },
        "llama_cpp": installed_version(),
    }


def tuned_path(what: Identity) -> Path:
    """Where the result for `what` is kept."""
    name = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:32]
    return data_dir() / "tuned" / f"{name}.json"


def save(what: Identity, tuned: Tuned) -> Path:
    """Keeps `tuned` in place of an older result. Raises OSError."""
    path = tuned_path(what)
    private_dir(path.parent)
    content = {"format": FORMAT, "for": what, "tuned": asdict(tuned)}
    replace_file(path, (json.dumps(content, indent=1) + "\n").encode())
    return path


def load(what: Identity) -> Tuned | None:
    """The result for `what`, None if there is none. Raises ValueError with a sentence for a file that is damaged."""
    path = tuned_path(what)
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ValueError(f"What was tuned cannot be read ({error.strerror}): {path}.") from error
    try:
        content = json.loads(raw)
        if content["format"] != FORMAT or content["for"] != what:
            raise ValueError("made for something else")
        found = content["tuned"]
        decided = tuple(found["decided"])
        if not set(decided) <= set(MEASURED_NAMES):
            raise ValueError("values that are not tuned")
        return Tuned(_values(found["values"]), decided, _speed(found["usual"]), _speed(found["best"]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"What was tuned is damaged and is not used; tune again, or delete {path}.") from error


def _values(found: Any) -> Values:
    checks: dict[str, Callable[[Any], bool]] = {
        "kv_type": lambda value: value in KV_TYPES,
        "threads": _is_count,
        "threads_batch": _is_count,
        "n_ubatch": _is_count,
        "repack": lambda value: isinstance(value, bool),
        "flash_attention": lambda value: value is None or isinstance(value, bool),
    }
    if not all(check(found[name]) for name, check in checks.items()):
        raise ValueError("values that make no sense")
    return Values(**{name: found[name] for name in checks})


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 4096


def _speed(found: Any) -> Speed:
    values = [found[field.name] for field in fields(Speed)]
    if not all(isinstance(value, float) and 0 < value < 1e6 for value in values):
        raise ValueError("speeds that make no sense")
    return Speed(*values)
