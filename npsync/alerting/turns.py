"""One message per change of state: what each place was told last is remembered, and only a turn is told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from npsync.alerting.conditions import Condition
from npsync.alerting.messages import want
from npsync.alerting.occasions import Occasion
from store.api import Store
from store.api.messages import MESSAGES

_PLACE = f"{MESSAGES} states"


class Known(msgspec.Struct, frozen=True):
    """What a place was told of one topic. `turns` counts its changes."""

    bad: bool = False
    turns: int = 0
    since: datetime | None = None


def want_turns(
    store: Store, connection: str, to: str, conditions: Iterable[Condition], *, now: datetime
) -> int:
    """How many turns are to be told there. The message is wanted before the new state is remembered: a process that
    dies between the two wants the same one again, and it is known."""
    return sum(_turn(store, connection, to, one, now) for one in conditions)


def _turn(store: Store, connection: str, to: str, one: Condition, now: datetime) -> int:
    key = f"{connection} {to} {one.topic}"
    told = store.recall(_PLACE, [key]).get(key)
    known = Known() if told is None else msgspec.json.decode(told, type=Known)
    if known.bad == one.bad:
        return 0
    turned = Known(one.bad, known.turns + 1, now)
    wanted = want(store, connection, to, [_occasion(one, turned, known.since, now)], now=now)
    store.memorize(_PLACE, {key: msgspec.json.encode(turned).decode()})
    return wanted


def _occasion(one: Condition, turned: Known, since: datetime | None, now: datetime) -> Occasion:
    facts = [("Look", one.next_step)] if one.bad and one.next_step else []
    if not one.bad and since is not None:
        facts = [("Lasted", in_words((now - since).total_seconds()))]
    return Occasion(
        on=one.on,
        topic=one.topic,
        id=f"turn {turned.turns}",
        title=one.title if one.bad else one.over,
        facts=tuple(facts),
        text=one.text if one.bad else "",
    )


def in_words(seconds: float) -> str:
    """Of the two largest units the first that fits: 40 minutes, 5 hours, 3 days."""
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if (count := int(seconds // size)) >= 1:
            return f"{count:,} {unit}{'' if count == 1 else 's'}"
    return "less than a minute"
