"""Messages to people that no answer caused, alerts and digests: in the outbox, under a place of their own."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import msgspec

MESSAGES = "(alerts)"
"""The place under which such messages lie in the outbox, their content in the memory, and their runs in the history."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message that is wanted. `occasion` is told once; `topic` is what occasions of the same kind have in common.
    `content` (JSON) is kept until the message is settled."""

    connection: str
    slot: str  # the connection and whom there
    occasion: str
    topic: str
    content: str


def content_key(slot: str, occasion: str) -> str:
    """Under what the content of a message is remembered."""
    return f"{slot}\n{occasion}"


class Messages(Protocol):
    def want_message(self, message: Message, *, again_from: datetime | None, now: datetime) -> bool:
        """Keep it with its content, in one transaction. False where this occasion is known already, or one of its topic
        was wanted there after `again_from`."""
        ...
