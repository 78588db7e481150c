"""Looking at llama.cpp's graph while it is computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

from autoglm_lite.native.context import Context
from autoglm_lite.native.model import Model
from autoglm_lite.native.node import Node
from tests.engine.forward import as_f32
from tests.gguf.tiny import N_EMBD, N_LAYER, Tiny, llama, mixtral


class Watcher:
    """Sees the nodes that `wanted` picks."""

    def __init__(self, wanted: Callable[[Node], bool], look: Callable[[Node], None]) -> None:
        self.wants, self.see = wanted, look


@contextmanager
def context_of(tiny: Tiny, path: Path, watcher: Watcher) -> Iterator[Context]:
    with (
        closing(Model(str(tiny.write(path)), load_mode="mmap", repack=False)) as model,
        closing(
            Context(
                model,
                n_ctx=64,
                n_ubatch=32,
                threads=1,
                threads_batch=1,
                kv_type="f32",
                n_outputs=32,
                observer=watcher,
            )
        ) as context,
    ):
        yield context


def test_nodes_are_what_the_graph_computes(tmp_path: Path) -> None:
    """Each multiplication by a weight gives the product of what its sources hold."""
    tiny = as_f32(llama())
    seen: list[str] = []

    def look(node: Node) -> None:
        weight, inputs = node.source(0), node.source(1)
        assert weight is not None
        assert inputs is not None
        assert node.source(9) is None
        product = inputs.values()[0, 0] @ weight.values()[0, 0].T
        assert node.shape == (1, 1, 20, product.shape[-1])
        assert np.allclose(node.values()[0, 0], product, atol=1e-4)
        seen.append(weight.name)

    def wanted(node: Node) -> bool:
        weight = node.source(0)
        return node.operation == "MUL_MAT" and weight is not None and weight.name.endswith(".weight")

    with context_of(tiny, tmp_path / "tiny.gguf", Watcher(wanted, look)) as context:
        context.decode([1, *range(100, 119)], 0, n_outputs=20)
        assert context.logits(20).shape == (20, 271)
    assert len(seen) == len(set(seen)) == 7 * N_LAYER + 1
    assert {"blk.0.attn_q.weight", "blk.1.ffn_down.weight", "output.weight"} <= set(seen)


def test_experts_are_chosen_by_their_numbers(tmp_path: Path) -> None:
    chosen: list[list[int]] = []

    def look(node: Node) -> None:
        experts = node.source(2)
        assert experts is not None
        assert not experts.is_f32
        with pytest.raises(ValueError, match="ggml type"):
            experts.values()
        chosen.append(experts.ids()[0, 0].ravel().tolist())

    watcher = Watcher(lambda node: node.operation == "MUL_MAT_ID", look)
    with context_of(mixtral(), tmp_path / "tiny.gguf", watcher) as context:
        context.decode(list(range(100, 120)), 0, n_outputs=20)
    assert [len(numbers) for numbers in chosen] == [2 * 20] * 3 * N_LAYER
    assert {number for numbers in chosen for number in numbers} <= {0, 1, 2, 3}


@pytest.mark.parametrize("when", ["wants", "see"])
def test_what_an_observer_raises_comes_out_of_decode(when: str, tmp_path: Path) -> None:
    broken = True

    def fail(node: Node) -> bool:
        if broken and node.name.startswith("l_out"):
            raise ArithmeticError(node.name)
        return node.name.startswith("l_out")

    def look(node: Node) -> None:
        if broken:
            fail(node)
        assert node.values().shape == (1, 1, 5, N_EMBD)

    watcher = Watcher(fail, look) if when == "wants" else Watcher(lambda node: node.name.startswith("l_out"), look)
    with context_of(llama(), tmp_path / "tiny.gguf", watcher) as context:
        with pytest.raises(ArithmeticError, match="l_out-0"):
            context.decode([1, 2, 3, 4, 5], 0, n_outputs=5)
        broken = False
        context.forget_from(0)
        context.decode([1, 2, 3, 4, 5], 0, n_outputs=5)
        assert np.isfinite(context.logits(5)).all()


def test_more_logits_than_there_is_room_for_are_refused(tmp_path: Path) -> None:
    with context_of(llama(), tmp_path / "tiny.gguf", Watcher(lambda _: False, lambda _: None)) as context:
        with pytest.raises(ValueError, match="logits of 3 tokens"):
            context.decode([1, 2], 0, n_outputs=3)
        with pytest.raises(ValueError, match="batch of 33"):
            context.decode([1] * 33, 0, n_outputs=0)
