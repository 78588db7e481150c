"""Calls of tools through a real worker: required ones are valid whatever the model, one that is begun stays so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, closing
from dataclasses import replace

import jsonschema

from autoglm_lite.chat.events import Answer, CallArguments, CallBegun
from autoglm_lite.chat.exchange import Exchange, Question
from autoglm_lite.chat.messages import Message, ToolUse
from autoglm_lite.chat.template import ChatTemplate
from autoglm_lite.chat.tools.choose import tool_format
from autoglm_lite.chat.tools.format import Arguments, Begun, CallPiece
from autoglm_lite.chat.tools.parameters import schema
from autoglm_lite.generation import Finished, GenerateRequest, Sampling, Text
from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker.client import Worker
from tests.chat.tools.families import Split, joined, split
from tests.chat.tools.templates import TEMPLATES
from tests.chat.tools.test_grammars import SHORT
from tests.native.writer import STARTER
from tests.worker.loaded import with_worker

ASKED = (Message("user", "What can you do?"),)


async def asked(exchange: Exchange, question: Question) -> tuple[Split, Finished]:
    pieces: list[CallPiece] = []
    async with aclosing(exchange.ask(await exchange.prepare(question))) as events:
        async for event in events:
            if isinstance(event, CallBegun):
                pieces.append(Begun(event.index, event.name))
            elif isinstance(event, CallArguments):
                pieces.append(Arguments(event.index, event.text))
            elif isinstance(event, Answer) and event.text:
                pieces.append(event.text)
            elif isinstance(event, Finished):
                last = event
    return joined(pieces), last


async def exchanges(worker: Worker) -> AsyncIterator[tuple[str, Exchange]]:
    for name in ("generic", "llama", "glm-4", "glm-4.5"):
        source = TEMPLATES[name]
        with closing(ChatTemplate(source)) as template:
            yield name, Exchange(worker, template, tool_format(source), 2048)


def test_required() -> None:
    async def test(worker: Worker) -> None:
        async for _, exchange in exchanges(worker):
            for seed in range(3):
                use = ToolUse(SHORT, "required", parallel=False)
                sampling = Sampling(temperature=1.0, seed=seed, grammar='root ::= "not this"')
                found, last = await asked(exchange, Question(ASKED, use, sampling, max_tokens=400))
                assert last.reason == "stop"
                assert found.text == ""
                ((name, arguments),) = found.decoded
                tool = next(tool for tool in SHORT if tool.name == name)
                jsonschema.Draft202012Validator(schema(tool)).validate(arguments)

    with_worker(Plan(str(STARTER), 2048, 1, 1), test)


def test_auto() -> None:
    """A model that knows of no tools answers as it would, until it begins a call: here with a word that it likes."""

    async def test(worker: Worker) -> None:
        async for name, exchange in exchanges(worker):
            question = Question(ASKED, ToolUse(SHORT, parallel=False), Sampling(temperature=0), max_tokens=300)
            request = (await exchange.prepare(question)).request
            plain = replace(request, sampling=question.sampling)
            # The first reading of a prompt is rounded in another way than those that find it read; so are guesses.
            await written(worker, plain)
            free = (await written(worker, plain)).lstrip()
            found, _ = await asked(exchange, question)
            assert (found.text.lstrip()[:12], found.calls) == (free[:12], [])
            if name == "glm-4":
                assert request.sampling.grammar_after == ()
                continue
            word = free.split()[0]
            opening = request.sampling.grammar_after[0]
            begun = replace(request, sampling=replace(request.sampling, grammar_after=(word,)))
            text = (await written(worker, begun)).lstrip()
            assert text.startswith(word)
            call = split(exchange.tool_format.splitter(SHORT), [opening + text[len(word) :]])
            assert len(call.decoded) == 1
            assert call.text == ""

    with_worker(Plan(str(STARTER), 2048, 1, 1), test)


async def written(worker: Worker, request: GenerateRequest) -> str:
    return "".join([event.text async for event in worker.generate(request) if isinstance(event, Text)])
