"""An answer of /v1/responses, as it is given and kept."""

from __future__ import annotations

import time
from typing import Any, Literal

import msgspec

from autoglm_lite.generation import Finished, Sampling
from autoglm_lite.server.failures import Failure
from autoglm_lite.server.openai.asked import (
    AllowedTools,
    Effort,
    FunctionChoice,
    PlainFormat,
    ResponseRequest,
    TextFormat,
)
from autoglm_lite.server.openai.items import OutputItem, new_id

DIGITS = 6
"""What model files advise is a 32-bit number."""


class InputDetails(msgspec.Struct):
    cached_tokens: int
    """Of a prompt: those that the model still knew."""
    cache_write_tokens: int = 0
    """A price of OpenAI's; nothing is charged here."""


class OutputDetails(msgspec.Struct):
    reasoning_tokens: int


class ResponseUsage(msgspec.Struct):
    input_tokens: int
    input_tokens_details: InputDetails
    output_tokens: int
    output_tokens_details: OutputDetails
    total_tokens: int


class ResponseError(msgspec.Struct):
    code: str
    message: str


class Incomplete(msgspec.Struct):
    reason: Literal["max_output_tokens"]


class FunctionTool(msgspec.Struct, tag="function"):
    name: str
    description: str | None
    parameters: dict[str, Any] | None
    strict: bool


class TextGiven(msgspec.Struct):
    format: TextFormat


class ReasoningGiven(msgspec.Struct):
    effort: Effort | None
    summary: None = None


class Response(msgspec.Struct, kw_only=True):
    """What has no default is said of each answer; the rest are what this service never does, or not yet."""

    id: str
    created_at: int
    model: str
    instructions: str | None
    max_output_tokens: int | None
    metadata: dict[str, str]
    parallel_tool_calls: bool
    previous_response_id: str | None
    reasoning: ReasoningGiven
    store: bool
    temperature: float
    text: TextGiven
    tool_choice: Literal["none", "auto", "required"] | FunctionChoice | AllowedTools
    tools: list[FunctionTool]
    top_logprobs: int
    top_p: float
    presence_penalty: float
    frequency_penalty: float
    object: Literal["response"] = "response"
    status: Literal["in_progress", "completed", "incomplete", "failed"] = "in_progress"
    output: list[OutputItem] = []
    usage: ResponseUsage | None = None
    error: ResponseError | None = None
    incomplete_details: Incomplete | None = None
    completed_at: int | None = None
    truncation: Literal["disabled"] = "disabled"
    background: Literal[False] = False
    service_tier: Literal["default"] = "default"
    max_tool_calls: None = None
    prompt_cache_key: None = None
    safety_identifier: None = None


def started(body: ResponseRequest, model: str, sampling: Sampling) -> Response:
    """Before the first token; what `body` leaves open is said as it is done."""
    return Response(
        id=new_id("resp"),
        created_at=int(time.time()),
        model=model,
        instructions=body.instructions,
        max_output_tokens=body.max_output_tokens,
        metadata=body.metadata or {},
        parallel_tool_calls=body.parallel_tool_calls is not False,
        previous_response_id=body.previous_response_id,
        reasoning=ReasoningGiven(body.reasoning.effort if body.reasoning else None),
        store=body.store is not False,
        temperature=round(sampling.temperature, DIGITS),
        text=TextGiven((body.text.format if body.text else None) or PlainFormat()),
        tool_choice=body.tool_choice or "auto",
        tools=[
            FunctionTool(tool.name or "", tool.description, tool.parameters, bool(tool.strict))
            for tool in body.tools or ()
        ],
        top_logprobs=body.top_logprobs or 0,
        top_p=round(sampling.top_p, DIGITS),
        presence_penalty=sampling.presence_penalty,
        frequency_penalty=sampling.frequency_penalty,
    )


def finish(response: Response, output: list[OutputItem], end: Finished, n_reasoning: int) -> None:
    """Says in `response` how it ended."""
    response.output = output
    response.usage = ResponseUsage(
        end.prompt_tokens,
        InputDetails(end.cached_tokens),
        end.completion_tokens,
        OutputDetails(n_reasoning),
        end.prompt_tokens + end.completion_tokens,
    )
    if end.reason == "stop":
        response.status = "completed"
        response.completed_at = int(time.time())
    else:
        response.status = "incomplete"
        response.incomplete_details = None if end.reason == "cancelled" else Incomplete("max_output_tokens")


def fail(response: Response, output: list[OutputItem], failure: Failure) -> None:
    response.status = "failed"
    response.output = output
    response.error = ResponseError("server_error", failure.sentence)
