"""Writes a GGUF of a real model's shape with random weights: speed and memory depend on the shape, not on the values.

    python benchmarks/make_model.py OUT.gguf [--shape 0.5b|1.5b|3b|7b] [--type Q4_K_M|Q8_0|Q4_0]

Qwen2.5's shapes; the default is 1.5b as Q4_K_M (the mixture of llama.cpp's src/llama-quant.cpp), about 1 GB.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFWriter, TokenType


@dataclass(frozen=True, slots=True)
class Shape:
    n_layer: int
    n_embd: int
    n_ff: int
    n_head: int
    n_head_kv: int
    n_vocab: int = 151936
    tied: bool = True
    n_ctx: int = 32768

    @property
    def n_kv(self) -> int:
        return self.n_embd // self.n_head * self.n_head_kv


SHAPES = {
    # Qwen2.5-0.5B is 896 wide, which K-quants cannot store.
    "0.5b": Shape(24, 1024, 4864, 16, 2),
    "1.5b": Shape(28, 1536, 8960, 12, 2),
    "3b": Shape(36, 2048, 11008, 16, 2),
    "7b": Shape(28, 3584, 18944, 28, 4, 152064, tied=False),
}
FILE_TYPES = {"Q4_K_M": 15, "Q8_0": 7, "Q4_0": 2}
BLOCKS = {Type.Q4_K: (256, 144), Type.Q6_K: (256, 210), Type.Q8_0: (32, 34), Type.Q4_0: (32, 18)}
"""Values and bytes of a block."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--shape", choices=SHAPES, default="1.5b")
    parser.add_argument("--type", choices=FILE_TYPES, default="Q4_K_M")
    args = parser.parse_args()
    write_model(args.out, SHAPES[args.shape], f"random-{args.shape}", args.type)
    print(f"{args.out}: {args.out.stat().st_size / 1e6:,.0f} MB", file=sys.stderr)


def write_model(out: Path, shape: Shape, name: str, file_type: str) -> None:
    writer = GGUFWriter(out, "qwen2")
    add_metadata(writer, shape, name, FILE_TYPES[file_type])
    written = list(tensors(shape, file_type))
    for name, size, kind in written:
        nbytes = size[0] * 4 if kind == Type.F32 else size[0] * size[1] // BLOCKS[kind][0] * BLOCKS[kind][1]
        writer.add_tensor_info(name, list(size), np.dtype(np.float32), nbytes, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    rng = np.random.default_rng(1)
    for _, size, kind in written:
        writer.write_tensor_data(random_tensor(rng, size, kind))
    writer.close()


def add_metadata(writer: GGUFWriter, shape: Shape, name: str, file_type: int) -> None:
    writer.add_name(name)
    writer.add_file_type(file_type)
    writer.add_block_count(shape.n_layer)
    writer.add_context_length(shape.n_ctx)
    writer.add_embedding_length(shape.n_embd)
    writer.add_feed_forward_length(shape.n_ff)
    writer.add_head_count(shape.n_head)
    writer.add_head_count_kv(shape.n_head_kv)
    writer.add_rope_freq_base(1e6)
    writer.add_layer_norm_rms_eps(1e-6)
    tokens = byte_tokens() + [f"w{i}" for i in range(shape.n_vocab - 257)] + ["<|endoftext|>"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.NORMAL] * (shape.n_vocab - 1) + [TokenType.CONTROL])
    # As many as a real vocabulary has, for the memory they take; none of them merges letters.
    writer.add_token_merges([f"w{i} w{i + 1}" for i in range(shape.n_vocab - 258)])
    writer.add_eos_token_id(shape.n_vocab - 1)
    writer.add_add_bos_token(False)


def byte_tokens() -> list[str]:
    """The 256 characters that byte-level BPE writes for bytes (GPT-2's table): a text is as many tokens as bytes."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [b for b in range(256) if b not in shown]
    table = {b: chr(b) for b in shown} | {b: chr(256 + i) for i, b in enumerate(hidden)}
    return [table[b] for b in range(256)]


def tensors(shape: Shape, file_type: str) -> Iterator[tuple[str, tuple[int, ...], Type]]:
    """Name, shape (rows, columns) and type of each tensor."""
    usual = {"Q4_K_M": Type.Q4_K, "Q8_0": Type.Q8_0, "Q4_0": Type.Q4_0}[file_type]
    better = Type.Q6_K if file_type == "Q4_K_M" else usual
    output = Type.Q8_0 if file_type == "Q8_0" else Type.Q6_K
    if not shape.tied:
        yield "output.weight", (shape.n_vocab, shape.n_embd), output
    yield "token_embd.weight", (shape.n_vocab, shape.n_embd), output if shape.tied else usual
    yield "output_norm.weight", (shape.n_embd,), Type.F32
    for i in range(shape.n_layer):
        more = better if use_more_bits(i, shape.n_layer) else usual
        yield f"blk.{i}.attn_norm.weight", (shape.n_embd,), Type.F32
        yield f"blk.{i}.ffn_norm.weight", (shape.n_embd,), Type.F32
        for name, rows in (("q", shape.n_embd), ("k", shape.n_kv), ("v", shape.n_kv)):
            yield f"blk.{i}.attn_{name}.weight", (rows, shape.n_embd), more if name == "v" else usual
            yield f"blk.{i}.attn_{name}.bias", (rows,), Type.F32
        yield f"blk.{i}.attn_output.weight", (shape.n_embd, shape.n_embd), usual
        yield f"blk.{i}.ffn_gate.weight", (shape.n_ff, shape.n_embd), usual
        yield f"blk.{i}.ffn_up.weight", (shape.n_ff, shape.n_embd), usual
        yield f"blk.{i}.ffn_down.weight", (shape.n_embd, shape.n_ff), more


def use_more_bits(layer: int, n_layer: int) -> bool:
    return layer < n_layer // 8 or layer >= 7 * n_layer // 8 or (layer - n_layer // 8) % 3 == 2


def random_tensor(rng: np.random.Generator, shape: tuple[int, ...], kind: Type) -> np.ndarray:
    """Random valid blocks of `kind`, with values around zero; rows by bytes of a row."""
    if kind == Type.F32:
        # Norms, and biases that nobody minds.
        return np.ones(shape, np.float32)
    rows, columns = shape
    n_values, n_bytes = BLOCKS[kind]
    block = rng.integers(0, 256, (rows * columns // n_values, n_bytes), np.uint8)
    scale = np.frombuffer(np.float16(1e-4).tobytes(), np.uint8)
    if kind == Type.Q6_K:
        # 128 + 64 bytes of values, 16 signed scales, d.
        block[:, 208:210] = scale
    else:
        block[:, 0:2] = scale
    if kind == Type.Q4_K:
        # d, dmin, 12 bytes of 6-bit scales and minima, 128 bytes of nibbles. Nibbles average 7.5.
        block[:, 2:4] = np.frombuffer(np.float16(7.5e-4).tobytes(), np.uint8)
    return block.reshape(rows, -1)


if __name__ == "__main__":
    main()
