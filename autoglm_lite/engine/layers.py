"""How much each layer of a model changes what goes through it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from autoglm_lite.engine.reader import Reader, Stop
from autoglm_lite.errors import AutoglmError
from autoglm_lite.measurement import LayersCompared, TokensRead
from autoglm_lite.native.node import Node
from autoglm_lite.planning.plan import Plan

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

INPUTS = frozenset({"embd", "inp_embd", "inp_scaled", "inp_norm", "inp_norm-0", "inpL"})
"""What enters the first layer, in the words of llama.cpp's graphs: of several the last, since Gemma scales the
embeddings, BLOOM normalises them and GPT-2 adds positions to them."""
OUTPUT = re.compile(r"l_out-(\d+)")
"""Nearly all graphs of llama.cpp that write text name a layer's output so: not those of PLaMo 2, DeepSeek 4 and
Qwen 4; and Gemma 3n passes four states from layer to layer."""


def compare_layers(
    plan: Plan, text: str, stop: Stop, on_load: Callable[[float], None] | None = None
) -> Iterator[TokensRead | LayersCompared]:
    """Reads the text, then gives the similarity of each layer's input and output: the mean cosine of the two hidden
    states of a token (the complement of ShortGPT's Block Influence, arXiv 2403.03853).

    Raises LoadError, UsageError for a text of less than one chunk, AutoglmError when stopped or where the graph has
    other names.
    """
    comparer = LayerComparer()
    with Reader(plan, stop, observer=comparer, on_load=on_load) as reader:
        chunks = reader.chunks(text, at_least=1)
        total = len(chunks) * reader.n_ctx
        yield TokensRead(0, total)
        for i, chunk in enumerate(chunks):
            for batch in reader.read(chunk):
                yield TokensRead(i * reader.n_ctx + batch.end, total)
    yield LayersCompared(comparer.similarity())


class LayerComparer:
    """An Observer of hidden states."""

    def __init__(self) -> None:
        self._state: npt.NDArray[np.float64] | None = None
        """What entered the next layer: (n_tokens, n_embd), of length 1 each."""
        self._sums: dict[int, float] = {}
        self._n_tokens = 0

    def wants(self, node: Node) -> bool:
        name = node.name
        return name in INPUTS or OUTPUT.fullmatch(name) is not None

    def see(self, node: Node) -> None:
        import numpy as np

        values = node.values().astype(np.float64)
        state = values.reshape(-1, values.shape[-1])
        state /= np.maximum(np.linalg.norm(state, axis=1, keepdims=True), 1e-30)
        before, self._state = self._state, state
        match = OUTPUT.fullmatch(node.name)
        if match is None:
            return
        layer = int(match[1])
        if before is None or before.shape != state.shape or (layer > 0 and layer - 1 not in self._sums):
            raise _unknown()
        self._sums[layer] = self._sums.get(layer, 0.0) + float(np.einsum("ij,ij->", before, state))
        if layer == 0:
            self._n_tokens += len(state)

    def similarity(self) -> list[float]:
        if not self._sums:
            raise _unknown()
        return [self._sums[layer] / self._n_tokens for layer in range(len(self._sums))]


def _unknown() -> AutoglmError:
    return AutoglmError("The layers of this kind of model cannot be compared: name those to drop instead.")
