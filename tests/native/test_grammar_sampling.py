"""Answers follow a grammar, which is looked at only where a choice offends it."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from autoglm_lite.generation import Sampling
from autoglm_lite.native.sampler import Sampler
from tests.native.writer import Writer, far_from, softmax

GREEDY = Sampling(temperature=0)
PLAIN = Sampling(temperature=1, top_k=0, top_p=1, min_p=0, seed=21)
FORM = r'root ::= "{" [a-z]+ ": " [0-9]{2,4} ("," " "? [a-z]{1,5}){0,3} "}"'
FORM_PATTERN = r"\{[a-z]+: [0-9]{2,4}(, ?[a-z]{1,5}){0,3}\}"
LETTERS, LETTERS_PATTERN = "root ::= [a-z ]*", rb"[a-z ]+"


def with_grammar_first(sampler: Sampler) -> Sampler:
    sampler._grammar_first = True
    return sampler


@pytest.mark.parametrize(
    "sampling",
    [
        GREEDY,
        replace(GREEDY, repeat_penalty=1.3, dry_multiplier=1),
        Sampling(seed=1),
        Sampling(seed=2, temperature=3, top_k=0),
        Sampling(seed=3, typical_p=0.5, top_k=0),
        Sampling(seed=4, xtc_probability=1, xtc_threshold=0.05),
        Sampling(seed=5, mirostat=1),
        Sampling(seed=6, mirostat=2),
    ],
)
@pytest.mark.parametrize("model", ["starter", "stories"])
def test_an_answer_has_the_form_of_its_grammar(
    request: pytest.FixtureRequest, model: Literal["starter", "stories"], sampling: Sampling
) -> None:
    writer: Writer = request.getfixturevalue(model)
    # A long word is likely to take all the room there is.
    grammar = FORM.replace("+", "{1,6}")
    written = writer.write(writer.sampler(replace(sampling, grammar=grammar)), 60)
    assert writer.model.ends_generation(written[-1])
    assert re.fullmatch(FORM_PATTERN, writer.text(written))


@pytest.mark.parametrize("grammar", [FORM, LETTERS, 'root ::= ("yes" | "no" | "maybe") "."?', r'root ::= [^"]*'])
@pytest.mark.parametrize("sampling", [GREEDY, replace(GREEDY, repeat_penalty=1.3, frequency_penalty=0.4)])
def test_looking_late_changes_no_greedy_token(stories: Writer, sampling: Sampling, grammar: str) -> None:
    sampling = replace(sampling, grammar=grammar)
    written = stories.write(stories.sampler(sampling), 60)
    assert stories.write(with_grammar_first(stories.sampler(sampling)), 60) == written


@pytest.mark.parametrize("grammar_first", [False, True])
def test_looking_late_changes_no_probability(stories: Writer, grammar_first: bool) -> None:
    logits = stories.read("Once upon a time, there was a").astype(np.float64)
    model = stories.model
    allowed = [
        model.ends_generation(token) or bool(re.fullmatch(rb"[a-k ]+", model.token_bytes(token)))
        for token in range(model.n_vocab)
    ]
    law = softmax(np.where(allowed, logits, -np.inf))
    assert 0.05 < (softmax(logits) * allowed).sum() < 0.95, "the grammar refuses some and allows some"
    sampler = stories.sampler(replace(PLAIN, grammar="root ::= [a-k ]*"))
    if grammar_first:
        with_grammar_first(sampler)
    assert far_from(stories.draws(sampler, 2000), law) < 5


def test_most_tokens_are_looked_at_alone(stories: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    full = 0
    whole = Sampler._apply_with_grammar

    def count(self: Sampler, candidates: object) -> None:
        nonlocal full
        full += 1
        whole(self, candidates)

    monkeypatch.setattr(Sampler, "_apply_with_grammar", count)
    written = stories.write(stories.sampler(replace(GREEDY, grammar=r"root ::= [a-zA-Z ,.!\"'\n]*")), 100)
    assert full < len(written) / 10


def test_a_refused_token_leaves_no_trace_in_the_penalties(stories: Writer) -> None:
    """It would be punished later for what it never wrote."""
    logits = stories.read("Once upon a time, there was a")
    likely = int(logits.argmax())
    first = stories.model.token_bytes(likely).decode()[0]
    sampling = replace(GREEDY, grammar=f"root ::= [^{first}] .*", presence_penalty=3)
    sampler = stories.sampler(sampling)
    refused = sampler.sample(stories.context, -1).token
    assert refused != likely
    # The same logits again: the chosen token is punished now, the refused one is not, and the grammar allows it.
    punished = logits.copy()
    punished[refused] -= 3
    assert sampler.sample(stories.context, -1).token == punished.argmax() == likely
    sampler.close()


def test_a_finished_grammar_allows_the_end_alone(stories: Writer) -> None:
    sampler = stories.sampler(replace(PLAIN, grammar='root ::= "a" | "b"', logit_bias=((stories.model.end or 0, -90),)))
    stories.read()
    assert stories.model.token_bytes(sampler.sample(stories.context, -1).token) in (b"a", b"b")
    for _ in range(3):
        assert stories.model.ends_generation(sampler.sample(stories.context, -1).token)
    sampler.close()


def test_reasoning_is_free(stories: Writer) -> None:
    stories.read()
    free, held = (stories.sampler(replace(GREEDY, grammar=LETTERS.replace("*", "+"))) for _ in range(2))
    likely = stories.context.logits(1)[0].argmax()
    assert [free.sample(stories.context, -1, free=True).token for _ in range(3)] == [likely] * 3
    assert not re.fullmatch(LETTERS_PATTERN, stories.model.token_bytes(int(likely)))
    # The grammar stands where it stood.
    assert free.sample(stories.context, -1).token == held.sample(stories.context, -1).token
    free.close()
    held.close()


def test_control_tokens_do_not_pass_for_their_names(stories: Writer) -> None:
    """llama.cpp lets the token <s> stand for these three letters, of which the reader would see none."""
    beginning, unknown = 1, 0
    assert stories.model.is_silent(beginning)
    assert stories.model.is_silent(unknown)
    for mirostat in (0, 2):
        sampling = replace(
            PLAIN, mirostat=mirostat, grammar='root ::= "<s>" | "<unk>"', logit_bias=((beginning, 90), (unknown, 90))
        )
        written = stories.write(stories.sampler(sampling), 20)
        assert stories.text(written) in ("<s>", "<unk>")


def test_answers_to_one_prompt_have_a_grammar_each(stories: Writer) -> None:
    sampling = replace(PLAIN, grammar='root ::= "ab" "c"')
    first, second = stories.sampler(sampling), stories.sampler(sampling, choice=1)
    stories.read()
    token = first.sample(stories.context, -1).token
    assert stories.model.token_bytes(token)[:1] == b"a"
    assert stories.model.token_bytes(second.sample(stories.context, -1).token)[:1] == b"a"
    first.close()
    second.close()


def test_a_bias_that_the_grammar_refuses(stories: Writer) -> None:
    wanted = stories.model.tokenize("z", add_special=False, parse_special=False)[-1]
    sampling = replace(GREEDY, grammar='root ::= "a" [a-y]*', logit_bias=((wanted, 50.0), (5, -math.inf)))
    assert re.fullmatch("a[a-y]*", stories.text(stories.write(stories.sampler(sampling), 10)))
