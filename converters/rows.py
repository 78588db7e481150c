"""The values of a tensor of the result, computed by ranges of rows, so that no tensor is ever in memory whole.

A row is a run along the last dimension; a vector is a column of rows of one value. Shapes have the outermost dimension
first, values are F32. `exact` is the narrowest of F16, BF16 and F32 that holds every value without rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Protocol

from autoglm_lite.errors import ConversionError
from converters.checkpoint import SourceTensor
from converters.files import Files
from converters.numbers import F8_TYPES, decode, round_to
from converters.types import F16, F32, TensorType

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Block = npt.NDArray[np.float32]
    """Values of shape (n_rows, n_per_row)."""


class Rows(Protocol):
    """Where the values of a tensor come from."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def exact(self) -> TensorType: ...

    @property
    def sources(self) -> Iterator[SourceTensor]:
        """The tensors of the checkpoint that are read."""
        ...

    def read_for(self, start: int, stop: int) -> Iterator[SourceTensor]:
        """Those of them that `read` needs for rows `start` to `stop`."""
        ...

    def read(self, files: Files, start: int, stop: int) -> Block:
        """Rows `start` to `stop`; raises ConversionError when a file does not give them. Safe in several threads."""
        ...


def n_rows(rows: Rows) -> int:
    """Rows of a tensor: all but the last dimension; a vector's values."""
    return rows.shape[0] if len(rows.shape) == 1 else prod(rows.shape[:-1])


def n_per_row(rows: Rows) -> int:
    """Values of one row."""
    return 1 if len(rows.shape) <= 1 else rows.shape[-1]


@dataclass(frozen=True, slots=True)
class Stored:
    """A tensor as a file holds it: safetensors, or GGUF of any type."""

    source: SourceTensor

    @property
    def shape(self) -> tuple[int, ...]:
        return self.source.shape or (1,)

    @property
    def exact(self) -> TensorType:
        return F32 if self.source.type.quantised or self.source.type in F8_TYPES else self.source.type

    @property
    def sources(self) -> Iterator[SourceTensor]:
        yield self.source

    def read_for(self, start: int, stop: int) -> Iterator[SourceTensor]:
        return self.sources

    def raw(self, files: Files, start: int, stop: int) -> bytearray:
        """The bytes of rows `start` to `stop`, as they are stored."""
        row_bytes = self.source.type.nbytes((n_per_row(self),))
        return files.read(self.source.path, self.source.offset + start * row_bytes, (stop - start) * row_bytes)

    def read(self, files: Files, start: int, stop: int) -> Block:
        values = decode(self.raw(files, start, stop), self.source.type)
        return values.reshape(stop - start, n_per_row(self))


@dataclass(frozen=True, slots=True)
class BlockScaled:
    """An FP8 matrix times the scale of each value's block, as GLM and DeepSeek releases ship it.

    `scale` is (n_rows / block, n_per_row / block), rounded up; or one value, or one a row.
    """

    weight: SourceTensor
    scale: SourceTensor
    block: tuple[int, int] | None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.weight.shape

    @property
    def exact(self) -> TensorType:
        return F32

    @property
    def sources(self) -> Iterator[SourceTensor]:
        yield self.weight
        yield self.scale

    def read_for(self, start: int, stop: int) -> Iterator[SourceTensor]:
        return self.sources

    def read(self, files: Files, start: int, stop: int) -> Block:
        import numpy as np

        values = Stored(self.weight).read(files, start, stop)
        scale = Stored(self.scale)
        if self.block is None:
            per_row = n_rows(scale) * n_per_row(scale) > 1
            factors = scale.read(files, *((start, stop) if per_row else (0, n_rows(scale))))
            return values * factors.reshape(-1, 1)
        height, width = self.block
        first, last = start // height, -(-stop // height)
        tall = np.repeat(scale.read(files, first, last), height, axis=0)[start - first * height :][: stop - start]
        return values * np.repeat(tall, width, axis=1)[:, : values.shape[1]]


