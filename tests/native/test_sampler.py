"""Each sampler does what its name says, on small trained models."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from autoglm_lite.errors import LoadError, UsageError
from autoglm_lite.generation import Sampling, TokenLogprob
from autoglm_lite.native.sampler import Sampler
from tests.native.writer import N_CTX, Writer, far_from, law

GREEDY = Sampling(temperature=0)
PLAIN = Sampling(temperature=1, top_k=0, top_p=1, min_p=0, seed=11)
"""The model's own distribution."""
DRAWS = 3000


@pytest.mark.parametrize(
    "sampling",
    [
        PLAIN,
        replace(PLAIN, temperature=0.5),
        replace(PLAIN, temperature=2.5),
        replace(PLAIN, top_k=5),
        replace(PLAIN, top_p=0.7),
        replace(PLAIN, top_p=0),
        replace(PLAIN, min_p=0.1),
        replace(PLAIN, typical_p=0.6),
        replace(PLAIN, typical_p=0.6, logit_bias=tuple((token, -math.inf) for token in range(0, 500, 2))),
        replace(PLAIN, xtc_probability=1, xtc_threshold=0.02),
        replace(PLAIN, xtc_probability=0.4, xtc_threshold=0.02),
        replace(PLAIN, xtc_probability=1, xtc_threshold=0.6),
        replace(PLAIN, logit_bias=((260, 6.0), (261, 5.5), (300, -math.inf))),
        Sampling(seed=5),
        Sampling(seed=6, top_k=30, typical_p=0.9, top_p=0.9, min_p=0.02, xtc_probability=0.5, xtc_threshold=0.03),
    ],
)
def test_tokens_are_as_frequent_as_the_samplers_say(stories: Writer, sampling: Sampling) -> None:
    logits = stories.read("Once upon a time, there was a")
    assert far_from(stories.draws(stories.sampler(sampling), DRAWS), law(logits, sampling)) < 5


def test_the_measure_of_frequency_sees_a_wrong_temperature(stories: Writer) -> None:
    logits = stories.read("Once upon a time, there was a")
    assert far_from(stories.draws(stories.sampler(PLAIN), DRAWS), law(logits, replace(PLAIN, temperature=0.9))) > 5


@pytest.mark.parametrize(
    "sampling",
    [
        replace(GREEDY, repeat_penalty=1.4),
        replace(GREEDY, frequency_penalty=0.7),
        replace(GREEDY, presence_penalty=2.0),
        replace(GREEDY, presence_penalty=-2.0),
        replace(GREEDY, repeat_penalty=1.1, frequency_penalty=0.2, presence_penalty=0.3, repeat_last_n=20),
        replace(GREEDY, repeat_penalty=1.4, repeat_last_n=-1),
        replace(GREEDY, repeat_penalty=1.4, repeat_last_n=0),
    ],
)
def test_penalties_look_back_on_prompt_and_answer(stories: Writer, sampling: Sampling) -> None:
    written = stories.write(stories.sampler(sampling), 80)
    all_tokens, n_prompt = list(stories.tokens), len(stories.tokens) - len(written)
    n_back = N_CTX if sampling.repeat_last_n < 0 else sampling.repeat_last_n
    stories.context.forget_from(0)
    for i, token in enumerate(all_tokens):
        if i >= n_prompt:
            past = all_tokens[max(0, i - n_back) : i]
            assert token == law(stories.context.logits(1)[0], replace(sampling, temperature=1), past).argmax()
        stories.context.decode([token], i, n_outputs=1)


def test_penalties_make_repeats_rarer(stories: Writer) -> None:
    plain = stories.write(stories.sampler(GREEDY), 250)
    for sampling in (replace(GREEDY, repeat_penalty=1.3), replace(GREEDY, frequency_penalty=0.5)):
        assert len(set(stories.write(stories.sampler(sampling), 250))) > len(set(plain))


