"""Whether a live value stays although the answer wants another one."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from mapping.convert import is_empty
from nps.values import Json

Policy = Literal["if_ours", "if_empty", "if_newer", "always"]


def keeps(
    policy: Policy,
    *,
    live: Json,
    wanted: Json,
    ours: Json,
    wrote_before: bool,
    answered_at: datetime,
    newer_than_live: date | datetime | None = None,
    zone: ZoneInfo | None = None,
) -> bool:
    """True when the field is left alone (`kept` in the report) although `wanted` differs from `live`.

    `live`, `wanted` and `ours` are in the vendor's canonical JSON; `ours` is the last value confirmed as written
    by us, if `wrote_before`. `newer_than_live` is the typed live value of the field `newer_than`: a bare date is
    compared with the answer's day in `zone`, and only a later one makes the answer too old. 0 and false are
    values.
    """
    if live == wanted or is_empty(live):
        return False
    if policy == "always":
        return False
    if policy == "if_empty":
        return True
    if policy == "if_newer":
        return newer_than_live is not None and _is_older(answered_at, newer_than_live, zone)
    return wrote_before and live != ours


def _is_older(answered_at: datetime, live: date | datetime, zone: ZoneInfo | None) -> bool:
    if isinstance(live, datetime):
        return answered_at < live
    return answered_at.astimezone(zone or ZoneInfo("UTC")).date() < live
