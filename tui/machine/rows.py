"""The panel's lines, from what is known: pure. They fit any width of 20 cells or more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len

from autoglm_lite.chat.backend import Footprint
from tui.machine.bars import Line, Piece, cells, fit, gauge, sides, spark, stacked, wrapped
from tui.machine.look import Held, Look
from tui.machine.parts import LETTERS, Name, Part, others, parts_of
from tui.machine.status import Status, size
from tui.text import printable
from tui.words import Words

BROWSERS = {
    "firefox": "Firefox",
    "chrome": "Chrome",
    "chromium": "Chromium",
    "msedge": "Edge",
    "brave": "Brave",
    "opera": "Opera",
}
"""By the names of their processes."""
LEAST_NAMED = 1 / 16
"""Share of the memory from which on a program can be to blame for a shortage."""
LEAST_TOP = 1.25
"""The spark line's top, as a multiple of its highest value where the limit is far above or not known."""
LEAST_SECONDS = 0.05
"""Until the first word, which nobody notices."""
LEAST_SHOWN = 500_000
"""Bytes of a part that is named below the bar."""
WIDE_CORE = 11
"""Cells for a processor with a bar of its own."""
MOST_BARS = 8


@dataclass(frozen=True, slots=True)
class View:
    """All that is shown."""

    status: Status
    look: Look | None = None
    """None until the first."""
    footprint: Footprint = field(default_factory=Footprint)
    speeds: Sequence[float] = ()
    """Tokens per second while answers came, one for each look."""
    unknown: bool = False
    """Whether a model is in memory without it being known in which process."""


@dataclass(frozen=True, slots=True)
class Row:
    rank: int
    """The higher, the sooner it is left out where there are too few lines."""
    line: Line


BLANK = Row(99, ())


def beside(view: View, width: int, height: int, words: Words, *, plain: bool = False) -> list[Line]:
    """One column."""
    groups = [[*_warning(view, width, words)], *(group for side in _sides(view, width, words, plain) for group in side)]
    rows: list[Row] = []
    for group in groups:
        if group:
            rows += [BLANK, *group] if rows else group
    return [fit(row.line, width) for row in kept(rows, height)]


def above(view: View, width: int, height: int, words: Words, *, plain: bool = False) -> list[Line]:
    """Two columns where each gets 30 cells or more, else one."""
    if width < 62:
        return beside(view, width, height, words, plain=plain)
    half = (width - 2) // 2
    columns = [[row for group in side for row in group] for side in _sides(view, half, words, plain)]
    columns[0] += _warning(view, half, words)
    lefts, rights = ([fit(row.line, half) for row in kept(column, height)] for column in columns)
    n = max(len(lefts), len(rights))
    for lines in (lefts, rights):
        lines += [fit((), half)] * (n - len(lines))
    return [
        fit((*left, (" " * (width - 2 * half), ""), *right), width) for left, right in zip(lefts, rights, strict=True)
    ]


def kept(rows: Sequence[Row], height: int) -> list[Row]:
    """The most important ones that fit, in their order."""
    best = sorted(range(len(rows)), key=lambda i: (rows[i].rank, i))[: max(height, 0)]
    return [rows[i] for i in sorted(best)]


def _sides(view: View, width: int, words: Words, plain: bool) -> tuple[list[list[Row]], list[list[Row]]]:
    """The groups of lines about the model, and those about the machine."""
    return (
        [
            list(_model(view, words)),
            list(_speed(view, width, words, plain)),
            list(_context(view, width, words, plain)),
        ],
        [
            list(_memory(view, width, words, plain)),
            list(_processor(view, width, words, plain)),
            list(_devices(view, width, words, plain)),
            list(_health(view, width, words)),
        ],
    )


def _model(view: View, words: Words) -> Iterator[Row]:
    status = view.status
    yield Row(1, ((status.model, "title"),))
    doing = words.panel.at_reading if _is_reading(status) else status.activity
    yield Row(3, ((doing or words.panel.ready, "" if doing else "muted"),))


def _speed(view: View, width: int, words: Words, plain: bool) -> Iterator[Row]:
    status, said = view.status, words.panel
    reading = status.reading
    if reading is not None and _is_reading(status):
        left = reading.seconds_left
        rights = [f"{reading.done}/{reading.total}"]
        if left is not None and left >= 1:
            seconds = said.left.format(seconds=round(left))
            rights = [f"{rights[0]}  {seconds}", seconds]
        yield Row(2, sides(((said.reading, "title"),), rights, width))
        yield Row(4, gauge(reading.done / max(reading.total, 1), width, plain=plain, kind="speed"))
        return
    limit = view.footprint.decode
    speed = "" if status.speed is None else words.machine.speed.format(speed=f"{status.speed:.1f}")
    best = "" if limit is None else _speed_words(limit)
    if best and not speed:
        best = words.machine.speed.format(speed=best)
    most, short = (text.format(speed=best) if best else "" for text in (said.limit, said.limit_short))
    pairs = [(speed, most), (speed, short), (speed, "")]
    rights = ["  ".join(part for part in pair if part) for pair in pairs]
    if speed or most:
        yield Row(2, sides(((said.speed, "title"),), rights, width))
    if view.speeds:
        highest = LEAST_TOP * max(view.speeds)
        top = highest if limit is None else max(min(limit, 4 * highest), max(view.speeds))
        yield Row(6, ((spark(view.speeds, top, width, plain=plain), "speed"),))
    finished = status.finished
    if finished is not None and finished.completion_tokens and finished.prefill_seconds >= LEAST_SECONDS:
        waited = finished.prefill_seconds
        first = said.first.format(seconds=f"{waited:.1f}" if waited >= 1 else f"{waited:.2f}")
        yield Row(9, sides((), [first], width, "muted"))


