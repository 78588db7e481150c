"""Recognising a BPE pre-tokenizer by its structure, and naming it as llama.cpp does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from autoglm_lite.errors import ConversionError

Step = tuple[str, object]

_WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_CONTRACTIONS = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)", r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])")

DIGITS_BY_THREE = tuple(rf"{start}|{_WORDS}|\p{{N}}{{1,3}}|{_REST}" for start in _CONTRACTIONS)
DIGITS_ALONE = tuple(rf"{start}|{_WORDS}|\p{{N}}|{_REST}" for start in _CONTRACTIONS)

_BYTES, _GPT2_WORDS = ("bytes", False), ("bytes", True)

NAMES: dict[tuple[tuple[Step, ...], bool], str] = {
    **{((("split", regex), _BYTES), True): "llama-bpe" for regex in DIGITS_BY_THREE},
    **{((("split", regex), _BYTES), False): "smaug-bpe" for regex in DIGITS_BY_THREE},
    **{((("split", regex), _BYTES), False): "qwen2" for regex in DIGITS_ALONE},
    ((_GPT2_WORDS,), False): "gpt-2",
    ((("digits", True), _GPT2_WORDS), False): "smollm",
}
"""Steps, and whether a word that is a token stays whole (`ignore_merges`), to `tokenizer.ggml.pre`."""


def recognise(tokenizer: dict[str, Any]) -> str:
    """llama.cpp's name for the pre-tokenizer of a tokenizer.json; raises ConversionError when it has none."""
    normalizers = [step.get("type") for step in _steps(tokenizer.get("normalizer"), "normalizers")]
    # llama.cpp leaves out NFC too: text is nearly always in that form already.
    if unknown := [kind for kind in normalizers if kind != "NFC"]:
        raise ConversionError(f"tokenizer.json normalises text with {unknown[0]!s:.40}, which llama.cpp cannot do.")
    steps = tuple(map(_describe, _steps(tokenizer.get("pre_tokenizer"), "pretokenizers")))
    name = NAMES.get((steps, tokenizer["model"].get("ignore_merges") is True))
    if name is None:
        shown = " then ".join(f"{kind} {argument}" for kind, argument in steps) or "none at all"
        known = ", ".join(dict.fromkeys(NAMES.values()))
        raise ConversionError(f"tokenizer.json splits text in a way that is none of {known}: {shown:.300}.")
    return name


def _steps(part: object, children: str) -> Iterator[dict[str, Any]]:
    if part is None:
        return
    if not isinstance(part, dict):
        raise ConversionError("tokenizer.json describes a step that is no JSON object; download it again.")
    if part.get("type") != "Sequence":
        yield part
        return
    inner = part.get(children)
    for child in inner if isinstance(inner, list) else []:
        yield from _steps(child, children)


def _describe(step: dict[str, Any]) -> Step:
    match step:
        case {"type": "Split", "pattern": {"Regex": str(regex)}, "behavior": "Isolated"} if not step.get("invert"):
            # Some files hold the line ends themselves, others their escapes.
            return "split", regex.replace("\r", r"\r").replace("\n", r"\n")
        case {"type": "ByteLevel"} if not step.get("add_prefix_space"):
            # An older file that says nothing splits words, which was then the only way.
            return "bytes", step.get("use_regex", True) is True
        case {"type": "Digits"}:
            return "digits", step.get("individual_digits") is True
    return str(step.get("type"))[:40], str({key: value for key, value in step.items() if key != "type"})[:200]
