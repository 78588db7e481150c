"""Grammars that an answer must follow: checked before llama.cpp sees them, and made from JSON schemas."""

from autoglm_lite.grammar.check import check
from autoglm_lite.grammar.schema import from_schema, json_object

__all__ = ["check", "from_schema", "json_object"]
