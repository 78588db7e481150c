"""Weights are given back while they are copied: less is held at once, and the model computes the same."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from autoglm_lite.gguf import read_facts
from autoglm_lite.gguf.reader import read_header
from autoglm_lite.hardware import read_machine
from autoglm_lite.native import copies
from autoglm_lite.native.copies import returning_copied, tensor_ranges
from autoglm_lite.native.model import Model
from autoglm_lite.native.tensors import Place
from autoglm_lite.planning.memory import repacked_bytes
from benchmarks.make_model import Shape, write_model
from tests.native.test_mapping import first_logits, linux

PAGE = 4096


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of tensors that are many pages long, in a type that processors with AVX2 or dot products repack."""
    out = tmp_path_factory.mktemp("model") / "model.gguf"
    write_model(out, Shape(3, 512, 1024, 8, 2, n_vocab=1000, tied=False, n_ctx=512), "random", "Q4_0")
    return out


class Loading(closing[Model]):
    def __init__(self, path: Path) -> None:
        super().__init__(Model(str(path), load_mode="mmap", repack=True))


def first_page(place: Place) -> int:
    return -(-place.start // PAGE) * PAGE


def pages(places: list[Place], base: int) -> set[int]:
    return {page for place in places for page in range((place.start - base) // PAGE, (place.end - base) // PAGE)}


@linux
def test_tensors_lie_in_the_file_where_our_own_reader_finds_them(path: Path, tmp_path: Path) -> None:
    header = read_header(path)
    assert tensor_ranges(str(path)) == {
        tensor.name.encode(): Place(start := header.data_offset + tensor.offset, start + tensor.n_bytes)
        for tensor in header.tensors
    }
    (tmp_path / "bad").write_bytes(b"GGUF" + os.urandom(100))
    assert tensor_ranges(str(tmp_path / "bad")) == tensor_ranges(str(tmp_path / "none")) == {}


@linux
def test_what_was_copied_is_given_back_but_for_the_last(
    path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    given: list[Place] = []

    def advise(places: list[Place], advice: int) -> int:
        given.extend(places)
        return 0

    with Loading(path) as model:
        log = capfd.readouterr().err
        expected = first_logits(model)
    capfd.readouterr()
    copied = repacked_bytes(read_facts(path), read_machine().features)
    with monkeypatch.context() as patch:
        patch.setattr(copies, "advise", advise)
        with returning_copied(str(path)), Loading(path):
            pass
    # What llama.cpp writes is written all the same, at its own levels.
    assert capfd.readouterr().err == log
    if not copied:
        pytest.skip("this processor copies nothing")
    repacked = [
        place for name, place in tensor_ranges(str(path)).items() if f"repack tensor {name.decode()} with" in log
    ]
    base = min(place.start for place in given) - min(map(first_page, repacked))
    assert base % PAGE == 0
    assert pages(given, base) <= {
        page for place in repacked for page in range(place.start // PAGE, place.end // PAGE + 1)
    }
    # All but what the last ones lie in.
    assert len(pages(given, base)) * PAGE >= copied / 2
    with returning_copied(str(path)):
        loading = Loading(path)
    with loading as model:
        assert first_logits(model) == expected


@linux
def test_a_file_that_is_no_model_is_left_to_llama_cpp(tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(b"nothing")
    with returning_copied(str(tmp_path / "bad")):
        pass
