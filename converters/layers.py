"""Depth pruning: a model without some of its layers, its metadata following."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from autoglm_lite.errors import ConversionError
from autoglm_lite.gguf.importance import Importance
from converters.draft import Draft
from converters.keyvalues import KeyValues, ValueType

PERIODS = {"gemma2": 2, "gemma3": 6, "cohere2": 4, "smollm3": 4, "llama4": 4, "exaone4": 4, "olmo2": 4}
"""Architectures in which llama.cpp tells kinds of layers apart by their number alone: one in so many is different."""

LAYER = re.compile(r"^blk\.(\d+)\.")


def n_layers(draft: Draft) -> int:
    """All blocks of the model, 0 for one that has none."""
    found = draft.keys.integer(f"{draft.architecture}.block_count")
    return found or 0


def period(draft: Draft) -> int:
    """How many layers make one whole round of the kinds of layers that llama.cpp tells apart by their number."""
    return PERIODS.get(draft.architecture, 1)


def alike_layers(similarity: Sequence[float], count: int, period: int) -> tuple[int, ...]:
    """The `count` layers of greatest `similarity` between input and output, in order; whole runs of `period`.

    Raises ConversionError when `count` is no multiple of `period`.
    """
    if count % period:
        raise ConversionError(
            f"in this architecture layers come in runs of {period}, so the number to drop must be a multiple of it."
        )
    runs = [range(first, first + period) for first in range(0, len(similarity) - period + 1, period)]
    best = sorted(runs, key=lambda run: (-sum(similarity[layer] for layer in run), run.start))
    return tuple(sorted(layer for run in best[: count // period] for layer in run))


def drop_layers(draft: Draft, layers: Sequence[int]) -> Draft:
    """`draft` without `layers` (numbers from 0), the others numbered anew, as llama-quantize's --prune-layers does.

    Arrays with a value for each layer lose theirs too, which llama-quantize leaves wrong.
    Raises ConversionError for layers that are not there, that are all, or without which the kinds of layers shift.
    """
    count, dropped = n_layers(draft), set(layers)
    if odd := sorted(layer for layer in dropped if not 0 <= layer < count):
        raise ConversionError(f"there is no layer {odd[0]} to drop: the model has layers 0 to {count - 1}.")
    if len(dropped) == count:
        raise ConversionError(f"all {count} layers cannot be dropped; keep some.")
    kept = [layer for layer in range(count) if layer not in dropped]
    _keep_kinds(draft, kept)
    numbers = {old: new for new, old in enumerate(kept)}
    tensors = [
        replace(tensor, name=name) for tensor in draft.tensors if (name := _renamed(tensor.name, numbers)) is not None
    ]
    keys = KeyValues()
    for key, value in draft.keys:
        of_network = key.startswith(f"{draft.architecture}.") and not key.endswith(".rope.dimension_sections")
        per_layer = value.type is ValueType.ARRAY and of_network
        if per_layer and isinstance(value.content, (list, tuple)) and len(value.content) == count:
            value = replace(value, content=[value.content[layer] for layer in kept])
        keys.put(key, value)
    dense = f"{draft.architecture}.leading_dense_block_count"
    if leading := draft.keys.integer(dense):
        keys.uint32(dense, sum(layer < leading for layer in kept))
    ahead = f"{draft.architecture}.nextn_predict_layers"
    if n_ahead := draft.keys.integer(ahead):
        keys.uint32(ahead, sum(layer >= count - n_ahead for layer in kept))
    keys.last(f"{draft.architecture}.block_count", len(kept))
    return replace(draft, keys=keys, tensors=tensors)


def drop_importance(importance: Importance, layers: Sequence[int], count: int) -> Importance:
    """The importance matrix of the whole model under the names that tensors have without `layers`."""
    kept = [layer for layer in range(count) if layer not in set(layers)]
    numbers = {old: new for new, old in enumerate(kept)}
    renamed = {
        name: weights for old, weights in importance.weights.items() if (name := _renamed(old, numbers)) is not None
    }
    return replace(importance, weights=renamed)


def _renamed(name: str, numbers: dict[int, int]) -> str | None:
    found = LAYER.match(name)
    if found is None:
        return name
    number = numbers.get(int(found[1]))
    return None if number is None else f"blk.{number}.{name[found.end() :]}"


def _keep_kinds(draft: Draft, kept: Sequence[int]) -> None:
    round_of = period(draft)
    if moved := next((old for new, old in enumerate(kept) if old % round_of != new % round_of), None):
        raise ConversionError(
            f"in a {draft.architecture} one of {round_of} layers is of another kind, and without these layers, layer "
            f"{moved} would become of the wrong one; drop runs of {round_of} layers."
        )
