"""Programs killed while they answer: all that they had shown is there when the conversations are opened again."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoglm_lite.chat.branches import open_turns
from autoglm_lite.chat.growing import _started
from autoglm_lite.chat.history import History, Message
from tests.chat import killing
from tests.chat.killing import Death, Task, Way, as_line

PATIENCE = 30.0
LONGEST = 400
"""Characters of a piece."""


class Programs:
    """Told what to do, one after the other."""

    def __init__(self, model: Path) -> None:
        command = [sys.executable, killing.__file__, str(model)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def close(self) -> None:
        self._process.communicate(timeout=PATIENCE)

    def run(self, task: Task, n_shown: int, seconds: float = 0.0) -> tuple[list[list[str]], bool]:
        """Kills it once it has shown so many pieces, and so much later. Returns what it had shown, and whether it had
        ended by itself."""
        pid = int(self._tell(as_line(task))[1])
        shown: list[list[str]] = []
        if task.death in ("", "full"):
            while len(shown) < n_shown and shown[-1:] != [["done"]]:
                shown.append(self._said())
            time.sleep(seconds)
            os.kill(pid, signal.SIGKILL)
        # Nobody has asked yet how it ended.
        deadline = time.monotonic() + PATIENCE
        while _started(pid):
            assert time.monotonic() < deadline
            time.sleep(0.001)
        History(Path(task.path)).close()
        said = self._tell("\n")
        while said != ["ended"]:
            shown.append(said)
            said = self._said()
        pieces = [said for said in shown if said != ["done"]]
        return pieces, pieces != shown

    def _tell(self, line: str) -> list[str]:
        assert self._process.stdin is not None
        self._process.stdin.write(line)
        self._process.stdin.flush()
        return self._said()

    def _said(self) -> list[str]:
        assert self._process.stdout is not None
        said: list[str] = json.loads(self._process.stdout.readline())
        return said


@pytest.fixture(scope="module")
def programs(stories_gguf: Path) -> Iterator[Programs]:
    made = Programs(stories_gguf)
    yield made
    made.close()


def check(programs: Programs, task: Task, n_shown: int, seconds: float = 0.0) -> list[list[str]]:
    """Runs it and looks at the conversation before and after."""
    path = Path(task.path)
    before = seen(path)
    pieces, ended = programs.run(task, n_shown, seconds)
    after = seen(path)
    assert seen(path) == after
    with History(path) as history:
        assert not list(history.growing.glob("*"))
        conversation = history.latest()
        turns = [] if conversation is None else open_turns(history, conversation.id)
    changed = {m for m in after if m not in before}
    kept = [m for m in before if m not in after]
    answers = [m for m in changed if m.role == "assistant"]
    # The answer that went on is another one now; nothing else changed, and nothing is there twice.
    assert [m.id for m in kept] == [m.id for m in answers if task.way == "go on" and m.id in {b.id for b in before}]
    assert len(answers) <= 1
    assert len(changed) - len(answers) <= (task.way in ("answer", "edit"))
    shown = {part: "".join(text for p, text in pieces if p == part) for part in ("answer", "reasoning")}
    if pieces:
        (answer,) = answers
        assert (turns[-1].answer_id, turns[-1].question_id) == (answer.id, answer.parent)
        assert answer.state in (["complete"] if ended else ["cut off", "complete"])
        for part, text in (("answer", answer.content), ("reasoning", answer.reasoning)):
            begun = "".join(getattr(m, "content" if part == "answer" else "reasoning") for m in kept)
            assert text.startswith(begun + shown[part])
            # At most the piece that was about to be shown; none where it had ended and was about to say so.
            assert len(text) <= len(begun + shown[part]) + LONGEST * (answer.state == "cut off")
    return pieces


def seen(path: Path) -> list[Message]:
    with History(path) as history:
        found = history.latest()
        return [] if found is None else history.messages(found.id)


def test_killed_at_any_moment(programs: Programs, tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    dice = random.Random(seed)
    n_pieces = 0
    for n in range(40):
        ways: tuple[Way, ...] = ("answer", "again", "go on", "edit")
        task = Task(
            str(tmp_path / "conversations.db"),
            "answer" if n == 0 else dice.choice(ways),
            seed=n,
            n_pieces=dice.choice([10, 1000]),
            thinks=dice.random() < 0.3,
            seconds_between_writes=dice.choice([0.0, 0.003, 1.0]),
        )
        n_shown = dice.choice([0, 1, 2, dice.randrange(60)])
        try:
            n_pieces += len(check(programs, task, n_shown, dice.random() * 0.005))
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, {task}, killed after {n_shown} pieces") from error
    assert n_pieces > 100


@pytest.mark.parametrize("way", ["answer", "again", "go on", "edit"])
@pytest.mark.parametrize("death", ["row", "removing", "torn", "full"])
def test_killed_at_the_worst_moments(programs: Programs, tmp_path: Path, way: Way, death: Death) -> None:
    path = str(tmp_path / "conversations.db")
    check(programs, Task(path, "answer"), 30)
    pieces = check(programs, Task(path, way, 1, 60, seconds_between_writes=0.002, death=death), 50)
    assert pieces or (way, death) != ("go on", "removing")
