"""Plans for models that make embeddings or rank documents."""

from __future__ import annotations

import asyncio
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from autoglm_lite.gguf import read_facts
from autoglm_lite.hardware.files import read_table
from autoglm_lite.hardware.process import process_memory
from autoglm_lite.planning.embedding import EMBEDDING_CTX, TEXTS_TOGETHER
from autoglm_lite.planning.forecast import forecast
from autoglm_lite.planning.make import Wishes, choose, decide, notices
from autoglm_lite.planning.memory import MIB, Sizes, compute_bytes, kv_bytes, predict, results_bytes
from autoglm_lite.worker.client import Worker
from tests.gguf.embedders import EMBEDDERS, RERANKERS, WORD_PIECES, bert, qwen3_embedding, wordpiece_entries
from tests.gguf.tiny import I32, U32, Tiny, numbers, single, strings
from tests.planning.models import GB, MB, QWEN_1_5B, QWEN_TENSORS, machine

BERT = replace(
    QWEN_1_5B,
    name="A large BERT",
    architecture="bert",
    use="embeddings",
    pooling="mean",
    n_ctx_train=8192,
    n_embd=1024,
    n_ff=4096,
    n_head=16,
    n_vocab=250_000,
    n_merges=0,
    kv_heads=(16,) * 24,
    windows=(0,) * 24,
    file_bytes=600 * MB,
    tensor_bytes=600 * MB,
    matrix_bytes={"Q8_0": 330 * MB},
)
OF_EACH_SHAPE = ("bert", "nomic_bert", "jina_bert", "modern_bert", "gemma_embedding", "qwen3_reranker")
EMBEDDER = replace(QWEN_TENSORS, use="embeddings", pooling="last")


def test_an_encoder_reads_a_text_in_one_step_and_keeps_nothing() -> None:
    plan = choose(BERT, machine(16 * GB), Wishes(kv_type="f16")).plan
    assert (plan.use, plan.encoder, plan.n_ctx, plan.n_ubatch) == ("embeddings", True, EMBEDDING_CTX, EMBEDDING_CTX)
    assert kv_bytes(BERT, plan) == 0
    assert plan.n_parallel == TEXTS_TOGETHER
    longer = choose(BERT, machine(64 * GB), Wishes(ctx=8192)).plan
    assert longer.n_ubatch == longer.n_ctx == 8192


def test_rows_for_the_vocabulary_count_and_give_way_to_a_shorter_context() -> None:
    plan = choose(BERT, machine(16 * GB)).plan
    assert results_bytes(BERT, plan) == 4 * EMBEDDING_CTX * (250_000 + 1024)
    short = choose(BERT, machine(1700 * MB))
    assert short.verdict == "tight"
    assert 512 <= short.plan.n_ctx < EMBEDDING_CTX
    assert short.plan.n_ubatch == short.plan.n_ctx
    (notice,) = notices(BERT, machine(1700 * MB), Wishes(), short)
    assert f"a text can be {short.plan.n_ctx:,} tokens long" in notice


def test_a_decoder_keeps_its_cache_and_rows_for_few_texts() -> None:
    plan = choose(EMBEDDER, machine(16 * GB)).plan
    assert (plan.use, plan.encoder, plan.n_ctx) == ("embeddings", False, EMBEDDING_CTX)
    assert kv_bytes(EMBEDDER, plan) == 28_672 * EMBEDDING_CTX
    chat = replace(plan, use="chat", n_parallel=1)
    more = compute_bytes(EMBEDDER, plan) + results_bytes(EMBEDDER, plan) - compute_bytes(EMBEDDER, chat)
    assert more == 4 * (TEXTS_TOGETHER - 1) * 151_936 + 4 * TEXTS_TOGETHER * (151_936 + 1536)
    assert results_bytes(EMBEDDER, chat) == 0


def test_what_is_said_of_it() -> None:
    found = forecast(BERT, machine(16 * GB), Wishes(), bandwidth=20e9)
    assert "It makes embeddings" in found.reasons[0]
    assert any("No KV cache" in reason for reason in found.reasons)
    assert found.expected.decode is None
    assert found.expected.prefill is not None
    assert not any("Decode" in why for why in found.expected.why)


