"""Settings, help, and what went wrong."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    between: str
    """Between the things of a list."""
    settings_unreadable: str
    settings_not_toml: str
    settings_unknown: str
    settings_wrong: str
    settings: str
    settings_hint: str
    language: str
    theme: str
    low_power: str
    values: tuple[tuple[str, str], ...]
    """Of the settings, with what they are called."""
    language_note: str
    theme_note: str
    low_power_note: str
    kept_in: str
    by_itself: str
    """After the automatic value: what that is here."""
    next_start: str
    not_kept: str
    help: str
    help_hint: str
    group_writing: str
    group_conversation: str
    group_other: str
    details: str
    no_details: str
    broken: str
    nothing_more: str


ENGLISH = Words(
    between=", ",
    settings_unreadable="{path} cannot be read ({what}): the usual settings are used.",
    settings_not_toml="{path} is no valid TOML, so the usual settings are used: {what}.",
    settings_unknown="{path}: there is no setting {what}; there are {choices}.",
    settings_wrong="{path}: {what} cannot be used; give one of {choices}.",
    settings="settings",
    settings_hint="Up and Down choose, Left and Right change, Esc closes",
    language="Language",
    theme="Colours",
    low_power="Low power",
    values=(
        ("auto", "automatic"),
        ("en", "English"),
        ("zh", "中文"),
        ("dark", "dark"),
        ("light", "light"),
        ("plain", "the terminal's own"),
        ("on", "on"),
        ("off", "off"),
    ),
    language_note="Automatic: the language of the locale.",
    theme_note="Automatic: as the terminal's background. The terminal's own: 16 colours and plain characters.",
    low_power_note="Fewer frames and rarer looks at the machine. Automatic: on battery and on slow processors.",
    kept_in="Kept in {path}",
    by_itself="automatic ({value})",
    next_start="Takes effect at the next start.",
    not_kept="For this time only: {why}",
    help="help",
    help_hint="Up and Down, PgUp and PgDn move, Esc closes",
    group_writing="Writing",
    group_conversation="Conversation",
    group_other="Everything else",
    details="what went wrong",
    no_details="Nothing has gone wrong yet.",
    broken="Something in the app failed ({what}); it goes on, and your conversation is kept. {key} shows details.",
    nothing_more="No more is known of it.",
)


CHINESE = Words(
    between="、",
    settings_unreadable="无法读取 {path}（{what}）：已使用默认设置。",
    settings_not_toml="{path} 不是有效的 TOML，已使用默认设置：{what}。",
    settings_unknown="{path}：没有名为 {what} 的设置，可用的有 {choices}。",
    settings_wrong="{path}：{what} 无法使用，请改为 {choices} 之一。",
    settings="设置",
    settings_hint="上下键选择，左右键更改，Esc 关闭",
    language="语言",
    theme="配色",
    low_power="省电模式",
    values=(
        ("auto", "自动"),
        ("en", "English"),
        ("zh", "中文"),
        ("dark", "深色"),
        ("light", "浅色"),
        ("plain", "终端自带"),
        ("on", "开"),
        ("off", "关"),
    ),
    language_note="自动：跟随系统语言环境。",
    theme_note="自动：跟随终端背景。终端自带：16 色和普通字符。",
    low_power_note="减少刷新次数和对机器状态的查看。自动：使用电池或处理器较慢时开启。",
    kept_in="保存在 {path}",
    by_itself="自动（{value}）",
    next_start="下次启动时生效。",
    not_kept="仅本次有效：{why}",
    help="帮助",
    help_hint="上下键、PgUp 和 PgDn 滚动，Esc 关闭",
    group_writing="输入",
    group_conversation="对话",
    group_other="其他",
    details="出错详情",
    no_details="目前没有出错。",
    broken="程序内部出错（{what}），但会继续运行，对话已保存。按 {key} 查看详情。",
    nothing_more="没有更多信息。",
)
