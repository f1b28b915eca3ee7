"""Calls and what is left of them, as text for people and as facts for machines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from npsync.operating.calls import Quota
from npsync.words.sync_text import moment_text
from sync.paying import left_in_words


def lines(quota: Quota, zone: ZoneInfo) -> Iterator[str]:
    days = " · ".join(f"{day:%a} {count:,}" for day, count in quota.days.items())
    yield f"{quota.connection} ({quota.type}): {quota.today:,} calls today, {quota.week:,} in the last 7 days"
    yield f"  by day: {days}"
    if quota.told is None:
        yield "  its vendor has told no daily limit"
        return
    allowance, at = quota.told.allowance, quota.told.at
    yield f"  {left_in_words(allowance)}"
    yield f"  as of {moment_text(at, zone)}{_anew(allowance.resets_at, zone)}"
    if quota.spent_at is not None and allowance.left:
        yield f"  at today's pace they are spent about {moment_text(quota.spent_at, zone)}"


def facts(quota: Quota) -> dict[str, object]:
    told = quota.told
    return {
        "connection": quota.connection,
        "type": quota.type,
        "today": quota.today,
        "days": {day.isoformat(): count for day, count in quota.days.items()},
        "allowance": None
        if told is None
        else {
            "left": told.allowance.left,
            "used": told.allowance.used,
            "limit": told.allowance.limit,
            "kept_for_others": told.allowance.kept,
            "resets_at": _iso(told.allowance.resets_at),
            "as_of": _iso(told.at),
        },
        "spent_at": _iso(quota.spent_at),
    }


def _anew(resets_at: datetime | None, zone: ZoneInfo) -> str:
    if resets_at is None:
        return "; calls come free again a day after they were made"
    return f"; the count begins anew at {moment_text(resets_at, zone)}"


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
