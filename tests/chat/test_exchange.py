"""Conversations of other programs as models' templates take them."""

from __future__ import annotations

import pytest

from autoglm_lite.chat.exchange import Question
from autoglm_lite.chat.messages import Message
from autoglm_lite.chat.template import TemplateRefusedError
from tests.chat.test_template import GEMMA
from tests.chat.tools.test_told import write

TURNS = (
    Message("system", "Be kind."),
    Message("user", "A file:"),
    Message("user", "1 < 2?"),
    Message("assistant", "Yes."),
    Message("assistant", ""),
    Message("user", "Sure?"),
)


def test_a_template_that_takes_only_alternating_turns_gets_them() -> None:
    assert write(GEMMA, Question(TURNS)) == (
        "<s><start_of_turn>user\nBe kind.\n\nA file:\n\n1 < 2?<end_of_turn>\n<start_of_turn>model\nYes.<end_of_turn>\n"
        "<start_of_turn>user\nSure?<end_of_turn>\n<start_of_turn>model\n"
    )


def test_what_it_refuses_for_another_reason_stays_refused() -> None:
    with pytest.raises(TemplateRefusedError, match="must alternate"):
        write(GEMMA, Question((Message("assistant", "I begin."), Message("user", "No."))))
