"""`general.*`: what a model is called, where it comes from, and how it likes to be sampled."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from math import prod
from pathlib import Path
from typing import Any

from autoglm_lite.errors import ConversionError
from converters.config import read_json, read_json_if_there, read_text
from converters.keyvalues import KeyValues, ValueType
from converters.tensors import OutputTensor

CARD_LIMIT = 4 << 20
"""Bytes of a model card that is read."""

SAMPLING = (
    ("top_k", ("top_k",), "int32"),
    ("top_p", ("top_p",), "float32"),
    ("min_p", ("min_p",), "float32"),
    ("xtc_probability", ("xtc_probability",), "float32"),
    ("xtc_threshold", ("xtc_threshold",), "float32"),
    ("temp", ("temperature",), "float32"),
    ("penalty_last_n", ("penalty_last_n",), "int32"),
    ("penalty_repeat", ("penalty_repeat", "repetition_penalty"), "float32"),
    ("mirostat", ("mirostat",), "int32"),
    ("mirostat_tau", ("mirostat_tau",), "float32"),
    ("mirostat_eta", ("mirostat_eta",), "float32"),
)
"""GGUF's names for sampling values, generation_config.json's for the same, and their type, in the order written."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """How many values a model has: all, those that every token uses, those of one expert, and how many experts."""

    total: int
    shared: int
    expert: int
    n_expert: int

    @staticmethod
    def of(tensors: Sequence[OutputTensor]) -> Parameters:
        """Counted as GGUFWriter.get_total_parameter_count of llama.cpp's gguf-py does."""
        shared = expert = stacks = experts = 0
        for tensor in tensors:
            size = prod(tensor.shape)
            if "_exps." in tensor.name and len(tensor.shape) >= 3:
                n_expert = tensor.shape[-2 if ".bias" in tensor.name else -3]
                expert, experts, stacks = expert + size // n_expert, experts + n_expert, stacks + 1
            else:
                shared += size
        total = sum(prod(tensor.shape) for tensor in tensors)
        return Parameters(total, shared, expert, experts // stacks if stacks else 0)


def add_general(folder: Path, n_params: Parameters, keys: KeyValues) -> list[str]:
    """Adds the sampling values and the description of the model in `folder`, which has `n_params` parameters.

    Returns sentences about files that were left out because they are damaged: a model runs without them.
    """
    notices = []
    try:
        _add_sampling(read_json_if_there(folder / "generation_config.json"), keys)
    except ConversionError as error:
        notices.append(f"no sampling defaults: {error}")
    card: dict[str, Any] = {}
    try:
        card = read_card(folder / "README.md")
        _add_description(_describe(folder, card, n_params), keys)
    except ConversionError as error:
        notices.append(f"nothing from the model card: {error}")
        _add_description(_describe(folder, {}, n_params), keys)
    return notices


def _add_sampling(generation: Mapping[str, Any], keys: KeyValues) -> None:
    if isinstance(sequence := generation.get("sequence"), str):
        keys.string("general.sampling.sequence", sequence)
    for name, sources, kind in SAMPLING:
        value = next((generation[source] for source in sources if source in generation), None)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            continue
        if kind == "float32" and abs(value) < 3.4e38:
            keys.float32(f"general.sampling.{name}", value)
        elif kind == "int32" and isinstance(value, int) and abs(value) < 1 << 31:
            keys.int32(f"general.sampling.{name}", value)


def read_card(path: Path) -> dict[str, Any]:
    """The YAML front matter of a model card, empty when there is none; raises ConversionError for a damaged one."""
    if not path.exists():
        return {}
    lines = read_text(path, CARD_LIMIT).splitlines()
    if not lines or lines[0] != "---":
        return {}
    end = lines.index("---", 1) if "---" in lines[1:] else len(lines)
    # YAML reads the language code of Norwegian as false, and takes no tabs.
    text = "\n".join(lines[1:end]).replace("\t", "  ") + "\n"
    text = text.replace("- no\n", '- "no"\n')
    yaml = import_module("yaml")
    try:
        if any(isinstance(token, (yaml.AliasToken, yaml.AnchorToken)) for token in yaml.scan(text)):
            # A few aliases can stand for more text than any memory holds.
            raise ConversionError(f"{path} uses YAML aliases, which are not followed.")
        card = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConversionError(f"the front matter of {path} is no valid YAML.") from error
    return card if isinstance(card, dict) else {}


def _describe(folder: Path, card: dict[str, Any], n_params: Parameters) -> Any:
    """gguf's Metadata of a model: it knows how names of repositories and folders are built."""
    from gguf import Metadata, size_label

    origin = read_json(folder / "config.json").get("_name_or_path")
    named = {"_name_or_path": origin} if isinstance(origin, str) and len(origin) < 1000 else {}
    try:
        found = Metadata.apply_metadata_heuristic(Metadata(), card, named, folder, n_params.total)
    except (AttributeError, TypeError, ValueError, KeyError, IndexError) as error:
        raise ConversionError("the model card says things in an unknown form.") from error
    if found.name is None:
        found.name = folder.name
    if found.size_label is None:
        found.size_label = size_label(n_params.total, n_params.shared, n_params.expert, n_params.n_expert)
    return found


def _add_description(found: Any, keys: KeyValues) -> None:
    for name in ("name", "author", "version", "organization", "finetune", "basename", "description"):
        _add_text(f"general.{name}", getattr(found, name), keys)
    _add_text("general.size_label", found.size_label, keys)
    licence = found.license
    _add_text("general.license", ",".join(map(str, licence)) if isinstance(licence, list) else licence, keys)
    _add_text("general.license.name", found.license_name, keys)
    _add_text("general.license.link", found.license_link, keys)
    for name in ("url", "doi", "uuid", "repo_url"):
        _add_text(f"general.source.{name}", getattr(found, f"source_{name}"), keys)
    _add_origins("base_model", found.base_models, keys)
    _add_origins("dataset", found.datasets, keys)
    for name in ("tags", "languages"):
        values = getattr(found, name) or []
        keys.array(f"general.{name}", ValueType.STRING, [value for value in values if isinstance(value, str)])


def _add_origins(kind: str, origins: Sequence[Any] | None, keys: KeyValues) -> None:
    if origins is None:
        return
    keys.uint32(f"general.{kind}.count", len(origins))
    for number, origin in enumerate(origins):
        for name in ("name", "author", "version", "organization", "description", "url", "doi", "uuid", "repo_url"):
            _add_text(f"general.{kind}.{number}.{name}", origin.get(name), keys)


def _add_text(key: str, value: object, keys: KeyValues) -> None:
    # A card may give a number where a text is meant, such as a version.
    if isinstance(value, (str, int, float)):
        keys.string(key, str(value))
