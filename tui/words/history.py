"""All conversations, and what can be done with one of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    conversations: str
    list_all: str
    """The name of the action."""
    export: str
    undo_delete: str
    search: str
    """In the empty search box."""
    none_yet: str
    none_found: str
    open: str
    rename: str
    delete: str
    new: str
    find: str
    back: str
    undo: str
    keep: str
    leave: str
    save: str
    format: str
    to_list: str
    no_title: str
    you: str
    model: str
    today: str
    yesterday: str
    day: str
    date: str
    months: tuple[str, ...]
    deleted: str
    restored: str
    nothing_to_undo: str
    empty_title: str
    export_title: str
    whole_branch: str
    all_branches: str
    exists: str
    exported: str
    nothing_to_export: str
    file_you: str
    """In an exported file, as all up to `file_no_answer`."""
    file_thinking: str
    file_system: str
    file_stopped: str
    file_cut_off: str
    file_no_answer: str
    no_name: str
    no_permission: str
    no_folder: str
    is_folder: str
    no_space: str
    read_only: str
    name_too_long: str
    not_written: str


ENGLISH = Words(
    conversations="Conversations",
    list_all="conversations",
    export="export",
    undo_delete="bring back the conversation deleted last",
    search="Search titles and messages…",
    none_yet="There is no conversation yet.",
    none_found="Nothing found.",
    open="open",
    rename="rename",
    delete="delete",
    new="new",
    find="search",
    back="back",
    undo="undo",
    keep="keep",
    leave="leave as it was",
    save="save",
    format="other format",
    to_list="to the list",
    no_title="(no title)",
    you="you",
    model="model",
    today="today {time}",
    yesterday="yesterday",
    day="{day} {month}",
    date="{day} {month} {year}",
    months=("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    deleted="Deleted (u: undo): “{title}”",
    restored="“{title}” is back",
    nothing_to_undo="Nothing was deleted",
    empty_title="A title cannot be empty",
    export_title="Export “{title}”",
    whole_branch="Markdown: what you see",
    all_branches="JSON: all branches",
    exists="{name} exists: Enter again replaces it.",
    exported="Exported to {path}",
    nothing_to_export="There is nothing to export yet",
    file_you="You",
    file_thinking="Thinking",
    file_system="System prompt",
    file_stopped="stopped",
    file_cut_off="cut off",
    file_no_answer="no answer",
    no_name="Give the file a name.",
    no_permission="You may not write in {folder}: choose another folder.",
    no_folder="There is no folder {folder}: make it first, or choose another.",
    is_folder="{path} is a folder: add a file name.",
    no_space="The disk is full: free some space, or choose another place than {folder}.",
    read_only="Nothing can be written in {folder}: choose another folder.",
    name_too_long="The file name is too long: shorten it.",
    not_written="{path} could not be written: {why}.",
)


CHINESE = Words(
    conversations="对话",
    list_all="所有对话",
    export="导出",
    undo_delete="恢复上次删除的对话",
    search="搜索标题和消息…",
    none_yet="还没有对话。",
    none_found="没有找到。",
    open="打开",
    rename="重命名",
    delete="删除",
    new="新建",
    find="搜索",
    back="返回",
    undo="撤销",
    keep="保存",
    leave="不改",
    save="保存",
    format="换格式",
    to_list="到列表",
    no_title="（无标题）",
    you="你",
    model="模型",
    today="今天 {time}",
    yesterday="昨天",
    day="{month}{day}日",
    date="{year}年{month}{day}日",
    months=("1月", "2月", "3月", "4月", "5月", "6月", "7月", "8月", "9月", "10月", "11月", "12月"),
    deleted="已删除（按 u 撤销）：“{title}”",
    restored="已恢复“{title}”",
    nothing_to_undo="没有可恢复的对话",
    empty_title="标题不能为空",
    export_title="导出“{title}”",
    whole_branch="Markdown：当前所见",
    all_branches="JSON：所有分支",
    exists="{name} 已存在：再按一次 Enter 将其替换。",
    exported="已导出到 {path}",
    nothing_to_export="还没有可导出的内容",
    file_you="你",
    file_thinking="思考过程",
    file_system="系统提示",
    file_stopped="已停止",
    file_cut_off="未写完",
    file_no_answer="没有回答",
    no_name="请输入文件名。",
    no_permission="没有权限写入 {folder}：请换一个文件夹。",
    no_folder="文件夹 {folder} 不存在：请先建立，或换一个。",
    is_folder="{path} 是文件夹：请加上文件名。",
    no_space="磁盘已满：请腾出空间，或换一个位置（现在是 {folder}）。",
    read_only="{folder} 是只读的：请换一个文件夹。",
    name_too_long="文件名太长：请缩短。",
    not_written="无法写入 {path}：{why}。",
)
