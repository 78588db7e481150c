"""What an answer says of the file, held against what is known of it."""

from __future__ import annotations

from collections.abc import Callable

from autoglm_lite.store.download.source import Source
from autoglm_lite.store.download.work import NO_END, Claim, Work
from autoglm_lite.store.hub.answers import span_of, validator
from autoglm_lite.store.hub.client import Answer, CutError, failure


def agree(work: Work, claim: Claim, answer: Answer, source: Source, check_room: Callable[[int], None]) -> bool:
    """Whether the body is wanted; `claim` then begins and ends as the body is to be taken.

    What the hub told in its list counts; else what it tells on the way (X-Linked-*); else ranges are held together by
    the server's ETag and the length. `check_room` gets how many bytes are missing, once that is known. Raises
    DownloadError, CutError.
    """
    response, told = answer.response, answer.identity
    headers = response.headers
    trouble = CutError(failure("trouble", answer.address, source.label, status=response.status))
    changed = failure("changed", source.address, source.label)
    if headers.get_content_type() == "text/html" and not source.is_page:
        raise failure("page", answer.address, source.label)
    span = span_of(response.status, headers, claim.at)
    if span is None:
        raise trouble
    begin, total = span
    whole = "Content-Range" not in headers
    with work.turn:
        if claim not in work.claims:
            return False
        known = work.known
        if told is not None:
            if source.sha256 not in (None, told.sha256) or source.n_bytes not in (None, told.n_bytes):
                raise changed
            if known.sha256 not in (None, told.sha256) or known.n_bytes not in (None, told.n_bytes):
                work.restart(changed)
                return False
            known.n_bytes, known.sha256 = told.n_bytes, told.sha256
        if source.must_be_checked and known.sha256 is None:
            raise failure("unchecked", source.address, source.label)
        of_another = total is not None and known.n_bytes not in (None, total)
        if of_another and (known.sha256 is not None or source.n_bytes is not None):
            raise trouble
        if of_another or (known.sha256 is None and known.validator not in (None, validator(headers))):
            work.restart(changed)
            return False
        if total is None and known.n_bytes is None and not (whole and response.chunked):
            # Without any length, a broken connection looks like the end of the file.
            raise failure("unchecked", source.address, source.label)
        if known.n_bytes is None and total is not None:
            known.n_bytes = total
        known.validator = validator(headers)
        if known.n_bytes is not None and not work.roomy:
            check_room(known.n_bytes - work.done.n_bytes)
            work.roomy = True
        end = NO_END if known.n_bytes is None else known.n_bytes
        if whole and work.ranged and claim.at:
            raise trouble
        if whole and not work.ranged:
            if claim.at or claim.end < end:
                work.ranged = False
            claim.at, claim.end = begin, end
        elif not whole:
            work.ranged = known.holds_together
            if not work.ranged and claim.end < end:
                # Nothing would tell whether the next range is of the same file: all of it over one connection, then.
                work.restart(changed)
                work.ranged = False
                return False
        claim.end = min(claim.end, end)
        work.turn.notify_all()
        return True
