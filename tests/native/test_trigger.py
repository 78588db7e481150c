"""A grammar that holds only once a text was written."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.generation import Sampling
from autoglm_lite.native.trigger import Trigger
from tests.native.writer import Writer

GREEDY = Sampling(temperature=0)
LIVELY = Sampling(temperature=1.5, top_k=0, top_p=1, min_p=0)
DIGITS = 'root ::= [0-9]{3} "."'


def end_of(trigger: Trigger, pieces: list[bytes]) -> int | None:
    """Where in the joined pieces the grammar begins to hold."""
    before = 0
    for piece in pieces:
        end = trigger.end_in(piece)
        if end is not None:
            return before + end
        if not trigger.feed(piece):
            return None
        before += len(piece)
    return None


@given(st.text("ab<> é", max_size=12), st.lists(st.integers(0, 20), max_size=6), st.booleans())
def test_the_end_does_not_depend_on_the_cuts(text: str, cuts: list[int], at_start: bool) -> None:
    texts = ["<a>", "ab<", "é>"]
    data = text.encode()
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[a:b] for a, b in pairwise(places)]
    pattern = "|".join(re.escape(one) for one in texts)
    if at_start:
        found = re.match(rf"[ \t\r\n]*({pattern})", text)
        expected = found and found.end()
    else:
        expected = min((text.find(one) + len(one) for one in texts if one in text), default=None)
    wanted = None if expected is None else len(text[:expected].encode())
    assert end_of(Trigger(texts, at_start=at_start), pieces) == wanted


@pytest.mark.parametrize("trigger", [" was", " wa", "as", "a", "time, there w", "T", " "])
def test_it_holds_from_the_end_of_the_text(stories: Writer, trigger: str) -> None:
    """Also where that is in the middle of a token."""
    free = stories.text(stories.write(stories.sampler(GREEDY), 60))
    assert trigger in free or trigger in ("time, there w", "T")
    for seed in range(6):
        sampling = replace(LIVELY, grammar=DIGITS, grammar_after=(trigger,), seed=seed)
        written = stories.write(stories.sampler(sampling), 120)
        text = stories.text(written)
        if trigger in text:
            assert re.fullmatch(r"(?s)[0-9]{0,3}|[0-9]{3}\.", text.split(trigger, 1)[1])
            if len(written) < 120:
                assert re.fullmatch(r"(?s).*?[0-9]{3}\.", text)


def test_before_it_the_model_writes_as_it_would(stories: Writer) -> None:
    free = stories.write(stories.sampler(GREEDY), 60)
    held = stories.sampler(replace(GREEDY, grammar=DIGITS, grammar_after=("no such text",)))
    assert stories.write(held, 60) == free
    text = stories.text(free)
    word = " " + text.split()[5]
    sampler = stories.sampler(replace(GREEDY, grammar=DIGITS, grammar_after=(word,)))
    begun = stories.text(stories.write(sampler, 60))
    assert begun.startswith(text[: text.index(word) + len(word)])
    assert re.fullmatch(r"[0-9]{3}\.", begun[text.index(word) + len(word) :])


def test_a_token_that_goes_on_wrongly_is_not_chosen(stories: Writer) -> None:
    """The likeliest token contains the text's end and then what the grammar refuses."""
    likely = int(stories.read("Once upon a time, there was a").argmax())
    piece = stories.model.token_bytes(likely).decode()
    assert len(piece) > 3
    for grammar, same in ((DIGITS, False), (f'root ::= "{piece[2:]}" [0-9]', True)):
        stories.read("Once upon a time, there was a")
        sampler = stories.sampler(replace(GREEDY, grammar=grammar, grammar_after=(piece[:2],)))
        token = sampler.sample(stories.context, -1).token
        assert (token == likely) == same
        sampler.close()


def test_a_text_at_the_beginning_alone(stories: Writer) -> None:
    text = stories.text(stories.write(stories.sampler(GREEDY), 40))
    word = text.split()[3]
    sampling = replace(GREEDY, grammar=DIGITS, grammar_after=(word,), grammar_at_start=True)
    assert stories.text(stories.write(stories.sampler(sampling), 40)) == text
    sampling = replace(sampling, grammar_after=(text.lstrip()[:2],))
    assert re.fullmatch(r"\s*..[0-9]{3}\.", stories.text(stories.write(stories.sampler(sampling), 40)))


