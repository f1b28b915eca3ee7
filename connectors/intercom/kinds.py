"""The kinds of event an Intercom connection tells."""

from __future__ import annotations

from connectors.contract import EventKind

CONVERSATION_CLOSED, CONVERSATION_REOPENED = "conversation_closed", "conversation_reopened"

KINDS = (
    EventKind(
        CONVERSATION_CLOSED,
        "a conversation was closed",
        why="your conversation with us was closed",
        object="conversations",
        opposite=CONVERSATION_REOPENED,
        by=("poll", "hook"),
    ),
    EventKind(
        CONVERSATION_REOPENED,
        "a conversation that npsync saw closed is open again",
        object="conversations",
        by=("poll", "hook"),
        past=False,
    ),
)
