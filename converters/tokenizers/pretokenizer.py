"""Recognising a BPE pre-tokenizer by its structure, and naming it as llama.cpp does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from autoglm_lite.errors import ConversionError
from converters.tokenizers.token import LOWER_ONE_EIGHTH_BLOCK

Step = tuple[str, object]

_WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_MARKED_WORDS = r"[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+"
_SIGNS, _MARKED_SIGNS = r" ?[^\s\p{L}\p{N}]+[\r\n]*", r" ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"
_SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_CASE = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)", r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])")

_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_SIGNS_SLASH = r" ?[^\s\p{L}\p{N}]+[\r\n/]*"


def _cased(end: str, digits: str) -> str:
    start = r"[^\r\n\p{L}\p{N}]?"
    return f"{start}{_UPPER}*{_LOWER}+{end}|{start}{_UPPER}+{_LOWER}*{end}|{digits}|{_SIGNS_SLASH}|{_SPACES}"


DIGITS_BY_THREE = tuple(rf"{start}|{_WORDS}|\p{{N}}{{1,3}}|{_SIGNS}|{_SPACES}" for start in _CASE)
DIGITS_ALONE = tuple(rf"{start}|{_WORDS}|\p{{N}}|{_SIGNS}|{_SPACES}" for start in _CASE)
DIGITS_TOGETHER = tuple(rf"{start}|{_WORDS}|\p{{N}}+|{_SIGNS}|{_SPACES}" for start in _CASE)
MARKED = tuple(rf"{start}|{_MARKED_WORDS}|\p{{N}}|{_MARKED_SIGNS}|{_SPACES}" for start in _CASE)
TEKKEN = _cased("", r"\p{N}")
GPT4O = tuple(_cased(f"{end}?", r"\p{N}{1,3}") for end in _CASE)
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_DEEPSEEK3_WORDS = r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
DEEPSEEK3 = (
    ("split", r"\p{N}{1,3}"),
    ("split", "[一-龥\u3040-ゟ゠-ヿ]+"),
    ("split", rf"{_DEEPSEEK3_WORDS}| ?[\p{{P}}\p{{S}}]+[\r\n]*|{_SPACES}"),
)

_BYTES, _GPT2_WORDS = ("bytes", False), ("bytes", True)
_BY_THREE = ("split", r"\p{N}{1,3}")

NAMES: dict[tuple[tuple[Step, ...], bool], str] = {
    **{((("split", regex), _BYTES), True): "llama-bpe" for regex in DIGITS_BY_THREE},
    **{((("split", regex), _BYTES), False): "smaug-bpe" for regex in DIGITS_BY_THREE},
    **{((("split", regex), _BYTES), False): "qwen2" for regex in DIGITS_ALONE},
    **{((("split", regex), _BYTES), False): "qwen35" for regex in MARKED},
    **{((_BY_THREE, ("split", regex), _BYTES), True): "minicpm5" for regex in DIGITS_TOGETHER},
    **{((("split", regex), _BYTES), False): "gpt-4o" for regex in GPT4O},
    ((("split", TEKKEN), _BYTES), True): "tekken",
    ((*DEEPSEEK3, _BYTES), False): "deepseek-v3",
    ((_GPT2_WORDS,), False): "gpt-2",
    ((("split", GPT2), _BYTES), False): "gpt-2",
    ((("digits", True), _GPT2_WORDS), False): "smollm",
    ((("split", r"\p{N}"), _GPT2_WORDS), False): "smollm",
}
"""Steps, and whether a word that is a token stays whole (`ignore_merges`), to `tokenizer.ggml.pre`."""

SAME_SPLITS = {
    "glm": {"llama-bpe": "glm4", "smaug-bpe": "chatglm-bpe"},
    "chatglm": {"llama-bpe": "glm4", "smaug-bpe": "chatglm-bpe"},
    "olmo": {"smaug-bpe": "dbrx", "gpt-2": "olmo"},
    "phi": {"smaug-bpe": "dbrx"},
    "granite": {"smaug-bpe": "dbrx", "smollm": "refact"},
}
"""By how config.json's `model_type` begins: the name under which llama.cpp's converter knows that family's vocabulary.

