"""What npsync created, remembered with its connection: nothing else may ever be taken away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from connectors.provisioning import Kind, Made, Thing, Wanted
from store.api import Store

_CREATED = "provisioned/"  # in a connection's memory


class Created(msgspec.Struct, frozen=True):
    """What is remembered of something that npsync created. `id` is the vendor's for it; until `confirmed` it is only
    known that npsync set out to create it, because it was not there."""

    at: datetime
    says: str
    id: str = ""
    confirmed: bool = True
    text: str = ""


def remember(store: Store, connection: str, wanted: Wanted, created: Created) -> None:
    store.memorize(connection, {_key(wanted.thing): msgspec.json.encode(created).decode()})


def forget(store: Store, connection: str, things: Iterable[Thing]) -> None:
    store.forget(connection, [_key(thing) for thing in things])


def known(store: Store, connection: str) -> dict[Thing, Created]:
    """All that npsync created there, or set out to create."""
    kept = store.recall_below(connection, _CREATED)
    return {
        thing: msgspec.json.decode(text, type=Created)
        for key, text in kept.items()
        if (thing := _thing(key)) is not None
    }


def confirmed(found: Mapping[Thing, Created]) -> dict[Thing, Created]:
    return {thing: created for thing, created in found.items() if created.confirmed}


def as_made(found: Mapping[Thing, Created]) -> list[Made]:
    return [Made(thing, created.id, created.text) for thing, created in found.items()]


def _key(thing: Thing) -> str:
    if thing.kind is Kind.FIELD:
        return f"{_CREATED}{thing.object}/{thing.name}"
    return f"{_CREATED}{thing.kind}:{thing.object}/{thing.name}"


def _thing(key: str) -> Thing | None:
    object, slash, name = key.removeprefix(_CREATED).partition("/")
    kind, colon, rest = object.partition(":")
    if not slash:
        return None
    return Thing(Kind(kind), rest, name) if colon else Thing(Kind.FIELD, object, name)
