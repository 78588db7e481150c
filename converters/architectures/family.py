"""How a model family is declared: its tensors as a table, the rest as small functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autoglm_lite.errors import ConversionError
from converters.checkpoint import SourceTensor
from converters.config import Config
from converters.keyvalues import KeyValues
from converters.tensors import OutputTensor
from converters.types import F32, FileType


@dataclass(frozen=True, slots=True)
class TensorRule:
    """One kind of tensor: its name in the checkpoint and in the GGUF, and its shape as names of sizes.

    `{layer}` in a name stands for each layer's number.
    """

    source: str
    target: str
    shape: tuple[str, ...]
    needed: str = "always"
    """The name of the size that says whether the checkpoint must have it: 0 means that it may be absent."""
    interleaved: str = ""
    """The name of the size that counts the heads whose halves are interleaved (see OutputTensor)."""


@dataclass(frozen=True, slots=True)
class Family:
    """A model family: `name` is its architecture in GGUF."""

    name: str
    defaults: Mapping[str, Any]
    """What transformers assumes for keys that config.json leaves out."""
    skipped: tuple[str, ...]
    """Endings of tensors that are buffers, which the runtime computes itself."""
    rules: tuple[TensorRule, ...]
    sizes: Callable[[Config], Mapping[str, int]]
    """Checks the config and gives the sizes that the rules name, `n_layer` among them."""
    parameters: Callable[[Config, KeyValues], None]
    """Adds the architecture's own keys up to `general.file_type`."""
    more_parameters: Callable[[Config, KeyValues], None]
    """Adds those that follow `general.file_type`."""
    vocabulary: Callable[[Config, KeyValues], None]
    """Adds what a tokenizer of this family needs beyond its files."""
    generated: Callable[[Config], Sequence[tuple[str, tuple[float, ...]]]]
    """F32 vectors that no checkpoint holds, which come first in the file."""


def map_tensors(family: Family, config: Config, kind: FileType, sources: Sequence[SourceTensor]) -> list[OutputTensor]:
    """The tensors of the GGUF file, in order.

    Raises ConversionError for a tensor that the family does not have, that is missing, or whose shape does not fit.
    """
    sizes = family.sizes(config)
    expected = {
        rule.source.format(layer=layer): (rule, layer) for rule in family.rules for layer in _layers(rule, sizes)
    }
    tensors = [OutputTensor(name, F32, (len(values),), None, values) for name, values in family.generated(config)]
    found = set()
    for source in sources:
        if source.name.endswith(family.skipped):
            continue
        if source.name not in expected:
            raise ConversionError(_unknown(source.name, family, sizes["n_layer"]))
        rule, layer = expected[source.name]
        shape = tuple(sizes[size] for size in rule.shape)
        if source.shape != shape:
            raise ConversionError(
                f"tensor {source.name} has the shape {list(source.shape)[:8]} where config.json calls for "
                f"{list(shape)}; the folder mixes two models, download it again."
            )
        target = rule.target.format(layer=layer)
        heads = sizes[rule.interleaved] if rule.interleaved else 0
        tensors.append(OutputTensor(target, kind.choose(target, shape), shape, source, (), heads))
        found.add(source.name)
    for name, (rule, _) in expected.items():
        if name not in found and (rule.needed == "always" or sizes[rule.needed]):
            raise ConversionError(f"tensor {name} is missing; the checkpoint is incomplete, download it again.")
    return tensors


def _layers(rule: TensorRule, sizes: Mapping[str, int]) -> range:
    return range(sizes["n_layer"]) if "{layer}" in rule.source else range(1)


def _unknown(name: str, family: Family, n_layer: int) -> str:
    shown = name if len(name) <= 120 else name[:120] + "…"
    if (number := re.search(r"\.layers\.(\d{1,9})\.", name)) and int(number[1]) >= n_layer:
        return f"tensor {shown} is of a layer beyond the {n_layer} of config.json; the folder mixes two models."
    return f"tensor {shown} is none that the {family.name} architecture has, so the result would be wrong without it."
