"""HubSpot's search: filters, walls, one sort, and an index that lags behind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.hubspot.definitions import Property
from sandbox.hubspot.records import Record, Table
from sandbox.hubspot.refusals import Refusal, invalid

MOST_GROUPS, MOST_FILTERS_IN_A_GROUP, MOST_FILTERS = 5, 6, 18
LONGEST_BODY = 3_000
LARGEST_PAGE, DEFAULT_PAGE = 200, 10
LAST_REACHABLE = 10_000

Showing = Mapping[str, str]
Test = Callable[[Showing], bool]


@dataclass(frozen=True, slots=True)
class Found:
    """`hits` pair a record with what the index shows of it."""

    total: int
    hits: list[tuple[Showing, Record]]
    next_after: str | None


Linked = Callable[[str, str], frozenset[str]]  # an object's name and a record → ids that belong to it


def search(table: Table, body: Mapping[str, Any], *, as_of: datetime, linked: Linked | None = None) -> Found:
    """One page of the records that match, as the index saw them at `as_of`."""
    limit, offset = _page(body)
    groups = [[_test(table, one, linked) for one in group] for group in _filter_groups(body)]
    term = str(body.get("query") or "").lower()
    hits = []
    for record in table.living():
        showing = record.as_of(as_of)
        if showing is None:
            continue
        if groups and not any(all(test(showing) for test in group) for group in groups):
            continue
        if term and not any(term in value.lower() for value in showing.values()):
            continue
        hits.append((showing, record))
    _sort(table, hits, body.get("sorts") or [])
    more = offset + limit < len(hits)
    return Found(len(hits), hits[offset : offset + limit], str(offset + limit) if more else None)


def _page(body: Mapping[str, Any]) -> tuple[int, int]:
    limit = body.get("limit", DEFAULT_PAGE)
    if not isinstance(limit, int) or not 0 < limit <= LARGEST_PAGE:
        raise invalid(f"limit must be between 1 and {LARGEST_PAGE}")
    after = str(body.get("after") or "0")
    if not after.isdigit():
        raise invalid("after must be an integer offset")
    if int(after) + limit > LAST_REACHABLE:
        raise invalid(f"Search results are limited to {LAST_REACHABLE} in total for any given query")
    return limit, int(after)


def _filter_groups(body: Mapping[str, Any]) -> list[list[Mapping[str, Any]]]:
    groups = [group.get("filters") or [] for group in body.get("filterGroups") or []]
    if len(groups) > MOST_GROUPS:
        raise invalid(f"Too many filterGroups: at most {MOST_GROUPS}")
    if any(len(group) > MOST_FILTERS_IN_A_GROUP for group in groups) or sum(map(len, groups)) > MOST_FILTERS:
        raise invalid(f"Too many filters: {MOST_FILTERS_IN_A_GROUP} in a group, {MOST_FILTERS} in total")
    return groups


def _test(table: Table, wanted: Mapping[str, Any], linked: Linked | None) -> Test:
    name, operator = wanted.get("propertyName"), str(wanted.get("operator"))
    if linked is not None and str(name).startswith("associations."):
        return _belonging(str(name).removeprefix("associations."), operator, wanted, linked)
    definition = table.definitions.get(str(name))
    if definition is None:
        raise Refusal(400, "VALIDATION_ERROR", f"There was a problem with the request: no property {name}")
    if operator == "HAS_PROPERTY":
        return lambda showing: definition.name in showing
    if operator == "NOT_HAS_PROPERTY":
        return lambda showing: definition.name not in showing
    if operator in ("IN", "NOT_IN"):
        return _membership(definition, wanted, inside=operator == "IN")
    if operator == "BETWEEN":
        return _between(definition, _text(wanted, "value"), _text(wanted, "highValue"))
    if operator in _COMPARISONS:
        return _comparison(definition, _text(wanted, "value"), _COMPARISONS[operator])
    if operator in ("EQ", "NEQ"):
        return _equality(definition, _text(wanted, "value"), equal=operator == "EQ")
    if operator in ("CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"):
        return _token(definition, _text(wanted, "value"), present=operator == "CONTAINS_TOKEN")
    raise invalid(f"Unknown operator {operator}")


def _belonging(other: str, operator: str, wanted: Mapping[str, Any], linked: Linked) -> Test:
    """`associations.contact` EQ an id, or IN some."""
    if operator not in ("EQ", "IN"):
        raise invalid(f"Unknown operator {operator} for associations")
    ids = [_text(wanted, "value")] if operator == "EQ" else list(wanted.get("values") or [])
    there = frozenset(one for id in ids for one in linked(other, str(id)))
    return lambda showing: showing["hs_object_id"] in there


def _text(wanted: Mapping[str, Any], key: str) -> str:
    value = wanted.get(key)
    if not isinstance(value, str):
        raise invalid(f"A filter's {key} must be a string")
    return value


_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "LT": lambda left, right: left < right,
    "LTE": lambda left, right: left <= right,
    "GT": lambda left, right: left > right,
    "GTE": lambda left, right: left >= right,
}


def _comparison(definition: Property, value: str, holds: Callable[[Any, Any], bool]) -> Test:
    bound = _ordered(definition, value)
    name = definition.name
    return lambda showing: name in showing and holds(_ordered(definition, showing[name]), bound)


def _between(definition: Property, low: str, high: str) -> Test:
    bottom, top = _ordered(definition, low), _ordered(definition, high)
    name = definition.name
    return lambda showing: name in showing and bottom <= _ordered(definition, showing[name]) <= top


def _equality(definition: Property, value: str, *, equal: bool) -> Test:
    name = definition.name
    if definition.type in ("number", "date", "datetime"):
        bound = _ordered(definition, value)
        return lambda showing: (name in showing and _ordered(definition, showing[name]) == bound) is equal
    # Text compares without case; options are exact.
    folded = value if definition.type == "enumeration" else value.lower()
    if definition.type == "enumeration":
        return lambda showing: (showing.get(name) == folded) is equal
    return lambda showing: (name in showing and showing[name].lower() == folded) is equal


def _membership(definition: Property, wanted: Mapping[str, Any], *, inside: bool) -> Test:
    values = wanted.get("values")
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        raise invalid(f"{wanted.get('operator')} needs a list of strings in values")
    name, among = definition.name, frozenset(values)
    if definition.type == "enumeration":
        return lambda showing: (showing.get(name) in among) is inside
    # The index holds lower-cased text and does not lower-case the question: "Ann" finds nobody.
    return lambda showing: (name in showing and showing[name].lower() in among) is inside


def _token(definition: Property, value: str, *, present: bool) -> Test:
    name, wanted = definition.name, value.lower().strip("*")
    prefix_only, suffix_only = value.endswith("*"), value.startswith("*")

    def holds(showing: Showing) -> bool:
        for token in showing.get(name, "").lower().replace("@", " ").replace(".", " ").split():
            if token == wanted or (prefix_only and token.startswith(wanted)):
                return True
            if suffix_only and token.endswith(wanted):
                return True
        return wanted == showing.get(name, "").lower()

    return lambda showing: holds(showing) is present


def _ordered(definition: Property, text: str) -> Any:
    """A text as something that can be compared by size."""
    try:
        if definition.type == "number":
            return Decimal(text)
        if definition.type in ("date", "datetime"):
            return _milliseconds(text)
    except (ValueError, InvalidOperation) as problem:
        raise invalid(f"{text} is not a valid {definition.type} for {definition.name}") from problem
    return text.lower()


def _milliseconds(text: str) -> int:
    if text.lstrip("-").isdigit():
        return int(text)
    if len(text) == 10:
        return int(datetime.combine(date.fromisoformat(text), time(), UTC).timestamp() * 1000)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no time zone")
    return round(moment.timestamp() * 1000)


def _sort(table: Table, hits: list[tuple[Showing, Record]], sorts: Iterable[Any]) -> None:
    rules = list(sorts)
    if len(rules) > 1:
        raise invalid("Only one sort is allowed")
    hits.sort(key=lambda hit: int(hit[1].id))
    if not rules:
        return
    rule = rules[0] if isinstance(rules[0], Mapping) else {"propertyName": rules[0]}
    definition = table.definitions.get(str(rule.get("propertyName")))
    if definition is None:
        raise invalid(f"Cannot sort by {rule.get('propertyName')}")
    name = definition.name
    downward = rule.get("direction") == "DESCENDING"
    filled = [hit for hit in hits if name in hit[0]]
    empty = [hit for hit in hits if name not in hit[0]]
    filled.sort(key=lambda hit: _ordered(definition, hit[0][name]), reverse=downward)
    hits[:] = [*filled, *empty]
