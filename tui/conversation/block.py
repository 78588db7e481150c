"""The widget of all in an answer that is read as text: paragraphs, headings, lists, tables, quotes."""

from __future__ import annotations

from rich.segment import Segment
from textual.content import Content
from textual.css.styles import RulesMap
from textual.selection import Selection
from textual.strip import Strip
from textual.style import Style
from textual.visual import RenderOptions, Visual
from textual.widget import Widget
from textual.widgets import Static

from tui.conversation.outline import Sheet
from tui.conversation.sheet import Laid, Line, lay


class Block(Static):
    """Shows text in which something can be found."""

    @property
    def shown(self) -> Content:
        """All of its text, whatever of it is on the screen."""
        raise NotImplementedError

    @property
    def has_links(self) -> bool:
        """Whether something in it can be clicked."""
        return any(isinstance(span.style, Style) and "@click" in span.style.meta for span in self.shown.spans)

    def mark(self, content: Content) -> None:
        """The same text with other marks."""
        raise NotImplementedError

    def line_at(self, place: int) -> int:
        """The line that this place of its text is drawn on."""
        raise NotImplementedError

    @property
    def select_container(self) -> Widget:
        # With three clicks one selects an answer, not the conversation.
        return self.parent if isinstance(self.parent, Widget) else self


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


class SheetBlock(Block):
    """Its text is all of its sheet's texts below each other."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._drawing = Drawing(sheet)
        self._marked = Content("\n").join(sheet.texts)
        super().__init__(self._drawing, markup=False)

    @property
    def shown(self) -> Content:
        return self._marked

    def mark(self, content: Content) -> None:
        self._marked = content
        ends, end = [], -1
        for text in self._sheet.texts[:-1]:
            end += len(text) + 1
            ends += [end, end + 1]
        texts = content.divide(ends)[::2] if ends else [content]
        self._drawing = Drawing(Sheet(self._sheet.parts, texts))
        self.update(self._drawing, layout=False)

    def line_at(self, place: int) -> int:
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
