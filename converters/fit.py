"""`--fit`: the type of each tensor, so that the file meets a size at the least loss.

Each tensor's error is measured for each type on a sample of its rows, and weighed by how much that tensor's noise
matters to the model's output (see converters/sensitivity.py). Which error to accept where is then a knapsack, solved
by a Lagrangian: for a price of a byte, every tensor takes the type of least error plus price, and the price is
searched for (Everett 1963; the use for quantisation is that of arXiv:2411.17525, whose linearity theorem says that
the losses of single tensors add up).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from autoglm_lite.errors import ConversionError
from converters.files import Files
from converters.mixture import Category, category, may_quantise
from converters.rows import n_per_row, n_rows
from converters.sensitivity import sensitivity
from converters.tensors import OutputTensor, Slab, read_values
from converters.types import TENSOR_TYPES, TensorType

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

K_TYPES = ("Q2_K", "Q3_K", "IQ4_XS", "Q4_K", "Q5_K", "Q6_K", "Q8_0")
"""What a matrix may become whose rows are whole blocks of 256: the types that processors are quick at."""

IMPORTANT_TYPES = ("IQ2_XXS", "IQ2_S", "IQ3_XXS", "IQ3_S")
"""These too when an importance matrix is given: without one they lose too much."""

SHORT_TYPES = ("Q4_0", "IQ4_NL", "Q5_0", "Q5_1", "Q8_0")
"""For rows that are whole blocks of 32 only."""

SAMPLE_VALUES = 1 << 17
SAMPLE_PARTS = 16
"""Values of a tensor that are looked at, and the places that they are taken from."""


@dataclass(frozen=True, slots=True)
class Option:
    """A type that a tensor might get, the bytes it takes then, and what it costs in loss (relative, added up)."""

    type: TensorType
    nbytes: int
    loss: float


@dataclass(frozen=True, slots=True)
class Item:
    """A tensor and its options by size, smallest first; one option where nothing is to be chosen."""

    name: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A choice of types, by the tensors' names, with its bytes (padding included) and the sum of its losses."""

    chosen: dict[str, Option]
    nbytes: int
    loss: float


def measure(
    tensors: Sequence[OutputTensor],
    n_layer: int,
    n_threads: int,
    manual: Mapping[str, TensorType],
    on_progress: Callable[[int, int], None] | None = None,
    opened: Callable[[], Files] = Files,
) -> list[Item]:
    """The options of each of `tensors` (whose `importance` counts, where there is one), on `n_threads` threads.

    `manual` gives the types that are not to be chosen, by tensor; `opened` what reads the files.
    Raises ConversionError as reading them does.
    """
    tied = all(category(tensor.name) is not Category.OUTPUT for tensor in tensors)
    items: list[Item] = []
    with opened() as files, ThreadPoolExecutor(n_threads, thread_name_prefix="fit") as pool:
        work = [pool.submit(_item, one, n_layer, tied, manual.get(one.name), files) for one in tensors]
        try:
            for future in work:
                items.append(future.result())
                if on_progress:
                    on_progress(len(items), len(work))
        finally:
            for future in work:
                future.cancel()
    return items


def choose(items: Sequence[Item], size: int, header: int = 0) -> Fitted:
    """The options of least loss whose bytes, and `header`, stay within `size`; raises ConversionError when none do."""
    smallest, budget = fitted(items, [item.options[0] for item in items]), size - header
    if smallest.nbytes > budget:
        raise ConversionError(
            f"the model takes {smallest.nbytes + header:,} bytes even in the smallest types, and {size:,} are wanted; "
            "drop layers, give an importance matrix, or take a smaller model."
        )
    low, high = 0.0, _dearest(items)
    best = smallest
    # The price of a byte above which everything fits is halved until it no longer does.
    for _ in range(200):
        price = (low + high) / 2 if low else high / 2
        found = fitted(items, [min(item.options, key=lambda one: one.loss + price * one.nbytes) for item in items])
        if found.nbytes <= budget:
            best, high = found, price
        else:
            low = price
        if not low and price < 1e-300:
            break
    return _filled(items, best, budget)


def fitted(items: Sequence[Item], options: Sequence[Option]) -> Fitted:
    """A choice with its sums."""
    chosen = {item.name: option for item, option in zip(items, options, strict=True)}
    return Fitted(chosen, sum(_padded(one.nbytes) for one in options), sum(one.loss for one in options))


