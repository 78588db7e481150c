"""The one model that a child holds, for whatever it is made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from autoglm_lite.embedding import Use, wrong_use
from autoglm_lite.engine.embedder import Embedder
from autoglm_lite.engine.engine import Engine
from autoglm_lite.engine.prefixes import MOST_SECONDS
from autoglm_lite.errors import LoadError
from autoglm_lite.generation import LoadedModel
from autoglm_lite.planning.plan import Plan

NOTHING = "No model is loaded."
LOADED = "The loaded model"


class Tenant:
    """Belongs to the child's main thread, but for `use_threads`."""

    def __init__(self) -> None:
        self._model: Engine | Embedder | None = None

    @property
    def model(self) -> Engine | Embedder:
        """Raises LoadError where there is none."""
        if self._model is None:
            raise LoadError(NOTHING)
        return self._model

    @property
    def engine(self) -> Engine:
        """Raises LoadError where there is no model that writes."""
        model = self.model
        if isinstance(model, Embedder):
            raise LoadError(wrong_use(LOADED, model.use, "chat"))
        return model

    def embedder(self, use: Use) -> Embedder:
        """Raises LoadError where there is no model that makes vectors or ranks, for which of the two `use` is asked."""
        model = self.model
        if isinstance(model, Engine):
            raise LoadError(wrong_use(LOADED, "chat", use))
        return model

    @property
    def writing(self) -> Engine | None:
        """The engine while it has steps to make."""
        return self._model if isinstance(self._model, Engine) and self._model.busy else None

    def load(self, plan: Plan, states: Path | None, on_progress: Callable[[float], None]) -> LoadedModel:
        """In place of any other, whose weights stay where they will do; raises LoadError, and then holds none."""
        self.keep()
        before, self._model = self._model, None
        try:
            if plan.use == "chat" and isinstance(before, Engine) and before.change(plan):
                self._model, before = before, None
                return self._model.loaded
        finally:
            # Its memory is wanted for the next one, also where it could not be changed.
            if before is not None:
                before.close()
        self._model = Engine(plan, on_progress, states) if plan.use == "chat" else Embedder(plan, on_progress)
        return self._model.loaded

    def unload(self) -> None:
        if self._model is not None:
            self._model.close()
            self._model = None

    def use_threads(self, most: int) -> bool:
        """Whether there is a model that was told so; may be called from another thread."""
        model = self._model
        if model is not None:
            model.use_threads(most)
        return model is not None

    def keep(self, most_seconds: float = MOST_SECONDS, go_on: Callable[[], bool] = lambda: True) -> None:
        """See Engine.keep_prefixes."""
        if isinstance(self._model, Engine):
            self._model.keep_prefixes(most_seconds, go_on)
