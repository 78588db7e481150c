"""What the chunks of a completion say, as a worker would have said it."""

from __future__ import annotations

import pytest

from autoglm_lite.errors import WorkerDiedError
from autoglm_lite.generation import Finished, Prefill, Text, Waiting
from autoglm_lite.remote.answer import AnswerSoFar
from autoglm_lite.remote.http import ServiceGoneError

N_CTX = 100
USAGE = {"prompt_tokens": 60, "completion_tokens": 40, "prompt_tokens_details": {"cached_tokens": 50}}
TIMINGS = {"prompt_ms": 1500.0, "predicted_ms": 250.0}


def ended(reason: str, n_answer: int) -> Finished:
    answer = AnswerSoFar()
    answer.take({"choices": [{"text": "", "finish_reason": reason}], "timings": TIMINGS})
    answer.take({"choices": [], "usage": {**USAGE, "completion_tokens": n_answer}})
    return answer.finished(N_CTX)


def test_a_full_context_is_told_from_a_long_answer() -> None:
    assert ended("length", 40) == Finished("context", 60, 50, 40, 1.5, 0.25)
    assert ended("length", 39) == Finished("length", 60, 50, 39, 1.5, 0.25)
    assert ended("stop", 40) == Finished("stop", 60, 50, 40, 1.5, 0.25)


def test_progress_and_text() -> None:
    answer = AnswerSoFar()
    begun = {"total": 0, "cache": 0, "processed": 0, "time_ms": 3}
    read = {"total": 60, "cache": 50, "processed": 55, "time_ms": 9, "seconds_left": 2.5}
    assert answer.take({"choices": [], "prompt_progress": {**begun, "ahead": 2}}) == [Waiting(2)]
    assert answer.take({"choices": [], "prompt_progress": read}) == [Prefill(55, 60, 50, 2.5)]
    assert answer.take({"choices": [{"text": "Hel"}]}) == [Text("Hel", 1)]
    stopped = answer.cancelled()
    assert (stopped.reason, stopped.prompt_tokens, stopped.cached_tokens) == ("cancelled", 60, 50)
    assert stopped.completion_tokens == 1


def test_an_answer_without_its_end_is_no_answer() -> None:
    answer = AnswerSoFar()
    answer.take({"choices": [{"text": "Hel", "finish_reason": None}]})
    with pytest.raises(ServiceGoneError):
        answer.finished(N_CTX)


@pytest.mark.parametrize("error", [{"message": "It was killed."}, "It was killed."])
def test_an_error_in_the_middle_keeps_its_sentence(error: object) -> None:
    with pytest.raises(WorkerDiedError, match=r"^It was killed\.$"):
        AnswerSoFar().take({"error": error})
