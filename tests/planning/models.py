"""Facts about models of well-known shapes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from autoglm_lite.gguf import ModelFacts
from autoglm_lite.hardware import Machine

GB = 10**9

QWEN_1_5B = ModelFacts(
    path=Path("qwen2.5-1.5b-q4_k_m.gguf"),
    file_bytes=986_000_000,
    tensor_bytes=980_000_000,
    architecture="qwen2",
    name="Qwen2.5 1.5B",
    n_layer=28,
    n_ctx_train=32768,
    n_embd=1536,
    n_head=12,
    n_head_kv=2,
    key_length=128,
    value_length=128,
    n_vocab=151_936,
    n_params=1_540_000_000,
    file_type="Q4_K_M",
    chat_template=None,
    bos_text="",
    eos_text="<|im_end|>",
    add_bos=False,
    kv_heads=(2,) * 28,
    windows=(0,) * 28,
    n_ff=8960,
    matrix_bytes={"Q4_K": 553_000_000, "Q6_K": 427_000_000},
    n_merges=151_387,
    token_bytes=980_000_000,
)

GEMMA_1B = replace(
    QWEN_1_5B, name="Gemma 3 1B", n_layer=26, kv_heads=(1,) * 26, windows=(512, 512, 512, 512, 512, 0) * 4 + (512, 512)
)


def machine(
    available: float, cores: int = 4, features: frozenset[str] = frozenset({"sse4.2", "avx", "avx2"})
) -> Machine:
    """One with `available` bytes of free memory."""
    return Machine(
        physical_cores=cores,
        logical_cores=2 * cores,
        memory_total=16 * GB,
        memory_available=int(available),
        features=features,
    )
