"""Finding records: what to ask HubSpot, and which answer belongs to which asked value. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from connectors.contract import Only
from connectors.hubspot.encoding import canonical, live
from connectors.hubspot.properties import RECORD_ID, Properties
from nps.errors import ConfigError, RejectedError
from nps.schema import FieldSchema, FieldType
from nps.values import Json

READ_BATCH = 100
ASSOCIATION_BATCH = 1000
SEARCH_PAGE = 200

ADDITIONAL_EMAILS = "hs_additional_emails"
MERGED_IDS = "hs_merged_object_ids"
MERGED_CONTACTS = "hs_calculated_merged_vids"  # contacts say it their own way too: "id:when;id:when"

_SEARCH_BODY = 3_000  # characters HubSpot takes
_SEARCH_VALUES = 100
_SEARCH_FILTERS = 6  # in one group
_SEARCH_WIDE = 1_500  # a body that is this long before the values leaves too little room for them

Row = Mapping[str, Any]  # a record as HubSpot answers it: id, properties
T = TypeVar("T")


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


# ---------------------------------------------------------------- keys


@dataclass(frozen=True)
class Key:
    """A property that names exactly one record, so that records are read by it directly."""

    name: str | None  # HubSpot's idProperty; None for the record id
    normal: Callable[[str], str]  # one spelling for what is asked and what is answered
    claims: Callable[[Row], Iterable[str]]  # the values a record answers to, in that spelling
    reads: tuple[str, ...] = ()  # properties `claims` looks at
    asks: Callable[[str], bool] = bool  # whether a value can name a record at all


def record_key(object_type: str) -> Key:
    reads = (MERGED_IDS, MERGED_CONTACTS) if object_type == "contacts" else (MERGED_IDS,)
    return Key(name=None, normal=str.strip, claims=_ids, reads=reads, asks=_is_number)


def key_of(known: Properties, field: str) -> Key | None:
    """How to read records by `field`; None when it may name several, so that they must be searched."""
    if field in (RECORD_ID, "id"):
        return record_key(known.object_type)
    if field not in known.keys:
        return None
    if field == "email" and known.object_type == "contacts":
        return Key(name=field, normal=_address, claims=_addresses, reads=(field, ADDITIONAL_EMAILS))
    normal = exact(known.schema.fields[field])
    numeric = known.schema.fields[field].type is FieldType.NUMBER
    return Key(
        name=field,
        normal=normal,
        claims=lambda row: [normal(text)] if (text := row["properties"].get(field)) else [],
        reads=(field,),
        asks=_is_decimal if numeric else bool,
    )


def exact(known: FieldSchema) -> Callable[[str], str]:
    """A value as the property shows it. Ids are exact texts: leading zeros and capitals stay."""
    normal = live(known)
    return lambda value: str(normal(value.strip()) or "")


def comparable(known: FieldSchema) -> Callable[[str], str]:
    """How a search compares a property: texts without regard to case, options and numbers exactly."""
    shown = exact(known)
    return (lambda value: shown(value).lower()) if known.type is FieldType.TEXT else shown


@dataclass(frozen=True)
class Paired:
    """Which record answers which value, and what HubSpot left open."""

    rows: Mapping[str, Row]  # by normalised value
    silent: tuple[str, ...]  # asked values nothing was said about
    strangers: tuple[Row, ...]  # records that claim no asked value


def paired(key: Key, asked: Sequence[str], rows: Sequence[Row], missing: Iterable[str]) -> Paired:
    """Pair the values (normalised) with the records answered, in whatever order they came."""
    wanted = set(asked)
    found: dict[str, Row] = {}
    strangers = []
    for row in rows:
        named = False
        for value in key.claims(row):
            if value in wanted:
                found[value] = row
                named = True
        if not named:
            strangers.append(row)
    gone = {key.normal(value) for value in missing}
    silent = [value for value in asked if value not in found and value not in gone]
    if silent and strangers:
        found |= _whatever_the_case(key, silent, strangers)
        silent = [value for value in silent if value not in found]
        strangers = [row for row in strangers if row not in found.values()]
    if len(silent) == len(strangers) == 1:
        return Paired({**found, silent[0]: strangers[0]}, (), ())
    return Paired(found, tuple(silent), tuple(strangers))


def _whatever_the_case(key: Key, silent: Sequence[str], strangers: Sequence[Row]) -> dict[str, Row]:
    """Whether a unique text regards capitals is not documented: an answer that differs in them alone is one."""
    asked = {value.lower(): value for value in silent}
    return {
        asked[claim.lower()]: row for row in strangers for claim in key.claims(row) if claim.lower() in asked
    }


def absorbed(row: Row) -> set[str]:
    """Ids that were merged into this record."""
    properties = row["properties"]
    listed = f"{properties.get(MERGED_IDS) or ''};{properties.get(MERGED_CONTACTS) or ''}"
    return {part.split(":")[0].strip() for part in listed.split(";") if part.strip()}


def _ids(row: Row) -> Iterable[str]:
    properties = row["properties"]
    if properties.get(MERGED_IDS) or properties.get(MERGED_CONTACTS):
        return [row["id"], *(absorbed(row) - {row["id"]})]
    return [row["id"]]


def other_addresses(row: Row) -> list[str]:
    """A contact's e-mail addresses besides its own: those of contacts that were merged into it are among them."""
    listed = row["properties"].get(ADDITIONAL_EMAILS) or ""
    return [address for part in listed.split(";") if (address := part.strip())]


