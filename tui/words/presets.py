"""Presets: a system prompt, sampling and thinking under a name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    open: str
    title: str
    no_preset: str
    list_hint: str
    name_it: str
    name_hint: str
    text_hint: str
    """While one is edited as text."""
    delete_again: str
    used: str
    used_none: str
    has_a_mistake: str
    not_yet: str
    no_toml: str
    wrong_value: str
    a_text: str
    unknown_setting: str
    wrong_name: str
    name_taken: str
    unreadable: str
    unwritable: str


ENGLISH = Words(
    open="presets",
    title="Presets: how the model is to answer from the next question on",
    no_preset="none: as the model's makers advise, or as the command line says",
    list_hint="Enter use   n new from what is so now   e edit   d delete   Esc back",
    name_it="A name for what is so now",
    name_hint="Enter save   Esc back",
    text_hint="{name}: Ctrl+S save   Esc back without saving",
    delete_again="Press d again to delete {name}.",
    used="From the next question on: {name}",
    used_none="From the next question on: no preset",
    has_a_mistake="has a mistake: e shows it",
    not_yet="The model is not known yet: try again in a moment.",
    no_toml="{name} is not written as TOML: {why}.",
    wrong_value="{name}: {key} must be {wanted}.",
    a_text="a text in quotes",
    unknown_setting="{name}: there is no {key}; known are {known}.",
    wrong_name="A name has at most {n} characters, no slash, and no dot at its beginning.",
    name_taken="There is a preset named {name} already: take another name, or edit that one.",
    unreadable="The preset {name} cannot be read: {why}.",
    unwritable="{name} cannot be saved: {why}.",
)


CHINESE = Words(
    open="预设",
    title="预设：从下一个问题起，模型怎样回答",
    no_preset="不用预设：按模型作者的建议，或按命令行的设置",
    list_hint="Enter 使用   n 用当前设置新建   e 编辑   d 删除   Esc 返回",
    name_it="给当前设置起个名字",
    name_hint="Enter 保存   Esc 返回",
    text_hint="{name}：Ctrl+S 保存   Esc 不保存返回",
    delete_again="再按一次 d 删除 {name}。",
    used="从下一个问题起使用：{name}",
    used_none="从下一个问题起不用预设",
    has_a_mistake="内容有误：按 e 查看",
    not_yet="还不知道用哪个模型：请稍后再试。",
    no_toml="{name} 不是正确的 TOML：{why}。",
    wrong_value="{name}：{key} 必须是 {wanted}。",
    a_text="引号中的文字",
    unknown_setting="{name}：没有 {key} 这一项；可用的有 {known}。",
    wrong_name="名字最多 {n} 个字符，不能含斜杠，不能以点开头。",
    name_taken="已有名为 {name} 的预设：请换个名字，或编辑原来的预设。",
    unreadable="无法读取预设 {name}：{why}。",
    unwritable="无法保存 {name}：{why}。",
)
