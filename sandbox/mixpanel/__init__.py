"""A toy Mixpanel, written from the vendor's documentation: the raw event export, and cohorts that sync to a webhook."""

from sandbox.mixpanel.project import Project
from sandbox.toy import Room


def toy(room: Room) -> Project:
    return Project(room)
