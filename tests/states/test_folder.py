"""Kept states: only what is whole and of the same model is ever handed out, and the folder keeps to its budget."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from array import array
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.states.file import DamagedStateError, read_head, verify, write_state
from autoglm_lite.states.folder import StateFolder, common_prefix, kept_states, unfinished_states

KEY, OTHER = b"k" * 32, b"o" * 32


def saver(tokens: list[int], n_payload: int = 100) -> Callable[[Path], int]:
    """Writes what llama.cpp would."""

    def save(path: Path) -> int:
        head = struct.pack("<III", 0x67677371, 2, len(tokens)) + array("i", tokens).tobytes()
        return path.write_bytes(head + bytes(i % 251 for i in range(n_payload)))

    return save


def keep(folder: StateFolder, tokens: list[int], n_payload: int = 100) -> bool:
    return folder.keep(tokens, n_payload, saver(tokens, n_payload))


def test_the_longest_common_prefix_is_found(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "kv", KEY)
    assert folder.find([1, 2, 3]) is None
    assert keep(folder, [1, 2, 3, 4])
    assert keep(folder, [1, 2, 9, 9, 9])
    assert keep(folder, [7])
    found = folder.find([1, 2, 3, 5, 6])
    assert found
    assert (found.n_common, list(found.head.tokens)) == (3, [1, 2, 3, 4])
    assert folder.open(found) == found.head.path
    assert folder.find([8, 8]) is None
    assert (tmp_path / "kv").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path, _ in kept_states(tmp_path / "kv")} == {0o600}


def test_of_equal_prefixes_the_smaller_file_is_taken(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path, KEY)
    keep(folder, [1, 2, 3, 4], 5000)
    keep(folder, [1, 2, 5], 100)
    found = folder.find([1, 2, 8])
    assert found
    assert list(found.head.tokens) == [1, 2, 5]


def test_a_longer_state_takes_the_place_of_what_it_contains(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path, KEY)
    for tokens in ([1], [1, 2], [5], [1, 2, 3]):
        keep(folder, tokens)
    assert sorted(list(read_head(path, KEY).tokens) for path, _ in kept_states(tmp_path)) == [[1, 2, 3], [5]]


def test_another_models_states_are_neither_found_nor_removed(tmp_path: Path) -> None:
    keep(StateFolder(tmp_path, OTHER), [1, 2, 3])
    assert StateFolder(tmp_path, KEY).find([1, 2, 3]) is None
    assert StateFolder(tmp_path, OTHER).find([1, 2, 3])


def test_the_longest_unused_make_room(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path, KEY, most_bytes=3000)
    for i, tokens in enumerate(([1], [2])):
        keep(folder, tokens, 1000)
        os.utime(max(tmp_path.iterdir(), key=lambda path: path.stat().st_mtime_ns), (i, i))
    found = folder.find([1, 1])
    assert found
    folder.open(found)
    assert keep(folder, [3], 1000)
    assert folder.find([1])
    assert folder.find([2]) is None
    assert not keep(folder, [4], 4000)
    assert sum(size for _, size in kept_states(tmp_path)) <= 3000


def test_a_state_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "kv", KEY)

    def full(path: Path) -> int:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    assert not folder.keep([1], 10, full)
    assert not folder.keep([1], 10, lambda path: path.write_bytes(b"x" * 50) + 1)
    assert list((tmp_path / "kv").iterdir()) == []
    (tmp_path / "file").write_text("")
    assert not StateFolder(tmp_path / "file" / "kv", KEY).keep([1], 10, saver([1]))


def test_what_a_killed_process_was_writing_is_removed(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    mine, theirs, odd = (tmp_path / f".abc.kv.{pid}.part" for pid in (os.getpid(), ended.pid, "x"))
    for part in (mine, theirs, odd):
        part.write_bytes(b"x")
    StateFolder(tmp_path, KEY)
    assert unfinished_states(tmp_path) == [(mine, 1)]


def test_states_that_are_too_long_or_cannot_be_cut_are_passed_over(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path, KEY)
    keep(folder, [1, 2, 3, 4, 5])
    keep(folder, [1, 2, 9])
    prompt = [1, 2, 3, 4, 8]
    for found, tokens in (
        (folder.find(prompt), [1, 2, 3, 4, 5]),
        (folder.find(prompt, most=4), [1, 2, 9]),
        (folder.find([1, 2, 9, 9], whole=True), [1, 2, 9]),
    ):
        assert found
        assert list(found.head.tokens) == tokens
    assert folder.find(prompt, whole=True) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_damaged_state_that_cannot_be_removed_is_passed_over(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path, KEY)
    keep(folder, [1, 2])
    ((path, _),) = kept_states(tmp_path)
    path.write_bytes(b"x" * 500)
    tmp_path.chmod(0o500)
    try:
        assert folder.find([1, 2]) is None
    finally:
        tmp_path.chmod(0o700)


@given(st.data())
def test_no_damage_goes_unseen(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("states") / "a.kv"
    write_state(path, KEY, saver([1, 2, 3], 40))
    whole = path.read_bytes()
    damaged = data.draw(
        st.one_of(
            st.builds(
                lambda at, bit: whole[:at] + bytes([whole[at] ^ (1 << bit)]) + whole[at + 1 :],
                st.integers(0, len(whole) - 1),
                st.integers(0, 7),
            ),
            st.integers(0, len(whole) - 1).map(lambda length: whole[:length]),
            st.binary(min_size=1, max_size=30).map(lambda more: whole + more),
            st.binary(max_size=200),
        )
    )
    path.write_bytes(damaged)
    with pytest.raises(DamagedStateError):
        read_head(path, KEY)
        verify(path, KEY)


def test_a_damaged_state_is_dropped(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path, KEY)
    keep(folder, [1, 2, 3])
    found = folder.find([1, 2, 3])
    assert found
    path = found.head.path
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)
    assert folder.open(found) is None
    assert not path.exists()
    keep(folder, [1, 2, 3])
    path.write_bytes(path.read_bytes()[:-1])
    assert folder.find([1, 2, 3]) is None
    assert not path.exists()


@given(st.lists(st.integers(0, 2)), st.lists(st.integers(0, 2)))
def test_common_prefix(one: list[int], other: list[int]) -> None:
    expected = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    assert common_prefix(array("i", one), array("i", other)) == expected
