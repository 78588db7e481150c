"""POST /v1/responses, and what was kept of them: GET and DELETE /v1/responses/{id}, GET .../input_items."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from starlette.responses import Response as HttpResponse

from autoglm_lite.chat.exchange import Question, first_system
from autoglm_lite.chat.messages import Message
from autoglm_lite.errors import HistoryError, UsageError
from autoglm_lite.generation import Finished, Prefill, Sampling, Waiting
from autoglm_lite.server import sse, wishes
from autoglm_lite.server.endpoint import Call, Endpoint, answered
from autoglm_lite.server.failures import Failure, RefusedError
from autoglm_lite.server.openai.asked import (
    LOGPROBS,
    ObjectFormat,
    ResponseRequest,
    SchemaFormat,
    items_of,
    refuse_what_is_not_here,
    tools_of,
)
from autoglm_lite.server.openai.errors import FAMILY
from autoglm_lite.server.openai.items import Item, messages
from autoglm_lite.server.openai.kept import Conversation, Kept
from autoglm_lite.server.openai.response import Response, fail, finish, started
from autoglm_lite.server.openai.writing import Event, Writing
from autoglm_lite.server.streaming import EVENTS, awaited

MOST_LISTED = 100


class Deleted(msgspec.Struct):
    id: str
    object: Literal["response"] = "response"
    deleted: Literal[True] = True


class ItemList(msgspec.Struct):
    data: list[Item]
    first_id: str | None
    last_id: str | None
    has_more: bool
    object: Literal["list"] = "list"


async def create(call: Call) -> HttpResponse:
    refuse_what_is_not_here(call.body)
    answering = Answering(call)
    if call.body.stream:
        return await sse.streamed(call.request, answering.stream(), answering.failed)
    return answered(await awaited(call.request, answering.whole()))


class Answering:
    """One response while it is made."""

    def __init__(self, call: Call) -> None:
        self._body: ResponseRequest = call.body
        self._models = call.service.models
        self._kept = kept(call)
        self._writing = Writing()
        self._response: Response | None = None
        self._n_events = 0

    async def whole(self) -> Response:
        async with aclosing(self._events()) as events:
            async for _ in events:
                pass
        assert self._response is not None
        return self._response

    async def stream(self) -> AsyncGenerator[bytes | Waiting | Prefill, None]:
        async with aclosing(self._events()) as events:
            async for event in events:
                yield self._sent(*event) if isinstance(event, tuple) else event

    def failed(self, failure: Failure) -> bytes:
        """The last event of a stream that failed midway."""
        assert self._response is not None
        fail(self._response, self._writing.items, failure)
        return self._sent("response.failed", {"response": self._response})

    def _sent(self, kind: str, fields: dict[str, object]) -> bytes:
        number, self._n_events = self._n_events, self._n_events + 1
        return sse.named(kind, {"type": kind, "sequence_number": number, **fields})

    async def _events(self) -> AsyncGenerator[Event | Waiting | Prefill, None]:
        body = self._body
        given = [*await self._before(), *items_of(body.input)]
        question = await _question(body, given)
        async with self._models.use(body.model) as resident:
            sampling = wishes.sampling(
                resident.sampling, temperature=body.temperature, top_p=body.top_p, grammar=question.sampling.grammar
            )
            prepared = await resident.exchange.prepare(replace(question, sampling=sampling))
            response = started(body, resident.name, sampling)
            async with aclosing(resident.exchange.ask(prepared)) as events:
                async for event in events:
                    if self._response is None:
                        # What cannot be begun was refused by now.
                        self._response = response
                        yield "response.created", {"response": response}
                        yield "response.in_progress", {"response": response}
                    if isinstance(event, Finished):
                        end = event
                    elif isinstance(event, Waiting | Prefill):
                        yield event
                    else:
                        for told in self._writing.take(event):
                            yield told
        for told in self._writing.close(complete=end.reason == "stop"):
            yield told
        finish(response, self._writing.items, end, self._writing.n_reasoning_tokens)
        await self._keep(Conversation(given, response))
        yield f"response.{response.status}", {"response": response}

    async def _before(self) -> list[Item]:
        """The conversation so far. Raises RefusedError for one that is not there."""
        asked = self._body.previous_response_id
        if asked is None:
            return []
        found = await asyncio.to_thread(self._kept.load, asked)
        if found is None:
            raise _unknown(asked, "previous_response_id")
        return found.items

    async def _keep(self, conversation: Conversation) -> None:
        """The answer is worth more than that it is kept."""
        if not conversation.response.store:
            return
        try:
            await asyncio.to_thread(self._kept.save, conversation)
        except HistoryError as error:
            conversation.response.store = False
            print(f"autoglm-lite: {error}", file=sys.stderr, flush=True)


async def _question(body: ResponseRequest, given: list[Item]) -> Question:
    """But for what the model's makers advise. Raises UsageError."""
    instructions = [] if body.instructions is None else [Message("system", body.instructions)]
    switch, most = wishes.thinking(body.effort)
    return Question(
        first_system([*instructions, *messages(given)]),
        tools_of(body),
        Sampling(grammar=await _grammar(body)),
        max_tokens=body.max_output_tokens,
        logprobs=(body.top_logprobs or 0) if body.top_logprobs or LOGPROBS in (body.include or ()) else None,
        thinking=switch,
        thinking_tokens=most,
    )


