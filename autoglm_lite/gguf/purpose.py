"""What a model is made for, and the checks that only embedding and reranking models need.

llama.cpp aborts where it pools in a way that it does not know, reads more of a result than there is, or adds tensors
of unlike types (llama-context.cpp and llama-graph.cpp of its src, and the graphs in src/models).
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass

from autoglm_lite.embedding import Pooling, Use
from autoglm_lite.gguf.header import Header, TensorInfo, damaged, quoted, unsupported
from autoglm_lite.gguf.hyperparameters import Hyperparameters

BERTS = frozenset({"bert", "nomic-bert", "jina-bert-v2", "modern-bert"})
"""Encoders that have no output matrix: a token's vector is all that they compute."""
ENCODERS = BERTS | {"gemma-embedding"}
"""Architectures that read a text in one step and keep no keys and values (create_memory in llama-model.cpp)."""
OWN_HEAD_LENGTHS = frozenset({"gemma-embedding"})
"""Encoders whose heads need not share the width."""
ALWAYS_WINDOWED = frozenset({"gemma-embedding"})
RANKERS: Mapping[str, tuple[str, ...]] = {
    "bert": ("cls.output.weight",),
    "modern-bert": ("cls.output.weight",),
    "jina-bert-v2": ("cls.weight",),
    "qwen3": ("cls.output.weight",),
}
"""The architectures whose classifiers llama.cpp loads, and the matrix that gives the scores."""
POOLINGS: tuple[Pooling, ...] = ("none", "mean", "cls", "last", "rank")
"""By llama.cpp's numbers."""
ANOTHER = "take another model"


@dataclass(frozen=True, slots=True)
class Purpose:
    use: Use = "chat"
    pooling: Pooling = "none"
    labels: tuple[str, ...] = ()
    """What a classifier's scores are of, where the file says; llama.cpp takes the first for the rank."""


def is_encoder(header: Header) -> bool:
    """Whether the file says that its model is one of the ENCODERS."""
    return header.text("general.architecture") in ENCODERS


def check_purpose(header: Header, shape: Hyperparameters) -> Purpose:
    """Raises ModelFileError for an embedding or reranking model that llama.cpp would die of, or cannot use."""
    arch = shape.architecture
    pooling = _pooling(header, f"{arch}.pooling_type")
    _pooling(header, f"{arch}.classifier.pooling_type")
    labels = tuple(text.decode("utf-8", "replace") for text in header.strings(f"{arch}.classifier.output_labels") or ())
    if arch in ENCODERS:
        _check_encoder(header, shape)
    elif pooling == "none":
        return Purpose()
    else:
        _check_decoder(header, arch, pooling)
    n_out = header.u32(f"{arch}.embedding_length_out")
    if n_out not in (None, 0, shape.n_embd):
        raise damaged(header.path, f"its vectors have {shape.n_embd} numbers, not the {n_out:,} that it speaks of")
    if pooling == "rank":
        _check_classifier(header, arch, len(labels))
        return Purpose("reranking", pooling, labels)
    # Nobody has use for a vector of each token; the mean is what such models were trained for, if for any.
    return Purpose("embeddings", "mean" if pooling == "none" else pooling, labels)


def _pooling(header: Header, key: str) -> Pooling:
    number = header.u32(key)
    if number is None:
        return "none"
    if number >= len(POOLINGS):
        raise damaged(header.path, f"the key {quoted(key)} is {number:,}, which is no kind of pooling")
    return POOLINGS[number]


def _check_decoder(header: Header, arch: str, pooling: Pooling) -> None:
    # The last token has seen all others only where each sees those before it.
    if pooling not in ("last", "rank") or header.flag(f"{arch}.attention.causal") is False:
        raise unsupported(
            header.path, f"it makes embeddings of a kind ({pooling} of {quoted(arch)}) that is not supported", ANOTHER
        )


