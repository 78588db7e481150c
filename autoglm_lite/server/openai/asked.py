"""What a request to /v1/responses asks for.

The fields are those of the openai package's `ResponseCreateParams`; whatever else a client sends has no meaning here.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from autoglm_lite.chat.messages import Tool, ToolUse
from autoglm_lite.errors import UsageError
from autoglm_lite.server.calling import ANY_OBJECT, tool_use
from autoglm_lite.server.content import refuse_image
from autoglm_lite.server.limits import (
    MOST_MESSAGES,
    MOST_PARTS,
    MOST_TOOLS,
    MaxTokens,
    Name,
    Share,
    Temperature,
    ToolName,
    TopLogprobs,
)
from autoglm_lite.server.openai.items import (
    CallItem,
    CallOutputItem,
    InputText,
    Item,
    MessageItem,
    OutputText,
    ReasoningItem,
    ReasoningText,
    new_id,
)

Id = Annotated[str, Meta(min_length=1, max_length=256)]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
LOGPROBS = "message.output_text.logprobs"
Includable = Literal[
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
]
"""Of which all but the last belong to what never happens here. What a model thought is given back as it is."""


class InputTextPart(msgspec.Struct, tag="input_text"):
    text: str


class OutputTextPart(msgspec.Struct, tag="output_text"):
    text: str


class RefusalPart(msgspec.Struct, tag="refusal"):
    refusal: str


class ReasoningTextPart(msgspec.Struct, tag="reasoning_text"):
    text: str


class SummaryPart(msgspec.Struct, tag="summary_text"):
    text: str


class ImagePart(msgspec.Struct, tag="input_image"):
    image_url: str | None = None


class FilePart(msgspec.Struct, tag="input_file"):
    """Refused."""


Part = InputTextPart | OutputTextPart | RefusalPart | ReasoningTextPart | ImagePart | FilePart
Parts = Annotated[list[Part], Meta(max_length=MOST_PARTS)]


class InputItem(msgspec.Struct):
    """One of several kinds, told by `type`; a message may leave that out."""

    type: Literal["message", "function_call", "function_call_output", "reasoning", "item_reference"] = "message"
    id: Id | None = None
    role: Literal["user", "assistant", "system", "developer"] | None = None
    """Of a message; likewise `content`, which reasoning has as well."""
    content: str | Parts | None = None
    call_id: Id | None = None
    name: ToolName | None = None
    arguments: str | None = None
    output: str | Parts | None = None
    summary: Annotated[list[SummaryPart], Meta(max_length=MOST_PARTS)] | None = None
    status: Literal["in_progress", "completed", "incomplete"] | None = None


class ToolSpec(msgspec.Struct):
    type: Annotated[str, Meta(max_length=64)]
    """`function`: there are no others here."""
    name: ToolName | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    """Whether a schema that cannot be enforced to the letter is refused, instead of any object being allowed."""


class FunctionChoice(msgspec.Struct, tag="function"):
    name: ToolName


class AllowedTool(msgspec.Struct):
    type: Annotated[str, Meta(max_length=64)]
    name: ToolName | None = None


class AllowedTools(msgspec.Struct, tag="allowed_tools"):
    mode: Literal["auto", "required"]
    tools: Annotated[list[AllowedTool], Meta(max_length=MOST_TOOLS)]


ToolChoice = Literal["none", "auto", "required"] | FunctionChoice | AllowedTools


class PlainFormat(msgspec.Struct, tag="text"):
    pass


class ObjectFormat(msgspec.Struct, tag="json_object"):
    pass


class SchemaFormat(msgspec.Struct, tag="json_schema"):
    schema: dict[str, Any]
    name: Annotated[str, Meta(max_length=64)] = "answer"
    description: str | None = None
    strict: bool | None = None
    """Either way the answer fits the schema."""


TextFormat = PlainFormat | ObjectFormat | SchemaFormat


class TextWish(msgspec.Struct):
    format: TextFormat | None = None


class ReasoningWish(msgspec.Struct):
    effort: Effort | None = None


MetadataKey = Annotated[str, Meta(max_length=64)]
MetadataValue = Annotated[str, Meta(max_length=512)]
Metadata = Annotated[dict[MetadataKey, MetadataValue], Meta(max_length=16)]


class ResponseRequest(msgspec.Struct):
    input: str | Annotated[list[InputItem], Meta(min_length=1, max_length=MOST_MESSAGES)]
    model: Name | None = None
    instructions: str | None = None
    """For this answer alone: they are not carried over to the next one."""
    previous_response_id: Id | None = None
    store: bool | None = None
    """Whether it is kept for `previous_response_id`; None: yes."""
    stream: bool | None = None
    max_output_tokens: MaxTokens | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    top_logprobs: TopLogprobs | None = None
    tools: Annotated[list[ToolSpec], Meta(max_length=MOST_TOOLS)] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    text: TextWish | None = None
    reasoning: ReasoningWish | None = None
    metadata: Metadata | None = None
    include: Annotated[list[Includable], Meta(max_length=16)] | None = None
    truncation: Literal["auto", "disabled"] | None = None
    """Nothing is ever cut: what does not fit is refused with the numbers."""
    background: bool | None = None
    """Refused where true; likewise whatever is given for the next two."""
    conversation: Any = None
    prompt: Any = None

    @property
    def effort(self) -> str | None:
        return self.reasoning.effort if self.reasoning else None


def refuse_what_is_not_here(body: ResponseRequest) -> None:
    """Raises UsageError for what would change the answer and is not done here."""
    if body.background:
        raise UsageError("This service does not answer in the background: leave `background` out, and stream.")
    if body.conversation is not None:
        raise UsageError("There are no stored conversations here: use `previous_response_id`.")
    if body.prompt is not None:
        raise UsageError("There are no stored prompts here: send the text as `instructions` and `input`.")


def items_of(given: str | list[InputItem]) -> list[Item]:
    """Raises UsageError for one that lacks what its kind needs, and for pictures and files."""
    if isinstance(given, str):
        return [MessageItem(new_id("msg"), "user", [InputText(given)])]
    return [_item(item, f"input[{i}]") for i, item in enumerate(given)]


def _item(item: InputItem, place: str) -> Item:
    status = item.status or "completed"
    if item.type == "message":
        if item.role is None or item.content is None:
            raise UsageError(f"{place}: a message needs `role` and `content`.")
        text = _text(item.content, "" if item.role == "assistant" else "\n")
        part = OutputText(text) if item.role == "assistant" else InputText(text)
        return MessageItem(item.id or new_id("msg"), item.role, [part], status)
    if item.type == "function_call":
        if item.call_id is None or item.name is None or item.arguments is None:
            raise UsageError(f"{place}: a function_call needs `call_id`, `name` and `arguments`.")
        return CallItem(item.id or new_id("fc"), item.call_id, item.name, item.arguments, status)
    if item.type == "function_call_output":
        if item.call_id is None or item.output is None:
            raise UsageError(f"{place}: a function_call_output needs `call_id` and `output`.")
        return CallOutputItem(item.id or new_id("fco"), item.call_id, _text(item.output), status)
    if item.type == "reasoning":
        return ReasoningItem(item.id or new_id("rs"), [ReasoningText(_text(item.content or "", ""))], status=status)
    raise UsageError(f"{place}: items cannot be referred to: send the item itself, or use `previous_response_id`.")


def _text(content: str | Parts, between: str = "\n") -> str:
    return content if isinstance(content, str) else between.join(map(_part, content))


def _part(part: Part) -> str:
    if isinstance(part, ImagePart):
        refuse_image(part.image_url or "")
    if isinstance(part, ImagePart | FilePart):
        raise UsageError("Files cannot be read here: send their text.")
    return part.refusal if isinstance(part, RefusalPart) else part.text


def tools_of(body: ResponseRequest) -> ToolUse | None:
    """None where nothing may be called. Raises UsageError for tools that are no functions, and for a choice among
    others than those given."""
    tools = [_tool(tool) for tool in body.tools or ()]
    choice = body.tool_choice or "auto"
    parallel = body.parallel_tool_calls is not False
    if isinstance(choice, FunctionChoice):
        return tool_use(tools, named=choice.name, parallel=parallel)
    if not isinstance(choice, AllowedTools):
        return tool_use(tools, choice, parallel=parallel)
    allowed = {tool.name for tool in choice.tools}
    unknown = allowed - {tool.name for tool in tools}
    if unknown:
        raise UsageError("tool_choice allows a tool that is none of the tools: name only those that are given.")
    return tool_use([tool for tool in tools if tool.name in allowed], choice.mode, parallel=parallel)


def _tool(tool: ToolSpec) -> Tool:
    if tool.type != "function":
        raise UsageError(
            f"This service has no tool {tool.type!r} of its own: describe it as a function, and answer its calls."
        )
    if tool.name is None:
        raise UsageError("tools: a function needs a name.")
    return Tool(tool.name, tool.description or "", tool.parameters or ANY_OBJECT, bool(tool.strict))
