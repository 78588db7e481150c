"""When a conversation was last held, as a person would say it."""

from __future__ import annotations

from datetime import datetime

from tui.words.history import Words


def when(then: float, now: float, words: Words) -> str:
    """Both in seconds since 1970; in local time."""
    moment, today = datetime.fromtimestamp(then), datetime.fromtimestamp(now)
    days = (today.date() - moment.date()).days
    if days == 0:
        return words.today.format(time=f"{moment:%H:%M}")
    if days == 1:
        return words.yesterday
    pattern = words.day if moment.year == today.year else words.date
    return pattern.format(day=moment.day, month=words.months[moment.month - 1], year=moment.year)
