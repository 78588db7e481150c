"""What models are made for, and what is refused of those that make embeddings or rank documents."""

from __future__ import annotations

import io
import struct
from array import array
from collections.abc import Callable
from pathlib import Path

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from autoglm_lite.errors import ModelFileError
from autoglm_lite.gguf import Header, read_facts
from autoglm_lite.gguf.charsmap import check_charsmap
from autoglm_lite.gguf.facts import made_for
from autoglm_lite.gguf.values import Value, ValueType
from converters.tokenizers.pieces import CHARSMAP_FIELD, NORMALIZER_FIELD, _fields
from tests.gguf.embedders import (
    LABELS,
    WORD_PIECES,
    bert,
    bert_reranker,
    charsmap,
    cross_encoder,
    gemma_embedding,
    jina_bert,
    modern_bert,
    nomic_bert,
    qwen3_embedding,
    qwen3_reranker,
    roberta,
)
from tests.gguf.refusing import refusal
from tests.gguf.tiny import (
    BOOL,
    F32,
    I32,
    N_EMBD,
    N_FF,
    N_HEAD,
    TYPE_F16,
    U8,
    U32,
    Entry,
    Tiny,
    llama,
    numbers,
    single,
    strings,
    text,
)

Change = Callable[[Tiny], None]
POOLING_OF_LLAMA = "llama.pooling_type"


def put(*entries: Entry) -> Change:
    def change(tiny: Tiny) -> None:
        for entry in entries:
            tiny.put(entry)

    return change


def drop(*keys: str) -> Change:
    def change(tiny: Tiny) -> None:
        for key in keys:
            tiny.drop(key)

    return change


def without(name: str) -> Change:
    return lambda tiny: tiny.tensors.remove(tiny.tensor(name))


def reshaped(name: str, *shape: int) -> Change:
    def change(tiny: Tiny) -> None:
        tensor = tiny.tensor(name)
        n_values = 1
        for extent in shape:
            n_values *= extent
        tensor.shape, tensor.data = list(shape), bytes(n_values * (2 if tensor.type == TYPE_F16 else 4))

    return change


