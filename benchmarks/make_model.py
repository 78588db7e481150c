"""Writes a GGUF of a real model's shape with random weights: speed and memory depend on the shape, not on the values.

    python benchmarks/make_model.py OUT.gguf

Qwen2.5-1.5B's shape as Q4_K_M (the mixture of llama.cpp's src/llama-quant.cpp), about 1 GB.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFWriter, TokenType

N_LAYER, N_EMBD, N_FF, N_HEAD, N_HEAD_KV, N_VOCAB, N_CTX = 28, 1536, 8960, 12, 2, 151936, 32768
BLOCK_VALUES = 256
Q4_K_M_FILE_TYPE = 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    out: Path = parser.parse_args().out
    writer = GGUFWriter(out, "qwen2")
    add_metadata(writer)
    rng = np.random.default_rng(1)
    for name, shape, kind in tensors():
        data = random_tensor(rng, shape, kind)
        writer.add_tensor(name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    print(f"{out}: {out.stat().st_size / 1e6:,.0f} MB", file=sys.stderr)


def add_metadata(writer: GGUFWriter) -> None:
    writer.add_name("random-1.5b")
    writer.add_file_type(Q4_K_M_FILE_TYPE)
    writer.add_block_count(N_LAYER)
    writer.add_context_length(N_CTX)
    writer.add_embedding_length(N_EMBD)
    writer.add_feed_forward_length(N_FF)
    writer.add_head_count(N_HEAD)
    writer.add_head_count_kv(N_HEAD_KV)
    writer.add_rope_freq_base(1e6)
    writer.add_layer_norm_rms_eps(1e-6)
    tokens = byte_tokens() + [f"w{i}" for i in range(N_VOCAB - 257)] + ["<|endoftext|>"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.NORMAL] * (N_VOCAB - 1) + [TokenType.CONTROL])
    writer.add_token_merges(["w 0"])
    writer.add_eos_token_id(N_VOCAB - 1)
    writer.add_add_bos_token(False)


def byte_tokens() -> list[str]:
    """The 256 characters that byte-level BPE writes for bytes (GPT-2's table): a text is as many tokens as bytes."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [b for b in range(256) if b not in shown]
    table = {b: chr(b) for b in shown} | {b: chr(256 + i) for i, b in enumerate(hidden)}
    return [table[b] for b in range(256)]


def tensors() -> Iterator[tuple[str, tuple[int, ...], Type]]:
    """Name, shape (rows, columns) and type of each tensor."""
    n_kv = N_EMBD // N_HEAD * N_HEAD_KV
    yield "token_embd.weight", (N_VOCAB, N_EMBD), Type.Q6_K
    yield "output_norm.weight", (N_EMBD,), Type.F32
    for i in range(N_LAYER):
        more = Type.Q6_K if use_more_bits(i) else Type.Q4_K
        yield f"blk.{i}.attn_norm.weight", (N_EMBD,), Type.F32
        yield f"blk.{i}.ffn_norm.weight", (N_EMBD,), Type.F32
        for name, rows in (("q", N_EMBD), ("k", n_kv), ("v", n_kv)):
            yield f"blk.{i}.attn_{name}.weight", (rows, N_EMBD), more if name == "v" else Type.Q4_K
            yield f"blk.{i}.attn_{name}.bias", (rows,), Type.F32
        yield f"blk.{i}.attn_output.weight", (N_EMBD, N_EMBD), Type.Q4_K
        yield f"blk.{i}.ffn_gate.weight", (N_FF, N_EMBD), Type.Q4_K
        yield f"blk.{i}.ffn_up.weight", (N_FF, N_EMBD), Type.Q4_K
        yield f"blk.{i}.ffn_down.weight", (N_EMBD, N_FF), more


def use_more_bits(layer: int) -> bool:
    return layer < N_LAYER // 8 or layer >= 7 * N_LAYER // 8 or (layer - N_LAYER // 8) % 3 == 2


def random_tensor(rng: np.random.Generator, shape: tuple[int, ...], kind: Type) -> np.ndarray:
    """Random valid blocks of `kind`, with values around zero; rows by bytes of a row."""
    if kind == Type.F32:
        return np.ones(shape, np.float32) if shape == (N_EMBD,) else np.zeros(shape, np.float32)
    rows, columns = shape
    n_blocks = rows * columns // BLOCK_VALUES
    scale = np.float16(1e-4)
    if kind == Type.Q4_K:
        # d, dmin, 12 bytes of 6-bit scales and minima, 128 bytes of nibbles. Nibbles average 7.5.
        block = rng.integers(0, 256, (n_blocks, 144), np.uint8)
        block[:, 0:2] = np.frombuffer(scale.tobytes(), np.uint8)
        block[:, 2:4] = np.frombuffer(np.float16(7.5e-4).tobytes(), np.uint8)
    else:
        # Q6_K: 128 + 64 bytes of values, 16 signed scales, d.
        block = rng.integers(0, 256, (n_blocks, 210), np.uint8)
        block[:, 208:210] = np.frombuffer(scale.tobytes(), np.uint8)
    return block.reshape(rows, -1)


if __name__ == "__main__":
    main()
