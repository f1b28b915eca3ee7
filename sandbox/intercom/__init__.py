"""A toy Intercom, written from the vendor's documentation: contacts, conversations, webhooks."""

from sandbox.intercom.workspace import Workspace
from sandbox.toy import Room


def toy(room: Room) -> Workspace:
    return Workspace(room)
