"""What a conversation with /v1/responses is made of, as it is kept and given back."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from autoglm_lite.chat.messages import Message, ToolCall
from autoglm_lite.errors import UsageError
from autoglm_lite.server.openai.logprobs import Logprob

Status = Literal["in_progress", "completed", "incomplete"]


class InputText(msgspec.Struct, tag="input_text"):
    text: str


class OutputText(msgspec.Struct, tag="output_text"):
    text: str
    annotations: list[str] = []
    """Always empty: nothing here cites anything."""
    logprobs: list[Logprob] = []


class ReasoningText(msgspec.Struct, tag="reasoning_text"):
    text: str


class MessageItem(msgspec.Struct, tag="message"):
    id: str
    role: Literal["user", "assistant", "system", "developer"]
    content: list[InputText | OutputText]
    status: Status = "completed"

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.content)


class ReasoningItem(msgspec.Struct, tag="reasoning"):
    id: str
    content: list[ReasoningText]
    summary: list[str] = []
    """Always empty: the content says all."""
    status: Status = "completed"


class CallItem(msgspec.Struct, tag="function_call"):
    id: str
    call_id: str
    name: str
    arguments: str
    """A JSON object, as text, where it is complete."""
    status: Status = "completed"


class CallOutputItem(msgspec.Struct, tag="function_call_output"):
    id: str
    call_id: str
    output: str
    status: Status = "completed"


OutputItem = MessageItem | ReasoningItem | CallItem
Item = OutputItem | CallOutputItem


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(16)}"


def messages(items: Iterable[Item]) -> tuple[Message, ...]:
    """`items` as templates take them: what a model thought, said and called in one go is one message. Calls that were
    cut off are left out. Raises UsageError for the output of a call that is not there."""
    found: list[Message] = []
    names: dict[str, str] = {}
    run: list[OutputItem] = []
    """Of the assistant."""
    for item in items:
        if isinstance(item, CallItem):
            names[item.call_id] = item.name
        if isinstance(item, ReasoningItem | CallItem) or (isinstance(item, MessageItem) and item.role == "assistant"):
            if _begins_anew(item, run):
                found.append(_assistant(run))
                run = []
            run.append(item)
            continue
        if run:
            found.append(_assistant(run))
            run = []
        if isinstance(item, CallOutputItem):
            if item.call_id not in names:
                raise UsageError(f"There is no function_call {item.call_id[:80]!r} before its function_call_output.")
            found.append(Message("tool", item.output, tool_call_id=item.call_id, name=names[item.call_id]))
        else:
            found.append(Message("user" if item.role == "user" else "system", item.text))
    if run:
        found.append(_assistant(run))
    return tuple(found)


def _begins_anew(item: OutputItem, run: Sequence[OutputItem]) -> bool:
    """Whether the assistant speaks a second time, and nobody in between."""
    if isinstance(item, ReasoningItem):
        return any(not isinstance(before, ReasoningItem) for before in run)
    return isinstance(item, MessageItem) and any(isinstance(before, MessageItem) for before in run)


def _assistant(run: Sequence[OutputItem]) -> Message:
    return Message(
        "assistant",
        "".join(item.text for item in run if isinstance(item, MessageItem)),
        "".join(part.text for item in run if isinstance(item, ReasoningItem) for part in item.content),
        tuple(
            ToolCall(item.call_id, item.name, item.arguments)
            for item in run
            if isinstance(item, CallItem) and item.status == "completed"
        ),
    )
