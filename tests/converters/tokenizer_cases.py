"""Small tokenizers of every form, made without training, so that they are the same bytes everywhere."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from shutil import copyfile
from typing import Any

from checkpoints import CHATML, LLAMA3_REGEX, QWEN2_REGEX, STORIES, bpe, split_then_bytes, write_json

GPT2_WORDS = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
END, START, STOP = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
GLM_SPECIALS = (
    *(END, "[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>"),
    *("<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"),
)
MERGED = ("th", "the", " the", "in", " a", "er")


def entry(number: int, text: str, special: bool = True, **more: Any) -> dict[str, Any]:
    """An added token as tokenizer.json lists it."""
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": special}
    return {"id": number, "content": text, **flags, **more}


def template_processing(single: Iterable[str], pair: Iterable[str]) -> dict[str, Any]:
    """A TemplateProcessing step from the names of its parts; A and B are the texts."""

    def part(name: str) -> dict[str, Any]:
        kind = "Sequence" if name in "AB" else "SpecialToken"
        return {kind: {"id": name, "type_id": int(name == "B")}}

    parts = {"single": [part(name) for name in single], "pair": [part(name) for name in pair]}
    names = {name for name in (*single, *pair) if name not in "AB"}
    return {
        "type": "TemplateProcessing",
        **parts,
        "special_tokens": {name: {"id": name, "ids": [0], "tokens": [name]} for name in sorted(names)},
    }


def write_ranks(path: Path, tokens: Iterable[bytes]) -> None:
    """A tiktoken file in which each token's place is its rank."""
    lines = [base64.b64encode(token) + b" %d\n" % rank for rank, token in enumerate(tokens)]
    path.write_bytes(b"".join(lines))


def write_model(
    path: Path,
    pieces: Iterable[tuple[str, float, int]],
    kind: int = 2,
    dummy_prefix: bool = True,
    extra_spaces: bool = False,
) -> None:
    """A SentencePiece model of these pieces (text, score, type), with the identity as its normaliser."""

    def varint(value: int) -> bytes:
        return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)

    def field(number: int, data: bytes) -> bytes:
        return varint(number << 3 | 2) + varint(len(data)) + data

    held = list(pieces)
    parts = [
        field(
            1, field(1, text.encode()) + varint(2 << 3 | 5) + struct.pack("<f", score) + varint(3 << 3) + bytes([sort])
        )
        for text, score, sort in held
    ]
    trainer = varint(3 << 3) + bytes([kind]) + varint(35 << 3) + bytes([any(sort == 6 for _, _, sort in held)])
    normalizer = field(1, b"identity") + bytes([3 << 3, dummy_prefix, 4 << 3, extra_spaces, 5 << 3, 1])
    path.write_bytes(b"".join(parts) + field(2, trainer) + field(3, normalizer))


def _glm(folder: Path) -> None:
    write_json(folder / "config.json", {"vocab_size": 288, "eos_token_id": [262, 269, 271], "pad_token_id": 262})
    tokenizer = bpe(split_then_bytes(LLAMA3_REGEX), GLM_SPECIALS, ignore_merges=True)
    tokenizer["added_tokens"] += [entry(272, "<|user_defined|>", False), entry(273, "<tool>", False)]
    tokenizer["post_processor"] = template_processing(["[gMASK]", "<sop>", "A"], ["[gMASK]", "<sop>", "A", "B"])
    write_json(folder / "tokenizer.json", tokenizer)
    names = {"eos_token": END, "pad_token": END, "additional_special_tokens": list(GLM_SPECIALS)}
    names |= {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}  # type: ignore[dict-item]
    write_json(folder / "tokenizer_config.json", names)
    (folder / "chat_template.jinja").write_text("[gMASK]<sop>{{ messages }}", encoding="utf-8")


def _glm_bare(folder: Path) -> None:
    """Numbers by config.json alone, and the multimodal form of it."""
    _glm(folder)
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast"})
    write_json(folder / "config.json", {"vocab_size": 288, "text_config": {"eos_token_id": 262, "pad_token_id": 264}})


