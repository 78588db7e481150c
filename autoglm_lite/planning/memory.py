"""How many bytes a plan will take, by formula. What llama.cpp itself would say is asked for in the worker."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from autoglm_lite.gguf.facts import ModelFacts, is_matrix
from autoglm_lite.gguf.tensors import EMBEDDING
from autoglm_lite.planning.placement import place
from autoglm_lite.planning.plan import KvType, Plan, n_rows

MIB = 1 << 20

PROCESS_BYTES = 32 * MIB
"""A worker process without its model: Python, llama.cpp and ggml, their graphs and buffers."""
TOKEN_BYTES = 205
"""A token in llama.cpp's tables and in the sampler's, measured with 152,000 of them."""
MERGE_BYTES = 117
"""A pair that BPE joins, measured with 152,000 of them."""
WORK_BYTES = 512 << 10
"""A thread's work space for prefill."""
SERVER_BYTES = 3 * MIB
"""A graph in an RPC server, and what its allocator rounds up."""

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
    devices: Mapping[str, int] = field(default_factory=dict)
    """What each device takes, by its name; not of this computer's memory."""

    @property
    def anonymous(self) -> int:
        return self.repacked + self.kv + self.compute + self.process

    @property
    def resident_total(self) -> int:
        return self.mapped + self.anonymous


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes of a plan in main memory, and at most on each device by its name."""

    repacked: int
    kv: int
    compute: int
    devices: Mapping[str, int] = field(default_factory=dict)


def predict(facts: ModelFacts, features: Collection[str], plan: Plan, sizes: Sizes | None = None) -> Predicted:
    """`features` are Machine.features; `sizes` are llama.cpp's own for this plan, in place of the formulas."""
    sizes = sizes or foreseen_sizes(facts, features, plan)
    return Predicted(
        mapped=mapped_bytes(facts, features, plan, sizes.repacked),
        repacked=sizes.repacked,
        kv=sizes.kv,
        compute=sizes.compute + WORK_BYTES * plan.threads_batch + results_bytes(facts, plan),
        process=PROCESS_BYTES + TOKEN_BYTES * facts.n_vocab + MERGE_BYTES * facts.n_merges,
        devices=sizes.devices,
    )


def mapped_bytes(facts: ModelFacts, features: Collection[str], plan: Plan, repacked: int) -> int:
    """What of the file stays mapped when `repacked` bytes of weights were copied: the pages of those are given back,
    but for an embedding that is the output matrix as well, whose rows are still looked up."""
    here = sum(tensor.n_bytes for tensor in place(facts, plan).here) if plan.devices else facts.tensor_bytes
    types = repacked_types(features) if plan.repack and not _looks_up(facts, plan) else frozenset()
    embedding = [tensor for tensor in facts.tensors if tensor.name == EMBEDDING and is_matrix(tensor)]
    return here - repacked + sum(tensor.n_bytes for tensor in embedding if tensor.type.name in types)


def foreseen_sizes(facts: ModelFacts, features: Collection[str], plan: Plan) -> Sizes:
    """By formulas, what llama.cpp would say."""
    if not plan.devices:
        repacked = repacked_bytes(facts, features) if plan.repack else 0
        return Sizes(repacked, kv_bytes(facts, plan), compute_bytes(facts, plan))
    placement, kv = place(facts, plan), layer_kv_bytes(facts, plan)
    types, lookup = repacked_types(features) if plan.repack else frozenset(), _looks_up(facts, plan)
    return Sizes(
        repacked=sum(
            tensor.n_bytes
            for tensor in placement.here
            if tensor.type.name in types and is_matrix(tensor) and not (lookup and tensor.name == EMBEDDING)
        ),
        kv=sum(n_bytes for n_bytes, device in zip(kv, placement.layers, strict=True) if device is None),
        compute=compute_bytes(facts, plan) if None in placement.layers else _edge_bytes(facts, plan),
        devices={
            part.name: device_bytes(
                facts,
                plan,
                weights=sum(tensor.n_bytes for tensor in tensors),
                largest=max((tensor.n_bytes for tensor in tensors), default=0),
                kv=sum(n_bytes for n_bytes, device in zip(kv, placement.layers, strict=True) if device == i),
                remote=part.endpoint is not None,
                output=any(tensor.name.startswith("output.") or tensor.name == EMBEDDING for tensor in tensors),
            )
            for i, (part, tensors) in enumerate(zip(plan.devices, placement.there, strict=True))
        },
    )


def _looks_up(facts: ModelFacts, plan: Plan) -> bool:
    """Whether the processor takes rows of the embedding and no more: another matrix, or a device, is the output."""
    there = place(facts, plan).there
    return not facts.tied or any(tensor.name == EMBEDDING for tensors in there for tensor in tensors)


def device_bytes(
    facts: ModelFacts, plan: Plan, *, weights: int, largest: int, kv: int, remote: bool, output: bool
) -> int:
    """The most that a device takes at once for `weights` and `kv` bytes; `largest`: of its tensors.

    An RPC server takes a whole tensor into a vector before it copies it to its place (SET_TENSOR in ggml-rpc.cpp); it
    has let go of that when the caches and buffers are made.
    """
    compute = graph_bytes(facts, plan, widths=3) + (4 * facts.n_vocab * n_rows(plan) if output else 0)
    if not remote:
        return weights + kv + compute
    return weights + max(largest, kv + compute + _serving_bytes(facts, plan))


