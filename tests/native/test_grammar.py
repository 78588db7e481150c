"""Grammars in llama.cpp itself, with models that write under them in a process of its own."""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import pytest

from autoglm_lite.errors import UsageError
from autoglm_lite.grammar import check, from_schema, json_object
from autoglm_lite.grammar.gbnf import parse
from autoglm_lite.grammar.machine import Machine
from autoglm_lite.native.bindings import bindings
from autoglm_lite.native.grammar import grammar_sampler
from autoglm_lite.native.model import Model
from tests.grammar.schemas import random_grammar, random_schema, spoilt_grammar, spoilt_schema
from tests.grammar.test_check import FOLLOWED, REFUSED
from tests.grammar.texts import follows

ROOT = Path(__file__).parents[2]
STARTER = ROOT / "autoglm_lite" / "data" / "starter.gguf"
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "age": {"type": "integer", "minimum": 1, "maximum": 99},
        "tags": {"type": "array", "items": {"enum": ["new", "old"]}, "maxItems": 3},
    },
    "required": ["name", "age"],
}


def let_write(model: Path, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a process answers that asks llama.cpp for all of these, one after the other."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.grammar.writer", str(model)],
        input="".join(json.dumps(request) + "\n" for request in requests),
        capture_output=True,
        text=True,
        cwd=ROOT,
        # A grammar on which llama.cpp hangs ends here, not in the cup of coffee of who waits for the tests.
        timeout=600,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, f"died over {requests[len(answers)]}"
    assert len(answers) == len(requests)
    return answers


def check_answer(grammar: str, answer: dict[str, Any]) -> None:
    """What was written begins as the grammar says, and is all of it where the model ended."""
    try:
        text = answer["text"].encode("latin-1").decode()
    except UnicodeDecodeError:
        # llama.cpp lets byte tokens through that are no UTF-8, or the last character is not complete.
        return
    begins, complete = follows(grammar, text)
    assert begins, (grammar, text)
    assert complete or not answer["ended"], (grammar, text)


def request(grammar: str, seed: int, n_tokens: int = 40) -> dict[str, Any]:
    return {"grammar": grammar, "n_tokens": n_tokens, "seed": seed}


def test_a_model_writes_what_the_grammar_lets_it() -> None:
    requests = [request(gbnf, 0, 30) for gbnf, _, _ in FOLLOWED.values()]
    requests += [request(from_schema(PERSON), seed, 200) for seed in range(5)] + [request(json_object(), 1)]
    requests += [request(gbnf, 0) for gbnf, _ in REFUSED.values()]
    answers = let_write(STARTER, requests)
    for asked, answer in zip(requests[: len(FOLLOWED) + 6], answers, strict=False):
        check_answer(asked["grammar"], answer)
    people = answers[len(FOLLOWED) : len(FOLLOWED) + 5]
    assert sum(answer["ended"] for answer in people) >= 3
    for answer in people:
        if answer["ended"]:
            jsonschema.validate(json.loads(answer["text"].encode("latin-1")), PERSON)
    assert all("error" in answer for answer in answers[-len(REFUSED) :])


@pytest.fixture(scope="module")
def stories(stories_gguf: Path) -> Iterator[Model]:
    with closing(Model(str(stories_gguf), load_mode="mmap", repack=False, vocab_only=True)) as model:
        yield model


def allowed(sampler: Any, n_vocab: int) -> list[bool]:
    lib = bindings()
    data = (lib.llama_token_data * n_vocab)()
    for token in range(n_vocab):
        data[token].id = token
    array = lib.llama_token_data_array(data=data, size=n_vocab, selected=-1, sorted=False)
    lib.llama_sampler_apply(sampler, ctypes.byref(array))
    return [data[token].logit == 0.0 for token in range(n_vocab)]


GRAMMARS = [gbnf for name, (gbnf, _, _) in FOLLOWED.items() if name not in ("2,000 times", "350 words")]


@pytest.mark.parametrize("gbnf", [*GRAMMARS, json_object(), from_schema(PERSON)])
def test_llama_cpp_and_our_machine_allow_the_same_tokens(stories: Model, gbnf: str) -> None:
    lib, random, machine = bindings(), Random(5), Machine(parse(gbnf))
    pieces = [stories.token_bytes(token) for token in range(stories.n_vocab)]
    for _ in range(3):
        sampler = grammar_sampler(stories, gbnf)
        stacks = machine.start()
        for _ in range(12):
            found = allowed(sampler, stories.n_vocab)
            following = {}
            for token, piece in enumerate(pieces):
                if stories.ends_generation(token):
                    assert found[token] == (None in stacks), (gbnf, token)
                elif piece.strip(b"\0") and piece.isascii():
                    after = stacks
                    for code in piece:
                        after = machine.accept(after, code)
                    assert found[token] == bool(after), (gbnf, piece)
                    if after:
                        following[token] = after
            if not following:
                break
            token = random.choice(sorted(following))
            lib.llama_sampler_accept(sampler, token)
            stacks = following[token]
        lib.llama_sampler_free(sampler)


def test_only_checked_grammars_reach_it(stories: Model) -> None:
    for gbnf, sentence in REFUSED.values():
        with pytest.raises(UsageError, match=sentence):
            grammar_sampler(stories, gbnf)


def fuzzed(n: int) -> Iterator[tuple[str, Any]]:
    """Grammars, half of them from schemas (which come with them), a third of them spoilt."""
    for seed in range(n):
        random = Random(seed)
        schema: Any = None
        if seed % 2:
            schema = random_schema(random)
            schema = spoilt_schema(random, schema) if seed % 3 == 0 else schema
            try:
                yield from_schema(schema), schema
            except UsageError:
                yield "", None
        else:
            gbnf = random_grammar(random)
            yield (spoilt_grammar(random, gbnf) if seed % 3 == 0 else gbnf), None


def is_good(gbnf: str) -> bool:
    try:
        check(gbnf)
    except UsageError:
        return False
    return True


def run_fuzzed(model: Path, n: int, n_tokens: int) -> None:
    made = list(fuzzed(n))
    answers = let_write(model, [request(gbnf, seed, n_tokens) for seed, (gbnf, _) in enumerate(made)])
    n_used = n_fitting = 0
    for (gbnf, schema), answer in zip(made, answers, strict=True):
        assert ("error" in answer) != is_good(gbnf)
        if "error" in answer:
            continue
        n_used += 1
        # Each step here takes milliseconds; this says only that none of them exploded.
        assert answer["slowest"] < 30, gbnf
        check_answer(gbnf, answer)
        if schema is not None and answer["ended"]:
            value = json.loads(answer["text"].encode("latin-1").decode(errors="replace"))
            old = "items" in str(schema) and "prefixItems" not in str(schema)
            (jsonschema.Draft7Validator if old else jsonschema.Draft202012Validator)(schema).validate(value)
            n_fitting += 1
    assert n_used > n // 2
    assert n_fitting > n // 10


def test_fuzzed_grammars(stories_gguf: Path) -> None:
    run_fuzzed(stories_gguf, 120, 16)


@pytest.mark.slow
def test_a_thousand_fuzzed_grammars_and_schemas_kill_nothing() -> None:
    run_fuzzed(STARTER, 1000, 60)
