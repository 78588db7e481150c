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
    tokens: str
    characters: str
    stop_again: str
    editing: str
    nothing_asked: str
    nothing_to_go_on: str
    no_versions: str
    first_version: str
    last_version: str
    later: str
    copied_selection: str
    copied_message: str
    copied_code: str
    copied_link: str
    copied_to: str
    copied_file: str
    no_code: str
    no_links: str
    no_thoughts: str
    browse: str
    previous: str
    next: str
    first: str
    last: str
    to_box: str
    copy_message: str
    copy_code: str
    copy_link: str
    find: str
    find_next: str
    find_previous: str
    find_label: str
    find_what: str
    find_none: str
    regenerate: str
    go_on: str
    edit: str
    previous_version: str
    next_version: str


ENGLISH = Words(
    thinking="thinking for {seconds} s · {length}",
    thought="thought for {seconds} s · {length}",
    thoughts="thoughts · {length}",
    stopped="stopped",
    cut_off="cut off",
    cut_length="cut off: that is as long as --max-tokens lets it be",
    cut_context="cut off: the context is full",
    no_answer="no answer",
    forgotten="The conversation is longer than the context: the model no longer sees its oldest part.",
    earlier="▲ {n} earlier questions: click here or press {key}",
    copied="Answer copied",
    nothing_to_copy="There is no answer to copy yet",
    stop="stop",
    new="new chat",
    copy_answer="copy answer",
    toggle_thoughts="thoughts",
    show_earlier="show earlier questions",
    to_top="to the beginning",
    to_end="to the end",
    tokens="{n} tokens",
    characters="{n} characters",
    stop_again="{key} again stops the answer; your text stays",
    editing="another wording; {key} gives it up",
    nothing_asked="Nothing was asked yet",
    nothing_to_go_on="The last answer is complete",
    no_versions="There is one version of this: e asks in other words, r answers again",
    first_version="This is the first version",
    last_version="This is the last version",
    later="▼ {n} later questions: click here or press {key}",
    copied_selection="Selection copied",
    copied_message="Message copied",
    copied_code="Code block {n}/{of} copied",
    copied_link="Link {n}/{of} copied: {address}",
    copied_to=" ({programs})",
    copied_file="; where the terminal takes no copies it is in {path}",
    no_code="There is no code in this answer",
    no_links="There is no link in this message",
    no_thoughts="There are no thoughts with this answer",
    browse="messages",
    previous="message before",
    next="message after",
    first="first message",
    last="last message",
    to_box="back to the box",
    copy_message="copy",
    copy_code="copy code",
    copy_link="copy link",
    find="find",
    find_next="next match",
    find_previous="match before",
    find_label="Find",
    find_what="in this conversation: Enter next, ↑ previous, Esc closes",
    find_none="nothing found",
    regenerate="answer again",
    go_on="continue",
    edit="edit",
    previous_version="version before",
    next_version="version after",
)


CHINESE = Words(
    thinking="思考中 {seconds} 秒 · {length}",
    thought="思考了 {seconds} 秒 · {length}",
    thoughts="思考过程 · {length}",
    stopped="已停止",
    cut_off="未写完",
    cut_length="未写完：已达到 --max-tokens 的上限",
    cut_context="未写完：上下文已满",
    no_answer="没有回答",
    forgotten="对话已超出上下文长度，模型看不到最早的部分了。",
    earlier="▲ 之前还有 {n} 个问题：点击此处或按 {key}",
    copied="已复制回答",
    nothing_to_copy="还没有可复制的回答",
    stop="停止",
    new="新对话",
    copy_answer="复制回答",
    toggle_thoughts="思考",
    show_earlier="显示更早的问题",
    to_top="到开头",
    to_end="到末尾",
    tokens="{n} 个词元",
    characters="{n} 字",
    stop_again="再按一次 {key} 停止回答；已写的内容会保留",
    editing="修改问题；按 {key} 放弃",
    nothing_asked="还没有提过问题",
    nothing_to_go_on="最后一个回答已经写完",
    no_versions="只有一个版本：按 e 修改问题，按 r 重新回答",
    first_version="这是第一个版本",
    last_version="这是最后一个版本",
    later="▼ 之后还有 {n} 个问题：点击此处或按 {key}",
    copied_selection="已复制所选内容",
    copied_message="已复制消息",
    copied_code="已复制代码块 {n}/{of}",
    copied_link="已复制链接 {n}/{of}：{address}",
    copied_to="（{programs}）",
    copied_file="；终端若不支持复制，可在 {path} 找到",
    no_code="这个回答里没有代码",
    no_links="这条消息里没有链接",
    no_thoughts="这个回答没有思考过程",
    browse="浏览消息",
    previous="上一条消息",
    next="下一条消息",
    first="第一条消息",
    last="最后一条消息",
    to_box="回到输入框",
    copy_message="复制",
    copy_code="复制代码",
    copy_link="复制链接",
    find="查找",
    find_next="下一处",
    find_previous="上一处",
    find_label="查找",
    find_what="在本对话中查找：Enter 下一处，↑ 上一处，Esc 关闭",
    find_none="没有找到",
    regenerate="重新回答",
    go_on="继续写",
    edit="修改",
    previous_version="上一版本",
    next_version="下一版本",
)
