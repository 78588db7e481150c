"""One line or two of the list of conversations, as text of a given width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from tui.history.when import when
from tui.text import printable
from tui.words.history import Words

if TYPE_CHECKING:
    from autoglm_lite.chat.history import Conversation, Hit

LEAD = 2
GAP = 2
MODEL_CELLS = 16
COUNT_CELLS = 4
WIDE_ENOUGH_FOR_ALL = 60
WIDE_ENOUGH_FOR_TIMES = 30
Piece = tuple[str, str]
"""Text, and what it is: `title`, `detail`, `snippet` or `mark`."""


@dataclass(frozen=True, slots=True)
class Row:
    """A conversation, or a message of it in which something was found."""

    conversation: Conversation
    hit: Hit | None = None
    n_messages: int | None = None

    @property
    def n_lines(self) -> int:
        return 1 if self.hit is None else 2


def title_line(row: Row, width: int, now: float, is_open: bool, words: Words) -> list[Piece]:
    """Fills `width` cells exactly. Narrow ones leave out how many messages there are and the model, then the time."""
    talk = row.conversation
    details: list[str] = []
    if width >= WIDE_ENOUGH_FOR_ALL:
        details.append(f"{'' if row.n_messages is None else row.n_messages:>{COUNT_CELLS}}")
        details.append(set_cell_size(shortened(model_name(talk), MODEL_CELLS), MODEL_CELLS))
    if width >= WIDE_ENOUGH_FOR_TIMES:
        said = when(talk.updated, now, words)
        column = time_cells(words) if width >= WIDE_ENOUGH_FOR_ALL else 0
        details.append(" " * (column - cell_len(said)) + said)
    detail = "".join(" " * GAP + text for text in details) + " "
    room = max(width - LEAD - cell_len(detail), 0)
    title = set_cell_size(shortened(one_line(talk.title) or words.no_title, room), room)
    return [("● " if is_open else "  ", "detail"), (title, "title"), (detail, "detail")]


def snippet_line(hit: Hit, width: int, words: Words) -> list[Piece]:
    """What was found, marked, in the midst of its sentence; the mark is in view."""
    who = words.you if hit.role == "user" else words.model
    lead = " " * (LEAD + GAP) + who + " "
    room = max(width - cell_len(lead) - 1, 0)
    pieces = [(one_line(text), kind) for text, kind in cut_at_marks(hit.snippet, hit.marked)]
    first = next((i for i, (_, kind) in enumerate(pieces) if kind == "mark"), 0)
    before = "".join(text for text, _ in pieces[:first])
    needed = cell_len(before) + sum(cell_len(text) for text, _ in pieces[first : first + 1])
    if needed > room:
        # What stands before the mark is cut from the left.
        pieces = [("…" + last_cells(before, room // 3), "snippet"), *pieces[first:]]
    return [(lead, "detail"), *fill(pieces, room), (" ", "detail")]


def fill(pieces: Sequence[Piece], width: int) -> list[Piece]:
    """`pieces` cut or lengthened to `width` cells."""
    filled: list[Piece] = []
    for text, kind in pieces:
        cells = cell_len(text)
        if cells > width:
            filled.append((set_cell_size(shortened(text, width), width), kind))
            return filled
        filled.append((text, kind))
        width -= cells
    return [*filled, (" " * width, "snippet")]


def cut_at_marks(text: str, marked: Sequence[tuple[int, int]]) -> list[Piece]:
    pieces: list[Piece] = []
    end = 0
    for begin, after in marked:
        pieces += [(text[end:begin], "snippet"), (text[begin:after], "mark")]
        end = after
    return [(text, kind) for text, kind in [*pieces, (text[end:], "snippet")] if text]


def one_line(text: str) -> str:
    """Line breaks and tabs become spaces; what would steer the terminal is left out."""
    return printable(text).replace("\n", " ").replace("\t", " ")


def shortened(text: str, width: int) -> str:
    """With an ellipsis where it is wider than `width` cells."""
    return text if cell_len(text) <= width else set_cell_size(text, max(width - 1, 0)).rstrip() + "…" * (width > 0)


def last_cells(text: str, width: int) -> str:
    """The end of `text`, at most `width` cells."""
    cells = 0
    for i in range(len(text) - 1, -1, -1):
        cells += cell_len(text[i])
        if cells > width:
            return text[i + 1 :]
    return text


def model_name(conversation: Conversation) -> str:
    """The file's name without what says that it is a model's file."""
    return one_line(PurePath(conversation.model).name.removesuffix(".gguf"))


def time_cells(words: Words) -> int:
    """The cells that the longest time of this or last year takes."""
    longest = [words.today.format(time="00:00"), words.yesterday]
    longest += [words.date.format(day=30, month=month, year=2000) for month in words.months]
    return max(map(cell_len, longest))
