"""Choosing a preset, making one of what is so now, editing one as text, deleting one."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static, TextArea
from textual.widgets.option_list import Option

from tui.palette.offers import fitted
from tui.presets.preset import Behaviour, PresetError, Shelf, written
from tui.text import printable
from tui.words.presets import Words

NONE = "none"
PREFIX = "preset-"
LONGEST_SUMMARY = 46


class PresetScreen(ModalScreen["tuple[str | None] | None"]):
    """Ends with a tuple of the name to use, which is None for no preset; or with None, if nothing was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", show=False, priority=True),
        Binding("ctrl+s", "save", show=False, priority=True),
        Binding("n", "new", show=False),
        Binding("e", "edit", show=False),
        Binding("d,delete", "delete", show=False),
        Binding("j", "step('down')", show=False),
        Binding("k", "step('up')", show=False),
    ]

    def __init__(self, shelf: Shelf, in_use: str | None, now: Behaviour, words: Words) -> None:
        super().__init__()
        self._shelf = shelf
        self._used = in_use
        self._now = now
        self._said = words
        self._edited = ""
        """The preset that is being edited."""
        self._doomed = ""
        """The preset that a second press deletes."""

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(self._said.title, classes="title", markup=False)
            yield OptionList()
            yield Input(placeholder=self._said.name_it, max_length=60)
            yield TextArea(tab_behavior="focus")
            yield Static("", classes="remark", markup=False)
            yield Static("", classes="hint", markup=False)

    def on_mount(self) -> None:
        self._show_list()

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        self.dismiss((_name(event.option_id),))

    @on(OptionList.OptionHighlighted)
    def _move(self) -> None:
        self._doomed = ""

    @on(Input.Submitted)
    def _make(self, event: Input.Submitted) -> None:
        name = event.value.strip()
        try:
            if name in self._shelf.names:
                raise PresetError(self._said.name_taken.format(name=name))
            self._shelf.save(name, written(self._now))
        except PresetError as error:
            self._remark(str(error))
        else:
            self._show_text(name)

    def action_new(self) -> None:
        self._remark("")
        self.query_one(OptionList).display = False
        named = self.query_one(Input)
        named.value = ""
        named.display = True
        named.focus()
        self._hint(self._said.name_hint)

    def action_edit(self) -> None:
        if name := self._marked:
            self._show_text(name)

    def action_delete(self) -> None:
        name = self._marked
        if not name:
            return
        if self._doomed != name:
            self._doomed = name
            self._remark(self._said.delete_again.format(name=name))
            return
        try:
            self._shelf.delete(name)
        except PresetError as error:
            self._remark(str(error))
        else:
            self._show_list()

    def action_save(self) -> None:
        if not self._edited:
            self.action_back()
            return
        try:
            self._shelf.save(self._edited, self.query_one(TextArea).text)
        except PresetError as error:
            self._remark(str(error))
        else:
            self._show_list(self._edited)

    def action_back(self) -> None:
        if self.query_one(OptionList).display:
            self.dismiss(None)
        else:
            self._show_list(self._edited)

    def action_step(self, way: str) -> None:
        options = self.query_one(OptionList)
        if way == "down":
            options.action_cursor_down()
        else:
            options.action_cursor_up()

    @property
    def _marked(self) -> str | None:
        options = self.query_one(OptionList)
        option = options.highlighted_option if options.display else None
        return None if option is None else _name(option.id)

    def _show_list(self, marked: str | None = None) -> None:
        self._edited = self._doomed = ""
        options = self.query_one(OptionList)
        names: list[str | None] = [None, *self._shelf.names]
        options.set_options(Option(self._line(name), id=_id(name)) for name in names)
        wanted = marked or self._used
        options.highlighted = names.index(wanted) if wanted in names else 0
        options.display = True
        self.query_one(Input).display = self.query_one(TextArea).display = False
        options.focus()
        self._remark("")
        self._hint(self._said.list_hint)

    def _show_text(self, name: str) -> None:
        try:
            text = self._shelf.text(name)
        except PresetError as error:
            self._remark(str(error))
            return
        self._edited = name
        self._remark("")
        self.query_one(OptionList).display = self.query_one(Input).display = False
        area = self.query_one(TextArea)
        area.load_text(text)
        area.display = True
        area.focus()
        self._hint(self._said.text_hint.format(name=name))

    def _line(self, name: str | None) -> Content:
        sign = "● " if name == self._used else "  "
        if name is None:
            return Content(f"{sign}{self._said.no_preset}")
        try:
            preset = self._shelf.get(name)
            summary = printable(preset.system or "").split("\n")[0]
        except PresetError:
            summary = self._said.has_a_mistake
        return Content.assemble(sign, (printable(name), "bold"), "  ", (fitted(summary, LONGEST_SUMMARY), "dim"))

    def _remark(self, text: str) -> None:
        remark = self.query_one(".remark", Static)
        remark.update(text)
        remark.display = bool(text)

    def _hint(self, text: str) -> None:
        self.query_one(".hint", Static).update(text)


def _id(name: str | None) -> str:
    return NONE if name is None else PREFIX + name


def _name(option_id: str | None) -> str | None:
    return None if option_id is None or option_id == NONE else option_id.removeprefix(PREFIX)
