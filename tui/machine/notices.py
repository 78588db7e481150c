"""What the watch over the model has done, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.machine.status import size
from tui.words.machine import Words

if TYPE_CHECKING:
    from autoglm_lite.worker.watch import Notice


def freed_line(notice: Notice, words: Words) -> str | None:
    """For memory that was given back; None for all else."""
    if notice.did == "context":
        sentence = words.idle_context if notice.idle else words.shed_context
    elif notice.did == "model":
        sentence = words.idle_model if notice.idle else words.shed_model
    else:
        return None
    return sentence.format(freed=size(notice.freed))


def effort_remark(notice: Notice, words: Words) -> str:
    """For less or full power."""
    remarks = {"battery": words.less_on_battery, "heat": words.less_in_heat}
    return remarks.get(notice.did, words.full_effort)
