"""A toy HubSpot: contacts, companies, their properties and associations, its limits and moods."""

from __future__ import annotations

from sandbox.hubspot.portal import Portal
from sandbox.toy import Room


def toy(room: Room) -> Portal:
    return Portal(room)
