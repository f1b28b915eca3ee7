"""The ledger's care: whether anybody may be asked at all, and the date on each record that shows when they were asked.

The date (`contact_policy.ledger_field`) is the ledger's shadow: written after a send, never in its way, and what a lost
ledger is rebuilt from. It is no change of a sync: it is in no journal, and no undo takes it back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from itertools import chain
from typing import TypeVar
from zoneinfo import ZoneInfo

from nps.asking import Past, PastKind
from nps.errors import NpsyncError
from nps.values import Value
from store.api import LedgerEntry, Unshown
from store.api.ledger import Ledger
from triggers.apart import asked_apart
from triggers.desk import Desk
from triggers.people import Person, Registry
from triggers.report import Round

SENDS, LEDGER = "sends", "ledger"  # the switches
SOURCE = "ledger_field"
AT_A_TIME = 100
LATER = timedelta(hours=1)  # when the CRM could not be reached
MUCH_LATER = timedelta(days=1)  # when it refused the date

T = TypeVar("T")


def why_none_is_sent(store: Ledger) -> str | None:
    """Why npsync asks nobody at present; None when it does."""
    switches = store.switches()
    if switches.get(SENDS):
        return "sends are stopped; npsync sends resume lets them go on"
    if not switches.get(LEDGER) and store.ledger_is_empty():
        return (
            "the ledger of who was asked is empty, so nobody knows who was asked lately: rebuild it "
            "(npsync sends rebuild), import what other tools sent (npsync sends import FILE) or accept that it is "
            "empty (npsync sends accept-empty-ledger)"
        )
    return None


# ------------------------------------------------------------ switched by hand


def stop(store: Ledger, *, by: str, why: str, now: datetime) -> bool:
    """Nobody is asked any more, until somebody resumes. False when sends are stopped already."""
    if store.switches().get(SENDS):
        return False
    store.switch(SENDS, {"by": by, "at": now.isoformat(), "why": why})
    return True


def resume(store: Ledger) -> bool:
    """False when sends were not stopped."""
    stopped = bool(store.switches().get(SENDS))
    store.switch(SENDS, None)
    return stopped


def accept_empty(store: Ledger, *, by: str, why: str, now: datetime) -> None:
    store.switch(LEDGER, {"accepted": True, "by": by, "at": now.isoformat(), "why": why})


# ------------------------------------------------------------ rebuilt from the records


def rebuild(
    registries: Sequence[Registry], name: str, store: Ledger, *, by: str, now: datetime
) -> tuple[int, int]:
    """Enter what the field `name` of everybody's record says. (people read, entries that are new)."""
    read = new = 0
    for registry in registries:
        showing = registry.reading(name)
        for ids in chain.from_iterable(_in_parts(page, AT_A_TIME) for page in showing.listed({})):
            people = [one for one in showing.read(ids).values() if isinstance(one, Person)]
            zone = showing.people.zone
            entries = [_entry(one, shown, zone, now) for one in people if (shown := one.record.get(name))]
            read += len(people)
            new += store.enter([one for one in entries if one is not None], now=now)
    store.switch(LEDGER, {"rebuilt": new, "read": read, "by": by, "at": now.isoformat()})
    return read, new


def _entry(person: Person, shown: Value, zone: ZoneInfo, now: datetime) -> LedgerEntry | None:
    asked_at = _asked_at(shown, zone)
    if asked_at is None:
        return None
    return LedgerEntry(
        dedupe=f"{SOURCE}/{person.scope}/{person.record_id}/{asked_at:%Y-%m-%d}",
        keys=person.keys,
        past=Past(at=min(asked_at, now), what=PastKind.SEND, source=SOURCE),
        account=person.account_id,
    )


def _asked_at(shown: Value, zone: ZoneInfo) -> datetime | None:
    """A date says no hour: its last moment, so that nobody is asked a day too soon."""
    if isinstance(shown, datetime):
        return shown
    return datetime.combine(shown, time(23, 59, 59), zone) if isinstance(shown, date) else None


# ------------------------------------------------------------ shown on the records


def show_on_records(desk: Desk, told: Round) -> None:
    """Write on each record when its person was asked last. What fails is told and tried again; nothing waits for it."""
    name = desk.policy.ledger_field
    while name is not None and not desk.stop():
        unshown = desk.store.unshown(AT_A_TIME, now=desk.clock.now())
        if not unshown:
            return
        by_people: defaultdict[str, list[Unshown]] = defaultdict(list)
        for one in unshown:
            by_people[one.connection].append(one)
        for people, some in by_people.items():
            _show(desk, people, name, some, told)


def _show(desk: Desk, people: str, name: str, some: Sequence[Unshown], told: Round) -> None:
    latest: dict[str, datetime] = {}
    for one in some:
        latest[one.record_id] = max(one.at, latest.get(one.record_id, one.at))
    now = desk.clock.now()
    try:
        registry = desk.opens.registry(people)

        def shown(ids: Sequence[str]) -> list[str | None]:
            refused = registry.show(name, {id: latest[id] for id in ids})
            return [refused.get(id) for id in ids]

        said = asked_apart(list(latest), shown, lambda id, error: str(error))
    except NpsyncError as error:
        told.problems.append(f"{name} of {len(latest)} records could not be written: {error}")
        desk.notice("ledger_field_not_written", connection=people, problem=str(error))
        desk.store.show_later([one.number for one in some], now + LATER)
        return
    refused = {record_id: why for record_id, why in zip(latest, said, strict=True) if why is not None}
    for record_id, why in refused.items():
        told.problems.append(f"{name} of {people} {record_id} was refused: {why}")
        desk.notice("ledger_field_refused", connection=people, record=record_id, problem=why)
    desk.store.show_later([one.number for one in some if one.record_id in refused], now + MUCH_LATER)
    desk.store.shown([one.number for one in some if one.record_id not in refused])


def _in_parts(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
