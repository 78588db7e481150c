"""Tiny GGUF models with random weights that llama.cpp runs, written field by field so that any of them can be wrong."""

from __future__ import annotations

import random
import struct
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
TYPE_F32, TYPE_F16, TYPE_Q4_0, TYPE_Q8_0 = 0, 1, 2, 8

_FORMATS = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "?", U64: "Q", I64: "q", F64: "d"}


def string(text: str | bytes) -> bytes:
    raw = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(raw)) + raw


@dataclass
class Entry:
    """A key and its value; `raw` is what follows the type."""

    key: bytes
    type: int
    raw: bytes

    def encode(self) -> bytes:
        return string(self.key) + struct.pack("<I", self.type) + self.raw


def single(key: str, type_: int, value: float) -> Entry:
    return Entry(key.encode(), type_, struct.pack("<" + _FORMATS[type_], value))


def text(key: str, value: str | bytes) -> Entry:
    return Entry(key.encode(), STRING, string(value))


def strings(key: str, values: Iterable[str | bytes]) -> Entry:
    items = [string(value) for value in values]
    return Entry(key.encode(), ARRAY, struct.pack("<IQ", STRING, len(items)) + b"".join(items))


def numbers(key: str, type_: int, values: Iterable[float]) -> Entry:
    items = list(values)
    return Entry(
        key.encode(),
        ARRAY,
        struct.pack("<IQ", type_, len(items)) + struct.pack(f"<{len(items)}{_FORMATS[type_]}", *items),
    )


@dataclass
class Tensor:
    name: bytes
    shape: list[int]
    type: int
    data: bytes
    offset: int | None = None
    """None: where it belongs."""


