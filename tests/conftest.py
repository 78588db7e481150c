"""What many tests share: the small trained model as a GGUF, and a home of their own."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

# Started in the background, as CI may be, we ignore SIGINT, and so would each program that a test interrupts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

STORIES = Path(__file__).parent / "data" / "stories260K"


@pytest.fixture(scope="session")
def stories_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained stories model at F16, made by our own converter."""
    out = tmp_path_factory.mktemp("models") / "stories.gguf"
    command = [sys.executable, "-m", "autoglm_lite", "convert", str(STORIES), "-o", str(out), "--type", "F16"]
    subprocess.run(command, check=True, capture_output=True)
    return out


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keeps every test out of the user's own models, conversations and logs."""
    folder = tmp_path / "home"
    monkeypatch.setenv("AUTOGLM_LITE_HOME", str(folder))
    return folder
