"""The open branch of a conversation's tree, as turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from autoglm_lite.chat.history import History, Message
from autoglm_lite.chat.prompt import Turn

Kind = Literal["question", "answer"]
Family = dict[int | None, list[Message]]
"""What follows each message, the oldest first."""


def open_turns(history: History, conversation_id: str) -> list[Turn]:
    """Of the branch that is open. Raises HistoryError."""
    return turns_of(*history.tree(conversation_id))


def turns_of(messages: Sequence[Message], head: int | None = None) -> list[Turn]:
    """Of the branch that ends in the message `head`, by default in the last one. A question that was never answered
    makes a turn with an empty answer."""
    pairs: list[tuple[Message, Message | None]] = []
    for message in _branch(messages, head):
        if message.role == "user":
            pairs.append((message, None))
        elif pairs:
            pairs[-1] = (pairs[-1][0], message)
    family = _family(messages)
    return [_turn(family, question, answer) for question, answer in pairs]


def versions(messages: Sequence[Message], turn: Turn, kind: Kind) -> list[int]:
    """The messages that stand in the place of the turn's question or of its answer, itself among them, the oldest
    first. A question that follows an unanswered one stands for no answer."""
    family = _family(messages)
    if kind == "answer":
        return _answers(family, turn.question_id)
    own = next((message for message in messages if message.id == turn.question_id), None)
    return [] if own is None else _questions(family, own)


def _turn(family: Family, question: Message, answer: Message | None) -> Turn:
    questions, answers = _questions(family, question), _answers(family, question.id)
    turn = Turn(
        question.content,
        attachments=question.attachments,
        question_id=question.id,
        version=(questions.index(question.id) + 1, len(questions)),
    )
    if answer is None:
        unanswered = [n for n, m in enumerate(answers, 1) if m in _followers(family, question.id)]
        return replace(turn, answer_version=(unanswered[0] if unanswered else 1, max(1, len(answers))))
    return replace(
        turn,
        answer=answer.content,
        reasoning=answer.reasoning,
        state=answer.state,
        model=answer.model,
        answer_id=answer.id,
        answer_version=(answers.index(answer.id) + 1, len(answers)),
    )


def _followers(family: Family, question_id: int | None) -> list[int]:
    """The first question that was asked without waiting for an answer."""
    return [m.id for m in family.get(question_id, []) if m.role == "user"][:1]


def _answers(family: Family, question_id: int | None) -> list[int]:
    answers = [m.id for m in family.get(question_id, []) if m.role == "assistant"]
    return sorted(answers + _followers(family, question_id))


def _questions(family: Family, own: Message) -> list[int]:
    return [m.id for m in family[own.parent] if m.role == own.role]


def _family(messages: Sequence[Message]) -> Family:
    family: Family = {}
    for message in messages:
        family.setdefault(message.parent, []).append(message)
    return family


def _branch(messages: Sequence[Message], head: int | None) -> list[Message]:
    by_id = {message.id: message for message in messages}
    at = by_id.get(head) if head is not None else None
    if at is None and messages:
        at = messages[-1]
    branch: list[Message] = []
    while at is not None:
        branch.append(at)
        at = None if at.parent is None else by_id.get(at.parent)
    return branch[::-1]
