"""Tiny models with random weights that make embeddings or rank documents, and that llama.cpp runs."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Iterable

from tests.gguf.tiny import (
    BOOL,
    F32,
    HEAD,
    I32,
    N_CTX,
    N_EMBD,
    N_FF,
    N_LAYER,
    TYPE_F32,
    U8,
    U32,
    Entry,
    Tiny,
    Weights,
    basic_entries,
    numbers,
    qwen3,
    sentencepiece_entries,
    sentencepiece_tokens,
    single,
    strings,
    text,
)

EPSILON = 1e-5
PIECES = (
    *(
        "▁the",
        "▁cat",
        "▁dog",
        "▁sat",
        "▁on",
        "▁a",
        "▁mat",
        "▁,",
        "▁.",
        "▁?",
        "▁what",
        "▁is",
        "▁你",
        "▁好",
        "▁世",
        "▁界",
    ),
    *(f"▁{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"),
    *"abcdefghijklmnopqrstuvwxyz",
    *("s", "ing", "ed", "er", "e"),
)
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORD_PIECES = list(dict.fromkeys((*SPECIAL, *PIECES)))
UNK, CLS, SEP = 1, 2, 3
LABELS = ("yes", "no")
RERANK_TEMPLATE = "<|im_start|>Query: {query}\nDocument: {document}<|im_end|>"


def wordpiece_entries() -> list[Entry]:
    return [
        text("tokenizer.ggml.model", "bert"),
        text("tokenizer.ggml.pre", "jina-v2"),
        single("tokenizer.ggml.token_type_count", U32, 2),
        strings("tokenizer.ggml.tokens", WORD_PIECES),
        numbers("tokenizer.ggml.token_type", I32, [3] * len(SPECIAL) + [1] * (len(WORD_PIECES) - len(SPECIAL))),
        single("tokenizer.ggml.unknown_token_id", U32, UNK),
        single("tokenizer.ggml.bos_token_id", U32, CLS),
        single("tokenizer.ggml.seperator_token_id", U32, SEP),
        single("tokenizer.ggml.padding_token_id", U32, 0),
        single("tokenizer.ggml.cls_token_id", U32, CLS),
        single("tokenizer.ggml.mask_token_id", U32, 4),
    ]


def charsmap(replaced: Iterable[tuple[int, str]] = ((ord("E"), "e"),)) -> bytes:
    """A table of normalised characters as SentencePiece has it, for single ASCII characters: a block of 256 entries for
    the root, and one for each character."""
    wanted = list(replaced)
    entries = array("I", [0] * (256 * (len(wanted) + 2)))
    texts = b""
    entries[0] = 256 << 10
    for i, (character, replacement) in enumerate(wanted):
        node, leaf = 256 ^ character, 256 * (i + 2)
        entries[node] = ((node ^ leaf) << 10) | 1 << 8 | character
        entries[leaf] = 1 << 31 | len(texts)
        texts += replacement.encode() + b"\0"
    return struct.pack("<I", 4 * len(entries)) + entries.tobytes() + texts


def unigram_entries() -> list[Entry]:
    """What XLM-RoBERTa's family has (BGE-M3, multilingual E5)."""
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *dict.fromkeys(PIECES), "▁"]
    return [
        text("tokenizer.ggml.model", "t5"),
        text("tokenizer.ggml.pre", "default"),
        single("tokenizer.ggml.token_type_count", U32, 1),
        strings("tokenizer.ggml.tokens", tokens),
        numbers("tokenizer.ggml.scores", F32, [0.0] * 4 + [-1.0 - i / 10 for i in range(len(tokens) - 4)]),
        numbers("tokenizer.ggml.token_type", I32, [3, 3, 3, 2] + [1] * (len(tokens) - 4)),
        single("tokenizer.ggml.bos_token_id", U32, 0),
        single("tokenizer.ggml.eos_token_id", U32, 2),
        single("tokenizer.ggml.unknown_token_id", U32, 3),
        single("tokenizer.ggml.seperator_token_id", U32, 2),
        single("tokenizer.ggml.padding_token_id", U32, 1),
        single("tokenizer.ggml.add_bos_token", BOOL, True),
        single("tokenizer.ggml.add_eos_token", BOOL, True),
        single("tokenizer.ggml.add_space_prefix", BOOL, True),
        single("tokenizer.ggml.remove_extra_whitespaces", BOOL, True),
        numbers("tokenizer.ggml.precompiled_charsmap", U8, charsmap()),
    ]


N_UNIGRAMS = 4 + len(dict.fromkeys(PIECES)) + 1


def _encoder_entries(arch: str, pooling: int | None, epsilon: str = "layer_norm") -> list[Entry]:
    entries = [
        *basic_entries(arch),
        single(f"{arch}.attention.{epsilon}_epsilon", F32, EPSILON),
        single(f"{arch}.attention.causal", BOOL, False),
    ]
    return entries if pooling is None else [*entries, single(f"{arch}.pooling_type", U32, pooling)]


