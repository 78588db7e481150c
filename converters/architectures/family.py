"""How a model family is declared: its tensors as a table, the rest as small functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autoglm_lite.errors import ConversionError
from converters.config import Config
from converters.keyvalues import KeyValues
from converters.rows import Computed, Rows, Stacked, part
from converters.types import TensorType

MAX_LAYERS = 512
"""LLAMA_MAX_LAYERS in llama.cpp."""

MAX_EXPERTS = 1024
"""Above LLAMA_MAX_EXPERTS in llama.cpp."""


@dataclass(frozen=True, slots=True)
class TensorRule:
    """One kind of tensor: its name in the checkpoint and in the GGUF, and the shape that config.json calls for.

    `{expert}` in `source` stands for a number; the experts of a layer are stacked into one tensor.
    Several rules may have one source: each makes a part of it. Where several have one target, a checkpoint has one of
    their sources.
    """

    source: str
    target: str
    shape: tuple[int, ...]
    """Of one source tensor, outermost dimension first."""
    needed: bool = True
    """Whether a checkpoint without it is incomplete."""
    make: Callable[[Rows], Rows] | None = None
    """What becomes of it (see converters/rows.py); of the stack, for experts."""
    experts: int = 0
    """How many experts `{expert}` counts."""
    type: TensorType | None = None
    """A type that the tensor always has in the 16-bit file, where its name does not tell."""
    padded: bool = False
    """Whether a checkpoint may have more rows, which are cut off."""

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether a tensor of `shape` is what config.json calls for."""
        return shape == self.shape or (self.padded and shape[1:] == self.shape[1:] and shape[0] > self.shape[0])


@dataclass(frozen=True, slots=True)
class Named:
    """A tensor of the GGUF file on its way, before its type is chosen."""

    name: str
    rows: Rows
    type: TensorType | None = None
    """The type that its rule demands."""


def _nothing_generated(config: Config) -> Sequence[tuple[str, tuple[float, ...]]]:
    return ()


def _same_name(name: str) -> str:
    return name


@dataclass(frozen=True, slots=True)
class Family:
    """A model family: `name` is its architecture in GGUF."""

    name: str
    rules: Callable[[Config], Sequence[TensorRule]]
    """Checks the config and gives every tensor that the checkpoint may have."""
    parameters: Callable[[Config, KeyValues, int], None]
    """Adds the architecture's own keys, and `general.file_type` (the last argument) at its place among them."""
    tokenizer: Callable[[Path, Config, KeyValues], None] | None
    """Adds the `tokenizer.*` keys from the folder; None for the vision part of a model."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """What transformers assumes for keys that config.json leaves out."""
    rename: Callable[[str], str] = _same_name
    """From a checkpoint's name of a tensor to the one that the rules use."""
    ignored: str = r"\.rotary_emb\.inv_freq$|\.attention\.(masked_)?bias$"
    """A regular expression that finds the (renamed) tensors that are not wanted."""
    generated: Callable[[Config], Sequence[tuple[str, tuple[float, ...]]]] = _nothing_generated
    """F32 vectors that no checkpoint holds, which come first in the file."""


def in_layers(
    layers: Iterable[int], rules: Sequence[TensorRule], source: str = "model.layers.", target: str = "blk."
) -> list[TensorRule]:
    """`rules`, whose names are those within a layer, for each of `layers`."""
    return [
        replace(rule, source=f"{source}{layer}.{rule.source}", target=f"{target}{layer}.{rule.target}")
        for layer in layers
        for rule in rules
    ]


def map_tensors(family: Family, config: Config, weights: Mapping[str, Rows]) -> list[Named]:
    """The tensors of the GGUF file in the order of convert_hf_to_gguf: that of the checkpoint's last part of each.

    Raises ConversionError for a tensor that the family does not have, that is missing, or whose shape does not fit.
    """
    rules = family.rules(config)
    wanted = {name: rule for rule in rules for name in _parts(rule)}
    found: dict[str, tuple[int, Rows]] = {}
    for place, (source, rows) in enumerate(weights.items()):
        name = family.rename(source)
        if re.search(family.ignored, name):
            continue
        if name not in wanted:
            raise ConversionError(_unknown(source, family.name, config))
        if name in found:
            raise ConversionError(f"tensor {name} is there twice under two names; download the checkpoint again.")
        shape = wanted[name].shape
        if not wanted[name].fits(rows.shape):
            raise ConversionError(
                f"tensor {source} has the shape {list(rows.shape)[:8]} where config.json calls for "
                f"{list(shape)}; the folder mixes two models, download it again."
            )
        found[name] = place, rows if rows.shape == shape else part(rows, 0, shape[0])
    made: list[tuple[int, int, Named]] = []
    sources: dict[str, str] = {}
    complete = {rule.target for rule in rules if all(name in found for name in _parts(rule))}
    for order, rule in enumerate(rules):
        parts = _parts(rule)
        if missing := [name for name in parts if name not in found]:
            if len(missing) < len(parts) or (rule.needed and rule.target not in complete):
                raise ConversionError(
                    f"tensor {missing[0]} is missing; the checkpoint is incomplete, download it again."
                )
            continue
        if rule.target in sources:
            raise ConversionError(
                f"tensors {sources[rule.target]} and {parts[0]} are the same part of the model; "
                "download the checkpoint again."
            )
        sources[rule.target] = parts[0]
        rows = Stacked(tuple(found[name][1] for name in parts)) if rule.experts else found[parts[0]][1]
        place = max(found[name][0] for name in parts)
        made.append((place, order, Named(rule.target, rule.make(rows) if rule.make else rows, rule.type)))
    generated = [Named(name, Computed(values)) for name, values in family.generated(config)]
    return generated + [named for _, _, named in sorted(_experts_together(made, rules), key=lambda one: one[:2])]


def _parts(rule: TensorRule) -> list[str]:
    return [rule.source.replace("{expert}", str(expert)) for expert in range(max(rule.experts, 1))]


def _experts_together(
    made: Sequence[tuple[int, int, Named]], rules: Sequence[TensorRule]
) -> list[tuple[int, int, Named]]:
    """Lets a layer's stacks follow its last expert tensor of any kind, as convert_hf_to_gguf does."""
    last: dict[str, int] = {}
    layers = {
        order: rules[order].target.split(".ffn_")[0] if rules[order].experts else f"{order}" for _, order, _ in made
    }
    for place, order, _ in made:
        last[layers[order]] = max(place, last.get(layers[order], 0))
    return [(last[layers[order]], order, named) for _, order, named in made]


def _unknown(name: str, family: str, config: Config) -> str:
    shown = name if len(name) <= 120 else name[:120] + "…"
    n_layer = config.get("num_hidden_layers")
    number = re.search(r"\.layers\.(\d{1,9})\.", name)
    if number and isinstance(n_layer, int) and int(number[1]) >= n_layer:
        return f"tensor {shown} is of a layer beyond the {n_layer} of config.json; the folder mixes two models."
    return f"tensor {shown} is none that the {family} architecture has, so the result would be wrong without it."
