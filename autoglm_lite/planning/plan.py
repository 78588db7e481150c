"""The Plan: everything the engine needs to know to load one model on this machine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from autoglm_lite.embedding import Use

LoadMode = Literal["mmap", "none", "direct_io"]
KvType = Literal["f16", "q8_0", "f32"]
KV_TYPES: tuple[KvType, ...] = ("f16", "q8_0", "f32")


N_IDLE = 7
"""Conversations that are kept in the KV cache beside those in use, as long as there are places for their tokens.
llama.cpp reserves a row of logits for each."""
MOST_DRAFTED = 15
"""Tokens that are guessed at once; each needs a row of logits, like the one before them."""


@dataclass(frozen=True, slots=True)
class Saving:
    """How to compute on battery or when the processor is hot."""

    threads: int
    """At most."""
    nice: int
    """Added to the niceness of the process, 0 to 19: the higher, the more other programs come first."""


@dataclass(frozen=True, slots=True)
class DevicePart:
    """What one device takes: a run of layers, all before those of the next device."""

    name: str
    """Of the device, as in hardware.devices; likewise the endpoint."""
    endpoint: str | None
    layers: int


@dataclass(frozen=True, slots=True)
class Plan:
    model_path: str
    n_ctx: int
    """Tokens of KV cache; paid in full when the context is made."""
    threads: int
    """For decode: physical cores, since memory bandwidth is the limit."""
    threads_batch: int
    """For prefill."""
    n_ubatch: int = 512
    """Micro-batch: tokens computed at once in prefill."""
    kv_type: KvType = "f16"
    gpu_layers: int = 0
    """On all devices together; the output layer counts as one."""
    load_mode: LoadMode = "mmap"
    repack: bool = True
    """Copy weights into the layout the processor multiplies fastest (llama.cpp's extra buffer types),
    and give the mapped pages that they were copied from back."""
    devices: tuple[DevicePart, ...] = ()
    """They take the model's last layers; the processor computes those before."""
    on_cpu: tuple[str, ...] = ()
    """Regular expressions: tensors of the devices' layers, or of the output layer, that stay with the processor."""
    cpus: tuple[int, ...] = ()
    """The processors to compute on; none leaves it to the system."""
    flash_attention: bool | None = None
    """None leaves it to llama.cpp, which uses it where it can."""
    saving: Saving | None = None
    """None: the same effort at all times."""
    n_parallel: int = 1
    """Answers that may be written at the same time; they share the `n_ctx` tokens."""
    use: Use = "chat"
    """What the model is loaded for; embeddings and ranks come of contexts of their own kind."""
    encoder: bool = False
    """The model keeps no KV cache, and reads a whole text in one micro-batch, which is as long as `n_ctx` then."""


_CONTEXT = (
    "n_ctx",
    "threads",
    "threads_batch",
    "n_ubatch",
    "kv_type",
    "cpus",
    "flash_attention",
    "saving",
    "n_parallel",
)


def n_rows(plan: Plan) -> int:
    """Of logits, that are reserved."""
    return min(max(plan.n_parallel + N_IDLE, MOST_DRAFTED + 1), plan.n_ubatch)


def same_model(plan: Plan, other: Plan) -> bool:
    """Whether the two differ at most in what is decided when a context is made, after the weights are loaded."""
    return plan == replace(other, **{name: getattr(plan, name) for name in _CONTEXT})
