"""The inputs of a model's matrix multiplications, summed for an importance matrix.

Which multiplications count is llama-imatrix's choice (tools/imatrix/imatrix.cpp of llama.cpp), so that the sums do.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from autoglm_lite.engine.reader import Reader, Stop
from autoglm_lite.errors import AutoglmError
from autoglm_lite.measurement import Collected, InputsOf, TokensRead
from autoglm_lite.native.node import Node
from autoglm_lite.planning.plan import Plan

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MIN_ROWS = 16
"""Multiplications of fewer rows are not counted."""


def collect_inputs(
    plan: Plan, text: str, stop: Stop, on_load: Callable[[float], None] | None = None
) -> Iterator[TokensRead | InputsOf | Collected]:
    """Reads the text, then gives the sums of each weight in the order of their names.

    Raises LoadError, UsageError for a text of less than two chunks, AutoglmError when stopped or when the model's
    results are no numbers.
    """
    import numpy as np

    collector = InputCollector()
    with Reader(plan, stop, observer=collector, on_load=on_load) as reader:
        chunks = reader.chunks(text, at_least=2)
        total = len(chunks) * reader.n_ctx
        yield TokensRead(0, total)
        for i, chunk in enumerate(chunks):
            for batch in reader.read(chunk):
                collector.end_batch()
                yield TokensRead(i * reader.n_ctx + batch.end, total)
    for name in sorted(collector.squares):
        squares, counts = collector.squares[name], collector.counts[name]
        packed = base64.b64encode(squares.astype("<f4").tobytes()).decode("ascii")
        yield InputsOf(name, len(counts), packed, counts.tolist())
    most = max((int(np.max(counts)) for counts in collector.counts.values()), default=0)
    yield Collected(most // plan.n_ctx)


class InputCollector:
    """An Observer; its sums are of all batches so far."""

    def __init__(self) -> None:
        self.squares: dict[str, npt.NDArray[np.float64]] = {}
        """By weight: (n_matrices, n_columns)."""
        self.counts: dict[str, npt.NDArray[np.int64]] = {}
        """Tokens: (n_matrices,) for experts, else (1,)."""
        self._seen: tuple[tuple[int, int, int], npt.NDArray[np.float32], npt.NDArray[np.int64]] | None = None
        """Queries, keys and values have one input, and so have gate and up: its sums are made once."""

    def end_batch(self) -> None:
        """To be called after each: the next one's inputs may lie where this one's did."""
        self._seen = None

    def wants(self, node: Node) -> bool:
        operation = node.operation
        if operation == "MUL_MAT_ID":
            return True
        if operation != "MUL_MAT":
            return False
        weight, inputs = node.source(0), node.source(1)
        assert weight is not None
        assert inputs is not None
        return inputs.shape[2] >= MIN_ROWS and inputs.is_f32 and weight.name.startswith("blk.")

    def see(self, node: Node) -> None:
        weight, inputs, chosen = node.source(0), node.source(1), node.source(2)
        assert weight is not None
        assert inputs is not None
        n_matrices = weight.shape[0] * weight.shape[1]
        key = (inputs.address, 0 if chosen is None else chosen.address, n_matrices)
        if self._seen is None or self._seen[0] != key:
            sums = _dense(weight, inputs) if chosen is None else _routed(n_matrices, inputs, chosen)
            self._seen = (key, *sums)
        self._add(weight.name, *self._seen[1:])

    def _add(self, name: str, squares: npt.NDArray[np.float32], counts: npt.NDArray[np.int64]) -> None:
        import numpy as np

        if not np.isfinite(squares).all():
            raise AutoglmError(f"The model computes values that are no numbers (at {name}): its file may be damaged.")
        if name not in self.squares:
            self.squares[name] = squares.astype(np.float64)
            self.counts[name] = counts.copy()
            return
        self.squares[name] += squares
        self.counts[name] = self.counts[name] + counts


def _dense(weight: Node, inputs: Node) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """All rows go through each matrix; where there are several, they take turns over the outer dimensions."""
    import numpy as np

    x = inputs.values()
    n3, n2, n_rows, n_columns = x.shape
    w3, w2 = weight.shape[:2]
    squares = np.zeros((w3 * w2, n_columns), dtype=np.float32)
    for i3 in range(n3):
        for i2 in range(n2):
            squares[(i3 % w3) * w2 + i2 % w2] += np.einsum("ij,ij->j", x[i3, i2], x[i3, i2])
    return squares, np.array([n3 * n2 * n_rows // (w3 * w2)], dtype=np.int64)


def _routed(n_experts: int, inputs: Node, chosen: Node) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Each token goes through the experts chosen for it: `inputs` (n_tokens, n_used or 1, n_columns), `chosen`
    (n_tokens, n_used)."""
    import numpy as np

    x, experts = inputs.values()[0], chosen.ids()[0, 0]
    squares = np.zeros((n_experts, x.shape[-1]), dtype=np.float32)
    for expert in np.unique(experts):
        token, place = np.nonzero(experts == expert)
        rows = x[token, place % x.shape[1]]
        squares[expert] = np.einsum("ij,ij->j", rows, rows)
    return squares, np.bincount(experts.ravel(), minlength=n_experts).astype(np.int64)