def _addresses(row: Row) -> Iterable[str]:
    properties = row["properties"]
    own = properties.get("email") or ""
    others = properties.get(ADDITIONAL_EMAILS)
    if not others:
        return (_address(own),)
    return [_address(address) for address in (own, *others.split(";"))]


def _address(text: str) -> str:
    return text.strip().lower()


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 20


def _is_decimal(text: str) -> bool:
    whole, _, fraction = text.removeprefix("-").partition(".")
    return _is_number(whole) and (not fraction or _is_number(fraction))


# ---------------------------------------------------------------- batch read


def read_body(key: Key, values: Sequence[str], properties: Sequence[str]) -> dict[str, Json]:
    body: dict[str, Json] = {
        "inputs": [{"id": value} for value in values],
        "properties": list(properties),
        "propertiesWithHistory": [],
    }
    if key.name is not None:
        body["idProperty"] = key.name
    return body


# ---------------------------------------------------------------- search


@dataclass(frozen=True)
class Search:
    """Records whose property holds one of some values: what HubSpot is asked, a page after the other.

    Each page starts behind the last id of the one before, so neither a record that appears meanwhile nor the
    10,000 results HubSpot pages through at most can make us lose one.
    """

    field: str
    values: tuple[str, ...]
    properties: tuple[str, ...]
    only: tuple[Mapping[str, Json], ...] = ()

    def body(self, after_id: str | None = None) -> dict[str, Json]:
        filters: list[Json] = [{"propertyName": self.field, "operator": "IN", "values": list(self.values)}]
        filters += [dict(one) for one in self.only]
        if after_id is not None:
            filters.append({"propertyName": RECORD_ID, "operator": "GT", "value": after_id})
        return _body(filters, RECORD_ID, self.properties)


@dataclass(frozen=True)
class Everybody:
    """All records, or those `only` allows, in the order of their ids."""

    properties: tuple[str, ...]
    only: tuple[Mapping[str, Json], ...] = ()

    def body(self, after_id: str | None = None) -> dict[str, Json]:
        filters: list[Json] = [dict(one) for one in self.only]
        filters.append({"propertyName": RECORD_ID, "operator": "GT", "value": after_id or "0"})
        return _body(filters, RECORD_ID, self.properties)


def since_body(
    stamp: str, start: datetime, also: Sequence[Mapping[str, Json]], after_id: str | None
) -> dict[str, Json]:
    """Records whose `stamp` is not before `start`, in the order of their ids: behind `after_id`, if one is given."""
    milliseconds = str(int(start.timestamp() * 1000))
    filters: list[Json] = [{"propertyName": stamp, "operator": "GTE", "value": milliseconds}]
    filters += [dict(one) for one in also]
    if after_id is not None:
        filters.append({"propertyName": RECORD_ID, "operator": "GT", "value": after_id})
    return _body(filters, RECORD_ID, (stamp,))


def _body(filters: list[Json], sort: str, properties: Sequence[str]) -> dict[str, Json]:
    return {
        "filterGroups": [{"filters": filters}],
        "sorts": [{"propertyName": sort, "direction": "ASCENDING"}],
        "properties": list(properties),
        "limit": SEARCH_PAGE,
        "after": "0",
    }