llama.cpp splits the same way under both names; they differ in whether it assumes a BOS, and in detokenizing.
"""

WITHOUT_WHOLE_WORDS = {"smollm3": "smaug-bpe", "olmo": "dbrx", "phi": "dbrx", "granite": "dbrx"}
"""As SAME_SPLITS, where taking words whole (llama-bpe) makes no difference, because merges make every token.

llama.cpp's converter uses these names where it does make one too, and llama.cpp then finds other ids for some words.
"""

CLASSES = {"Qwen2Tokenizer": "qwen2", "GPT2Tokenizer": "gpt-2"}
"""transformers' tokenizer classes that read vocab.json and merges.txt, and how each splits."""


def recognise(tokenizer: Mapping[str, Any]) -> str:
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


def name_for_family(name: str, family: str, merged: Callable[[], bool] = lambda: False) -> str:
    """The name that llama.cpp's converter gives to the splits `name` in a model of this family.

    `merged` tells whether merges alone make every token whole.
    """
    names = [same[name] for start, same in SAME_SPLITS.items() if family.startswith(start) and name in same]
    if name == "llama-bpe" and not names:
        others = [other for start, other in WITHOUT_WHOLE_WORDS.items() if family.startswith(start)]
        names = others if others and merged() else []
    return names[0] if names else name


def name_of_class(name: object) -> str:
    """llama.cpp's name for how a tokenizer class of transformers splits; raises ConversionError for an unknown one."""
    found = CLASSES.get(str(name).removesuffix("Fast"))
    if found is None:
        raise ConversionError(
            f"tokenizer_config.json names the tokenizer class {name!s:.60}, whose splitting is unknown; "
            "add the model's tokenizer.json."
        )
    return found


def puts_space_in_front(tokenizer: Mapping[str, Any]) -> bool:
    """Whether SentencePiece's form of tokenizer.json puts a space before a text.

    Raises ConversionError when it normalises or splits text in any other way than to write spaces as U+2581.
    """
    found = False
    for step in [
        *_steps(tokenizer.get("normalizer"), "normalizers"),
        *_steps(tokenizer.get("pre_tokenizer"), "pretokenizers"),
    ]:
        match step:
            case {"type": "Prepend", "prepend": letter} if letter == LOWER_ONE_EIGHTH_BLOCK:
                found = True
            case {"type": "Replace", "pattern": {"String": " "}, "content": letter} if letter == LOWER_ONE_EIGHTH_BLOCK:
                pass
            case {"type": "Metaspace", "replacement": letter} if letter == LOWER_ONE_EIGHTH_BLOCK:
                found = step.get("prepend_scheme", "always") != "never" and step.get("add_prefix_space") is not False
            case {"type": "Split", "pattern": {"String": " "}}:
                # Gemma's; no space is left when it is its turn.
                pass
            case _:
                kind, argument = _describe(step)
                raise ConversionError(
                    f"tokenizer.json prepares text in a way that is unknown: {kind} {argument!s:.200}."
                )
    return found


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
        case {"type": "Split", "pattern": {"Regex": str(regex)}, "behavior": "Removed"} if step.get(
            "invert"
        ) and regex.endswith(r"|\s+"):
            # The other way to say it: what lies between the matches goes, which is nothing.
            return "split", regex.replace("\r", r"\r").replace("\n", r"\n")
        case {"type": "ByteLevel"} if not step.get("add_prefix_space"):
            # An older file that says nothing splits words, which was then the only way.
            return "bytes", step.get("use_regex", True) is True
        case {"type": "Digits"}:
            return "digits", step.get("individual_digits") is True
    return str(step.get("type"))[:40], str({key: value for key, value in step.items() if key != "type"})[:200]