def _added(folder: Path) -> None:
    """Added tokens of every sort: flags that two files give differently, letters that stand for bytes, clean-up."""
    write_json(folder / "config.json", {"vocab_size": 300, "bos_token_id": 262})
    tokenizer = bpe(GPT2_WORDS, [END])
    tokenizer["added_tokens"] += [
        entry(263, "\u0120x", False),
        entry(264, "\u00e9t\u00e9", False),
        entry(265, "\u0120\u0120\u0120y", False, normalized=True),
        entry(266, "a\u2581b", False),
        entry(267, "x .", False),
        entry(268, "<|seems|>", False),
        entry(269, "<plain>", True),
        entry(270, "<named>", False),
        entry(271, "你好", False),
    ]
    tokenizer["post_processor"] = {
        "type": "Sequence",
        "processors": [
            {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True},
            template_processing([END, "A", "<plain>"], [END, "A", "<plain>", END, "B", "<plain>"]),
        ],
    }
    write_json(folder / "tokenizer.json", tokenizer)
    decoder = {"269": entry(269, "<plain>", False), "263": entry(263, "\u0120x", True), "272": entry(272, "<new>")}
    decoder = {number: {key: value for key, value in held.items() if key != "id"} for number, held in decoder.items()}
    named = {
        "bos_token": END,
        "eos_token": "<named>",
        "unk_token": {"content": "<else>", "__type": "AddedToken"},
        "pad_token": "the",
    }
    more = {"added_tokens_decoder": decoder, "tokenizer_class": "PreTrainedTokenizerFast", "add_bos_token": True}
    more |= {"clean_up_tokenization_spaces": True, "additional_special_tokens": ["<extra>"], "add_sep_token": False}
    more["extra_special_tokens"] = {"image_token": "<image>"}
    more["chat_template"] = [
        {"name": "default", "template": CHATML},
        {"name": "tool use", "template": "{{ tools }}"},
    ]
    write_json(folder / "tokenizer_config.json", named | more)


def _letters_and_merges(folder: Path) -> None:
    held = bpe(GPT2_WORDS, [])["model"]
    write_json(folder / "vocab.json", held["vocab"])
    text = "#version: 0.2\n" + "\n".join(held["merges"]) + "\n"
    (folder / "merges.txt").write_text(text, encoding="utf-8")


def _qwen_parts(folder: Path) -> None:
    """vocab.json and merges.txt, as Qwen2 was published."""
    _letters_and_merges(folder)
    write_json(folder / "config.json", {"vocab_size": 272, "bos_token_id": 262, "eos_token_id": 264})
    decoder = {str(262 + at): {**entry(0, text)} for at, text in enumerate((END, START, STOP))}
    decoder["265"] = entry(0, "<tool_call>", False)
    for held in decoder.values():
        del held["id"]
    named: dict[str, Any] = {"tokenizer_class": "Qwen2Tokenizer", "bos_token": None, "eos_token": STOP}
    named |= {"pad_token": END, "additional_special_tokens": [START, STOP], "chat_template": CHATML}
    write_json(folder / "tokenizer_config.json", {**named, "added_tokens_decoder": decoder})


def _gpt2_parts(folder: Path) -> None:
    """The older form, with added_tokens.json and special_tokens_map.json."""
    _letters_and_merges(folder)
    write_json(folder / "config.json", {"vocab_size": 270})
    write_json(folder / "added_tokens.json", {"<b>": 263, END: 262})
    write_json(folder / "special_tokens_map.json", {"bos_token": END, "eos_token": END, "unk_token": END})
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "GPT2Tokenizer", "add_bos_token": False})


def _legacy_json(folder: Path) -> None:
    """A tokenizer.json with the older files beside it, which say other things of the same tokens."""
    write_json(folder / "config.json", {"vocab_size": 280, "eos_token_id": 264})
    tokenizer = bpe(split_then_bytes(QWEN2_REGEX), [END, START, STOP])
    tokenizer["added_tokens"] += [entry(265, "<plain>"), entry(266, "\u0120z", False)]
    write_json(folder / "tokenizer.json", tokenizer)
    write_json(folder / "added_tokens.json", {START: 263, STOP: 264, "<plain>": 265, "\u0120z": 266, "<more>": 267})
    write_json(
        folder / "special_tokens_map.json", {"eos_token": {"content": STOP}, "pad_token": END, "sep_token": "the"}
    )
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": START})


