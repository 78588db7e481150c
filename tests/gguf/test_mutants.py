"""Mutated files: our reader says yes or no and nothing else, and what it lets through does not kill llama.cpp."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoglm_lite.errors import ModelFileError
from autoglm_lite.gguf import read_facts
from autoglm_lite.hardware import Machine
from autoglm_lite.worker.client import Worker
from tests.gguf.embedders import EMBEDDERS, RERANKERS
from tests.gguf.mutate import mutant
from tests.gguf.survive import outcome
from tests.gguf.tiny import MODELS, Tiny

GOOD = {name: make().encode() for name, make in MODELS.items()}
NOT_WRITING = {name: make() for name, make in (EMBEDDERS | RERANKERS).items()}
N_SURVIVORS = 150
MACHINE = Machine(physical_cores=1, logical_cores=1, memory_total=8 << 30, memory_available=2 << 30)

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, derandomize=True)


def accepted(path: Path, data: bytes) -> bool:
    path.write_bytes(data)
    try:
        read_facts(path)
    except ModelFileError as error:
        message = str(error)
    else:
        return True
    assert message.isprintable()
    return False


@given(st.sampled_from(sorted(GOOD)), st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 255)), min_size=1))
@settings(in_one_folder, max_examples=150)
def test_changed_bytes(tmp_path: Path, name: str, changes: list[tuple[int, int]]) -> None:
    data = bytearray(GOOD[name])
    for place, value in changes:
        data[place] = value
    accepted(tmp_path / "m.gguf", bytes(data))


@given(st.sampled_from(sorted(GOOD)), st.floats(0, 1, exclude_max=True))
@settings(in_one_folder, max_examples=50)
def test_cut_off(tmp_path: Path, name: str, share: float) -> None:
    data = GOOD[name]
    assert not accepted(tmp_path / "m.gguf", data[: int(share * len(data))])


@given(st.binary(max_size=300))
@settings(in_one_folder, max_examples=100)
def test_anything_after_the_magic(tmp_path: Path, data: bytes) -> None:
    assert not accepted(tmp_path / "m.gguf", b"GGUF\3\0\0\0" + data)


@given(st.integers(0, 1 << 32))
@settings(in_one_folder, max_examples=200)
def test_mutants(tmp_path: Path, seed: int) -> None:
    accepted(tmp_path / "m.gguf", mutant(random.Random(seed))[1])


@given(st.integers(0, 1 << 32))
@settings(in_one_folder, max_examples=200)
def test_mutants_of_embedding_models(tmp_path: Path, seed: int) -> None:
    accepted(tmp_path / "m.gguf", mutant(random.Random(seed), NOT_WRITING)[1])


@pytest.mark.slow
@pytest.mark.parametrize("good", [None, NOT_WRITING], ids=["writing", "embedding"])
def test_what_passes_does_not_kill_the_worker(tmp_path: Path, good: dict[str, Tiny] | None) -> None:
    async def run() -> Counter[str]:
        counts: Counter[str] = Counter()
        async with Worker(tmp_path / "worker.log") as worker:
            seed = 0
            while counts["ran"] + counts["declined"] < N_SURVIVORS:
                seed += 1
                what, data = mutant(random.Random(seed), good)
                path = tmp_path / "m.gguf"
                path.write_bytes(data)
                found = await outcome(worker, path, MACHINE)
                assert not found.startswith("died"), (seed, what, found)
                counts[found.partition(":")[0]] += 1
        return counts

    counts = asyncio.run(run())
    # Else the mutator makes nothing worth a try.
    assert counts["ran"] >= N_SURVIVORS // 2
    assert counts["refused"] > N_SURVIVORS
