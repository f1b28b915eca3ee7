"""Whether all processes of a store go by the same file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from npsync.clockwork.ticking import is_alive
from store.api import Serving

SETTLES = timedelta(minutes=1)  # a file that is brought to several machines is not there everywhere at once
NEXT = "bring the same file to both; each takes it within seconds, or npsync health says why not"


def on_other_files(serving: Sequence[Serving], now: datetime) -> Iterator[tuple[Serving, Serving]]:
    """Each process that goes by another file than the `npsync serve` that took its own last, and that serve. Workers
    keep out of what is mapped in another way: nothing goes wrong, but they stand idle."""
    alive = [one for one in serving if one.mark and is_alive(one, now)]
    latest = max((one for one in alive if one.kind == "serve"), key=lambda one: one.config_at, default=None)
    if latest is None:
        return
    for one in alive:
        if one.mark != latest.mark and now - max(one.config_at, latest.config_at) >= SETTLES:
            yield one, latest


def in_words(one: Serving, latest: Serving) -> str:
    """For people, without a full stop."""
    return (
        f"{named(one)} goes by another config than {named(latest)}: it keeps out of every sync that the two map "
        "differently"
    )


def named(one: Serving) -> str:
    host, process = (*one.owner.split(":"), "")[:2]
    return f"npsync {one.kind} ({host}{process and f', process {process}'})"
