"""How much one request may ask for: types of fields that several protocols have."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

MOST_CHOICES = 4
MOST_TOP_LOGPROBS = 20
MOST_BIASES = 1024
MOST_STOPS = 16
MOST_TOOLS = 128
MOST_MESSAGES = 2000
MOST_PARTS = 1000
"""Of one message."""
MOST_TEXTS = 2048
"""To be embedded or ranked at once."""
GRAMMAR_CHARACTERS = 64 * 1024
IMAGE_BYTES = 16 * 1024 * 1024

NChoices = Annotated[int, Meta(ge=1, le=MOST_CHOICES)]
MaxTokens = Annotated[int, Meta(ge=1, le=10_000_000)]
"""More than the context has room for ends with it."""
Temperature = Annotated[float, Meta(ge=0, le=100)]
Share = Annotated[float, Meta(ge=0, le=1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
TopK = Annotated[int, Meta(ge=0, le=2**31 - 1)]
TopLogprobs = Annotated[int, Meta(ge=0, le=MOST_TOP_LOGPROBS)]
Seed = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""Of which the last 32 bits count."""
Stop = Annotated[str, Meta(min_length=1, max_length=1000)]
Stops = Annotated[list[Stop], Meta(max_length=MOST_STOPS)]
Name = Annotated[str, Meta(max_length=256)]
"""Of a model."""
ToolName = Annotated[str, Meta(min_length=1, max_length=64, pattern="^[a-zA-Z0-9_.-]+$")]
