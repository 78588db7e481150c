"""What a header says, kept so that it need not be read again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autoglm_lite.errors import ModelFileError
from autoglm_lite.gguf import facts as gguf_facts
from autoglm_lite.gguf.facts import read_facts
from autoglm_lite.store.facts import facts_folder, kept_for, stored_facts
from autoglm_lite.store.models import starter_path
from tests.gguf.tiny import llama, qwen3


def test_the_second_time_it_is_not_read_and_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (llama().write(tmp_path / "a.gguf"), qwen3().write(tmp_path / "b.gguf"), starter_path()):
        first = stored_facts(path)
        assert first == read_facts(path)
        with monkeypatch.context() as patched:
            patched.setattr(gguf_facts, "read_header", lambda _: pytest.fail("it is read again"))
            assert stored_facts(path) == first


def test_another_file_is_read(tmp_path: Path) -> None:
    path = llama().write(tmp_path / "a.gguf")
    stored_facts(path)
    before = kept_for([path])
    new = qwen3().write(tmp_path / "new")
    new.replace(path)
    assert kept_for([path]) != before
    assert stored_facts(path).architecture == "qwen3"
    path.write_bytes(b"no model")
    with pytest.raises(ModelFileError):
        stored_facts(path)
    with pytest.raises(ModelFileError):
        stored_facts(tmp_path / "none.gguf")


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"path": 1}', b"\xff", b"[" * 100_000])
def test_damage_in_the_cache_is_no_obstacle(tmp_path: Path, damage: bytes) -> None:
    path = llama().write(tmp_path / "a.gguf")
    stored_facts(path)
    (kept,) = facts_folder().iterdir()
    kept.write_bytes(damage)
    assert stored_facts(path) == read_facts(path)
    assert kept.read_bytes() != damage


def test_a_cache_that_cannot_be_written_is_no_obstacle(tmp_path: Path, home: Path) -> None:
    home.mkdir()
    (home / "cache").write_bytes(b"in the way")
    path = llama().write(tmp_path / os.fsdecode(b"\xff.gguf"))
    assert stored_facts(path) == read_facts(path)
    (home / "cache").unlink()
    stored_facts(path)
    assert stored_facts(path) == read_facts(path)
