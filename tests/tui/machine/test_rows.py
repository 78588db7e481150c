"""The panel's lines: they fit any width, and say what is true."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.chat.backend import Footprint, OnDevice
from autoglm_lite.generation import Finished, Prefill
from autoglm_lite.hardware.power import Power
from autoglm_lite.hardware.programs import Program
from autoglm_lite.planning.memory import Predicted
from tui.machine.bars import Line, cells
from tui.machine.look import Held, Look
from tui.machine.parts import Name, Part, others, parts_of
from tui.machine.rows import View, above, beside, warning
from tui.machine.status import Status
from tui.words import CHINESE, ENGLISH, Words

MB, GB = 10**6, 10**9
POWER = Power(False, "intel_pstate", "powersave", None, 3, 71.4, 100.0, None, 54.0)
LOOK = Look(
    8 * GB,
    3 * GB,
    app=Held(61 * MB, 41 * MB),
    model=Held(986 * MB, 174 * MB),
    busy={0: 0.98, 1: 0.45, 2: 0.5, 3: 0.0},
    power=POWER,
    slowed=True,
    waiting=23.0,
    short=True,
    largest=Program("firefox", 7, 9, 2 * GB, own=True),
)
PREDICTED = Predicted(mapped=800 * MB, repacked=20 * MB, kv=112 * MB, compute=10 * MB, process=40 * MB)
FOOTPRINT = Footprint(PREDICTED, 9.3, 2, (0, 2), (OnDevice("CUDA0", 20, 3 * GB, 8 * GB),), 28)
STATUS = Status(
    "小模型 1.5B", 4096, "answering", 6.2, used=512, busy=True, finished=Finished("stop", 500, 480, 30, 0.84, 4.0)
)
FULL = View(STATUS, LOOK, FOOTPRINT, (4.0, 6.0, 6.2))
EMPTY = View(Status("…", None))
LANGUAGES = [ENGLISH, CHINESE]

bytes_ = st.integers(0, 10**13)
holdings = st.builds(lambda a, b: Held(max(a, b), min(a, b)), bytes_, bytes_)
looks = st.builds(
    Look,
    total=st.none() | bytes_,
    available=st.none() | bytes_,
    app=holdings,
    model=st.none() | holdings,
    busy=st.dictionaries(st.integers(0, 300), st.floats(0, 1), max_size=70),
    power=st.none() | st.just(POWER),
    slowed=st.booleans(),
    low_voltage=st.booleans(),
    waiting=st.none() | st.floats(0, 100),
    short=st.booleans(),
    largest=st.none() | st.builds(Program, st.text(max_size=15), st.just(7), st.just(1), bytes_, st.booleans()),
)
prefills = st.builds(
    lambda total, share, left: Prefill(int(total * share), total, 0, left),
    st.integers(0, 10**6),
    st.floats(0, 1),
    st.none() | st.floats(0, 1e5),
)
finishes = st.builds(Finished, st.just("stop"), *[st.integers(0, 10**6)] * 3, st.floats(0, 1e4), st.floats(0, 1e4))
statuses = st.builds(
    Status,
    model=st.text(st.sampled_from("model 模型-7B"), max_size=40),
    n_ctx=st.none() | st.integers(0, 10**6),
    activity=st.sampled_from(["", "answering", "正在加载 45%，还需 9 秒"]),
    speed=st.none() | st.floats(0, 1e5),
    used=st.none() | st.integers(0, 10**6),
    busy=st.booleans(),
    reading=st.none() | prefills,
    finished=st.none() | finishes,
)
predictions = st.builds(Predicted, *[bytes_] * 5)
devices = st.builds(OnDevice, st.text(max_size=20), st.integers(0, 100), st.none() | bytes_, st.none() | bytes_)
footprints = st.builds(
    Footprint,
    st.none() | predictions,
    st.none() | st.floats(0.01, 1e5),
    st.none() | st.integers(1, 512),
    st.lists(st.integers(0, 300), max_size=8).map(tuple),
    st.lists(devices, max_size=2).map(tuple),
    st.none() | st.integers(1, 100),
)
views = st.builds(
    View, statuses, st.none() | looks, footprints, st.lists(st.floats(0, 1e5), max_size=90), st.booleans()
)


def read(lines: list[Line]) -> str:
    return "\n".join("".join(text for text, _ in line).rstrip() for line in lines)


@given(views, st.integers(20, 60), st.integers(0, 50), st.sampled_from(LANGUAGES), st.booleans())
def test_all_lines_are_as_wide_as_the_panel(view: View, width: int, height: int, words: Words, plain: bool) -> None:
    lines = beside(view, width, height, words, plain=plain)
    assert len(lines) <= height
    assert {cells(line) for line in lines} <= {width}


@given(views, st.integers(20, 130), st.integers(0, 12), st.sampled_from(LANGUAGES), st.booleans())
def test_and_above_the_box_too(view: View, width: int, height: int, words: Words, plain: bool) -> None:
    lines = above(view, width, height, words, plain=plain)
    assert len(lines) <= height
    assert {cells(line) for line in lines} <= {width}


@pytest.mark.parametrize("words", LANGUAGES)
def test_without_block_characters(words: Words) -> None:
    drawn = "█░▏▎▍▌▋▊▉▁▂▃▄▅▆▇■●"
    assert set(drawn) & set(read(beside(FULL, 35, 40, words)))
    assert not set(drawn) & set(read(beside(FULL, 35, 40, words, plain=True)))


def test_everything_is_said_where_there_is_room() -> None:
    said = read(beside(FULL, 35, 40, ENGLISH))
    for part in (
        "小模型 1.5B\nanswering",
        "Firefox and this model together do\nnot fit: close tabs or take a",
        "Speed   6.2 tok/s  at most about 9.3",
        "▄▆▆",
        "first word after 0.84 s",
        "Context          512 of 4096 (12 %)",
        "From cache               480 of 500",
        "Memory        3.0 GB of 8.0 GB free",
        "■ weights 800 MB",
        "■ KV cache 112 MB",
        "■ others 4.8 GB",
        "model       986 MB    174 MB    812 MB",
        "Processor                threads: 2",
        "●0 █",
        " 1 ",
        "98%",
        "CUDA0               20 of 28 layers",
        "3.0 GB of 8.0 GB",
        "71 °C · slowed by heat",
        "battery 54 %",
        "waits for memory 23 %",
    ):
        assert " ".join(part.split()) in " ".join(said.split()), part


def test_the_reading_of_a_prompt() -> None:
    status = replace(STATUS, speed=None, finished=None, reading=Prefill(128, 512, 64, 13.6))
    said = read(beside(replace(FULL, status=status), 35, 40, CHINESE))
    assert "正在读取提示" in said
    assert "128/512  还需 14 秒" in said
    assert "64 / 512" in said
    assert "词元/秒" not in said


def test_what_is_not_known_is_not_shown() -> None:
    assert read(beside(EMPTY, 35, 40, ENGLISH)) == "…\nready"
    of_service = View(replace(STATUS, speed=None), replace(LOOK, model=None, short=False), unknown=True)
    said = read(beside(of_service, 35, 40, ENGLISH))
    assert "model                     not known" in said
    assert "weights" not in said


def test_few_lines_have_the_most_important() -> None:
    said = read(beside(replace(FULL, look=replace(LOOK, short=False)), 35, 5, ENGLISH))
    assert [line.split()[0] for line in said.splitlines()[:4]] == ["小模型", "answering", "Speed", "Memory"]
    assert "█" in said.splitlines()[4]


@given(holdings, st.none() | predictions)
def test_the_parts_sum_up_to_what_is_resident(held: Held, predicted: Predicted | None) -> None:
    parts = parts_of(held, predicted)
    assert sum(part.n_bytes for part in parts) == held.resident
    assert all(part.n_bytes > 0 for part in parts)


def test_the_parts_of_a_model_as_planned_and_without_its_context() -> None:
    held = Held(PREDICTED.resident_total, PREDICTED.anonymous)
    names: tuple[Name, ...] = ("mapped", "repacked", "kv", "compute", "process")
    assert parts_of(held, PREDICTED) == [Part(name, getattr(PREDICTED, name)) for name in names]
    shed = Held(held.resident - 122 * MB, held.anonymous - 122 * MB)
    without = [Part(name, getattr(PREDICTED, name)) for name in names if name not in ("kv", "compute")]
    assert parts_of(shed, PREDICTED) == without
    assert parts_of(held, None) == [Part("mapped", held.mapped), Part("own", held.anonymous)]


def test_what_other_programs_hold() -> None:
    assert others(LOOK) == 8 * GB - 3 * GB - 174 * MB - 41 * MB
    assert others(replace(LOOK, available=8 * GB)) == 0
    assert others(replace(LOOK, total=None)) is None


@pytest.mark.parametrize(
    ("name", "memory", "begin"),
    [
        ("firefox", 2 * GB, "Firefox and this model together do not fit: close tabs"),
        ("soffice.bin", GB, "soffice.bin and this model together do not fit: close it"),
        ("bash", 4 * MB, "Memory is short: close programs"),
    ],
)
def test_the_sentence_names_who_holds_the_most(name: str, memory: int, begin: str) -> None:
    look = replace(LOOK, largest=Program(name, 7, 1, memory, own=True))
    assert warning(look, ENGLISH).startswith(begin)
    assert warning(replace(look, short=False), ENGLISH) == ""
