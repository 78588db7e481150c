"""install.sh run as a user runs it, as far as that needs no network."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.install.shell import call, environment, install_sh

TOOLS = "awk basename cat cksum cut date df dirname find grep head id ls mkdir mv rm rmdir sed sh sort tail tr uname wc"


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A home with what an install leaves, and what the program has put beside it."""
    program = tmp_path / ".local/share/autoglm-lite/program"
    for folder in ("env/bin", "wheels/0.3.36-cpu-1", "log"):
        (program / folder).mkdir(parents=True)
    (program / "env/bin/python").write_text("#!/bin/sh\n")
    models = tmp_path / ".local/share/autoglm-lite/models"
    models.mkdir()
    (models / "a.gguf").write_text("model")
    state = tmp_path / ".local/state/autoglm-lite"
    state.mkdir(parents=True)
    (tmp_path / ".local/bin").mkdir()
    (tmp_path / ".local/bin/autoglm-lite").write_text("#!/bin/sh\n# Made by install.sh of autoglm-lite.\n")
    return tmp_path


def test_uninstall_keeps_models_and_conversations(installed: Path) -> None:
    done = install_sh("uninstall", env=environment(installed))
    assert (done.returncode, done.stdout) == (0, "")
    assert not (installed / ".local/bin/autoglm-lite").exists()
    assert [p.name for p in (installed / ".local/share/autoglm-lite").iterdir()] == ["models"]
    assert (installed / ".local/share/autoglm-lite/models/a.gguf").read_text() == "model"
    assert "Kept " in done.stderr


@pytest.mark.parametrize(("place", "ends"), [(".local/share/autoglm-lite/program", True), ("elsewhere", False)])
def test_uninstall_leaves_no_service_without_its_program(installed: Path, place: str, ends: bool) -> None:
    launcher = installed / ".local/bin/autoglm-lite"
    launcher.write_text(f'{launcher.read_text()}echo "$@" > {installed}/asked\n')
    launcher.chmod(0o755)
    unit = installed / ".config/systemd/user/autoglm-lite.service"
    unit.parent.mkdir(parents=True)
    unit.write_text(f'ExecStart=:"{installed}/{place}/env/bin/python" "-I" "-m" "autoglm_lite" "serve"\n')
    assert install_sh("uninstall", env=environment(installed)).returncode == 0
    assert (installed / "asked").exists() == ends
    if ends:
        assert (installed / "asked").read_text() == "service uninstall\n"


@pytest.mark.parametrize(("place", "begins"), [(".local/share/autoglm-lite/program", True), ("elsewhere", False)])
def test_a_service_that_runs_begins_anew_with_a_new_program(installed: Path, place: str, begins: bool) -> None:
    asked = installed / "asked"
    (installed / "bin").mkdir()
    (installed / "bin/systemctl").write_text(f'#!/bin/sh\necho "$@" > {asked}\n')
    (installed / "bin/systemctl").chmod(0o755)
    unit = installed / ".config/systemd/user/autoglm-lite.service"
    unit.parent.mkdir(parents=True)
    unit.write_text(f'ExecStart=:"{installed}/{place}/env/bin/python" "-I" "-m" "autoglm_lite" "serve"\n')
    env = environment(installed)
    done = call(
        "log=/dev/null program=$1; restart_service",
        str(installed / ".local/share/autoglm-lite/program"),
        env={**env, "PATH": f"{installed}/bin:{env['PATH']}"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert asked.exists() == begins
    if begins:
        assert asked.read_text() == "--user try-restart autoglm-lite.service\n"


def test_purge_removes_them(installed: Path) -> None:
    assert install_sh("uninstall", "--purge", env=environment(installed)).returncode == 0
    assert [p for p in installed.rglob("*") if "autoglm-lite" in p.name] == []


def test_uninstall_leaves_a_launcher_that_is_not_ours(installed: Path) -> None:
    launcher = installed / ".local/bin/autoglm-lite"
    launcher.write_text("#!/bin/sh\necho mine\n")
    install_sh("uninstall", env=environment(installed))
    assert launcher.exists()


def test_uninstalling_nothing_says_so(tmp_path: Path) -> None:
    done = install_sh("--prefix", str(tmp_path / "a b"), "uninstall", env=environment(tmp_path))
    assert done.returncode == 0
    assert "Nothing is installed" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_help_goes_to_stdout(tmp_path: Path) -> None:
    done = install_sh("--help", env=environment(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "./install.sh [OPTIONS] chat [ARGS]" in done.stdout


@pytest.mark.parametrize("arguments", [["talk"], ["--prefixes"], ["--prefix"]])
def test_wrong_usage_is_one_sentence_and_2(arguments: list[str], tmp_path: Path) -> None:
    done = install_sh(*arguments, env=environment(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("install.sh: ")
    assert done.stderr.count("\n") == 1


def test_no_python_is_one_line_to_type(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in TOOLS.split():
        (tmp_path / "bin" / name).symlink_to(shutil.which(name) or "")
    done = install_sh("chat", "-p", "hello", env=environment(tmp_path, PATH=str(tmp_path / "bin")))
    assert (done.returncode, done.stdout) == (1, "")
    assert "No Python 3.10 or newer was found" in done.stderr


def test_a_home_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = install_sh("--prefix", str(tmp_path / "file"), env=environment(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot be written" in done.stderr
