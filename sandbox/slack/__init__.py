"""A toy Slack, written from its vendor file: incoming webhooks, chat.postMessage, and a page with the messages."""

from sandbox.slack.workspace import Workspace
from sandbox.toy import Room


def toy(room: Room) -> Workspace:
    return Workspace(room)
