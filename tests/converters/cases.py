"""What the test checkpoints are converted to, by us and by llama.cpp's tools."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from checkpoints import CASES, STORIES, make
from weights import CHECKPOINTS, copy_checkpoint, names, values


@dataclass(frozen=True, slots=True)
class Case:
    """One conversion: `options` are those of our command line."""

    kind: str
    importance: bool = False
    options: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """A name for reports and files."""
        return " ".join([self.kind, *(["imatrix"] if self.importance else []), *self.options])


CONVERTED = ("F32", "F16", "BF16")
"""Types that llama.cpp's converter writes without llama-quantize."""

PLAIN = [Case(kind) for kind in ("Q4_K_M", "Q8_0", "Q5_K_M", "Q3_K_M", "Q2_K", "IQ4_XS", "Q4_0")]
WEIGHED = [Case(kind, importance=True) for kind in ("Q4_K_M", "Q2_K", "IQ3_XXS", "IQ2_XS", "Q4_0")]
EVERYWHERE = [*PLAIN, *WEIGHED]
"""For every checkpoint."""

_OTHER_PLAIN: tuple[str, ...] = (
    "Q4_1",
    "Q5_0",
    "Q5_1",
    "Q3_K_S",
    "Q3_K_L",
    "Q4_K_S",
    "Q5_K_S",
    "Q6_K",
    "IQ3_S",
    "IQ3_M",
)
_OTHER_PLAIN += ("IQ4_NL", "TQ1_0", "TQ2_0", "MXFP4_MOE", "Q1_0", "Q2_0")
_OTHER_WEIGHED: tuple[str, ...] = (
    "IQ3_XS",
    "IQ1_S",
    "IQ1_M",
    "IQ2_XXS",
    "IQ2_S",
    "IQ2_M",
    "Q2_K_S",
    "Q3_K_M",
    "IQ4_XS",
    "Q5_0",
    "Q5_1",
)
OPTIONS = [
    Case("Q4_K_M", options=("--pure",)),
    Case("Q3_K_M", options=("--output-type", "Q8_0", "--embedding-type", "Q4_K")),
    Case("Q4_K_M", options=("--tensor-type", "attn_[kv]=Q8_0", "--tensor-type", r"blk\.0\.ffn_down=Q5_1")),
    Case("IQ4_XS", options=("--embedding-type", "F16")),
]
THOROUGH = [
    *[Case(kind) for kind in _OTHER_PLAIN],
    *[Case(kind, importance=True) for kind in _OTHER_WEIGHED],
    *OPTIONS,
]
"""For one dense checkpoint and one with experts."""

PRUNED = {"TinyLlama-1.1B-Chat-v1.0": "0,2", "SmolLM3-3B": "0,1,2,3"}
"""Layers to drop; of SmolLM 3 four in a row, because each fourth layer is of another kind."""

VISION = [Case(kind, options=("--mmproj",)) for kind in CONVERTED]

DENSE, EXPERTS = "Llama-3.2-1B-Instruct", "Qwen3-30B-A3B"
SEEING = ("AutoGLM-Phone-9B", "Qwen2-VL-2B-Instruct", "Qwen2.5-VL-3B-Instruct")


ALL = [*names(), STORIES.name, *CASES]
"""Every checkpoint: those without weights in tests/data, the trained one, and those that checkpoints.py makes."""


def whole_checkpoint(name: str, parent: Path) -> Path:
    """Makes the checkpoint `name` as a folder in `parent`."""
    if name == STORIES.name:
        return Path(shutil.copytree(STORIES, parent / name))
    return make(name, parent) if name in CASES else copy_checkpoint(CHECKPOINTS / name, parent / name)


def cases(name: str) -> list[Case]:
    """All conversions of the checkpoint `name`."""
    found = [*[Case(kind) for kind in CONVERTED], *EVERYWHERE]
    found += THOROUGH if name in (DENSE, EXPERTS) else []
    if name in PRUNED:
        found += [Case(kind, options=("--drop-layers", PRUNED[name])) for kind in ("F16", "Q4_K_M")]
    return found + (VISION if name in SEEING else [])


