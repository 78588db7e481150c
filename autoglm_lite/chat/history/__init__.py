"""Conversations on disk."""

from autoglm_lite.chat.history.history import History
from autoglm_lite.chat.history.records import Conversation, Hit, Message, Role, State, Titled
from autoglm_lite.chat.history.schema import SCHEMA_VERSION

__all__ = ["SCHEMA_VERSION", "Conversation", "History", "Hit", "Message", "Role", "State", "Titled"]
