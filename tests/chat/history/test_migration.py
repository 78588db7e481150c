"""A file of the first version becomes one of this version, with all that was in it."""

import sqlite3
import threading
from pathlib import Path

import pytest

from autoglm_lite.chat.branches import open_turns
from autoglm_lite.chat.history import SCHEMA_VERSION, History
from autoglm_lite.chat.history import schema as schema_module
from autoglm_lite.errors import HistoryError

DUMP = Path(__file__).parents[2] / "data" / "history" / "version_1.sql"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "conversations.db"
    db = sqlite3.connect(path)
    db.executescript(DUMP.read_text(encoding="utf-8"))
    assert db.execute("PRAGMA user_version").fetchone() == (1,)
    db.close()
    return path


def test_everything_is_there_afterwards(old: Path) -> None:
    for _ in range(2):
        with History(old) as history:
            first, second = history.conversations()
            assert (second.id, second.title, second.model) == ("gaga-papa", 'Rice; "cooked"', "/models/a.gguf")
            assert (second.system, second.created, second.updated) == ("Be brief.", 1760000000.0, 1760000028.0)
            assert (second.head, second.titled, second.deleted) == (4, "itself", None)
            turns = open_turns(history, second.id)
            assert [(t.question, t.answer, t.reasoning, t.state) for t in turns] == [
                ("你好，怎么煮米饭？", "加水，煮二十分钟。", "很简单。", "complete"),
                ("And in English?", "Add water, cook for twenty minutes.", "", "stopped"),
            ]
            # A question without an answer, and an answer that was cut off.
            seen = [(t.question, t.answer, t.version, t.answer_version) for t in open_turns(history, first.id)]
            assert seen == [("first", "", (1, 1), (1, 1)), ("second, after no answer", "cut", (1, 1), (1, 1))]
            assert [hit.message_id for hit in history.search("煮")] == [2, 1]
            assert history._connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
            assert history._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with History(old) as history:
        history.add_question(second, "And in French?")
        assert [m.parent for m in history.messages(second.id)] == [None, 1, 2, 3, 4]


def test_it_has_the_same_tables_as_a_new_one(old: Path, tmp_path: Path) -> None:
    def columns(path: Path) -> list[tuple[object, ...]]:
        with History(path) as history:
            names = ("conversations", "messages", "message_words")
            return [row for name in names for row in history._connection.execute(f"PRAGMA table_info({name})")]

    assert columns(old) == columns(tmp_path / "new.db")


def test_a_failure_in_the_middle_changes_nothing(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = schema_module.VERSION_2 + "CREATE TABLE messages (id INTEGER);\n"
    monkeypatch.setattr(schema_module, "VERSIONS", (schema_module.VERSION_1, broken))
    with pytest.raises(HistoryError, match="cannot be used"):
        History(old)
    monkeypatch.undo()
    db = sqlite3.connect(old)
    assert db.execute("PRAGMA user_version").fetchone() == (1,)
    assert "parent" not in [row[1] for row in db.execute("PRAGMA table_info(messages)")]
    db.close()
    with History(old) as history:
        assert len(history.conversations()) == 2


def test_two_programs_bring_it_up_at_once(old: Path) -> None:
    begin = threading.Barrier(4)
    found: list[int] = []

    def start() -> None:
        begin.wait()
        with History(old) as history:
            found.append(len(history.conversations()))

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [2] * 4
