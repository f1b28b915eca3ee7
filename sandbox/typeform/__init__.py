"""A toy Typeform, written from its vendor file: forms, their responses newest first, and signed webhooks."""

from sandbox.toy import Room
from sandbox.typeform.tool import Typeform


def toy(room: Room) -> Typeform:
    return Typeform(room)
