"""Messages through Anthropic's own client."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any, Literal

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic
from anthropic.types import MessageParam, RawMessageStreamEvent, TextBlock
from pydantic import BaseModel

from tests.server.serving import Running, endless, until_busy, until_idle

WHO: list[MessageParam] = [{"role": "user", "content": "Hello, who are you?"}]
EXACT = {"temperature": 0}
LIVELY = {"temperature": 1.5}


def text(message: anthropic.types.Message) -> str:
    return "".join(block.text for block in message.content if isinstance(block, TextBlock))


def test_answers_whole_and_in_pieces_alike(client: Anthropic) -> None:
    whole = client.messages.create(model="starter", max_tokens=60, messages=WHO, extra_body=EXACT)
    assert "starter" in text(whole)
    assert (whole.model, whole.role, whole.type) == ("starter", "assistant", "message")
    assert (whole.stop_reason, whole.stop_sequence) == ("end_turn", None)
    assert whole.id.startswith("msg_")
    with client.messages.stream(model="starter", max_tokens=60, messages=WHO, extra_body=EXACT) as stream:
        kinds = [event.type for event in stream]
        streamed = stream.get_final_message()
    assert text(streamed) == text(whole)
    assert streamed.stop_reason == "end_turn"
    assert kinds[0] == "message_start"
    assert kinds[-1] == "message_stop"
    assert "content_block_start" in kinds
    assert "content_block_stop" in kinds
    n_prompt = client.messages.count_tokens(model="starter", messages=WHO).input_tokens
    for message in (whole, streamed):
        assert message.usage.input_tokens + (message.usage.cache_read_input_tokens or 0) == n_prompt
        assert message.usage.output_tokens == whole.usage.output_tokens
    # All but the last token was read before.
    assert streamed.usage.input_tokens == 1


def test_also_without_the_prefix(running: Running) -> None:
    body = {"model": "starter", "max_tokens": 4, "messages": WHO}
    answer = running.http.post("/messages", json=body)
    assert (answer.status_code, answer.json()["stop_reason"]) == (200, "max_tokens")
    answer = running.http.post("/v1/messages?beta=true", json={**body, "metadata": {"user_id": "me"}, "top_k": 5})
    assert answer.status_code == 200


def test_why_it_stopped(client: Anthropic) -> None:
    def stopped(**asked: Any) -> anthropic.types.Message:
        found: anthropic.types.Message = client.messages.create(
            **{"model": "starter", "max_tokens": 60, "messages": WHO, "extra_body": EXACT, **asked}
        )
        return found

    assert stopped(max_tokens=3).stop_reason == "max_tokens"
    found = stopped(stop_sequences=["model", "demonstration"])
    assert (found.stop_reason, found.stop_sequence) == ("stop_sequence", "demonstration")
    assert "demonstration" not in text(found)
    long = [{"role": "user", "content": "Once upon a time"}]
    assert stopped(model="stories", max_tokens=10**6, messages=long).stop_reason == "model_context_window_exceeded"


def test_blocks_and_strings_are_the_same(client: Anthropic) -> None:
    def counted(**asked: Any) -> int:
        return client.messages.count_tokens(model="starter", **asked).input_tokens

    parts = [{"type": "text", "text": "Hello, who are you?", "cache_control": {"type": "ephemeral"}}]
    assert counted(messages=[{"role": "user", "content": parts}]) == counted(messages=WHO)
    system = [{"type": "text", "text": "Be kind."}]
    assert counted(messages=WHO, system=system) == counted(messages=WHO, system="Be kind.") > counted(messages=WHO)
    document = {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "Hello, who are you?"},
    }
    assert counted(messages=[{"role": "user", "content": [document]}]) == counted(messages=WHO)
    assert counted(messages=[{"role": "user", "content": "word " * 3000}]) > 3000


def test_an_answer_that_the_client_began_goes_on(client: Anthropic) -> None:
    began = "I am the starter: a tiny"
    whole = text(client.messages.create(model="starter", max_tokens=60, messages=WHO, extra_body=EXACT))
    rest = client.messages.create(
        model="starter",
        max_tokens=60,
        messages=[*WHO, {"role": "assistant", "content": began}],
        extra_body=EXACT,
    )
    assert began + text(rest) == whole


class Pet(BaseModel):
    kind: Literal["cat", "dog"]
    tame: bool


def test_structured_output(client: Anthropic) -> None:
    found = client.messages.parse(model="starter", max_tokens=200, messages=WHO, output_format=Pet)
    assert isinstance(found.parsed_output, Pet)


def test_thinking_comes_apart_where_it_is_asked_for(lively_client: Anthropic) -> None:
    def said(thinking: Any) -> list[str]:
        found = lively_client.messages.create(model="thinker", max_tokens=60, messages=WHO, thinking=thinking)
        return [block.type for block in found.content]

    assert said({"type": "enabled", "budget_tokens": 20}) == ["thinking", "text"]
    assert said({"type": "adaptive"}) == ["thinking"]
    assert said({"type": "disabled"}) == said(anthropic.omit) == ["text"]
    with lively_client.messages.stream(
        model="thinker", max_tokens=60, messages=WHO, thinking={"type": "enabled", "budget_tokens": 20}
    ) as stream:
        deltas = [event.delta.type for event in stream if event.type == "content_block_delta"]
        thought, answer = stream.get_final_message().content
    assert list(dict.fromkeys(deltas)) == ["thinking_delta", "signature_delta", "text_delta"]
    assert thought.type == "thinking"
    assert thought.signature
    assert answer.type == "text"
    # What was thought goes back with the conversation.
    again: list[MessageParam] = [*WHO, {"role": "assistant", "content": [thought, answer]}, *WHO]
    without: list[MessageParam] = [*WHO, {"role": "assistant", "content": [answer]}, *WHO]
    counts = [
        lively_client.messages.count_tokens(model="thinker", messages=messages).input_tokens
        for messages in (again, without)
    ]
    assert counts[0] > counts[1]
    hidden = lively_client.messages.create(
        model="thinker",
        max_tokens=60,
        messages=WHO,
        thinking={"type": "enabled", "budget_tokens": 20, "display": "omitted"},
    )
    assert hidden.content[0].type == "thinking"
    assert hidden.content[0].thinking == ""


def test_errors(client: Anthropic, running: Running) -> None:
    def refused(kind: type[anthropic.APIStatusError], error_type: str, **asked: Any) -> str:
        with pytest.raises(kind) as caught:
            client.messages.create(**{"model": "starter", "max_tokens": 9, "messages": WHO, **asked})
        body: Any = caught.value.body
        assert (body["type"], body["error"]["type"]) == ("error", error_type)
        # Before a stream has begun it is the same.
        with pytest.raises(kind):
            client.messages.create(**{"model": "starter", "max_tokens": 9, "messages": WHO, **asked, "stream": True})
        return str(body["error"]["message"])

    def invalid(**asked: Any) -> str:
        return refused(anthropic.BadRequestError, "invalid_request_error", **asked)

    assert "nobody" in refused(anthropic.NotFoundError, "not_found_error", model="nobody")
    assert refused(anthropic.InternalServerError, "overloaded_error", model="broken")
    too_long = invalid(messages=[{"role": "user", "content": "word " * 3000}])
    assert too_long.startswith("prompt is too long: ")
    assert "> 1024 maximum" in too_long
    assert "max_tokens" in invalid(max_tokens=0)
    assert "tool_choice" in invalid(tool_choice={"type": "any"})
    assert "type" in invalid(tools=[{"type": "web_search_20250305", "name": "web_search"}])
    assert "only makes embeddings" in invalid(model="vectors")
    answer = running.http.post("/v1/messages", json={"model": "starter", "messages": WHO})
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert "max_tokens" in answer.json()["error"]["message"]
    answer = running.http.post("/v1/messages", content=b" " * (5 << 20))
    assert (answer.status_code, answer.json()["error"]["type"]) == (413, "request_too_large")


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ({"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}, "pictures"),
        ({"type": "url", "url": "http://127.0.0.1:1/a.png"}, "no address is opened"),
        ({"type": "url", "url": "file:///etc/passwd"}, "no address is opened"),
        ({"type": "url", "url": "http://169.254.169.254/latest"}, "no address is opened"),
        ({"type": "file", "file_id": "file_1"}, "Files are not kept"),
    ],
)
def test_pictures_are_refused_and_nothing_is_opened(client: Anthropic, source: Any, word: str) -> None:
    image: Any = {"type": "image", "source": source}
    result: Any = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [image]}
    document: Any = {"type": "document", "source": source}
    for block in (image, result, document):
        with pytest.raises(anthropic.BadRequestError) as caught:
            client.messages.create(model="starter", max_tokens=9, messages=[{"role": "user", "content": [block]}])
        if block is not document:
            assert word in str(caught.value).replace("Pictures", "pictures")


def begin(client: Anthropic) -> anthropic.Stream[RawMessageStreamEvent]:
    stream = client.messages.create(model="endless", max_tokens=10**6, messages=WHO, stream=True, extra_body=LIVELY)
    for event in stream:
        if event.type == "content_block_delta":
            break
    return stream


def test_a_client_that_goes_away_stops_the_work(lively: Running, lively_client: Anthropic) -> None:
    stream = begin(lively_client)
    assert endless(lively).n_users == 1
    stream.close()
    until_idle(endless(lively))

    async def whole_and_gone() -> None:
        client = AsyncAnthropic(base_url=lively.url, api_key="any", max_retries=0)
        asking = asyncio.create_task(
            client.messages.create(model="endless", max_tokens=30_000, messages=WHO, timeout=60)
        )
        await until_busy(endless(lively))
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await client.close()

    asyncio.run(whole_and_gone())
    until_idle(endless(lively))


def test_a_stream_that_breaks_off_says_so(lively: Running, lively_client: Anthropic) -> None:
    stream = begin(lively_client)
    pid = endless(lively).worker.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(anthropic.APIStatusError) as caught:
        list(stream)
    body: Any = caught.value.body
    assert body["error"]["type"] == "overloaded_error"
    assert "was killed" in body["error"]["message"]
    again = lively_client.messages.create(model="endless", max_tokens=3, messages=WHO)
    assert again.usage.output_tokens == 3


def test_who_waits_hears_pings(lively: Running, lively_client: Anthropic, monkeypatch: pytest.MonkeyPatch) -> None:
    first = begin(lively_client)
    kinds = []
    with lively.http.stream(
        "POST", "/v1/messages", json={"model": "endless", "max_tokens": 3, "messages": WHO, "stream": True}
    ) as second:
        for line in second.iter_lines():
            if line.startswith("event: "):
                kinds.append(line.removeprefix("event: "))
            if kinds.count("ping") == 1:
                first.close()
    assert kinds[:2] == ["message_start", "ping"]
    assert kinds[-1] == "message_stop"
