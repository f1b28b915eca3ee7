"""A toy Qualtrics, written from its vendor file: a survey's answers leave as a job, and come as a zipped file."""

from sandbox.qualtrics.tool import Qualtrics
from sandbox.toy import Room


def toy(room: Room) -> Qualtrics:
    return Qualtrics(room)
