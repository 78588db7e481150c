"""What a request of chat completions asks."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from autoglm_lite.chat.exchange import Question
from autoglm_lite.errors import UsageError
from autoglm_lite.generation import Sampling
from autoglm_lite.server import wishes
from autoglm_lite.server.limits import (
    GRAMMAR_CHARACTERS,
    MOST_MESSAGES,
    Name,
    NChoices,
    Stop,
    Stops,
    TopLogprobs,
)
from autoglm_lite.server.openai.formats import Format, format_grammar
from autoglm_lite.server.openai.messages import ChatMessage, conversation
from autoglm_lite.server.openai.sampling import MaxTokens, SamplingFields, most_tokens
from autoglm_lite.server.openai.tools import ToolChoice, Tools, uses
from autoglm_lite.server.openai.usage import StreamOptions

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class TemplateSettings(msgspec.Struct):
    enable_thinking: bool | None = None


class ChatRequest(SamplingFields, kw_only=True):
    messages: Annotated[list[ChatMessage], Meta(min_length=1, max_length=MOST_MESSAGES)]
    model: Name | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_completion_tokens: MaxTokens | None = None
    """Reasoning included; None: until the model stops or the context is full."""
    max_tokens: MaxTokens | None = None
    """Its older name."""
    n: NChoices | None = None
    stop: Stop | Stops | None = None
    logprobs: bool | None = None
    top_logprobs: TopLogprobs | None = None
    response_format: Format | None = None
    grammar: Annotated[str, Meta(max_length=GRAMMAR_CHARACTERS)] | None = None
    """GBNF that the answer must follow."""
    tools: Tools | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: Effort | None = None
    chat_template_kwargs: TemplateSettings | None = None
    thinking_tokens: Annotated[int, Meta(ge=0)] | None = None
    """After so many tokens of reasoning it is closed in the model's name."""
    return_progress: bool | None = None
    """Whether a stream tells how far the prompt is read."""


async def question(body: ChatRequest) -> Question:
    """All of it but how its model samples, beside the grammar. Raises UsageError."""
    if body.top_logprobs and not body.logprobs:
        raise UsageError("top_logprobs are given only together with logprobs: set logprobs to true.")
    thinking, thinking_tokens = _thinking(body)
    most = body.max_tokens if body.max_completion_tokens is None else body.max_completion_tokens
    stop = (body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ())
    return Question(
        conversation(body.messages),
        uses(body.tools or (), body.tool_choice or "auto", body.parallel_tool_calls is not False),
        Sampling(grammar=await _grammar(body)),
        max_tokens=most_tokens(most),
        stop=stop,
        n=body.n or 1,
        logprobs=(body.top_logprobs or 0) if body.logprobs else None,
        thinking=thinking,
        thinking_tokens=thinking_tokens,
    )


async def _grammar(body: ChatRequest) -> str | None:
    found = await format_grammar(body.response_format)
    if found is not None and body.grammar is not None:
        raise UsageError("An answer cannot follow both response_format and grammar: give one of them.")
    return body.grammar if found is None else found


def _thinking(body: ChatRequest) -> tuple[bool | None, int | None]:
    """The template's switch, and the most tokens of reasoning."""
    switch, tokens = wishes.thinking(body.reasoning_effort)
    asked = None if body.chat_template_kwargs is None else body.chat_template_kwargs.enable_thinking
    if asked is not None:
        # Not every model's template has the switch.
        switch, tokens = asked, (tokens or None if asked else 0)
    return switch, tokens if body.thinking_tokens is None else body.thinking_tokens