def _serving_bytes(facts: ModelFacts, plan: Plan) -> int:
    """What an RPC server on a processor allocates to compute: a micro-batch quantised for multiplication, what it
    receives or sends back of one, and the graph."""
    n_tokens = min(plan.n_ubatch, plan.n_ctx)
    return n_tokens * (max(facts.n_ff, facts.n_embd) * 5 // 4 + 4 * facts.n_embd) + SERVER_BYTES


def _edge_bytes(facts: ModelFacts, plan: Plan) -> int:
    """The processor's compute buffer where it has no layer of its own: what goes in, its mask, and the logits."""
    n_tokens = min(plan.n_ubatch, plan.n_ctx)
    return 2 * 4 * n_tokens * facts.n_embd + 2 * n_tokens * _padded(plan.n_ctx) + _logits_bytes(facts, plan)


def kv_bytes(facts: ModelFacts, plan: Plan) -> int:
    """Keys and values of all layers; llama.cpp commits them when it makes the context. A layer with a sliding window
    keeps the window of each answer and one micro-batch (llama-kv-cache-iswa.cpp)."""
    return sum(layer_kv_bytes(facts, plan))


def layer_kv_bytes(facts: ModelFacts, plan: Plan) -> tuple[int, ...]:
    if facts.encoder:
        return (0,) * len(facts.kv_heads)
    whole = _padded(plan.n_ctx)
    found = []
    for n_head, window in zip(facts.kv_heads, facts.windows, strict=True):
        n_tokens = _padded(min(whole, window * plan.n_parallel + plan.n_ubatch)) if window else whole
        found.append(int(n_tokens * n_head * (facts.key_length + facts.value_length) * _KV_BYTES[plan.kv_type]))
    return tuple(found)


def repacked_bytes(facts: ModelFacts, features: Collection[str]) -> int:
    """Bytes of the weights for which ggml has a faster layout on a processor with `features` (repack.cpp)."""
    types = repacked_types(features)
    return sum(n_bytes for name, n_bytes in facts.matrix_bytes.items() if name in types)


def repacked_types(features: Collection[str]) -> frozenset[str]:
    types: frozenset[str] = frozenset()
    if "avx2" in features:
        types |= _AVX2
    if "avx512" in features:
        types |= {"Q2_K"}
    if "dotprod" in features:
        types |= _DOTPROD
    return types


def compute_bytes(facts: ModelFacts, plan: Plan) -> int:
    """Intermediate results of one micro-batch on the processor, and logits for one token of each answer, or of each
    text that a decoder is to make a vector of."""
    if facts.encoder:
        return encoder_bytes(facts, plan)
    return graph_bytes(facts, plan) + _logits_bytes(facts, plan)


def _logits_bytes(facts: ModelFacts, plan: Plan) -> int:
    """In main memory; more rows are reserved, of which those for guesses are written to only where guessing pays."""
    return 4 * facts.n_vocab * plan.n_parallel


def encoder_bytes(facts: ModelFacts, plan: Plan) -> int:
    """As of `graph_bytes`, measured on the shapes of BERT's family, of 256 to 1,024 and for 512 and 2,048 tokens: exact
    for those that see all, and within twice the width for each token where some layers see a window."""
    n, width = plan.n_ctx, facts.n_embd
    # BERT alone has no gates beside its feed-forward part.
    parts, widths = {"bert": (1, 3), "jina-bert-v2": (3, 3)}.get(facts.architecture, (3, 2))
    held = parts * facts.n_ff + widths * width
    masks = 2.0 if any(facts.windows) else 1.0
    if plan.flash_attention is False:
        held = max(held, facts.n_head * n + 6 * width)
    else:
        masks /= 2
    return int(4 * n * (held + masks * n + plan.n_parallel + 3))


def results_bytes(facts: ModelFacts, plan: Plan) -> int:
    """What llama.cpp hands embeddings over in: for each token of an encoder's micro-batch, and for the last of each
    text of a decoder, a row as long as the vocabulary (output_reserve in llama-context.cpp). An encoder's are given
    back as soon as they have been cleared; there must be room for them."""
    if plan.use == "chat":
        return 0
    n_rows = plan.n_ctx if facts.encoder else plan.n_parallel
    return 4 * n_rows * (facts.n_vocab + facts.n_embd)


def graph_bytes(facts: ModelFacts, plan: Plan, widths: int = 4) -> int:
    """Of any layers, without logits; `widths` is 3 on a device, where the embeddings do not come in.

    What llama.cpp holds at its widest step is three times the feed-forward part and four times the model's width for
    each token, measured exact for Llama's and Qwen's graphs of all widths; and a mask of two bytes for each token
    and place. Without flash attention the mask has four bytes, and the widest step may be that in which every head
    has a number for each place, measured on Qwen's shapes of 0.5B and 1.5B from 1k to 16k.
    """
    n_tokens, n_places = min(plan.n_ubatch, plan.n_ctx), _padded(plan.n_ctx)
    width, mask = 3.0 * facts.n_ff + float(widths * facts.n_embd), 2
    if plan.flash_attention is False:
        width, mask = max(width, facts.n_head * n_places + 5.25 * facts.n_embd), 4
    return int(4 * n_tokens * width + mask * n_tokens * n_places)


def _padded(n_ctx: int) -> int:
    return -(-n_ctx // N_CTX_STEP) * N_CTX_STEP
