"""A toy SatisMeter, written from its vendor file: responses behind a cursor, thirty days of them unless told."""

from sandbox.satismeter.tool import SatisMeter
from sandbox.toy import Room


def toy(room: Room) -> SatisMeter:
    return SatisMeter(room)
