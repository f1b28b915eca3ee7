"""Search as Intercom does it: nested AND and OR, cursors, and dates that compare by calendar day."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.intercom.words import bad_request
from sandbox.toy import Row

MOST_FILTERS, DEEPEST = 15, 2
_LARGEST_PAGE = 150
CONVERSATION_DATES = frozenset({"created_at", "updated_at"})
_SECONDS = re.compile(r"[0-9]{1,11}")
_ON_DATES = frozenset({"=", ">", "<"})
Test = Callable[[Row], bool]


def search(
    rows: Sequence[Row], body: Mapping[str, Any], *, default_page: int, zone: ZoneInfo, days: frozenset[str]
) -> tuple[list[Row], Row]:
    """The rows of one page, and its `pages` object. `days` are the fields that compare by calendar day."""
    query = body.get("query")
    if not isinstance(query, Mapping):
        raise bad_request("query is required")
    holds = _test(query, zone, days, depth=0)
    found = _sorted([row for row in rows if holds(row)], body.get("sort"))
    paging = body.get("pagination") or {}
    if not isinstance(paging, Mapping):
        raise bad_request("pagination must be an object")
    size = paging.get("per_page", default_page)
    if type(size) is not int or not 1 <= size <= _LARGEST_PAGE:
        raise bad_request(f"per_page must be between 1 and {_LARGEST_PAGE}")
    start = _offset(paging.get("starting_after"))
    pages: Row = {
        "type": "pages",
        "page": start // size + 1,
        "per_page": size,
        "total_pages": -(-len(found) // size),
    }
    if start + size < len(found):
        cursor = base64.b64encode(str(start + size).encode()).decode()
        pages["next"] = {"page": pages["page"] + 1, "starting_after": cursor}
    return found[start : start + size], {"pages": pages, "total_count": len(found)}


def _offset(cursor: Any) -> int:
    if not cursor:
        return 0
    try:
        return max(0, int(base64.b64decode(str(cursor), validate=True)))
    except ValueError:
        raise bad_request("starting_after is not a cursor of ours") from None


def _sorted(rows: list[Row], sort: Any) -> list[Row]:
    wanted = sort if isinstance(sort, Mapping) else {}
    name = str(wanted.get("field", "created_at"))
    back = wanted.get("order", "descending") != "ascending"
    return sorted(rows, key=lambda row: (*_order(_at(row, name)), row["id"]), reverse=back)


def _order(value: Any) -> tuple[float, str]:
    """Numbers among themselves, texts among themselves."""
    number = _number(value) if not isinstance(value, str) else None
    return (number, "") if number is not None else (0.0, str(value or ""))


def _test(query: Any, zone: ZoneInfo, days: frozenset[str], *, depth: int) -> Test:
    if not isinstance(query, Mapping):
        raise bad_request("a filter must be an object")
    operator, value = query.get("operator"), query.get("value")
    if operator in ("AND", "OR"):
        if depth >= DEEPEST:
            raise bad_request(f"at most {DEEPEST} levels of nesting")
        if not isinstance(value, list) or not 1 <= len(value) <= MOST_FILTERS:
            raise bad_request(f"a group has 1 to {MOST_FILTERS} filters")
        tests = [_test(one, zone, days, depth=depth + 1) for one in value]
        joined = all if operator == "AND" else any
        return lambda row: joined(test(row) for test in tests)
    name = str(query.get("field"))
    if name in days:
        return _on_days(name, str(operator), value, zone)
    return _on_values(name, str(operator), value)


def _on_days(name: str, operator: str, value: Any, zone: ZoneInfo) -> Test:
    """`>` means from the start of the next day on; other comparisons are errors."""
    if operator not in _ON_DATES:
        raise bad_request(f"{operator} cannot be used with the date {name}")
    if not isinstance(value, int | str) or not _SECONDS.fullmatch(str(value)):
        raise bad_request(f"{name} takes UNIX seconds")
    day = datetime.fromtimestamp(int(value), zone).date()

    def test(row: Row) -> bool:
        at = _at(row, name)
        if at is None:
            return False
        found = datetime.fromtimestamp(at, zone).date()
        return found == day if operator == "=" else found > day if operator == ">" else found < day

    return test


def _on_values(name: str, operator: str, value: Any) -> Test:
    match operator:
        case "=":
            return lambda row: _same(_at(row, name), value)
        case "!=":
            return lambda row: not _same(_at(row, name), value)
        case "IN" if isinstance(value, list):
            return lambda row: any(_same(_at(row, name), one) for one in value)
        case "NIN" if isinstance(value, list):
            return lambda row: not any(_same(_at(row, name), one) for one in value)
        case ">" | "<":
            than = _number(value)
            if than is None:
                raise bad_request(f"{operator} takes a number")
            return lambda row: _compared(_number(_at(row, name)), operator, than)
        case "~":
            return lambda row: str(value).lower() in str(_at(row, name) or "").lower()
        case "!~":
            return lambda row: str(value).lower() not in str(_at(row, name) or "").lower()
        case "^":
            return lambda row: str(_at(row, name) or "").lower().startswith(str(value).lower())
        case "$":
            return lambda row: str(_at(row, name) or "").lower().endswith(str(value).lower())
        case _:
            raise bad_request(f"{operator} is not an operator of {name}")


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _compared(found: float | None, operator: str, than: float) -> bool:
    return found is not None and (found > than if operator == ">" else found < than)


def _same(found: Any, wanted: Any) -> bool:
    if isinstance(found, str) and isinstance(wanted, str):
        return found.lower() == wanted.lower()
    return bool(found == wanted) or (isinstance(found, int) and str(found) == str(wanted))


def _at(row: Row, name: str) -> Any:
    """The value at a dotted path; of a list, what its first item holds."""
    value: Any = row
    for part in name.split("."):
        if isinstance(value, list):
            value = value[0] if value else None
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value
