"""Whether a file still is what it was."""

from __future__ import annotations

import hashlib
import random
from itertools import pairwise
from pathlib import Path

import pytest

from autoglm_lite.store.loading import noted_and_checked
from autoglm_lite.store.manifest import Manifest, StoredFile
from autoglm_lite.store.models import models_dir, starter_path
from autoglm_lite.store.publishing import publish
from autoglm_lite.store.using import last_used
from autoglm_lite.store.verifying import BLOCK_BYTES, N_BLOCKS, is_as_sampled, offsets, sampled, sha256_of


@pytest.mark.parametrize("n_bytes", [0, 1, 4095, 4096, 4097, 32 * 4096, 33 * 4096 + 1, 10**6, 10**9, 5 * 10**12 + 7])
def test_the_blocks_are_spread_over_the_file_and_depend_on_its_size_alone(n_bytes: int) -> None:
    found = offsets(n_bytes)
    assert found == offsets(n_bytes) == sorted(set(found))
    assert found[0] == 0
    assert all(offset % BLOCK_BYTES == 0 and offset < max(n_bytes, 1) for offset in found)
    assert found[-1] == max(0, n_bytes - 1) // BLOCK_BYTES * BLOCK_BYTES
    blocks = -(-n_bytes // BLOCK_BYTES)
    assert len(found) == max(1, min(blocks, N_BLOCKS))
    if blocks > N_BLOCKS:
        assert max(b - a for a, b in pairwise(found)) < 3 * n_bytes / N_BLOCKS


def test_a_flipped_bit_in_a_block_and_a_cut_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    content = bytearray(random.Random(1).randbytes(1_000_000))
    path.write_bytes(content)
    samples = sampled(path)
    assert is_as_sampled(path, samples)
    content[samples[7][0] + 123] ^= 1
    path.write_bytes(content)
    assert not is_as_sampled(path, samples)
    content[samples[7][0] + 123] ^= 1
    path.write_bytes(content[:-1])
    assert not is_as_sampled(path, samples)
    path.write_bytes(b"")
    assert not is_as_sampled(path, samples)


def test_all_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(random.Random(1).randbytes(3_000_000))
    seen: list[tuple[int, int]] = []
    assert sha256_of(path, lambda *counts: seen.append(counts)) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert seen[-1] == (3_000_000, 3_000_000)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


def test_each_load_is_noted_and_damage_is_a_sentence(tmp_path: Path) -> None:
    models = models_dir()
    (models / "partial").mkdir(parents=True)
    came = models / "partial" / "came"
    came.write_bytes(bytes(200_000))
    path = publish(models, came, Manifest("my model", StoredFile("my model.gguf", 200_000), "fetched"))
    assert last_used(path) is None
    assert noted_and_checked(path) is None
    noted = last_used(path)
    assert noted is not None
    path.unlink()
    path.write_bytes(b"1" + bytes(199_999))
    said = noted_and_checked(path)
    assert said is not None
    assert "my model is not what was stored" in said
    assert "autoglm-lite models verify 'my model'" in said
    path.write_bytes(bytes(100_000))
    assert noted_and_checked(path) is not None
    # Nobody knows what these are to be.
    (models / "found.gguf").write_bytes(b"anything")
    (models / "[odd].gguf").write_bytes(b"anything")
    assert noted_and_checked(models / "found.gguf") is None
    assert noted_and_checked(models / "[odd].gguf") is None
    assert last_used(models / "[odd].gguf") is not None
    assert noted_and_checked(starter_path()) is None
    assert noted_and_checked(tmp_path / "none.gguf") is None


def test_a_folder_that_takes_nothing_is_no_failure(home: Path) -> None:
    models_dir().mkdir(parents=True)
    path = models_dir() / "m.gguf"
    path.write_bytes(b"x")
    (home / "state").write_bytes(b"in the way")
    assert noted_and_checked(path) is None
    assert last_used(path) is None