def test_reasoning_sets_nothing_off(stories: Writer) -> None:
    likely = stories.model.token_bytes(int(stories.read().argmax())).decode()
    sampler = stories.sampler(replace(GREEDY, grammar=DIGITS, grammar_after=(likely,)))
    for _ in range(3):
        sampler.sample(stories.context, -1, free=True)
    sampler.sample(stories.context, -1)
    assert re.fullmatch(rb" ?[0-9]+", stories.model.token_bytes(sampler.sample(stories.context, -1).token))
    sampler.close()


def test_an_answer_begins_behind_its_reasoning(stories: Writer) -> None:
    """Also where the model opened that itself."""
    word = stories.model.token_bytes(int(stories.read().argmax())).decode().strip()
    for reasons in (True, False):
        sampling = replace(GREEDY, grammar=DIGITS, grammar_after=(word,), grammar_at_start=True)
        sampler = stories.sampler(sampling)
        stories.read("The little girl")
        assert stories.model.token_bytes(sampler.sample(stories.context, -1).token).decode().strip() != word
        stories.read()
        if reasons:
            sampler.sample(stories.context, -1, free=True)
        sampler.sample(stories.context, -1)
        held = stories.model.token_bytes(sampler.sample(stories.context, -1).token)
        assert bool(re.fullmatch(rb" ?[0-9]+", held)) == reasons
        sampler.close()


def test_control_tokens_that_are_written(stories: Writer) -> None:
    """They set a grammar off, and stand for their names in one."""
    model = stories.model
    (beginning,) = model.controls(["<s>", "no such token"])
    assert model.is_silent(beginning)
    assert not model.is_silent(beginning, {beginning})
    assert (model.token_bytes(beginning), model.token_bytes(beginning, {beginning})) == (b"", b"<s>")
    stories.read()
    forced = replace(GREEDY, logit_bias=((beginning, 90.0),))
    for written in ((), (beginning,)):
        sampler = stories.sampler(replace(forced, grammar=DIGITS, grammar_after=("<s>",)), written=written)
        assert sampler.sample(stories.context, -1).token == beginning
        held = model.token_bytes(sampler.sample(stories.context, -1).token)
        assert bool(re.fullmatch(rb"[0-9]+", held)) == bool(written)
        sampler.close()
    for written, n in (((), 3), ((beginning,), 1)):
        sampler = stories.sampler(replace(forced, grammar='root ::= "<s>"'), written=written)
        tokens = stories.write(sampler, 20)
        assert len(tokens) >= n
        assert (tokens[0] == beginning) == bool(written)


def test_mirostat(stories: Writer) -> None:
    sampling = replace(LIVELY, mirostat=2, grammar=DIGITS, grammar_after=("e",), seed=3)
    text = stories.text(stories.write(stories.sampler(sampling), 80))
    assert re.fullmatch(r"(?s)[^e]*e[0-9]{3}\.", text)


def test_a_root_of_another_name(stories: Writer) -> None:
    grammar = "root ::= digits\nroot- ::= [a-z]\ndigits ::= [0-9]"
    sampling = replace(LIVELY, grammar=grammar, grammar_after=("a",), seed=1)
    assert re.search(r"^[^a]*a[0-9]$", stories.text(stories.write(stories.sampler(sampling), 80)), re.DOTALL)


def test_nothing_left(stories: Writer) -> None:
    everything = tuple((token, -math.inf) for token in range(stories.model.n_vocab) if token != 5)
    stories.read()
    sampler = stories.sampler(replace(GREEDY, logit_bias=everything, grammar=DIGITS, grammar_after=("\x02",)))
    assert stories.model.token_bytes(5) == b"\x02"
    assert sampler.sample(stories.context, -1).token == 5
    assert sampler.sample(stories.context, -1).token == stories.model.end
    sampler.close()
