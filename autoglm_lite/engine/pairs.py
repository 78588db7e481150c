"""How a query and a document become the one text that a reranking model was trained on."""

from __future__ import annotations

import re

from autoglm_lite.errors import LoadError
from autoglm_lite.native.model import Model
from autoglm_lite.native.vocabulary import Edges, edges, named_template

_PLACES = re.compile(r"\{(query|document)\}")


class PairWriter:
    """As llama.cpp's server does it (format_prompt_rerank): the model's own template of that name, or the two texts
    between the tokens that the vocabulary puts around texts."""

    def __init__(self, model: Model) -> None:
        """Raises LoadError for a model with neither a template nor a token that could part the two."""
        self._model = model
        self._template = named_template(model, "rerank")
        self._edges: Edges = edges(model)
        if self._template is None and not (self._edges.after or self._edges.between):
            raise LoadError("This model has no template for a query and a document: take another reranking model.")
        self._query: tuple[str, list[int]] = ("", [])

    def pair(self, query: str, document: str) -> list[int]:
        """Token ids."""
        if self._template is not None:
            texts = {"query": query, "document": document}
            prompt = _PLACES.sub(lambda place: texts[place[1]], self._template)
            return self._model.tokenize(prompt, add_special=False, parse_special=True)
        if self._query[0] != query or not self._query[1]:
            self._query = query, self._tokens(query)
        around = self._edges
        return [*around.before, *self._query[1], *around.after, *around.between, *self._tokens(document), *around.after]

    def _tokens(self, text: str) -> list[int]:
        return self._model.tokenize(text, add_special=False, parse_special=False)
