"""Every fault in a header that we know of, each refused in a sentence that says so."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.gguf.refusing import refusal
from tests.gguf.tiny import (
    ARRAY,
    BOOL,
    F32,
    I32,
    N_TOKENS,
    STRING,
    U8,
    U16,
    U32,
    U64,
    Entry,
    Tiny,
    glm4,
    llama,
    mixtral,
    numbers,
    phi3,
    qwen3,
    sentencepiece_tokens,
    single,
    strings,
    text,
)

INF = float("inf")


def claim(**fields: object) -> Callable[[Tiny], None]:
    def change(tiny: Tiny) -> None:
        for name, value in fields.items():
            setattr(tiny, name, value)

    return change


def put(*entries: Entry) -> Callable[[Tiny], None]:
    def change(tiny: Tiny) -> None:
        for entry in entries:
            tiny.put(entry)

    return change


def drop(*keys: str) -> Callable[[Tiny], None]:
    def change(tiny: Tiny) -> None:
        for key in keys:
            tiny.drop(key)

    return change


def tensor(which: str, **fields: object) -> Callable[[Tiny], None]:
    def change(tiny: Tiny) -> None:
        found = tiny.tensor(which)
        for field, value in fields.items():
            setattr(found, field, value)

    return change


def without_tensors(start: str) -> Callable[[Tiny], None]:
    def change(tiny: Tiny) -> None:
        tiny.tensors = [tensor for tensor in tiny.tensors if not tensor.name.startswith(start.encode())]

    return change


def add(entry: Entry) -> Callable[[Tiny], None]:
    return lambda tiny: tiny.entries.append(entry)


def tokens(change: Callable[[list[bytes]], None]) -> Callable[[Tiny], None]:
    def apply(tiny: Tiny) -> None:
        items = sentencepiece_tokens()[0]
        change(items)
        tiny.put(strings("tokenizer.ggml.tokens", items))

    return apply


def set_token(place: int, value: bytes) -> Callable[[Tiny], None]:
    return tokens(lambda items: items.__setitem__(place, value))


def aligned(alignment: int) -> Callable[[Tiny], None]:
    def change(tiny: Tiny) -> None:
        tiny.alignment = alignment
        tiny.put(single("general.alignment", U32, alignment))

    return change


def reordered(tiny: Tiny) -> None:
    end = 0
    for item in tiny.tensors:
        item.offset = end
        end += -(-len(item.data) // 32) * 32
    tiny.tensors.reverse()


FAULTS: dict[str, tuple[Callable[[Tiny], None], str]] = {
    # The header's first bytes
    "version 0": (claim(version=0), "version is 0"),
    "version 1": (claim(version=1), "version 1"),
    "version 4": (claim(version=4), "update autoglm-lite"),
    "version in the other byte order": (claim(version=3 << 24), "big-endian"),
    "too many keys": (claim(n_keys=1 << 40), "keys"),
    "negative keys": (claim(n_keys=(1 << 64) - 1), "keys"),
    "too many tensors": (claim(n_tensors=1 << 62), "tensors"),
    "one key too many": (claim(n_keys=100), ""),
    "one tensor too many": (claim(n_tensors=100), ""),
    "no tensors": (without_tensors(""), "missing"),
    # Keys
    "an empty key": (add(Entry(b"", U8, b"\1")), "0 bytes long"),
    "a key twice": (add(text("general.name", "x")), "occurs twice"),
    "a long key": (add(single("k" * 70000, U8, 1)), "70,000 bytes long"),
    "a key with a NUL": (add(single("llama.block_count\0", U32, 1)), "not readable"),
    "a key that is no text": (add(Entry(b"\xff\xfe", U8, b"\1")), "not readable"),
    "a key that writes to the terminal": (add(Entry(b"\x1b[2J", U8, b"\1")), "not readable"),
    "an unknown type": (add(Entry(b"x", 13, bytes(8))), "unknown type 13"),
    "a negative type": (add(Entry(b"x", (1 << 32) - 1, bytes(8))), "unknown type"),
    "a list in a list": (add(Entry(b"x", ARRAY, struct.pack("<IQIQ", ARRAY, 1, U8, 0))), "within a list"),
    "a list of an unknown type": (add(Entry(b"x", ARRAY, struct.pack("<IQ", 99, 1))), "unknown type 99"),
    "a list longer than the file": (add(Entry(b"x", ARRAY, struct.pack("<IQ", U64, 1 << 60))), "cut short"),
    "a list of texts longer than the file": (add(Entry(b"x", ARRAY, struct.pack("<IQ", STRING, 1 << 61))), "cut short"),
    "a text longer than the file": (add(Entry(b"x", STRING, struct.pack("<Q", 1 << 63))), "cut short"),
    "a text in a list longer than the file": (
        add(Entry(b"x", ARRAY, struct.pack("<IQQ", STRING, 2, (1 << 64) - 8))),
        "cut short",
    ),
    "one part of several": (put(single("split.count", U16, 3)), "one of 3 parts"),
    # Alignment
    "alignment 0": (put(single("general.alignment", U32, 0)), "alignment"),
    "alignment 1": (aligned(1), "alignment"),
    "alignment 7": (put(single("general.alignment", U32, 7)), "alignment"),
    "alignment 1 MiB": (put(single("general.alignment", U32, 1 << 20)), "alignment"),
    "alignment as a long": (put(single("general.alignment", U64, 32)), "alignment"),
    "alignment 8": (aligned(8), "odd place"),
    # Tensors
    "a tensor without a name": (tensor("output.weight", name=b""), "0 bytes long"),
    "a long name": (tensor("output.weight", name=b"x" * 64), "64 bytes long"),
    "a name with a NUL": (tensor("output.weight", name=b"out\0"), "not readable"),
    "a name twice": (tensor("output.weight", name=b"token_embd.weight"), "occurs twice"),
    "no dimensions": (tensor("output.weight", shape=[]), "0 dimensions"),
    "five dimensions": (tensor("output.weight", shape=[64, 271, 1, 1, 1]), "5 dimensions"),
    "an empty dimension": (tensor("output.weight", shape=[64, 0]), "impossible shape"),
    "a negative dimension": (tensor("output.weight", shape=[64, (1 << 64) - 1]), "impossible shape"),
    "a product beyond 64 bits": (tensor("output.weight", shape=[1 << 32, 1 << 32]), "impossible shape"),
    "a product that wraps to nothing": (tensor("output.weight", shape=[1 << 32, 1 << 32, 2]), "impossible shape"),
    "bytes beyond 64 bits": (tensor("output.weight", shape=[1 << 31, (1 << 31) + 2]), "impossible shape"),
    "an unknown tensor type": (tensor("output.weight", type=43), "unknown type 43"),
    "a negative tensor type": (tensor("output.weight", type=(1 << 32) - 1), "unknown type"),
    "a removed tensor type": (tensor("output.weight", type=31), "removed from GGUF"),
    "rows that are no whole blocks": (tensor("output.weight", shape=[271, 64], type=12), "multiple of the 256"),
    "an offset that is not its place": (tensor("output.weight", offset=32), "does not follow"),
    "an offset beyond 64 bits": (tensor("output.weight", offset=(1 << 64) - 32), "does not follow"),
    "tensors out of order": (reordered, "does not follow"),
    "a tensor larger than the file": (tensor("output.weight", shape=[64, 1 << 40]), "bytes missing"),
    "no embedding": (without_tensors("token_embd"), "token_embd.weight is missing"),
    "a layer missing": (without_tensors("blk.0."), "1 of its 2 layers are missing, the first is 0"),
    "a layer too many": (tensor("output.weight", name=b"blk.2.x"), "tensors of layer 2"),
    "an embedding of another width": (tensor("token_embd.weight", shape=[32, 542]), "width and the vocabulary"),
    "an output of another width": (tensor("output.weight", shape=[271, 64]), "width and the vocabulary"),
    "a norm of whole numbers": (tensor("output_norm.weight", type=26), "should be F32"),
    "a matrix of whole numbers": (tensor("output.weight", type=25), "which no weight is"),
    # Vocabulary
    "no tokenizer": (drop("tokenizer.ggml.model"), "no vocabulary"),
    "no tokens": (drop("tokenizer.ggml.tokens"), "no vocabulary"),
    "an empty list of tokens": (put(strings("tokenizer.ggml.tokens", [])), "no vocabulary"),
    "tokens that are numbers": (put(numbers("tokenizer.ggml.tokens", I32, [1, 2])), "list of texts"),
    "a bert tokenizer": (put(text("tokenizer.ggml.model", "bert")), "'bert'"),
    "no tokenizer at all": (put(text("tokenizer.ggml.model", "no_vocab")), "'no_vocab'"),
    "tokenizer as a number": (put(single("tokenizer.ggml.model", U32, 1)), "should be string"),
    "a token twice": (set_token(5, b"<0x01>"), "occur twice"),
    "two tokens the same up to a NUL": (set_token(260, b"<s>\0x"), "occur twice"),
    "two empty tokens by a name given": (
        tokens(lambda items: items.__setitem__(slice(259, 261), [b"[EMPTY_260]", b""])),
        "twice",
    ),
    "no token for a byte": (set_token(3 + 0x41, b"<0x4l>"), "byte 65"),
    "a byte token that is none": (set_token(3, b"ab"), "marked as a byte"),
    "too few scores": (put(numbers("tokenizer.ggml.scores", F32, [0.0])), "1 token scores"),
    "scores of the wrong type": (put(numbers("tokenizer.ggml.scores", U8, [0] * N_TOKENS)), "list of float32"),
    "a score that is no number": (put(numbers("tokenizer.ggml.scores", F32, [float("nan")] * N_TOKENS)), "score"),
    "too few types": (put(numbers("tokenizer.ggml.token_type", I32, [1] * 3)), "3 token types"),
    "types of the wrong type": (put(numbers("tokenizer.ggml.token_type", U8, [1] * N_TOKENS)), "list of int32"),
    "bos beyond the vocabulary": (put(single("tokenizer.ggml.bos_token_id", U32, N_TOKENS)), "bos_token_id is 271"),
    "eos beyond the vocabulary": (put(single("tokenizer.ggml.eos_token_id", U32, (1 << 32) - 2)), "eos_token_id"),
    "an id of the wrong type": (put(single("tokenizer.ggml.padding_token_id", I32, 0)), "should be uint32"),
    "a flag of the wrong type": (put(single("tokenizer.ggml.add_bos_token", U8, 1)), "should be bool"),
    "a template of the wrong type": (put(strings("tokenizer.chat_template", ["x"])), "should be string"),
    # Shape
    "no architecture": (drop("general.architecture"), "architecture"),
    "an architecture that is no name": (put(text("general.architecture", "../x")), "architecture"),
    "a vision projector": (put(text("general.architecture", "clip")), "mmproj"),
    "an adapter": (put(text("general.type", "adapter")), "adapter (LoRA)"),
    "no layers": (put(single("llama.block_count", U32, 0)), "block_count"),
    "513 layers": (put(single("llama.block_count", U32, 513)), "block_count"),
    "no count of layers": (drop("llama.block_count"), "block_count' is missing"),
    "a count of layers of another type": (put(single("llama.block_count", U64, 2)), "should be uint32"),
    "no context": (put(single("llama.context_length", U32, 0)), "context_length"),
    "an endless context": (put(single("llama.context_length", U32, (1 << 32) - 1)), "context_length"),
    "no width": (put(single("llama.embedding_length", U32, 0)), "embedding_length"),
    "another width": (put(single("llama.embedding_length", U32, 128)), ""),
    "no heads": (put(single("llama.attention.head_count", U32, 0)), "head_count"),
    "no count of heads": (drop("llama.attention.head_count"), "head_count"),
    "heads that do not share the width": (put(single("llama.attention.head_count", U32, 6)), "shared by 6 heads"),
    "heads that do not share keys": (put(single("llama.attention.head_count_kv", U32, 3)), "cannot share 3"),
    "heads for another number of layers": (put(numbers("llama.attention.head_count", U32, [4] * 3)), "does not fit"),
    "heads below zero": (put(numbers("llama.attention.head_count", I32, [4, -4])), "does not fit"),
    "key heads that differ by layer": (
        put(numbers("llama.attention.head_count_kv", U32, [2, 4])),
        "layers differ in their heads",
    ),
    "heads that differ by layer": (
        put(numbers("llama.attention.head_count", U32, [4, 8])),
        "layers differ in their heads",
    ),
    "values unlike keys": (put(single("llama.attention.value_length", U32, 32)), "differ in length"),
    "an epsilon below zero": (put(single("llama.attention.layer_norm_rms_epsilon", F32, -1)), "epsilon"),
    "an epsilon of zero": (put(single("llama.attention.layer_norm_rms_epsilon", F32, 0)), "epsilon"),
    "an epsilon that is no number": (
        put(single("llama.attention.layer_norm_rms_epsilon", F32, float("nan"))),
        "epsilon",
    ),
    "an infinite rope base": (put(single("llama.rope.freq_base", F32, INF)), "freq_base"),
    "a rope base of zero": (put(single("llama.rope.freq_base", F32, 0)), "freq_base"),
    "an odd rope": (put(single("llama.rope.dimension_count", U32, 15)), "rotary"),
    "a rope longer than the key": (put(single("llama.rope.dimension_count", U32, 64)), "dimension_count"),
    "an unknown rope scaling": (put(text("llama.rope.scaling.type", "wild")), "'wild'"),
    "empty rope sections": (put(numbers("llama.rope.dimension_sections", I32, [0, 0, 0, 0])), "sections"),
    "rope sections beyond the key": (
        put(numbers("llama.rope.dimension_sections", I32, [8, 8, 8, 0])),
        "sections",
    ),
    "a window that no layer uses": (
        put(numbers("llama.attention.sliding_window_pattern", BOOL, [False, False])),
        "sliding window",
    ),
    "experts used that are not there": (put(single("llama.expert_used_count", U32, 2)), "experts"),
    "experts that are not used": (put(single("llama.expert_count", U32, 8)), "experts"),
    "a thousand million experts": (put(single("llama.expert_count", U32, 10**9)), "expert_count"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_refused_in_a_sentence(fault: str, tmp_path: Path) -> None:
    change, words = FAULTS[fault]
    tiny = llama()
    change(tiny)
    path = tiny.write(tmp_path / "m.gguf")
    message = refusal(path)
    assert words in message
    assert str(path) in message


def test_faults_of_other_kinds_of_model(tmp_path: Path) -> None:
    faults: list[tuple[Tiny, Callable[[Tiny], None], str]] = [
        (qwen3(), drop("tokenizer.ggml.merges"), "no merges"),
        (qwen3(), put(numbers("tokenizer.ggml.merges", I32, [1])), "list of texts"),
        (qwen3(), put(single("tokenizer.ggml.bos_token_id", U32, 264)), "bos_token_id"),
        (glm4(), put(single("glm4.rope.dimension_count", U32, 18)), "dimension_count"),
        (glm4(), put(single("glm4.rope.dimension_count", U32, 0)), "dimension_count"),
        (glm4(), put(single("glm4.nextn_predict_layers", U32, 2)), "nextn_predict_layers"),
        (mixtral(), put(single("llama.expert_used_count", U32, 5)), "5 used of 4"),
        (mixtral(), put(single("llama.expert_used_count", U32, 0)), "0 used of 4"),
        (mixtral(), put(single("llama.expert_group_count", U32, 3)), "3 groups"),
    ]
    for tiny, change, words in faults:
        change(tiny)
        assert words in refusal(tiny.write(tmp_path / "m.gguf"))


def test_phi3_without_attention(tmp_path: Path) -> None:
    tiny = phi3()
    tiny.tensors = [item for item in tiny.tensors if item.name != b"blk.1.attn_qkv.weight"]
    assert "attention of its layer 1 is missing" in refusal(tiny.write(tmp_path / "m.gguf"))
