"""Questions, answers, and what is said between them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    thinking: str
    thought: str
    thoughts: str
    stopped: str
    cut_off: str
    cut_length: str
    cut_context: str
    no_answer: str
    forgotten: str
    earlier: str
    copied: str
    nothing_to_copy: str
    stop: str
    new: str
    copy_answer: str
    toggle_thoughts: str
    show_earlier: str
    to_top: str
    to_end: str


ENGLISH = Words(
    thinking="thinking for {seconds} s",
    thought="thought for {seconds} s",
    thoughts="thoughts",
    stopped="stopped",
    cut_off="cut off",
    cut_length="cut off: that is as long as --max-tokens lets it be",
    cut_context="cut off: the context is full",
    no_answer="no answer",
    forgotten="The conversation is longer than the context: the model no longer sees its oldest part.",
    earlier="▲ {n} earlier questions: click here or press Ctrl+L",
    copied="Answer copied",
    nothing_to_copy="There is no answer to copy yet",
    stop="stop",
    new="new chat",
    copy_answer="copy answer",
    toggle_thoughts="thoughts",
    show_earlier="show earlier questions",
    to_top="to the beginning",
    to_end="to the end",
)


CHINESE = Words(
    thinking="思考中 {seconds} 秒",
    thought="思考了 {seconds} 秒",
    thoughts="思考过程",
    stopped="已停止",
    cut_off="未写完",
    cut_length="未写完：已达到 --max-tokens 的上限",
    cut_context="未写完：上下文已满",
    no_answer="没有回答",
    forgotten="对话已超出上下文长度，模型看不到最早的部分了。",
    earlier="▲ 之前还有 {n} 个问题：点击此处或按 Ctrl+L",
    copied="已复制回答",
    nothing_to_copy="还没有可复制的回答",
    stop="停止",
    new="新对话",
    copy_answer="复制回答",
    toggle_thoughts="思考",
    show_earlier="显示更早的问题",
    to_top="到开头",
    to_end="到末尾",
)
