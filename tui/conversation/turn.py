"""A question and its answer."""

from __future__ import annotations

from textual.app import ComposeResult

from autoglm_lite.chat.prompt import Turn
from tui.conversation.answer import AnswerView
from tui.conversation.frame import Frame
from tui.conversation.message import MessageView, QuestionView
from tui.words.conversation import Words


class TurnView(Frame):
    def __init__(self, asked: QuestionView, answer: AnswerView, turn: Turn | None = None) -> None:
        super().__init__()
        self.asked = asked
        self.answer = answer
        self.turn = turn
        """As the session knows it; None until the answer has ended."""

    def compose(self) -> ComposeResult:
        yield self.asked
        yield self.answer

    @property
    def question(self) -> str:
        return self.asked.source

    @property
    def messages(self) -> list[MessageView]:
        return [self.asked, self.answer]

    def become(self, turn: Turn) -> None:
        """What the session knows of it now that its answer has ended."""
        self.turn = turn
        self.asked.count(turn.version)
        self.answer.is_broken_off = turn.state != "complete"
        self.answer.count(turn.answer_version)

    async def renew(self, answer: AnswerView) -> None:
        """Another answer in place of the one shown."""
        before, self.answer = self.answer, answer
        await self.mount(answer)
        await before.remove()


def past_turn(turn: Turn, words: Words) -> TurnView:
    """As it is on disk."""
    notes = {"complete": "", "stopped": words.stopped, "cut off": words.cut_off}
    note = notes[turn.state] or ("" if turn.answer else words.no_answer)
    answer = AnswerView(words, turn.answer, turn.reasoning, note and f"— {note}", turn.answer_version)
    answer.is_broken_off = turn.state != "complete"
    return TurnView(QuestionView(turn.question, turn.version, turn.attachments), answer, turn)
