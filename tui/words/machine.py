"""What the model is doing and what it costs."""

from __future__ import annotations

from dataclasses import dataclass

from autoglm_lite.planning import idling
from autoglm_lite.planning.shedding import SENTENCES


@dataclass(frozen=True, slots=True)
class Words:
    by_service: str
    """The model's name in the status line then."""
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
    shed_context: str
    shed_model: str
    idle_context: str
    idle_model: str
    less_on_battery: str
    less_in_heat: str
    full_effort: str


ENGLISH = Words(
    by_service="{model} (service)",
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
    shed_context=SENTENCES["context"],
    shed_model=SENTENCES["model"],
    idle_context=idling.SENTENCES["context"],
    idle_model=idling.SENTENCES["model"],
    less_on_battery="On battery: the model computes with less power, as its profile says",
    less_in_heat="The processor is hot: the model computes with less power, as its profile says",
    full_effort="The model computes with full power again",
)


CHINESE = Words(
    by_service="{model}（服务）",
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
    shed_context="内存不足，已把 {freed} 归还给系统：下次提问会稍慢一些。",
    shed_model="内存不足，已卸载模型（{freed}）：下次提问时会重新加载。",
    idle_context="有一段时间没有提问，已把 {freed} 归还给系统：下次提问会稍慢一些。",
    idle_model="有一段时间没有提问，已卸载模型（{freed}）：下次提问时会重新加载。",
    less_on_battery="正在使用电池：按配置降低模型的计算强度",
    less_in_heat="处理器过热：按配置降低模型的计算强度",
    full_effort="模型恢复全力计算",
)
