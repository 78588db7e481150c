"""`autoglm-lite pull`, from a hub on loopback to the first answer."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from autoglm_lite.cli import main
from autoglm_lite.hardware.machine import read_machine
from autoglm_lite.store import starter_path, stored_models
from autoglm_lite.store.manifest import read_manifest
from autoglm_lite.store.models import models_dir
from autoglm_lite.store.pulling import came
from tests.gguf.splitting import merged, split
from tests.gguf.tiny import llama
from tests.store.hub import FakeHub, serving
from tests.store.hub.fake import sha256

STARTER = starter_path().read_bytes()
REF = "hf:org/starter-GGUF"
FILE = "org/starter-GGUF/starter-Q8_0.gguf"
FILES = {"starter-Q8_0.gguf": STARTER, "config.json": b"{}", "run.py": b"", "weights.bin": b"", "all.zip": b""}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    with serving(FakeHub({"org/starter-GGUF": FILES}, licences={"org/starter-GGUF": "mit"})) as found:
        for name, value in found.environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "token"))
        monkeypatch.delenv("HF_TOKEN", raising=False)
        monkeypatch.setattr("sys.stdin", io.StringIO())
        yield found


def cli(*args: str) -> subprocess.CompletedProcess[str]:
    """The program itself, where no terminal is."""
    command = [sys.executable, "-m", "autoglm_lite", *args]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)


def test_from_the_first_command_to_the_first_answer(hub: FakeHub) -> None:
    pulled = cli("pull", REF)
    assert pulled.returncode == 0, pulled.stderr
    assert pulled.stdout == "starter-Q8_0 is here: autoglm-lite chat starter-Q8_0\n"
    said = pulled.stderr.splitlines()
    assert said[0] == "hf:org/starter-GGUF/starter-Q8_0.gguf"
    assert "Its licence is mit." in said
    assert re.search(r"Q8_0, 4 MB: .* It will take \d+ MB of the .* of memory that are free", pulled.stderr)
    assert re.search(r"The disk has .* free, and 4 MB of it are needed", pulled.stderr)
    assert hub.given[FILE] <= 2 * len(STARTER)
    assert {one.file for one in hub.asked} == {None, FILE}
    answer = cli("chat", "-p", "What is this program?", "starter-Q8_0")
    assert answer.returncode == 0, answer.stderr
    assert "language models" in answer.stdout
    # What chat is given may be the reference as well.
    assert cli("chat", "-p", "Hi", REF).returncode == 0


def test_what_is_kept_of_it(hub: FakeHub) -> None:
    assert main(["pull", REF, "--json"]) == 0
    [path] = stored_models()
    assert path.read_bytes() == STARTER
    known = read_manifest(models_dir(), "starter-Q8_0")
    assert known is not None
    assert (known.way, known.source, known.licence) == ("fetched", f"{REF}/starter-Q8_0.gguf", "mit")
    assert (known.revision, known.file.sha256) == (hub.commit("org/starter-GGUF"), sha256(STARTER))
    assert not (models_dir() / "partial" / "starter-Q8_0").exists()


def test_what_is_there_is_not_fetched_again(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pull", REF]) == 0
    sent = hub.given[FILE]
    for reference in (REF, f"{REF}:Q8_0", f"{REF}/starter-Q8_0.gguf", "ms:org/starter-GGUF"):
        capsys.readouterr()
        assert main(["pull", reference]) == 0
        assert capsys.readouterr().out == "starter-Q8_0 is here already: autoglm-lite chat starter-Q8_0\n"
    # Of ModelScope's only the header was looked at.
    assert hub.given[FILE] <= 2 * sent
    hub.faults = ["api 404"]
    assert main(["pull", REF, "--json"]) == 0
    streams = capsys.readouterr()
    assert "cannot be told" in streams.err
    assert json.loads(streams.out)["new"] is False


def test_a_newer_one_comes_only_when_asked_for(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pull", REF]) == 0
    newer = llama().encode()
    hub.repositories["org/starter-GGUF"] = {**FILES, "starter-Q8_0.gguf": newer}
    assert main(["pull", REF]) == 0
    assert "has a newer one" in capsys.readouterr().err
    assert stored_models()[0].read_bytes() == STARTER
    assert main(["pull", REF, "--yes"]) == 0
    assert [path.read_bytes() for path in stored_models()] == [newer]


@pytest.mark.parametrize("damaged", [STARTER[:1_000_000], bytes(len(STARTER))])
def test_a_damaged_one_comes_again(damaged: bytes, hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pull", REF]) == 0
    (path,) = stored_models()
    path.chmod(0o600)
    path.write_bytes(damaged)
    assert main(["pull", REF]) == 0
    assert "starter-Q8_0 is here, but its file is not what was stored: it is to come again." in capsys.readouterr().err
    assert [path.read_bytes() for path in stored_models()] == [STARTER]


def test_a_cut_line_and_wrong_bytes_end_in_the_right_ones(hub: FakeHub) -> None:
    hub.faults = ["api 429", "503", "cut", "429", "short"]
    assert cli("pull", REF).returncode == 0
    assert hub.faults == []
    assert stored_models()[0].read_bytes() == STARTER


def test_stopped_it_goes_on_with_the_same_command(hub: FakeHub) -> None:
    hub.pace = 0.05
    command = [sys.executable, "-m", "autoglm_lite", "pull", REF]
    for number in (signal.SIGINT, signal.SIGTERM):
        begun = came(models_dir(), "starter-Q8_0") + 600_000
        running = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while came(models_dir(), "starter-Q8_0") < begun and running.poll() is None:
            time.sleep(0.02)
        running.send_signal(number)
        _, said = running.communicate(timeout=60)
        assert running.returncode == 130
        assert said.endswith("autoglm-lite: stopped; what came is kept, and the same command goes on from here.\n")
        assert stored_models() == []
    hub.pace, before = 0.0, len(hub.ranges(FILE))
    done = cli("pull", REF)
    assert done.returncode == 0
    assert "came before, and need not come again" in done.stderr
    assert stored_models()[0].read_bytes() == STARTER
    # What was missing, and nothing else.
    assert hub.ranges(FILE)[before:]
    assert all(one and not one.startswith("bytes=0-") for one in hub.ranges(FILE)[before:])


def test_what_cannot_be_had_is_said_in_a_sentence(
    hub: FakeHub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repositories |= {
        "org/gated": FILES,
        "org/checkpoint": {"model-00001-of-00002.safetensors": bytes(2_000_000), "model.safetensors": bytes(8_000_000)},
        "org/pickles": {"pytorch_model.bin": b"x", "modeling.py": b"x"},
        "org/broken": {"model-Q8_0.gguf": STARTER[:100_000]},
    }
    hub.gated = {"org/gated"}
    expected = {
        "hf:org/gated": f"open {hub.url}/org/gated and agree there, log in here with `hf auth login` or HF_TOKEN",
        "ms:org/nothing": "has no org/nothing that it would show you",
        "hf:org/checkpoint": "`autoglm-lite convert hf:org/checkpoint` makes a GGUF of about 3 MB",
        "hf:org/pickles": "look for a repository whose name ends in GGUF",
        "hf:org/broken": "is cut short",
        f"{REF}:Q2_K": "has no Q2_K: there is Q8_0",
        f"{REF}/other.gguf": "other.gguf is no model there",
        "org/starter-GGUF": "write hf:org/starter-GGUF",
        "hf:org": "names no repository",
        "glm-edge-1.5": "glm-edge-1.5b",
        f"{hub.url}/org/starter-GGUF/resolve/main/run.py": "has to end in .gguf",
    }
    for reference, sentence in expected.items():
        assert main(["pull", reference]) in (1, 2)
        said = capsys.readouterr().err
        assert sentence in said, reference
        assert said.count("\n") == 1
    monkeypatch.setenv("HF_ENDPOINT", "nonsense")
    assert main(["pull", REF]) == 2
    assert stored_models() == []


def test_a_file_of_any_server(hub: FakeHub) -> None:
    assert main(["pull", f"{hub.url}/org/starter-GGUF/resolve/main/starter-Q8_0.gguf"]) == 0
    assert stored_models()[0].read_bytes() == STARTER


def test_two_models_of_one_name(hub: FakeHub) -> None:
    other = llama().encode()
    hub.repositories["maker/starter-GGUF"] = {"starter-Q8_0.gguf": other}
    assert main(["pull", REF]) == main(["pull", "hf:maker/starter-GGUF"]) == 0
    assert [path.name for path in stored_models()] == ["maker-starter-Q8_0.gguf", "starter-Q8_0.gguf"]
    assert [path.read_bytes() for path in stored_models()] == [other, STARTER]


def test_chat_and_serve_say_how_to_get_a_model(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["chat", "-p", "Hi"], ["serve"]):
        assert main([*command, "hf:org/repo:q8_0"]) == 1
        assert "`autoglm-lite pull hf:org/repo:Q8_0` gets it" in capsys.readouterr().err
        assert main([*command, "glm-edge-1.5b"]) == 1
        assert "`autoglm-lite pull glm-edge-1.5b` gets it" in capsys.readouterr().err


class Terminal:
    """The program on a terminal of its own."""

    def __init__(self, *args: str) -> None:
        self._pid, self._fd = pty.fork()
        if self._pid == 0:  # pragma: no cover
            os.execv(sys.executable, [sys.executable, "-m", "autoglm_lite", *args])
        self.shown = ""

    def until(self, text: str) -> None:
        ends = time.monotonic() + 60
        while text not in self.shown:
            assert time.monotonic() < ends, self.shown
            if select.select([self._fd], [], [], 0.1)[0]:
                self.shown += os.read(self._fd, 65536).decode()

    def type(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def ended(self) -> int:
        try:
            while True:
                self.shown += os.read(self._fd, 65536).decode()
        except OSError:
            pass
        status = os.waitpid(self._pid, 0)[1]
        os.close(self._fd)
        return os.waitstatus_to_exitcode(status)


def test_on_a_terminal_it_asks_and_shows_how_far_it_is(hub: FakeHub) -> None:
    terminal = Terminal("pull", REF)
    terminal.until("Get it? [Y/n] ")
    terminal.type("n\n")
    assert terminal.ended() == 1
    assert stored_models() == []
    hub.pace = 0.02
    terminal = Terminal("pull", REF, "--limit", "3MB")
    terminal.until("Get it? [Y/n] ")
    terminal.type("\n")
    assert terminal.ended() == 0
    assert re.search(r"\r *\d+%  \d.* MB of 3.9 MB  \d.*/s  \d+ s left\x1b\[K", terminal.shown)
    assert "starter-Q8_0 is here: autoglm-lite chat" in terminal.shown


def test_a_file_of_this_computer_stays_where_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = llama().write(tmp_path / "mine.gguf")
    assert main(["pull", str(mine)]) == 0
    streams = capsys.readouterr()
    assert streams.out == "mine is here: autoglm-lite chat mine\n"
    assert "takes no more room" in streams.err
    assert [path.name for path in stored_models()] == ["mine.gguf"]
    assert main(["pull", str(tmp_path / "none.gguf")]) == 1
    assert "none.gguf" in capsys.readouterr().err


def test_a_file_that_another_program_has_is_not_fetched(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    repo = tmp_path / "hf" / "hub" / "models--org--starter-GGUF"
    blob, snapshot = repo / "blobs" / sha256(STARTER), repo / "snapshots" / hub.commit("org/starter-GGUF")
    for folder in (blob.parent, snapshot, repo / "refs"):
        folder.mkdir(parents=True)
    (repo / "refs" / "main").write_text(snapshot.name)
    # What is there under its name may be damaged: then it is fetched after all.
    blob.write_bytes(STARTER[:-1] + b"!")
    (snapshot / "starter-Q8_0.gguf").symlink_to(blob)
    assert main(["pull", REF]) == 0
    assert stored_models()[0].read_bytes() == STARTER
    stored_models()[0].unlink()
    blob.write_bytes(STARTER)
    sent = hub.count("store")
    assert main(["pull", "ms:org/starter-GGUF"]) == 0
    assert "Hugging Face cache has this very file" in capsys.readouterr().err
    assert stored_models()[0].samefile(blob)
    # Not even the header, which was read before.
    assert hub.count("store") == sent
    known = read_manifest(models_dir(), stored_models()[0].stem)
    assert known is not None
    assert known.source == "ms:org/starter-GGUF/starter-Q8_0.gguf"


def test_a_name_of_the_list_is_the_best_file_of_its_repository(
    hub: FakeHub, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, eyes = llama().encode(), b"GGUF" + bytes(200_000)
    n_tensors = len(llama().tensors)
    first, second = split(whole, [5, n_tensors - 5])
    hub.repositories["zai-org/glm-edge-1.5b-chat-gguf"] = {
        "ggml-model-Q4_K_M.gguf": whole,
        "ggml-model-F16-00001-of-00002.gguf": first,
        "ggml-model-F16-00002-of-00002.gguf": second,
        "mmproj-model-f16.gguf": eyes,
    }
    assert main(["pull", "glm-edge-1.5b", "--json"]) == 0
    streams = capsys.readouterr()
    told = json.loads(streams.out)
    assert told["name"] == "glm-edge-1.5b-chat-Q4_K_M"
    assert told["source"] == "hf:zai-org/glm-edge-1.5b-chat-gguf/ggml-model-Q4_K_M.gguf"
    assert "What sees pictures for it comes along" in streams.err
    assert main(["pull", "glm-edge-1.5b:f16", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert Path(told["path"]).read_bytes() == merged(whole)
    assert Path(told["path"]).with_name(told["mmproj"]).read_bytes() == eyes
    assert [path.stem for path in stored_models()] == ["glm-edge-1.5b-chat-F16", "glm-edge-1.5b-chat-Q4_K_M"]
    assert main(["pull", "glm-edge-1.5b:F16"]) == 0
    assert "is here already" in capsys.readouterr().out


def test_a_model_that_is_too_large_comes_only_with_yes(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = replace(read_machine(), memory_available=20_000_000)
    with monkeypatch.context() as patched:
        patched.setattr("autoglm_lite.commands.devices.machine_with_devices", lambda *_: small)
        assert main(["pull", REF]) == 1
        said = capsys.readouterr().err
        assert "will not fit" in said
        assert said.endswith("will not run here, so it was not fetched; --yes gets it all the same.\n")
        assert stored_models() == []
        patched.setattr("autoglm_lite.commands.prospect.free_bytes", lambda _: 50_000_000)
        assert main(["pull", REF, "--yes"]) == 1
        assert (
            "The disk has too little room: 104 MB are needed, 100 MB of which stay free, and 50 MB are free"
            in capsys.readouterr().err
        )
        patched.setattr("autoglm_lite.commands.prospect.free_bytes", lambda _: 500_000_000)
        assert main(["pull", REF, "--yes"]) == 0
