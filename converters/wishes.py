"""What the user wants of a conversion."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoglm_lite.errors import ConversionError
from converters.types import FileType, TensorType, tensor_type

if TYPE_CHECKING:
    from autoglm_lite.gguf.importance import Importance


@dataclass(frozen=True, slots=True)
class Wishes:
    """The options that decide which bytes are written."""

    file_type: FileType
    importance: Importance | None = None
    tensor_types: tuple[tuple[re.Pattern[str], TensorType], ...] = ()
    """Types for tensors whose GGUF name a pattern finds; the first that does counts."""
    output_type: TensorType | None = None
    embedding_type: TensorType | None = None
    pure: bool = False
    """Every tensor gets the file type's main type."""
    requantise: bool = False
    """Tensors that are quantised already may be quantised again."""
    drop_layers: tuple[int, ...] = ()
    mmproj: bool = False
    """Convert the vision part of the model instead of its language part."""


def tensor_types(texts: Sequence[str]) -> tuple[tuple[re.Pattern[str], TensorType], ...]:
    """`REGEX=TYPE` as the command line has it, the expression in lower case as in llama-quantize.

    Raises ConversionError for anything else.
    """
    found = []
    for text in texts:
        pattern, equals, name = text.rpartition("=")
        if not equals or not pattern:
            raise ConversionError(f"--tensor-type {text} is not of the form REGEX=TYPE, such as ffn_down=Q6_K.")
        try:
            found.append((re.compile(pattern.lower()), tensor_type(name)))
        except re.error as error:
            raise ConversionError(f"--tensor-type {text} has no valid regular expression ({error}).") from error
    return tuple(found)
