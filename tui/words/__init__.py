"""What the app says, in English and Chinese: one module for each part of the app."""

from __future__ import annotations

from dataclasses import dataclass

from tui.words import (
    composer,
    conversation,
    general,
    history,
    machine,
    manners,
    models,
    palette,
    panel,
    presets,
    welcome,
)


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
    manners: manners.Words
    panel: panel.Words
    history: history.Words
    models: models.Words


ENGLISH, CHINESE = (
    Words(
        **{
            part.__name__.rpartition(".")[2]: getattr(part, language)
            for part in (
                general,
                welcome,
                conversation,
                composer,
                palette,
                presets,
                machine,
                manners,
                panel,
                history,
                models,
            )
        }
    )
    for language in ("ENGLISH", "CHINESE")
)
