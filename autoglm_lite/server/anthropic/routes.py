"""The routes of Anthropic's protocol."""

from __future__ import annotations

from autoglm_lite.server.anthropic.answers import Counted, Message
from autoglm_lite.server.anthropic.errors import FAMILY
from autoglm_lite.server.anthropic.messages import count_tokens, messages
from autoglm_lite.server.anthropic.request import CountRequest, MessagesRequest
from autoglm_lite.server.endpoint import Endpoint
from autoglm_lite.server.streaming import EVENTS

ENDPOINTS = (
    Endpoint(
        "POST",
        "/v1/messages",
        FAMILY,
        "An answer in a conversation",
        messages,
        body=MessagesRequest,
        answer=Message,
        streamed=EVENTS,
    ),
    Endpoint(
        "POST",
        "/v1/messages/count_tokens",
        FAMILY,
        "How many tokens a prompt has",
        count_tokens,
        body=CountRequest,
        answer=Counted,
    ),
)
