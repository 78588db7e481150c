"""What the app says, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autoglm_lite.planning import idling
from autoglm_lite.planning.shedding import SENTENCES


@dataclass(frozen=True, slots=True)
class Words:
    """Names in braces are filled in with str.format."""

    placeholder: str
    starter: str
    ready: str
    """In an empty conversation with any other model."""
    ready_shared: str
    """The same when another computer takes part."""
    ready_service: str
    """The same when the running service answers."""
    by_service: str
    """The model's name in the status line then."""
    suggestions: tuple[str, ...]
    """Questions for the starter model."""
    suggestions_hint: str
    loading: str
    loading_on: str
    """The same when the time left is known."""
    not_loaded: str
    waiting: str
    queued: str
    """Answers to others come first."""
    reading: str
    reading_on: str
    writing: str
    speed: str
    memory: str
    memory_short: str
    context: str
    context_unknown: str
    context_short: str
    thinking: str
    thought: str
    thoughts: str
    stopped: str
    cut_off: str
    cut_length: str
    cut_context: str
    no_answer: str
    forgotten: str
    shed_context: str
    shed_model: str
    idle_context: str
    idle_model: str
    less_on_battery: str
    less_in_heat: str
    full_effort: str
    earlier: str
    busy: str
    quit_again: str
    copied: str
    nothing_to_copy: str
    key_send: str
    key_newline: str
    key_stop: str
    key_new: str
    key_copy: str
    key_thoughts: str
    key_quit: str


ENGLISH = Words(
    placeholder="Ask something…",
    starter=(
        "This is the built-in starter model: a demonstration that knows how to help with this program, "
        "and little else. Ask it how to get a better one."
    ),
    ready="It runs on this computer alone; what you write stays here.",
    ready_shared="It runs on this computer and those given with --rpc; what you write goes to them as well.",
    ready_service="The answers come from the service that runs on this computer: one model in memory serves all.",
    by_service="{model} (service)",
    suggestions=("What can you do?", "How do I get a better model?", "Which keyboard shortcuts are there?"),
    suggestions_hint="Type a question, or press Tab and Enter for one of these:",
    loading="loading {percent} %",
    loading_on="loading {percent} %, {seconds} s left",
    not_loaded="not loaded",
    waiting="waiting",
    queued="waiting for {ahead} more",
    reading="reading the prompt {done}/{total}",
    reading_on="reading the prompt {done}/{total}, {seconds} s left",
    writing="answering",
    speed="{speed} tok/s",
    memory="model {worker} + app {ours}, {available} free",
    memory_short="{both} of RAM",
    context="context {used}/{n_ctx}",
    context_unknown="context {n_ctx}",
    context_short="ctx {percent} %",
    thinking="thinking for {seconds} s",
    thought="thought for {seconds} s",
    thoughts="thoughts",
    stopped="stopped",
    cut_off="cut off",
    cut_length="cut off: that is as long as --max-tokens lets it be",
    cut_context="cut off: the context is full",
    no_answer="no answer",
    forgotten="The conversation is longer than the context: the model no longer sees its oldest part.",
    shed_context=SENTENCES["context"],
    shed_model=SENTENCES["model"],
    idle_context=idling.SENTENCES["context"],
    idle_model=idling.SENTENCES["model"],
    less_on_battery="On battery: the model computes with less power, as its profile says",
    less_in_heat="The processor is hot: the model computes with less power, as its profile says",
    full_effort="The model computes with full power again",
    earlier="▲ {n} earlier questions: click here or press Ctrl+L",
    busy="An answer is being written: Esc stops it",
    quit_again="Ctrl+C again quits",
    copied="Answer copied",
    nothing_to_copy="There is no answer to copy yet",
    key_send="send",
    key_newline="new line",
    key_stop="stop",
    key_new="new chat",
    key_copy="copy answer",
    key_thoughts="thoughts",
    key_quit="quit",
)

CHINESE = Words(
    placeholder="问点什么…",
    starter="这是内置的入门模型：它只是一个演示，会帮你使用本程序，别的懂得很少。可以问它怎样换一个更好的模型。",
    ready="模型只在这台电脑上运行，你写的内容不会离开这里。",
    ready_shared="它在这台电脑和 --rpc 指定的电脑上运行；你写的内容也会发给它们。",
    ready_service="由这台电脑上正在运行的服务来回答：所有程序共用内存中的同一个模型。",
    by_service="{model}（服务）",
    suggestions=("你能做什么？", "怎样换一个更好的模型？", "有哪些快捷键？"),
    suggestions_hint="直接输入问题，或按 Tab 再按 Enter 选一个：",
    loading="正在加载 {percent}%",
    loading_on="正在加载 {percent}%，还需 {seconds} 秒",
    not_loaded="未加载",
    waiting="等待中",
    queued="前面还有 {ahead} 个请求",
    reading="正在读取提示 {done}/{total}",
    reading_on="正在读取提示 {done}/{total}，还需 {seconds} 秒",
    writing="正在回答",
    speed="{speed} 词元/秒",
    memory="模型 {worker} + 程序 {ours}，可用 {available}",
    memory_short="内存 {both}",
    context="上下文 {used}/{n_ctx}",
    context_unknown="上下文 {n_ctx}",
    context_short="上下文 {percent}%",
    thinking="思考中 {seconds} 秒",
    thought="思考了 {seconds} 秒",
    thoughts="思考过程",
    stopped="已停止",
    cut_off="未写完",
    cut_length="未写完：已达到 --max-tokens 的上限",
    cut_context="未写完：上下文已满",
    no_answer="没有回答",
    forgotten="对话已超出上下文长度，模型看不到最早的部分了。",
    shed_context="内存不足，已把 {freed} 归还给系统：下次提问会稍慢一些。",
    shed_model="内存不足，已卸载模型（{freed}）：下次提问时会重新加载。",
    idle_context="有一段时间没有提问，已把 {freed} 归还给系统：下次提问会稍慢一些。",
    idle_model="有一段时间没有提问，已卸载模型（{freed}）：下次提问时会重新加载。",
    less_on_battery="正在使用电池：按配置降低模型的计算强度",
    less_in_heat="处理器过热：按配置降低模型的计算强度",
    full_effort="模型恢复全力计算",
    earlier="▲ 之前还有 {n} 个问题：点击此处或按 Ctrl+L",
    busy="正在回答，按 Esc 停止",
    quit_again="再按一次 Ctrl+C 退出",
    copied="已复制回答",
    nothing_to_copy="还没有可复制的回答",
    key_send="发送",
    key_newline="换行",
    key_stop="停止",
    key_new="新对话",
    key_copy="复制回答",
    key_thoughts="思考",
    key_quit="退出",
)


def words_of(environ: Mapping[str, str]) -> Words:
    """In the language of the locale that `environ` names, as POSIX reads it."""
    locale = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := environ.get(name))), "")
    return CHINESE if locale.lower().startswith("zh") else ENGLISH
