"""A toy AskNicely, written from its vendor file: everything in the path, every number a text, long lists elsewhere."""

from sandbox.asknicely.tool import AskNicely
from sandbox.toy import Room


def toy(room: Room) -> AskNicely:
    return AskNicely(room)
