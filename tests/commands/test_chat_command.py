"""`autoglm-lite chat` as a user runs it: real processes, a real model."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from autoglm_lite.chat.attachments import Attachment
from autoglm_lite.chat.history import History, Message
from autoglm_lite.store import starter_path
from tests.conftest import STORIES, convert

STORY = (
    ", there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball."
    " She wanted to play with it, but it was too high.\nLily's mom said, \"Lily, l"
)
COMMAND = [sys.executable, "-m", "autoglm_lite", "chat"]
GREEDY = ["--temperature", "0", "--threads", "1"]


def chat(*arguments: str | Path, piped: str | bytes | None = None) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *map(str, arguments)]
    if piped is None:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    content = piped if isinstance(piped, bytes) else piped.encode()
    ran = subprocess.run(command, input=content, capture_output=True, timeout=60)
    return subprocess.CompletedProcess(command, ran.returncode, ran.stdout.decode(), ran.stderr.decode())


def kept(home: Path) -> list[Message]:
    """The messages of the latest conversation."""
    with History(home / "data" / "conversations.db") as history:
        latest = history.latest()
        return [] if latest is None else history.messages(latest.id)


@contextmanager
def answering(model: Path, *arguments: str) -> Iterator[tuple["subprocess.Popen[bytes]", bytes]]:
    """A chat in the middle of a long answer, and what it has printed so far."""
    command = [*COMMAND, str(model), "-p", "Once upon a time", "--seed", "1", "--ctx", "32768", *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.read(20)
        finally:
            process.kill()


def worker_of(process: "subprocess.Popen[bytes]") -> int:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return next(int(pid) for pid in children if b"worker.child" in Path(f"/proc/{pid}/cmdline").read_bytes())


def test_the_story_alone_is_on_stdout(stories_gguf: Path, home: Path) -> None:
    ran = chat(stories_gguf, "-p", "Once upon a time", "--max-tokens", "70", *GREEDY)
    assert (ran.returncode, ran.stdout) == (0, "Once upon a time" + STORY + "\n")
    assert [(m.role, m.content, m.state) for m in kept(home)] == [
        ("user", "Once upon a time", "complete"),
        ("assistant", STORY, "cut off"),
    ]


def test_json(stories_gguf: Path) -> None:
    ran = chat(stories_gguf, "-p", "Once upon a time", "--max-tokens", "70", "--json", *GREEDY)
    assert ran.returncode == 0
    report = json.loads(ran.stdout)
    assert (report["text"], report["reasoning"], report["finish_reason"]) == (STORY, "", "length")
    assert report["usage"] == {"prompt_tokens": 5, "cached_tokens": 0, "completion_tokens": 70}
    assert all(report["timings"][name] > 0 for name in report["timings"])
    assert report["model"] == "stories260K"


@pytest.mark.skipif(not starter_path().exists(), reason="the starter has not been trained")
def test_the_starter_is_announced_for_what_it_is() -> None:
    ran = chat("-p", "How do I get a better model?", "--temperature", "0", "--max-tokens", "5")
    assert ran.returncode == 0
    assert ran.stdout.count("\n") == 1
    assert re.fullmatch(r"autoglm-lite: .*starter model, a demonstration .*\n", ran.stderr)


def test_seeds(stories_gguf: Path) -> None:
    def story(seed: str) -> str:
        return chat(stories_gguf, "-p", "Once", "--max-tokens", "20", "--seed", seed).stdout

    assert story("1") == story("1") != story("2")


def test_where_the_prompt_comes_from(endless_gguf: Path, home: Path, tmp_path: Path) -> None:
    one = ["--max-tokens", "1"]
    notes = tmp_path / "笔记.txt"
    notes.write_bytes("\ufeffeggs\r\nmilk\r\n\r\n".encode())
    asked = {
        "piped": chat(endless_gguf, *one, piped="Once upon\na time\n"),
        "both": chat(endless_gguf, "-p", "Shorten:", *one, piped="a long text\n"),
        "file": chat(endless_gguf, "-p", "你好", "--file", notes, *one),
    }
    with History(home / "data" / "conversations.db") as history:
        first = [history.messages(c.id)[0] for c in reversed(history.conversations())]
    assert {name: ran.returncode for name, ran in asked.items()} == dict.fromkeys(asked, 0)
    assert [message.content for message in first] == ["Once upon\na time", "Shorten:\n\na long text", "你好"]
    assert [message.attachments for message in first] == [(), (), (Attachment("笔记.txt", "eggs\nmilk"),)]


def test_conversations_go_on(endless_gguf: Path, stories_gguf: Path, home: Path) -> None:
    def talk(*arguments: str | Path) -> dict[str, str]:
        ran = chat(*arguments, "--json", "--max-tokens", "4", *GREEDY)
        assert ran.returncode == 0, ran.stderr
        report: dict[str, str] = json.loads(ran.stdout)
        return report

    first = talk(endless_gguf, "-p", "Once", "--system", "Tell a story.")
    other = talk(stories_gguf, "-p", "There was")
    assert talk(endless_gguf, "-p", "upon", "--session", first["session"])["session"] == first["session"]
    # The latest is now the first one, with the model that it was held with.
    last = talk("-p", "a time", "--continue")
    assert (last["session"], last["model"]) == (first["session"], first["model"])
    assert [m.content for m in kept(home) if m.role == "user"] == ["Once", "upon", "a time"]
    assert talk(endless_gguf, "-p", "x", "--session", other["session"])["session"] == other["session"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["-p", ""], 2, "The prompt is empty"),
        (["-p", " \n"], 2, "The prompt is empty"),
        ([], 2, "The prompt is empty"),
        (["-p", "x", "--ctx", "0"], 2, "--ctx 0 makes no sense"),
        (["-p", "x", "--ctx", "-5"], 2, "--ctx -5 makes no sense"),
        (["-p", "x", "--ctx", "many"], 2, "invalid int value"),
        (["-p", "x", "--max-tokens", "-1"], 2, "--max-tokens -1 makes no sense"),
        (["-p", "x", "--max-tokens", "0"], 2, "--max-tokens 0 makes no sense"),
        (["-p", "x", "--temperature", "-0.1"], 2, "--temperature -0.1 makes no sense"),
        (["-p", "x", "--temperature", "nan"], 2, "--temperature nan makes no sense"),
        (["-p", "x", "--temperature", "inf"], 2, "--temperature inf makes no sense"),
        (["-p", "x", "--top-p", "1.5"], 2, "--top-p 1.5 makes no sense"),
        (["-p", "x", "--top-p", "nan"], 2, "--top-p nan makes no sense"),
        (["-p", "x", "--top-k", "-1"], 2, "--top-k -1 makes no sense"),
        (["-p", "x", "--seed", "-1"], 2, "--seed -1 makes no sense"),
        (["-p", "x", "--seed", "4294967295"], 2, "--seed 4294967295 makes no sense"),
        (["-p", "x", "--think", "maybe"], 2, "--think maybe makes no sense"),
        (["-p", "x", "--memory", "3 bytes"], 2, "is no size"),
        (["-p", "x", "--threads", "0"], 2, "--threads 0 makes no sense"),
        (["-p", "x", "--kv-type", "q1"], 2, "--kv-type"),
        (["-p", "x", "--continue", "--session", "y"], 2, "not allowed with"),
        (["-p", "x", "--nonsense"], 2, "unrecognized arguments: --nonsense"),
        (["-p", "x", "--temp", "1"], 2, "unrecognized arguments: --temp"),
        (["-p", "x", "--continue"], 1, "There is no conversation to continue yet"),
        (["-p", "x", "--session", "nobody"], 1, "There is no conversation 'nobody'"),
        (["-p", "x", "--image", "cat.png"], 1, "cannot show pictures"),
        (["-p", "x", "--file", "missing.txt"], 1, "There is no file missing.txt"),
        (["-p", "x", "--file", "."], 1, ". is a folder"),
        (["-p", "x", "--file", sys.executable], 1, "is no text in UTF-8"),
        (["-p", "long " * 2000], 1, "tokens but the context holds 512"),
        (["-p", b"\xff".decode("utf-8", "surrogateescape")], 2, "not valid UTF-8"),
    ],
)
def test_mistakes_get_one_sentence(stories_gguf: Path, arguments: Sequence[str], code: int, said: str) -> None:
    assert_fails(chat(stories_gguf, *arguments), code, said)


def assert_fails(ran: subprocess.CompletedProcess[str], code: int, said: str) -> None:
    *notices, sentence = ran.stderr.splitlines()
    assert (ran.returncode, ran.stdout) == (code, ""), ran.stderr
    assert said in sentence
    assert sentence.startswith("autoglm-lite")
    assert all("no chat template" in notice for notice in notices)


def test_files_that_are_no_models(stories_gguf: Path, tmp_path: Path) -> None:
    text, cut, folder = tmp_path / "text.gguf", tmp_path / "cut.gguf", tmp_path / "folder.gguf"
    text.write_text("Once upon a time\n" * 100)
    cut.write_bytes(stories_gguf.read_bytes()[:200_000])
    folder.mkdir()
    for path in (text, cut, folder, tmp_path / "missing.gguf"):
        assert_fails(chat(path, "-p", "x"), 1, str(path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(stories_gguf: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked.gguf"
    shutil.copy(stories_gguf, locked)
    locked.chmod(0)
    assert_fails(chat(locked, "-p", "x"), 1, str(locked))


@pytest.mark.parametrize("piped", [b"\xff\xfe\x00", b"a\0b"])
def test_piped_in_no_text(stories_gguf: Path, piped: bytes) -> None:
    assert_fails(chat(stories_gguf, piped=piped), 1, "The text piped in is")


def test_damaged_conversations(stories_gguf: Path, home: Path) -> None:
    (home / "data").mkdir(parents=True)
    (home / "data" / "conversations.db").write_bytes(b"x" * 5000)
    assert_fails(chat(stories_gguf, "-p", "x"), 1, "are damaged")


def test_a_hostile_template(stories_gguf: Path, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    shutil.copytree(STORIES, folder)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config["chat_template"] = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    out = tmp_path / "hostile.gguf"
    convert(folder, out)
    assert_fails(chat(out, "-p", "x"), 1, "takes longer than 2 seconds")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupting_keeps_what_came(endless_gguf: Path, home: Path, number: int) -> None:
    with answering(endless_gguf) as (process, begun):
        process.send_signal(number)
        rest, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (130, b"")
    answer = kept(home)[-1]
    assert answer.state == "stopped"
    assert (begun + rest).decode() == answer.content.rstrip("\n") + "\n"


def test_interrupted_json_is_whole(endless_gguf: Path, home: Path) -> None:
    command = [*COMMAND, str(endless_gguf), "-p", "Once", "--ctx", "32768", "--json"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        database = home / "data" / "conversations.db-wal"
        deadline = time.monotonic() + 20
        while (not database.exists() or len(kept(home)) < 2) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=20)
    report = json.loads(out)
    assert (process.returncode, errors, report["finish_reason"]) == (130, b"", "cancelled")
    assert report["text"] == kept(home)[-1].content


def test_interrupting_twice_ends_at_once(endless_gguf: Path, home: Path) -> None:
    with answering(endless_gguf) as (process, _):
        worker = worker_of(process)
        os.kill(worker, signal.SIGSTOP)
        try:
            process.send_signal(signal.SIGINT)
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(timeout=1)
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=1) == 130
        finally:
            os.kill(worker, signal.SIGKILL)
    assert kept(home)[-1].role == "assistant"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="finds the worker in /proc")
def test_interrupting_while_the_model_loads(endless_gguf: Path, home: Path) -> None:
    command = [*COMMAND, str(endless_gguf), "-p", "Once"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        worker = None
        while worker is None and process.poll() is None:
            with suppress(StopIteration, OSError):
                worker = worker_of(process)
        assert worker is not None
        os.kill(worker, signal.SIGSTOP)
        # Whether our handler is there yet or not: Ctrl-C ends the program.
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=15)
    assert (process.returncode, out, errors) == (130, b"", b"")
    assert not Path(f"/proc/{worker}").exists()
    assert kept(home) == []


def test_a_reader_that_leaves_early(endless_gguf: Path, home: Path) -> None:
    with answering(endless_gguf) as (process, _):
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.wait(timeout=20)
        assert process.stderr.read() == b""
    assert kept(home)[-1].state == "stopped"


@pytest.mark.skipif(sys.platform != "linux", reason="finds the worker in /proc")
@pytest.mark.parametrize(("number", "said"), [(signal.SIGKILL, b"was killed"), (signal.SIGABRT, b"gave up")])
def test_the_death_of_the_worker(endless_gguf: Path, home: Path, number: int, said: bytes) -> None:
    with answering(endless_gguf) as (process, begun):
        os.kill(worker_of(process), number)
        rest, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert said in errors
    assert errors.count(b"\n") == 1
    answer = kept(home)[-1]
    assert answer.state == "cut off"
    assert (begun + rest).decode() == answer.content.rstrip("\n") + "\n"


@pytest.mark.skipif(sys.platform != "linux", reason="finds the worker in /proc")
def test_kill_minus_9_of_the_shell_leaves_the_answer_and_no_worker(endless_gguf: Path, home: Path) -> None:
    with answering(endless_gguf) as (process, _):
        worker = worker_of(process)
        time.sleep(1.5)
        process.kill()
        process.wait()
        deadline = time.monotonic() + 10
        while Path(f"/proc/{worker}").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
    assert not Path(f"/proc/{worker}").exists()
    question, answer = kept(home)
    assert (question.content, answer.state) == ("Once upon a time", "cut off")
    assert len(answer.content) > 50


def test_on_a_terminal_progress_is_one_line_that_goes_away(endless_gguf: Path) -> None:
    prompt = " ".join(["Once upon a time"] * 300)
    command = [*COMMAND, str(endless_gguf), "-p", prompt, "--max-tokens", "5", "--ctx", "8192"]
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        out, _ = process.communicate(timeout=60)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert process.returncode == 0
    assert out.endswith(b"\n")
    assert b"\x1b" not in out
    assert re.search(r"\rreading the prompt: [\d,]+ of [\d,]+ tokens(, \d+ s left)?\x1b\[K", shown)
    assert shown.endswith("\r\x1b[K")
    assert "\n" not in shown
