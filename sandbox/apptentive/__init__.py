"""A toy Apptentive, written from its vendor file: answers that were given inside an app, read over the Data API."""

from sandbox.apptentive.tool import Apptentive
from sandbox.toy import Room


def toy(room: Room) -> Apptentive:
    return Apptentive(room)
