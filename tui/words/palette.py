"""The palette, slash commands, and keys of one's own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    open: str
    placeholder: str
    nothing: str
    no_such_command: str
    takes_nothing: str
    keys_unreadable: str
    unknown_action: str
    unknown_key: str
    doubled_key: str


ENGLISH = Words(
    open="commands",
    placeholder="What do you want to do?",
    nothing="Nothing here is called that.",
    no_such_command="There is no /{word}: type / for the list, or put a space before it to send it as text",
    takes_nothing="/{word} takes nothing after it; put a space before it to send it as text",
    keys_unreadable="{path} cannot be used, so all keys are the usual ones: {why}",
    unknown_action="keys.toml names {name}, which is no action: type / to see them.",
    unknown_key="keys.toml gives {name} the key {key}, which cannot be used for that.",
    doubled_key="keys.toml gives {key} to {first}, so {name} does not have it.",
)


CHINESE = Words(
    open="命令",
    placeholder="想做什么？",
    nothing="没有这样的命令。",
    no_such_command="没有 /{word} 这个命令：输入 / 查看列表，或在前面加一个空格当作文字发送",
    takes_nothing="/{word} 后面不能再写别的；在前面加一个空格可当作文字发送",
    keys_unreadable="无法使用 {path}，所有按键保持默认：{why}",
    unknown_action="keys.toml 中的 {name} 不是任何操作：输入 / 可查看全部操作。",
    unknown_key="keys.toml 给 {name} 设的按键 {key} 不能用在这里。",
    doubled_key="keys.toml 已把 {key} 给了 {first}，{name} 不再使用它。",
)
