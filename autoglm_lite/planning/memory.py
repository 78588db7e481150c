"""How many bytes a plan will take, by formula. What llama.cpp itself would say is asked for in the worker."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from autoglm_lite.gguf.facts import ModelFacts
from autoglm_lite.planning.plan import KvType, Plan

MIB = 1 << 20

PROCESS_BYTES = 32 * MIB
"""A worker process without its model: Python, llama.cpp and ggml, their graphs and buffers."""
TOKEN_BYTES = 205
"""A token in llama.cpp's tables and in the sampler's, measured with 152,000 of them."""
MERGE_BYTES = 117
"""A pair that BPE joins, measured with 152,000 of them."""
WORK_BYTES = 512 << 10
"""A thread's work space for prefill."""

N_CTX_STEP = 256
"""llama.cpp rounds the context up to a multiple of this."""

_KV_BYTES: dict[KvType, float] = {"f32": 4, "f16": 2, "q8_0": 34 / 32}

_AVX2 = frozenset({"Q4_0", "Q4_K", "IQ4_NL", "MXFP4"})
_DOTPROD = frozenset({"Q4_0", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "MXFP4", "Q8_0", "Q1_0"})


@dataclass(frozen=True, slots=True)
class Predicted:
    """Bytes by name. What is mapped can be dropped and read again; the rest can only be swapped out."""

    mapped: int
    """The weights that are used out of the file; llama.cpp unmaps its header."""
    repacked: int
    """Copies of weights in another layout; their originals are in the file and are not needed after loading."""
    kv: int
    compute: int
    process: int

    @property
    def anonymous(self) -> int:
        return self.repacked + self.kv + self.compute + self.process

    @property
    def resident_total(self) -> int:
        return self.mapped + self.anonymous


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes that llama.cpp itself says a plan takes in main memory, and on each device."""

    repacked: int
    kv: int
    compute: int
    devices: Mapping[str, int]


def predict(facts: ModelFacts, features: Collection[str], plan: Plan, sizes: Sizes | None = None) -> Predicted:
    """`features` are Machine.features; `sizes` are llama.cpp's own for this plan, in place of the formulas. Layers on a
    graphics card are taken to need nothing here."""
    share = 1 - min(plan.gpu_layers, facts.n_layer + 1) / (facts.n_layer + 1)
    if sizes is None:
        repacked = repacked_bytes(facts, features) if plan.repack else 0
        sizes = Sizes(int(repacked * share), int(kv_bytes(facts, plan) * share), compute_bytes(facts, plan), {})
    return Predicted(
        mapped=mapped_bytes(facts, sizes.repacked) if share == 1 else int(facts.tensor_bytes * share),
        repacked=sizes.repacked,
        kv=sizes.kv,
        compute=sizes.compute + WORK_BYTES * plan.threads_batch,
        process=PROCESS_BYTES + TOKEN_BYTES * facts.n_vocab + MERGE_BYTES * facts.n_merges,
    )


def mapped_bytes(facts: ModelFacts, repacked: int) -> int:
    """What stays mapped when `repacked` bytes of weights were copied: the mapping is given back then, and only what is
    multiplied by returns. Of an embedding that is nothing else, the few rows of the tokens read are left out."""
    return sum(facts.matrix_bytes.values()) - repacked if repacked else facts.tensor_bytes


def kv_bytes(facts: ModelFacts, plan: Plan) -> int:
    """Keys and values of all layers; llama.cpp commits them when it makes the context. A layer with a sliding window
    keeps the window and one micro-batch (llama-kv-cache-iswa.cpp)."""
    whole = _padded(plan.n_ctx)
    values = 0
    for n_head, window in zip(facts.kv_heads, facts.windows, strict=True):
        n_tokens = _padded(min(whole, window + plan.n_ubatch)) if window else whole
        values += n_tokens * n_head * (facts.key_length + facts.value_length)
    return int(values * _KV_BYTES[plan.kv_type])


def repacked_bytes(facts: ModelFacts, features: Collection[str]) -> int:
    """Bytes of the weights for which ggml has a faster layout on a processor with `features` (repack.cpp)."""
    types: frozenset[str] = frozenset()
    if "avx2" in features:
        types |= _AVX2
    if "avx512" in features:
        types |= {"Q2_K"}
    if "dotprod" in features:
        types |= _DOTPROD
    return sum(n_bytes for name, n_bytes in facts.matrix_bytes.items() if name in types)


def compute_bytes(facts: ModelFacts, plan: Plan) -> int:
    """Intermediate results of one micro-batch, and logits for one token.

    What llama.cpp holds at its widest step is three times the feed-forward part and four times the model's width for
    each token, measured exact for Llama's and Qwen's graphs of all widths; and a mask of two bytes for each token
    and place. Without flash attention the mask has four bytes, and the widest step may be that in which every head
    has a number for each place, measured on Qwen's shapes of 0.5B and 1.5B from 1k to 16k.
    """
    n_tokens, n_places = min(plan.n_ubatch, plan.n_ctx), _padded(plan.n_ctx)
    width, mask = 3.0 * facts.n_ff + 4.0 * facts.n_embd, 2
    if plan.flash_attention is False:
        width, mask = max(width, facts.n_head * n_places + 5.25 * facts.n_embd), 4
    step = 4 * n_tokens * width + mask * n_tokens * n_places
    return int(step) + 4 * facts.n_vocab


def _padded(n_ctx: int) -> int:
    return -(-n_ctx // N_CTX_STEP) * N_CTX_STEP
