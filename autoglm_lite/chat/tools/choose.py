"""Which family's way of calling tools a model has, told from its chat template."""

from __future__ import annotations

from autoglm_lite.chat.tools.format import ToolFormat
from autoglm_lite.chat.tools.none import NoTools


def tool_format(template: str | None) -> ToolFormat:
    """`template`: the source of the model's chat template."""
    return NoTools()
