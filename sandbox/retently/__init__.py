"""A toy Retently, written from its vendor file: feedback of NPS and CSAT campaigns, page by page."""

from sandbox.retently.tool import Retently
from sandbox.toy import Room


def toy(room: Room) -> Retently:
    return Retently(room)
