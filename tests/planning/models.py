"""Facts about models of well-known shapes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from autoglm_lite.gguf import ModelFacts
from autoglm_lite.gguf.ggml_types import GGML_TYPES
from autoglm_lite.gguf.header import TensorInfo
from autoglm_lite.hardware import Machine
from autoglm_lite.hardware.devices import Device, DeviceKind

Tensors = tuple[TensorInfo, ...]

GB = 10**9
MB = 10**6

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


_TYPES = {kind.name: kind for kind in GGML_TYPES.values()}


def tensors(n_layer: int, parts: dict[str, tuple[str, int, int]], around: dict[str, tuple[str, int, int]]) -> Tensors:
    """Those `around` the layers, then each layer's `parts`: by name, their type, columns and rows."""
    found: list[TensorInfo] = []
    for name, (kind, columns, rows) in [
        *around.items(),
        *((f"blk.{i}.{name}", part) for i in range(n_layer) for name, part in parts.items()),
    ]:
        n_values = columns * rows
        place = found[-1].offset + found[-1].n_bytes if found else 0
        shape = (columns, rows) if rows > 1 else (columns,)
        found.append(TensorInfo(name, shape, _TYPES[kind], place, n_values, _TYPES[kind].bytes_for(n_values)))
    return tuple(found)


def counted(facts: ModelFacts, found: Tensors) -> ModelFacts:
    return replace(
        facts,
        tensors=found,
        tensor_bytes=sum(tensor.n_bytes for tensor in found),
        file_bytes=sum(tensor.n_bytes for tensor in found) + 6_000_000,
    )


QWEN_TENSORS = counted(
    QWEN_1_5B,
    tensors(
        28,
        {
            "attn_norm.weight": ("F32", 1536, 1),
            "attn_q.weight": ("Q4_K", 1536, 1536),
            "attn_k.weight": ("Q4_K", 1536, 256),
            "attn_v.weight": ("Q6_K", 1536, 256),
            "attn_output.weight": ("Q4_K", 1536, 1536),
            "ffn_norm.weight": ("F32", 1536, 1),
            "ffn_gate.weight": ("Q4_K", 1536, 8960),
            "ffn_up.weight": ("Q4_K", 1536, 8960),
            "ffn_down.weight": ("Q6_K", 8960, 1536),
        },
        {"output_norm.weight": ("F32", 1536, 1), "token_embd.weight": ("Q6_K", 1536, 151_936)},
    ),
)
"""Qwen2.5 1.5B with all its tensors; the embedding is the output matrix as well."""

EXPERTS = counted(
    replace(QWEN_1_5B, name="Experts", n_layer=12, kv_heads=(2,) * 12, windows=(0,) * 12, n_ff=2 * 2048),
    tensors(
        12,
        {
            "attn_q.weight": ("Q4_K", 1536, 1536),
            "attn_output.weight": ("Q4_K", 1536, 1536),
            "ffn_gate_inp.weight": ("F32", 1536, 16),
            "ffn_gate_exps.weight": ("Q4_K", 1536, 2048 * 16),
            "ffn_up_exps.weight": ("Q4_K", 1536, 2048 * 16),
            "ffn_down_exps.weight": ("Q6_K", 2048, 1536 * 16),
        },
        {
            "output.weight": ("Q6_K", 1536, 32_000),
            "output_norm.weight": ("F32", 1536, 1),
            "token_embd.weight": ("Q4_K", 1536, 32_000),
        },
    ),
)
"""A model of experts whose embedding is not the output matrix."""


def card(free: float, name: str = "CUDA0", kind: DeviceKind = "gpu") -> Device:
    """A graphics card with `free` bytes of free memory."""
    return Device(name, "GeForce", kind, int(free * 1.1), int(free))


def computer(free: float, endpoint: str = "10.0.0.2:50052") -> Device:
    """Another computer that runs an RPC server."""
    return Device(endpoint, endpoint, "rpc", int(free * 1.5), int(free), endpoint)
