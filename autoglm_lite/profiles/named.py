"""Models of the list by the names that people type: glm-edge-1.5b, qwen2.5-1.5b-instruct:Q8_0."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches

from autoglm_lite.errors import UsageError
from autoglm_lite.gguf.ggml_types import FILE_TYPES
from autoglm_lite.profiles.models import KnownModel, read_models
from autoglm_lite.store.reference import HubReference, read_reference

MANNERS = ("-instruct", "-chat", "-it")
"""What may be left out behind a name."""


def known_reference(name: str) -> HubReference:
    """Where the model of this name can be had as a GGUF: the repository, with the type if one was given; the very file
    where the list knows it for that type.

    Raises UsageError, with the nearest names, for one that is not in the list, and with what to do instead for a model
    of which no GGUF is known.
    """
    model, kind = known_model(name, read_models())
    if not model.files:
        raise UsageError(
            f"Of {model.name} no ready GGUF is known: make one with autoglm-lite convert {model.reference}."
        )
    found = read_reference(model.files.get(kind or "", next(iter(model.files.values()))))
    assert isinstance(found, HubReference)
    return found if kind in model.files else replace(found, file=None, type=kind)


def known_model(name: str, models: Iterable[KnownModel]) -> tuple[KnownModel, str | None]:
    """The model of this name, and the type that stands behind it. Raises UsageError."""
    text, colon, kind = name.strip().partition(":")
    kinds = {known.upper(): known for known in FILE_TYPES.values()}
    by_id = {_plain(model.id): model for model in models}
    found = by_id.get(_plain(text))
    if found is None:
        # Ollama has sizes behind the colon.
        near = _nearest(text if kind.upper() in kinds else f"{text}-{kind}", by_id)
        raise UsageError(f"There is no model called {name.strip()[:60]!r} in the list{near}.")
    if colon and kind.upper() not in kinds:
        raise UsageError(f"{kind[:40]!r} is no type of a GGUF: write one such as :Q4_K_M or :Q8_0 behind the name.")
    return found, kinds.get(kind.upper())


def _plain(text: str) -> str:
    text = text.lower().replace("_", "-")
    return next((text.removesuffix(manner) for manner in MANNERS if text.endswith(manner)), text)


def _nearest(text: str, by_id: dict[str, KnownModel]) -> str:
    near = [by_id[one].id for one in get_close_matches(_plain(text), by_id, n=3, cutoff=0.5)]
    if near:
        return f": perhaps {' or '.join(near)} is meant"
    return f", which has such as {', '.join(model.id for model in list(by_id.values())[:4])}"
