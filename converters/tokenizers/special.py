"""Special tokens, whether the tokenizer puts them around a text, and the chat template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import ascii_letters, digits
from typing import Any

from autoglm_lite.errors import ConversionError
from converters.config import TOKENIZER_LIMIT, read_json_if_there, read_text
from converters.keyvalues import KeyValues, ValueType

SPECIAL_NAMES = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")

ID_KEYS = {
    "bos": "bos_token_id",
    "eos": "eos_token_id",
    "unk": "unknown_token_id",
    "sep": "seperator_token_id",
    "pad": "padding_token_id",
    "mask": "mask_token_id",
    "eot": "eot_token_id",
    "eom": "eom_token_id",
}
"""GGUF's keys, with its own spelling; it has none for cls."""

ADDED_AROUND = ("bos", "eos", "sep")


@dataclass(frozen=True, slots=True)
class Special:
    """Special tokens by name (`bos`, `eos`, `eot`, ...), in the order in which they are written."""

    ids: dict[str, int]
    around: dict[str, bool]
    """Whether a token is put around a text."""
    template: object
    """The chat template, or a list of named ones, as the files give it."""


@dataclass(slots=True)
class _Declared:
    """What the tokenizer's files declare, as far as it is understood so far."""

    config: dict[str, Any]
    """tokenizer_config.json, with what the post-processor implies."""
    has_config: bool
    names: list[str]
    around: dict[str, bool]
    """Whether each special token is put around a text, in the order found."""


def read_special(folder: Path, n_vocab: int | None = None, added: Mapping[str, int] | None = None) -> Special:
    """The special tokens of `folder`, only those below `n_vocab` if given; raises ConversionError.

    `added` numbers the added tokens where no tokenizer.json does.

    Follows `SpecialVocab` of llama.cpp's gguf-py, because its reading of odd templates decides what a model is given.
    """
    tokenizer = read_json_if_there(folder / "tokenizer.json", TOKENIZER_LIMIT)
    config = read_json_if_there(folder / "tokenizer_config.json")
    declared = _Declared(dict(config), bool(config), list(SPECIAL_NAMES), {})
    if tokenizer:
        _read_post_processor(tokenizer, declared)
    for name in declared.names if config else ():
        if isinstance(flag := declared.config.get(f"add_{name}_token"), bool):
            declared.around.setdefault(name, flag)
    if added and not tokenizer:
        tokenizer = {"added_tokens": [{"content": text, "id": number} for text, number in added.items()]}
    numbers = _numbers(declared, tokenizer, read_json_if_there(folder / "config.json"))
    ids = {name: number for name, number in numbers.items() if 0 <= number < (n_vocab or 1 << 32)}
    template = None
    if config:
        template = config["chat_template"] if "chat_template" in config else _template_file(folder)
    return Special(ids, declared.around, template)


def add_special(special: Special, keys: KeyValues) -> None:
    """Adds the special tokens' numbers, which of them surround a text, and the chat template."""
    for name, number in special.ids.items():
        if name in ID_KEYS:
            keys.uint32(f"tokenizer.ggml.{ID_KEYS[name]}", number)
    for name, flag in special.around.items():
        if name in ADDED_AROUND:
            keys.boolean(f"tokenizer.ggml.add_{name}_token", flag)
    _add_template(special.template, keys)


def declared_text(entry: object) -> str | None:
    """The text of a special token as tokenizer_config.json declares it: plain, or an object with `content`."""
    text = entry.get("content") if isinstance(entry, dict) else entry
    return text if isinstance(text, str) else None


def _numbers(declared: _Declared, tokenizer: Mapping[str, Any], model: Mapping[str, Any]) -> dict[str, int]:
    # By text among the added tokens first, then as config.json numbers them.
    added = tokenizer.get("added_tokens") or []
    by_text: dict[str, Any] = {}
    for entry in added if isinstance(added, list) and declared.has_config else []:
        if isinstance(entry, dict) and isinstance(entry.get("content"), str):
            by_text.setdefault(entry["content"], entry.get("id"))
    inner = model.get("text_config")
    inner = inner if isinstance(inner, dict) else {}
    numbers: dict[str, int] = {}
    for candidates in (
        {name: by_text.get(declared_text(declared.config.get(f"{name}_token")) or "") for name in declared.names},
        {name: _first(model.get(f"{name}_token_id"), inner.get(f"{name}_token_id")) for name in declared.names},
    ):
        for name, number in candidates.items():
            if isinstance(number, int) and not isinstance(number, bool):
                numbers.setdefault(name, number)
    return numbers