class _EncoderWeights(Weights):
    def random_vector(self, name: str, n: int) -> None:
        self.matrix(name, n, type_=TYPE_F32)

    def norm(self, name: str, *, bias: bool = True) -> None:
        values = [1 + self._random.uniform(-0.3, 0.3) for _ in range(N_EMBD)]
        self.vector(name + ".weight", N_EMBD)
        self.tensors[-1].data = array("f", values).tobytes()
        if bias:
            self.random_vector(name + ".bias", N_EMBD)


def _bert(
    arch: str,
    vocabulary: list[Entry],
    n_vocab: int,
    pooling: int | None,
    *,
    positions: bool,
    biases: bool,
    n_types: int,
) -> tuple[Tiny, _EncoderWeights]:
    """Embeddings and attention; the feed-forward parts are still to come."""
    weights = _EncoderWeights()
    weights.matrix("token_embd.weight", N_EMBD, n_vocab)
    weights.matrix("token_types.weight", N_EMBD, n_types, type_=TYPE_F32)
    if positions:
        weights.matrix("position_embd.weight", N_EMBD, N_CTX, type_=TYPE_F32)
    weights.norm("token_embd_norm")
    for layer in range(N_LAYER):
        block = f"blk.{layer}."
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            weights.matrix(f"{block}{part}.weight", N_EMBD, N_EMBD)
            if biases:
                weights.random_vector(f"{block}{part}.bias", N_EMBD)
        weights.norm(block + "attn_output_norm")
        weights.norm(block + "layer_output_norm")
    return Tiny(_encoder_entries(arch, pooling) + vocabulary, weights.tensors), weights


def bert(
    pooling: int | None = 1, vocabulary: list[Entry] | None = None, n_vocab: int = len(WORD_PIECES), n_types: int = 2
) -> Tiny:
    """BERT: learnt positions, norms after each part. Without a vocabulary, WordPiece."""
    tiny, weights = _bert(
        "bert", vocabulary or wordpiece_entries(), n_vocab, pooling, positions=True, biases=True, n_types=n_types
    )
    for layer in range(N_LAYER):
        block = f"blk.{layer}."
        weights.matrix(block + "ffn_up.weight", N_EMBD, N_FF)
        weights.random_vector(block + "ffn_up.bias", N_FF)
        weights.matrix(block + "ffn_down.weight", N_FF, N_EMBD)
        weights.random_vector(block + "ffn_down.bias", N_EMBD)
    return tiny


def bert_cls() -> Tiny:
    return bert(pooling=2)


def roberta() -> Tiny:
    """BERT with SentencePiece's unigrams, and no word of how to pool."""
    return bert(None, unigram_entries(), N_UNIGRAMS, n_types=1)


def bert_reranker() -> Tiny:
    """BERT with a classifier of two layers, as XLM-RoBERTa's for sequence classification."""
    tiny = bert(4, unigram_entries(), N_UNIGRAMS, n_types=1)
    weights = _EncoderWeights()
    weights.matrix("cls.weight", N_EMBD, N_EMBD)
    weights.random_vector("cls.bias", N_EMBD)
    weights.matrix("cls.output.weight", N_EMBD, 1, type_=TYPE_F32)
    weights.random_vector("cls.output.bias", 1)
    tiny.tensors += weights.tensors
    return tiny


def cross_encoder() -> Tiny:
    """BERT with WordPiece and a classifier of one layer."""
    tiny = bert(pooling=4)
    weights = _EncoderWeights()
    weights.matrix("cls.output.weight", N_EMBD, 1, type_=TYPE_F32)
    weights.random_vector("cls.output.bias", 1)
    tiny.tensors += weights.tensors
    return tiny


def nomic_bert() -> Tiny:
    """BERT with rotary positions and gates."""
    tiny, weights = _bert(
        "nomic-bert", wordpiece_entries(), len(WORD_PIECES), 1, positions=False, biases=False, n_types=2
    )
    tiny.put(single("nomic-bert.rope.freq_base", F32, 1000.0))
    for layer in range(N_LAYER):
        block = f"blk.{layer}."
        for part, shape in (("gate", (N_EMBD, N_FF)), ("up", (N_EMBD, N_FF)), ("down", (N_FF, N_EMBD))):
            weights.matrix(f"{block}ffn_{part}.weight", *shape)
    return tiny


def jina_bert() -> Tiny:
    """BERT with ALiBi in place of positions, and the gates in one matrix with what they gate."""
    tiny, weights = _bert(
        "jina-bert-v2", wordpiece_entries(), len(WORD_PIECES), 1, positions=False, biases=True, n_types=2
    )
    for layer in range(N_LAYER):
        block = f"blk.{layer}."
        weights.matrix(block + "ffn_up.weight", N_EMBD, 2 * N_FF)
        weights.matrix(block + "ffn_down.weight", N_FF, N_EMBD)
        weights.random_vector(block + "ffn_down.bias", N_EMBD)
    return tiny


