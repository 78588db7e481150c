"""From what Anthropic's clients send to the question that the model is asked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

from autoglm_lite.chat.exchange import Question, first_system
from autoglm_lite.chat.messages import Message, Tool, ToolCall, ToolUse
from autoglm_lite.errors import UsageError
from autoglm_lite.server import wishes
from autoglm_lite.server.anthropic.request import (
    AnyChoice,
    AutoChoice,
    Base64Source,
    Block,
    ContentSource,
    CountRequest,
    DocumentBlock,
    FileSource,
    ImageBlock,
    MessageParam,
    NoChoice,
    PlainText,
    RedactedThinkingBlock,
    TextBlock,
    TextSource,
    ThinkingAdaptive,
    ThinkingBetweenTools,
    ThinkingBlock,
    ThinkingEnabled,
    ToolChoice,
    ToolResultBlock,
    ToolUseBlock,
    UrlSource,
)
from autoglm_lite.server.calling import Choice, tool_use, with_names
from autoglm_lite.server.content import refuse_image

NO_FILES = "Files are not kept here: send what is in them as text."


def question(body: CountRequest) -> Question:
    """Without what says how to sample. Raises UsageError for what no model here can take."""
    found = [Message("system", _text(body.system))] if body.system else []
    for message in body.messages:
        found += _messages(message)
    switch, thinking_tokens = thinking(body)
    return Question(
        first_system(with_names(_joined(found))), _tool_use(body), thinking=switch, thinking_tokens=thinking_tokens
    )


def thinking(body: CountRequest) -> tuple[bool | None, int | None]:
    """The template's switch and the most tokens of reasoning. A program that does not ask for it expects none."""
    if isinstance(body.thinking, ThinkingEnabled):
        return True, body.thinking.budget_tokens
    if isinstance(body.thinking, ThinkingAdaptive | ThinkingBetweenTools):
        effort = body.output_config.effort if body.output_config else None
        return wishes.thinking(effort or "high")
    return wishes.thinking("none")


def _messages(message: MessageParam) -> Iterable[Message]:
    if isinstance(message.content, str):
        return [Message(message.role, message.content)]
    if message.role == "assistant":
        return [_assistant(message.content)]
    found: list[Message] = []
    said: list[str] = []
    for block in message.content:
        if isinstance(block, ToolResultBlock):
            if message.role == "system":
                raise UsageError("A tool's result belongs into a message of the user.")
            _flush(message, said, found)
            content = _text(block.content)
            said_of_it = f"Error: {content}" if block.is_error else content
            found.append(Message("tool", said_of_it, tool_call_id=block.tool_use_id))
        else:
            said.append(_part(block))
    _flush(message, said, found)
    return found or [Message(message.role, "")]


def _joined(messages: Iterable[Message]) -> list[Message]:
    """Turns of the user that follow each other are one, as are the assistant's: many templates refuse them apart."""
    found: list[Message] = []
    for message in messages:
        last = found[-1] if found else None
        if last is None or last.role != message.role or message.role == "tool" or last.tool_calls:
            found.append(message)
            continue
        content = "\n\n".join(text for text in (last.content, message.content) if text)
        reasoning = "\n\n".join(text for text in (last.reasoning, message.reasoning) if text)
        found[-1] = replace(message, content=content, reasoning=reasoning)
    return found


def _flush(message: MessageParam, said: list[str], found: list[Message]) -> None:
    if said:
        found.append(Message(message.role, "\n\n".join(said)))
        said.clear()


def _assistant(blocks: Sequence[Block]) -> Message:
    said: list[str] = []
    thoughts: list[str] = []
    calls: list[ToolCall] = []
    for block in blocks:
        if isinstance(block, ThinkingBlock):
            thoughts.append(block.thinking)
        elif isinstance(block, ToolUseBlock):
            calls.append(ToolCall(block.id, block.name, json.dumps(block.input)))
        elif not isinstance(block, RedactedThinkingBlock):
            said.append(_part(block))
    return Message("assistant", "".join(said), "\n\n".join(thoughts), tuple(calls))


def _text(content: str | Sequence[Block | PlainText] | None) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return "\n\n".join(_part(block) for block in content)


def _part(block: Block | PlainText) -> str:
    """Raises UsageError for what is no text; nothing is opened for it."""
    if isinstance(block, TextBlock | PlainText):
        return block.text
    if isinstance(block, ImageBlock):
        if isinstance(block.source, FileSource):
            raise UsageError(NO_FILES)
        if isinstance(block.source, UrlSource):
            raise UsageError("Pictures must be sent within the request, in base64: no address is opened for it.")
        refuse_image("data:")
    if isinstance(block, DocumentBlock):
        return _document(block)
    raise UsageError(f"A block {_kind(block)} does not belong into this message.")


def _document(block: DocumentBlock) -> str:
    if isinstance(block.source, TextSource):
        text = block.source.data
    elif isinstance(block.source, ContentSource):
        text = _text(block.source.content)
    elif isinstance(block.source, Base64Source):
        raise UsageError("Documents are taken as text only: send what is in the PDF as text.")
    else:
        raise UsageError(f"No address is opened for a request. {NO_FILES}")
    return "\n".join(part for part in (block.title, block.context, text) if part)


def _kind(block: Block) -> str:
    return str(type(block).__struct_config__.tag)


def _tool_use(body: CountRequest) -> ToolUse | None:
    """Raises UsageError for a choice that the tools do not allow."""
    tools = [Tool(tool.name, tool.description or "", tool.input_schema, bool(tool.strict)) for tool in body.tools or ()]
    choice = body.tool_choice or AutoChoice()
    if isinstance(choice, NoChoice):
        return tool_use(tools, "none")
    named = choice.name if isinstance(choice, ToolChoice) else None
    how: Choice = "required" if isinstance(choice, AnyChoice) else "auto"
    return tool_use(tools, how, named=named, parallel=not choice.disable_parallel_tool_use)
