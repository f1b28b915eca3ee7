"""A toy Pretectum, written from the vendor's documentation: areas, schemas, datasets, data objects, search."""

from sandbox.pretectum.tenant import Tenant
from sandbox.toy import Room


def toy(room: Room) -> Tenant:
    return Tenant(room)