def test_greedy_takes_the_likeliest_each_time(starter: Writer) -> None:
    written = starter.write(starter.sampler(GREEDY), 40)
    for one in (Sampling(top_k=1), Sampling(top_p=0), Sampling(temperature=1e-6), replace(GREEDY, xtc_probability=1)):
        assert starter.write(starter.sampler(one), 40) == written
    logits = starter.read()
    assert written[0] == logits.argmax()
    # What takes choices away has no say where there is nothing to choose.
    assert starter.write(starter.sampler(replace(GREEDY, typical_p=0.1, mirostat=2)), 40) == written


def test_dry_breaks_a_loop_that_greedy_runs_in(stories: Writer) -> None:
    def loops(sampling: Sampling) -> int:
        written = stories.write(stories.sampler(sampling), 250, "yes no yes no yes no")
        return stories.text(written).count("It is not a ball.")

    assert loops(GREEDY) > 5
    dry = replace(GREEDY, dry_multiplier=2.0, repeat_last_n=-1)
    assert loops(dry) < 2
    # Where it looks back on too little to see the phrase, or a longer one is allowed, it goes on.
    assert loops(replace(dry, repeat_last_n=5)) == loops(replace(dry, dry_allowed_length=400)) == loops(GREEDY)


@pytest.mark.parametrize("version", [1, 2])
def test_mirostat_steers_how_surprising_the_text_is(stories: Writer, version: Literal[1, 2]) -> None:
    def surprise(tau: float) -> float:
        sampling = replace(PLAIN, mirostat=version, mirostat_tau=tau)
        logprobs: list[TokenLogprob] = []
        for seed in range(3):
            sampler = stories.sampler(replace(sampling, seed=seed), logprobs=0)
            written = stories.write(sampler, 200, logprobs=logprobs)
            assert len(written) == 200 or stories.model.ends_generation(written[-1])
        return -float(np.mean([one.logprob for one in logprobs])) / math.log(2)

    calm, lively = surprise(0.6), surprise(2.5)
    assert calm < 1.1 < lively


def test_the_same_seed_writes_the_same(stories: Writer) -> None:
    sampling = Sampling(temperature=1.5, xtc_probability=0.5, seed=7)
    written = stories.write(stories.sampler(sampling), 60)
    assert stories.write(stories.sampler(sampling), 60) == written
    assert stories.write(stories.sampler(replace(sampling, seed=8)), 60) != written
    assert stories.write(stories.sampler(replace(sampling, seed=6), choice=1), 60) == written


@pytest.mark.parametrize("seed", [2**32 - 1, 2**32, 10**30, -5])
def test_any_whole_number_is_a_seed(stories: Writer, seed: int) -> None:
    """llama.cpp takes 2^32 - 1 for "any"."""
    sampling = Sampling(temperature=2, seed=seed)
    assert stories.write(stories.sampler(sampling), 40) == stories.write(stories.sampler(sampling), 40)


def test_without_a_seed_each_answer_is_another(stories: Writer) -> None:
    sampling = Sampling(temperature=2)
    assert stories.write(stories.sampler(sampling), 40) != stories.write(stories.sampler(sampling), 40)


def test_rows_of_a_batch(stories: Writer) -> None:
    """A speculative step reads several tokens at once and samples after each."""
    stories.read("Once upon a time, there was a little girl", n_outputs=4)
    sampler = stories.sampler(GREEDY)
    n = len(stories.tokens)
    chosen = [sampler.sample(stories.context, row).token for row in range(n - 4, n)]
    sampler.close()
    assert chosen == list(stories.context.logits(4).argmax(axis=1))


def test_where_nothing_is_left_the_answer_ends(stories: Writer) -> None:
    stories.read()
    end = stories.model.end
    sampler = stories.sampler(replace(GREEDY, grammar='root ::= "q" [a-z]*', logit_bias=_without(stories, b"q")))
    assert sampler.sample(stories.context, -1).token == end
    sampler.close()


def _without(writer: Writer, letter: bytes) -> tuple[tuple[int, float], ...]:
    tokens = range(writer.model.n_vocab)
    return tuple((token, -math.inf) for token in tokens if writer.model.token_bytes(token).startswith(letter))


def test_no_logits(stories: Writer) -> None:
    stories.context.forget_from(0)
    stories.context.decode([1], 0, n_outputs=0)
    sampler = stories.sampler(GREEDY)
    with pytest.raises(LoadError, match="no logits"):
        sampler.sample(stories.context, -1)
    sampler.close()


