"""Writes the weights of a test checkpoint: the same bytes on every machine, from the list of its tensors.

    python tests/converters/weights.py tests/data/checkpoints/NAME TARGET

A folder in tests/data/checkpoints holds all that a real checkpoint holds apart from the weights. In their place stands
tensors.json: for each file its tensors in order, each as [dtype, shape, mean, standard deviation].
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

CHECKPOINTS = Path(__file__).parent.parent / "data" / "checkpoints"
OWN_FILES = ("tensors.json", "expected.npy", "expected.json")
"""What no real checkpoint has."""


def names() -> list[str]:
    """The test checkpoints, in order."""
    return sorted(folder.parent.name for folder in CHECKPOINTS.glob("*/tensors.json"))


def copy_checkpoint(source: Path, target: Path) -> Path:
    """Makes `target` a whole checkpoint: the files of `source`, and the weights that its tensors.json lists."""
    target.mkdir(parents=True)
    for file in sorted(source.iterdir()):
        if file.is_file() and file.name not in OWN_FILES:
            shutil.copyfile(file, target / file.name)
    write_weights(json.loads((source / "tensors.json").read_text("utf-8")), target)
    return target


def write_weights(listed: Mapping[str, Any], target: Path) -> None:
    """Writes the files of a tensors.json, and their index if there are several."""
    sizes = {}
    for file, tensors in listed["files"].items():
        header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
        parts = []
        offset = 0
        for name, (dtype, shape, mean, deviation) in tensors.items():
            data = pack(values(f"{listed['seed']}/{name}", tuple(shape), mean, deviation), dtype)
            header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + len(data)]}
            offset += len(data)
            parts.append(data)
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        (target / file).write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))
        sizes[file] = offset
    if len(sizes) > 1:
        held = {name: file for file, tensors in listed["files"].items() for name in tensors}
        index = {"metadata": {"total_size": sum(sizes.values())}, "weight_map": dict(sorted(held.items()))}
        (target / "model.safetensors.index.json").write_text(json.dumps(index, indent=1), encoding="utf-8")


def values(name: str, shape: tuple[int, ...], mean: float, deviation: float) -> npt.NDArray[np.float32]:
    """Numbers of nearly normal distribution that depend on nothing but the arguments.

    SplitMix64 (Steele, Lea and Flood, 2014) counts from a hash of the name. The four 16-bit quarters of each of its
    words are summed, in integers, and scaled by one multiplication.
    """
    seed = np.frombuffer(hashlib.sha256(name.encode()).digest()[:8], "<u8")
    words = seed + np.arange(1, math.prod(shape) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    words ^= words >> np.uint64(31)
    quarters = words.view(np.uint16).reshape(-1, 4).sum(axis=1, dtype=np.int32) - 2 * 65535
    # The variance of the sum of four uniform numbers below 65536 is 4 * 65536**2 / 12.
    scale = np.float32(deviation * math.sqrt(3) / 65536)
    found: npt.NDArray[np.float32] = quarters.astype(np.float32) * scale + np.float32(mean)
    return found.reshape(shape)


def pack(numbers: npt.NDArray[np.float32], dtype: str) -> bytes:
    """`numbers` in the number format that safetensors calls `dtype`, rounded to nearest even."""
    if dtype == "F8_E4M3":
        return round_to_e4m3(numbers).tobytes()
    if dtype == "BF16":
        bits = numbers.view(np.uint32)
        rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
        return bytes(rounded.astype("<u2").tobytes())
    return bytes(numbers.astype({"F32": "<f4", "F16": "<f2"}[dtype]).tobytes())


def round_to_e4m3(numbers: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """The bytes of OCP's 8-bit format with 4 bits of exponent and 3 of fraction, which ends at 448."""
    magnitude = np.minimum(np.abs(numbers), np.float32(448))
    exponent = np.maximum(np.frexp(magnitude + np.float32(2**-12) * (magnitude == 0))[1] - 1, -6)
    steps = np.rint(np.ldexp(magnitude, 3 - exponent)).astype(np.int32)
    # A fraction that rounds up to 16 carries into the exponent, as it should.
    found: npt.NDArray[np.uint8] = (steps + 8 * (exponent + 6) + 128 * np.signbit(numbers)).astype(np.uint8)
    return found


if __name__ == "__main__":
    copy_checkpoint(Path(sys.argv[1]), Path(sys.argv[2]))
