"""Parts of a split GGUF become one file, whatever happens meanwhile."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoglm_lite.errors import AutoglmError, ModelFileError, StoreError
from autoglm_lite.gguf import read_facts
from autoglm_lite.store.joining import join, joined_already
from tests.gguf.splitting import merged, split, write_parts
from tests.gguf.tiny import MODELS, U32, llama, single
from tests.store.full_disk import full_at

WHOLES = {name: model().encode() for name, model in MODELS.items()}
N_TENSORS = {name: len(model().tensors) for name, model in MODELS.items()}


def parts_of(name: str, cuts: list[int]) -> list[bytes]:
    """Cut before these tensors."""
    ends = [*sorted(min(cut, N_TENSORS[name]) for cut in cuts), N_TENSORS[name]]
    return split(WHOLES[name], [end - begin for begin, end in zip([0, *ends], ends, strict=False)])


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    return write_parts(tmp_path, "m", parts_of("llama", [3, 7, 12]))


@given(
    name=st.sampled_from(sorted(WHOLES)),
    cuts=st.lists(st.integers(0, 30), min_size=1, max_size=5),
    give_up=st.booleans(),
)
@settings(max_examples=40)
def test_joined_parts_are_the_whole(
    tmp_path_factory: pytest.TempPathFactory, name: str, cuts: list[int], give_up: bool
) -> None:
    folder = tmp_path_factory.mktemp("split")
    paths, out = write_parts(folder, "m", parts_of(name, cuts)), folder / "out.gguf"
    seen: list[tuple[int, int]] = []
    join(paths, out, lambda done, total: seen.append((done, total)), give_up=give_up)
    assert out.read_bytes() == merged(WHOLES[name])
    assert seen == sorted(seen)
    assert seen[-1][0] <= seen[-1][1] == out.stat().st_size
    assert sorted(folder.iterdir()) == sorted([out, *([] if give_up else paths)])


def test_what_is_joined_runs(parts: list[Path], tmp_path: Path) -> None:
    join(parts, tmp_path / "out.gguf")
    assert read_facts(tmp_path / "out.gguf").n_layer == 2


def test_another_alignment_is_kept(tmp_path: Path) -> None:
    model = llama()
    model.alignment = 64
    model.put(single("general.alignment", U32, 64))
    content = model.encode()
    paths = write_parts(tmp_path, "m", split(content, [4, len(model.tensors) - 4]))
    # Its later parts do not say so, and have the usual one.
    usual = split(llama().encode(), [4, len(model.tensors) - 4])
    paths[1].write_bytes(usual[1])
    join(paths, tmp_path / "out.gguf")
    assert (tmp_path / "out.gguf").read_bytes() == merged(content)


class StopError(Exception):
    """As when the process is told to end."""


@pytest.mark.parametrize("give_up", [False, True])
def test_stopped_anywhere_it_comes_to_the_same_bytes(tmp_path: Path, give_up: bool) -> None:
    """With parts given up it goes on where it was; what is gone need not be there again."""
    chance = random.Random(give_up)
    for round_ in range(25):
        folder = tmp_path / str(round_)
        folder.mkdir()
        paths, out = write_parts(folder, "m", parts_of("qwen3", [3, 3, 9, 14])), folder / "out.gguf"
        n_stops = 0
        while not out.exists():
            left = chance.randrange(1, 16)
            gone = joined_already(paths, out, "one")
            assert [path.exists() for path in paths] == [False] * gone + [True] * (len(paths) - gone)
            assert gone == 0 or give_up

            def stop(*_: int) -> None:
                nonlocal left
                left -= 1
                if not left:
                    raise StopError

            try:
                join(paths, out, stop, give_up=give_up, identity="one")
            except StopError:
                n_stops += 1
                assert not out.exists()
                if n_stops > 8:
                    chance = random.Random(99)
                    join(paths, out, give_up=give_up, identity="one")
        assert out.read_bytes() == merged(WHOLES["qwen3"])
        assert sorted(folder.iterdir()) == sorted([out, *([] if give_up else paths)])


def test_room_for_one_part_is_enough_where_parts_are_given_up(tmp_path: Path) -> None:
    paths, out = write_parts(tmp_path, "m", parts_of("llama", [3, 7, 12])), tmp_path / "out.gguf"
    total, longest = sum(path.stat().st_size for path in paths), max(path.stat().st_size for path in paths)
    most = 0

    def look(*_: int) -> None:
        nonlocal most
        most = max(most, sum(path.stat().st_size for path in tmp_path.iterdir()))

    join(paths, out, look, give_up=True)
    assert most <= total + longest + 1024


def test_what_was_begun_of_other_parts_is_not_gone_on_with(tmp_path: Path) -> None:
    paths, out = write_parts(tmp_path, "m", parts_of("llama", [3, 7])), tmp_path / "out.gguf"

    def stop(done: int, total: int) -> None:
        if not paths[0].exists():
            raise StopError

    with pytest.raises(StopError):
        join(paths, out, stop, give_up=True, identity="revision 1")
    assert joined_already(paths, out, "revision 1") == 1
    assert joined_already(paths, out, "revision 2") == 0
    with pytest.raises(ModelFileError, match="There is no file"):
        join(paths, out, give_up=True, identity="revision 2")
    # The same name and another model: its tensors are not what was begun.
    paths[2].write_bytes(parts_of("qwen3", [3, 7])[2])
    with pytest.raises(ModelFileError, match=r"is not part . of what was joined before"):
        join(paths, out, give_up=True, identity="revision 1")
    assert joined_already(paths, out, "revision 1") == 1
    paths[2].write_bytes(parts_of("llama", [3, 7])[2])
    join(paths, out, give_up=True, identity="revision 1")
    assert out.read_bytes() == merged(WHOLES["llama"])


@pytest.mark.parametrize("give_up", [False, True])
def test_a_disk_that_is_full_at_any_moment_costs_nothing(tmp_path: Path, give_up: bool) -> None:
    step = 0
    while True:
        folder = tmp_path / str(step)
        folder.mkdir()
        paths, out = write_parts(folder, "m", parts_of("llama", [3, 12])), folder / "out.gguf"
        with full_at(step) as disk, suppress(StoreError):
            join(paths, out, give_up=give_up)
        # And then there is room.
        if not out.exists():
            join(paths, out, give_up=give_up)
        assert out.read_bytes() == merged(WHOLES["llama"])
        assert not list(folder.glob("*.joining"))
        if not disk.fell:
            break
        step += 1
    assert step > 10


def test_a_full_disk_is_said(parts: list[Path], tmp_path: Path) -> None:
    with full_at(5), pytest.raises(StoreError, match="became full while the parts of out were joined: make room"):
        join(parts, tmp_path / "out.gguf")
    assert sorted(tmp_path.iterdir()) == parts


def test_too_little_room_is_said_before_anything_is_written(
    parts: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    real = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: real._replace(free=100_090_000))
    longest, total = max(path.stat().st_size for path in parts), sum(path.stat().st_size for path in parts)
    assert longest < 90_000 < total
    with pytest.raises(StoreError, match="too little room to join the parts of out: 100 MB are needed and 100 MB are"):
        join(parts, tmp_path / "out.gguf")
    assert sorted(tmp_path.iterdir()) == parts
    join(parts, tmp_path / "out.gguf", give_up=True)
    assert (tmp_path / "out.gguf").read_bytes() == merged(WHOLES["llama"])


def test_damaged_and_missing_parts_leave_nothing(parts: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out.gguf"
    for number, damage in ((0, b""), (1, b"<html>"), (2, parts[2].read_bytes()[:-5000]), (3, None)):
        before = parts[number].read_bytes()
        if damage is None:
            parts[number].unlink()
        else:
            parts[number].write_bytes(damage)
        for give_up in (False, True):
            with pytest.raises(ModelFileError) as caught:
                join(parts, out, give_up=give_up)
            assert parts[number].name in str(caught.value)
        parts[number].write_bytes(before)
        assert sorted(tmp_path.iterdir()) == parts
    join(parts, out)


def test_two_at_once_one_waits(parts: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out.gguf"
    said: list[str] = []

    def another(*_: int) -> None:
        if not said:
            with pytest.raises(StoreError) as caught:
                join(parts, out)
            said.append(str(caught.value))

    join(parts, out, another)
    assert "Another autoglm-lite is joining the parts of out already" in said[0]
    assert out.read_bytes() == merged(WHOLES["llama"])


def test_a_link_in_the_way_is_not_followed(parts: list[Path], tmp_path: Path) -> None:
    out, precious = tmp_path / "out.gguf", tmp_path / "precious"
    precious.write_bytes(b"precious")
    begun: list[Path] = []
    join(parts, out, lambda *_: begun.extend(tmp_path.glob("*.joining")))
    out.unlink()
    begun[0].symlink_to(precious)
    with pytest.raises(AutoglmError, match="cannot be joined"):
        join(parts, out)
    assert precious.read_bytes() == b"precious"


def test_hostile_headers_cost_little(tmp_path: Path) -> None:
    chance = random.Random(7)
    good = parts_of("qwen3", [5])
    for round_ in range(150):
        bad = bytearray(good[round_ % 2])
        for _ in range(chance.randrange(1, 4)):
            bad[chance.randrange(min(len(bad), 4000))] = chance.randrange(256)
        pair = [bytes(bad), good[1]] if round_ % 2 == 0 else [good[0], bytes(bad)]
        paths, out = write_parts(tmp_path, "m", pair), tmp_path / "out.gguf"
        with suppress(ModelFileError):
            join(paths, out)
            read_facts(out)
        out.unlink(missing_ok=True)
        assert sorted(tmp_path.iterdir()) == paths