def write_importance(path: Path, tensors: Iterable[tuple[str, list[int]]]) -> None:
    """An importance matrix for `tensors` (name, and shape with the row first) of numbers that depend on nothing else.

    One expert in each weight has seen no token, as happens with short texts.
    """
    from gguf import GGUFWriter

    writer = GGUFWriter(path, "imatrix")
    writer.add_type("imatrix")
    writer.add_array("imatrix.datasets", ["mixed.txt"])
    writer.add_uint32("imatrix.chunk_count", 7)
    writer.add_uint32("imatrix.chunk_size", 512)
    for name, shape in tensors:
        if not name.startswith("blk.") or len(shape) < 2:
            continue
        n_matrices = shape[2] if len(shape) > 2 else 1
        squares = values(f"imatrix/{name}", (n_matrices, shape[0]), 0.0, 1.0) ** 2 + np.float32(0.01)
        counts = np.arange(512, 512 + n_matrices, dtype=np.float32)
        if n_matrices > 1:
            counts[1] = 0
        squares *= counts[:, None]
        writer.add_tensor(f"{name}.in_sum2", squares)
        writer.add_tensor(f"{name}.counts", counts[:, None])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def condense(found: Mapping[str, Any], base: Mapping[str, Any] | None) -> dict[str, Any]:
    """A file's description (see gguf_summary) without what `base`, that of the F16 file, says already.

    Keys become the places of `base`'s keys, or stand as they are; each tensor becomes the place of the one of this
    name and shape in `base`, its type, and the start of its hash, or its place alone when all of it is the same.
    """
    if base is None:
        tensors = [[name, kind, shape, digest[:16]] for name, kind, shape, digest in found["tensors"]]
        return {"sha256": found["sha256"][:16], "keys": found["keys"], "tensors": tensors}
    places = {str(key): place for place, key in enumerate(base["keys"])}
    keys: list[Any] = []
    for key in found["keys"]:
        place = places.get(str(key))
        if place is None:
            keys.append(key)
        elif keys and isinstance(keys[-1], str) and int(keys[-1].split("-")[1]) == place - 1:
            keys[-1] = f"{keys[-1].split('-')[0]}-{place}"
        else:
            keys.append(f"{place}-{place}")
    held = {(name, str(shape)): place for place, (name, _, shape, _) in enumerate(base["tensors"])}
    rows = []
    for name, kind, shape, digest in found["tensors"]:
        place = held.get((name, str(shape)))
        if place is None:
            rows.append(f"{name} {kind} {'x'.join(map(str, shape))} {digest[:16]}")
        elif base["tensors"][place][1::2] == [kind, digest[:16]]:
            rows.append(f"{place}")
        else:
            rows.append(f"{place} {kind} {digest[:16]}")
    return {"sha256": found["sha256"][:16], "keys": keys, "tensors": ",".join(rows)}


def expand(condensed: Mapping[str, Any], base: Mapping[str, Any] | None) -> dict[str, Any]:
    """What `condense` was given, with the start of each hash."""
    if base is None:
        return dict(condensed)
    keys: list[Any] = []
    for item in condensed["keys"]:
        first, last = map(int, item.split("-")) if isinstance(item, str) else (0, -1)
        keys += base["keys"][first : last + 1] if isinstance(item, str) else [item]
    tensors = []
    for item in condensed["tensors"].split(","):
        parts = item.split(" ")
        if len(parts) == 4:
            tensors.append([parts[0], parts[1], [int(size) for size in parts[2].split("x")], parts[3]])
        else:
            name, kind, shape, digest = base["tensors"][int(parts[0])]
            tensors.append([name, *([parts[1], shape, parts[2]] if len(parts) == 3 else [kind, shape, digest])])
    return {"sha256": condensed["sha256"], "keys": keys, "tensors": tensors}
