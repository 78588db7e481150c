"""The Plan: everything the engine needs to know to load one model on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LoadMode = Literal["mmap", "none", "direct_io"]
KvType = Literal["f16", "q8_0", "f32"]
KV_TYPES: tuple[KvType, ...] = ("f16", "q8_0", "f32")


@dataclass(frozen=True, slots=True)
class Saving:
    """How the model computes on battery or when the processor is hot."""

    threads: int
    nice: int
    """Added to the niceness of the process, 0 to 19: the higher, the more other programs come first."""


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
    load_mode: LoadMode = "mmap"
    repack: bool = True
    """Copy weights into the layout the processor multiplies fastest (llama.cpp's extra buffer types)."""
    release: bool = False
    """Give the mapped pages back once the weights are loaded: those that were copied are not read again."""
    cpus: tuple[int, ...] = ()
    """The processors to compute on; none leaves it to the system."""
    saving: Saving | None = None
    """None: the same effort at all times."""
