"""What Anthropic's clients send."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from autoglm_lite.server.limits import (
    MOST_MESSAGES,
    MOST_PARTS,
    MOST_TOOLS,
    MaxTokens,
    Name,
    Share,
    Stops,
    Temperature,
    TopK,
)

ToolName = Annotated[str, Meta(min_length=1, max_length=128, pattern="^[a-zA-Z0-9_.-]+$")]


class TextBlock(msgspec.Struct, tag_field="type", tag="text"):
    text: str


class PlainText(msgspec.Struct):
    """Likewise, where there is nothing else that it could be."""

    type: Literal["text"]
    text: str


Texts = Annotated[list[PlainText], Meta(max_length=MOST_PARTS)]


class Base64Source(msgspec.Struct, tag_field="type", tag="base64"):
    data: str
    media_type: str


class UrlSource(msgspec.Struct, tag_field="type", tag="url"):
    url: str


class FileSource(msgspec.Struct, tag_field="type", tag="file"):
    file_id: str


class TextSource(msgspec.Struct, tag_field="type", tag="text"):
    data: str


class ContentSource(msgspec.Struct, tag_field="type", tag="content"):
    content: str | Texts


class ImageBlock(msgspec.Struct, tag_field="type", tag="image"):
    source: Base64Source | UrlSource | FileSource


class DocumentBlock(msgspec.Struct, tag_field="type", tag="document"):
    source: TextSource | ContentSource | Base64Source | UrlSource | FileSource
    title: str | None = None
    context: str | None = None


class ThinkingBlock(msgspec.Struct, tag_field="type", tag="thinking"):
    thinking: str
    signature: str | None = None


class RedactedThinkingBlock(msgspec.Struct, tag_field="type", tag="redacted_thinking"):
    """Left out: nobody here can read it."""


class ToolUseBlock(msgspec.Struct, tag_field="type", tag="tool_use"):
    id: str
    name: str
    input: dict[str, Any]


class ToolResultBlock(msgspec.Struct, tag_field="type", tag="tool_result"):
    tool_use_id: str
    content: str | Annotated[list[TextBlock | ImageBlock | DocumentBlock], Meta(max_length=MOST_PARTS)] | None = None
    is_error: bool | None = None


Block = TextBlock | ImageBlock | DocumentBlock | ThinkingBlock | RedactedThinkingBlock | ToolUseBlock | ToolResultBlock


class MessageParam(msgspec.Struct):
    role: Literal["user", "assistant", "system"]
    content: str | Annotated[list[Block], Meta(max_length=MOST_PARTS)]


class ToolParam(msgspec.Struct):
    name: ToolName
    input_schema: dict[str, Any]
    description: str | None = None
    strict: bool | None = None
    """Whether a schema that cannot be enforced to the letter is refused, instead of any object being allowed."""
    type: Literal["custom"] | None = None
    """Tools of other types run on Anthropic's own computers."""


class AutoChoice(msgspec.Struct, tag_field="type", tag="auto"):
    disable_parallel_tool_use: bool | None = None


class AnyChoice(msgspec.Struct, tag_field="type", tag="any"):
    disable_parallel_tool_use: bool | None = None


class ToolChoice(msgspec.Struct, tag_field="type", tag="tool"):
    name: ToolName
    disable_parallel_tool_use: bool | None = None


class NoChoice(msgspec.Struct, tag_field="type", tag="none"):
    pass


Display = Literal["summarized", "omitted"] | None


class ThinkingEnabled(msgspec.Struct, tag_field="type", tag="enabled"):
    budget_tokens: MaxTokens
    display: Display = None


class ThinkingAdaptive(msgspec.Struct, tag_field="type", tag="adaptive"):
    display: Display = None


class ThinkingBetweenTools(msgspec.Struct, tag_field="type", tag="between_tools"):
    """Taken as adaptive: these models know no such difference."""


class ThinkingDisabled(msgspec.Struct, tag_field="type", tag="disabled"):
    pass


class JsonFormat(msgspec.Struct):
    type: Literal["json_schema"]
    schema: dict[str, Any]


class OutputConfig(msgspec.Struct):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    """How long it thinks where that is left to it."""
    format: JsonFormat | None = None


class CountRequest(msgspec.Struct, kw_only=True):
    """What a prompt is made of."""

    model: Name
    messages: Annotated[list[MessageParam], Meta(min_length=1, max_length=MOST_MESSAGES)]
    system: str | Texts | None = None
    tools: Annotated[list[ToolParam], Meta(max_length=MOST_TOOLS)] | None = None
    tool_choice: AutoChoice | AnyChoice | ToolChoice | NoChoice | None = None
    thinking: ThinkingEnabled | ThinkingAdaptive | ThinkingBetweenTools | ThinkingDisabled | None = None
    """None: disabled."""
    output_config: OutputConfig | None = None


class MessagesRequest(CountRequest, kw_only=True):
    max_tokens: MaxTokens
    stop_sequences: Stops | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    top_k: TopK | None = None
    stream: bool | None = None
    output_format: JsonFormat | None = None
    """What older clients say instead of `output_config.format`."""
