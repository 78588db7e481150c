"""How many threads a context computes with, as llama.cpp says."""

from __future__ import annotations

from pathlib import Path

from autoglm_lite.engine.engine import Engine
from autoglm_lite.native.bindings import bindings
from autoglm_lite.planning.plan import Plan
from tests.engine.test_models import answer
from tests.gguf.tiny import MODELS


def test_fewer_threads_from_the_next_step_on_and_in_the_next_context(tmp_path: Path) -> None:
    model = MODELS["qwen3"]().write(tmp_path / "tiny.gguf")
    engine, lib = Engine(Plan(str(model), 128, threads=2, threads_batch=3)), bindings()

    def threads() -> tuple[int, int]:
        assert engine._cache is not None
        handle = engine._cache.context.handle
        return lib.llama_n_threads(handle), lib.llama_n_threads_batch(handle)

    try:
        text, _ = answer(engine, "a the one")
        assert threads() == (2, 3)
        engine.use_threads(1)
        assert answer(engine, "a the one")[0] == text
        assert threads() == (1, 1)
        engine.shed_context()
        assert answer(engine, "a the one")[0] == text
        assert threads() == (1, 1)
        engine.use_threads(8)
        assert answer(engine, "a the one")[0] == text
        assert threads() == (2, 3)
    finally:
        engine.close()
