"""Several answers at the same time: each as if it were alone, in turns, and never one for long at others' cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from autoglm_lite.engine import scheduler
from autoglm_lite.engine.answer import Answer
from autoglm_lite.engine.engine import Engine
from autoglm_lite.errors import AutoglmError, BusyError, LoadError, PromptTooLongError, UsageError
from autoglm_lite.generation import Event, Finished, GenerateRequest, Prefill, Sampling, Text, Waiting
from autoglm_lite.native.computing import Aborted
from autoglm_lite.native.context import Context, Part
from autoglm_lite.planning.plan import Plan
from tests.engine.asking import GREEDY, answers, events

PROMPTS = ["Once upon a time", "One day, a girl named Lily", "Tom had a big red", "The dog and the cat went"]
LONG = "Once upon a time there was a girl called Lily, who had a red ball and a dog. She went to the park. " * 4


def ask(prompt: str, max_tokens: int | None = 40, sampling: Sampling = GREEDY) -> GenerateRequest:
    return GenerateRequest(prompt, templated=False, sampling=sampling, max_tokens=max_tokens)


@contextmanager
def engine_of(model: Path, n_parallel: int = 4, n_ctx: int = 1024, n_ubatch: int = 64) -> Iterator[Engine]:
    plan = Plan(str(model), n_ctx, threads=1, threads_batch=1, n_ubatch=n_ubatch, n_parallel=n_parallel)
    with closing(Engine(plan)) as engine:
        yield engine


def alone(model: Path, requests: list[GenerateRequest]) -> list[str]:
    """Each from a fresh engine."""
    texts = []
    for request in requests:
        with engine_of(model, 1) as engine:
            texts.append(answers(engine, [request])[0][0])
    return texts


def run(engine: Engine) -> Iterator[list[tuple[int, Event | AutoglmError]]]:
    """Step by step."""
    while engine.busy:
        yield list(engine.step())


def texts_of(steps: list[list[tuple[int, Event | AutoglmError]]]) -> dict[int, str]:
    found: dict[int, str] = defaultdict(str)
    for step in steps:
        for i, event in step:
            if isinstance(event, Text):
                found[i] += event.text
    return found


def test_together_as_alone(stories_gguf: Path) -> None:
    requests = [ask(prompt) for prompt in PROMPTS]
    with engine_of(stories_gguf) as engine:
        together = answers(engine, requests)
    assert [text for text, _ in together] == alone(stories_gguf, requests)
    assert [end.reason for _, end in together] == ["length"] * 4


def test_more_than_there_is_room_for_wait_and_are_told(stories_gguf: Path) -> None:
    requests = [ask(prompt, 10) for prompt in PROMPTS]
    with engine_of(stories_gguf, n_parallel=1) as engine:
        for i, request in enumerate(requests):
            engine.submit(i, request)
        steps = list(run(engine))
    found = [(i, event) for step in steps for i, event in step]
    waiting = {i: [event.ahead for j, event in found if j == i and isinstance(event, Waiting)] for i in range(4)}
    assert waiting == {0: [], 1: [1], 2: [2, 1], 3: [3, 2, 1]}
    assert [i for i, event in found if isinstance(event, Finished)] == [0, 1, 2, 3]
    assert [texts_of(steps)[i] for i in range(4)] == alone(stories_gguf, requests)


def test_a_long_prompt_lets_the_words_of_others_through(stories_gguf: Path) -> None:
    with engine_of(stories_gguf, n_ubatch=16) as engine:
        engine.submit(1, ask(PROMPTS[0], 60))
        for _ in range(3):
            list(engine.step())
        engine.submit(2, ask(LONG, 5))
        while engine.busy:
            step = list(engine.step())
            kinds = {(i, type(event)) for i, event in step}
            if (2, Prefill) in kinds and (2, Text) not in kinds:
                # While one reads, the other one has not missed a step.
                progress = [event for i, event in step if i == 2 and isinstance(event, Prefill)][-1]
                if 0 < progress.done < progress.total:
                    assert any(i == 1 for i, _ in step) or pending(engine)


def pending(engine: Engine) -> bool:
    """Whether the tokens that were sampled wait to be shown together."""
    assert engine._scheduler is not None
    return any(answer._pending for answer in engine._scheduler._running)


def test_readers_take_turns(stories_gguf: Path) -> None:
    """A short prompt is not kept waiting for a long one."""
    with engine_of(stories_gguf, n_ubatch=16) as engine:
        engine.submit(1, ask(LONG, 1))
        engine.submit(2, ask("Tom had a big red box and a small blue one. He was happy.", 1))
        ends = [i for step in run(engine) for i, event in step if isinstance(event, Finished)]
    assert ends == [2, 1]


def test_a_shared_beginning_is_read_once(stories_gguf: Path) -> None:
    requests = [ask(LONG + ending, 12) for ending in ("Her dog", "But the ball", "So Lily ran")]
    with engine_of(stories_gguf) as engine:
        n_shared = len(engine.tokenize(LONG, templated=False)) - 2
        together = answers(engine, requests)
    cached = sorted(end.cached_tokens for _, end in together)
    assert cached[0] == 0
    assert cached[1] >= n_shared
    assert [text for text, _ in together] == alone(stories_gguf, requests)


def test_a_beginning_that_was_shared_is_the_last_to_go(stories_gguf: Path) -> None:
    with engine_of(stories_gguf, 1, n_ctx=512) as engine:
        n_shared = len(engine.tokenize(LONG, templated=False)) - 2
        for ending in ("Then a cat came and sat on the mat with her", "But the ball was gone and she was sad"):
            answers(engine, [ask(LONG + ending, 30)])
        # Others need nearly all of the places.
        for other in ("Tom had a big box. " * 6, "The dog ran to the tree. " * 6, "Sue and Ben like to sing. " * 6):
            answers(engine, [ask(other, 60)])
        assert answers(engine, [ask(LONG + "So Lily ran", 5)])[0][1].cached_tokens >= n_shared


def test_choices_come_from_one_reading(stories_gguf: Path) -> None:
    sampling = Sampling(temperature=1.0, seed=5)
    with engine_of(stories_gguf, 2) as engine:
        request = replace(ask(LONG, 20, sampling), n=3)
        found = list(events(engine, request))
        again = list(events(engine, request))
    texts = ["".join(e.text for e in found if isinstance(e, Text) and e.choice == i) for i in range(3)]
    assert len(set(texts)) == 3
    assert texts == ["".join(e.text for e in again if isinstance(e, Text) and e.choice == i) for i in range(3)]
    ends = [event for event in found if isinstance(event, Finished)]
    assert sorted(end.choice for end in ends) == [0, 1, 2]
    assert [end.n_left for end in ends] == [2, 1, 0]
    assert found[-1] is ends[-1]
    assert sum(end.prompt_tokens - end.cached_tokens for end in ends) <= ends[0].prompt_tokens + 2
    # The first choice is what one alone with that seed would be.
    assert texts[0] == alone(stories_gguf, [ask(LONG, 20, sampling)])[0]


def test_a_cancelled_answer_leaves_the_others_as_they_were(stories_gguf: Path) -> None:
    requests = [ask(prompt) for prompt in PROMPTS]
    expected = alone(stories_gguf, requests)
    with engine_of(stories_gguf, n_parallel=3) as engine:
        for i, request in enumerate(requests):
            engine.submit(i, request)
        steps = []
        for n, step in enumerate(run(engine)):
            steps.append(step)
            if n == 8:
                engine.cancel(1)
            if n == 0:
                engine.cancel(3)
    ends = {i: event for step in steps for i, event in step if isinstance(event, Finished)}
    assert {i: end.reason for i, end in ends.items()} == {0: "length", 1: "cancelled", 2: "length", 3: "cancelled"}
    assert ends[3].completion_tokens == 0
    texts = texts_of(steps)
    assert [texts[0], texts[2]] == [expected[0], expected[2]]
    assert expected[1].startswith(texts[1])
    assert len(texts[1]) < len(expected[1])


def test_who_finds_no_room_is_set_aside_and_goes_on_later(stories_gguf: Path) -> None:
    requests = [ask(prompt, 110) for prompt in PROMPTS]
    expected = alone(stories_gguf, requests)
    with engine_of(stories_gguf, n_ctx=256) as engine:
        together = answers(engine, requests)
    assert [text for text, _ in together] == expected
    assert {end.reason for _, end in together} <= {"length", "stop"}


def test_a_queue_has_an_end(stories_gguf: Path) -> None:
    with engine_of(stories_gguf, 1) as engine:
        engine.submit(0, ask("Once"))
        list(engine.step())
        for i in range(scheduler.MOST_WAITING):
            engine.submit(i + 1, ask("Once", 3))
        with pytest.raises(BusyError, match="wait"):
            engine.submit(99, ask("Once", 3))
        ends = [i for step in run(engine) for i, event in step if isinstance(event, Finished)]
        assert ends == list(range(scheduler.MOST_WAITING + 1))
        assert answers(engine, [ask("Once", 3)])[0][1].reason == "length"


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (ask("", 3), UsageError),
        (ask(LONG * 40, 3), PromptTooLongError),
        (replace(ask("Once", 3), n=0), UsageError),
        (replace(ask("Once", 3), n=10**9), UsageError),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    stories_gguf: Path, request_: GenerateRequest, error: type[AutoglmError]
) -> None:
    with engine_of(stories_gguf) as engine:
        if request_.prompt == "":
            # This vocabulary begins each text with a token.
            request_ = replace(request_, templated=True)
        with pytest.raises(error):
            engine.submit(1, request_)
        assert not engine.busy


def test_nothing_but_the_prompt(stories_gguf: Path) -> None:
    with engine_of(stories_gguf) as engine:
        ((text, end),) = answers(engine, [ask("Once upon a time", 0)])
    assert (text, end.reason, end.completion_tokens) == ("", "length", 0)


def test_reasoning_is_closed_at_its_budget(stories_gguf: Path) -> None:
    request = GenerateRequest("Once upon a time <think>", True, GREEDY, max_tokens=30, thinking_tokens=6)
    with engine_of(stories_gguf) as engine:
        ((text, end),) = answers(engine, [request])
        free = answers(engine, [replace(request, thinking_tokens=None)])[0][0]
    thought, close, rest = text.partition("\n</think>\n\n")
    assert close
    assert rest
    assert thought
    assert free.startswith(thought)
    assert "</think>" not in free
    assert end.completion_tokens == 30


def test_a_failing_answer_takes_no_other_with_it(stories_gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = [ask(prompt) for prompt in PROMPTS]
    expected = alone(stories_gguf, requests)
    sample = Answer.sample

    def failing(answer: Answer, context: Context, row: int, drafted: Sequence[int]) -> int:
        if answer.request_id == 2 and len(answer.tokens) > 20:
            raise LoadError("llama.cpp computed no numbers.")
        return sample(answer, context, row, drafted)

    monkeypatch.setattr(Answer, "sample", failing)
    with engine_of(stories_gguf) as engine:
        for i, request in enumerate(requests):
            engine.submit(i, request)
        steps = list(run(engine))
    errors = [(i, event) for step in steps for i, event in step if isinstance(event, AutoglmError)]
    assert [i for i, _ in errors] == [2]
    texts = texts_of(steps)
    assert [texts[i] for i in (0, 1, 3)] == [expected[i] for i in (0, 1, 3)]


def test_choices_that_fill_the_context_together_come_to_an_end(stories_gguf: Path) -> None:
    """The same text is written by each, in places of its own."""
    with engine_of(stories_gguf, 2, n_ctx=256) as engine:
        engine.submit(1, replace(ask("Once upon a time", 200), n=2))
        steps = [step for step, _ in zip(run(engine), range(2000), strict=False)]
        assert not engine.busy
    ends = [event for step in steps for _, event in step if isinstance(event, Finished)]
    assert [end.completion_tokens for end in ends] == [200, 200]


def test_a_cancel_after_the_other_takes_no_answer_its_turn(stories_gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that are given up for others' sake do not keep an answer from getting on."""
    decode_parts = Context.decode_parts
    with engine_of(stories_gguf, 2) as engine:

        def cancelled(context: Context, parts: Sequence[Part]) -> None:
            if len(parts) > 1:
                engine.cancel(newest)
                if newest in engine._scheduler._abortable:  # type: ignore[union-attr]
                    raise Aborted
            decode_parts(context, parts)

        monkeypatch.setattr(Context, "decode_parts", cancelled)
        newest, n_tokens = 1, 0
        engine.submit(0, ask("Once upon a time", 60))
        for step in run(engine):
            n_tokens += sum(event.n_tokens for i, event in step if i == 0 and isinstance(event, Text))
            newest += 1
            assert newest < 400
            if any(i == 0 and isinstance(event, Finished) for i, event in step):
                break
            engine.submit(newest, ask(LONG, 5))
    assert n_tokens == 60


def test_a_burst_fills_the_free_places_and_the_queue(stories_gguf: Path) -> None:
    with engine_of(stories_gguf, 4) as engine:
        for i in range(4 + scheduler.MOST_WAITING):
            engine.submit(i, ask("Once", 2))
        with pytest.raises(BusyError):
            engine.submit(99, ask("Once", 2))
        assert sum(isinstance(event, Finished) for step in run(engine) for _, event in step) == 12
