"""What an empty conversation says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    starter: str
    ready: str
    """In an empty conversation with any other model."""
    ready_shared: str
    """The same when another computer takes part."""
    ready_service: str
    """The same when the running service answers."""
    suggestions: tuple[str, ...]
    """Questions for the starter model."""
    suggestions_hint: str


ENGLISH = Words(
    starter="This is the built-in starter model: a demonstration that knows how to help with this program, "
    "and little else. Ask it how to get a better one.",
    ready="It runs on this computer alone; what you write stays here.",
    ready_shared="It runs on this computer and those given with --rpc; what you write goes to them as well.",
    ready_service="The answers come from the service that runs on this computer: one model in memory serves all.",
    suggestions=("What can you do?", "How do I get a better model?", "Which keyboard shortcuts are there?"),
    suggestions_hint="Type a question, or press Tab and Enter for one of these:",
)


CHINESE = Words(
    starter="这是内置的入门模型：它只是一个演示，会帮你使用本程序，别的懂得很少。可以问它怎样换一个更好的模型。",
    ready="模型只在这台电脑上运行，你写的内容不会离开这里。",
    ready_shared="它在这台电脑和 --rpc 指定的电脑上运行；你写的内容也会发给它们。",
    ready_service="由这台电脑上正在运行的服务来回答：所有程序共用内存中的同一个模型。",
    suggestions=("你能做什么？", "怎样换一个更好的模型？", "有哪些快捷键？"),
    suggestions_hint="直接输入问题，或按 Tab 再按 Enter 选一个：",
)
