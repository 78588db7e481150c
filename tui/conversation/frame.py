"""What holds parts of the conversation and draws nothing itself."""

from __future__ import annotations

from textual.containers import Vertical
from textual.geometry import Region
from textual.strip import Strip
from textual.style import Style


class Frame(Vertical):
    """All of its lines are one and the same: of lines that differ Textual keeps each, at a kilobyte or two."""

    def render_lines(self, crop: Region) -> list[Strip]:
        if any(edge for edge, _ in self.styles.border):
            return super().render_lines(crop)
        below, own = self.background_colors
        return [Strip.blank(crop.width, Style(background=below + own).rich_style)] * crop.height
