"""What the app says, in English and Chinese: one module for each part of the app."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tui.words import composer, conversation, general, history, machine, models, palette, panel, presets, welcome


@dataclass(frozen=True, slots=True)
class Words:
    """Names in braces are filled in with str.format."""

    general: general.Words
    welcome: welcome.Words
    conversation: conversation.Words
    composer: composer.Words
    palette: palette.Words
    presets: presets.Words
    machine: machine.Words
    panel: panel.Words
    history: history.Words
    models: models.Words


ENGLISH, CHINESE = (
    Words(
        **{
            part.__name__.rpartition(".")[2]: getattr(part, language)
            for part in (general, welcome, conversation, composer, palette, presets, machine, panel, history, models)
        }
    )
    for language in ("ENGLISH", "CHINESE")
)


def words_of(environ: Mapping[str, str]) -> Words:
    """In the language of the locale that `environ` names, as POSIX reads it."""
    locale = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := environ.get(name))), "")
    return CHINESE if locale.lower().startswith("zh") else ENGLISH