def with_context(tiny: Tiny, n_ctx: int) -> Tiny:
    key = next(entry.key for entry in tiny.entries if entry.key.endswith(b".context_length"))
    tiny.put(single(key.decode(), U32, n_ctx))
    for tensor in tiny.tensors:
        if tensor.name == b"position_embd.weight":
            tensor.shape[1] = n_ctx
            tensor.data = bytes(4 * tensor.shape[0] * n_ctx)
    return tiny


@pytest.mark.parametrize(
    ("name", "n_ctx"), [*((name, 512) for name in OF_EACH_SHAPE), ("bert", 2048), ("modern_bert", 2048)]
)
def test_llama_cpp_allocates_what_was_predicted(name: str, n_ctx: int, tmp_path: Path) -> None:
    tiny = with_context((EMBEDDERS | RERANKERS)[name](), n_ctx)
    facts = read_facts(tiny.write(tmp_path / "m.gguf"))
    plan = choose(facts, machine(16 * GB), Wishes(ctx=n_ctx, flash_attention=None)).plan

    log = tmp_path / "worker.log"

    async def ask() -> tuple[str, Sizes | None, int | None]:
        async with Worker(log) as worker:
            await worker.load(plan)
            whole = "a " * (n_ctx - 60)
            await (worker.embed([whole]) if plan.use == "embeddings" else worker.rerank("a", [whole]))
            assert worker.pid is not None
            peak = read_table(Path(f"/proc/{worker.pid}/status")).get("VmHWM")
            said = log.read_text(encoding="utf-8", errors="replace")
            return said, await worker.sizes(plan), peak

    said, sizes, peak = asyncio.run(ask())
    compute = float(re.findall(r"CPU compute buffer size = +([\d.]+) MiB", said)[-1])
    kv = sum(float(size) for size in re.findall(r"KV buffer size = +([\d.]+) MiB", said))
    assert compute_bytes(facts, plan) / MIB == pytest.approx(compute, abs=1.5)
    assert kv_bytes(facts, plan) / MIB == pytest.approx(kv, abs=0.011)
    if sizes is not None:
        assert sizes.compute / MIB == pytest.approx(compute, abs=0.011)
        assert sizes.kv / MIB == pytest.approx(kv, abs=0.011)
    if peak is not None:
        assert predict(facts, machine(GB).features, plan).resident_total == pytest.approx(peak, abs=4 * MIB)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="no other system takes pages back")
def test_rows_that_nobody_fills_are_given_back(tmp_path: Path) -> None:
    words = wordpiece_entries()
    n_words, n_ctx = 8000, 2048
    tokens = [*WORD_PIECES, *(f"▁word{i}" for i in range(n_words - len(WORD_PIECES)))]
    replaced = [strings("tokenizer.ggml.tokens", tokens), numbers("tokenizer.ggml.token_type", I32, [1] * n_words)]
    words = [entry for entry in words if entry.key not in {new.key for new in replaced}] + replaced
    facts = read_facts(with_context(bert(1, words, n_words, n_types=2), n_ctx).write(tmp_path / "m.gguf"))
    plan = choose(facts, machine(16 * GB)).plan
    rows = results_bytes(facts, plan)
    assert rows > 60 * MB

    async def ask() -> tuple[int, int, int]:
        async with Worker(tmp_path / "worker.log") as worker:
            await worker.load(plan)
            first = await worker.embed(["a " * (n_ctx - 2)])
            assert worker.pid is not None
            peak, resident = read_table(Path(f"/proc/{worker.pid}/status"))["VmHWM"], process_memory(worker.pid)[0]
            again = await worker.embed(["a " * (n_ctx - 2)])
            assert again.vectors == first.vectors
            return peak, resident, process_memory(worker.pid)[0]

    peak, resident, later = asyncio.run(ask())
    assert peak == pytest.approx(predict(facts, machine(GB).features, plan).resident_total, abs=4 * MIB)
    assert peak - resident > 0.9 * rows
    assert peak - later > 0.9 * rows


def test_decided_for_a_file(tmp_path: Path) -> None:
    for make, encoder in ((bert, True), (qwen3_embedding, False)):
        facts = read_facts(make().write(tmp_path / "m.gguf"))
        plan = decide(facts, machine(GB), Wishes(kv_type="f32")).plan
        assert (plan.encoder, plan.use) == (encoder, "embeddings")
        assert plan.kv_type == ("f16" if encoder else "f32")
