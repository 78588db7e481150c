"""Checkpoints in several shards, and a hub that has them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile

import pytest
from checkpoints import Tensors, write_json, write_safetensors
from weights import CHECKPOINTS, copy_checkpoint

from converters.checkpoint import INDEX
from tests.store.hub import FakeHub, serving

OWNER = "org"

Place = Callable[[int, int, int], int]
"""The shard of a tensor by its number, the count of tensors and that of shards."""


def in_turn(number: int, n_tensors: int, n_shards: int) -> int:
    """As nobody does it: neighbours are never together."""
    return number % n_shards


def in_order(number: int, n_tensors: int, n_shards: int) -> int:
    """As everybody does it, so that a layer may end in the next shard."""
    return number * n_shards // n_tensors


def at_random(number: int, n_tensors: int, n_shards: int) -> int:
    return random.Random(f"{number} {n_tensors}").randrange(n_shards)


def sharded(name: str, parent: Path, n_shards: int, place: Place = in_order) -> Path:
    """The test checkpoint `name` with its tensors in `n_shards` files."""
    whole = copy_checkpoint(CHECKPOINTS / name, parent / "whole" / name)
    folder = parent / "sharded" / name
    folder.mkdir(parents=True)
    tensors: Tensors = {}
    for path in sorted(whole.iterdir()):
        if path.suffix == ".safetensors":
            tensors |= read_safetensors(path)
        elif path.name != INDEX:
            copyfile(path, folder / path.name)
    write_shards(folder, tensors, n_shards, place)
    return folder


def write_shards(folder: Path, tensors: Tensors, n_shards: int, place: Place) -> None:
    held = {name: place(number, len(tensors), n_shards) for number, name in enumerate(tensors)}
    names = [f"model-{number + 1:05}-of-{n_shards:05}.safetensors" for number in range(n_shards)]
    for number, shard in enumerate(names):
        write_safetensors(folder / shard, {name: tensors[name] for name in tensors if held[name] == number})
    write_json(folder / INDEX, {"metadata": {}, "weight_map": {name: names[number] for name, number in held.items()}})


def read_safetensors(path: Path) -> Tensors:
    raw = path.read_bytes()
    end = 8 + int.from_bytes(raw[:8], "little")
    found: Tensors = {}
    for name, entry in json.loads(raw[8:end]).items():
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            found[name] = (entry["dtype"], tuple(entry["shape"]), raw[end + first : end + last])
    return found


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@contextmanager
def hub_of(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """One that has the checkpoint `folder` as org/NAME, and is what this process takes for the real ones."""
    hub = FakeHub({f"{OWNER}/{folder.name}": contents(folder)}, licences={f"{OWNER}/{folder.name}": "mit"})
    with serving(hub):
        for name, value in hub.environ.items():
            monkeypatch.setenv(name, value)
        yield hub