def halved(name: str) -> Change:
    """As F16."""

    def change(tiny: Tiny) -> None:
        tensor = tiny.tensor(name)
        tensor.type, tensor.data = TYPE_F16, bytes(len(tensor.data) // 2)

    return change


def token(place: int, value: bytes) -> Change:
    def change(tiny: Tiny) -> None:
        items: list[str | bytes] = [*WORD_PIECES]
        items[place] = value
        tiny.put(strings("tokenizer.ggml.tokens", items))

    return change


def typed(type_: int) -> Change:
    return put(numbers("tokenizer.ggml.token_type", I32, [type_] * len(WORD_PIECES)))


def byte_token(tiny: Tiny) -> None:
    token(10, b"<0x41>")(tiny)
    types = [6 if i == 10 else 1 for i in range(len(WORD_PIECES))]
    tiny.put(numbers("tokenizer.ggml.token_type", I32, types))


def moved(place: int, value: int) -> Change:
    """A number of the table of normalised characters changed; it begins after the four bytes of its size."""
    table = bytearray(charsmap())
    struct.pack_into("<I", table, place, value)
    return put(numbers("tokenizer.ggml.precompiled_charsmap", U8, table))


FAULTS: dict[str, tuple[Callable[[], Tiny], Change, str]] = {
    # Pooling
    "an unknown pooling": (bert, put(single("bert.pooling_type", U32, 5)), "no kind of pooling"),
    "a pooling below zero": (llama, put(single(POOLING_OF_LLAMA, U32, (1 << 32) - 1)), "no kind of pooling"),
    "a pooling of another type": (bert, put(single("bert.pooling_type", I32, 1)), "should be uint32"),
    "an unknown pooling before a classifier": (
        modern_bert,
        put(single("modern-bert.classifier.pooling_type", U32, 9)),
        "no kind of pooling",
    ),
    "the mean of a decoder": (llama, put(single(POOLING_OF_LLAMA, U32, 1)), "not supported"),
    "the first of a decoder": (llama, put(single(POOLING_OF_LLAMA, U32, 2)), "not supported"),
    "the last of a decoder that looks ahead": (
        qwen3_embedding,
        put(single("qwen3.attention.causal", BOOL, False)),
        "not supported",
    ),
    "vectors of another length": (bert, put(single("bert.embedding_length_out", U32, 32)), "vectors have 64 numbers"),
    # Classifiers
    "a rank of a kind without classifiers": (nomic_bert, put(single("nomic-bert.pooling_type", U32, 4)), "ranks"),
    "a rank of a decoder without classifiers": (llama, put(single(POOLING_OF_LLAMA, U32, 4)), "ranks"),
    "no classifier": (cross_encoder, without("cls.output.weight"), "cls.output.weight, which gives the scores"),
    "no classifier of a decoder": (qwen3_reranker, without("cls.output.weight"), "which gives the scores"),
    "more labels than scores": (
        qwen3_reranker,
        put(strings("qwen3.classifier.output_labels", ["a", "b", "c"])),
        "the 3 scores",
    ),
    "more scores than labels": (cross_encoder, reshaped("cls.output.weight", N_EMBD, 2), "the 1 scores"),
    "labels that are numbers": (
        qwen3_reranker,
        put(numbers("qwen3.classifier.output_labels", U32, [1])),
        "list of texts",
    ),
    # Encoders
    "fewer heads for keys": (bert, put(single("bert.attention.head_count_kv", U32, 2)), "keys for 2"),
    "no heads for keys": (bert, put(single("bert.attention.head_count_kv", U32, 0)), "keys for 0"),
    "heads of another length": (
        bert,
        put(single("bert.attention.key_length", U32, 8), single("bert.attention.value_length", U32, 8)),
        "do not make up its width",
    ),
    "values unlike keys": (bert, put(single("bert.attention.value_length", U32, 8)), "differ in length"),
    "heads that differ by layer": (
        bert,
        put(numbers("bert.attention.head_count", U32, [N_HEAD, 2 * N_HEAD])),
        "differ in their heads",
    ),
    "widths that differ by layer": (
        bert,
        put(numbers("bert.feed_forward_length", U32, [N_FF, 2 * N_FF])),
        "differ in their width",
    ),
    "types of tokens in 16 bits": (bert, halved("token_types.weight"), "token_types.weight is of type F16"),
    "an activation without a gate": (
        modern_bert,
        put(text("modern-bert.hidden_activation", "relu")),
        "activation has no gate",
    ),
    "windows in all layers": (
        gemma_embedding,
        put(single("gemma-embedding.attention.sliding_window_pattern", U32, 0)),
        "some a window",
    ),
    "windows in no layer": (
        modern_bert,
        put(numbers("modern-bert.attention.sliding_window_pattern", BOOL, [False, False])),
        "sliding window",
    ),
    "no window where there is one": (
        gemma_embedding,
        put(single("gemma-embedding.attention.sliding_window", U32, 0)),
        "some a window",
    ),
    "a feed-forward part of another width": (jina_bert, reshaped("blk.1.ffn_up.weight", N_EMBD, 100), "layer 1"),
    "a gate beside a gate": (
        jina_bert,
        lambda tiny: setattr(tiny.tensor("blk.0.attn_q.bias"), "name", b"blk.0.ffn_gate.weight"),
        "layer 0",
    ),
    "one matrix after the pooling": (gemma_embedding, without("dense_3.weight"), "after its pooling"),
    "another one": (gemma_embedding, without("dense_2.weight"), "after its pooling"),
    "matrices that do not follow each other": (
        gemma_embedding,
        reshaped("dense_3.weight", 2 * N_FF, N_EMBD),
        "after its pooling",
    ),
    "matrices of another width": (
        gemma_embedding,
        put(single("gemma-embedding.dense_2_feat_in", U32, 32)),
        "after its pooling",
    ),
    # WordPiece
    "WordPiece for a model that writes": (
        llama,
        put(text("tokenizer.ggml.model", "bert")),
        "'bert', which no model uses",
    ),
    "unigrams for a model that writes": (llama, put(text("tokenizer.ggml.model", "t5")), "'t5', which no model uses"),
    "WordPiece with bytes": (bert, typed(6), "marked as a byte"),
    "WordPiece with well-formed bytes": (
        bert,
        byte_token,
        "as no WordPiece vocabulary does",
    ),
    "an endless piece": (bert, token(10, b"x" * 257), "longer than 256 bytes"),
    "no token for the start": (bert, drop("tokenizer.ggml.bos_token_id"), "bos token"),
    "no token between texts": (bert, drop("tokenizer.ggml.seperator_token_id"), "seperator_token_id"),
    "no token for the unknown": (bert, drop("tokenizer.ggml.unknown_token_id"), "unknown_token_id"),
    "an unknown token beyond the vocabulary": (
        bert,
        put(single("tokenizer.ggml.unknown_token_id", U32, len(WORD_PIECES))),
        "unknown_token_id",
    ),
    # Unigrams
    "no start of unigrams": (roberta, put(single("tokenizer.ggml.bos_token_id", U32, 1 << 20)), "bos_token_id"),
    "scores that are no numbers": (
        roberta,
        put(numbers("tokenizer.ggml.scores", F32, [float("nan")] * 75)),
        "score is not a number",
    ),
    "a table of another type": (
        roberta,
        put(numbers("tokenizer.ggml.precompiled_charsmap", U32, [1, 2, 3])),
        "list of int8 or uint8",
    ),
    "a table too short": (
        roberta,
        put(numbers("tokenizer.ggml.precompiled_charsmap", U8, b"\1\0")),
        "normalised characters",
    ),
    "a table that claims more than there is": (roberta, moved(0, 1 << 30), "normalised characters"),
    "a table that is no whole entries": (roberta, moved(0, 4 * 3 * 256 - 1), "normalised characters"),
    "a root beyond the table": (roberta, moved(4, (1 << 20) << 10), "normalised characters"),
    "a replacement beyond the table": (roberta, moved(4 + 4 * 512, 1 << 31 | 99), "normalised characters"),
    "a replacement without an end": (
        roberta,
        put(numbers("tokenizer.ggml.precompiled_charsmap", U8, charsmap()[:-1])),
        "normalised characters",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_refused_in_a_sentence(fault: str, tmp_path: Path) -> None:
    make, change, words = FAULTS[fault]
    tiny = make()
    read_facts(tiny.write(tmp_path / "good.gguf"))
    change(tiny)
    assert words in refusal(tiny.write(tmp_path / "m.gguf"))


@pytest.mark.parametrize(
    ("make", "use", "pooling", "encoder"),
    [
        (llama, "chat", "none", False),
        (bert, "embeddings", "mean", True),
        (roberta, "embeddings", "mean", True),
        (modern_bert, "embeddings", "cls", True),
        (qwen3_embedding, "embeddings", "last", False),
        (bert_reranker, "reranking", "rank", True),
        (qwen3_reranker, "reranking", "rank", False),
    ],
)
def test_what_a_model_is_made_for(
    make: Callable[[], Tiny], use: str, pooling: str, encoder: bool, tmp_path: Path
) -> None:
    facts = read_facts(make().write(tmp_path / "m.gguf"))
    assert (facts.use, facts.pooling, facts.encoder) == (use, pooling, encoder)
    assert facts.labels == (LABELS if make is qwen3_reranker else ())


def test_an_encoder_has_no_output_matrix_and_looks_its_tables_up(tmp_path: Path) -> None:
    tiny = bert()
    facts = read_facts(tiny.write(tmp_path / "m.gguf"))
    tables = sum(len(tiny.tensor(f"{name}.weight").data) for name in ("token_embd", "token_types", "position_embd"))
    assert facts.token_bytes == facts.tensor_bytes - tables
    assert not facts.tied
    assert "F32" not in facts.matrix_bytes


def test_a_model_for_something_else_is_refused(tmp_path: Path) -> None:
    chat, embeddings, rank = (
        read_facts(make().write(tmp_path / f"{i}.gguf")) for i, make in enumerate((llama, bert, cross_encoder))
    )
    assert made_for(chat, "chat") is chat
    with pytest.raises(
        ModelFileError, match=r"Tiny bert only makes embeddings and cannot write: choose a chat model\."
    ):
        made_for(embeddings, "chat")
    with pytest.raises(ModelFileError, match=r"Tiny llama writes text .* choose an embedding model"):
        made_for(chat, "embeddings")
    with pytest.raises(ModelFileError, match=r"Tiny bert only ranks documents .* choose an embedding model"):
        made_for(rank, "embeddings")
    with pytest.raises(ModelFileError, match="choose a reranking model"):
        made_for(chat, "reranking")


@given(st.lists(st.tuples(st.integers(0, 3 * 256), st.integers(0, (1 << 32) - 1)), max_size=3))
@settings(deadline=None)
def test_what_passes_of_a_table_can_be_walked(changes: list[tuple[int, int]]) -> None:
    """The walk of llama.cpp, for every pair of characters, never leaves a table that passes."""
    table = bytearray(charsmap())
    for place, value in changes:
        struct.pack_into("<I", table, 4 + 4 * min(place, 3 * 256 - 1), value)
    stored = Value(ValueType.ARRAY, array("B", table), ValueType.UINT8)
    header = Header(Path("m.gguf"), 0, 3, {"tokenizer.ggml.precompiled_charsmap": stored}, (), 32, 0)
    try:
        check_charsmap(header)
    except ModelFileError:
        return
    entries = array("I", bytes(table[4 : 4 + 4 * 3 * 256]))
    replacements = bytes(table[4 + 4 * 3 * 256 :])
    for first in range(1, 256):
        index = entries[0] >> 10 << (8 if entries[0] & 512 else 0)
        for character in (first, 0x41):
            index ^= character
            entry = entries[index]
            if entry & (1 << 31 | 0xFF) != character:
                break
            index ^= entry >> 10 << (8 if entry & 512 else 0)
            if entry & 256:
                assert b"\0" in replacements[entries[index] & ~(1 << 31) :]


def test_the_table_that_sentencepiece_makes_passes(tmp_path: Path) -> None:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["the cat sat on the mat", "\u4f60\u597d \u4e16\u754c"] * 20),
        model_writer=model,
        vocab_size=40,
        model_type="unigram",
        normalization_rule_name="nmt_nfkc",
        hard_vocab_limit=False,
        minloglevel=2,
    )
    normalizer = dict(_fields(model.getvalue()))[NORMALIZER_FIELD]
    assert isinstance(normalizer, bytes)
    table = dict(_fields(normalizer))[CHARSMAP_FIELD]
    assert isinstance(table, bytes)
    assert len(table) > 200_000
    tiny = roberta()
    tiny.put(numbers("tokenizer.ggml.precompiled_charsmap", U8, table))
    assert read_facts(tiny.write(tmp_path / "m.gguf")).use == "embeddings"
