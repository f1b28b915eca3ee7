"""Whether the parts of a master's settings fit together: each misfit at its own place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from connectors.addresses import checked_base_url, token_address
from connectors.auth import TokenAuth
from connectors.declared.placeholders import names_in
from nps.faults import Fault

if TYPE_CHECKING:
    from connectors.rest_master.settings import RestMasterSettings


def misfits(settings: RestMasterSettings) -> Iterator[Fault]:
    yield from _addresses(settings)
    yield from _paths(settings)
    yield from _what_rests_on_what(settings)
    yield from _placeholders(settings)


def _addresses(settings: RestMasterSettings) -> Iterator[Fault]:
    try:
        checked_base_url(settings.base_url, allow_http=settings.allow_http)
    except ValueError as problem:
        yield Fault(("base_url",), str(problem))
        return
    if isinstance(settings.auth, TokenAuth):
        try:
            token_address(settings.auth.token_url, settings.base_url, allow_http=settings.allow_http)
        except ValueError as problem:
            # What a preset makes of the connection's own keys has its path there.
            yield Fault(("auth", "token_url") if settings.signs_in_at else ("token_path",), str(problem))


def _paths(settings: RestMasterSettings) -> Iterator[Fault]:
    parts: dict[str, Any] = {
        "find": settings.find,
        "update": settings.update,
        "list": settings.list,
        "schema_at": settings.schema_at,
    }
    for name, part in parts.items():
        if part is not None and not part.path:
            yield Fault((name,), "`path` is missing")
    if settings.read.by == "id" and "{id}" not in settings.read.path:
        yield Fault(("read",), "by: id needs a `path` with {id}, the record's")
    if settings.update.path and "{id}" not in settings.update.path:
        yield Fault(("update", "path"), "has to hold {id}, the record's")


def _what_rests_on_what(settings: RestMasterSettings) -> Iterator[Fault]:
    if not settings.objects:
        yield Fault(("objects",), "name at least one kind of record")
    for name, one in settings.objects.items():
        if settings.schema_at is None and not one.fields:
            yield Fault(("objects", name), "`fields` is missing, and no `schema_at` tells which there are")
    find, read, update = settings.find, settings.read, settings.update
    if read.by == "search" and not read.field:
        yield Fault(("read",), "by: search needs `field`, what the search calls the id")
    if settings.list is None:
        if read.by == "list":
            yield Fault(("read", "by"), "there is no `list` to read from")
        if find.refuse or find.words:
            yield Fault(("find",), "`refuse` and `words` need a `list`, where such values are looked for")
    if update.version == "body" and settings.record.version is None:
        yield Fault(("update", "version"), "`record.version` is missing: where a record shows its version")
    if update.version == "if_match" and settings.record.version is None and read.by != "id":
        yield Fault(
            ("update", "version"), "`record.version` is missing, and only a read by id tells it in a header"
        )


def _placeholders(settings: RestMasterSettings) -> Iterator[Fault]:
    known = {"object", *settings.scope, *(one.gives for one in settings.names)}
    for one in settings.objects.values():
        known |= one.scope.keys()
    for name in dict.fromkeys(one.scope for one in settings.names):
        if name not in known:
            yield Fault(("scope",), f"`{name}` is missing: its name at the vendor")
            known.add(name)
    parts: tuple[tuple[str, Any, set[str]], ...] = (
        ("names", [one.model_dump() for one in settings.names], known),
        ("schema_at", settings.schema_at.model_dump() if settings.schema_at else {}, known),
        ("list", settings.list.model_dump() if settings.list else {}, known),
        ("find", settings.find.model_dump(), known | {"terms", "field", "value"}),
        ("read", settings.read.model_dump(), known | {"id"}),
        ("update", settings.update.model_dump(), known | {"id"}),
    )
    for where, part, names in parts:
        for unknown in sorted(set(names_in(part)) - names):
            listed = ", ".join(f"{{{name}}}" for name in sorted(names))
            yield Fault((where,), f"{{{unknown}}} is given by nothing; there is {listed}")
    find = settings.find
    asked = set(names_in([find.path, find.query, list(find.query), find.body or {}, list(find.body or {})]))
    if find.path and (find.join is not None and "terms" not in asked):
        yield Fault(("find",), "`join` is given, and nothing names {terms}, what it joins")
    elif find.path and asked.isdisjoint({"terms", "value"}):
        yield Fault(("find",), "neither {value} nor {terms} is named: every search would be the same")
