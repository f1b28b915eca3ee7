"""Toy Segment and RudderStack: what their webhook destinations send when somebody uses a feature."""

from sandbox.segment.pipes import Pipes
from sandbox.toy import Room


def toy(room: Room) -> Pipes:
    return Pipes(room)
