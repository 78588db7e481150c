"""Everything that was said is found again, in any script, whatever is typed."""

import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from autoglm_lite.chat.history import Conversation, History, search
from autoglm_lite.chat.history.snippets import snippet
from autoglm_lite.chat.history.words import folded, words_of


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    with History(tmp_path / "conversations.db") as made:
        yield made


@pytest.fixture
def without_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[History]:
    """As where SQLite was built without FTS5."""
    monkeypatch.setattr(search, "prepare", lambda _: False)
    with History(tmp_path / "conversations.db") as made:
        yield made


def ask(history: History, question: str, answer: str = "") -> Conversation:
    made = history.create("m", None, question)
    if answer:
        history.add_answer(made.id, answer, "", "m", "complete")
    return history.get(made.id)


def found(history: History, text: str) -> list[tuple[str, list[str]]]:
    """Whose it is, and what is marked."""
    return [(hit.role, [hit.snippet[a:b] for a, b in hit.marked]) for hit in history.search(text)]


@pytest.mark.parametrize(
    ("query", "marked"),
    [
        ("米", ["米"]),
        ("米饭", ["米饭"]),
        ("煮米饭", ["煮米饭"]),
        ("饭米", None),
        ("python", ["Python"]),
        ("Pyth", ["Pyth"]),
        ("ython", None),
        ("用python煮", ["用Python煮"]),
        ("cafe", ["Café"]),
        ("CAFÉ", ["Café"]),
        ("１２", ["12"]),
        ("strasse", ["Straße"]),
        ("👩‍🍳", ["👩‍🍳"]),
        ("state.json", ["state.json"]),
        ("json.state", None),
        ("state café", ["Café", "state"]),
        ("state missing", None),
        ("C++", ["C"]),
        ("::", ["::"]),
        ("std ::", ["std", "::"]),
        ("ごはん", ["ごはん"]),
        ("밥", ["밥"]),
        ("", None),
        ("   ", None),
    ],
)
def test_queries(history: History, query: str, marked: list[str] | None) -> None:
    ask(history, "other", "Nothing of interest, 没有。")
    made = ask(history, "Café Straße 用Python煮米饭 12 👩‍🍳 state.json std::x ごはん 밥을")
    history.rename(made.id, "meal")
    hits = found(history, query)
    if marked is None:
        assert hits == []
    elif query == "C++":
        assert hits[0][0] == "user"
    else:
        assert hits == [("user", marked)]


@pytest.mark.parametrize("query", ['"', "'", "*", "a* OR", "AND", "NOT b", "NEAR(a b)", "(", "a:b", "^a", "-a", "a\0b"])
@pytest.mark.parametrize("query_end", ["", " x", '"'])
def test_operators_are_text(history: History, query: str, query_end: str) -> None:
    ask(history, f"here is {query}{query_end} as it is")
    ask(history, "nothing")
    assert len(found(history, query + query_end)) == 1


@given(st.text() | st.text(alphabet='"*()^-:+ \0ab字。'))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_may_be_typed(history: History, text: str) -> None:
    history.search(text)
    history.conversations(matching=text)


@given(st.text(min_size=1, max_size=30), st.text(max_size=30), st.text(max_size=30))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_word_of_a_text_is_found(history: History, word: str, before: str, after: str) -> None:
    """Unless the text around it makes it a part of another word."""
    assume(words_of(word))
    text = f"{before} {word} {after}"
    made = ask(history, text)
    (hit,) = [hit for hit in history.search(word, 1000) if hit.conversation.id == made.id]
    assert hit.marked
    history.delete(made.id)
    history.purge()


@given(st.text(max_size=400), st.lists(st.text(min_size=1, max_size=5).filter(lambda t: not t.isspace()), max_size=3))
def test_snippets(text: str, chunks: list[str]) -> None:
    line, marked = snippet(text, chunks)
    assert line.splitlines() in ([], [line])
    assert list(marked) == sorted(marked)
    assert all(0 <= a < b <= len(line) for a, b in marked)
    assert all(first[1] <= second[0] for first, second in pairwise(marked))


