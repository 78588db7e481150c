"""The widget of a list, a table or a quote."""

from __future__ import annotations

from rich.segment import Segment
from textual.content import Content
from textual.css.styles import RulesMap
from textual.selection import Selection
from textual.strip import Strip
from textual.style import Style
from textual.visual import RenderOptions, Visual
from textual.widgets import Markdown
from textual.widgets.markdown import MarkdownBlock

from tui.conversation.outline import Sheet
from tui.conversation.sheet import Laid, Line, lay


class Drawing(Visual):
    """A sheet, laid out again only when it gets another width."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._laid = Laid(0)

    def laid(self, width: int) -> Laid:
        if self._laid.width != width:
            self._laid = lay(self._sheet.parts, self._sheet.texts, width)
        return self._laid

    @property
    def latest(self) -> Laid:
        """As it was drawn last."""
        return self._laid

    def get_optimal_width(self, rules: RulesMap, container_width: int) -> int:
        return container_width

    def get_height(self, rules: RulesMap, width: int) -> int:
        return len(self.laid(width).lines)

    def render_strips(self, width: int, height: int | None, style: Style, options: RenderOptions) -> list[Strip]:
        return [_strip(line, style, options) for line in self.laid(width).lines[:height]] if width else []


class SheetBlock(MarkdownBlock):
    """Its content is all of its texts below each other, which is what is found in it."""

    COMPONENT_CLASSES = {"bullet", "rule", "bar", "heading"}  # noqa: RUF012 - as Textual declares it.

    def __init__(self, markdown: Markdown, sheet: Sheet) -> None:
        super().__init__(markdown, sheet.token)
        self._sheet = sheet
        self._drawing = Drawing(sheet)
        self._content = Content("\n").join(sheet.texts)
        self.update(self._drawing)

    def set_content(self, content: Content) -> None:
        """The same text with other marks."""
        self._content = content
        ends, end = [], -1
        for text in self._sheet.texts[:-1]:
            end += len(text) + 1
            ends += [end, end + 1]
        texts = content.divide(ends)[::2]
        self._drawing = Drawing(Sheet(self._sheet.token, self._sheet.parts, texts))
        self.update(self._drawing, layout=False)

    def line_at(self, place: int) -> int:
        """The line that this place of its content is drawn on."""
        return self._drawing.laid(max(1, self.content_size.width)).line_at(place)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        return selection.extract("\n".join(self._drawing.latest.rows)), "\n"


def _strip(line: Line, style: Style, options: RenderOptions) -> Strip:
    content = line.content
    if options.selection is not None and options.selection_style is not None:
        span = options.selection.get_span(line.row)
        if span is not None:
            shift = line.indent - line.begin
            begin, end = (max(line.indent, at + shift) for at in span)
            content = content.stylize(options.selection_style, begin, len(content) if span[1] == -1 else end)
    segments, at = [], 0
    for text, own in content.render(style, end="", parse_style=options.get_style):
        x = line.begin + max(0, at - line.indent)
        segments.append(Segment(text, (style + own).rich_style_with_offset(x, line.row)))
        at += len(text)
    return Strip(segments, content.cell_length)