def _is_reading(status: Status) -> bool:
    reading = status.reading
    return status.busy and reading is not None and reading.done < reading.total


def _speed_words(speed: float) -> str:
    return f"{speed:.0f}" if speed >= 20 else f"{speed:.1f}"


def _context(view: View, width: int, words: Words, plain: bool) -> Iterator[Row]:
    status, said = view.status, words.panel
    if status.n_ctx is None:
        return
    if (used := status.used) is None:
        # Of a conversation that was taken up again it is known with its next answer.
        yield Row(5, sides(((said.context, "title"),), [str(status.n_ctx)], width))
        return
    percent = round(100 * used / max(status.n_ctx, 1))
    rights = [said.share.format(used=used, n_ctx=status.n_ctx, percent=percent), f"{used}/{status.n_ctx}"]
    yield Row(5, sides(((said.context, "title"),), rights, width))
    yield Row(7, gauge(used / max(status.n_ctx, 1), width, plain=plain, kind="context"))
    cached, total = _cached(status)
    if total:
        yield Row(8, sides(((said.cache, "muted"),), [said.cached.format(cached=cached, total=total)], width))


def _cached(status: Status) -> tuple[int, int]:
    """Tokens of the last prompt that needed no reading, and all of it."""
    if status.finished is not None:
        return status.finished.cached_tokens, status.finished.prompt_tokens
    return (0, 0) if status.reading is None else (status.reading.cached, status.reading.total)


def _memory(view: View, width: int, words: Words, plain: bool) -> Iterator[Row]:
    look, said = view.look, words.panel
    if look is None or look.total is None or look.available is None:
        return
    free, total = size(look.available), size(look.total)
    rights = [said.free.format(free=free, total=total), said.free_short.format(free=free)]
    yield Row(1, sides(((said.memory, "title"),), rights, width))
    known = parts_of(look.model, view.footprint.predicted)
    # What is mapped counts as available: at the right end of what is taken, as the first to be dropped.
    mapped = [part for part in known if part.name == "mapped"]
    taken = [part for part in known if part.name != "mapped"] + [Part("app", look.app.anonymous)]
    shown = [*taken, Part("others", others(look) or 0), *mapped]
    yield Row(
        2, stacked([(part.n_bytes, part.name, LETTERS[part.name]) for part in shown], look.total, width, plain=plain)
    )
    legend = [*mapped, *(part for part in shown if part.name not in ("mapped", "app"))]
    legend = [part for part in legend if part.n_bytes >= LEAST_SHOWN]
    yield from (Row(6, line) for line in _legend(legend, width, words, plain))
    if view.unknown:
        yield Row(5, sides(((said.model, "muted"),), [said.not_known], width, "muted"))
    yield from _table(look, width, words)


