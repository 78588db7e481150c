"""JSON schema to GBNF: what the grammar lets through always fits the schema, or the schema is refused."""

from __future__ import annotations

from autoglm_lite.errors import UsageError
from autoglm_lite.grammar.check import checked
from autoglm_lite.grammar.document import check_document
from autoglm_lite.grammar.recursion import finite_rules
from autoglm_lite.grammar.rules import Rules
from autoglm_lite.grammar.writer import SchemaWriter


def from_schema(schema: object) -> str:
    """GBNF for JSON that fits a decoded JSON schema, which llama.cpp can follow.

    Raises UsageError, with the place in the schema, for what cannot be enforced.
    """
    check_document(schema)
    writer = SchemaWriter(schema)
    return finished(writer.rules, writer.reference("#", "$"))


def json_object() -> str:
    """GBNF for any JSON object."""
    writer = SchemaWriter(True)
    return finished(writer.rules, writer.any_of_type("object"))


def finished(rules: Rules, root: str) -> str:
    """The grammar of these rules, for answers that are a `root`. Raises UsageError where it cannot be followed."""
    gbnf = rules.text(root)
    try:
        grammar = checked(gbnf)
    except UsageError as error:
        raise UsageError(
            "The JSON schema is too large or leaves too much open at once: make it smaller, and give what is listed "
            "in anyOf properties that tell its parts apart from the beginning."
        ) from error
    if not finite_rules(grammar.rules)[grammar.root]:
        raise UsageError("The JSON schema cannot be followed: a value that fits it would contain itself without end.")
    return gbnf
