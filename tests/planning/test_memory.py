"""The formulas against figures that llama.cpp gave, and against llama.cpp itself."""

from __future__ import annotations

import asyncio
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from autoglm_lite.gguf import read_facts
from autoglm_lite.hardware import read_machine
from autoglm_lite.planning.memory import MIB, Sizes, compute_bytes, kv_bytes, predict, repacked_bytes
from autoglm_lite.planning.plan import KvType, Plan
from autoglm_lite.worker.client import Worker
from tests.gguf.tiny import MODELS
from tests.planning.models import GEMMA_1B, QWEN_1_5B


def plan(n_ctx: int, n_ubatch: int = 512, kv_type: KvType = "f16") -> Plan:
    return Plan("x.gguf", n_ctx, threads=1, threads_batch=1, n_ubatch=n_ubatch, kv_type=kv_type)


def test_keys_and_values_of_a_real_shape() -> None:
    # engine-facts: 28.7 kB a token in F16.
    assert kv_bytes(QWEN_1_5B, plan(4096)) == 28_672 * 4096
    assert kv_bytes(QWEN_1_5B, plan(4000)) == 28_672 * 4096
    assert kv_bytes(QWEN_1_5B, plan(4096, kv_type="q8_0")) == 28_672 * 4096 * 17 // 32
    assert kv_bytes(QWEN_1_5B, plan(4096, kv_type="f32")) == 28_672 * 4096 * 2


def test_a_window_saves_most_of_the_cache() -> None:
    token = 2 * 256 * 1  # bytes a head: a key and a value of 128 in F16
    assert kv_bytes(GEMMA_1B, plan(4096)) == token * (4 * 4096 + 22 * 1024)
    assert kv_bytes(GEMMA_1B, plan(512)) == token * 26 * 512


def test_what_is_repacked_depends_on_the_processor() -> None:
    assert repacked_bytes(QWEN_1_5B, {"sse4.2", "avx"}) == 0
    assert repacked_bytes(QWEN_1_5B, {"avx2"}) == QWEN_1_5B.matrix_bytes["Q4_K"]
    assert repacked_bytes(QWEN_1_5B, {"dotprod"}) == sum(QWEN_1_5B.matrix_bytes.values())


def test_once_released_only_what_is_multiplied_by_stays_mapped() -> None:
    released = predict(QWEN_1_5B, {"avx2"}, plan(2048))
    assert released.mapped == QWEN_1_5B.matrix_bytes["Q6_K"]
    # Measured on that shape: 1,177 MB resident, of it 760 anonymous.
    assert released.resident_total == pytest.approx(1_177e6, rel=0.06)
    assert predict(QWEN_1_5B, {"avx2"}, plan(2048), Sizes(1, 2, 3, {})).kv == 2


def test_the_parts_add_up() -> None:
    predicted = predict(QWEN_1_5B, {"avx2"}, plan(2048))
    assert predicted.resident_total == predicted.mapped + predicted.anonymous
    assert predicted.anonymous == pytest.approx(760e6, rel=0.1)
    plain = predict(QWEN_1_5B, {"avx2"}, replace(plan(2048), repack=False))
    assert plain.mapped == QWEN_1_5B.tensor_bytes
    # Measured likewise: 1,118 MB resident, of it 161 anonymous.
    assert plain.resident_total == pytest.approx(1_118e6, rel=0.07)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("n_ctx", "n_ubatch"), [(512, 512), (2048, 128)])
def test_llama_cpp_allocates_what_was_predicted(name: str, n_ctx: int, n_ubatch: int, tmp_path: Path) -> None:
    path = MODELS[name]().write(tmp_path / "m.gguf")
    log = tmp_path / "worker.log"

    wanted = replace(plan(n_ctx, n_ubatch), model_path=str(path))

    async def load() -> Sizes | None:
        async with Worker(log) as worker:
            await worker.load(wanted)
        async with Worker(tmp_path / "asked.log") as worker:
            return await worker.sizes(wanted)

    sizes = asyncio.run(load())
    facts = read_facts(path)
    said = log.read_text(encoding="utf-8", errors="replace")
    kv = sum(float(size) for size in re.findall(r"KV buffer size = +([\d.]+) MiB", said))
    compute = float(re.findall(r"CPU compute buffer size = +([\d.]+) MiB", said)[-1])
    assert kv_bytes(facts, wanted) / MIB == pytest.approx(kv, abs=0.011)
    assert compute_bytes(facts, wanted) / MIB == pytest.approx(compute, abs=1.0)
    if sizes is None:
        assert not sys.platform.startswith("linux")
        return
    # Asked without loading, llama.cpp says what it then takes.
    assert sizes.kv / MIB == pytest.approx(kv, abs=0.011)
    assert sizes.compute / MIB == pytest.approx(compute, abs=0.011)
    assert sizes.repacked == repacked_bytes(facts, read_machine().features)
    assert sizes.devices == {}


@pytest.mark.parametrize(("n_ctx", "n_ubatch", "mib"), [(4096, 512, 120.0), (4096, 128, 30.0), (16384, 512, 432.0)])
def test_without_flash_attention_every_head_has_numbers_for_each_place(n_ctx: int, n_ubatch: int, mib: float) -> None:
    off = replace(plan(n_ctx, n_ubatch), flash_attention=False)
    # What llama.cpp allocates for this shape.
    assert compute_bytes(QWEN_1_5B, off) / MIB == pytest.approx(mib, abs=1.2)


@pytest.mark.parametrize("name", ["llama", "qwen3"])
def test_llama_cpp_allocates_that_without_flash_attention(name: str, tmp_path: Path) -> None:
    path = MODELS[name]().write(tmp_path / "m.gguf")
    log = tmp_path / "worker.log"
    wanted = replace(plan(2048), model_path=str(path), flash_attention=False)

    async def load() -> None:
        async with Worker(log) as worker:
            await worker.load(wanted)

    asyncio.run(load())
    said = log.read_text(encoding="utf-8", errors="replace")
    compute = float(re.findall(r"CPU compute buffer size = +([\d.]+) MiB", said)[-1])
    assert compute > 12, "the plan's switch has reached llama.cpp"
    assert compute_bytes(read_facts(path), wanted) / MIB == pytest.approx(compute, abs=2.0)
