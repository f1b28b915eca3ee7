"""Profiles of people and of groups, and the operations that change them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sandbox.toy import NoSuchRecord, Room, Row
from sandbox.world import Ugly

GROUP_KEY = "company"
Changes = dict[str, tuple[Any, Any]]


@dataclass
class Profile:
    id: str  # $distinct_id, or $group_id
    properties: Row = field(default_factory=dict)

    def row(self) -> Row:
        return {"id": self.id, "properties": dict(self.properties)}


class People:
    """Loaded when somebody first looks. Whoever does not use the product has no profile."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def how_many(self, object: str) -> int:
        loaded = "profiles" if object == "profiles" else "groups"
        return len(self.shelf(object)) if loaded in vars(self) else 0

    @cached_property
    def profiles(self) -> dict[str, Profile]:
        rows: dict[str, Profile] = {}
        for person in self._room.world.customers():
            if not person.uses_the_product:
                continue
            told = {
                "$email": person.email,
                "$name": person.name,
                "$phone": person.phone,
                "$city": _CITIES[person.number % len(_CITIES)],
                "$country_code": "DE",
                "Company": company_id(person.company.number) if person.company else None,
            }
            known = {name: value for name, value in told.items() if value is not None}
            ids = [person.external_id]
            if person.ugly is Ugly.TWINS:
                ids.append(f"T-{person.number:06d}")
            rows |= {id: Profile(id, dict(known)) for id in ids}
        return rows

    @cached_property
    def groups(self) -> dict[str, Profile]:
        rows: dict[str, Profile] = {}
        for person in self._room.world.customers():
            if (company := person.company) is not None:
                id = company_id(company.number)
                rows.setdefault(id, Profile(id, {"$name": company.name, "Domain": company.domain}))
        return rows

    def shelf(self, object: str) -> dict[str, Profile]:
        return self.profiles if object == "profiles" else self.groups

    def profile(self, object: str, id: str) -> Profile:
        if id not in self.shelf(object):
            raise NoSuchRecord(f"no {object} {id}")
        return self.shelf(object)[id]

    def apply(self, object: str, id: str, operations: Mapping[str, Any], location: Row) -> Changes:
        """What each property was and is. `$set` and its like make a profile that is missing."""
        shelf = self.shelf(object)
        if "$delete" in operations:
            gone = shelf.pop(id, None)
            return {name: (value, None) for name, value in gone.properties.items()} if gone else {}
        if id not in shelf and operations.keys() <= _NEEDS_A_PROFILE:
            return {}
        held = shelf.setdefault(id, Profile(id)).properties
        before = dict(held)
        for name, given in operations.items():
            _OPERATIONS[name](held, given)
        touched = {
            name
            for given in operations.values()
            for name in (given if isinstance(given, list) else given.keys())
        }
        held |= location
        return {name: (before.get(name), held.get(name)) for name in sorted(touched)}


def company_id(number: int) -> str:
    return f"A-{number:06d}"


def problem(operations: Mapping[str, Any]) -> str | None:
    """Why an update cannot be taken; None: it can."""
    if not operations:
        return "there is no operation"
    for name, given in operations.items():
        if name not in OPERATIONS:
            return f"{name} is not an operation"
        wanted = _TAKES.get(name, "dict")
        if type(given).__name__ != wanted:
            return f"{name} takes a {wanted}"
        if name == "$unset" and not all(isinstance(one, str) for one in given):
            return "$unset takes names"
        if name == "$add" and not all(_is_number(one) for one in given.values()):
            return "$add takes numbers"
        if name == "$union" and not all(isinstance(one, list) for one in given.values()):
            return "$union takes lists"
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _set_once(held: Row, given: Row) -> None:
    held |= {name: value for name, value in given.items() if name not in held}


def _add(held: Row, given: Row) -> None:
    for name, value in given.items():
        now = held.get(name, 0)
        held[name] = now + value if _is_number(now) else value


def _append(held: Row, given: Row) -> None:
    for name, value in given.items():
        held[name] = [*_list(held, name), value]


def _union(held: Row, given: Row) -> None:
    for name, values in given.items():
        now = _list(held, name)
        held[name] = [*now, *(value for value in values if value not in now)]


def _remove(held: Row, given: Row) -> None:
    for name, value in given.items():
        held[name] = [one for one in _list(held, name) if one != value]


def _unset(held: Row, given: list[str]) -> None:
    for name in given:
        held.pop(name, None)


def _list(held: Row, name: str) -> list[Any]:
    now = held.get(name, [])
    return now if isinstance(now, list) else []


_OPERATIONS: dict[str, Callable[[Row, Any], None]] = {
    "$set": dict.update,
    "$set_once": _set_once,
    "$add": _add,
    "$append": _append,
    "$union": _union,
    "$remove": _remove,
    "$unset": _unset,
}
OPERATIONS = frozenset(_OPERATIONS) | {"$delete"}
_NEEDS_A_PROFILE = frozenset({"$unset", "$remove", "$delete"})
_TAKES = {"$delete": "str", "$unset": "list"}
_CITIES = ("Berlin", "Hamburg", "Köln", "München")
