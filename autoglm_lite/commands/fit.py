"""What `convert --fit` needs of this machine, and how it shows its choice."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from autoglm_lite.gguf.facts import ModelFacts
    from converters.conversion import Conversion
    from converters.fit import Fitted


def runs_here() -> Callable[[Conversion], bool]:
    """Tells whether the file that a conversion would write fits into this machine's memory with the usual context.

    The machine is read once, so that a search has the same limit at each step.
    """
    from autoglm_lite.hardware.machine import read_machine
    from autoglm_lite.planning.make import choose

    machine = read_machine()

    def runs(conversion: Conversion) -> bool:
        return choose(planned_facts(conversion), machine).fits

    return runs


def planned_facts(conversion: Conversion) -> ModelFacts:
    """Of the file that a conversion would write, read from its header at the front of a file that has the right size
    and no blocks. Raises ModelFileError."""
    from autoglm_lite.gguf.facts import read_facts

    with tempfile.TemporaryDirectory(prefix="autoglm-lite-") as folder:
        path = Path(folder) / "planned.gguf"
        with path.open("wb") as file:
            file.write(conversion.header)
            file.truncate(conversion.nbytes)
        return read_facts(path)


def fitted_table(choice: Fitted) -> str:
    """The choice as a table: a line for each kind of tensor, with its types by layers and its share of the loss."""
    kinds: dict[str, list[tuple[str, str]]] = {}
    losses: dict[str, float] = {}
    for name, option in choice.chosen.items():
        number = re.match(r"blk\.(\d+)\.", name)
        kind = re.sub(r"^blk\.\d+\.", "", name)
        if option.type.name == "F32":
            continue
        kinds.setdefault(kind, []).append((number[1] if number else "", option.type.name))
        losses[kind] = losses.get(kind, 0.0) + option.loss
    total = choice.loss or 1.0
    rows = [(kind, f"{losses[kind] / total:.0%}", _runs(found)) for kind, found in kinds.items()]
    width = max((len(kind) for kind, _, _ in rows), default=0)
    lines = [f"{kind:{width}}  {share:>4}  {types}" for kind, share, types in rows]
    return "\n".join([f"{'tensor':{width}}  loss  types by layer", *lines])


def _runs(found: list[tuple[str, str]]) -> str:
    """`Q6_K 0-3,27 · Q4_K 4-26`: which layers have which type."""
    by_type: dict[str, list[int]] = {}
    for number, kind in found:
        by_type.setdefault(kind, []).append(int(number) if number else -1)
    return " · ".join(f"{kind} {_ranges(sorted(layers))}".rstrip() for kind, layers in by_type.items())


def _ranges(layers: list[int]) -> str:
    if layers == [-1]:
        return ""
    runs: list[list[int]] = []
    for layer in layers:
        if runs and layer == runs[-1][1] + 1:
            runs[-1][1] = layer
        else:
            runs.append([layer, layer])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
