"""One request of another program: messages in, the model's events out. Nothing of it is kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from autoglm_lite.chat.events import AnswerEvent, CallEvent, Generates
from autoglm_lite.chat.messages import Message, ToolUse
from autoglm_lite.chat.stream import stream_answer
from autoglm_lite.chat.template import ChatTemplate, TemplateRefusedError
from autoglm_lite.chat.tools.format import CallSplitter, ToolFormat
from autoglm_lite.errors import PromptTooLongError, UsageError
from autoglm_lite.generation import GenerateRequest, Sampling


@dataclass(frozen=True, slots=True)
class Question:
    """What a program asks of a model."""

    messages: tuple[Message, ...]
    tool_use: ToolUse | None = None
    sampling: Sampling = Sampling()
    """With the grammar that the answer must follow, if any; it has no effect together with calls that are required."""
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    n: int = 1
    logprobs: int | None = None
    thinking: bool | None = None
    """Given to the template; None leaves it to the model."""
    thinking_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A question as its model is asked it."""

    request: GenerateRequest
    n_prompt_tokens: int
    calls: Callable[[], CallSplitter] | None


@dataclass(frozen=True, slots=True)
class Exchange:
    """Between programs and one loaded model."""

    model: Generates
    template: ChatTemplate | None
    """None: the messages' texts are continued as they are."""
    tool_format: ToolFormat
    n_ctx: int

    async def prepare(self, question: Question) -> Prepared:
        """Raises UsageError, TemplateError, PromptTooLongError, or WorkerDiedError."""
        prompt = await asyncio.to_thread(self._write, question)
        request = GenerateRequest(
            prompt,
            templated=self.template is not None,
            sampling=question.sampling,
            max_tokens=question.max_tokens,
            stop=question.stop,
            n=question.n,
            logprobs=question.logprobs,
            thinking_tokens=question.thinking_tokens,
        )
        calls = None
        if question.tool_use is not None:
            use = question.tool_use
            gbnf, after = await asyncio.to_thread(self.tool_format.grammar, use)
            if use.choice == "required" or question.sampling.grammar is None:
                sampling = replace(question.sampling, grammar=gbnf, grammar_after=after)
                request = replace(request, sampling=sampling)

            def calls() -> CallSplitter:
                return self.tool_format.splitter(use.tools)

        return Prepared(request, await self.check(prompt, templated=request.templated), calls)

    async def check(self, prompt: str, *, templated: bool) -> int:
        """How many tokens a prompt has. Raises PromptTooLongError where they leave no room for an answer."""
        n_tokens = len(await self.model.tokenize(prompt, templated=templated))
        if n_tokens >= self.n_ctx:
            raise PromptTooLongError(
                f"The prompt has {n_tokens} tokens but the context holds {self.n_ctx}: shorten it, or start the"
                " service with a larger --ctx.",
                n_tokens,
                self.n_ctx,
            )
        return n_tokens

    def ask(self, prepared: Prepared) -> AsyncGenerator[AnswerEvent | CallEvent, None]:
        """The events of the answer; closed early, it ends. Raises as Worker.generate does."""
        return stream_answer(self.model, prepared.request, prepared.calls)

    def _write(self, question: Question) -> str:
        if self.template is None:
            return "\n".join(message.content for message in question.messages)
        tools = () if question.tool_use is None else question.tool_use.tools
        described = [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
            }
            for tool in tools
        ]
        messages = [_described(message) for message in question.messages]
        try:
            return self.template.render(messages, thinking=question.thinking, tools=described)
        except TemplateRefusedError:
            if len(messages) < 2 or messages[0]["role"] != "system":
                raise
        # Some models, such as Gemma, know no system prompt: it then opens the first question.
        system, first, *rest = messages
        opening = {**first, "content": f"{system['content']}\n\n{first['content']}"}
        return self.template.render([opening, *rest], thinking=question.thinking, tools=described)


def _described(message: Message) -> dict[str, Any]:
    """As Hugging Face's `apply_chat_template` takes it."""
    found: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.reasoning:
        found["reasoning_content"] = message.reasoning
    if message.tool_calls:
        found["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": _object(call.arguments)},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        found["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        found["name"] = message.name
    return found


def _object(text: str) -> Mapping[str, object]:
    """Of a call's arguments: templates write JSON themselves."""
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise UsageError(f"The arguments of a tool call are no JSON object: {text[:80]}")
    return value


def first_system(messages: Sequence[Message]) -> tuple[Message, ...]:
    """`messages` with what systems say joined before all others, where most templates want it and nowhere else."""
    said = [message.content for message in messages if message.role == "system"]
    rest = tuple(message for message in messages if message.role != "system")
    return (Message("system", "\n\n".join(said)), *rest) if said else rest
