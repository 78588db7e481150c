"""Small checkpoints made on the spot, the same bytes every time, without PyTorch."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from shutil import copyfile
from typing import Any

import numpy as np
import numpy.typing as npt

STORIES = Path(__file__).parent.parent / "data" / "stories260K"

LLAMA3_REGEX = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2_REGEX = LLAMA3_REGEX.replace(r"\p{N}{1,3}", r"\p{N}")
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

Tensors = dict[str, tuple[str, tuple[int, ...], bytes]]
"""Name to number format, shape and bytes."""


def weights(shape: tuple[int, ...], seed: int) -> npt.NDArray[np.float32]:
    """Numbers between -0.05 and 0.05 that look random and depend on nothing but the arguments."""
    count = np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64)
    mixed = (count * np.uint64(2654435761) + np.uint64(seed * 7919)) & np.uint64(0xFFFFFFFF)
    mixed = ((mixed ^ (mixed >> np.uint64(15))) * np.uint64(2246822519)) & np.uint64(0xFFFFFFFF)
    values: npt.NDArray[np.float32] = ((mixed / 2.0**32 - 0.5) * 0.1).astype(np.float32).reshape(shape)
    return values


def pack(values: npt.NDArray[np.float32], dtype: str) -> tuple[str, tuple[int, ...], bytes]:
    """`values` as a safetensors entry of F32, F16 or BF16 (cut off, not rounded)."""
    if dtype == "BF16":
        return dtype, values.shape, (values.view(np.uint32) >> 16).astype("<u2").tobytes()
    return dtype, values.shape, values.astype({"F32": "<f4", "F16": "<f2"}[dtype]).tobytes()


def write_safetensors(path: Path, tensors: Tensors) -> None:
    """Writes a safetensors file as the library does: header padded to 8 bytes, data without gaps."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data for _, _, data in tensors.values()))


def llama_tensors(config: Mapping[str, Any], dtype: str) -> Tensors:
    """Every tensor that a Llama of this config has; norms near one."""
    width, ff = config["hidden_size"], config["intermediate_size"]
    head_dim = config.get("head_dim") or width // config["num_attention_heads"]
    q, kv = config["num_attention_heads"] * head_dim, config["num_key_value_heads"] * head_dim
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (config["vocab_size"], width)}
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        attention = {"q_proj": (q, width), "k_proj": (kv, width), "v_proj": (kv, width), "o_proj": (width, q)}
        mlp = {"gate_proj": (ff, width), "up_proj": (ff, width), "down_proj": (width, ff)}
        for block, parts, biased in (("self_attn", attention, "attention_bias"), ("mlp", mlp, "mlp_bias")):
            for name, shape in parts.items():
                shapes[f"{prefix}{block}.{name}.weight"] = shape
                if config.get(biased):
                    shapes[f"{prefix}{block}.{name}.bias"] = shape[:1]
        shapes[f"{prefix}input_layernorm.weight"] = shapes[f"{prefix}post_attention_layernorm.weight"] = (width,)
    shapes["model.norm.weight"] = (width,)
    if not config.get("tie_word_embeddings"):
        shapes["lm_head.weight"] = (config["vocab_size"], width)
    return {
        name: pack(weights(shape, seed) + np.float32("norm" in name), dtype)
        for seed, (name, shape) in enumerate(shapes.items())
    }


def llama_config(**changes: Any) -> dict[str, Any]:
    """A config.json of a very small Llama."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "vocab_size": 300,
        "max_position_embeddings": 256,
        "rms_norm_eps": 1e-6,
        "rope_theta": 500000.0,
        "tie_word_embeddings": False,
        **changes,
    }


def byte_letters() -> list[str]:
    """The letter by which byte-level BPE writes each byte."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    odd = iter(range(256, 512))
    return [chr(byte) if byte in plain else chr(next(odd)) for byte in range(256)]


def bpe(pre_tokenizer: Any, specials: Iterable[str], **model: Any) -> dict[str, Any]:
    """A tokenizer.json with every byte, a few merges, and special tokens after them."""
    letters = byte_letters()
    merges = [("t", "h"), ("th", "e"), ("\u0120", "the"), ("i", "n"), ("\u0120", "a"), ("e", "r")]
    vocabulary = {text: number for number, text in enumerate([*letters, *("".join(pair) for pair in merges)])}
    added = [
        {"id": len(vocabulary) + place, "content": text, "special": True, "normalized": False}
        | {"single_word": False, "lstrip": False, "rstrip": False}
        for place, text in enumerate(specials)
    ]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True},
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocabulary,
            "merges": [" ".join(pair) for pair in merges],
            **model,
        },
    }


