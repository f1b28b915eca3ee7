"""Finding values in a body by dotted paths."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from nps.values import Json

_PLACES = re.compile(r"\{([^{}]*)\}")
_EARLIEST, _LATEST = (
    100_000_000,
    100_000_000_000,
)  # Unix seconds from 1973 on; larger numbers are milliseconds


def pick(where: Sequence[Json], path: str) -> Json:
    """The value at the path in the first of these that has one. A key may hold dots itself: the longest wins."""
    steps = path.split(".")
    for one in where:
        if (found := _at(one, steps)) is not None:
            return found
    return None


def _at(value: Json, steps: list[str]) -> Json:
    if not steps:
        return value
    if isinstance(value, list):
        index = steps[0]
        inside = index.isascii() and index.isdigit() and len(index) < 6 and int(index) < len(value)
        return _at(value[int(index)], steps[1:]) if inside else None
    if not isinstance(value, dict):
        return None
    for length in range(len(steps), 0, -1):
        key = ".".join(steps[:length])
        if key in value and (found := _at(value[key], steps[length:])) is not None:
            return found
    return None


def first(where: Sequence[Json], paths: Iterable[str]) -> Json:
    return next((found for path in paths if (found := pick(where, path)) is not None), None)


def text(value: Json) -> str | None:
    """A text or whole number as text; blank is nothing."""
    if isinstance(value, str):
        return value.replace("\x00", "").strip() or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None


def first_text(where: Sequence[Json], paths: Iterable[str]) -> str | None:
    return next((found for path in paths if (found := text(pick(where, path))) is not None), None)


def filled(where: Sequence[Json], template: str) -> str | None:
    """A path's value, or a text with every {PATH} filled in; None when one of them holds nothing."""
    if "{" not in template:
        return text(pick(where, template))
    parts = {place: text(pick(where, place)) for place in _PLACES.findall(template)}
    if None in parts.values():
        return None
    return _PLACES.sub(lambda found: str(parts[found[1]]), template)


def holds(where: Sequence[Json], conditions: Mapping[str, Sequence[Json]]) -> bool:
    return all(any(same(pick(where, path), value) for value in values) for path, values in conditions.items())


def same(one: Json, other: Json) -> bool:
    """Equal as JSON has it: true is not 1."""
    return isinstance(one, bool) is isinstance(other, bool) and one == other


def moment(value: Json) -> datetime | None:
    """ISO 8601 with a zone, Unix seconds or milliseconds, also as text. None: it is neither."""
    try:
        if isinstance(value, str):
            number = value.strip().removeprefix("-").replace(".", "", 1)
            if not (number.isascii() and number.isdigit()):
                read = datetime.fromisoformat(value.strip())
                return read.astimezone(UTC) if read.tzinfo is not None else None
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not value >= _EARLIEST:
            return None
        return datetime.fromtimestamp(value / 1000 if value >= _LATEST else value, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def depth(value: Json, limit: int) -> int:
    """How deep a value is nested, as far as the limit; without recursion."""
    level, layer = 0, [value]
    while layer and level <= limit:
        layer = [
            inner
            for one in layer
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        level += bool(layer)
    return level
