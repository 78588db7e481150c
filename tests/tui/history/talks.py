"""Conversations that were held before."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence

from autoglm_lite.chat.history import Conversation, History

DAY = 86400.0


def held(history: History, *turns: tuple[str, str], days_ago: float = 0, model: str = "/m/little.gguf") -> Conversation:
    """With these questions and answers."""
    (question, answer), *rest = turns
    made = history.create(model, None, question)
    history.add_answer(made.id, answer, "", "little", "complete")
    for question, answer in rest:
        history.add_question(made, question)
        history.add_answer(made.id, answer, "", "little", "complete")
    if days_ago:
        with sqlite3.connect(history.path) as db:
            db.execute("UPDATE conversations SET updated = ? WHERE id = ?", (time.time() - days_ago * DAY, made.id))
        db.close()
    return history.get(made.id)


def titles(history: History) -> Sequence[str]:
    return [conversation.title for conversation in history.conversations()]
