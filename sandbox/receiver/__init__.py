"""Somebody's own system that takes webhooks: it keeps whatever is posted to it, and fails when it is told to."""

from sandbox.receiver.inbox import Inbox
from sandbox.toy import Room


def toy(room: Room) -> Inbox:
    return Inbox(room)