@dataclass(frozen=True, slots=True)
class Stacked:
    """Tensors one after another along a new outermost dimension: the experts of a layer."""

    parts: tuple[Rows, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.parts), *self.parts[0].shape)

    @property
    def exact(self) -> TensorType:
        kinds = {part.exact for part in self.parts}
        return kinds.pop() if len(kinds) == 1 else F32

    @property
    def sources(self) -> Iterator[SourceTensor]:
        for part in self.parts:
            yield from part.sources

    def read_for(self, start: int, stop: int) -> Iterator[SourceTensor]:
        for part, first, last in self._parts(start, stop):
            yield from part.read_for(first, last)

    def read(self, files: Files, start: int, stop: int) -> Block:
        import numpy as np

        wide = n_per_row(self)
        blocks = [part.read(files, first, last).reshape(-1, wide) for part, first, last in self._parts(start, stop)]
        return np.concatenate(blocks) if len(blocks) > 1 else blocks[0]

    def _parts(self, start: int, stop: int) -> Iterator[tuple[Rows, int, int]]:
        each = n_rows(self.parts[0])
        for number in range(start // each, -(-stop // each)):
            first = number * each
            yield self.parts[number], max(start - first, 0), min(stop - first, each)


@dataclass(frozen=True, slots=True)
class Changed:
    """What the views below share: one tensor seen differently."""

    rows: Rows

    @property
    def shape(self) -> tuple[int, ...]:
        return self.rows.shape

    @property
    def exact(self) -> TensorType:
        return self.rows.exact

    @property
    def sources(self) -> Iterator[SourceTensor]:
        yield from self.rows.sources

    def read_for(self, start: int, stop: int) -> Iterator[SourceTensor]:
        return self.rows.read_for(start, stop)


@dataclass(frozen=True, slots=True)
class Reshaped(Changed):
    """The same values in the same order under another shape; the first of them where that holds fewer."""

    new_shape: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.new_shape

    def read_for(self, start: int, stop: int) -> Iterator[SourceTensor]:
        return self.rows.read_for(*self._beneath(start, stop))

    def read(self, files: Files, start: int, stop: int) -> Block:
        import numpy as np

        wide, narrow = n_per_row(self), n_per_row(self.rows)
        first, last = self._beneath(start, stop)
        flat = self.rows.read(files, first, last).reshape(-1)[start * wide - first * narrow :]
        block: Block = np.ascontiguousarray(flat[: (stop - start) * wide]).reshape(stop - start, wide)
        return block

    def _beneath(self, start: int, stop: int) -> tuple[int, int]:
        wide, narrow = n_per_row(self), n_per_row(self.rows)
        return start * wide // narrow, -(-stop * wide // narrow)


@dataclass(frozen=True, slots=True)
class Part(Changed):
    """Of each `group` of rows those from `start` to `stop`: a piece of a fused projection, a matrix without padding."""

    group: int
    start: int
    stop: int

    @property
    def shape(self) -> tuple[int, ...]:
        return _scaled(self.rows.shape, self.stop - self.start, self.group)

    def read_for(self, start: int, stop: int) -> Iterator[SourceTensor]:
        for first, last in self._beneath(start, stop):
            yield from self.rows.read_for(first, last)

    def read(self, files: Files, start: int, stop: int) -> Block:
        import numpy as np

        blocks = [self.rows.read(files, first, last) for first, last in self._beneath(start, stop)]
        return np.concatenate(blocks) if len(blocks) > 1 else blocks[0]

    def _beneath(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        size = self.stop - self.start
        for number in range(start // size, -(-stop // size)):
            first, begin = number * size, number * self.group + self.start
            yield begin + max(start - first, 0), begin + min(stop - first, size)


@dataclass(frozen=True, slots=True)
class Permuted(Changed):
    """Each group of as many rows as `order` has, put in that order: a head whose dimensions pair up differently."""

    order: tuple[int, ...]

    def read_for(self, start: int, stop: int) -> Iterator[SourceTensor]:
        size = len(self.order)
        return self.rows.read_for(start // size * size, -(-stop // size) * size)

    def read(self, files: Files, start: int, stop: int) -> Block:
        size = len(self.order)
        first, last = start // size, -(-stop // size)
        block = self.rows.read(files, first * size, last * size)
        permuted = block.reshape(last - first, size, -1)[:, list(self.order)].reshape(-1, block.shape[1])
        ordered: Block = permuted[start - first * size : stop - first * size]
        return ordered


@dataclass(frozen=True, slots=True)
class Plus(Changed):
    """Every value plus `addend`, computed in the checkpoint's own precision, as convert_hf_to_gguf does."""

    addend: float

    @property
    def exact(self) -> TensorType:
        return F16 if self.rows.exact is F16 else F32

    def read(self, files: Files, start: int, stop: int) -> Block:
        import numpy as np

        total = self.rows.read(files, start, stop) + np.float32(self.addend)
        return round_to(F16, total) if self.exact is F16 else total


@dataclass(frozen=True, slots=True)
class Whole(Changed):
    """A small tensor that is read whole and rearranged by `change`, which gets and gives an array of that shape."""

    new_shape: tuple[int, ...]
    change: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.new_shape

    def read_for(self, start: int, stop: int) -> Iterator[SourceTensor]:
        return self.rows.sources

    def read(self, files: Files, start: int, stop: int) -> Block:
        import numpy as np

        values = self.rows.read(files, 0, n_rows(self.rows)).reshape(self.rows.shape)
        changed = np.ascontiguousarray(self.change(values), dtype=np.float32)
        if changed.shape != self.new_shape:
            raise ConversionError(f"a tensor of the shape {changed.shape} came out where {self.new_shape} was due.")
        block: Block = changed.reshape(-1, n_per_row(self))[start:stop]
        return block


@dataclass(frozen=True, slots=True)
class Computed:
    """A vector that no checkpoint holds, such as frequency factors."""

    values: tuple[float, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.values),)

    @property
    def exact(self) -> TensorType:
        return F32

    @property
    def sources(self) -> Iterator[SourceTensor]:
        return iter(())

    def read_for(self, start: int, stop: int) -> Iterator[SourceTensor]:
        return self.sources

    def read(self, files: Files, start: int, stop: int) -> Block:
        import numpy as np

        return np.array(self.values[start:stop], dtype=np.float32).reshape(-1, 1)


def interleaved(rows: Rows, n_head: int) -> Rows:
    """Each head's rows from halves 0 1 2 … | a b c … to 0 a 1 b 2 c …

    Hugging Face rotates a head's two halves against each other, llama.cpp's `llama` architecture neighbours.
    """
    head = n_rows(rows) // n_head
    return Permuted(rows, tuple(side * head // 2 + place for place in range(head // 2) for side in range(2)))


def part(rows: Rows, start: int, stop: int, group: int | None = None) -> Rows:
    """Rows `start` to `stop` of each `group` of rows; without one, of a vector, a matrix, or each matrix of a stack."""
    whole = rows.shape[-2] if len(rows.shape) > 1 else rows.shape[0]
    return Part(rows, whole if group is None else group, start, stop)


def _scaled(shape: tuple[int, ...], size: int, group: int) -> tuple[int, ...]:
    """`shape` with `size` rows for each `group` of rows that it had."""
    place = max(len(shape) - 2, 0)
    return (*shape[:place], shape[place] * size // group, *shape[place + 1 :])
