"""install.sh's own pieces: parts of a lock, quoting, the launcher, the lock, an interruption."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoglm_lite import paths
from tests.install.shell import ROOT, SHELLS, call, environment


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_every_shell_reads_it(shell: list[str]) -> None:
    done = subprocess.run([*shell, "-n", str(ROOT / "install.sh")], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_splits_into_llama_cpp_and_the_rest(lock: str) -> None:
    path = str(ROOT / lock)
    only = call('lock_part "$1" only llama-cpp-python', path).stdout
    rest = call('lock_part "$1" without llama-cpp-python', path).stdout
    assert only.startswith("llama-cpp-python==")
    assert "--hash=sha256:" in only
    assert "\nllama-cpp-python==" not in rest
    assert sorted((only + rest).splitlines()) == sorted(Path(path).read_text().splitlines())


def test_the_version_that_is_built_is_the_locks() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    version = call("clone=$1; llama_version", str(ROOT)).stdout.strip()
    assert version[0].isdigit()
    assert f"\nllama-cpp-python=={version} \\\n" in lock


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), min_size=1).map(lambda t: t + "x"))
def test_a_quoted_word_is_that_word(word: str) -> None:
    assert call('eval "printf %s $(quoted "$1")"', word).stdout == word


def test_the_launcher_passes_its_arguments_on(tmp_path: Path) -> None:
    program = tmp_path / "it's 程序 here"
    (program / "env/bin").mkdir(parents=True)
    (program / "env/bin/python").write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    (program / "env/bin/python").chmod(0o755)
    launcher = tmp_path / "launcher"
    launcher.write_text(call("program=$1; launcher_text", str(program)).stdout)
    done = subprocess.run(["sh", str(launcher), "chat", "-p", "a  b", "*"], capture_output=True, text=True)
    assert done.stdout == "-I|-m|autoglm_lite|chat|-p|a  b|*|"


@pytest.mark.skipif(sys.platform != "linux", reason="the folders differ, and so does their name")
@pytest.mark.parametrize(
    "extra", [{}, {"XDG_DATA_HOME": "/a b", "XDG_STATE_HOME": "/c"}, {"AUTOGLM_LITE_HOME": "/d e"}]
)
def test_the_shell_and_the_program_agree_on_the_users_folders(
    extra: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_DATA_HOME", "XDG_STATE_HOME", "AUTOGLM_LITE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in extra.items():
        monkeypatch.setenv(name, value)
    found = call("user_folders", env=environment(tmp_path, **extra)).stdout.splitlines()
    assert found == [str(paths.data_dir()), str(paths.state_dir())]


def test_progress_shows_the_builds_own_step(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("[3/9] before this step\n")
    assert call("log=$1; progress_text 1 75", str(log)).stdout == "1 min 15 s"
    with log.open("a") as file:
        file.write("[1/131] cc a.c\nwarning: x\n[2/131] cc b.c\n")
    assert call("log=$1; progress_text 1 75", str(log)).stdout == "step 2 of 131, 1 min 15 s"


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_a_lock_whose_owner_is_gone_is_taken(shell: list[str], tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    gone = subprocess.Popen(["true"])
    gone.wait()
    (tmp_path / "lock/pid").write_text(f"{gone.pid}\n")
    done = call("program=$1 locked=; take_lock; cat $1/lock/pid; release_lock; ls -A $1", str(tmp_path), shell=shell)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1
    assert done.stdout != f"{gone.pid}\n"


def test_two_never_hold_the_lock(tmp_path: Path) -> None:
    code = """
        program=$1 locked=
        take_lock
        mkdir "$1/alone" || echo together
        rmdir "$1/alone"
        release_lock
    """
    script = tmp_path / "install.sh"
    script.write_text((ROOT / "install.sh").read_text().removesuffix('main "$@"\n') + code)
    (tmp_path / "program").mkdir()
    command = ["sh", str(script), str(tmp_path / "program")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    results = [(*process.communicate(timeout=60), process.returncode) for process in running]
    assert [(out, code) for out, _, code in results] == [("", 0)] * 4


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_the_work_and_gives_the_lock_back(
    shell: list[str], sent: signal.Signals, tmp_path: Path
) -> None:
    code = """
        job= ticker= locked= temporary= program=$1 log=$1/log
        : >"$log"
        trap clean_up EXIT
        trap 'interrupted 130' INT
        trap 'interrupted 143' TERM
        take_lock
        work "Working" sh -c 'echo $$ >"$1/child"; exec sleep 60' sh "$1"
    """
    script = tmp_path / "install.sh"
    script.write_text((ROOT / "install.sh").read_text().removesuffix('main "$@"\n') + code)
    process = subprocess.Popen([*shell, str(script), str(tmp_path)], stderr=subprocess.PIPE, text=True)
    child = tmp_path / "child"
    deadline = time.monotonic() + 20
    while not (child.exists() and child.read_text().strip()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(sent)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 128 + sent
    assert "Interrupted." in said
    assert not (tmp_path / "lock").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(child.read_text()), 0)
