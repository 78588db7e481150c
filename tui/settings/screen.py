"""The settings, changed by arrow keys; each change takes effect and is kept at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.settings.manners import Manners
from tui.settings.settings import CHOICES, Settings
from tui.words.manners import Words

if TYPE_CHECKING:
    from tui.app import ChatApp


class Choice(Static, can_focus=True):
    """One setting."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "turn(-1)", show=False),
        Binding("right,l,space,enter", "turn(1)", show=False),
        Binding("down,j", "app.focus_next", show=False),
        Binding("up,k", "app.focus_previous", show=False),
    ]

    class Turned(Message):
        def __init__(self, setting: str, by: int) -> None:
            super().__init__()
            self.setting = setting
            self.by = by

    def __init__(self, setting: str) -> None:
        super().__init__("", markup=False, classes="choice")
        self.setting = setting

    def action_turn(self, by: int) -> None:
        self.post_message(self.Turned(self.setting, by))

    def on_click(self) -> None:
        self.action_turn(1)


class SettingsScreen(ModalScreen[None]):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,f4", "dismiss", show=False)]

    def __init__(self, words: Words) -> None:
        super().__init__(classes="sheet")
        self._words = words
        self._said = Static("", markup=False, classes="said")

    def compose(self) -> ComposeResult:
        words = self._words
        notes = {"language": words.language_note, "theme": words.theme_note, "low_power": words.low_power_note}
        yield Static(words.settings.capitalize(), markup=False, classes="title")
        with VerticalScroll(classes="paper", can_focus=False):
            for name, note in notes.items():
                yield Choice(name)
                yield Static(note, markup=False, classes="remark")
            yield self._said
            path = self._chat.beginning.path
            if path is not None:
                yield Static(words.kept_in.format(path=path), markup=False, classes="remark")
        yield Static(words.settings_hint, markup=False, classes="hint")

    def on_mount(self) -> None:
        self._draw()

    def on_choice_turned(self, event: Choice.Turned) -> None:
        settings, choices = self._chat.beginning.settings, CHOICES[event.setting]
        at = choices.index(getattr(settings, event.setting)) + event.by
        said = self._chat.set(replace(settings, **{event.setting: choices[at % len(choices)]}))
        self._said.update(said)
        self._draw()

    @property
    def _chat(self) -> ChatApp:
        from tui.app import ChatApp

        assert isinstance(self.app, ChatApp)
        return self.app

    def _draw(self) -> None:
        chat, words = self._chat, self._words
        titles = {"language": words.language, "theme": words.theme, "low_power": words.low_power}
        for choice in self.query(Choice):
            value = shown_value(choice.setting, chat.beginning.settings, chat.manners, words)
            choice.update(f"{titles[choice.setting]}  ‹ {value} ›")


def shown_value(name: str, settings: Settings, manners: Manners, words: Words) -> str:
    """What is set, with what that comes to where it is left to the machine."""
    names = dict(words.values)
    value = getattr(settings, name)
    if value != "auto":
        return names[value]
    comes_to = {
        "language": "zh" if manners.chinese else "en",
        "theme": manners.theme,
        "low_power": "on" if manners.low_power else "off",
    }[name]
    return words.by_itself.format(value=names[comes_to])
