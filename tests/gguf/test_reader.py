"""Every way in which a file can be wrong that we know of, each refused in a sentence that says so."""

from __future__ import annotations

import os
import stat
import struct
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from autoglm_lite.errors import ModelFileError
from autoglm_lite.gguf import Strings, ValueType, read_facts, read_header
from tests.gguf.tiny import (
    ARRAY,
    BOOL,
    F32,
    I32,
    MODELS,
    N_EMBD,
    N_LAYER,
    STRING,
    U8,
    U16,
    U32,
    U64,
    Entry,
    Tiny,
    bpe_entries,
    glm4,
    llama,
    mixtral,
    numbers,
    phi3,
    qwen3,
    sentencepiece_tokens,
    single,
    string,
    strings,
    text,
)

INF = float("inf")


def refusal(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        read_facts(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


@pytest.mark.parametrize("name", MODELS)
def test_a_good_file_is_read_whole(name: str, tmp_path: Path) -> None:
    tiny = MODELS[name]()
    path = tiny.write(tmp_path / "m.gguf")
    header = read_header(path)
    assert [key.encode() for key in header.metadata] == [entry.key for entry in tiny.entries]
    assert [value.type for value in header.metadata.values()] == [entry.type for entry in tiny.entries]
    assert [tensor.name.encode() for tensor in header.tensors] == [tensor.name for tensor in tiny.tensors]
    data = path.read_bytes()
    for read, written in zip(header.tensors, tiny.tensors, strict=True):
        start = header.data_offset + read.offset
        assert data[start : start + read.n_bytes] == written.data
        assert list(read.shape) == written.shape
    assert read_facts(path).n_layer == N_LAYER


def test_values_of_each_type(tmp_path: Path) -> None:
    extra = [
        single("x.u8", 0, 200),
        single("x.i8", 1, -3),
        single("x.u16", 2, 40000),
        single("x.i16", 3, -30000),
        single("x.i32", 5, -(1 << 31)),
        single("x.u64", 10, (1 << 64) - 1),
        single("x.i64", 11, -(1 << 63)),
        single("x.f64", 12, 0.1),
        single("x.bool", BOOL, True),
        text("x.text", "寒い 🙂"),
        strings("x.texts", ["", "a", "你好"]),
        numbers("x.numbers", 3, [-1, 2]),
        numbers("x.bools", BOOL, [True, False]),
        strings("x.none", []),
    ]
    tiny = llama()
    tiny.entries += extra
    values = [value.data for value in read_header(tiny.write(tmp_path / "m.gguf")).metadata.values()][-len(extra) :]
    texts, some, bools, none = values[10:]
    assert values[:10] == [200, -3, 40000, -30000, -(1 << 31), (1 << 64) - 1, -(1 << 63), 0.1, True, "寒い 🙂"]
    assert isinstance(texts, Strings)
    assert isinstance(none, Strings)
    assert list(texts) == [texts[0], texts[1], texts[-1]] == [b"", b"a", "你好".encode()]
    assert list(texts[1:]) == [b"a", "你好".encode()]
    assert list(none) == []
    assert list(some) == [-1, 2]  # type: ignore[arg-type]
    assert list(bools) == [1, 0]  # type: ignore[arg-type]


def test_version_2_is_read_too(tmp_path: Path) -> None:
    tiny = llama()
    tiny.version = 2
    assert read_facts(tiny.write(tmp_path / "m.gguf")).n_embd == N_EMBD


STARTS = {
    "safetensors": (struct.pack("<Q", 900) + b'{"model.embed": {}}', "safetensors"),
    "zip": (b"PK\x03\x04" + bytes(100), "zip or PyTorch archive"),
    "pickle": (b"\x80\x02}q\x00.", "pickle"),
    "old": (b"tjgg" + bytes(100), "2023"),
    "html": (b"\n<!DOCTYPE html><html><body>404</body></html>", "web page"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "git-lfs pointer"),
    "text": (b"Hello, I am a poem\nand no model.\n", "text file"),
    "chinese": ("静夜思 床前明月光，疑是地上霜。".encode() * 40, "text file"),
    "latin": (b"caf\xe9 au lait, " * 50, "some other kind"),
    "zeros": (bytes(5000), "zeros"),
    "noise": (bytes(range(7, 256)), "some other kind"),
    "big-endian": (b"FUGG" + bytes(100), "big-endian"),
}


@pytest.mark.parametrize("kind", STARTS)
def test_what_is_no_gguf_is_named(kind: str, tmp_path: Path) -> None:
    start, words = STARTS[kind]
    path = tmp_path / "m.gguf"
    path.write_bytes(start)
    assert words in refusal(path)


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    assert "There is no file" in refusal(path)
    assert "folder" in refusal(tmp_path)
    path.write_bytes(b"")
    assert "empty" in refusal(path)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "not a regular file" in refusal(pipe)
    assert "cannot be read" in refusal(Path("a\0b"))
    assert "cannot be read" in refusal(tmp_path / ("x" * 300))
    assert "cannot be read" in refusal(path / "below")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path) -> None:
    path = llama().write(tmp_path / "m.gguf")
    path.chmod(stat.S_IWUSR)
    assert "may not be read" in refusal(path)


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    whole = llama().encode()
    path = tmp_path / "m.gguf"
    data_start = read_header(llama().write(path)).data_offset
    for length in [*range(1, data_start, 97), *range(data_start, len(whole), 4999)]:
        path.write_bytes(whole[:length])
        message = refusal(path)
        if length > 4:
            assert "cut short" in message, length
    path.write_bytes(whole[:-1000])
    assert "1,000 bytes missing" in refusal(path)


def test_bytes_after_the_data_do_not_matter(tmp_path: Path) -> None:
    tiny = llama()
    tiny.tail = b"x" * 100
    assert read_facts(tiny.write(tmp_path / "m.gguf")).n_embd == N_EMBD


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


N_TOKENS = len(sentencepiece_tokens()[0])

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


def test_tokens_wanted_around_each_text_must_exist(tmp_path: Path) -> None:
    tiny = qwen3()
    tiny.put(single("tokenizer.ggml.add_bos_token", BOOL, True))
    assert read_facts(tiny.write(tmp_path / "m.gguf")).add_bos
    tiny.put(text("tokenizer.ggml.model", "gemma4"))
    assert "bos token added" in refusal(tiny.write(tmp_path / "m.gguf"))


def test_ids_of_no_token_are_tolerated_where_llama_cpp_does(tmp_path: Path) -> None:
    tiny = llama()
    tiny.put(single("tokenizer.ggml.padding_token_id", U32, N_TOKENS))
    tiny.put(single("tokenizer.ggml.bos_token_id", U32, (1 << 32) - 1))
    assert read_facts(tiny.write(tmp_path / "m.gguf")).bos_text == "<s>"


def test_an_unknown_kind_of_model_is_a_model(tmp_path: Path) -> None:
    tiny = llama()
    tiny.put(text("general.type", "finetune"))
    assert read_facts(tiny.write(tmp_path / "m.gguf")).n_vocab == N_TOKENS


def test_a_hostile_text_does_not_reach_the_terminal(tmp_path: Path) -> None:
    tiny = llama()
    tiny.put(text("llama.rope.scaling.type", "\x1b]0;pwned\x07" + "x" * 5000))
    message = refusal(tiny.write(tmp_path / "m.gguf"))
    assert message.isprintable()
    assert len(message) < len(str(tmp_path)) + 300


def test_memory_does_not_grow_with_what_a_file_claims(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    tiny = llama()
    tiny.entries.insert(0, Entry(b"x", ARRAY, struct.pack("<IQ", U8, 1 << 31)))
    with path.open("wb") as file:
        file.write(tiny.encode())
        file.truncate(1 << 33)
    tracemalloc.start()
    try:
        assert "header is larger" in refusal(path)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_a_large_vocabulary_is_read_quickly(tmp_path: Path) -> None:
    n = 151_936
    names = [f"token{i}" for i in range(n)]
    tiny = qwen3()
    tiny.entries = [entry for entry in tiny.entries if entry.key not in {new.key for new in bpe_entries()}]
    tiny.entries += [
        text("tokenizer.ggml.model", "gpt2"),
        strings("tokenizer.ggml.tokens", names),
        numbers("tokenizer.ggml.token_type", I32, [1] * n),
        strings("tokenizer.ggml.merges", [f"{name[:2]} {name[2:]}" for name in names]),
        single("tokenizer.ggml.eos_token_id", U32, n - 1),
    ]
    embedding = tiny.tensor("token_embd.weight")
    embedding.shape, embedding.data = [N_EMBD, n], bytes(N_EMBD * n * 2)
    path = tiny.write(tmp_path / "m.gguf")
    times = []
    for _ in range(3):
        start = time.perf_counter()
        facts = read_facts(path)
        times.append(time.perf_counter() - start)
    assert (facts.n_vocab, facts.eos_text) == (n, names[-1])
    assert min(times) < 0.5


def test_strings_of_a_list_are_typed(tmp_path: Path) -> None:
    header = read_header(llama().write(tmp_path / "m.gguf"))
    value = header.metadata["tokenizer.ggml.tokens"]
    assert (value.type, value.item) == (ValueType.ARRAY, ValueType.STRING)
    assert string(header.strings("tokenizer.ggml.tokens")[1]) == string("<s>")  # type: ignore[index]
