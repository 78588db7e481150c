"""install.sh knows the distribution it is on and the one line to type there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.install.shell import SHELLS, call

RELEASES = {
    "debian": 'ID=debian\nVERSION_ID="12"\n',
    "ubuntu": 'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="22.04"\n',
    "mint": 'ID=linuxmint\nID_LIKE="ubuntu debian"\n',
    "fedora": "ID=fedora\nVERSION_ID=43\n",
    "rocky": 'ID="rocky"\nID_LIKE="rhel centos fedora"\n',
    "arch": "ID=arch\n",
    "manjaro": "ID=manjaro\nID_LIKE=arch\n",
    "leap": 'ID="opensuse-leap"\nID_LIKE="suse opensuse"\n',
    "tumbleweed": 'ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\n',
    "alpine": "ID=alpine\n",
}
COMPILER = {
    "debian": "sudo apt-get update && sudo apt-get install g++",
    "ubuntu": "sudo apt-get update && sudo apt-get install g++",
    "mint": "sudo apt-get update && sudo apt-get install g++",
    "fedora": "sudo dnf install gcc-c++",
    "rocky": "sudo dnf install gcc-c++",
    "arch": "sudo pacman -S --needed gcc",
    "manjaro": "sudo pacman -S --needed gcc",
    "leap": "sudo zypper install gcc-c++",
    "tumbleweed": "sudo zypper install gcc-c++",
    "alpine": "sudo apk add g++",
}


def release(root: Path, text: str) -> str:
    (root / "etc").mkdir()
    (root / "etc/os-release").write_text(text)
    return str(root)


@pytest.mark.parametrize("name", RELEASES)
def test_the_line_that_brings_a_compiler(name: str, tmp_path: Path) -> None:
    root = release(tmp_path, RELEASES[name])
    asked = call("sudo='sudo '; package_line compiler \"$(distribution \"$1\")\" ''", root)
    assert asked.stdout.strip() == COMPILER[name]
    alone = call('sudo=; package_line compiler "$(distribution "$1")" -y', root).stdout
    assert "sudo" not in alone
    assert name == "alpine" or " -y" in alone or "--noconfirm" in alone or "--non-interactive" in alone


@pytest.mark.parametrize("name", RELEASES)
def test_the_line_that_brings_python(name: str, tmp_path: Path) -> None:
    root = release(tmp_path, RELEASES[name])
    line = call("sudo='sudo '; package_line python \"$(distribution \"$1\")\" ''", root).stdout
    assert "python" in line
    assert line.count("\n") == 1


def test_a_distribution_nobody_told_us_of_gets_no_wrong_line(tmp_path: Path) -> None:
    root = release(tmp_path, "ID=plan9\n")
    assert call('sudo=; package_line compiler "$(distribution "$1")" \'\'', root).stdout == ""


@pytest.mark.parametrize(
    ("have", "want", "enough"),
    [
        ("3.25.1", "3.21", True),
        ("3.21.0", "3.21", True),
        ("3.16.3", "3.21", False),
        ("4.0", "3.21", True),
        ("2.8.12", "3.21", False),
        ("3.22.0-rc1", "3.21", True),
        ("0.13.8 (x86_64)", "0.5", True),
        ("0.4.30", "0.5", False),
        ("", "3.21", False),
        ("unknown", "3.21", False),
    ],
)
def test_versions_are_compared_as_numbers(have: str, want: str, enough: bool) -> None:
    assert (call('at_least "$1" "$2"', have, want).returncode == 0) == enough


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_the_processor_is_described_the_same_each_time(shell: list[str]) -> None:
    first, second = call("processor", shell=shell), call("processor", shell=shell)
    assert first.stdout == second.stdout
    assert len(first.stdout.split()) > 3
    assert "MHz" not in first.stdout


def test_at_least_one_compiler_runs_and_no_more_than_cores() -> None:
    jobs, cores = call("build_jobs; nproc").stdout.split()
    assert 1 <= int(jobs) <= int(cores)


def test_no_compiler_is_one_line_to_type(tmp_path: Path) -> None:
    code = "assume_yes=no log=/dev/null temporary=$1 PATH=$2; need_compiler"
    (tmp_path / "bin").mkdir()
    for name in ("uname", "id", "rm"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name) or "")
    done = call(code, str(tmp_path), str(tmp_path / "bin"))
    assert done.returncode == 1
    assert "No working C++ compiler was found" in done.stderr
    assert done.stdout == ""


def test_a_compiler_that_cannot_compile_is_none(tmp_path: Path) -> None:
    code = "log=/dev/null temporary=$1; CC=false CXX=false find_compiler"
    assert call(code, str(tmp_path)).returncode == 1
    assert call("log=/dev/null temporary=$1; unset CC CXX; find_compiler", str(tmp_path)).returncode == 0


def test_a_full_disk_is_one_sentence_before_the_build() -> None:
    code = "program=/p; df() { printf 'Filesystem 1024-blocks Used Available\\n/dev/x 900 400 500000\\n'; }; "
    assert call(code + "need_space 400000").returncode == 0
    done = call(code + "need_space 1000000")
    assert done.returncode == 1
    assert done.stderr == "install.sh: The build needs 1000 MB of free disk space in /p, and 500 MB are there.\n"
