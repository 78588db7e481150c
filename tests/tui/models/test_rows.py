"""The lines of the list, whatever is known and however wide the terminal is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from autoglm_lite.embedding import Use
from autoglm_lite.planning.make import Verdict
from autoglm_lite.store.download import Part, Progress
from autoglm_lite.store.hub.failures import SENTENCES
from autoglm_lite.store.shelf import Look, Offer, Served
from autoglm_lite.store.wanted import Wanted
from tui.models.rows import Row, content_of, getable_row, getables, progress_line, stored_row
from tui.words import CHINESE, ENGLISH

WORDS = ENGLISH.models
WANTED = Wanted("hf:a/b/c.gguf", "c.gguf", "C Model", 10**9)
OFFER = Offer(WANTED, "F", 1_593_000_000, "Q4_K_M", 8192, "MIT", ("chinese", "little memory"), 2 * 10**9, 6.2)


def look(verdict: Verdict, decode: float | None = None, use: Use = "chat") -> Look:
    return Look(
        Path("a.gguf"), "A", 494_000_000, "Q8_0", 525_000_000, 32768, use, verdict, 7_100_000_000, 5_200_000_000, decode
    )


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (look("fits"), "fits"),
        (look("fits", 6.2), "fits, about 6 tokens/s"),
        (look("tight"), "tight"),
        (look("tight", 0.84), "tight, about 0.8 tokens/s"),
        (look("streams"), "streams from disk, slow"),
        (look("wont-fit"), "does not fit: needs 7.1 GB of 5.2 GB"),
        (look("fits", use="embeddings"), "makes embeddings, does not chat"),
        (look("fits", use="reranking"), "ranks texts, does not chat"),
        ("It is damaged.", "cannot be used"),
        (None, "looking…"),
    ],
)
def test_what_would_happen(seen: Look | str | None, verdict: str) -> None:
    assert stored_row(Path("a.gguf"), seen, None, WORDS, used="", activity="").verdict == verdict


def test_what_is_known_of_a_stored_model() -> None:
    row = stored_row(Path("a.gguf"), look("fits"), Served("a", True), WORDS, used="in use", activity="loading 43 %")
    assert (row.marked, row.verdict) == (True, "loading 43 %")
    assert row.details == "in use · 494 M parameters · Q8_0 · 525 MB · context 32,768 · in the service's memory"


def test_models_of_one_name_are_told_apart_by_their_files() -> None:
    first, second = (stored_row(Path(f"{n}.gguf"), look("fits"), None, WORDS, used="", activity="") for n in "bc")
    assert (first.name, second.name) == ("A", "A")
    assert (first.details[-4:], second.details[-4:]) == (" · b", " · c")


@pytest.mark.parametrize("seen", [look("fits"), "It is\ndamaged.", None])
def test_a_name_with_a_line_break_stays_on_its_line(seen: Look | str | None) -> None:
    row = stored_row(Path("a\nb.gguf"), seen, None, WORDS, used="", activity="")
    assert "\n" not in row.name + row.details


def test_what_can_be_got() -> None:
    part = Part(WANTED, 430_000_000, WANTED.n_bytes)
    (one,) = getables([OFFER], [part], [])
    assert getable_row(one, None, WORDS).verdict == "stopped at 43 % of 1.0 GB: g goes on"
    (one,) = getables([OFFER], [], [Path("other.gguf")])
    row = getable_row(one, None, CHINESE.models)
    assert row == Row("C Model", "下载 1.0 GB，约 6 词元/秒", "", "擅长：中文和英文、占内存很少 · 1.6 B · Q4_K_M · MIT")
    assert getables([OFFER], [], [Path("models/c.gguf")]) == []


@pytest.mark.parametrize(
    ("progress", "line"),
    [
        (Progress("waiting", 0, 1000), "0 % of 0 MB, waiting for the server"),
        (Progress("taken", 430_000_000, 10**9), "43 % of 1.0 GB, another autoglm-lite gets it"),
        (Progress("checking", 500, 1000), "checking what is there, 50 %"),
        (Progress("getting", 430_000_000, 10**9), "43 % of 1.0 GB"),
        (Progress("getting", 430_000_000, 10**9, 5.2e6), "43 % of 1.0 GB, 5.2 MB/s, 2 min left"),
        (Progress("getting", 990_000_000, 10**9, 850e3), "99 % of 1.0 GB, 850 kB/s, 12 s left"),
        (Progress("getting", 990_000_000, 10**9, 0.0), "99 % of 1.0 GB"),
    ],
)
def test_how_far_a_download_is(progress: Progress, line: str) -> None:
    assert progress_line(progress, WORDS) == line


@given(
    row=st.builds(Row, st.text(max_size=60), st.text(max_size=50), st.just("red"), st.text(max_size=90), st.booleans()),
    width=st.integers(10, 120),
)
def test_no_line_is_wider_than_the_list(row: Row, width: int) -> None:
    lines = content_of(row, width).plain.split("\n")
    if "\n" not in row.name + row.verdict + row.details:
        assert len(lines) in (2, 3)
    assert all(cell_len(line) <= width for line in lines)


def test_each_failure_of_a_download_is_told_in_both_languages() -> None:
    for kind, sentence in SENTENCES.items():
        assert getattr(ENGLISH.models, f"failed_{kind}") == sentence
        assert getattr(CHINESE.models, f"failed_{kind}") != sentence