def _check_classifier(header: Header, arch: str, n_labels: int) -> None:
    names = RANKERS.get(arch)
    if names is None:
        raise unsupported(header.path, f"it ranks documents, which is not supported of {quoted(arch)}", ANOTHER)
    by_name = {tensor.name: tensor for tensor in header.tensors}
    for name in names:
        n_scores = 1 if arch == "jina-bert-v2" else max(1, n_labels)
        if name not in by_name:
            raise damaged(header.path, f"the tensor {name}, which gives the scores, is missing")
        if _rows(by_name[name]) != n_scores or n_scores < n_labels:
            raise damaged(header.path, f"its classifier does not give the {max(1, n_labels)} scores that it speaks of")


def _rows(tensor: TensorInfo) -> int:
    return tensor.n_values // tensor.shape[0]


def _check_encoder(header: Header, shape: Hyperparameters) -> None:
    path, arch = header.path, shape.architecture
    n_head, n_head_kv = max(shape.heads), min(shape.kv_heads)
    if arch not in OWN_HEAD_LENGTHS:
        if n_head_kv != n_head:
            raise damaged(path, f"it has {n_head} heads and keys for {n_head_kv}, as no {arch} model does")
        if shape.key_length * n_head != shape.n_embd:
            raise damaged(path, f"its {n_head} heads of {shape.key_length} do not make up its width of {shape.n_embd}")
    widths = header.metadata.get(f"{arch}.feed_forward_length")
    if widths is not None and isinstance(widths.data, array) and len(set(widths.data)) > 1:
        raise damaged(path, f"its layers differ in their width, as those of no {arch} model do")
    if (any(shape.windows) or arch in ALWAYS_WINDOWED) and len(set(map(bool, shape.windows))) < 2:
        # llama.cpp fills a mask for each of the two, and the one that no layer uses is nowhere in memory.
        raise damaged(path, f"not some of its layers see all and some a window, as those of every {arch} model")
    by_name = {tensor.name: tensor for tensor in header.tensors}
    types = by_name.get("token_types.weight")
    if types is not None and types.type.name != "F32":
        raise damaged(path, f"the tensor token_types.weight is of type {types.type.name} and should be F32")
    if arch == "modern-bert" and header.text(f"{arch}.hidden_activation") == "relu":
        raise damaged(path, "its activation has no gate, as that of no modern-bert model")
    if arch == "jina-bert-v2":
        _check_gates(header, shape, by_name)
    if arch == "gemma-embedding":
        _check_dense(header, shape, by_name)


def _check_gates(header: Header, shape: Hyperparameters, by_name: Mapping[str, TensorInfo]) -> None:
    """The gate of the feed-forward part is a matrix of its own, or a half of another, or missing."""
    for layer in range(shape.n_layer):
        up = by_name.get(f"blk.{layer}.ffn_up.weight")
        split = f"blk.{layer}.ffn_gate.weight" in by_name
        if up is not None and _rows(up) not in ((shape.n_ff,) if split else (shape.n_ff, 2 * shape.n_ff)):
            raise damaged(header.path, f"the feed-forward part of its layer {layer} has an impossible width")


def _check_dense(header: Header, shape: Hyperparameters, by_name: Mapping[str, TensorInfo]) -> None:
    """Two matrices after the pooling, out of the model's width and back; or none."""
    sizes = [header.u32(f"{shape.architecture}.dense_{what}") or 0 for what in ("2_feat_in", "3_feat_out")]
    found = [by_name.get(f"dense_{i}.weight") for i in (2, 3)]
    sane = all(size in (0, shape.n_embd) for size in sizes)
    if any(found):
        first, second = found
        sane = sane and first is not None and second is not None
        if first is not None and second is not None:
            sane = sane and first.shape == (shape.n_embd, second.shape[0]) and second.shape[1:] == (shape.n_embd,)
    if not sane:
        raise damaged(header.path, "the matrices after its pooling do not fit its width")
