"""What a message of OpenAI's protocol holds: a text, or parts."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from autoglm_lite.server.content import refuse_image
from autoglm_lite.server.limits import MOST_PARTS


class TextPart(msgspec.Struct, tag_field="type", tag="text"):
    text: str


class RefusalPart(msgspec.Struct, tag_field="type", tag="refusal"):
    refusal: str


class ImageAddress(msgspec.Struct):
    url: str


class ImagePart(msgspec.Struct, tag_field="type", tag="image_url"):
    image_url: str | ImageAddress


Part = TextPart | RefusalPart | ImagePart
Content = str | Annotated[list[Part], Meta(max_length=MOST_PARTS)]


def text_of(content: Content | None) -> str:
    """All of it, line by line where there are parts. Raises UsageError for a picture."""
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(map(_text, content))


def _text(part: Part) -> str:
    if isinstance(part, ImagePart):
        refuse_image(part.image_url if isinstance(part.image_url, str) else part.image_url.url)
        return ""
    return part.text if isinstance(part, TextPart) else part.refusal
