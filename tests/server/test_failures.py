"""What went wrong is told in a sentence that names no file, shows no code, and is nobody else's."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from autoglm_lite.errors import (
    AutoglmError,
    BusyError,
    ModelFileError,
    PromptTooLongError,
    UnknownModelError,
    UsageError,
    WillNotFitError,
    WorkerDiedError,
)
from autoglm_lite.generation import Event, GenerateRequest, Prefill, Text
from autoglm_lite.gguf import read_facts
from autoglm_lite.server.failures import HIDDEN, MOST_CHARACTERS, failure_of, without_paths
from autoglm_lite.worker.client import Worker
from autoglm_lite.worker.process import death_sentence
from tests.server.serving import Running

PATHS = [
    "/home/jane/models/a.gguf",
    "/home/jane doe/My Models/a model (1).gguf",
    "/home/o'brien/models/a.gguf",
    "/home/用户/模型/智谱 4.gguf",
    "/root/.local/share/autoglm-lite/models/Qwen2.5-1.5B-Instruct-Q4_K_M.gguf",
    "/home/jane/.cache/autoglm-lite/states/0123abcd",
    "/home/jane/.local/state/autoglm-lite/logs/worker-123-4.log",
    "/run/user/1000/autoglm-lite/service.sock",
    "/tmp/build/upstream.cpp/ggml/src/ggml.c",
    "~/models/a.gguf",
    "/a.gguf",
    "/data/models",
    "/mnt/c/Users/Jane/b.gguf",
]
SENTENCES = [
    "{} is empty; download it again.",
    "There is no file {}; check the path.",
    "'{}' cannot be read ([Errno 5] Input/output error); check the path and the disk.",
    "{} is cut short: it ends within the header; download it again.",
    "{} cannot be used: its vocabulary has a token twice; download it again, or convert the model again.",
    "llama.cpp gave up on an internal error: GGML_ASSERT(a/b > 0) failed. The log is {}.",
    "The model's process crashed (SIGSEGV): {}:123: what. The log is {}.",
    "The disk of {} is full: make room there.",
    "{} cannot be written: No space left on device.",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("sentence", SENTENCES)
def test_no_sentence_names_a_file(sentence: str, path: str) -> None:
    told = without_paths(sentence.replace("{}", path))
    assert HIDDEN in told
    first = sentence.split("{}")[0]
    assert told.startswith(first)
    for part in Path(path).parts:
        assert len(part) == 1 or part not in told.removeprefix(first), told


@pytest.mark.parametrize("folder", ["states", "models/deep"])
def test_a_home_with_blanks_is_hidden(monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    monkeypatch.setenv("HOME", "/home/jane doe")
    monkeypatch.delenv("AUTOGLM_LITE_HOME", raising=False)
    told = without_paths(f"/home/jane doe/.cache/autoglm-lite/{folder} cannot be written: it is full.")
    assert told == f"{HIDDEN} cannot be written: it is full."


@pytest.mark.parametrize(
    "sentence",
    [
        "There is no model called 'qwen' here. Those that can be asked: starter, Qwen2.5-1.5B.",
        "The prompt has 5 tokens but the context holds 4: shorten it, or start the service with a larger --ctx.",
        "It writes 3/4 of the text and/or nothing, at 12 tokens/s.",
        "See https://huggingface.co/zai-org/glm-4 for another.",
        "llama.cpp cannot load it.",
        "Ask /openapi.json.",
        "1/2 and 3 / 4",
    ],
)
def test_what_is_no_file_stays(sentence: str) -> None:
    assert without_paths(sentence) == sentence


@pytest.mark.parametrize("piece", ["~", "/a ", "/a/", " /", "/home/jane/a "])
def test_a_long_sentence_is_cut_before_it_is_searched(piece: str) -> None:
    told = failure_of(UsageError(piece * (4_000_000 // len(piece)))).sentence
    assert len(told) <= 20 * MOST_CHARACTERS
    assert "jane" not in told


def test_what_our_own_errors_say(tmp_path: Path) -> None:
    folder = tmp_path / "a folder of mine"
    folder.mkdir()
    broken = folder / "my broken model.gguf"
    broken.write_bytes(b"GGUF no more")
    for path in (broken, folder, folder / "nowhere.gguf"):
        with pytest.raises(ModelFileError) as caught:
            read_facts(path)
        assert "mine" in str(caught.value)
        assert "pytest" not in failure_of(caught.value).sentence
    told = failure_of(WorkerDiedError(death_sentence(-11, folder / "worker-1.log"))).sentence
    assert "SIGSEGV" in told
    assert "pytest" not in told


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UsageError("x"), 400),
        (PromptTooLongError("x", 5, 4), 400),
        (UnknownModelError("x"), 404),
        (BusyError("x"), 429),
        (ModelFileError("x"), 503),
        (WillNotFitError("x"), 503),
        (WorkerDiedError("x"), 503),
        (AutoglmError("x"), 503),
    ],
)
def test_statuses(error: AutoglmError, status: int) -> None:
    assert failure_of(error).http_status == status


ASKED: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "x"}]},
    "/v1/completions": {"prompt": "x"},
    "/v1/responses": {"input": "x"},
    "/v1/messages": {"model": "starter", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]},
    "/api/chat": {"model": "starter", "messages": [{"role": "user", "content": "x"}]},
    "/api/generate": {"model": "starter", "prompt": "x"},
}


@pytest.mark.parametrize("begun", [False, True], ids=["before the first word", "after it"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("path", ASKED)
def test_an_error_of_our_own_shows_nothing_of_itself(
    running: Running, monkeypatch: pytest.MonkeyPatch, path: str, stream: bool, begun: bool
) -> None:
    async def events(self: Worker, request: GenerateRequest) -> AsyncGenerator[Event, None]:
        if begun:
            yield Prefill(1, 1, 0)
            yield Text("word", 1)
        raise RuntimeError("a secret at /home/jane/x.gguf")

    monkeypatch.setattr(Worker, "generate", events)
    found = running.http.post(path, json={**ASKED[path], "stream": stream})
    assert found.status_code == (200 if begun and stream else 500)
    assert "error" in found.text
    for word in ("secret", "jane", "Traceback", "RuntimeError", ".py"):
        assert word not in found.text
    assert running.http.get("/health").status_code == 200
