"""The machine beside the conversation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    toggle: str
    """What the key does that folds and unfolds the panel."""
    ready: str
    memory: str
    free: str
    free_short: str
    not_known: str
    model: str
    app: str
    resident: str
    anonymous: str
    file: str
    """What a process has mapped from files."""
    mapped: str
    repacked: str
    kv: str
    compute: str
    process: str
    own: str
    """What a model holds beside the mapped weights, where its parts are not known."""
    others: str
    processor: str
    threads: str
    speed: str
    limit: str
    limit_short: str
    first: str
    at_reading: str
    """What the model does then."""
    reading: str
    left: str
    context: str
    share: str
    cache: str
    cached: str
    layers: str
    layers_short: str
    device_memory: str
    heat: str
    slowed: str
    voltage: str
    battery: str
    waiting: str
    tabs: str
    """A browser holds the most."""
    program: str
    """Some other program does."""
    short: str
    """None stands out."""


ENGLISH = Words(
    toggle="machine",
    ready="ready",
    memory="Memory",
    free="{free} of {total} free",
    free_short="{free} free",
    not_known="not known",
    model="model",
    app="app",
    resident="in RAM",
    anonymous="own",
    file="mapped",
    mapped="weights",
    repacked="repacked",
    kv="KV cache",
    compute="computing",
    process="process",
    own="own",
    others="others",
    processor="Processor",
    threads="threads: {n}",
    speed="Speed",
    limit="at most about {speed}",
    limit_short="max {speed}",
    first="first word after {seconds} s",
    at_reading="reading the prompt",
    reading="Reading",
    left="{seconds} s left",
    context="Context",
    share="{used} of {n_ctx} ({percent} %)",
    cache="From cache",
    cached="{cached} of {total}",
    layers="{layers} of {n_layer} layers",
    layers_short="layers: {layers}",
    device_memory="{used} of {total}",
    heat="{degrees} °C",
    slowed="slowed by heat",
    voltage="voltage too low",
    battery="battery {percent} %",
    waiting="waits for memory {percent} %",
    tabs="{program} and this model together do not fit: close tabs or take a smaller model (/models).",
    program="{program} and this model together do not fit: close it or take a smaller model (/models).",
    short="Memory is short: close programs or take a smaller model (/models).",
)


CHINESE = Words(
    toggle="机器",
    ready="就绪",
    memory="内存",
    free="可用 {free} / 共 {total}",
    free_short="可用 {free}",
    not_known="未知",
    model="模型",
    app="程序",
    resident="占用",
    anonymous="自有",
    file="映射",
    mapped="权重",
    repacked="重排权重",
    kv="KV 缓存",
    compute="计算",
    process="进程",
    own="自有",
    others="其他",
    processor="处理器",
    threads="{n} 线程",
    speed="速度",
    limit="上限约 {speed}",
    limit_short="上限 {speed}",
    first="{seconds} 秒后出首字",
    at_reading="正在读取提示",
    reading="读取进度",
    left="还需 {seconds} 秒",
    context="上下文",
    share="{used} / {n_ctx}（{percent}%）",
    cache="缓存命中",
    cached="{cached} / {total}",
    layers="{layers} / {n_layer} 层",
    layers_short="{layers} 层",
    device_memory="{used} / {total}",
    heat="{degrees} °C",
    slowed="过热降频",
    voltage="供电电压过低",
    battery="电池 {percent}%",
    waiting="等待内存 {percent}%",
    tabs="{program} 与此模型同时运行内存不够：请关闭一些标签页，或换一个更小的模型（/models）。",
    program="{program} 与此模型同时运行内存不够：请关闭它，或换一个更小的模型（/models）。",
    short="内存不足：请关闭一些程序，或换一个更小的模型（/models）。",
)
