"""The lines of the list of models: pure, from what is known of each so far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from tui.machine.status import size
from tui.text import printable
from tui.words.models import Words

if TYPE_CHECKING:
    from autoglm_lite.store.download import Part, Progress
    from autoglm_lite.store.shelf import Look, Offer, Served
    from autoglm_lite.store.space import Space
    from autoglm_lite.store.wanted import Wanted

MARK, NO_MARK = "● ", "  "
GAP = "  "
BAD, GOOD, DOUBTFUL, QUIET = "$text-error", "$text-success", "$text-warning", "$text-muted"


@dataclass(frozen=True, slots=True)
class Row:
    """One entry: a name with a verdict beside it, and details below."""

    name: str
    verdict: str
    colour: str
    details: str
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Getable:
    """A model that can be got, or of which a part is here."""

    wanted: Wanted
    offer: Offer | None = None
    part: Part | None = None


def stored_row(
    path: Path, look: Look | str | None, served: Served | None, words: Words, *, used: str, activity: str
) -> Row:
    """`look`: what is wrong with the file, or None while that is not known. `used`: in words, empty where it is not in
    use. `activity`: of its loading, if it is being loaded."""
    stem = on_one_line(path.stem)
    if look is None:
        return Row(stem, activity or words.looking, QUIET, used, bool(used))
    if isinstance(look, str):
        return Row(stem, words.damaged, BAD, on_one_line(look), bool(used))
    verdict, colour = verdict_of(look, words)
    facts = words.details.format(
        parameters=count(look.n_params), type=look.file_type, size=size(look.n_bytes), n_ctx=f"{look.n_ctx:,}"
    )
    service = (words.in_service_memory if served.in_memory else words.in_service) if served else ""
    name = on_one_line(look.name)
    # Several files may say that they are the same model; commands and `models list` go by the file.
    called = "" if stem.casefold() == name.casefold() else stem
    details = " · ".join(part for part in (used, facts, service, called) if part)
    return Row(name, activity or verdict, colour, details, bool(used))


def verdict_of(look: Look, words: Words) -> tuple[str, str]:
    """What would happen on this machine, and its colour."""
    if look.use != "chat":
        return (words.embeddings if look.use == "embeddings" else words.reranking), QUIET
    if look.verdict == "wont-fit":
        return words.too_large.format(needed=size(look.needed), available=size(look.available)), BAD
    if look.verdict == "streams":
        return words.streams, DOUBTFUL
    plain, quick = (words.fits, words.fits_at) if look.verdict == "fits" else (words.tight, words.tight_at)
    colour = GOOD if look.verdict == "fits" else DOUBTFUL
    return (plain if look.decode is None else quick.format(speed=speed_of(look.decode))), colour


def getable_row(one: Getable, progress: Progress | None, words: Words) -> Row:
    """`progress`: of its download, if that is running."""
    offer, part = one.offer, one.part
    details = ""
    if offer is not None:
        facts = words.offer_details.format(
            parameters=count(offer.n_params), type=offer.file_type, licence=offer.licence
        )
        good_at = [getattr(words, what.replace(" ", "_")) for what in offer.good_at]
        details = f"{words.good_at.format(what=words.comma.join(good_at))} · {facts}"
    if progress is not None:
        return Row(one.wanted.label, progress_line(progress, words), GOOD, details)
    if part is not None:
        percent = 100 * part.done // max(part.total, 1)
        return Row(one.wanted.label, words.part.format(percent=percent, total=size(part.total)), DOUBTFUL, details)
    if offer is None or offer.decode is None:
        return Row(one.wanted.label, words.offer_verdict.format(size=size(one.wanted.n_bytes)), "", details)
    verdict = words.offer_verdict_at.format(size=size(one.wanted.n_bytes), speed=speed_of(offer.decode))
    return Row(one.wanted.label, verdict, "", details)


def getables(offers: Iterable[Offer], parts: Iterable[Part], stored: Iterable[Path]) -> list[Getable]:
    """What has begun first; without what is stored."""
    here = {path.name for path in stored}
    by_name = {offer.wanted.name: offer for offer in offers}
    begun = [Getable(part.wanted, by_name.get(part.wanted.name), part) for part in parts]
    names = here | {one.wanted.name for one in begun}
    return begun + [Getable(offer.wanted, offer) for name, offer in by_name.items() if name not in names]


def content_of(row: Row, width: int) -> Content:
    """Two lines of at most `width` cells, three where the verdict needs one of its own."""
    name = (MARK if row.marked else NO_MARK) + row.name
    free = width - cell_len(row.verdict) - len(GAP)
    if cell_len(name) <= free:
        head = [Content.styled(set_cell_size(name, free) + GAP, "bold"), Content.styled(row.verdict, row.colour)]
        lines = [Content.assemble(*head)]
    else:
        verdict = Content.styled(clipped(NO_MARK + row.verdict, width), row.colour)
        lines = [Content.styled(clipped(name, width), "bold"), verdict]
    lines.append(Content.styled(clipped(NO_MARK + row.details, width), QUIET))
    return Content("\n").join(lines)


def on_one_line(text: str) -> str:
    return printable(text).replace("\n", "\ufffd")


def clipped(text: str, width: int) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, max(width - 1, 0)) + "…"


def disk_line(space: Space, words: Words) -> str:
    free = "?" if space.free is None else size(space.free)
    return words.disk.format(models=size(space.models), states=size(space.states), parts=size(space.parts), free=free)


def progress_line(progress: Progress, words: Words) -> str:
    percent = 100 * progress.done // max(progress.total, 1)
    if progress.state in ("taken", "waiting"):
        words_for = words.taken if progress.state == "taken" else words.waiting
        return words_for.format(percent=percent, total=size(progress.total))
    if progress.state == "checking":
        return words.checking.format(percent=percent)
    left, speed = progress.seconds_left, progress.bytes_per_second
    if left is None or speed is None:
        return words.getting.format(percent=percent, total=size(progress.total))
    return words.getting_on.format(
        percent=percent, total=size(progress.total), speed=rate(speed), left=duration(left, words)
    )


def rate(bytes_per_second: float) -> str:
    """`850 kB` of a slow line, `5.2 MB` of a quick one."""
    return f"{bytes_per_second / 1e3:.0f} kB" if bytes_per_second < 1e6 else f"{bytes_per_second / 1e6:.1f} MB"


def duration(seconds: float, words: Words) -> str:
    if seconds < 100:
        return words.seconds.format(n=round(seconds))
    return words.minutes.format(n=f"{seconds / 60:,.0f}")


def speed_of(tokens_per_second: float) -> str:
    return f"{tokens_per_second:.0f}" if tokens_per_second >= 2 else f"{tokens_per_second:.1f}"


def count(n: int) -> str:
    """Of parameters: `1.6 B`, `494 M`."""
    return f"{n / 1e9:.1f} B" if n >= 1e9 else f"{n / 1e6:.0f} M" if n >= 1e6 else f"{n / 1e3:.0f} K"