def _first(number: object, other: object) -> object:
    return other if number is None else number


def _read_post_processor(tokenizer: Mapping[str, Any], declared: _Declared) -> None:
    config = declared.config
    for name, stand_in in (("bos_token", "cls_token"), ("eos_token", "sep_token")):
        if not config.get(name) and config.get(stand_in):
            config[name] = config[stand_in]
    processor = tokenizer.get("post_processor") or {"processors": []}
    steps = processor.get("processors", [processor]) if isinstance(processor, dict) else None
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise ConversionError("tokenizer.json describes its post-processor in an unknown way; download it again.")
    for step in steps:
        if step.get("type") == "ByteLevel":
            declared.around.setdefault("bos", False)
            declared.around.setdefault("eos", False)
        elif step.get("type") == "TemplateProcessing":
            _read_template(step, declared)
        elif step.get("type") == "RobertaProcessing":
            raise ConversionError("tokenizer.json surrounds texts as RoBERTa does, which no model we convert does.")


def _read_template(step: Mapping[str, Any], declared: _Declared) -> None:
    config, around = declared.config, declared.around
    single, pair = _parts(step, "single"), _parts(step, "pair")
    first = _id(single[0], "SpecialToken") if len(single) > 1 else None
    last = _id(single[-1], "SpecialToken") if len(single) > 1 else None
    if first:
        if not declared.has_config:
            config["bos_token"] = first
        if first not in (config.get("bos_token"), config.get("cls_token")):
            config.update({name: first for name in ("bos_token", "cls_token") if not config.get(name)})
        around["bos"] = first in (config.get("bos_token"), config.get("cls_token"))
    if last:
        if declared.has_config and last != config.get("eos_token"):
            # The text ends with another token than the declared one, which then ends a turn or a message.
            unused = [name for name in ("eot", "eom") if name not in declared.names]
            if unused:
                config[f"{unused[0]}_token"] = config.get("eos_token")
                declared.names.append(unused[0])
        config["eos_token"] = last
        around["eos"] = True
    start = 1 if pair and first and _id(pair[0], "SpecialToken") == first else 0
    stop = -1 if pair and last and _id(pair[-1], "SpecialToken") == last else None
    between = pair[start:stop]
    if len(between) > 2 and (_id(between[0], "Sequence"), _id(between[-1], "Sequence")) == ("A", "B"):
        ends = (config.get("sep_token"), config.get("eos_token"))
        found = [_id(part, "SpecialToken") for part in between[1:-1]]
        around["sep"] = (found[0] is not None and found[0] in ends and not last) or (
            len(found) == 2 and found[1] is not None and found[1] in ends
        )
        if around["sep"] and not config.get("sep_token"):
            config["sep_token"] = config.get("eos_token")


def _parts(step: Mapping[str, Any], key: str) -> list[Any]:
    parts = step.get(key)
    return parts if isinstance(parts, list) else []


def _id(part: object, kind: str) -> str | None:
    found = part.get(kind) if isinstance(part, dict) else None
    name = found.get("id") if isinstance(found, dict) else None
    return name if isinstance(name, str) else None


def _template_file(folder: Path) -> object:
    jinja = folder / "chat_template.jinja"
    if jinja.exists():
        others = sorted((folder / "additional_chat_templates").glob("*.jinja"))
        if not others:
            return read_text(jinja)
        named = [{"name": path.stem, "template": read_text(path)} for path in others]
        return [{"name": "default", "template": read_text(jinja)}, *named]
    return read_json_if_there(folder / "chat_template.json").get("chat_template")


def _add_template(template: object, keys: KeyValues) -> None:
    if isinstance(template, str):
        keys.string("tokenizer.chat_template", template)
    if not isinstance(template, list):
        return
    named: dict[str, str] = {}
    for choice in template:
        name, text = (choice.get("name"), choice.get("template")) if isinstance(choice, dict) else (None, None)
        if isinstance(name, str) and name and isinstance(text, str):
            named["".join(letter if letter in ascii_letters + digits else "_" for letter in name)] = text
    default = named.pop("default", None)
    for name, text in named.items():
        keys.string(f"tokenizer.chat_template.{name}", text)
    keys.array("tokenizer.chat_templates", ValueType.STRING, sorted(named))
    if default is not None:
        keys.string("tokenizer.chat_template", default)
