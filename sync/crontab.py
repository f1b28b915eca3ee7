"""Cron lines as the YAML says them: five parts, in `time_zone`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _weekdays(part: str) -> str:
    """Numbers of weekdays as names: in a crontab 0 and 7 are Sunday, in APScheduler 0 is Monday."""
    names: list[str] = []
    for piece in part.lower().split(","):
        span, _, step = piece.partition("/")
        first, _, last = ("0-6" if span == "*" and step else span).partition("-")
        if not first.isdigit():
            names.append(piece)
            continue
        days = range(int(first), int(last or first) + 1, int(step or 1))
        if not days or days[-1] > 7:
            raise ValueError(f'weekdays are 0 (Sunday) to 6, or names like mon-fri; got "{piece}"')
        names.extend(_WEEKDAYS[day] for day in days)
    return ",".join(dict.fromkeys(names))


def _cron(text: str) -> str:
    from apscheduler.triggers.cron import CronTrigger  # needed only where a cron line is used

    parts = text.split()
    if len(parts) != 5:
        raise ValueError('a cron line has five parts, like "*/15 * * * *"')
    if parts[2] != "*" and parts[4] != "*":
        raise ValueError(
            "a day of the month and a weekday together mean different things to different crons; use one"
        )
    try:
        line = " ".join([*parts[:4], _weekdays(parts[4])])
        trigger = CronTrigger.from_crontab(line, timezone="UTC")
    except ValueError as error:
        raise ValueError(f'"{text}" is not a cron line: {error}') from None
    if trigger.get_next_fire_time(None, _BEFORE_A_LEAP_DAY) is None:
        raise ValueError(f'"{text}" never comes due: no month has such a day')
    return line


_BEFORE_A_LEAP_DAY = datetime(2024, 1, 1, tzinfo=UTC)


Cron = Annotated[str, AfterValidator(_cron), WithJsonSchema({"type": "string", "examples": ["*/15 * * * *"]})]