def split_then_bytes(regex: str) -> dict[str, Any]:
    """The pre-tokenizer of Llama 3 and Qwen 2, which differ in the regular expression."""
    split = {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    return {"type": "Sequence", "pretokenizers": [split, level]}


def write_json(path: Path, value: object) -> None:
    """Writes `value` as UTF-8 JSON."""
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")


def make_llama3(folder: Path) -> None:
    """Like Llama 3.1: two BF16 shards, scaled RoPE, BOS by template, several EOS, a model card, sampling values."""
    scaling = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
    scaling["original_max_position_embeddings"] = 8192
    config = llama_config(head_dim=32, rope_scaling=scaling, bos_token_id=262, eos_token_id=[263, 264])
    write_json(folder / "config.json", config)
    tensors = llama_tensors(config, "BF16")
    names = list(tensors)
    shards = {f"model-0000{part + 1}-of-00002.safetensors": names[part::2] for part in range(2)}
    for shard, held in shards.items():
        write_safetensors(folder / shard, {name: tensors[name] for name in held})
    weight_map = {name: shard for shard, held in shards.items() for name in held}
    write_json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": weight_map})
    specials = ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"]
    tokenizer = bpe(split_then_bytes(LLAMA3_REGEX), specials, ignore_merges=True)
    bos, eos, second = (
        {"SpecialToken": {"id": specials[0], "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
        {"Sequence": {"id": "B", "type_id": 1}},
    )
    template = {"type": "TemplateProcessing", "single": [bos, eos], "pair": [bos, eos, bos, second]}
    template["special_tokens"] = {specials[0]: {"id": specials[0], "ids": [262], "tokens": [specials[0]]}}  # type: ignore[assignment]
    tokenizer["post_processor"] = {"type": "Sequence", "processors": [tokenizer["post_processor"], template]}
    write_json(folder / "tokenizer.json", tokenizer)
    named = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": specials[0], "eos_token": specials[2]}
    write_json(folder / "tokenizer_config.json", {**named, "chat_template": CHATML, "model_max_length": 256})
    write_json(folder / "generation_config.json", {"temperature": 0.6, "top_p": 0.9, "top_k": 40, "do_sample": True})
    card = "license: llama3.1\nlanguage:\n- en\n- no\ntags:\n- test\npipeline_tag: text-generation\nversion: v1.2\n"
    card += "base_model: some-org/Some-Model-8B-Instruct\ndatasets:\n- some-org/some-data\n"
    (folder / "README.md").write_text(f"---\n{card}---\n# A model\n", encoding="utf-8")


def make_qwen(folder: Path) -> None:
    """Like the starter: Qwen's splitting, ChatML in its own file, tied, F16, with every bias and linear scaling."""
    scaling = {"type": "linear", "factor": 2.0}
    config = llama_config(tie_word_embeddings=True, attention_bias=True, mlp_bias=True, rope_scaling=scaling)
    config |= {"bos_token_id": 262, "eos_token_id": 264, "intermediate_size": 80, "_name_or_path": "org/Tiny-0.1M-Chat"}
    write_json(folder / "config.json", config)
    write_safetensors(folder / "model.safetensors", llama_tensors(config, "F16"))
    tokenizer = bpe(split_then_bytes(QWEN2_REGEX), ["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    tokenizer["normalizer"] = {"type": "NFC"}
    tokenizer["model"]["merges"] = [merge.split(" ") for merge in tokenizer["model"]["merges"]]
    tool = {"id": 265, "content": "<tool_call>", "special": False, "normalized": False}
    tokenizer["added_tokens"].append(tool | {"single_word": False, "lstrip": False, "rstrip": False})
    write_json(folder / "tokenizer.json", tokenizer)
    named = {"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    named |= {"bos_token": None, "add_prefix_space": False, "add_bos_token": False}  # type: ignore[dict-item]
    write_json(folder / "tokenizer_config.json", named)
    (folder / "chat_template.jinja").write_text(CHATML, encoding="utf-8")
    write_json(folder / "generation_config.json", {"repetition_penalty": 1.05, "temperature": 0.7, "top_k": 20})


def make_sentencepiece(folder: Path) -> None:
    """A SentencePiece vocabulary with tokens added in both files and unused ones, YaRN, transformers 5's config."""
    rope = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 128}
    config = llama_config(vocab_size=520, rope_parameters={**rope, "beta_fast": 32.0, "beta_slow": 1.0})
    config |= {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    del config["rope_theta"]
    write_json(folder / "config.json", config)
    write_safetensors(folder / "model.safetensors", llama_tensors(config, "F32"))
    copyfile(STORIES / "tokenizer.model", folder / "tokenizer.model")
    write_json(folder / "added_tokens.json", {"<tool>": 512, "<pad>": 513})
    added = {"0": ("<unk>", True), "1": ("<s>", True), "2": ("</s>", True)}
    added |= {"513": ("<pad>", False), "514": ("a\u2581b", False), "515": ("<|user|>", True)}
    decoder = {number: {"content": text, "special": special} for number, (text, special) in added.items()}
    templates = [{"name": "default", "template": CHATML}, {"name": "tool use", "template": "{{ tools }}"}]
    declared = {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": {"content": "</s>"}}
    declared |= {"add_bos_token": True, "add_eos_token": False, "add_prefix_space": False}  # type: ignore[dict-item]
    declared |= {"added_tokens_decoder": decoder, "chat_template": templates}  # type: ignore[dict-item]
    write_json(folder / "tokenizer_config.json", declared)


def make_smollm(folder: Path) -> None:
    """Like SmolLM: digits alone, GPT-2's words, specials named by tokenizer_config.json only, 49152 tokens."""
    config = llama_config(vocab_size=49152, hidden_size=32, num_hidden_layers=1, tie_word_embeddings=True)
    config |= {"bos_token_id": 262, "eos_token_id": 262}
    write_json(folder / "config.json", config)
    write_safetensors(folder / "model.safetensors", llama_tensors(config, "BF16"))
    words = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    steps = [{"type": "Digits", "individual_digits": True}, words]
    tokenizer = bpe({"type": "Sequence", "pretokenizers": steps}, ["<|endoftext|>"])
    tokenizer["post_processor"] = None
    tokenizer["model"]["vocab"] |= {"<|endoftext|>": 262, "<extra>": 263}
    write_json(folder / "tokenizer.json", tokenizer)
    named = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
    extra = {"additional_special_tokens": ["<extra>"], "tokenizer_class": "GPT2Tokenizer"}
    write_json(folder / "tokenizer_config.json", {**named, **extra})


CASES: dict[str, tuple[Callable[[Path], None], str]] = {
    "Tiny-Llama3-2M-Instruct": (make_llama3, "llama-bpe"),
    "tiny-qwen": (make_qwen, "qwen2"),
    "tiny-sentencepiece-v2": (make_sentencepiece, ""),
    "tiny-smollm": (make_smollm, "smollm"),
}
"""Folder name, because it goes into the metadata, to the maker and the name of its pre-tokenizer."""


def make(name: str, parent: Path) -> Path:
    """Makes the case `name` as a folder of that name in `parent`."""
    folder = parent / name
    folder.mkdir(parents=True)
    CASES[name][0](folder)
    return folder


def big_checkpoint(folder: Path, n_vocab: int, width: int) -> Path:
    """A Llama whose embedding has `n_vocab` x `width` zeros as BF16, which take no room on the disk."""
    made = folder / "big"
    made.mkdir()
    make_qwen(made)
    config = llama_config(vocab_size=n_vocab, hidden_size=width, num_hidden_layers=1, tie_word_embeddings=True)
    write_json(made / "config.json", {**config, "intermediate_size": 32})
    small = llama_tensors({**config, "intermediate_size": 32, "vocab_size": 1}, "BF16")
    name = "model.embed_tokens.weight"
    entries: Tensors = {key: small[key] for key in small if key != name}
    path = made / "model.safetensors"
    write_safetensors(path, entries | {name: ("BF16", (n_vocab, width), b"")})
    raw = path.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    begin = header[name]["data_offsets"][0]
    header[name]["data_offsets"][1] = begin + 2 * n_vocab * width
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + raw[8 + size :])
    os.truncate(path, 8 + len(text) + begin + 2 * n_vocab * width)
    return made
