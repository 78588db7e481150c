"""The file that an answer grows in, and what becomes of it."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.chat import growing
from autoglm_lite.chat.branches import open_turns
from autoglm_lite.chat.growing import Begun, GrowingFile, take_left
from autoglm_lite.chat.history import Conversation, History
from autoglm_lite.chat.prompt import Turn
from autoglm_lite.chat.reasoning import Part
from autoglm_lite.chat.recorder import Recorder

BEGUN = Begun("tobi-kalu", 1, None, "m", 12.5)
Pieces = list[tuple[Part, str]]
PIECES = st.lists(st.tuples(st.sampled_from(["answer", "reasoning"]), st.text()), max_size=8)


def joined(pieces: Pieces) -> tuple[str, str]:
    texts = ["".join(text for part, text in pieces if part == wanted) for wanted in ("answer", "reasoning")]
    return texts[0].encode("utf-8", "replace").decode(), texts[1].encode("utf-8", "replace").decode()


def left(folder: Path, pieces: Pieces, begun: Begun = BEGUN, n_so_far: int = 0) -> Path:
    """The file of a process that is gone."""
    before = set(folder.glob("*"))
    file = GrowingFile(folder, begun, pieces[:n_so_far])
    for part, text in pieces[n_so_far:]:
        file.add(part, text)
    file.leave()
    (made,) = set(folder.glob("*")) - before
    return made


@given(PIECES, st.integers(0, 8), st.data())
def test_cut_anywhere_all_whole_pieces_are_there(pieces: Pieces, n_so_far: int, data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        path = left(Path(folder), pieces, n_so_far=n_so_far)
        whole = path.read_bytes()
        cut = data.draw(st.integers(0, len(whole)))
        path.write_bytes(whole[:cut])
        found = list(take_left(Path(folder)))
        assert not path.exists()
    n_lines = whole[:cut].count(b"\n")
    if n_lines == 0:
        assert found == []
        return
    (grown,) = found
    assert grown.begun == BEGUN
    # Of what was so far, empty pieces are not written.
    written = [piece for n, piece in enumerate(pieces) if piece[1] or n >= n_so_far]
    assert (grown.answer, grown.reasoning) == joined(written[: n_lines - 1])


@given(st.binary(max_size=300), st.data())
def test_a_damaged_file_is_taken_as_far_as_it_can_be_read(noise: bytes, data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        path = left(Path(folder), [("answer", "whole"), ("reasoning", "too"), ("answer", "[[")])
        whole = path.read_bytes()
        at = data.draw(st.integers(0, len(whole)))
        path.write_bytes(whole[:at] + noise + whole[at + data.draw(st.integers(0, 40)) :])
        list(take_left(Path(folder)))
        assert not path.exists()


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"[" * 100_000,
        b'{"conversation": "c"}',
        b'{"conversation": 1, "question": 1, "answer": null, "model": "m", "created": 1.0}',
        b'{"conversation": "c", "question": 99999999999999999999, "answer": null, "model": "m", "created": 1.0}',
        b'{"conversation": "c", "question": 1, "answer": null, "model": "m", "created": NaN}',
    ],
)
def test_what_is_no_beginning_is_removed(tmp_path: Path, first: bytes) -> None:
    path = tmp_path / "1.0.00000000.answer"
    path.write_bytes(first + b'\n["answer", "text"]\n')
    assert list(take_left(tmp_path)) == []
    assert not path.exists()


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    with History(tmp_path / "conversations.db") as made:
        yield made


def asked(history: History) -> tuple[Conversation, Begun]:
    made = history.create("m", None, "question")
    assert made.head is not None
    return made, Begun(made.id, made.head, None, "m", time.time())


def answers(history: History, conversation: Conversation) -> list[tuple[str, str, str]]:
    return [(m.content, m.reasoning, m.state) for m in history.messages(conversation.id) if m.role == "assistant"]


def test_foreign_files_stay(history: History) -> None:
    folder = history.growing
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    (folder / "1.0.0000000a.answer").mkdir()
    (folder / "1.0.0000000b.answer").symlink_to(folder / "notes.txt")
    with History(history.path):
        assert len(list(folder.iterdir())) == 3
    assert (folder / "notes.txt").read_text() == "mine"


def test_only_its_owner_can_read_it(history: History) -> None:
    path = left(history.growing, [("answer", "secret")])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(history.growing.stat().st_mode) == 0o700


@pytest.mark.parametrize("without", ["", "_lives", "_lock"])
def test_a_living_ones_is_not_taken(history: History, monkeypatch: pytest.MonkeyPatch, without: str) -> None:
    """By what the system says of processes, or by the lock alone, or without locks."""
    if without:
        monkeypatch.setattr(growing, without, lambda *_: None)
    made, begun = asked(history)
    file = GrowingFile(history.growing, begun, [])
    file.add("answer", "Hel")
    with History(history.path) as other:
        assert answers(other, made) == []
    file.add("answer", "lo")
    file.leave()
    with History(history.path) as other:
        assert answers(other, made) == [("Hello", "", "cut off")]
    # It is seen without beginning anew too, where a conversation is opened.
    left(history.growing, [("reasoning", "Hm"), ("answer", "Hi")], Begun(made.id, begun.question, None, "m", 1.0))
    assert len(history.tree(made.id)[0]) == 3
    assert answers(history, made)[1] == ("Hi", "Hm", "cut off")


def test_a_process_of_the_same_number_is_another_one(history: History) -> None:
    made, begun = asked(history)
    path = left(history.growing, [("answer", "text")], begun)
    path.rename(path.with_name(f"{os.getpid()}.{growing._started(os.getpid()) - 1}.00000000.answer"))
    assert len(history.tree(made.id)[0]) == 2


def test_a_conversation_that_was_deleted_meanwhile(history: History) -> None:
    made, begun = asked(history)
    left(history.growing, [("answer", "text")], begun)
    history.delete(made.id)
    with History(history.path) as other:
        other.restore(made.id)
        assert answers(other, made) == [("text", "", "cut off")]
        other.delete(made.id)
        other.purge()
        left(history.growing, [("answer", "text")], begun)
        other.join_left()
        assert not list(history.growing.iterdir())
        assert other.conversations() == []


def test_the_open_branch_stays_where_one_has_gone_on_since(history: History) -> None:
    made, begun = asked(history)
    left(history.growing, [("answer", "second")], begun)
    first = history.add_answer(made.id, "first", "", "m", "complete")
    history.add_question(made, "more", after=first)
    history.add_answer(made.id, "of the first", "", "m", "complete")
    assert [turn.answer for turn in open_turns(history, made.id)] == ["first", "of the first"]
    assert answers(history, made)[-1] == ("second", "", "cut off")
    # Where nobody has, it is what was seen last.
    last = Begun(made.id, begun.question, None, "m", time.time())
    left(history.growing, [("answer", "third")], last)
    assert [turn.answer for turn in open_turns(history, made.id)] == ["third"]


def test_two_programs_go_on_with_one_answer(history: History) -> None:
    """In other words both stay; as far as one says what the other says, it is one answer."""
    made, begun = asked(history)
    one = history.add_answer(made.id, "It is ", "", "m")
    longer = history.save_answer(one, "It is so.", "", "complete")
    assert longer == history.save_answer(one, "It is", "", "stopped") == one
    other = history.save_answer(one, "It is not", "", "cut off", created=5.0)
    assert other != one
    left(history.growing, [("answer", "It is "), ("answer", "not so.")], Begun(made.id, begun.question, one, "m", 5.0))
    for _ in range(2):
        assert answers(history, made) == [
            ("It is so.", "", "complete"),
            ("It is not" if _ == 0 else "It is not so.", "", "cut off"),
        ]
        history.tree(made.id)


def test_where_no_file_can_be_made_the_database_remains(history: History) -> None:
    made, begun = asked(history)
    history.growing.write_text("a file is in its place")
    recorder = Recorder(history, made.id, "m", Turn("question", question_id=begun.question))
    recorder._due += 1000.0
    recorder.add("answer", "Hel")
    recorder.add("answer", "lo")
    recorder.finish_now("complete")
    recorder.leave()
    assert answers(history, made) == [("Hello", "", "complete")]
    assert history.growing.is_file()
