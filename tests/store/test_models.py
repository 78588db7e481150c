"""Finding a model by what the user calls it."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoglm_lite import store
from autoglm_lite.errors import ModelFileError, UsageError
from autoglm_lite.planning.make import Wishes
from autoglm_lite.store.models import models_dir
from tests.gguf.tiny import TYPE_F32, Tensor, Tiny, llama, qwen3


@pytest.fixture
def models() -> Path:
    folder = models_dir()
    folder.mkdir(parents=True)
    return folder


def larger(tiny: Tiny) -> Tiny:
    tiny.tensors.append(Tensor(b"more.weight", [512, 512], TYPE_F32, bytes(1 << 20)))
    return tiny


def test_a_path_that_exists_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.gguf"
    path.touch()
    assert store.resolve(str(path)) == path
    monkeypatch.chdir(tmp_path)
    assert store.resolve("mine.gguf") == Path("mine.gguf")
    assert store.resolve("..") == Path("..")


def test_a_stored_model_is_found_by_its_name(models: Path) -> None:
    path = llama().write(models / "tiny.gguf")
    assert store.resolve("tiny") == store.resolve("tiny.gguf") == path
    assert store.stored_models() == [path]


def test_a_name_with_dots_in_it(models: Path) -> None:
    path = llama().write(models / "qwen2.5-1.5b.gguf")
    assert store.resolve("qwen2.5-1.5b") == path


def test_an_unknown_name_lists_what_is_stored(models: Path) -> None:
    with pytest.raises(ModelFileError, match="none is stored yet"):
        store.resolve("tiny")
    for name in ("b", "a"):
        llama().write(models / f"{name}.gguf")
    with pytest.raises(ModelFileError, match=r"called tiny \(stored are a, b\): give the path"):
        store.resolve("tiny")


def test_of_many_models_those_with_the_nearest_names_are_told_in_one_sentence(models: Path) -> None:
    for n in range(30):
        (models / f"qwen-{n}.gguf").touch()
    (models / "tiny\nllama.gguf").touch()
    with pytest.raises(ModelFileError) as caught:
        store.resolve("tiny")
    told = str(caught.value)
    assert "(stored are tiny\ufffdllama, qwen-" in told
    assert " and 23 more)" in told


@pytest.mark.parametrize("name", ["../models/tiny", "./tiny", "/nowhere/tiny.gguf", "models/../tiny", "~/tiny.gguf"])
def test_a_path_is_never_looked_up_in_the_store(name: str, models: Path) -> None:
    llama().write(models / "tiny.gguf")
    with pytest.raises(ModelFileError, match="There is no file"):
        store.resolve(name)


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_what_cannot_be_a_name(name: str) -> None:
    with pytest.raises(UsageError):
        store.resolve(name)


def test_without_a_name_and_a_store_it_is_the_starter() -> None:
    path = store.resolve(None)
    assert path == store.starter_path()
    assert store.is_starter(path)


def test_without_a_name_it_is_the_largest_that_fits(models: Path) -> None:
    small = llama().write(models / "small.gguf")
    large = larger(qwen3()).write(models / "large.gguf")
    (models / "broken.gguf").write_bytes(b"x" * (4 << 20))
    assert store.resolve(None) == large
    assert not store.is_starter(large)
    # The vocabulary comes on top of a process; the larger model needs 1 MB more.
    for allowed in range(28 << 20, 40 << 20, 100_000):
        found = store.resolve(None, Wishes(memory=allowed))
        if found == small:
            break
    assert found == small
    assert store.is_starter(store.resolve(None, Wishes(memory=1)))


def test_a_stored_model_that_cannot_be_used_is_not_passed_over_in_silence(models: Path) -> None:
    good = llama().write(models / "good.gguf")
    bad = larger(qwen3()).write(models / "bad.gguf")
    bad.write_bytes(bad.read_bytes()[:5000] + bytes(2 << 20))
    said: list[str] = []
    assert store.resolve(None, Wishes(), said.append) == good
    assert len(said) == 1
    assert "bad is passed over" in said[0]


@pytest.mark.parametrize("name", ["x" * 300, "~no such user/x.gguf"])
def test_a_path_that_cannot_be_followed(name: str) -> None:
    with pytest.raises(ModelFileError, match="cannot be followed"):
        store.resolve(name)


def test_the_folder_for_models_is_made() -> None:
    store.make_models_dir()
    assert models_dir().is_dir()