def is_wide(field: str, properties: Sequence[str], only: Sequence[Mapping[str, Json]]) -> bool:
    """Whether so many properties are wanted that no room is left for values; they are read by id then."""
    return _length(Search(field, (), tuple(properties), tuple(only))) > _SEARCH_WIDE


def searches(
    field: str, values: Sequence[str], properties: Sequence[str], only: Sequence[Mapping[str, Json]]
) -> Iterator[Search]:
    """As few searches as hold the values. A value longer than a whole search names nothing: left out."""
    empty = Search(field, (), tuple(properties), tuple(only))
    room = _SEARCH_BODY - _length(empty)
    taken: list[str] = []
    used = 0
    for value in values:
        size = len(json.dumps(value)) + 2
        if size > room:
            continue
        if taken and (used + size > room or len(taken) == _SEARCH_VALUES):
            yield Search(field, tuple(taken), tuple(properties), tuple(only))
            taken, used = [], 0
        taken.append(value)
        used += size
    if taken:
        yield Search(field, tuple(taken), tuple(properties), tuple(only))


def _length(search: Search) -> int:
    # At its longest, however HubSpot counts: with spaces, and everything beyond ASCII escaped.
    return len(json.dumps(search.body(after_id="9" * 20)))


# ---------------------------------------------------------------- only


@dataclass(frozen=True)
class Allowed:
    """What `people.<name>.only` demands of one property: one of these canonical values (None: empty)."""

    known: FieldSchema
    values: frozenset[str | None]

    def filter(self) -> dict[str, Json] | None:
        """The same for a search; None when a search cannot say it."""
        texts = sorted(value for value in self.values if value is not None)
        if self.known.type is FieldType.TEXT:
            texts = [text.lower() for text in texts]
        if not texts:
            return {"propertyName": self.known.name, "operator": "NOT_HAS_PROPERTY"}
        if None in self.values:
            return None
        return {"propertyName": self.known.name, "operator": "IN", "values": list(texts)}


def allowed(known: Properties, only: Only) -> tuple[Allowed, ...]:
    """`only`, checked against the schema; ConfigError for what it cannot hold."""
    return tuple(_allowed(known, name, wanted) for name, wanted in only.items())


def _allowed(known: Properties, name: str, wanted: Json) -> Allowed:
    field = known.schema.fields[name]
    encode = canonical(field)
    try:
        values = {encode(_value(one)) for one in (wanted if isinstance(wanted, list) else [wanted])}
    except RejectedError as problem:
        raise ConfigError(f"only: {problem}") from None
    return Allowed(field, frozenset(None if value is None else str(value) for value in values))


def _value(wanted: Json) -> str | int | float | bool | None:
    if isinstance(wanted, list | dict):
        raise ConfigError("only: takes a value or a list of values per property")
    return wanted


def passes(rules: Sequence[Allowed], row: Row) -> bool:
    """Whether a record is one of those `only` speaks of."""
    properties = row["properties"]
    return all(live(rule.known)(properties.get(rule.known.name)) in rule.values for rule in rules)


def pushed_down(rules: Sequence[Allowed]) -> list[dict[str, Json]]:
    """The part of `only` a search can check itself; all of it is checked again by `passes`."""
    filters = [found for rule in rules if (found := rule.filter()) is not None]
    return filters[: _SEARCH_FILTERS - 2]  # one for the values, one for the page


# ---------------------------------------------------------------- primary company


def primary(association: Mapping[str, Any], type_id: int) -> str | None:
    """The company an association answer calls primary."""
    for to in association.get("to") or ():
        kinds = to.get("associationTypes") or ()
        if any(kind.get("typeId") == type_id and kind.get("category") == "HUBSPOT_DEFINED" for kind in kinds):
            return str(to["toObjectId"])
    return None


def is_primary(type_id: int) -> Callable[[Mapping[str, Any]], bool]:
    """Whether an association answer tells the primary company already."""
    return lambda association: primary(association, type_id) is not None


def others(association: Mapping[str, Any]) -> list[str]:
    """The records an association answer leads to."""
    return [str(to["toObjectId"]) for to in association.get("to") or ()]


def next_page(association: Mapping[str, Any]) -> str | None:
    after = ((association.get("paging") or {}).get("next") or {}).get("after")
    return None if after is None else str(after)
