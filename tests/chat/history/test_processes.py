"""Several programs on one history: nothing is lost, and nothing is there twice."""

import signal
import subprocess
import sys
from pathlib import Path

from autoglm_lite.chat.branches import open_turns, turns_of
from autoglm_lite.chat.history import History

WRITER = """
import sys
from pathlib import Path
from autoglm_lite.chat.history import History
history = History(Path(sys.argv[1]))
shared, name, count = history.get(sys.argv[2]), sys.argv[3], int(sys.argv[4])
last = history.messages(shared.id)[0].id
for n in range(count):
    # In a conversation that all of them write in: on, from the beginning again, and another answer.
    question = history.add_question(shared, f"question {name} {n}", after=last)
    last = history.add_answer(shared.id, f"answer {name}", "", name, question=question)
    history.save_answer(last, f"answer {name} {n}", "because", "complete")
    history.add_answer(shared.id, f"second {name} {n}", "", name, "complete", question=question)
    history.add_question(shared, f"edited {name} {n}", instead_of=question)
    history.select(shared.id, last)
    history.search(f"answer {name}")
    # In one of its own.
    own = history.create("m", None, f"own {name} {n}")
    history.rename(own.id, f"title {name} {n}")
    if n % 3 == 0:
        history.delete(own.id)
"""
ANSWERING = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from autoglm_lite.chat import recorder
from autoglm_lite.chat.history import History
from autoglm_lite.chat.session import Session
from autoglm_lite.chat.setup import ChatSetup
from autoglm_lite.generation import Prefill, Sampling, Text
from autoglm_lite.gguf.facts import read_facts

class Telling(History):
    def add_answer(self, conversation_id, content, *rest, **more):
        made = super().add_answer(conversation_id, content, *rest, **more)
        print(len(content), flush=True)
        return made
    def save_answer(self, message_id, content, *rest, **more):
        made = super().save_answer(message_id, content, *rest, **more)
        print(len(content), flush=True)
        return made

class Endless:
    async def tokenize(self, text, *, templated):
        return [0] * len(text.split())
    async def cancel(self, request):
        pass
    async def generate(self, request):
        yield Prefill(1, 1, 0)
        n = 0
        while True:
            await asyncio.sleep(0.001)
            yield Text(f"word{n} ", 1)
            n += 1

async def talk():
    history = Telling(Path(sys.argv[1]))
    found = history.latest()
    setup = ChatSetup(10**9, read_facts(Path(sys.argv[2])), history, None, Sampling(), found)
    session = Session(Endless(), setup)
    events = {"answer": lambda: session.answer("question"), "go on": session.go_on,
              "again": lambda: session.again(session.turns[0]),
              "edit": lambda: session.answer("edited", instead_of=session.turns[0])}[sys.argv[3]]()
    async for _ in events:
        pass

recorder.SECONDS_BETWEEN_WRITES = 0.02
asyncio.run(talk())
"""


def test_many_write_in_one_conversation(tmp_path: Path) -> None:
    path, names, count = tmp_path / "conversations.db", ["ann", "bob", "cy", "dee"], 12
    with History(path) as history:
        shared = history.create("m", None, "beginning")
    command = [sys.executable, "-c", WRITER, str(path), shared.id]
    writers = [subprocess.Popen([*command, name, str(count)], stderr=subprocess.PIPE) for name in names]
    errors = [writer.communicate(timeout=120)[1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * len(names), errors
    with History(path) as history:
        messages = history.messages(shared.id)
        kinds = ("question", "answer", "second", "edited")
        expected = [f"{kind} {name} {n}" for kind in kinds for name in names for n in range(count)]
        assert sorted(m.content for m in messages) == sorted([*expected, "beginning"])
        assert sum(m.state == "complete" for m in messages) == len(messages)
        # Each writer's branch is whole, and untouched by the others.
        for name in names:
            last = next(m for m in messages if m.content == f"answer {name} {count - 1}")
            said = [turn.answer for turn in turns_of(messages, last.id)[1:]]
            assert said == [f"answer {name} {n}" for n in range(count)]
        titles = sorted(c.title for c in history.conversations() if c.id != shared.id)
        assert titles == sorted(f"title {name} {n}" for name in names for n in range(count) if n % 3)
        assert len(history.search("answer", 1000)) == len(names) * count
        history.purge()
        assert history.search("own", 1000)[-1].role == "user"
        assert len(history.search("own", 1000)) == len(titles)
        db = history._connection
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        db.execute("INSERT INTO message_words (message_words) VALUES ('integrity-check')")


def test_kill_minus_9_in_the_middle_of_each_kind_of_answer(tmp_path: Path, stories_gguf: Path) -> None:
    path = tmp_path / "conversations.db"
    kept: list[str] = []
    for n, way in enumerate(["answer", "again", "go on", "edit"], 1):
        command = [sys.executable, "-c", ANSWERING, str(path), str(stories_gguf), way]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            told = [int(process.stdout.readline()) for _ in range(5)]
            process.send_signal(signal.SIGKILL)
            told += [int(line) for line in process.stdout.read().split()]
        with History(path) as history:
            (conversation,) = history.conversations()
            turn = open_turns(history, conversation.id)[-1]
            answers = [m for m in history.messages(conversation.id) if m.role == "assistant"]
            assert turn.state == "cut off"
            assert len(turn.answer) >= told[-1] > 0
            if way == "go on":
                # The same answer, longer than it was.
                assert turn.answer.startswith(kept.pop())
            kept.append(turn.answer)
            assert sorted(m.content for m in answers) == sorted(kept)
            assert len(history.search("word3")) == len(answers) == n - (n > 2)
            assert history._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert turn.question == "edited"
