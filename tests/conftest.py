"""What many tests share: the small trained model as a GGUF, and a home of their own."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# Started in the background or by nohup, we ignore these, and so would each program that a test interrupts.
for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, handler)

# A test is not to fail because the machine was busy for a fifth of a second.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

STORIES = Path(__file__).parent / "data" / "stories260K"
TEMPLATE = "{{ bos_token }}{% for m in messages %}{{ m.content }}{% if not loop.last %}\n{% endif %}{% endfor %}"


def convert(checkpoint: Path, out: Path) -> Path:
    command = [sys.executable, "-m", "autoglm_lite", "convert", str(checkpoint), "-o", str(out), "--type", "F16"]
    subprocess.run(command, check=True, capture_output=True)
    return out


@pytest.fixture(scope="session")
def stories_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained stories model at F16, made by our own converter."""
    return convert(STORIES, tmp_path_factory.mktemp("models") / "stories.gguf")


def with_template(template: str, folder: Path) -> Path:
    """The stories model with a chat template and a context that takes it seconds to fill."""
    shutil.copytree(STORIES, folder, dirs_exist_ok=True)
    for name, key, value in (
        ("config.json", "max_position_embeddings", 32768),
        ("tokenizer_config.json", "chat_template", template),
    ):
        config = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({**config, key: value}))
    return convert(folder, folder / "endless.gguf")


@pytest.fixture(scope="session")
def endless_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that tells a story that goes on and on."""
    return with_template(TEMPLATE, tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keeps every test out of the user's own models, conversations and logs."""
    folder = tmp_path / "home"
    monkeypatch.setenv("AUTOGLM_LITE_HOME", str(folder))
    # Where other programs have models, too.
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    return folder
