"""Writes a Hugging Face checkpoint of a real model's shape with random BF16 weights, in shards: to measure conversion.

    python benchmarks/make_checkpoint.py qwen2.5-1.5b|glm-4-9b FOLDER

The tokenizer is the small one of the test checkpoints, its vocabulary filled up to the real one's size.
"""

from __future__ import annotations

import argparse
import json
import shutil
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CHECKPOINTS = Path(__file__).parents[1] / "tests" / "data" / "checkpoints"
SHARD_BYTES = 2_000_000_000
SEED = 1


@dataclass(frozen=True, slots=True)
class Shape:
    """A model's sizes under the names of its config.json, its layers' tensors, and those outside of layers."""

    like: str
    """The test checkpoint whose other files are taken."""
    sizes: dict[str, int]
    n_layer: int
    layer: str
    """What comes before a layer's number in the names of its tensors."""
    inner: dict[str, tuple[int, ...]]
    outer: dict[str, tuple[int, ...]]


SHAPES = {
    "qwen2.5-1.5b": Shape(
        "Qwen2.5-1.5B-Instruct",
        {
            "hidden_size": 1536,
            "intermediate_size": 8960,
            "num_attention_heads": 12,
            "num_key_value_heads": 2,
            "num_hidden_layers": 28,
            "max_window_layers": 28,
            "vocab_size": 151936,
        },
        28,
        "model.layers.",
        {
            "input_layernorm.weight": (1536,),
            "post_attention_layernorm.weight": (1536,),
            "self_attn.q_proj.weight": (1536, 1536),
            "self_attn.q_proj.bias": (1536,),
            "self_attn.k_proj.weight": (256, 1536),
            "self_attn.k_proj.bias": (256,),
            "self_attn.v_proj.weight": (256, 1536),
            "self_attn.v_proj.bias": (256,),
            "self_attn.o_proj.weight": (1536, 1536),
            "mlp.gate_proj.weight": (8960, 1536),
            "mlp.up_proj.weight": (8960, 1536),
            "mlp.down_proj.weight": (1536, 8960),
        },
        {"model.embed_tokens.weight": (151936, 1536), "model.norm.weight": (1536,)},
    ),
    "glm-4-9b": Shape(
        "glm-4-9b-chat",
        {
            "hidden_size": 4096,
            "ffn_hidden_size": 13696,
            "kv_channels": 128,
            "multi_query_group_num": 2,
            "num_attention_heads": 32,
            "num_hidden_layers": 40,
            "num_layers": 40,
            "padded_vocab_size": 151552,
        },
        40,
        "transformer.encoder.layers.",
        {
            "input_layernorm.weight": (4096,),
            "post_attention_layernorm.weight": (4096,),
            "self_attention.query_key_value.weight": (4608, 4096),
            "self_attention.query_key_value.bias": (4608,),
            "self_attention.dense.weight": (4096, 4096),
            "mlp.dense_h_to_4h.weight": (27392, 4096),
            "mlp.dense_4h_to_h.weight": (4096, 13696),
        },
        {
            "transformer.embedding.word_embeddings.weight": (151552, 4096),
            "transformer.encoder.final_layernorm.weight": (4096,),
            "transformer.output_layer.weight": (151552, 4096),
            "transformer.rotary_pos_emb.inv_freq": (32,),
        },
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    make(SHAPES[args.shape], args.folder)


def make(shape: Shape, folder: Path) -> None:
    """Writes the checkpoint into `folder`."""
    like = CHECKPOINTS / shape.like
    folder.mkdir(parents=True, exist_ok=True)
    for path in like.iterdir():
        if not path.name.startswith(("expected", "tensors")):
            shutil.copyfile(path, folder / path.name)
    config = json.loads((like / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, **shape.sizes}), encoding="utf-8")
    tensors = {f"{shape.layer}{i}.{name}": size for i in range(shape.n_layer) for name, size in shape.inner.items()}
    shards = split({**shape.outer, **tensors})
    # One block of numbers is enough: quantisers look at rows, and rows begin at different places of it.
    block = random_bf16(np.random.default_rng(SEED), 32 << 20)
    index = {}
    for number, shard in enumerate(shards, 1):
        name = f"model-{number:05}-of-{len(shards):05}.safetensors"
        write_shard(folder / name, shard, block)
        index.update(dict.fromkeys(shard, name))
        print(f"{folder / name}: {len(shard)} tensors", file=sys.stderr)
    text = json.dumps({"metadata": {}, "weight_map": index})
    (folder / "model.safetensors.index.json").write_text(text, encoding="utf-8")


def split(tensors: dict[str, tuple[int, ...]]) -> list[dict[str, tuple[int, ...]]]:
    """The tensors in shards of about SHARD_BYTES."""
    shards: list[dict[str, tuple[int, ...]]] = [{}]
    size = 0
    for name, shape in tensors.items():
        nbytes = 2 * int(np.prod(shape))
        if size and size + nbytes > SHARD_BYTES:
            shards.append({})
            size = 0
        shards[-1][name] = shape
        size += nbytes
    return shards


def random_bf16(rng: np.random.Generator, count: int) -> bytes:
    """`count` normal numbers of a trained model's size."""
    values = rng.standard_normal(count, dtype=np.float32) * np.float32(0.02)
    bits = (values.view(np.uint32) >> 16).astype("<u2")
    return bytes(bits.data)


def write_shard(path: Path, tensors: dict[str, tuple[int, ...]], block: bytes) -> None:
    """One safetensors file."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, shape in tensors.items():
        end = offset + 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for place, shape in enumerate(tensors.values()):
            left, start = 2 * int(np.prod(shape)), place * 6151 * 2 % len(block)
            while left:
                piece = block[start : start + left]
                file.write(piece)
                left -= len(piece)
                start = 0


if __name__ == "__main__":
    main()
