"""A toy Wootric (InMoment): survey answers behind a thirty-page wall, and the people who gave them."""

from __future__ import annotations

from sandbox.toy import Room
from sandbox.wootric.office import Office


def toy(room: Room) -> Office:
    return Office(room)
