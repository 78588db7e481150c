"""One request of another program: messages in, the model's events out. Nothing of it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from autoglm_lite.chat.events import AnswerEvent, CallEvent, Generates
from autoglm_lite.chat.messages import Message, ToolUse
from autoglm_lite.chat.reasoning import Part
from autoglm_lite.chat.stream import stream_answer
from autoglm_lite.chat.template import ChatTemplate, TemplateRefusedError
from autoglm_lite.chat.tools.format import CallSplitter, ToolFormat
from autoglm_lite.errors import PromptTooLongError
from autoglm_lite.generation import REASONING_CLOSE, REASONING_OPEN, GenerateRequest, Sampling


@dataclass(frozen=True, slots=True)
class Question:
    """What a program asks of a model."""

    messages: tuple[Message, ...]
    tool_use: ToolUse | None = None
    sampling: Sampling = field(default_factory=Sampling)
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
    begun: Part | None = None
    """In the middle of which part the prompt ends; None: where an answer begins."""


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
        if question.thinking_tokens == 0 and prompt.rstrip().endswith(REASONING_OPEN):
            # A model whose template always lets it think: not even a token of it.
            prompt += f"{REASONING_CLOSE}\n\n"
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
            use, form = question.tool_use, self.tool_format
            made = await asyncio.to_thread(form.grammar, use)
            request = replace(request, written=form.controls, stop=(*request.stop, *form.stops))
            if use.choice == "required" or question.sampling.grammar is None:
                sampling = replace(
                    question.sampling,
                    grammar=made.grammar,
                    grammar_after=made.grammar_after,
                    grammar_at_start=made.grammar_at_start,
                )
                request = replace(request, sampling=sampling)

            def calls() -> CallSplitter:
                return form.splitter(use.tools)

        return Prepared(request, await self.check(prompt, templated=request.templated), calls)

    async def check(self, prompt: str, *, templated: bool) -> int:
        """How many tokens a prompt has. Raises PromptTooLongError where they leave no room for an answer."""
        n_tokens = len(await self.model.tokenize(prompt, templated=templated))
        if n_tokens >= self.n_ctx:
            raise PromptTooLongError(
                f"The prompt has {n_tokens} tokens but the context holds {self.n_ctx}: shorten it, or start the"
                " service with a larger --ctx where the model allows it.",
                n_tokens,
                self.n_ctx,
            )
        return n_tokens

    def ask(self, prepared: Prepared) -> AsyncGenerator[AnswerEvent | CallEvent, None]:
        """The events of the answer; closed early, it ends. Raises as Worker.generate does."""
        return stream_answer(self.model, prepared.request, prepared.calls, prepared.begun)

    def _write(self, question: Question) -> str:
        if self.template is None:
            return "\n".join(message.content for message in question.messages)
        tools = () if question.tool_use is None else question.tool_use.tools
        told = self.tool_format.told(question.messages, tools)
        try:
            return self.template.render(told.messages, thinking=question.thinking, tools=told.tools)
        except TemplateRefusedError:
            turns = alternating(told.messages)
            if turns == told.messages:
                raise
        return self.template.render(turns, thinking=question.thinking, tools=told.tools)


def alternating(messages: Sequence[Mapping[str, object]]) -> list[Mapping[str, object]]:
    """`messages` for models that know no system prompt, such as Gemma, or take only turns that alternate, such as
    Mistral: what systems say is the user's, and turns of one side that follow each other are one."""
    found: list[Mapping[str, object]] = []
    for message in messages:
        turn = {**message, "role": "user"} if message["role"] == "system" else message
        last = found[-1] if found else {"role": None}
        if turn["role"] != last["role"] or turn["role"] == "tool" or "tool_calls" in last:
            found.append(turn)
            continue
        said = (str(part["content"]) for part in (last, turn) if part["content"])
        found[-1] = {**last, **turn, "content": "\n\n".join(said)}
    return found


def first_system(messages: Sequence[Message]) -> tuple[Message, ...]:
    """`messages` with what systems say joined before all others, where most templates want it and nowhere else."""
    said = [message.content for message in messages if message.role == "system"]
    rest = tuple(message for message in messages if message.role != "system")
    return (Message("system", "\n\n".join(said)), *rest) if said else rest
