"""What was tuned, on disk: it comes back for the same model, machine and llama.cpp, and for no other."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from autoglm_lite.hardware.devices import Device
from autoglm_lite.planning.plan import Plan
from autoglm_lite.planning.preferences import Values
from autoglm_lite.tune.search import Found
from autoglm_lite.tune.tuned import Identity, Tuned, identity, load, save, tuned_path
from autoglm_lite.tune.turn import Speed
from tests.planning.models import GB, QWEN_1_5B, machine

PLAN = Plan("m.gguf", 4096, threads=3, threads_batch=4, n_ubatch=128, repack=False, flash_attention=False)
FOUND = Found(PLAN, frozenset({"threads", "repack"}), Speed(0.02, 0.2), Speed(0.01, 0.1), 0.1, 9, 60.0)
TUNED = Tuned.of(FOUND)


@pytest.fixture
def what(tmp_path: Path) -> Identity:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF" * 100)
    return identity(replace(QWEN_1_5B, path=path), machine(8 * GB))


def test_it_comes_back(what: Identity) -> None:
    assert what["llama_cpp"] == version("llama-cpp-python")
    assert load(what) is None
    path = save(what, TUNED)
    assert load(what) == TUNED
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    other = replace(TUNED, decided=())
    assert save(what, other) == path
    assert load(what) == other
    assert list(path.parent.iterdir()) == [path]


def test_another_model_or_machine_has_results_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"one")
    here, facts = machine(8 * GB), replace(QWEN_1_5B, path=path)
    first = identity(facts, here)
    # What is free now does not matter, what is installed does.
    assert identity(facts, machine(1 * GB)) == first
    others = [
        identity(facts, replace(here, processor="another")),
        identity(facts, replace(here, memory_total=4 * GB)),
        identity(facts, machine(8 * GB, cores=2)),
        identity(facts, machine(8 * GB, features=frozenset())),
        identity(facts, replace(here, devices=(Device("CUDA0", "A card", "gpu", GB, GB),))),
        identity(replace(facts, file_bytes=7), here),
    ]
    path.write_bytes(b"two")
    others.append(identity(facts, here))
    others.append({**first, "llama_cpp": "9.9"})
    paths = {tuned_path(what) for what in (first, *others)}
    assert len(paths) == len(others) + 1


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\0" * 700,
        b"[]",
        b"{}",
        b'{"format": 1',
        b'{"format": 2, "for": {}, "tuned": {}}',
        b"[" * 60000,
        b"\xff\xfe",
    ],
)
def test_a_damaged_file_is_not_used(what: Identity, damage: bytes) -> None:
    path = save(what, TUNED)
    path.write_bytes(damage)
    with pytest.raises(ValueError, match=r"tune again, or delete .*\.json\.$"):
        load(what)
    save(what, TUNED)
    assert load(what) == TUNED


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("threads", 0),
        ("threads", True),
        ("threads", "4"),
        ("threads_batch", 10**9),
        ("n_ubatch", None),
        ("repack", 1),
        ("flash_attention", "on"),
        ("kv_type", "q3"),
    ],
)
def test_values_that_make_no_sense_are_not_used(what: Identity, name: str, value: object) -> None:
    path = save(what, TUNED)
    content = json.loads(path.read_text())
    content["tuned"]["values"][name] = value
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="damaged"):
        load(what)


@pytest.mark.parametrize("speed", [0.0, -1.0, 1e9, "fast", None])
def test_speeds_that_make_no_sense_are_not_used(what: Identity, speed: object) -> None:
    path = save(what, TUNED)
    content = json.loads(path.read_text())
    content["tuned"]["best"]["decode"] = speed
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="damaged"):
        load(what)


def test_a_result_for_something_else_is_not_used(what: Identity) -> None:
    path = save(what, TUNED)
    content = json.loads(path.read_text())
    content["for"]["machine"]["physical_cores"] = 64
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="damaged"):
        load(what)


def test_a_file_that_cannot_be_read_is_told(what: Identity) -> None:
    tuned_path(what).mkdir(parents=True)
    with pytest.raises(ValueError, match="cannot be read"):
        load(what)


def test_nothing_half_written_stays(what: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(what, TUNED)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save(what, replace(TUNED, decided=()))
    assert list(path.parent.iterdir()) == [path]
    assert load(what) == TUNED


def test_only_what_was_decided_is_preferred() -> None:
    layer = TUNED.layer(roomy=True)
    assert layer.values == Values(threads=3, repack=False)
    assert layer.measured is not None
    assert (layer.measured.prefill, layer.measured.decode) == (100.0, 10.0)
    assert layer.measured.values.n_ubatch == 128


def test_a_smaller_cache_is_for_when_memory_is_short() -> None:
    smaller = Tuned(replace(TUNED.values, kv_type="q8_0"), ("kv_type",), TUNED.usual, TUNED.best)
    assert smaller.layer(roomy=False).values.kv_type == "q8_0"
    assert smaller.layer(roomy=True).values.kv_type is None