@pytest.mark.parametrize("sampling", [PLAIN, Sampling(grammar="root ::= .*")])
def test_logits_that_are_no_numbers(stories: Writer, sampling: Sampling) -> None:
    stories.read()
    stories.context.logits(1)[:] = np.nan
    sampler = stories.sampler(sampling)
    with pytest.raises(LoadError, match="NaN"):
        sampler.sample(stories.context, -1)
    sampler.close()


def test_what_goes_wrong_in_a_choice_is_raised(stories: Writer) -> None:
    stories.read()

    def fail(_candidates: object) -> None:
        raise ZeroDivisionError

    candidates = stories.model.candidates
    with pytest.raises(ZeroDivisionError):
        candidates.choose(stories.context.handle, -1, fail)
    with pytest.raises(LoadError, match="No sampler has chosen"):
        candidates.choose(stories.context.handle, -1, lambda _candidates: None)
    sampler = stories.sampler(GREEDY)
    assert sampler.sample(stories.context, -1).token == stories.context.logits(1)[0].argmax()
    sampler.close()


def test_samplers_of_other_answers_change_nothing(stories: Writer) -> None:
    """They share one array of candidates."""
    sampling = Sampling(temperature=1.5, seed=3, repeat_penalty=1.2)
    written = stories.write(stories.sampler(sampling), 30)
    mine, other = stories.sampler(sampling), stories.sampler(Sampling(seed=1, top_k=3))
    stories.read()
    mine.accept(stories.tokens)
    for i, token in enumerate(written):
        other.sample(stories.context, -1)
        assert mine.sample(stories.context, -1).token == token
        stories.context.decode([token], len(stories.tokens) + i, n_outputs=1)
    mine.close()
    other.close()


NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("temperature", [NAN, -0.1, INF]),
        ("top_k", [-1, 2**31, 1.5]),
        ("top_p", [NAN, -0.1, 1.1]),
        ("min_p", [NAN, -0.1, 1.1]),
        ("typical_p", [NAN, -0.1, 1.1]),
        ("repeat_penalty", [NAN, 0, -1, INF]),
        ("repeat_last_n", [-2, 2**40]),
        ("frequency_penalty", [NAN, INF, -INF]),
        ("presence_penalty", [NAN, INF, -INF]),
        ("dry_multiplier", [NAN, -1, INF]),
        ("dry_base", [NAN, 0.5, INF]),
        ("dry_allowed_length", [-1, 2**31]),
        ("xtc_probability", [NAN, -1, 2]),
        ("xtc_threshold", [NAN, -1, 2]),
        ("mirostat", [3, -1]),
        ("mirostat_tau", [NAN, -1, INF]),
        ("mirostat_eta", [NAN, -1, INF]),
        ("logit_bias", [((-1, 1.0),), ((10**6, 1.0),), ((5, NAN),), ((5, INF),), ((5, 1e30),)]),
    ],
)
def test_values_that_make_no_sense(stories: Writer, name: str, values: list[object]) -> None:
    for value in values:
        with pytest.raises(UsageError, match=name):
            stories.sampler(replace(GREEDY, **{name: value}))  # type: ignore[arg-type]


def test_a_bias_that_forbids_all(stories: Writer) -> None:
    everything = tuple((token, -INF) for token in range(stories.model.n_vocab))
    with pytest.raises(UsageError, match="forbids every token"):
        stories.sampler(replace(GREEDY, logit_bias=everything))


def test_looking_back_takes_no_more_memory_than_the_context(stories: Writer) -> None:
    """llama.cpp would allocate 8 GB."""
    sampling = replace(GREEDY, repeat_last_n=2**31 - 1, repeat_penalty=1.2, dry_multiplier=1)
    assert stories.write(stories.sampler(sampling), 5)


def test_a_grammar_needs_a_token_that_ends(starter: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(starter.model), "ends_generation", lambda _self, _token: False)
    with pytest.raises(UsageError, match="no token that ends"):
        Sampler(Sampling(grammar='root ::= "a"'), starter.model, n_ctx=N_CTX)
