"""A survey tool that never was: one listing of answers, in every style of paging and with every wall there is."""

from sandbox.paged.tool import Paged
from sandbox.toy import Room


def toy(room: Room) -> Paged:
    return Paged(room)
