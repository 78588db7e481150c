"""What the commands say of models that make embeddings or rank documents."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from autoglm_lite import store
from autoglm_lite.cli import main
from autoglm_lite.store.models import models_dir
from tests.gguf.embedders import bert, cross_encoder, qwen3_embedding
from tests.gguf.tiny import TYPE_F32, Tensor, Tiny, llama


@pytest.mark.parametrize(
    "command",
    [
        ("chat", "MODEL", "-p", "Hello"),
        ("tune", "MODEL"),
        ("bench", "MODEL"),
        ("perplexity", "MODEL", "TEXT"),
        ("imatrix", "MODEL", "TEXT", "-o", "OUT"),
    ],
)
@pytest.mark.parametrize(("make", "does"), [(bert, "only makes embeddings"), (cross_encoder, "only ranks documents")])
def test_what_takes_a_model_that_writes_refuses_others(
    command: tuple[str, ...],
    make: Callable[[], Tiny],
    does: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = tmp_path / "text.txt"
    text.write_text("a " * 2000)
    given = {"MODEL": str(make().write(tmp_path / "m.gguf")), "TEXT": str(text), "OUT": str(tmp_path / "out.gguf")}
    assert main([given.get(word, word) for word in command]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"autoglm-lite: Tiny bert {does} and cannot write: choose a chat model.\n"


def test_a_plan_of_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = bert().write(tmp_path / "m.gguf")
    assert main(["plan", str(path), "--memory", "2GB"]) == 0
    page = capsys.readouterr().out
    assert "Reads texts at" in page
    assert "Writes an answer" not in page
    assert "KV cache  " not in page
    assert "It makes embeddings" in page
    assert main(["plan", str(path), "--memory", "2GB", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["use"], found["predicted_bytes"]["kv"]) == ("embeddings", 0)
    assert found["n_ubatch"] == found["n_ctx"] == 128
    assert main(["plan", str(qwen3_embedding().write(path)), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["predicted_bytes"]["kv"] > 0


def test_what_fits_instead_is_no_conversation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = bert().write(tmp_path / "m.gguf")
    assert main(["plan", str(path), "--memory", "10MB", "--json"]) == 1
    commands = [suggestion["command"] for suggestion in json.loads(capsys.readouterr().out)["suggestions"]]
    assert any(command and command.startswith("autoglm-lite plan ") for command in commands)
    assert not any(command and command.startswith("autoglm-lite chat ") for command in commands)


def test_the_largest_stored_model_is_one_that_writes() -> None:
    folder = models_dir()
    folder.mkdir(parents=True)
    large = bert()
    large.tensors.append(Tensor(b"more.weight", [512, 512], TYPE_F32, bytes(1 << 20)))
    large.write(folder / "bert.gguf")
    chat = llama().write(folder / "chat.gguf")
    said: list[str] = []
    assert store.resolve(None, None, said.append) == chat
    assert said == []
    chat.unlink()
    assert store.is_starter(store.resolve(None))
