"""Grammars that an answer must follow: checked before llama.cpp sees them, and made from JSON schemas."""

from autoglm_lite.grammar.check import check

__all__ = ["check"]
