"""Calls of tools that begin with control tokens, as an engine writes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from autoglm_lite.engine.engine import Engine
from autoglm_lite.generation import GenerateRequest, Sampling
from autoglm_lite.planning.plan import Plan
from tests.engine.asking import answers
from tests.gguf.tiny import byte_letters, qwen3, strings

N_TOKENS = 264
OPENING, MARK = N_TOKENS - 3, N_TOKENS - 2
GRAMMAR = 'root ::= "run" "[ARGS]" "{" [0-9]{1,3} "}"'


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Of a vocabulary with three control tokens, the last of which ends an answer."""
    tiny = qwen3()
    tokens = [*byte_letters(), *("th", "the", "Ġthe", "Ġa", "on"), "[TOOL_CALLS]", "[ARGS]", "<|im_end|>"]
    assert len(tokens) == N_TOKENS
    tiny.put(strings("tokenizer.ggml.tokens", tokens))
    with closing(Engine(Plan(str(tiny.write(tmp_path / "tiny.gguf")), 128, 1, 1))) as found:
        yield found


def test_a_control_token_sets_a_grammar_off_and_is_written(engine: Engine) -> None:
    pushed = Sampling(temperature=1.0, logit_bias=((OPENING, 60.0), (MARK, 40.0)), seed=1)
    held = replace(pushed, grammar=GRAMMAR, grammar_after=("[TOOL_CALLS]",))
    request = GenerateRequest("abc", templated=True, sampling=held, max_tokens=40)
    written = replace(request, written=("[TOOL_CALLS]", "[ARGS]", "not a token"))
    (text, end), (hidden, _) = answers(engine, [written, request])
    assert text.startswith("[TOOL_CALLS]run[ARGS]{")
    assert text.endswith("}")
    assert text[len("[TOOL_CALLS]run[ARGS]{") : -1].isdigit()
    assert end.reason == "stop"
    assert "run" not in hidden
    # A grammar that calls for it from the beginning has it written by its one token.
    required = replace(written, sampling=replace(pushed, grammar=f'root ::= "[TOOL_CALLS]" {GRAMMAR[9:]}'))
    ((text, end),) = answers(engine, [required])
    assert text.startswith("[TOOL_CALLS]run[ARGS]{")
    assert end.completion_tokens == 1 + 3 + 1 + len(text.split("]")[-1]) + 1
    # It is no part of the reasoning's text that the grammar looks at.
    thinking = replace(written, prompt="abc<think>", sampling=replace(held, logit_bias=((OPENING, 60.0),)))
    ((text, end),) = answers(engine, [replace(thinking, max_tokens=20)])
    assert text == "[TOOL_CALLS]" * 20
