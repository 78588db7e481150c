"""Conversations survive whatever happens to the processes and the power."""

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from autoglm_lite.chat.history import SCHEMA_VERSION, History
from autoglm_lite.errors import HistoryError

WRITER = """
import sys
from pathlib import Path
from autoglm_lite.chat.history import History
history = History(Path(sys.argv[1]))
conversation = history.create("m.gguf", None, "question 0")
print(conversation.id, flush=True)
for n in range(1, int(sys.argv[2])):
    message = history.add_answer(conversation.id, f"answer {n}", "", "m")
    history.save_answer(message, f"answer {n}, whole", "because", "complete")
    history.add_question(conversation, f"question {n}")
    print(n, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "conversations.db"


def test_a_conversation_comes_back(path: Path) -> None:
    with History(path) as history:
        made = history.create("/models/a.gguf", "Be brief.", "你好 👋\nsecond line")
        answer = history.add_answer(made.id, "Hel", "", "a")
        history.save_answer(answer, "Hello!", "They greet me.", "complete")
        history.add_question(made, "And?")
    with History(path) as history:
        assert history.latest() == history.get(made.id)
        assert (history.get(made.id).title, made.model, made.system) == ("second line", "/models/a.gguf", "Be brief.")
        seen = [(m.role, m.content, m.reasoning, m.state, m.model) for m in history.messages(made.id)]
        assert seen == [
            ("user", "你好 👋\nsecond line", "", "complete", None),
            ("assistant", "Hello!", "They greet me.", "complete", "a"),
            ("user", "And?", "", "complete", None),
        ]


def test_an_answer_counts_as_cut_off_until_it_is_finished(path: Path) -> None:
    with History(path) as history:
        made = history.create("m", None, "q")
        history.add_answer(made.id, "half", "", "m")
        assert [m.state for m in history.messages(made.id)] == ["complete", "cut off"]


def test_names_that_are_no_utf_8(path: Path) -> None:
    with History(path) as history:
        made = history.create("/models/\udcc4\udce3.gguf", "be \ud800", "why \udcff?")
        history.rename(made.id, "\ud800")
        assert history.get(made.id).model == "/models/??.gguf"
        assert [m.content for m in history.messages(made.id)] == ["why ??"]
        with pytest.raises(HistoryError, match="no conversation"):
            history.get("\ud800")


def test_the_latest_is_the_one_last_written_to(path: Path) -> None:
    with History(path) as history:
        first, second = history.create("m", None, "first"), history.create("m", None, "second")
        assert [c.title for c in history.conversations()] == ["second", "first"]
        history.add_question(first, "again")
        assert [c.title for c in history.conversations()] == ["first", "second"]
        assert history.conversations(limit=1)[0].id == first.id
        history.rename(second.id, "other")
        history.delete(first.id)
        assert [c.title for c in history.conversations()] == ["other"]
        assert history.messages(first.id) == []
        with pytest.raises(HistoryError, match=first.id):
            history.get(first.id)
        with pytest.raises(HistoryError, match=first.id):
            history.add_question(first, "gone")


def test_a_deleted_one_can_be_restored_for_a_day(path: Path) -> None:
    with History(path) as history:
        today, yesterday = history.create("m", None, "today"), history.create("m", None, "yesterday")
        answer = history.add_answer(today.id, "grow", "", "m")
        for one in (today, yesterday):
            history.delete(one.id)
            history.delete(one.id)
        # What is being written in it goes on.
        history.save_answer(answer, "grown", "", "complete")
        assert history.latest() is None
        with pytest.raises(HistoryError, match=today.id):
            history.hold(today)
        query = "UPDATE conversations SET deleted = deleted - 86400 WHERE id = ?"
        history._connection.execute(query, (yesterday.id,))
    with History(path) as history:
        history.restore(today.id)
        assert history.get(today.id) == replace(today, updated=history.get(today.id).updated, head=answer)
        assert [m.content for m in history.messages(today.id)] == ["today", "grown"]
        with pytest.raises(HistoryError, match=yesterday.id):
            history.restore(yesterday.id)
        rows = history._connection.execute("SELECT count(*) FROM messages").fetchone()
        assert rows == (2,)


def test_titles_by_themselves_until_the_user_gives_one(path: Path) -> None:
    with History(path) as history:
        made = history.create("m", None, "Hello!")
        history.add_answer(made.id, "Hi.", "", "m", "complete")
        history.add_question(made, "Please tell me about rice.")
        assert (history.get(made.id).title, history.get(made.id).titled) == ("Tell me about rice", "itself")
        history.add_question(made, "And water?")
        assert history.get(made.id).title == "Tell me about rice"
        history.add_question(made, "How is bread baked?", instead_of=made.head)
        assert history.get(made.id).title == "How is bread baked?"
        history.rename(made.id, "Hello")
        history.add_question(made, "And cakes?")
        history.add_question(made, "What now?", instead_of=made.head)
        assert (history.get(made.id).title, history.get(made.id).titled) == ("Hello", "user")


def test_files_are_private(path: Path) -> None:
    old = os.umask(0)
    try:
        with History(path) as history:
            history.create("m", None, "q")
            modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in [path.parent, *path.parent.iterdir()]}
        path.chmod(0o644)
        History(path).close()
    finally:
        os.umask(old)
    assert modes.pop("data") == 0o700
    assert modes == dict.fromkeys(["conversations.db", "conversations.db-wal", "conversations.db-shm"], 0o600)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("damage", [b"not a database, just text\n" * 500, b"SQLite format 3\0" + b"\xff" * 8000])
def test_a_damaged_file_is_named_and_left_alone(path: Path, damage: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(damage)
    with pytest.raises(HistoryError, match=r"conversations\.db are damaged .*move that file away"):
        History(path)
    assert path.read_bytes() == damage


def test_damage_inside_is_found_when_read(path: Path) -> None:
    with History(path) as history:
        made = history.create("m", None, "q" * 100_000)
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xff" * len(content[8192:])
    path.write_bytes(content)
    with History(path) as history, pytest.raises(HistoryError, match="damaged"):
        history.messages(made.id)


def test_a_newer_schema_is_refused(path: Path) -> None:
    History(path).close()
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    db.close()
    before = path.read_bytes()
    with pytest.raises(HistoryError, match="newer autoglm-lite"):
        History(path)
    assert path.read_bytes() == before


def test_a_folder_in_its_place_is_a_sentence(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(HistoryError, match="cannot be used"):
        History(path)


def test_a_full_disk_is_a_sentence_and_changes_nothing(path: Path) -> None:
    with History(path) as history:
        made = history.create("m", None, "q")
        pages = history._connection.execute("PRAGMA page_count").fetchone()[0]
        history._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(HistoryError, match="disk is full"):
            history.add_question(made, "x" * 100_000)
        assert [m.content for m in history.messages(made.id)] == ["q"]
        history.rename(made.id, "still usable")


def test_kill_minus_9_loses_nothing_that_was_committed(path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, path, "100000"], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        conversation_id = writer.stdout.readline().strip()
        time.sleep(0.3)
        writer.send_signal(signal.SIGKILL)
        said = writer.stdout.read().split()
    last = int(said[-1])
    assert last > 3
    with History(path) as history:
        contents = [m.content for m in history.messages(conversation_id)]
        assert contents[: 2 * last + 1] == ["question 0"] + [
            text for n in range(1, last + 1) for text in (f"answer {n}, whole", f"question {n}")
        ]
        assert history._connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def test_two_processes_write_at_once(path: Path) -> None:
    """They also race to make the file."""
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, path, "40"], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    ids = [writer.communicate(timeout=60)[0].split()[0] for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 4
    with History(path) as history:
        for conversation_id in ids:
            questions = [m.content for m in history.messages(conversation_id) if m.role == "user"]
            assert questions == [f"question {n}" for n in range(40)]


def test_every_commit_is_flushed(path: Path) -> None:
    with History(path) as history:
        db = history._connection
        assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert db.execute("PRAGMA synchronous").fetchone()[0] == 2


@pytest.mark.slow
def test_power_lost_at_any_byte_of_the_log(path: Path, tmp_path: Path) -> None:
    """A disk that has only a prefix of the log shows each message whose commit lies within that prefix."""
    log = path.with_name("conversations.db-wal")
    committed = []
    with History(path) as history:
        made = history.create("m", None, "question 0")
        committed.append(log.stat().st_size)
        for n in range(1, 12):
            history.add_question(made, f"question {n}")
            committed.append(log.stat().st_size)
        base, frames = path.read_bytes(), log.read_bytes()
    assert committed[-1] == len(frames)
    after = tmp_path / "after"
    for cut in range(0, len(frames) + 1, max(len(frames) // 1000, 1)):
        after.mkdir()
        (after / path.name).write_bytes(base)
        (after / log.name).write_bytes(frames[:cut])
        with History(after / path.name) as history:
            seen = [m.content for m in history.messages(made.id)]
        promised = sum(size <= cut for size in committed)
        assert seen == [f"question {n}" for n in range(len(seen))]
        assert len(seen) >= promised
        shutil.rmtree(after)