@dataclass
class Tiny:
    """A GGUF in parts. `n_keys` and `n_tensors` are what the header claims, by default the truth."""

    entries: list[Entry]
    tensors: list[Tensor]
    version: int = 3
    magic: bytes = b"GGUF"
    n_keys: int | None = None
    n_tensors: int | None = None
    alignment: int = 32
    tail: bytes = field(default=b"")

    def entry(self, key: str) -> Entry:
        return next(entry for entry in self.entries if entry.key == key.encode())

    def put(self, new: Entry) -> None:
        """Replaces the entry of that key, or adds it."""
        for i, entry in enumerate(self.entries):
            if entry.key == new.key:
                self.entries[i] = new
                return
        self.entries.append(new)

    def drop(self, key: str) -> None:
        self.entries = [entry for entry in self.entries if entry.key != key.encode()]

    def tensor(self, name: str) -> Tensor:
        return next(tensor for tensor in self.tensors if tensor.name == name.encode())

    def encode(self) -> bytes:
        n_keys = len(self.entries) if self.n_keys is None else self.n_keys
        n_tensors = len(self.tensors) if self.n_tensors is None else self.n_tensors
        out = bytearray(self.magic + struct.pack("<IQQ", self.version, n_tensors, n_keys))
        for entry in self.entries:
            out += entry.encode()
        place = 0
        for tensor in self.tensors:
            offset = place if tensor.offset is None else tensor.offset
            out += string(tensor.name) + struct.pack("<I", len(tensor.shape))
            out += struct.pack(f"<{len(tensor.shape)}Q", *tensor.shape)
            out += struct.pack("<IQ", tensor.type, offset)
            place += self._padded(len(tensor.data))
        out += bytes(self._padded(len(out)) - len(out))
        for tensor in self.tensors:
            out += tensor.data + bytes(self._padded(len(tensor.data)) - len(tensor.data))
        return bytes(out + self.tail)

    def write(self, path: Path) -> Path:
        path.write_bytes(self.encode())
        return path

    def _padded(self, n: int) -> int:
        return -(-n // self.alignment) * self.alignment


class Weights:
    def __init__(self) -> None:
        self._random = random.Random(0)
        self.tensors: list[Tensor] = []

    def vector(self, name: str, n: int, value: float = 1.0) -> None:
        self.tensors.append(Tensor(name.encode(), [n], TYPE_F32, array("f", [value] * n).tobytes()))

    def matrix(self, name: str, *shape: int, type_: int = TYPE_F16) -> None:
        n = 1
        for extent in shape:
            n *= extent
        if type_ == TYPE_Q8_0:
            blocks = [b"\x00\x20" + self._random.randbytes(32) for _ in range(n // 32)]
            data = b"".join(blocks)
        else:
            values = [self._random.uniform(-0.3, 0.3) for _ in range(n)]
            data = struct.pack(f"<{n}{'e' if type_ == TYPE_F16 else 'f'}", *values)
        self.tensors.append(Tensor(name.encode(), list(shape), type_, data))


N_EMBD, N_FF, N_HEAD, N_HEAD_KV, N_LAYER, N_CTX = 64, 96, 4, 2, 2, 128
HEAD = N_EMBD // N_HEAD


def sentencepiece_tokens() -> tuple[list[bytes], list[float], list[int]]:
    """Texts, scores and types of a small vocabulary with all byte tokens."""
    tokens = [b"<unk>", b"<s>", b"</s>"] + [b"<0x%02X>" % byte for byte in range(256)]
    types = [2, 3, 3] + [6] * 256
    for piece in ("▁", "a", "e", "t", "▁the", "he", "▁a", "s", "o", "▁Once", "你", "好"):
        tokens.append(piece.encode())
        types.append(1)
    return tokens, [-float(i) for i in range(len(tokens))], types


N_TOKENS = len(sentencepiece_tokens()[0])


def sentencepiece_entries() -> list[Entry]:
    tokens, scores, types = sentencepiece_tokens()
    return [
        text("tokenizer.ggml.model", "llama"),
        strings("tokenizer.ggml.tokens", tokens),
        numbers("tokenizer.ggml.scores", F32, scores),
        numbers("tokenizer.ggml.token_type", I32, types),
        single("tokenizer.ggml.bos_token_id", U32, 1),
        single("tokenizer.ggml.eos_token_id", U32, 2),
        single("tokenizer.ggml.unknown_token_id", U32, 0),
        single("tokenizer.ggml.add_bos_token", BOOL, True),
        single("tokenizer.ggml.add_space_prefix", BOOL, True),
    ]


def byte_letters() -> list[str]:
    """The letters that byte-level BPE writes for the bytes 0 to 255 (GPT-2)."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in shown}
    hidden = [byte for byte in range(256) if byte not in letters]
    letters.update({byte: chr(256 + i) for i, byte in enumerate(hidden)})
    return [letters[byte] for byte in range(256)]


def bpe_entries() -> list[Entry]:
    merges = ["t h", "th e", "Ġ the", "Ġ a", "o n"]
    tokens = byte_letters() + [merge.replace(" ", "") for merge in merges]
    tokens += ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    eos = len(tokens) - 1
    return [
        text("tokenizer.ggml.model", "gpt2"),
        text("tokenizer.ggml.pre", "qwen2"),
        strings("tokenizer.ggml.tokens", tokens),
        numbers("tokenizer.ggml.token_type", I32, [1] * (len(tokens) - 3) + [3] * 3),
        strings("tokenizer.ggml.merges", merges),
        single("tokenizer.ggml.eos_token_id", U32, eos),
        single("tokenizer.ggml.padding_token_id", U32, eos - 2),
        single("tokenizer.ggml.add_bos_token", BOOL, False),
        text("tokenizer.chat_template", "{% for m in messages %}{{ m['content'] }}{% endfor %}"),
    ]


def basic_entries(arch: str) -> list[Entry]:
    """What every kind of model says of itself."""
    return [
        text("general.architecture", arch),
        text("general.type", "model"),
        text("general.name", f"Tiny {arch}"),
        single("general.file_type", U32, 1),
        single(f"{arch}.context_length", U32, N_CTX),
        single(f"{arch}.embedding_length", U32, N_EMBD),
        single(f"{arch}.block_count", U32, N_LAYER),
        single(f"{arch}.feed_forward_length", U32, N_FF),
        single(f"{arch}.attention.head_count", U32, N_HEAD),
    ]


def _shape_entries(arch: str) -> list[Entry]:
    return [
        *basic_entries(arch),
        single(f"{arch}.attention.head_count_kv", U32, N_HEAD_KV),
        single(f"{arch}.attention.layer_norm_rms_epsilon", F32, 1e-5),
        single(f"{arch}.rope.freq_base", F32, 10000.0),
    ]


def _attention(weights: Weights, block: str, type_: int = TYPE_F16) -> None:
    weights.vector(block + "attn_norm.weight", N_EMBD)
    weights.matrix(block + "attn_q.weight", N_EMBD, N_EMBD, type_=type_)
    weights.matrix(block + "attn_k.weight", N_EMBD, HEAD * N_HEAD_KV, type_=type_)
    weights.matrix(block + "attn_v.weight", N_EMBD, HEAD * N_HEAD_KV, type_=type_)
    weights.matrix(block + "attn_output.weight", N_EMBD, N_EMBD, type_=type_)


def _feed_forward(weights: Weights, block: str) -> None:
    weights.vector(block + "ffn_norm.weight", N_EMBD)
    weights.matrix(block + "ffn_gate.weight", N_EMBD, N_FF)
    weights.matrix(block + "ffn_up.weight", N_EMBD, N_FF)
    weights.matrix(block + "ffn_down.weight", N_FF, N_EMBD)


def llama() -> Tiny:
    """Llama with SentencePiece, attention in Q8_0, an output matrix of its own."""
    rope = single("llama.rope.dimension_count", U32, HEAD)
    entries = [*_shape_entries("llama"), rope, *sentencepiece_entries()]
    weights = Weights()
    n_vocab = len(sentencepiece_tokens()[0])
    weights.matrix("token_embd.weight", N_EMBD, n_vocab)
    for layer in range(N_LAYER):
        _attention(weights, f"blk.{layer}.", TYPE_Q8_0)
        _feed_forward(weights, f"blk.{layer}.")
    weights.vector("output_norm.weight", N_EMBD)
    weights.matrix("output.weight", N_EMBD, n_vocab)
    return Tiny(entries, weights.tensors)


def qwen3() -> Tiny:
    """Qwen 3 with byte-level BPE, tied embeddings, norms on queries and keys."""
    entries = _shape_entries("qwen3") + bpe_entries()
    entries += [single(f"qwen3.attention.{name}_length", U32, HEAD) for name in ("key", "value")]
    weights = Weights()
    weights.matrix("token_embd.weight", N_EMBD, 256 + 8)
    for layer in range(N_LAYER):
        block = f"blk.{layer}."
        _attention(weights, block)
        weights.vector(block + "attn_q_norm.weight", HEAD)
        weights.vector(block + "attn_k_norm.weight", HEAD)
        _feed_forward(weights, block)
    weights.vector("output_norm.weight", N_EMBD)
    return Tiny(entries, weights.tensors)


def mixtral() -> Tiny:
    """Llama with experts."""
    entries = _shape_entries("llama") + sentencepiece_entries()
    entries += [single("llama.expert_count", U32, 4), single("llama.expert_used_count", U32, 2)]
    weights = Weights()
    weights.matrix("token_embd.weight", N_EMBD, len(sentencepiece_tokens()[0]))
    for layer in range(N_LAYER):
        block = f"blk.{layer}."
        _attention(weights, block)
        weights.vector(block + "ffn_norm.weight", N_EMBD)
        weights.matrix(block + "ffn_gate_inp.weight", N_EMBD, 4, type_=TYPE_F32)
        weights.matrix(block + "ffn_gate_exps.weight", N_EMBD, N_FF, 4)
        weights.matrix(block + "ffn_down_exps.weight", N_FF, N_EMBD, 4)
        weights.matrix(block + "ffn_up_exps.weight", N_EMBD, N_FF, 4)
    weights.vector("output_norm.weight", N_EMBD)
    return Tiny(entries, weights.tensors)


def gemma3() -> Tiny:
    """Gemma 3: a sliding window, heads wider than their share, norms after each part."""
    entries = _shape_entries("gemma3") + sentencepiece_entries()
    entries += [single(f"gemma3.attention.{name}_length", U32, HEAD) for name in ("key", "value")]
    entries += [single("gemma3.attention.sliding_window", U32, 32)]
    weights = Weights()
    weights.matrix("token_embd.weight", N_EMBD, len(sentencepiece_tokens()[0]))
    for layer in range(N_LAYER):
        block = f"blk.{layer}."
        _attention(weights, block)
        weights.vector(block + "attn_q_norm.weight", HEAD)
        weights.vector(block + "attn_k_norm.weight", HEAD)
        weights.vector(block + "post_attention_norm.weight", N_EMBD)
        _feed_forward(weights, block)
        weights.vector(block + "post_ffw_norm.weight", N_EMBD)
    weights.vector("output_norm.weight", N_EMBD)
    return Tiny(entries, weights.tensors)


def glm4() -> Tiny:
    """GLM-4-0414: the two halves of the feed-forward part in one matrix, a partial rotary embedding."""
    entries = [*_shape_entries("glm4"), single("glm4.rope.dimension_count", U32, HEAD // 2), *bpe_entries()]
    weights = Weights()
    weights.matrix("token_embd.weight", N_EMBD, 256 + 8)
    for layer in range(N_LAYER):
        block = f"blk.{layer}."
        _attention(weights, block)
        weights.vector(block + "attn_q.bias", N_EMBD, 0.0)
        weights.vector(block + "post_attention_norm.weight", N_EMBD)
        weights.vector(block + "ffn_norm.weight", N_EMBD)
        weights.matrix(block + "ffn_up.weight", N_EMBD, 2 * N_FF)
        weights.matrix(block + "ffn_down.weight", N_FF, N_EMBD)
        weights.vector(block + "post_ffw_norm.weight", N_EMBD)
    weights.vector("output_norm.weight", N_EMBD)
    weights.matrix("output.weight", N_EMBD, 256 + 8)
    return Tiny(entries, weights.tensors)


def phi3() -> Tiny:
    """Phi 3: queries, keys and values in one matrix, a window that llama.cpp leaves alone."""
    entries = [*_shape_entries("phi3"), single("phi3.rope.dimension_count", U32, HEAD), *sentencepiece_entries()]
    entries += [single("phi3.attention.sliding_window", U32, 64), text("general.name", "Tiny Phi")]
    entries = list({entry.key: entry for entry in entries}.values())
    weights = Weights()
    weights.matrix("token_embd.weight", N_EMBD, len(sentencepiece_tokens()[0]))
    for layer in range(N_LAYER):
        block = f"blk.{layer}."
        weights.vector(block + "attn_norm.weight", N_EMBD)
        weights.matrix(block + "attn_qkv.weight", N_EMBD, N_EMBD + 2 * HEAD * N_HEAD_KV)
        weights.matrix(block + "attn_output.weight", N_EMBD, N_EMBD)
        weights.vector(block + "ffn_norm.weight", N_EMBD)
        weights.matrix(block + "ffn_up.weight", N_EMBD, 2 * N_FF)
        weights.matrix(block + "ffn_down.weight", N_FF, N_EMBD)
    weights.vector("output_norm.weight", N_EMBD)
    weights.matrix("output.weight", N_EMBD, len(sentencepiece_tokens()[0]))
    return Tiny(entries, weights.tensors)


MODELS: dict[str, Callable[[], Tiny]] = {
    "llama": llama,
    "qwen3": qwen3,
    "mixtral": mixtral,
    "gemma3": gemma3,
    "glm4": glm4,
    "phi3": phi3,
}