def _pieces(folder: Path, **config: Any) -> None:
    write_json(folder / "config.json", {"vocab_size": 520, "bos_token_id": 1, "eos_token_id": 2, **config})
    copyfile(STORIES / "tokenizer.model", folder / "tokenizer.model")
    write_json(folder / "added_tokens.json", {"<tool>": 512, "<pad>": 513})
    added = {0: ("<unk>", True), 2: ("</s>", True), 513: ("<pad>", False), 514: ("a\u2581b", False)}
    added |= {515: ("<|user|>", True), 516: (STOP, True), 530: ("<beyond>", True)}
    if config.get("inside"):
        del added[530]
    decoder = {str(number): {"content": text, "special": special} for number, (text, special) in added.items()}
    declared = {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": {"content": "</s>"}}
    declared |= {"add_bos_token": True, "add_eos_token": False, "add_prefix_space": False}  # type: ignore[dict-item]
    declared |= {"added_tokens_decoder": decoder, "chat_template": CHATML}
    write_json(folder / "tokenizer_config.json", declared)


def _pieces_inside(folder: Path) -> None:
    """Without a token beyond the embedding, and with a tokenizer.json that says more."""
    _pieces(folder, inside=True)
    added = [entry(517, "<|special|>"), entry(518, "<|not special|>", False), entry(1, "<s>")]
    write_json(folder / "tokenizer.json", {"added_tokens": added, "model": {"type": "BPE", "vocab": {}, "merges": []}})


def _internlm2(folder: Path) -> None:
    """All numbers below the count of pieces."""
    pieces = [
        ("<unk>", 0.0, 2),
        ("<s>", 0.0, 3),
        ("</s>", 0.0, 3),
        *((f"<0x{byte:02X}>", 0.0, 6) for byte in range(256)),
    ]
    pieces += [("\u2581", -1.0, 1), ("a", -2.0, 1), ("\u2581a", -3.0, 1), ("\0", -4.0, 1)]
    pieces += [("[UNUSED_TOKEN_1]", -5.0, 4), ("[UNUSED_TOKEN_2]", -6.0, 1), ("<|im_start|>", -7.0, 4), ("b", -8.0, 5)]
    write_model(folder / "tokenizer.model", pieces, dummy_prefix=False)
    write_json(folder / "config.json", {"vocab_size": len(pieces), "bos_token_id": 1, "eos_token_id": 2})
    decoder = {"263": {"content": STOP, "special": True}, "264": {"content": "<|plugin|>", "special": False}}
    write_json(folder / "tokenizer_config.json", {"added_tokens_decoder": decoder, "eos_token": "</s>"})


def _code_llama(folder: Path) -> None:
    _pieces(folder, vocab_size=32016)
    (folder / "tokenizer_config.json").unlink()
    (folder / "chat_template.json").write_text("{}", encoding="utf-8")


def _unigram(folder: Path) -> None:
    pieces = [
        ("<unk>", 0.0, 2),
        ("<s>", 0.0, 3),
        ("</s>", 0.0, 3),
        ("\u2581", -3.0, 1),
        ("a", -2.0, 1),
        ("ab", -2.5, 1),
    ]
    write_model(folder / "tokenizer.model", pieces, kind=1, extra_spaces=True)
    write_json(folder / "config.json", {"vocab_size": 8, "eos_token_id": 2, "unk_token_id": 0})


def _qwen_ranks(folder: Path) -> None:
    write_json(folder / "config.json", {"vocab_size": 512})
    write_ranks(
        folder / "qwen.tiktoken", [*(bytes([byte]) for byte in range(256)), *(text.encode() for text in MERGED)]
    )


def _json_pieces(folder: Path) -> None:
    """Llama 2's tokenizer.json without its tokenizer.model."""
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "\u2581", "a", "b", "\u2581a", "ab"]
    tokenizer = bpe(None, [])
    tokenizer["model"] |= {"vocab": {text: at for at, text in enumerate(tokens)}, "byte_fallback": True}
    tokenizer["model"] |= {"merges": ["\u2581 a", "a b"], "unk_token": "<unk>", "fuse_unk": True}
    tokenizer["added_tokens"] = [entry(at, text) for at, text in enumerate(tokens[:3])] + [
        entry(264, "<|user|>", False)
    ]
    space = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
    tokenizer["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "\u2581"}, space]}
    tokenizer["decoder"] = {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]}
    tokenizer["post_processor"] = template_processing(["<s>", "A"], ["<s>", "A", "<s>", "B"])
    write_json(folder / "tokenizer.json", tokenizer)
    write_json(folder / "config.json", {"vocab_size": 265, "bos_token_id": 1, "eos_token_id": 2})
    named = {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    write_json(folder / "tokenizer_config.json", named)


def _smollm_names() -> dict[str, str]:
    return {"tokenizer_class": "GPT2Tokenizer", "eos_token": STOP, "cls_token": START, "sep_token": STOP}


def _smollm(folder: Path) -> None:
    """49152 tokens, by which llama.cpp's converter knows Granite's and SmolLM's; templates in files."""
    digits = {"type": "Digits", "individual_digits": True}
    tokenizer = bpe({"type": "Sequence", "pretokenizers": [digits, GPT2_WORDS]}, [END, START, STOP])
    write_json(folder / "tokenizer.json", tokenizer)
    write_json(folder / "config.json", {"vocab_size": 49152, "bos_token_id": 263, "eos_token_id": 264})
    write_json(folder / "tokenizer_config.json", _smollm_names())
    write_json(folder / "chat_template.json", {"chat_template": CHATML})


CASES: dict[str, tuple[Callable[[Path], None], str, str, str]] = {
    "glm4": (_glm, "glm4", "glm.Glm4Model", "glm4"),
    "glm4-moe": (_glm, "glm", "glm.Glm4MoeModel", "glm4"),
    "glm-edge": (_glm, "chatglm", "chatglm.ChatGLMModel", "glm4"),
    "glm-bare": (_glm_bare, "glm", "glm.Glm4MoeModel", "glm4"),
    "added": (_added, "bpe", "qwen.Qwen3Model", "gpt-2"),
    "qwen2-parts": (_qwen_parts, "automatic", "qwen.Qwen2Model", "qwen2"),
    "gpt2-parts": (_gpt2_parts, "bpe", "olmo.Olmo2Model", "gpt-2"),
    "legacy-json": (_legacy_json, "automatic", "qwen.Qwen2Model", "qwen2"),
    "smollm": (_smollm, "llama", "llama.LlamaModel", "smollm"),
    "pieces-llama": (_pieces, "llama", "llama.LlamaModel", ""),
    "pieces-qwen2": (_pieces, "automatic", "qwen.Qwen2Model", ""),
    "pieces-minicpm": (_pieces, "minicpm", "minicpm.MiniCPMModel", ""),
    "pieces-gemma2": (_pieces, "gemma", "gemma.Gemma2Model", ""),
    "pieces-gemma3": (_pieces, "gemma3", "gemma.Gemma3Model", ""),
    "pieces-internlm3": (_pieces, "internlm3", "internlm.InternLM3Model", ""),
    "pieces-phi3": (_pieces_inside, "phi3", "phi.Phi3MiniModel", ""),
    "internlm2": (_internlm2, "internlm2", "internlm.InternLM2Model", ""),
    "code-llama": (_code_llama, "llama", "llama.LlamaModel", ""),
    "unigram": (_unigram, "sentencepiece", "t5.T5Model", ""),
    "json-pieces": (_json_pieces, "llama", "llama.LlamaModel", ""),
    "qwen-ranks": (_qwen_ranks, "qwen", "qwen.QwenModel", "qwen2"),
}
"""Maker, our function, llama.cpp's class that does the same, and the name of the pre-tokenizer."""


def make(name: str, parent: Path) -> Path:
    """Makes the case `name` as a folder of that name in `parent`."""
    folder = parent / name
    folder.mkdir(parents=True)
    CASES[name][0](folder)
    return folder


def shown(value: Any) -> Any:
    """A value as the reference keeps it: long lists by their length, their last items and a hash of all."""
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if not isinstance(value, (list, tuple)):
        return value
    items = [item.decode("utf-8") if isinstance(item, bytes) else item for item in value]
    digest = hashlib.sha256(json.dumps(items).encode()).hexdigest()
    last = [item for item in items[256:] if not str(item).startswith("[PAD") and item not in (5, -10000.0)]
    return {"length": len(items), "last": last[-16:], "sha256": digest} if len(items) > 16 else items