def _filled(items: Sequence[Item], start: Fitted, budget: int) -> Fitted:
    """What room is left goes to the single improvements that gain most for their bytes."""
    chosen, room = dict(start.chosen), budget - start.nbytes
    while True:
        gains: list[tuple[float, str, Option]] = []
        for item in items:
            now = chosen[item.name]
            for option in item.options:
                more = _padded(option.nbytes) - _padded(now.nbytes)
                if option.loss < now.loss and more <= room:
                    gains.append(((now.loss - option.loss) / max(more, 1), item.name, option))
        if not gains:
            return fitted(items, [chosen[item.name] for item in items])
        _, name, option = max(gains, key=lambda gain: gain[:2])
        room -= _padded(option.nbytes) - _padded(chosen[name].nbytes)
        chosen[name] = option


def _dearest(items: Sequence[Item]) -> float:
    steps = [
        (first.loss - second.loss) / max(second.nbytes - first.nbytes, 1)
        for item in items
        for first in item.options
        for second in item.options
        if second.nbytes > first.nbytes
    ]
    return 2 * max(steps, default=1.0) + 1e-30


def _padded(nbytes: int) -> int:
    return nbytes + -nbytes % 32


def _item(tensor: OutputTensor, n_layer: int, tied: bool, manual: TensorType | None, files: Files) -> Item:
    if not may_quantise(tensor.name, tensor.shape):
        return Item(tensor.name, (Option(tensor.base, tensor.base.nbytes(tensor.shape), 0.0),))
    if manual is not None:
        return Item(tensor.name, (Option(manual, manual.nbytes(tensor.shape), 0.0),))
    kinds = candidates(tensor)
    if not kinds:
        return Item(tensor.name, (Option(tensor.base, tensor.base.nbytes(tensor.shape), 0.0),))
    weight = sensitivity(tensor.name, n_layer, tied)
    losses = errors(tensor, kinds, files)
    options = [Option(kind, kind.nbytes(tensor.shape), weight * loss) for kind, loss in zip(kinds, losses, strict=True)]
    return Item(tensor.name, _worthwhile([*options, Option(tensor.base, tensor.base.nbytes(tensor.shape), 0.0)]))


def candidates(tensor: OutputTensor) -> list[TensorType]:
    """The quantised types that `tensor` might get."""
    wide = tensor.shape[-1]
    if wide % 32:
        return []
    names = K_TYPES if wide % 256 == 0 else SHORT_TYPES
    more = IMPORTANT_TYPES if wide % 256 == 0 and tensor.importance is not None else ()
    return [TENSOR_TYPES[name] for name in (*more, *names)]


def _worthwhile(options: Sequence[Option]) -> tuple[Option, ...]:
    """Those that lose less than every smaller one."""
    kept: list[Option] = []
    least = inf
    for option in sorted(options, key=lambda one: (one.nbytes, one.loss)):
        if option.loss < least:
            kept.append(option)
            least = option.loss
    return tuple(kept)


def errors(tensor: OutputTensor, kinds: Sequence[TensorType], files: Files) -> list[float]:
    """For each of `kinds` the noise it puts into what the tensor computes, relative to the signal.

    That is the sum over rows i and columns j of m_j (W_ij - Q_ij)^2, over that of m_j W_ij^2, with m_j the mean square
    of input j from the importance matrix, or 1 without one.
    """
    import numpy as np

    from converters.ggml import decode_blocks, encode_rows

    noise, signal = [0.0] * len(kinds), 0.0
    for slab in samples(tensor):
        values = read_values(tensor, files, slab)
        importance = None if tensor.importance is None else tensor.importance[slab.expert]
        columns = np.ones(values.shape[1], np.float32) if importance is None else importance
        signal += _energy(values, columns)
        for number, kind in enumerate(kinds):
            encoded = encode_rows(kind.ggml_id, values, importance)
            back = decode_blocks(kind.ggml_id, encoded.tobytes(), values.size).reshape(values.shape)
            noise[number] += _energy(values - back, columns)
    return [one / signal if signal else 0.0 for one in noise]


def samples(tensor: OutputTensor) -> list[Slab]:
    """Runs of rows spread evenly over the tensor, each within one expert."""
    rows, wide = n_rows(tensor.rows), n_per_row(tensor.rows)
    n_expert = 1 if tensor.importance is None else tensor.importance.shape[0]
    each = rows // n_expert
    wanted = max(1, min(rows, SAMPLE_VALUES // max(wide, 1)))
    n_parts = min(wanted, SAMPLE_PARTS)
    size = wanted // n_parts
    found = []
    for number in range(n_parts):
        start = number * (rows - size) // max(n_parts - 1, 1) if n_parts > 1 else 0
        expert = start // each
        found.append(Slab(start, min(start + size, (expert + 1) * each), expert))
    return found


def _energy(values: npt.NDArray[np.float32], columns: npt.NDArray[np.float32]) -> float:
    import numpy as np

    return float(np.einsum("ij,ij,j->", values, values, columns, optimize=False, dtype=np.float64))
