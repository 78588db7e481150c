"""Which rows are converted while which shard is here."""

from __future__ import annotations

from pathlib import Path

import pytest
from sharding import Place, at_random, in_order, in_turn, sharded

from converters.conversion import Conversion, draft_of, plan_conversion
from converters.rows import n_rows
from converters.streaming.pieces import order_of
from converters.types import file_type
from converters.wishes import Wishes


def _planned(folder: Path) -> Conversion:
    wishes = Wishes(file_type("Q4_K_M"))
    return plan_conversion(draft_of(folder, wishes), wishes)


@pytest.mark.parametrize("place", [in_order, at_random])
@pytest.mark.parametrize("name", ["Qwen3-30B-A3B", "GLM-4.7-Flash", "Qwen3-0.6B-FP8", "Llama-3.2-1B-Instruct"])
def test_each_row_once_and_by_its_own_shard(name: str, place: Place, tmp_path: Path) -> None:
    tensors = _planned(sharded(name, tmp_path, 4, place)).draft.tensors
    order = order_of(tensors)
    rows: dict[int, list[tuple[int, int]]] = {}
    apart = {(source.path, source.name) for source in order.apart}
    for batch in order.batches:
        for piece in batch.pieces:
            rows.setdefault(piece.number, []).append((piece.start, piece.stop))
            for source in tensors[piece.number].rows.read_for(piece.start, piece.stop):
                assert source.path == batch.shard or (source.path, source.name) in apart
    for number, tensor in enumerate(tensors):
        found = sorted(rows[number])
        assert [start for start, _ in found] == [0, *(stop for _, stop in found[:-1])]
        assert found[-1][1] == n_rows(tensor.rows)
    assert order.shards == sorted(order.shards)


@pytest.mark.parametrize("name", ["Qwen3-30B-A3B", "GLM-4.7-Flash"])
def test_experts_of_any_shards_need_no_other(name: str, tmp_path: Path) -> None:
    tensors = _planned(sharded(name, tmp_path, 5, in_turn)).draft.tensors
    order = order_of(tensors)
    assert not order.apart
    shards = [
        {batch.shard for batch in order.batches for piece in batch.pieces if piece.number == number}
        for number in range(len(tensors))
    ]
    assert max(map(len, shards)) >= 4


def test_of_two_that_belong_together_the_small_one_comes_apart(tmp_path: Path) -> None:
    conversion = _planned(sharded("Qwen3-0.6B-FP8", tmp_path, 3, in_turn))
    order = order_of(conversion.draft.tensors)
    assert order.apart
    assert all(source.name.endswith("_scale_inv") for source in order.apart)
    weights = sum(source.nbytes for tensor in conversion.draft.tensors for source in tensor.rows.sources)
    # Real ones have a scale for 16,384 values, and these for fewer.
    assert sum(source.nbytes for source in order.apart) < weights / 100
