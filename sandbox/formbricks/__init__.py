"""A toy Formbricks, written from its vendor file: responses by the time they were updated, and standard webhooks."""

from sandbox.formbricks.tool import Formbricks
from sandbox.toy import Room


def toy(room: Room) -> Formbricks:
    return Formbricks(room)
