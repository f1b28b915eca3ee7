"""How long, what share, how many times: the small grammars of the YAML (`15 minutes`, `40%`, `10x`)."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_DURATION = r"^\d{1,6} (minute|hour|day)s?$"
_SHARE = r"^\d{1,3}(\.\d+)?%$"
_TIMES = r"^[1-9]\d{0,3}x$"
_SPREAD = r"^\d{1,6} (second|minute)s?$"
_WIDEST = timedelta(hours=1)
_LONGEST = timedelta(days=36_500)


def duration(text: str) -> timedelta:
    """`15 minutes`, `2 hours`, `1 day`. Nothing else: one grammar everywhere."""
    words = text.split()
    if len(words) != 2 or not words[0].isascii() or not words[0].isdigit() or len(words[0]) > 6:
        raise ValueError(_not_a_duration(text))
    unit = _UNITS.get(words[1].removesuffix("s"))
    if unit is None:
        raise ValueError(_not_a_duration(text))
    length = int(words[0]) * unit
    if length > _LONGEST:
        raise ValueError(f'"{text}" is longer than a hundred years')
    return length


def spread(text: str) -> timedelta:
    """`30 seconds`, `2 minutes`: what is short enough for seconds."""
    words = text.split()
    if len(words) == 2 and words[0].isascii() and words[0].isdigit() and len(words[0]) <= 6:
        unit = {"second": timedelta(seconds=1), "minute": timedelta(minutes=1)}.get(
            words[1].removesuffix("s")
        )
        if unit is not None and (length := int(words[0]) * unit) <= _WIDEST:
            return length
    raise ValueError(
        f'"{text}" is not a jitter; write it like "30 seconds" or "2 minutes", at most 60 minutes'
    )


def in_words(length: timedelta) -> str:
    """The way back: the largest unit that says it in whole numbers."""
    for name in ("day", "hour", "minute"):
        count, rest = divmod(length, _UNITS[name])
        if not rest:
            return f"{count} {name}" if count == 1 else f"{count} {name}s"
    return f"{length.total_seconds():g} seconds"


def share(text: str) -> Decimal:
    """`40%` as 0.4; from 0% to 100%."""
    if not re.fullmatch(_SHARE, text):
        raise ValueError(f'"{text}" is not a share; write it like "40%"')
    part = Decimal(text.removesuffix("%")) / 100
    if part > 1:
        raise ValueError(f'"{text}" is more than 100%')
    return part


def in_percent(part: Decimal) -> str:
    """The way back: 0.4 as `40%`."""
    return f"{(part * 100).normalize():f}%"


class Multiple(int):
    """So many times: written `10x`."""


def times(text: str) -> Multiple:
    """`10x` as 10."""
    if not re.fullmatch(_TIMES, text):
        raise ValueError(f'"{text}" is not a multiple; write it like "10x"')
    return Multiple(text.removesuffix("x"))


def in_times(many: int) -> str:
    """The way back: 10 as `10x`."""
    return f"{many}x"


def _not_a_duration(text: object) -> str:
    return f'"{text}" is not a duration; write it like "15 minutes", "2 hours" or "30 days"'


def _duration_of(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        return duration(value)
    raise ValueError(_not_a_duration(value))  # a bare number: of what?


def _share_of(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, str):
        return share(value)
    raise ValueError(f'"{value}" is not a share; write it like "40%"')


def _times_of(value: object) -> Multiple:
    if isinstance(value, Multiple):
        return value
    if isinstance(value, str):
        return times(value)
    raise ValueError(f'"{value}" is not a multiple; write it like "10x"')


def _longer_than_nothing(length: timedelta) -> timedelta:
    if not length:
        raise ValueError("it has to be at least 1 minute")
    return length


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration_of),
    PlainSerializer(in_words),
    WithJsonSchema(
        {"type": "string", "pattern": _DURATION, "examples": ["15 minutes", "2 hours", "30 days"]}
    ),
]
"""A pydantic field: text of the one grammar in, a timedelta out."""

Period = Annotated[Duration, AfterValidator(_longer_than_nothing)]
"""A duration of at least one minute."""


def _spread_of(value: object) -> timedelta:
    return value if isinstance(value, timedelta) else spread(str(value))


Spread = Annotated[
    timedelta,
    BeforeValidator(_spread_of),
    PlainSerializer(in_words),
    WithJsonSchema({"type": "string", "pattern": _SPREAD, "examples": ["30 seconds", "2 minutes"]}),
]
"""A pydantic field: from nothing to an hour, with seconds."""

Share = Annotated[
    Decimal,
    BeforeValidator(_share_of),
    PlainSerializer(in_percent),
    WithJsonSchema({"type": "string", "pattern": _SHARE, "examples": ["40%"]}),
]
"""A pydantic field: "40%" in, Decimal("0.4") out."""

Times = Annotated[
    int,
    BeforeValidator(_times_of),
    AfterValidator(Multiple),
    PlainSerializer(in_times),
    WithJsonSchema({"type": "string", "pattern": _TIMES, "examples": ["10x"]}),
]
"""A pydantic field: "10x" in, 10 out."""
