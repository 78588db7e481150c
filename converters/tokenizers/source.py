"""What a byte-level BPE vocabulary is made of, whichever files it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from converters.tokenizers.added import Added


@dataclass(frozen=True, slots=True)
class Source:
    """A byte-level BPE vocabulary as its files give it."""

    path: Path
    """The file to name in errors."""
    vocabulary: Mapping[str, int]
    """The number of each token; bytes are written as letters."""
    merges: Sequence[str]
    pre: str
    """llama.cpp's name of the pre-tokenizer."""
    added: Mapping[str, Added]
    """Tokens outside the merges, by text; all of them are in `vocabulary` too."""
    decodes_bytes: bool
    """Whether the tokenizer's decoder reads letters as bytes in added tokens too."""
