"""A toy Zendesk, written from its vendor file: satisfaction ratings, which are no NPS, and who gave them."""

from sandbox.toy import Room
from sandbox.zendesk.tool import Zendesk


def toy(room: Room) -> Zendesk:
    return Zendesk(room)
