"""What a model writes, as items and events; and items, as messages again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pydantic
import pytest
from openai.types.responses import ResponseOutputItem, ResponseStreamEvent

from autoglm_lite.chat.events import Answer, CallArguments, CallBegun, CallEvent, Reasoning
from autoglm_lite.chat.messages import Message, ToolCall
from autoglm_lite.errors import UsageError
from autoglm_lite.server.openai.asked import InputItem, items_of
from autoglm_lite.server.openai.items import CallItem, MessageItem, OutputItem, ReasoningItem, messages
from autoglm_lite.server.openai.writing import Writing

EVENT: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(ResponseStreamEvent)
ITEM: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(ResponseOutputItem)
Piece = Answer | Reasoning | CallEvent
CALL: list[Piece] = [CallBegun(0, "f"), CallArguments(0, '{"a"'), CallArguments(0, ": 1}")]


def written(pieces: Sequence[Piece], *, complete: bool = True) -> tuple[list[OutputItem], list[dict[str, Any]]]:
    """The items, and the events as they were sent."""
    writing = Writing()
    events: list[dict[str, Any]] = []
    for generated in (*(writing.take(piece) for piece in pieces), writing.close(complete=complete)):
        for kind, fields in generated:
            event = msgspec.to_builtins({"type": kind, "sequence_number": len(events), **fields})
            EVENT.validate_python(event)
            events.append(event)
    for item in writing.items:
        ITEM.validate_python(msgspec.to_builtins(item))
    return writing.items, events


def told(items: Sequence[OutputItem]) -> list[tuple[str, str]]:
    found = []
    for item in items:
        if isinstance(item, CallItem):
            found.append((item.name, item.arguments))
        elif isinstance(item, MessageItem):
            found.append(("said", item.text))
        else:
            found.append(("thought", "".join(part.text for part in item.content)))
    return found


@pytest.mark.parametrize(
    ("pieces", "items"),
    [
        ([], [("said", "")]),
        ([Answer("", 1)], [("said", "")]),
        ([Answer("a", 1), Answer("b", 1)], [("said", "ab")]),
        ([Answer("\n", 1), Answer(" a", 1)], [("said", "\n a")]),
        ([Reasoning("h", 1), Reasoning("m", 1), Answer("a", 1)], [("thought", "hm"), ("said", "a")]),
        # What is blank before and between calls is nobody's.
        ([Answer("\n\n", 1), *CALL, Answer("\n", 1)], [("f", '{"a": 1}')]),
        (
            [*CALL, Answer("\n", 1), CallBegun(1, "g"), CallArguments(1, "{}")],
            [("f", '{"a": 1}'), ("g", "{}")],
        ),
        ([Answer("so", 1), *CALL, Answer("then", 1)], [("said", "so"), ("f", '{"a": 1}'), ("said", "then")]),
    ],
)
def test_items_of_what_is_written(pieces: list[Piece], items: list[tuple[str, str]]) -> None:
    found, events = written(pieces)
    assert told(found) == items
    assert all(item.status == "completed" for item in found)
    # What was added is empty and in progress; what is done is as it stays.
    added = [event for event in events if event["type"] == "response.output_item.added"]
    done = [event for event in events if event["type"] == "response.output_item.done"]
    assert [event["output_index"] for event in added] == list(range(len(found)))
    assert all(event["item"]["status"] == "in_progress" for event in added)
    assert not any(event["item"].get("content") or event["item"].get("arguments") for event in added)
    assert [event["item"] for event in done] == msgspec.to_builtins(found)


def test_only_the_last_item_can_be_incomplete() -> None:
    found, _ = written([Reasoning("hm", 1), *CALL[:2]], complete=False)
    assert [item.status for item in found] == ["completed", "incomplete"]
    # A call that was cut off is not told of again.
    assert messages(found) == (Message("assistant", "", "hm"),)


def test_what_one_answer_holds_is_one_message() -> None:
    found, _ = written([Reasoning("hm", 1), Answer("so", 1), *CALL])
    assert [type(item) for item in found] == [ReasoningItem, MessageItem, CallItem]
    call = found[2]
    assert isinstance(call, CallItem)
    calls = (ToolCall(call.call_id, "f", '{"a": 1}'),)
    assert messages(found) == (Message("assistant", "so", "hm", calls),)
    output = items_of([InputItem("function_call_output", call_id=call.call_id, output="1")])
    after, _ = written([Answer("done", 1)])
    assert messages([*items_of("go"), *found, *output, *after]) == (
        Message("user", "go"),
        Message("assistant", "so", "hm", calls),
        Message("tool", "1", tool_call_id=call.call_id, name="f"),
        Message("assistant", "done"),
    )


def test_two_answers_in_a_row_are_two_messages() -> None:
    first, _ = written([Reasoning("a", 1), Answer("b", 1)])
    second, _ = written([Reasoning("c", 1), Answer("d", 1)])
    third, _ = written([Answer("e", 1)])
    assert messages([*first, *second, *third]) == (
        Message("assistant", "b", "a"),
        Message("assistant", "d", "c"),
        Message("assistant", "e"),
    )


def test_an_output_needs_its_call() -> None:
    output = items_of([InputItem("function_call_output", call_id="call_1", output="1")])
    with pytest.raises(UsageError, match="There is no function_call 'call_1' before"):
        messages(output)
