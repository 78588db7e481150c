"""A llama.cpp for another processor is recognised before anything of it is loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from autoglm_lite.cli import main
from tests.conftest import STORIES
from tests.hardware.state import llama_cpp

SENTENCE = (
    "autoglm-lite: llama.cpp was built for a newer processor than this one:"
    " run ./install.sh again to build it for this one."
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell what the processor has")


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What would be imported as llama_cpp uses the instructions of two processors, of which no machine has both."""
    package = tmp_path / "packages/llama_cpp"
    llama_cpp(package / "lib", "avx2", "neon")
    (package / "__init__.py").write_text("raise SystemExit('llama.cpp was loaded')")
    for name in [name for name in sys.modules if name.partition(".")[0] == "llama_cpp"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "converters.ggml", raising=False)
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.setenv("AUTOGLM_LITE_HOME", str(tmp_path / "home"))
    return tmp_path


def test_an_answer_is_refused_with_the_sentence_that_mends_it(
    foreign: Path, stories_gguf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["chat", str(stories_gguf), "-p", "Once"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[-1] == SENTENCE
    # No child was started, which would have opened its log.
    assert list(foreign.glob("home/state/**/*.log")) == []


@pytest.mark.parametrize("measuring", ["imatrix", "perplexity"])
def test_so_is_a_measurement(
    measuring: str, foreign: Path, stories_gguf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (foreign / "text").write_text("Once upon a time there was a little girl. " * 50)
    out = ["-o", str(foreign / "out.gguf")] if measuring == "imatrix" else []
    assert main([measuring, str(stories_gguf), str(foreign / "text"), *out]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == SENTENCE
    assert list(foreign.glob("home/state/**/*.log")) == []
    assert not (foreign / "out.gguf").exists()


@pytest.mark.parametrize("wish", [["--type", "Q8_0"], ["--fit", "400KB"]])
def test_so_is_a_quantised_conversion(wish: list[str], foreign: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = foreign / "out.gguf"
    assert main(["convert", str(STORIES), "-o", str(out), *wish]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == SENTENCE
    assert not out.exists()


def test_a_conversion_without_native_code_goes_on(foreign: Path) -> None:
    out = foreign / "out.gguf"
    assert main(["convert", str(STORIES), "-o", str(out), "--type", "F16"]) == 0
    assert out.exists()


def test_the_doctor_says_so(foreign: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    assert "\n\nerror: build-foreign\n" in capsys.readouterr().out


def test_the_build_here_is_let_through(stories_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOGLM_LITE_HOME", str(tmp_path))
    command = [sys.executable, "-m", "autoglm_lite", "chat", str(stories_gguf), "-p", "Once", "--max-tokens", "2"]
    assert subprocess.run(command, capture_output=True).returncode == 0
    assert list(tmp_path.glob("state/**/*.log")) != []
