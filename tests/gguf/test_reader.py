"""Good files are read whole; what is no model, is cut short or lies about its size is refused."""

from __future__ import annotations

import os
import stat
import struct
import time
import tracemalloc
from pathlib import Path

import pytest

from autoglm_lite.gguf import Strings, ValueType, read_facts, read_header
from tests.gguf.refusing import refusal
from tests.gguf.tiny import (
    ARRAY,
    BOOL,
    I32,
    MODELS,
    N_EMBD,
    N_LAYER,
    N_TOKENS,
    U8,
    U32,
    Entry,
    bpe_entries,
    llama,
    numbers,
    qwen3,
    single,
    string,
    strings,
    text,
)


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
        start = time.process_time()
        facts = read_facts(path)
        times.append(time.process_time() - start)
    assert (facts.n_vocab, facts.eos_text) == (n, names[-1])
    assert min(times) < 0.5


def test_strings_of_a_list_are_typed(tmp_path: Path) -> None:
    header = read_header(llama().write(tmp_path / "m.gguf"))
    value = header.metadata["tokenizer.ggml.tokens"]
    assert (value.type, value.item) == (ValueType.ARRAY, ValueType.STRING)
    assert string(header.strings("tokenizer.ggml.tokens")[1]) == string("<s>")  # type: ignore[index]
