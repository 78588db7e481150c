"""Dropped layers: what the metadata says of those that are left."""

from __future__ import annotations

from pathlib import Path

from converters.draft import Draft
from converters.keyvalues import KeyValues, ValueType
from converters.layers import drop_layers


def left(layers: list[int], **numbers: int | list[int]) -> dict[str, object]:
    """The keys of a model of four layers, without the architecture's name, after `layers` are dropped."""
    keys = KeyValues()
    keys.uint32("qwen2vl.block_count", 4)
    for name, value in numbers.items():
        key = "qwen2vl." + name.replace("__", ".")
        if isinstance(value, int):
            keys.uint32(key, value)
        else:
            keys.array(key, ValueType.INT32, value)
    found = drop_layers(Draft(Path("x"), "qwen2vl", keys, (), ()), layers).keys
    return {key.removeprefix("qwen2vl."): value.content for key, value in found}


def test_arrays_by_layer_are_shortened_and_sections_are_not() -> None:
    found = left([1], attention__head_count_kv=[1, 2, 3, 4], rope__dimension_sections=[16, 24, 24, 0])
    assert found["attention.head_count_kv"] == [1, 3, 4]
    assert found["rope.dimension_sections"] == [16, 24, 24, 0]
    assert found["block_count"] == 3


def test_dense_and_prediction_layers_are_counted_anew() -> None:
    assert left([0, 3], leading_dense_block_count=2, nextn_predict_layers=1) == {
        "leading_dense_block_count": 1,
        "nextn_predict_layers": 0,
        "block_count": 2,
    }
