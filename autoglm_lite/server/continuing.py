"""Answers that the asking program has begun itself: the conversation ends with the assistant's first words."""

from __future__ import annotations

from dataclasses import replace

from autoglm_lite.chat.continuing import left_open
from autoglm_lite.chat.exchange import Exchange, Prepared, Question


async def prepare(exchange: Exchange, question: Question) -> Prepared:
    """As Exchange.prepare, and where the last message is the assistant's own, the answer goes on from its end."""
    last = question.messages[-1]
    if last.role != "assistant" or last.tool_calls or len(question.messages) == 1:
        return await exchange.prepare(question)
    prepared = await exchange.prepare(replace(question, messages=question.messages[:-1]))
    prompt, begun = prepared.request.prompt + last.content, None
    if prepared.request.templated:
        prompt, begun = left_open(prepared.request.prompt, last.reasoning, last.content)
    n_tokens = await exchange.check(prompt, templated=prepared.request.templated)
    request = replace(prepared.request, prompt=prompt)
    return replace(prepared, request=request, n_prompt_tokens=n_tokens, begun=begun)
