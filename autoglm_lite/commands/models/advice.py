"""What `models recommend` says, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.words.models import Words as ModelWords


@dataclass(frozen=True, slots=True)
class Words:
    """Names in braces are filled in with str.format."""

    of_the_app: ModelWords
    """What models are good at."""
    best: str
    colon: str
    takes: str
    speed: str
    stored: str
    elsewhere: str
    nothing: str
    alone: str
    starter: str

    def good_at(self, what: Sequence[str]) -> str:
        return self.of_the_app.comma.join(getattr(self.of_the_app, one.replace(" ", "_")) for one in what)


def words(environ: Mapping[str, str]) -> Words:
    """In the language that the app has: its setting, else the locale's."""
    from tui.settings.manners import in_chinese
    from tui.settings.settings import read_settings, settings_path
    from tui.words.models import CHINESE, ENGLISH

    language = read_settings(settings_path())[0].language
    if language == "zh" or (language == "auto" and in_chinese(environ)):
        return Words(
            of_the_app=CHINESE,
            best="这台电脑现在有 {memory} 内存可用。最适合它的模型，最好的在前：",
            colon="：",
            takes="需下载 {size}，占内存约 {needed}{speed}。许可：{licence}",
            speed="，约每秒 {speed} 个词元",
            stored="已经在这台电脑上：",
            elsewhere="{program} 已有这个模型，可以直接使用，不必下载：",
            nothing="可用内存只有 {memory}，列表中没有放得下的模型。最小的 {name} 也大约需要 {needed}："
            "请关闭其他程序。",
            alone="关闭其他程序后，这台电脑可以用 {name}：{command}",
            starter="内置的入门模型随时可用：{command}",
        )
    return Words(
        of_the_app=ENGLISH,
        best="{memory} of memory are free on this machine. The models that suit it, the best first:",
        colon=": ",
        takes="{size} to get, {needed} of memory{speed}. Licence: {licence}",
        speed=", about {speed} tokens a second",
        stored="It is stored here already:",
        elsewhere="{program} has it already, so it need not be fetched:",
        nothing="Only {memory} of memory are free, and no model of the list fits. The smallest, {name}, needs about "
        "{needed}: close other programs.",
        alone="With nothing else running this machine could use {name}: {command}",
        starter="The built-in starter always works: {command}",
    )
