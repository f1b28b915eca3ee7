"""A toy Promoter.io, written from the vendor's documentation: campaign surveys and the feedback they bring."""

from sandbox.promoter.account import Promoter
from sandbox.toy import Room


def toy(room: Room) -> Promoter:
    return Promoter(room)