async def _grammar(body: ResponseRequest) -> str | None:
    """Of the form that the answer must have. Raises UsageError for a schema that cannot be enforced."""
    form = body.text.format if body.text else None
    if isinstance(form, SchemaFormat):
        return await wishes.schema_grammar(form.schema)
    return await wishes.object_grammar() if isinstance(form, ObjectFormat) else None


async def retrieve(call: Call) -> HttpResponse:
    if call.request.query_params.get("stream") in ("true", "True", "1"):
        raise UsageError("A kept response is not streamed again: leave `stream` out.")
    return answered((await _found(call)).response)


async def delete(call: Call) -> HttpResponse:
    asked = call.request.path_params["response_id"]
    if not await asyncio.to_thread(kept(call).delete, asked):
        raise _unknown(asked)
    return answered(Deleted(asked))


async def input_items(call: Call) -> HttpResponse:
    """A page of them, the last first unless `order` is asc."""
    query = call.request.query_params
    order, after, limit = query.get("order", "desc"), query.get("after"), query.get("limit", "20")
    if order not in ("asc", "desc"):
        raise UsageError("order: give asc or desc.")
    if not limit.isascii() or not limit.isdigit() or len(limit) > 3 or not 1 <= int(limit) <= MOST_LISTED:
        raise UsageError(f"limit: give a number from 1 to {MOST_LISTED}.")
    items = (await _found(call)).input[:: 1 if order == "asc" else -1]
    if after is not None:
        ids = [item.id for item in items]
        items = items[ids.index(after) + 1 :] if after in ids else []
    page = items[: int(limit)]
    first, last = (page[0].id, page[-1].id) if page else (None, None)
    return answered(ItemList(page, first, last, len(items) > len(page)))


async def _found(call: Call) -> Conversation:
    """Raises RefusedError where there is none."""
    asked = call.request.path_params["response_id"]
    found = await asyncio.to_thread(kept(call).load, asked)
    if found is None:
        raise _unknown(asked)
    return found


def kept(call: Call) -> Kept:
    return Kept(call.service.folder / "responses")


def _unknown(asked: str, param: str | None = None) -> RefusedError:
    sentence = f"There is no response {asked[:80]!r} here: it was not stored, was deleted, or is too old."
    return RefusedError(Failure("not_found", sentence, param=param))


RESPONSE_ID = {"response_id": Annotated[str, Meta(max_length=256)]}

ENDPOINTS = (
    Endpoint(
        "POST",
        "/v1/responses",
        FAMILY,
        "An answer, kept for the next question",
        create,
        body=ResponseRequest,
        answer=Response,
        streamed=EVENTS,
    ),
    Endpoint(
        "GET",
        "/v1/responses/{response_id}",
        FAMILY,
        "A response that was kept",
        retrieve,
        answer=Response,
        parameters=RESPONSE_ID,
    ),
    Endpoint(
        "DELETE",
        "/v1/responses/{response_id}",
        FAMILY,
        "Forgets a response",
        delete,
        answer=Deleted,
        parameters=RESPONSE_ID,
    ),
    Endpoint(
        "GET",
        "/v1/responses/{response_id}/input_items",
        FAMILY,
        "What a kept response answered",
        input_items,
        answer=ItemList,
        parameters=RESPONSE_ID,
    ),
)