def modern_bert() -> Tiny:
    """ModernBERT: rotary positions, windows, gates, norms before each part."""
    arch = "modern-bert"
    entries = _encoder_entries(arch, 2) + wordpiece_entries()
    entries += [
        single(f"{arch}.rope.freq_base", F32, 160000.0),
        single(f"{arch}.rope.freq_base_swa", F32, 10000.0),
        single(f"{arch}.attention.sliding_window", U32, 16),
    ]
    weights = _EncoderWeights()
    weights.matrix("token_embd.weight", N_EMBD, len(WORD_PIECES))
    weights.norm("token_embd_norm", bias=False)
    weights.norm("output_norm", bias=False)
    for layer in range(N_LAYER):
        block = f"blk.{layer}."
        if layer:
            weights.norm(block + "attn_norm", bias=False)
        weights.matrix(block + "attn_qkv.weight", N_EMBD, 3 * N_EMBD)
        weights.matrix(block + "attn_output.weight", N_EMBD, N_EMBD)
        weights.norm(block + "ffn_norm", bias=False)
        weights.matrix(block + "ffn_up.weight", N_EMBD, 2 * N_FF)
        weights.matrix(block + "ffn_down.weight", N_FF, N_EMBD)
    return Tiny(entries, weights.tensors)


def gemma_embedding() -> Tiny:
    """EmbeddingGemma: Gemma 3 that looks both ways, with two matrices after the pooling."""
    arch = "gemma-embedding"
    entries = _encoder_entries(arch, 1, "layer_norm_rms") + sentencepiece_entries()
    entries += [single(f"{arch}.attention.{name}_length", U32, HEAD) for name in ("key", "value")]
    entries += [
        single(f"{arch}.attention.head_count_kv", U32, 1),
        single(f"{arch}.attention.sliding_window", U32, 32),
        single(f"{arch}.attention.sliding_window_pattern", U32, 2),
        single(f"{arch}.dense_2_feat_in", U32, N_EMBD),
        single(f"{arch}.dense_2_feat_out", U32, N_FF),
        single(f"{arch}.dense_3_feat_in", U32, N_FF),
        single(f"{arch}.dense_3_feat_out", U32, N_EMBD),
    ]
    weights = _EncoderWeights()
    weights.matrix("token_embd.weight", N_EMBD, len(sentencepiece_tokens()[0]))
    for layer in range(N_LAYER):
        block = f"blk.{layer}."
        for part, n in (("attn_q", N_EMBD), ("attn_k", HEAD), ("attn_v", HEAD), ("attn_output", N_EMBD)):
            weights.matrix(f"{block}{part}.weight", N_EMBD, n)
        for part, n in (("attn_q", HEAD), ("attn_k", HEAD)):
            weights.vector(f"{block}{part}_norm.weight", n)
        for part in ("attn", "post_attention", "ffn", "post_ffw"):
            weights.norm(f"{block}{part}_norm", bias=False)
        for part, shape in (("gate", (N_EMBD, N_FF)), ("up", (N_EMBD, N_FF)), ("down", (N_FF, N_EMBD))):
            weights.matrix(f"{block}ffn_{part}.weight", *shape)
    weights.norm("output_norm", bias=False)
    weights.matrix("dense_2.weight", N_EMBD, N_FF)
    weights.matrix("dense_3.weight", N_FF, N_EMBD)
    return Tiny(entries, weights.tensors)


def qwen3_embedding() -> Tiny:
    """Qwen3-Embedding: the last token of a text speaks for it, and one is added to be that."""
    tiny = qwen3()
    tiny.put(single("qwen3.pooling_type", U32, 3))
    tiny.put(single("tokenizer.ggml.add_eos_token", BOOL, True))
    return tiny


def qwen3_reranker() -> Tiny:
    """Qwen3-Reranker: a classifier says how likely the answer to its template is yes."""
    tiny = qwen3()
    tiny.put(single("qwen3.pooling_type", U32, 4))
    tiny.put(strings("qwen3.classifier.output_labels", LABELS))
    tiny.put(text("tokenizer.chat_template.rerank", RERANK_TEMPLATE))
    weights = Weights()
    weights.matrix("cls.output.weight", N_EMBD, len(LABELS))
    tiny.tensors += weights.tensors
    return tiny


EMBEDDERS: dict[str, Callable[[], Tiny]] = {
    "bert": bert,
    "bert_cls": bert_cls,
    "roberta": roberta,
    "nomic_bert": nomic_bert,
    "jina_bert": jina_bert,
    "modern_bert": modern_bert,
    "gemma_embedding": gemma_embedding,
    "qwen3_embedding": qwen3_embedding,
}
RERANKERS: dict[str, Callable[[], Tiny]] = {
    "bert_reranker": bert_reranker,
    "cross_encoder": cross_encoder,
    "qwen3_reranker": qwen3_reranker,
}
