"""The key: made once, kept for its owner alone, and never one that others may have read."""

from __future__ import annotations

import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from autoglm_lite.errors import AutoglmError
from autoglm_lite.server.keys import key_path, make_key, read_key


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AUTOGLM_LITE_HOME", str(tmp_path / "home"))
    return tmp_path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_there_is_none_before_the_first_start() -> None:
    assert read_key() is None
    assert not key_path().parent.exists()


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_it_is_made_once_for_its_owner_alone(umask: int) -> None:
    before = os.umask(umask)
    try:
        made = make_key()
    finally:
        os.umask(before)
    assert len(made) >= 43
    assert mode(key_path()) == 0o600
    assert mode(key_path().parent) == 0o700
    assert make_key() == made == read_key()
    assert [path.name for path in key_path().parent.iterdir()] == [key_path().name]


def test_each_computer_has_another(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = make_key()
    monkeypatch.setenv("AUTOGLM_LITE_HOME", str(tmp_path / "other"))
    assert make_key() != first


def test_two_starts_at_once_agree() -> None:
    with multiprocessing.get_context("fork").Pool(8) as pool:
        made = pool.map(_made, range(64))
    assert set(made) == {read_key()}


def _made(_: int) -> str:
    return make_key()


def test_one_of_the_user_s_own_is_taken() -> None:
    make_key()
    key_path().write_text("  correct-horse-battery-staple\n")
    assert make_key() == "correct-horse-battery-staple"


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"short", b"with a blank in it, and long", "schlüssel-schlüssel".encode(), bytes(43), b"k" * 5000],
)
def test_a_damaged_one_is_told(content: bytes) -> None:
    make_key()
    key_path().write_bytes(content)
    for ask in (make_key, read_key):
        with pytest.raises(AutoglmError, match=r"is damaged: remove it"):
            ask()


@pytest.mark.parametrize("bits", [0o604, 0o640, 0o666, 0o620])
def test_one_that_others_may_have_read_is_not_used(bits: int) -> None:
    make_key()
    key_path().chmod(bits)
    with pytest.raises(AutoglmError, match="Others may have read"):
        make_key()


@pytest.mark.parametrize("bits", [0o755, 0o750, 0o777])
def test_a_folder_of_others_is_not_used(bits: int) -> None:
    make_key()
    key_path().parent.chmod(bits)
    for ask in (make_key, read_key):
        with pytest.raises(AutoglmError, match="chmod 700"):
            ask()


def test_links_are_not_followed(home: Path) -> None:
    elsewhere = home / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (elsewhere / "key").write_text("a-key-of-somebody-else\n")
    (elsewhere / "key").chmod(0o600)
    key_path().parent.parent.mkdir(parents=True)
    key_path().parent.symlink_to(elsewhere)
    for ask in (make_key, read_key):
        with pytest.raises(AutoglmError, match="no folder of its own"):
            ask()
    key_path().parent.unlink()
    key_path().parent.mkdir(mode=0o700)
    key_path().symlink_to(elsewhere / "key")
    with pytest.raises(AutoglmError, match="cannot be read"):
        make_key()
    assert (elsewhere / "key").read_text() == "a-key-of-somebody-else\n"


def test_a_pipe_or_a_folder_in_its_place_is_told() -> None:
    make_key()
    key_path().unlink()
    os.mkfifo(key_path(), 0o600)
    with pytest.raises(AutoglmError, match="is no file"):
        make_key()
    key_path().unlink()
    key_path().mkdir(mode=0o700)
    with pytest.raises(AutoglmError, match=r"is no file|cannot be read"):
        make_key()


def test_a_full_disk_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(AutoglmError, match="No space left"):
        make_key()
    assert list(key_path().parent.iterdir()) == []