def test_a_snippet_is_cut_out_around_the_first_place() -> None:
    text = "long ago " * 50 + "needle\n\n\tand " + "more " * 50 + "needle"
    line, marked = snippet(text, ["needle"])
    assert (line[0], line[-1], len(marked)) == ("…", "…", 1)
    assert "needle and more" in line
    assert len(line) < 170
    assert snippet("no such thing", ["x"]) == ("no such thing", ())


def test_titles_are_found_too(history: History) -> None:
    plain, named = ask(history, "rice"), ask(history, "water")
    history.rename(named.id, "Rice and 米饭")
    hits = history.search("rice")
    assert [(hit.conversation.id, hit.role, hit.snippet) for hit in hits] == [
        (named.id, "title", "Rice and 米饭"),
        (plain.id, "user", "rice"),
    ]
    assert (hits[0].message_id, hits[0].marked) == (None, ((0, 4),))
    assert [c.id for c in history.conversations(matching="RICE")] == [named.id, plain.id]
    assert [c.id for c in history.conversations(matching="饭 ri")] == [named.id]
    assert history.conversations(matching="water") == []
    assert len(history.search("rice", 1)) == 1


def test_what_is_no_character_or_no_more_than_an_accent(history: History) -> None:
    ask(history, "a question?")
    assert history.search("\u0301") == []
    assert history.search("\ud800") == history.search("?")
    assert len(history.conversations(matching="\u0301")) == 1
    assert len(history.search("question " * 10_000)) == 1


def test_what_changes_is_found_as_it_is_now(history: History) -> None:
    made = ask(history, "question")
    answer = history.add_answer(made.id, "grow", "", "m")
    assert len(history.search("grow")) == 1
    history.save_answer(answer, "growing nicely", "", "cut off")
    assert len(history.search("nicely")) == 1
    history.save_answer(answer, "growing nicely, then wilted", "", "complete")
    assert len(history.search("nicely")) == 1
    assert len(history.search("wilted")) == 1
    history.delete(made.id)
    assert history.search("wilted") == []
    history.restore(made.id)
    assert len(history.search("wilted")) == 1
    history.delete(made.id)
    history.purge()
    assert history._connection.execute("SELECT count(*) FROM message_words").fetchone() == (0,)
    history._connection.execute("INSERT INTO message_words (message_words) VALUES ('integrity-check')")


def test_all_branches_are_searched_the_latest_first(history: History) -> None:
    made = ask(history, "apple one")
    history.add_question(made, "apple two", instead_of=made.head)
    ask(history, "apple three")
    assert [hit.snippet for hit in history.search("apple")] == ["apple three", "apple two", "apple one"]
    assert [hit.snippet for hit in history.search("apple", 2)] == ["apple three", "apple two"]
    history.select(made.id, history.search("one")[0].message_id or 0)
    assert history.get(made.id).head == made.head


def test_without_fts5(without_index: History, tmp_path: Path) -> None:
    history = without_index
    made = ask(history, "用Python煮米饭", "100 % sure_ly")
    assert found(history, "米") == [("user", ["米"])]
    assert found(history, "PYTHON 米饭") == [("user", ["Python", "米饭"])]
    assert found(history, "ure_") == [("assistant", ["ure_"])]
    assert found(history, "%") == [("assistant", ["%"])]
    assert found(history, "100%") == found(history, "sureXly") == []
    history.delete(made.id)
    history.purge()
    assert found(history, "米") == []


def test_an_index_is_made_of_what_was_written_without_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "conversations.db"
    with History(path) as history:
        made = ask(history, "with", "begun")
        monkeypatch.setattr(search, "prepare", lambda _: False)
        with History(path) as other:
            other.save_answer(other.messages(made.id)[1].id, "begun, finished", "", "complete")
            ask(other, "without")
        monkeypatch.undo()
        for word in ("without", "finished", "begun"):
            assert len(history.search(word)) == 1


@given(st.text())
def test_folding_is_stable(text: str) -> None:
    assert folded(folded(text)) == folded(text)
    assert words_of(folded(text)) == words_of(text)
    assert words_of(" ".join(words_of(text))) == words_of(text)
    composed = unicodedata.normalize("NFC", text)
    if unicodedata.normalize("NFD", composed) == text and text.isalpha():
        assert words_of(composed) == words_of(text)
