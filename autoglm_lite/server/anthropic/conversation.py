"""From what Anthropic's clients send to the question that the model is asked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

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
    RedactedThinkingBlock,
    TextBlock,
    TextSource,
    ThinkingAdaptive,
    ThinkingBlock,
    ThinkingEnabled,
    ToolChoice,
    ToolResultBlock,
    ToolUseBlock,
    UrlSource,
)
from autoglm_lite.server.content import refuse_image

NO_FILES = "Files are not kept here: send what is in them as text."


def question(body: CountRequest) -> Question:
    """Without what says how to sample. Raises UsageError for what no model here can take."""
    found = [Message("system", _text(body.system))] if body.system else []
    names: dict[str, str] = {}
    for message in body.messages:
        found += _messages(message, names)
    switch, thinking_tokens = thinking(body)
    return Question(first_system(found), _tool_use(body), thinking=switch, thinking_tokens=thinking_tokens)


def thinking(body: CountRequest) -> tuple[bool | None, int | None]:
    """The template's switch and the most tokens of reasoning. A program that does not ask for it expects none."""
    if isinstance(body.thinking, ThinkingEnabled):
        return True, body.thinking.budget_tokens
    if isinstance(body.thinking, ThinkingAdaptive):
        effort = body.output_config.effort if body.output_config else None
        return wishes.thinking(effort if effort in ("low", "medium") else "high")
    return wishes.thinking("none")


def _messages(message: MessageParam, names: dict[str, str]) -> Iterable[Message]:
    """`names`: of the tools that were called, by the ids of the calls."""
    if isinstance(message.content, str):
        return [Message(message.role, message.content)]
    if message.role == "assistant":
        return [_assistant(message.content, names)]
    found: list[Message] = []
    said: list[str] = []
    for block in message.content:
        if isinstance(block, ToolResultBlock):
            if message.role == "system":
                raise UsageError("A tool's result belongs into a message of the user.")
            _flush(message, said, found)
            content = _text(block.content)
            found.append(
                Message(
                    "tool",
                    f"Error: {content}" if block.is_error else content,
                    tool_call_id=block.tool_use_id,
                    name=names.get(block.tool_use_id),
                )
            )
        else:
            said.append(_part(block))
    _flush(message, said, found)
    return found or [Message(message.role, "")]


def _flush(message: MessageParam, said: list[str], found: list[Message]) -> None:
    if said:
        found.append(Message(message.role, "\n\n".join(said)))
        said.clear()


def _assistant(blocks: Sequence[Block], names: dict[str, str]) -> Message:
    said: list[str] = []
    thoughts: list[str] = []
    calls: list[ToolCall] = []
    for block in blocks:
        if isinstance(block, ThinkingBlock):
            thoughts.append(block.thinking)
        elif isinstance(block, ToolUseBlock):
            names[block.id] = block.name
            calls.append(ToolCall(block.id, block.name, json.dumps(block.input)))
        elif not isinstance(block, RedactedThinkingBlock):
            said.append(_part(block))
    return Message("assistant", "".join(said), "\n\n".join(thoughts), tuple(calls))


def _text(content: str | Sequence[Block] | None) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return "\n\n".join(_part(block) for block in content)


def _part(block: Block) -> str:
    """Raises UsageError for what is no text; nothing is opened for it."""
    if isinstance(block, TextBlock):
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
    """Raises UsageError where a tool is to be called that there is not."""
    choice = body.tool_choice
    if not body.tools:
        if isinstance(choice, AnyChoice | ToolChoice):
            raise UsageError("tool_choice: there is no tool to be called; give some in tools.")
        return None
    if isinstance(choice, NoChoice):
        return None
    tools = tuple(Tool(tool.name, tool.description or "", tool.input_schema) for tool in body.tools)
    choice = choice or AutoChoice()
    if isinstance(choice, ToolChoice):
        tools = tuple(tool for tool in tools if tool.name == choice.name)
        if not tools:
            raise UsageError(f"tool_choice: there is no tool {choice.name} among the tools.")
    required = not isinstance(choice, AutoChoice)
    return ToolUse(tools, "required" if required else "auto", parallel=not choice.disable_parallel_tool_use)
