"""Choosing, getting and removing models."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    title: str
    models: str
    """In the line of keys."""
    offered: str
    stored: str
    to_get: str
    by_service: str
    looking: str
    fits: str
    fits_at: str
    tight: str
    tight_at: str
    streams: str
    too_large: str
    damaged: str
    in_use: str
    unloaded_mark: str
    in_service: str
    in_service_memory: str
    service_only: str
    embeddings: str
    reranking: str
    details: str
    offer_details: str
    offer_verdict: str
    offer_verdict_at: str
    part: str
    taken: str
    waiting: str
    checking: str
    getting: str
    getting_on: str
    minutes: str
    seconds: str
    disk: str
    keys: tuple[str, ...]
    refused: str
    streams_insist: str
    no_chat: str
    only_service: str
    delete_insist: str
    delete_link: str
    deleted: str
    delete_starter: str
    delete_used: str
    delete_outside: str
    part_insist: str
    one_at_a_time: str
    already_here: str
    paused: str
    started: str
    nothing_paused: str
    in_use_now: str
    stays: str
    unloaded: str
    not_unloaded: str
    suits: str
    speed: str
    press: str
    go_on: str
    got: str
    chinese: str
    """What a model is good at, as the next ones."""
    english: str
    conversation: str
    writing: str
    code: str
    reasoning: str
    little_memory: str
    good_at: str
    comma: str
    failed_refused: str
    """Why a download failed: autoglm_lite.store.hub.failures.SENTENCES."""
    failed_gated: str
    failed_token: str
    failed_hidden: str
    failed_missing: str
    failed_busy: str
    failed_trouble: str
    failed_connection: str
    failed_mirror: str
    failed_unreachable: str
    failed_listing: str
    failed_unchecked: str
    failed_page: str
    failed_changed: str
    failed_wrong: str
    failed_full: str
    failed_unwritable: str


ENGLISH = Words(
    title="Models",
    models="models",
    offered="get or use the offered model",
    stored="On this computer",
    to_get="To get: these suit this machine",
    by_service="Only in the running service",
    looking="looking…",
    fits="fits",
    fits_at="fits, about {speed} tokens/s",
    tight="tight",
    tight_at="tight, about {speed} tokens/s",
    streams="streams from disk, slow",
    too_large="does not fit: needs {needed} of {available}",
    damaged="cannot be used",
    in_use="in use",
    unloaded_mark="in use, unloaded",
    in_service="the service has it",
    in_service_memory="in the service's memory",
    service_only="ask the service for it",
    embeddings="makes embeddings, does not chat",
    reranking="ranks texts, does not chat",
    details="{parameters} parameters · {type} · {size} · context {n_ctx}",
    offer_details="{parameters} · {type} · {licence}",
    offer_verdict="{size} to get",
    offer_verdict_at="{size} to get, about {speed} tokens/s",
    part="stopped at {percent} % of {total}: g goes on",
    taken="{percent} % of {total}, another autoglm-lite gets it",
    waiting="{percent} % of {total}, waiting for the server",
    checking="checking what is there, {percent} %",
    getting="{percent} % of {total}",
    getting_on="{percent} % of {total}, {speed}/s, {left} left",
    minutes="{n} min",
    seconds="{n} s",
    disk="On disk: models {models} · kept states {states} · unfinished {parts} · {free} free",
    keys=("Enter use", "u unload", "g get", "p pause", "x delete", "Esc close"),
    refused="{name} needs about {needed} of memory, and {available} can be had: close other programs, or take a "
    "smaller model.",
    streams_insist="{name} is larger than the free memory and will be read from the disk all the time, which is slow. "
    "Enter again uses it all the same.",
    no_chat="{name} does not write answers: choose another model.",
    only_service="{name} is known to the running service alone, which does not say where its file is.",
    delete_insist="x again deletes {name} and frees {size}.",
    delete_link="x again removes the link {name}; the file that it leads to stays.",
    deleted="{name} is deleted: {size} freed.",
    delete_starter="The starter belongs to the program and stays.",
    delete_used="{name} is in use: use another model first.",
    delete_outside="{name} is not in the models' folder: it is not ours to delete.",
    part_insist="x again throws away what came of {name} and frees {size}.",
    one_at_a_time="{name} is being got: p pauses it.",
    already_here="{name} is here already.",
    paused="{name} pauses; p goes on.",
    started="Getting {name}; {key} shows how far it is.",
    nothing_paused="Nothing is being got: g gets the model under the cursor.",
    in_use_now="{name} answers now.",
    stays="{name} goes on answering.",
    unloaded="{name} is unloaded and {freed} of memory is free again: the next question loads it.",
    not_unloaded="There is nothing to unload.",
    suits="{name} suits this machine: {size} to download{speed}.",
    speed=", about {speed} tokens a second",
    press="{key} gets it.",
    go_on="The download of {name} stopped at {percent} %: {key} goes on with it.",
    got="{name} is here: {key} uses it.",
    chinese="Chinese and English",
    english="English",
    conversation="conversation",
    writing="writing",
    code="code",
    reasoning="thinking before it answers",
    little_memory="very little memory",
    good_at="good at: {what}",
    comma=", ",
    failed_refused="{host} does not give {name} to everyone (HTTP {status}): take another model.",
    failed_gated="{host} gives {name} only to those who have agreed to its terms: open {page} and agree there, log in"
    " here with {login}, and ask again.",
    failed_token="{host} does not take the token that is kept here: log in again with {login}.",
    failed_hidden="{host} has no {name} that it would show you: look at how the name is written; if it is private,"
    " log in with {login}.",
    failed_missing="{host} has no {name} any more (HTTP {status}): take another model.",
    failed_busy="{host} has too much to do (HTTP {status}): try again later; what came is kept.",
    failed_trouble="{host} cannot answer as it should (HTTP {status}): try again later; what came is kept.",
    failed_connection="The connection to {host} fails ({why}): look at the network and go on; what came is kept.",
    failed_mirror="{host}, which {variable} names, cannot be reached ({why}): correct {variable}, or do without it.",
    failed_unreachable="{host} cannot be reached ({why}): look at the network. Where that hub is out of reach,"
    " HF_ENDPOINT names a mirror of it, and ms: in place of hf: asks ModelScope.",
    failed_listing="What {host} says of {name} cannot be used ({why}): nothing of it is fetched.",
    failed_unchecked="{host} does not say how {name} can be checked: perhaps this network wants you to log in first.",
    failed_page="{host} gives something else instead of {name}: perhaps this network wants you to log in first, in a"
    " browser; what came is kept.",
    failed_changed="{host} has another {name} now than it said before: ask again for what it has.",
    failed_wrong="What came of {name} is not what {host} has, so it was thrown away: get it again.",
    failed_full="The disk has too little room for {name}: it needs {needed} MB more and has {free} MB; what came is "
    "kept.",
    failed_unwritable="The folder {folder} cannot be written ({why}): check it and go on.",
)


CHINESE = Words(
    title="模型",
    models="模型",
    offered="下载或使用推荐的模型",
    stored="这台电脑上的模型",
    to_get="可下载：适合这台电脑",
    by_service="仅正在运行的服务可用",
    looking="正在查看…",
    fits="合适",
    fits_at="合适，约 {speed} 词元/秒",
    tight="勉强",
    tight_at="勉强，约 {speed} 词元/秒",
    streams="要反复读磁盘，很慢",
    too_large="放不下：需要 {needed}，只有 {available}",
    damaged="无法使用",
    in_use="使用中",
    unloaded_mark="使用中，已卸载",
    in_service="服务也有",
    in_service_memory="已在服务的内存中",
    service_only="请向服务请求",
    embeddings="用于文本向量，不能聊天",
    reranking="用于文本排序，不能聊天",
    details="{parameters} 参数 · {type} · {size} · 上下文 {n_ctx}",
    offer_details="{parameters} · {type} · {licence}",
    offer_verdict="下载 {size}",
    offer_verdict_at="下载 {size}，约 {speed} 词元/秒",
    part="停在 {total} 的 {percent}%：按 g 继续",
    taken="{total} 的 {percent}%，另一个 autoglm-lite 正在下载",
    waiting="{total} 的 {percent}%，等待服务器",
    checking="正在检查已下载的部分，{percent}%",
    getting="{total} 的 {percent}%",
    getting_on="{total} 的 {percent}%，{speed}/秒，还需 {left}",
    minutes="{n} 分钟",
    seconds="{n} 秒",
    disk="磁盘：模型 {models} · 对话状态 {states} · 未完成 {parts} · 剩余 {free}",
    keys=("Enter 使用", "u 卸载", "g 下载", "p 暂停", "x 删除", "Esc 关闭"),
    refused="{name} 大约需要 {needed} 内存，而可用的只有 {available}：请关闭其他程序，或换一个小一些的模型。",
    streams_insist="{name} 比可用内存大，会不停地读磁盘，速度很慢。再按一次 Enter 仍要使用。",
    no_chat="{name} 不会写回答：请选择别的模型。",
    only_service="只有正在运行的服务知道 {name}，它没有说明文件在哪里。",
    delete_insist="再按一次 x 删除 {name}，释放 {size}。",
    delete_link="再按一次 x 删除链接 {name}；它指向的文件会保留。",
    deleted="已删除 {name}，释放了 {size}。",
    delete_starter="入门模型是程序的一部分，不能删除。",
    delete_used="{name} 正在使用：请先换用别的模型。",
    delete_outside="{name} 不在模型文件夹里，不由本程序删除。",
    part_insist="再按一次 x 丢弃已下载的 {name}，释放 {size}。",
    one_at_a_time="正在下载 {name}：按 p 暂停。",
    already_here="{name} 已经在这里了。",
    paused="已暂停下载 {name}，按 p 继续。",
    started="正在下载 {name}，按 {key} 查看进度。",
    nothing_paused="没有正在下载的模型：按 g 下载光标所在的模型。",
    in_use_now="现在由 {name} 回答。",
    stays="仍由 {name} 回答。",
    unloaded="已卸载 {name}，释放内存 {freed}：下次提问时会重新加载。",
    not_unloaded="没有可卸载的模型。",
    suits="{name} 适合这台电脑：需下载 {size}{speed}。",
    speed="，约每秒 {speed} 个词元",
    press="按 {key} 下载。",
    go_on="{name} 的下载停在 {percent}%：按 {key} 继续。",
    got="{name} 已下载：按 {key} 使用。",
    chinese="中文和英文",
    english="英文",
    conversation="聊天",
    writing="写作",
    code="编程",
    reasoning="先思考再回答",
    little_memory="占内存很少",
    good_at="擅长：{what}",
    comma="、",
    failed_refused="{host} 不向所有人提供 {name}（HTTP {status}）：请换一个模型。",
    failed_gated="{host} 只向同意其条款的人提供 {name}：请打开 {page} 并同意，用 {login} 登录，然后重试。",
    failed_token="{host} 不接受这里保存的令牌：请用 {login} 重新登录。",
    failed_hidden="{host} 上看不到 {name}：请检查名称；若是私有模型，请用 {login} 登录。",
    failed_missing="{host} 上已经没有 {name}（HTTP {status}）：请换一个模型。",
    failed_busy="{host} 太忙（HTTP {status}）：请稍后再试，已下载的部分会保留。",
    failed_trouble="{host} 无法正常应答（HTTP {status}）：请稍后再试，已下载的部分会保留。",
    failed_connection="与 {host} 的连接失败（{why}）：请检查网络后继续，已下载的部分会保留。",
    failed_mirror="无法连接 {variable} 所指的 {host}（{why}）：请更正 {variable}，或取消它。",
    failed_unreachable="无法连接 {host}（{why}）：请检查网络。无法访问该站时，可用 HF_ENDPOINT 指定镜像，"
    "或用 ms: 代替 hf: 从魔搭下载。",
    failed_listing="{host} 给出的 {name} 信息无法使用（{why}）：没有下载任何内容。",
    failed_unchecked="{host} 没有说明怎样校验 {name}：也许这个网络要求先登录。",
    failed_page="{host} 给出的不是 {name}：也许这个网络要求先在浏览器中登录；已下载的部分会保留。",
    failed_changed="{host} 上的 {name} 与先前所说的不同：请重新查询后再下载。",
    failed_wrong="收到的 {name} 与 {host} 上的不一致，已丢弃：请重新下载。",
    failed_full="磁盘空间不够存放 {name}：还需要 {needed} MB，只有 {free} MB；已下载的部分会保留。",
    failed_unwritable="无法写入文件夹 {folder}（{why}）：请检查后继续。",
)
