"""A conversion whose types are chosen for a size (see converters/fit.py), planned as any other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from autoglm_lite.errors import ConversionError
from converters.conversion import Conversion, plan_conversion, printable_errors
from converters.draft import Draft
from converters.files import Files
from converters.fit import Fitted, Item, Option, choose, fitted, measure
from converters.layers import drop_layers, n_layers
from converters.mixture import Candidate, check_type, may_quantise, named_type
from converters.quantisation import in_file_order, known_importance, network, weighed
from converters.tensors import OutputTensor
from converters.types import FILE_TYPES, FileType, TensorType
from converters.wishes import Wishes

LABELS = {"Q3_K": "Q3_K_M", "Q4_K": "Q4_K_M", "Q5_K": "Q5_K_M", "MXFP4": "MXFP4_MOE"}
"""The file type that a mixture is called by where most of it is of one tensor type."""

STEPS = 24
"""Halvings of the search for the largest size that a machine takes."""


@dataclass(frozen=True, slots=True)
class FittedConversion:
    """A conversion, and what its choice of types costs."""

    conversion: Conversion
    choice: Fitted


def plan_fit(
    draft: Draft,
    wishes: Wishes,
    size: int | Callable[[Conversion], bool],
    n_threads: int,
    on_progress: Callable[[int, int], None] | None = None,
    files: Callable[[], Files] = Files,
) -> FittedConversion:
    """The conversion of `draft` with least loss whose file has at most `size` bytes, or for which `size` says yes.

    Reads samples of every tensor, by `files`. Raises ConversionError when no choice of types is small enough.
    """
    with printable_errors():
        model = network(draft)
        cut = drop_layers(draft, wishes.drop_layers) if wishes.drop_layers else draft
        known = known_importance(model, wishes)
        tensors = [weighed(tensor, known) for tensor in in_file_order(cut)]
        _refuse_quantised(draft, wishes)
        manual = _manual(tensors, replace(wishes, importance=known))
        items = tuple(measure(tensors, n_layers(cut), n_threads, manual, on_progress, files))

        def plan(choice: Fitted) -> FittedConversion:
            label = _label(choice)
            types = {name: option.type for name, option in choice.chosen.items()}
            return FittedConversion(plan_conversion(draft, replace(wishes, file_type=label), types), choice)

        smallest = plan(fitted(items, [item.options[0] for item in items]))
        header = len(smallest.conversion.header)
        if isinstance(size, int):
            return plan(choose(items, size, header))
        return _largest(items, plan, size, smallest)


def _largest(
    items: tuple[Item, ...],
    plan: Callable[[Fitted], FittedConversion],
    fits: Callable[[Conversion], bool],
    smallest: FittedConversion,
) -> FittedConversion:
    best = plan(fitted(items, [_near_lossless(item) for item in items]))
    if fits(best.conversion):
        return best
    if not fits(smallest.conversion):
        raise ConversionError(
            f"not even the smallest file of this model, {smallest.conversion.nbytes:,} bytes, runs on this machine; "
            "give a size with --fit SIZE to convert it for another, or take a smaller model."
        )
    low, high, found = smallest.choice.nbytes, best.choice.nbytes, smallest
    for _ in range(STEPS):
        if high - low < 1 << 20:
            break
        middle = (low + high) // 2
        trial = plan(choose(items, middle))
        if fits(trial.conversion):
            low, found = middle, trial
        else:
            high = middle
    return found


def _near_lossless(item: Item) -> Option:
    """Q8_0 where there is one: a 16-bit file would be twice as slow for nothing that anybody could notice."""
    return next((option for option in item.options if option.type.name == "Q8_0"), item.options[-1])


def _label(choice: Fitted) -> FileType:
    sizes: Counter[str] = Counter()
    for option in choice.chosen.values():
        sizes[option.type.name] += option.nbytes
    name = sizes.most_common(1)[0][0]
    return FILE_TYPES[LABELS.get(name, name)]


def _manual(tensors: Sequence[OutputTensor], wishes: Wishes) -> dict[str, TensorType]:
    """The types that `wishes` name for single tensors; raises ConversionError for those that cannot be."""
    found = {}
    for tensor in tensors:
        kind = named_type(tensor.name, tensor.shape, wishes)
        if kind is not None and may_quantise(tensor.name, tensor.shape):
            check_type(Candidate(tensor.name, tensor.shape, tensor.base), kind, wishes)
            found[tensor.name] = kind
    return found


def _refuse_quantised(draft: Draft, wishes: Wishes) -> None:
    found = next((tensor for tensor in draft.tensors if tensor.base.quantised), None)
    if found and not wishes.requantise:
        raise ConversionError(
            f"tensor {found.name} is quantised already ({found.base.name}), and quantising again loses more; "
            "start from a 16-bit file, or add --requantize."
        )
