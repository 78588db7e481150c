"""The families' ways of writing calls, as tests write them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from autoglm_lite.chat.messages import Tool
from autoglm_lite.chat.tools.format import Arguments, Begun, CallPiece, CallSplitter, ToolFormat
from autoglm_lite.chat.tools.functionary import Functionary
from autoglm_lite.chat.tools.glm4 import Glm4
from autoglm_lite.chat.tools.hermes import Hermes
from autoglm_lite.chat.tools.llama import Llama
from autoglm_lite.chat.tools.mistral import Mistral
from autoglm_lite.chat.tools.tagged import CODER, GLM, Tagged

WEATHER = Tool(
    "get_weather",
    "The weather of a place.",
    {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer", "minimum": 1, "maximum": 9},
            "unit": {"enum": ["C", "F"]},
            "near": {"type": "array", "items": {"type": "number"}, "maxItems": 2},
        },
        "required": ["city", "days"],
    },
)
LONGER = Tool("get_weather_alerts", "Warnings.", {"type": "object", "properties": {"all": {"type": "boolean"}}})
TIME = Tool("time", "The time.", {})
TOOLS = (WEATHER, LONGER, TIME)

Call = tuple[str, dict[str, object]]


def text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _tagged(key: str, end_key: str, value: str, end_value: str) -> Callable[[Call], str]:
    def write(call: Call) -> str:
        return "".join(
            f"{key}{name}{end_key}{value}{one if isinstance(one, str) else text(one)}{end_value}\n"
            for name, one in call[1].items()
        )

    return write


_GLM = _tagged("<arg_key>", "</arg_key>\n", "<arg_value>", "</arg_value>")
_CODER = _tagged("<parameter=", ">\n", "", "\n</parameter>")


@dataclass(frozen=True, slots=True)
class Family:
    format: ToolFormat
    call: Callable[[Call], str]
    before: str = ""
    between: str = ""
    after: str = ""
    anywhere: bool = True
    """Whether calls may come behind text."""

    def write(self, calls: Sequence[Call]) -> str:
        return self.before + self.between.join(map(self.call, calls)) + self.after


FAMILIES = {
    "hermes": Family(
        Hermes(),
        lambda call: f'<tool_call>\n{{"name": "{call[0]}", "arguments": {text(call[1])}}}\n</tool_call>',
        between="\n",
    ),
    "llama": Family(
        Llama(),
        lambda call: f'{{"name": "{call[0]}", "parameters": {text(call[1])}}}',
        between="; ",
        anywhere=False,
    ),
    "llama with a tag": Family(
        Llama(),
        lambda call: f'{{"type": "function", "name": "{call[0]}", "parameters": {text(call[1])}}}',
        before="<|python_tag|>",
        between="\n",
    ),
    "mistral": Family(
        Mistral(),
        lambda call: f'{{"name": "{call[0]}", "arguments": {text(call[1])}, "id": "abc"}}',
        "[TOOL_CALLS][",
        ", ",
        "]",
    ),
    "mistral, names first": Family(
        Mistral(names_first=True), lambda call: f"[TOOL_CALLS]{call[0]}[ARGS]{text(call[1])}"
    ),
    "mistral, with ids": Family(
        Mistral(names_first=True, with_ids=True),
        lambda call: f"[TOOL_CALLS]{call[0]}[CALL_ID]a1b2c3d4e[ARGS]{text(call[1])}",
    ),
    "functionary": Family(Functionary(), lambda call: f"<function={call[0]}>{text(call[1])}</function>"),
    "glm-4": Family(Glm4(), lambda call: f"{call[0]}\n{text(call[1])}", between="<|assistant|>", anywhere=False),
    "glm-4.5": Family(
        Tagged("glm-4.5", GLM), lambda call: f"<tool_call>{call[0]}\n{_GLM(call)}</tool_call>", between="\n"
    ),
    "glm-4.7": Family(
        Tagged("glm-4.5", GLM),
        lambda call: f"<tool_call>{call[0]}{_GLM(call)}</tool_call>".replace(">\n<", "><"),
    ),
    "qwen3-coder": Family(
        Tagged("qwen3-coder", CODER),
        lambda call: f"<tool_call>\n<function={call[0]}>\n{_CODER(call)}</function>\n</tool_call>",
        between="\n",
    ),
}


@dataclass(frozen=True, slots=True)
class Split:
    """What a splitter gives, joined."""

    text: str
    calls: list[tuple[str, str]]

    @property
    def decoded(self) -> list[Call]:
        return [(name, json.loads(arguments)) for name, arguments in self.calls]


def split(splitter: CallSplitter, pieces: Sequence[str]) -> Split:
    found: list[CallPiece] = []
    for piece in pieces:
        found += splitter.feed(piece)
    return joined([*found, *splitter.close()])


def joined(found: Sequence[CallPiece]) -> Split:
    said, calls = "", list[tuple[str, str]]()
    for piece in found:
        if isinstance(piece, Begun):
            assert piece.index == len(calls)
            calls.append((piece.name, ""))
        elif isinstance(piece, Arguments):
            assert piece.index == len(calls) - 1
            assert piece.text
            calls[-1] = (calls[-1][0], calls[-1][1] + piece.text)
        else:
            assert piece
            said += piece
    return Split(said, calls)
