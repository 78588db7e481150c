"""From the 16-bit file to the quantised one, as llama-quantize does it: types, order and metadata."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from autoglm_lite.errors import ConversionError
from autoglm_lite.gguf.importance import Importance
from converters.draft import QUANTIZATION_VERSION, Draft
from converters.keyvalues import KeyValues
from converters.layers import drop_importance, n_layers
from converters.mixture import Candidate, Category, Network, category, choose_types
from converters.rows import Reshaped
from converters.tensors import OutputTensor
from converters.types import TensorType
from converters.wishes import Wishes

LONGEST_TEXT = 127
"""Bytes of a text that llama-quantize writes about an importance matrix."""


def file_order(name: str) -> tuple[int, bytes]:
    """Where a tensor stands in a quantised file: by layer, then by name (weight_name_comparer of llama.cpp)."""
    found = re.match(r"blk\.(\d+)", name)
    return int(found[1]) if found else -1, name.encode()


def network(draft: Draft) -> Network:
    """What the mixtures ask about the model of `draft`."""
    name, keys = draft.architecture, draft.keys
    n_layer = n_layers(draft)
    n_head = keys.integer(f"{name}.attention.head_count") or 0
    n_head_kv = keys.integer(f"{name}.attention.head_count_kv")
    n_head_kv = n_head if n_head_kv is None else n_head_kv
    big = (name == "llama" and n_layer == 80 and n_head != n_head_kv) or (name == "qwen2" and n_layer == 80)
    return Network(
        architecture=name,
        n_layer=n_layer,
        n_gqa=n_head // n_head_kv if n_head_kv else 0,
        n_expert=keys.integer(f"{name}.expert_count") or 0,
        is_70b=big,
    )


def quantised(draft: Draft, model: Network, wishes: Wishes, types: Mapping[str, TensorType] | None = None) -> Draft:
    """`draft` with the types that `wishes` ask for (or `types`, by name), and what llama-quantize adds.

    `model` describes the network before layers were dropped. Raises ConversionError as `choose_types` does, and for
    an importance matrix that is of another model.
    """
    known = known_importance(model, wishes)
    ordered = in_file_order(draft)
    if types is None:
        candidates = [Candidate(one.name, one.shape, one.base) for one in ordered]
        chosen = choose_types(model, candidates, replace(wishes, importance=known))
    else:
        chosen = [types.get(one.name, one.base) for one in ordered]
    tensors = [
        weighed(replace(one, type=kind), known) if kind.quantised and kind is not one.base else replace(one, type=kind)
        for one, kind in zip(ordered, chosen, strict=True)
    ]
    keys = draft.keys.copy()
    keys.last("general.quantization_version", QUANTIZATION_VERSION)
    keys.last("general.file_type", wishes.file_type.number)
    if wishes.importance is not None:
        _describe(wishes.importance, keys)
    if wishes.drop_layers:
        keys.last(f"{draft.architecture}.block_count", n_layers(draft))
    return replace(draft, keys=keys, tensors=tensors)


def in_file_order(draft: Draft) -> list[OutputTensor]:
    """The tensors as they stand in a quantised file."""
    return sorted(map(_without_ones, draft.tensors), key=lambda tensor: file_order(tensor.name))


def known_importance(model: Network, wishes: Wishes) -> Importance | None:
    """The importance matrix under the names that tensors have in the result."""
    if wishes.importance is None or not wishes.drop_layers:
        return wishes.importance
    return drop_importance(wishes.importance, wishes.drop_layers, model.n_layer)


def _without_ones(tensor: OutputTensor) -> OutputTensor:
    # ggml does not count outermost dimensions of one, as the gate of a single shared expert has.
    shape = tensor.shape
    while len(shape) > 1 and shape[0] == 1:
        shape = shape[1:]
    return tensor if shape == tensor.shape else replace(tensor, rows=Reshaped(tensor.rows, shape))


def weighed(tensor: OutputTensor, importance: Importance | None) -> OutputTensor:
    """`tensor` with its part of `importance`; raises ConversionError when that is of another model."""
    if importance is None or tensor.name not in importance.weights:
        return tensor
    weights = importance.weights[tensor.name].reshape(-1)
    n_expert = tensor.shape[-3] if len(tensor.shape) > 2 else 1
    n_per_row = tensor.shape[-1]
    if weights.size != n_expert * n_per_row:
        if category(tensor.name) is Category.TOKEN_EMBD:
            return tensor
        raise ConversionError(
            f"the importance matrix has {weights.size} values for {tensor.name} where the model has "
            f"{n_expert * n_per_row}; it was made for another model."
        )
    return replace(tensor, importance=weights.reshape(n_expert, n_per_row))


def _describe(importance: Importance, keys: KeyValues) -> None:
    keys.string("quantize.imatrix.file", _cut(str(importance.path)))
    if importance.datasets:
        keys.string("quantize.imatrix.dataset", _cut(importance.datasets[0]))
    keys.uint32("quantize.imatrix.entries_count", len(importance.weights))
    if importance.n_chunks > 0:
        keys.uint32("quantize.imatrix.chunks_count", importance.n_chunks)


def _cut(text: str) -> str:
    # A file's name need not be UTF-8.
    return text.encode("utf-8", "replace")[:LONGEST_TEXT].decode("utf-8", "ignore")
