"""What the app says, in English and Chinese: one module for each part of the app."""

from __future__ import annotations

from dataclasses import dataclass

from tui.words import composer, conversation, general, history, machine, manners, welcome


@dataclass(frozen=True, slots=True)
class Words:
    """Names in braces are filled in with str.format."""

    general: general.Words
    welcome: welcome.Words
    conversation: conversation.Words
    composer: composer.Words
    machine: machine.Words
    manners: manners.Words
    history: history.Words


ENGLISH, CHINESE = (
    Words(
        **{
            part.__name__.rpartition(".")[2]: getattr(part, language)
            for part in (general, welcome, conversation, composer, machine, manners, history)
        }
    )
    for language in ("ENGLISH", "CHINESE")
)