def _legend(parts: Sequence[Part], width: int, words: Words, plain: bool) -> Iterator[Line]:
    """Two in a row where there is room."""
    names: dict[Name, str] = {name: getattr(words.panel, name) for name in LETTERS}
    items: list[tuple[Piece, ...]] = [
        ((f"{LETTERS[part.name] if plain else '■'} ", part.name), (f"{names[part.name]} {size(part.n_bytes)}", ""))
        for part in parts
    ]
    longest = [max((cells(item) for item in items[i::2]), default=0) for i in (0, 1)]
    n_columns = 2 if sum(longest) < width else 1
    column = min(max(longest[0] + 1, width // 2), width - longest[1])
    for i in range(0, len(items), n_columns):
        yield tuple(piece for item in items[i : i + n_columns] for piece in fit(item, column))


def _table(look: Look, width: int, words: Words) -> Iterator[Row]:
    """Resident, anonymous and mapped, of the model and of the app."""
    said = words.panel
    rows: list[tuple[str, Held | None]] = [(said.model, look.model), (said.app, look.app)]
    column = min(10, (width - 7) // 3)
    heads = [said.resident, said.anonymous, said.file]
    if max(cell_len(head) for head in heads) >= column:
        yield from (
            Row(8, sides(((name, "muted"),), [size(held.resident)], width)) for name, held in rows if held is not None
        )
        return
    first = width - 3 * column
    yield Row(10, (*fit((), first), *_right_aligned(heads, column, "muted")))
    for name, held in rows:
        if held is not None:
            figures = [size(held.resident), size(held.anonymous), size(held.mapped)]
            yield Row(8, (*fit(((name, "muted"),), first), *_right_aligned(figures, column, "")))


def _right_aligned(texts: Iterable[str], column: int, kind: str) -> Iterator[Piece]:
    for text in texts:
        yield " " * (column - cell_len(text)) + text, kind


def _processor(view: View, width: int, words: Words, plain: bool) -> Iterator[Row]:
    busy = {} if view.look is None else view.look.busy
    if not busy:
        return
    threads = view.footprint.threads
    rights = [words.panel.threads.format(n=threads)] if threads else [""]
    yield Row(4, sides(((words.panel.processor, "title"),), rights, width, "muted"))
    cpus = sorted(busy)
    pinned = set(view.footprint.cpus)
    if len(cpus) > MOST_BARS:
        # A column for each; they are told apart by their colour, or else by the line of marks below.
        for begin in range(0, len(cpus), width):
            part = cpus[begin : begin + width]
            columns = [(spark([busy[cpu]], 1.0, 1, plain=plain), _busy_kind(cpu in pinned)) for cpu in part]
            yield Row(5, tuple(columns))
            if pinned & set(part):
                yield Row(11, tuple(("^" if cpu in pinned else " ", "pinned") for cpu in part))
        return
    n_columns = max(1, min(width // WIDE_CORE, 2 if len(cpus) <= 4 else 4))
    column = width // n_columns
    for begin in range(0, len(cpus), n_columns):
        items = (_core(cpu, busy[cpu], cpu in pinned, column, plain) for cpu in cpus[begin : begin + n_columns])
        yield Row(5, tuple(piece for item in items for piece in item))


def _core(cpu: int, share: float, is_pinned: bool, column: int, plain: bool) -> Line:
    """Its number, with a mark where the model computes on it, a bar, and percent."""
    kind = _busy_kind(is_pinned)
    head = ("*" if plain else "●") if is_pinned else " "
    percent = f"{100 * share:4.0f}%" if column >= WIDE_CORE else ""
    number = f"{cpu} "
    rest = column - 1 - len(number) - len(percent) - 1
    return fit(
        ((head, "pinned"), (number, "muted"), *gauge(share, max(rest, 0), plain=plain, kind=kind), (percent, "")),
        column,
    )


def _busy_kind(is_pinned: bool) -> str:
    return "pinned" if is_pinned else "busy"


def _devices(view: View, width: int, words: Words, plain: bool) -> Iterator[Row]:
    said, n_layer = words.panel, view.footprint.n_layer
    for device in view.footprint.devices:
        layers = said.layers_short.format(layers=device.layers)
        # The output layer counts as one of those that a device takes.
        longer = [] if n_layer is None else [said.layers.format(layers=min(device.layers, n_layer), n_layer=n_layer)]
        yield Row(5, sides(((printable(device.name), "title"),), [*longer, layers], width))
        if device.n_bytes is not None and device.memory_total:
            figures = said.device_memory.format(used=size(device.n_bytes), total=size(device.memory_total))
            bar = max(0, width - cell_len(figures) - 1)
            share = device.n_bytes / device.memory_total
            yield Row(7, (*gauge(share, bar, plain=plain, kind="kv"), (" ", ""), (figures, "")))


def _health(view: View, width: int, words: Words) -> Iterator[Row]:
    look, said = view.look, words.panel
    if look is None:
        return
    items: list[Piece] = []
    if look.power is not None and (degrees := look.power.temperature) is not None:
        items.append((said.heat.format(degrees=round(degrees)), ""))
    if look.slowed:
        items.append((said.slowed, "warning"))
    if look.low_voltage:
        items.append((said.voltage, "warning"))
    if look.power is not None and (share := look.power.battery) is not None:
        items.append((said.battery.format(percent=round(share)), "warning" if look.power.on_mains is False else ""))
    if look.waiting is not None and look.waiting >= 1:
        items.append((said.waiting.format(percent=round(look.waiting)), "warning"))
    line: list[Piece] = []
    for item in items:
        if line and cells(line) + 3 + cell_len(item[0]) > width:
            yield Row(6, tuple(line))
            line = []
        line += [(" · ", "muted"), item] if line else [item]
    if line:
        yield Row(6, tuple(line))


def _warning(view: View, width: int, words: Words) -> list[Row]:
    sentence = "" if view.look is None else warning(view.look, words)
    return [Row(0, ((line, "warning"),)) for line in wrapped(sentence, width)]


def warning(look: Look, words: Words) -> str:
    """What to do where memory is short; empty where it is not."""
    if not look.short:
        return ""
    largest = look.largest
    if largest is None or largest.memory < LEAST_NAMED * (look.total or 0):
        return words.panel.short
    if (browser := BROWSERS.get(largest.name.lower())) is not None:
        return words.panel.tabs.format(program=browser)
    return words.panel.program.format(program=printable(largest.name))
