"""The form that an answer must have (`response_format`), as a grammar."""

from __future__ import annotations

from typing import Any

import msgspec

from autoglm_lite.errors import UsageError
from autoglm_lite.server.wishes import object_grammar, schema_grammar


class TextFormat(msgspec.Struct, tag_field="type", tag="text"):
    pass


class ObjectFormat(msgspec.Struct, tag_field="type", tag="json_object"):
    schema: dict[str, Any] | None = None
    """llama.cpp's extension."""


class NamedSchema(msgspec.Struct):
    name: str | None = None
    schema: dict[str, Any] | None = None
    """None: any object."""
    strict: bool | None = None
    """Whether a schema that cannot be enforced to the letter is refused, instead of any object being allowed."""


class SchemaFormat(msgspec.Struct, tag_field="type", tag="json_schema"):
    json_schema: NamedSchema


Format = TextFormat | ObjectFormat | SchemaFormat


async def format_grammar(format: Format | None) -> str | None:
    """GBNF; None for text. Raises UsageError for a schema that cannot be enforced."""
    if format is None or isinstance(format, TextFormat):
        return None
    if isinstance(format, ObjectFormat):
        return await (object_grammar() if format.schema is None else schema_grammar(format.schema))
    wanted = format.json_schema
    if wanted.schema is None:
        return await object_grammar()
    try:
        return await schema_grammar(wanted.schema)
    except UsageError:
        if wanted.strict:
            raise
        return await object_grammar()
