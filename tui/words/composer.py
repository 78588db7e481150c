"""The box in which questions are written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    placeholder: str
    busy: str
    send: str
    newline: str
    edit: str
    editor_missing: str
    no_editor: str
    editor_failed: str
    exit_code: str
    editor_not_here: str
    editor_too_long: str
    unchanged: str
    attach: str
    detach: str
    n_tokens: str
    pasted: str
    too_long: str
    no_pictures: str
    a_folder: str
    no_file: str
    too_many_bytes: str
    unreadable: str
    no_pdf: str
    pdf_without_text: str
    no_text: str
    empty_file: str
    no_files: str
    no_such_file: str


ENGLISH = Words(
    placeholder="Ask something…",
    busy="An answer is being written: {key} stops it",
    send="send",
    newline="new line",
    edit="edit in your editor",
    editor_missing="${name} names {command}, which is not installed: set it to an editor you have, such as nano.",
    no_editor="No editor was found: install nano, or set EDITOR to yours.",
    editor_failed="{command} failed, so your text is as it was: {why}.",
    exit_code="exit code {code}",
    editor_not_here="This terminal cannot be left to an editor.",
    editor_too_long="The text has more than {most}, so what was in the box before is there still.",
    unchanged="Nothing was changed",
    attach="attach a file",
    detach="remove the last file",
    n_tokens="{n} tok",
    pasted="pasted text",
    too_long="{name} has about {n} tokens, but the context holds {n_ctx}: attach a part of it.",
    no_pictures="{name} is a picture: no model can see in this version.",
    a_folder="{name} is a folder: attach the files in it one by one.",
    no_file="{name} is no ordinary file, so it cannot be attached.",
    too_many_bytes="{name} has {size}, and at most {most} can be attached: attach a part of it.",
    unreadable="{name} cannot be read: {why}.",
    no_pdf="{name} is a PDF: install pdftotext (poppler-utils), and its text can be attached.",
    pdf_without_text="{name} holds no text that can be read, such as pictures of pages only.",
    no_text="{name} is no text, so the model cannot read it.",
    empty_file="{name} is empty.",
    no_files="There is no file in this folder.",
    no_such_file="No file here has these letters in its name.",
)


CHINESE = Words(
    placeholder="问点什么…",
    busy="正在回答，按 {key} 停止",
    send="发送",
    newline="换行",
    edit="用编辑器编辑",
    editor_missing="${name} 指定的 {command} 没有安装：请改成已安装的编辑器，例如 nano。",
    no_editor="找不到编辑器：请安装 nano，或用 EDITOR 指定你的编辑器。",
    editor_failed="{command} 出错，文字保持不变：{why}。",
    exit_code="退出码 {code}",
    editor_not_here="这个终端无法切换到编辑器。",
    editor_too_long="文字超过 {most}，输入框保持原样。",
    unchanged="没有改动",
    attach="添加文件",
    detach="移除最后一个文件",
    n_tokens="{n} 词元",
    pasted="粘贴的文字",
    too_long="{name} 约有 {n} 个词元，而上下文只能容纳 {n_ctx} 个：请只添加其中一部分。",
    no_pictures="{name} 是图片：这个版本的模型还不能看图。",
    a_folder="{name} 是文件夹：请逐个添加其中的文件。",
    no_file="{name} 不是普通文件，无法添加。",
    too_many_bytes="{name} 有 {size}，最多只能添加 {most}：请只添加其中一部分。",
    unreadable="无法读取 {name}：{why}。",
    no_pdf="{name} 是 PDF：安装 pdftotext（poppler-utils）后就能添加其中的文字。",
    pdf_without_text="{name} 中没有可读取的文字，可能只有页面图片。",
    no_text="{name} 不是文本文件，模型无法阅读。",
    empty_file="{name} 是空的。",
    no_files="这个文件夹里没有文件。",
    no_such_file="这里没有名称含这些字的文件。",
)
