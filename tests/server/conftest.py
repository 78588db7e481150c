"""One running service for all tests of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from autoglm_lite.store.models import starter_path
from tests.conftest import with_template
from tests.gguf.embedders import cross_encoder, qwen3_embedding
from tests.server.serving import Running, serving


@pytest.fixture(scope="session")
def model_files(stories_gguf: Path, endless_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By name; see serving.py."""
    folder = tmp_path_factory.mktemp("served")
    broken = folder / "broken.gguf"
    broken.write_bytes(b"GGUF no more")
    return {
        "starter": starter_path(),
        "stories": stories_gguf,
        "endless": endless_gguf,
        "vectors": qwen3_embedding().write(folder / "vectors.gguf"),
        "ranks": cross_encoder().write(folder / "ranks.gguf"),
        "broken": broken,
    }


@pytest.fixture(scope="session")
def running(model_files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("kept"), model_files) as found:
        yield found


THINKS = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.reasoning_content %}<think>{{ message.reasoning_content }}</think>{% endif %}"
    "{{ message.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n"
    "{% if enable_thinking is defined and not enable_thinking %}</think>\n\n{% endif %}{% endif %}"
)


@pytest.fixture(scope="session")
def lively(endless_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service of `endless`, which takes seconds to end an answer, and `thinker`, the same with a thinking switch."""
    folder = tmp_path_factory.mktemp("lively")
    files = {"endless": endless_gguf, "thinker": with_template(THINKS, folder / "thinker")}
    with serving(folder, files, "endless", n_ctx=32768, n_parallel=1) as found:
        yield found
