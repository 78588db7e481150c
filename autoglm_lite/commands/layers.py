"""`convert --drop-layers N`: which layers of a model change least what passes through them."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from converters.conversion import Resources
    from converters.draft import Draft

MEASURING_TYPE = "Q8_0"
"""Exact enough to tell layers apart, and half of 16 bits."""


def least_changing(draft: Draft, count: int, resources: Resources, near: Path) -> tuple[int, ...]:
    """The `count` layers whose input and output are most alike on the built-in text.

    A checkpoint is converted to a file beside `near` first, which is removed again. Raises KeyboardInterrupt, or
    AutoglmError for a model that cannot be loaded or has too few layers.
    """
    from autoglm_lite.errors import ConversionError
    from converters.conversion import plan_conversion, write_conversion
    from converters.layers import alike_layers, n_layers, period
    from converters.progress import Progress
    from converters.types import file_type
    from converters.wishes import Wishes

    total = n_layers(draft)
    if total < 2:
        raise ConversionError("--drop-layers is for models of several layers, and this has none to spare.")
    if not 0 < count < total:
        kept = "all" if not count else "nothing"
        raise ConversionError(f"--drop-layers {count} leaves {kept} of {total} layers; give from 1 to {total - 1}.")
    if draft.source.is_file():
        similarity = _measure(draft.source)
    else:
        print(f"autoglm-lite: converting to {MEASURING_TYPE} first, to look at the layers", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix=".autoglm-lite-", dir=near.parent) as folder:
            whole = Path(folder) / "whole.gguf"
            plan = plan_conversion(draft, Wishes(file_type(MEASURING_TYPE)))
            progress = Progress(sys.stderr)
            try:
                write_conversion(plan, whole, resources, progress)
            finally:
                progress.close()
            similarity = _measure(whole)
    dropped = alike_layers(similarity, count, period(draft))
    shown = ", ".join(f"{layer} ({similarity[layer]:.3f})" for layer in dropped)
    print(f"autoglm-lite: dropping the layers that change least (cosine): {shown}", file=sys.stderr)
    return dropped


def _measure(model: Path) -> Sequence[float]:
    from autoglm_lite.commands.measuring import Progress, make_plans, measure
    from autoglm_lite.measurement import TokensRead
    from autoglm_lite.worker.client import Worker
    from autoglm_lite.worker.measuring import layer_similarity

    text = (files("autoglm_lite") / "data" / "calibration.txt").read_text("utf-8")
    [plan] = make_plans([str(model)], None, None)
    progress, found = Progress(), []

    def show(read: TokensRead) -> None:
        progress.show(read.done, read.total, "looking at the layers")

    async def work(worker: Worker) -> int:
        found.extend(await layer_similarity(worker, plan, text, show))
        return 0

    try:
        if measure(work):
            raise KeyboardInterrupt
    finally:
        progress.close()
    return found
