"""What the command line imports, and that its reference page is current."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from autoglm_lite import __version__
from autoglm_lite.cli import COMMANDS

DOCS = Path(__file__).parents[2] / "docs"
HEAVY = {"textual", "numpy", "llama_cpp", "asyncio", "jinja2", "gguf", "psutil", "safetensors", "sentencepiece"}
RUN = """
import sys
from autoglm_lite.cli import main
try:
    code = main(sys.argv[1:])
except SystemExit as ended:
    code = ended.code
import json
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""


def imported_by(*arguments: str) -> tuple[int, set[str], str]:
    """The exit code, the modules that were loaded, and stdout."""
    ran = subprocess.run(
        [sys.executable, "-c", RUN, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    code, modules = json.loads(ran.stderr.splitlines()[-1])
    return code or 0, set(modules), ran.stdout


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], *([name, "--help"] for name in COMMANDS)])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code, modules, out = imported_by(*arguments)
    assert code == 0
    assert HEAVY & modules == set()
    assert __version__ in out if arguments == ["--version"] else "usage:" in out


def test_version_does_not_even_read_the_commands() -> None:
    _, modules, out = imported_by("--version")
    assert out == f"autoglm-lite {__version__}\n"
    assert "argparse" not in modules


def test_help_names_every_command() -> None:
    out = imported_by("--help")[2]
    assert all(f"  {name} " in out for name in COMMANDS)


def test_an_answer_in_the_shell_needs_no_app_and_no_arrays(stories_gguf: Path) -> None:
    code, modules, _ = imported_by("chat", str(stories_gguf), "-p", "Once", "--max-tokens", "2")
    assert code == 0
    assert (HEAVY - {"asyncio"}) & modules == set()


@pytest.mark.parametrize("arguments", [["nonsense"], ["--nonsense"], ["chat", "a", "b"]])
def test_wrong_usage_is_one_line(arguments: list[str]) -> None:
    ran = subprocess.run([sys.executable, "-m", "autoglm_lite", *arguments], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert ran.stderr.startswith("autoglm-lite")


def test_debugging_shows_where_an_error_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOGLM_LITE_DEBUG", "1")
    command = [sys.executable, "-m", "autoglm_lite", "chat", "missing.gguf", "-p", "x"]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 1
    assert "Traceback" in ran.stderr


def test_the_reference_page_is_current() -> None:
    """If this fails: python docs/cli.py."""
    assert load(DOCS / "cli.py").page() == (DOCS / "cli.md").read_text(encoding="utf-8")


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("cli_reference", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_in_shell(arguments: str) -> "subprocess.CompletedProcess[str]":
    command = f"exec {sys.executable} -m autoglm_lite {arguments}"
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, stdin=subprocess.DEVNULL)


def test_no_command_shows_the_help() -> None:
    ran = run_in_shell("")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "usage: autoglm-lite" in ran.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_under_stdout_is_said() -> None:
    ran = run_in_shell("--version > /dev/full")
    assert (ran.returncode, ran.stderr.count("\n")) == (1, 1)
    assert "No space left" in ran.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_closed_streams_are_no_matter(closed: str) -> None:
    assert run_in_shell(f"chat missing.gguf -p hi {closed}").returncode == 1
