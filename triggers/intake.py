"""How events get in: connections are polled, and what was pushed is read again. Both end as the same events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple, cast

import msgspec

from connectors.asking import Hears
from nps.errors import AccessError, ConfigError, Interrupted, LeaseLost, NpsyncError, UnavailableError
from nps.events import Answered, Event, Hint, Reading, Signal, Subject
from store.api import Arrived
from triggers.apart import asked_apart
from triggers.desk import Desk
from triggers.report import Round
from triggers.signals import NOT_YET, REFUSED, apply, not_ours

AT_A_TIME = 200
MOST_STARTS = 3  # of reading one, that ended without a word
LEASE_SECONDS = 120.0
_SOONEST, _LATEST = timedelta(seconds=30), timedelta(hours=1)
_SETTLES_WITHIN = timedelta(hours=6)  # a message that is being sent, whatever became of its process


_DEADLY = (
    "deadly",
    f"{MOST_STARTS} times npsync ended while it read this: killed, out of memory, or crashed; its log says more",
)


class _Unreadable(NamedTuple):
    """Of a hint that could not be read again, for a reason of its own."""

    reason: str


def poll(desk: Desk, connection: str, told: Round) -> bool:
    """Ask one connection what happened since the last time; the first time starts at now. False when another process
    is at it. What a page holds is stored together with its cursor."""
    store, now = desk.store, desk.clock.now()
    watches = desk.watches(connection)
    lease = store.acquire(f"events/{connection}", desk.owner, now=now, seconds=LEASE_SECONDS)
    if lease is None:
        return False
    try:
        source = desk.opens.event_source(connection)
        if source is None or not watches:
            return True
        for page in source.poll(watches, store.event_cursor(connection)):
            now = desk.clock.now()
            store.renew(lease, now=now, seconds=LEASE_SECONDS)
            _heed(desk, page.signals, told)  # before anybody decides about their events
            told.events += store.note_events(page.events, now=now, cursor=(connection, page.cursor))
            if desk.stop():
                break
    except LeaseLost:
        return False  # a frozen process woke up: another one polls from the same cursor
    except NpsyncError as error:
        _tell(desk, told, connection, error)
    finally:
        store.release(lease)
    return True


def listen(desk: Desk, connection: str, told: Round) -> None:
    """Ask a channel what people wrote back. It lies in the inbox then as if it had been pushed, and where it was it is
    known already."""
    store = desk.store
    lease = store.acquire(f"events/{connection}", desk.owner, now=desk.clock.now(), seconds=LEASE_SECONDS)
    if lease is None:
        return
    try:
        sender = cast(Hears, desk.opens.sender(connection))
        for page in sender.heard(store.event_cursor(connection)):
            now = desk.clock.now()
            store.renew(lease, now=now, seconds=LEASE_SECONDS)
            for signal in page.signals:  # one by one: of a STOP and a START the later counts
                store.receive([msgspec.structs.replace(signal, connection=connection)], now=now)
            store.note_events((), now=now, cursor=(connection, page.cursor))
    except LeaseLost:
        return
    except NpsyncError as error:
        _tell(desk, told, connection, error)
    finally:
        store.release(lease)


def settle_arrivals(desk: Desk, told: Round) -> bool:
    """Take up what was pushed: hints are read again, signals applied. True while there is more."""
    arrived = desk.store.arrivals(AT_A_TIME, now=desk.clock.now())
    by_connection: defaultdict[str, list[Arrived]] = defaultdict(list)
    signals: dict[int, tuple[str, str]] = {}
    again: dict[int, datetime] = {}
    now = desk.clock.now()
    for one in arrived:
        if isinstance(one.what, Hint):
            by_connection[one.what.connection].append(one)
        elif isinstance(one.what, Answered):
            continue  # the store hands those to others
        elif (said := apply(desk, one.what)) == NOT_YET and now < one.at + _SETTLES_WITHIN:
            again[one.number] = now + _pause(one.attempts)
        else:
            signals[one.number] = not_ours(one.what) if said == NOT_YET else said
    if signals or again:
        desk.store.settle_arrivals(signals, now=now, again=again)
    told.arrivals.update(code or "read" for code, _ in signals.values())
    told.arrivals.update(["put_off"] * len(again))
    for connection, hints in by_connection.items():
        _read(desk, connection, hints, told)
    return len(arrived) == AT_A_TIME and not desk.stop()


def _read(desk: Desk, connection: str, arrived: Sequence[Arrived], told: Round) -> None:
    """All hints of one connection, in one go; when it cannot be reached they wait, longer each time."""
    now = desk.clock.now()
    watches = desk.watches(connection)
    if not watches:
        why = ("not_watched", f"no trigger has an event of {connection}")
        desk.store.settle_arrivals({one.number: why for one in arrived}, now=now)
        told.arrivals["not_watched"] += len(arrived)
        return
    deadly = [one for one in arrived if one.begun >= MOST_STARTS]
    if deadly:
        desk.store.settle_arrivals(dict.fromkeys((one.number for one in deadly), _DEADLY), now=now)
        told.arrivals[_DEADLY[0]] += len(deadly)
    # One that its process may have died of is read alone, so that the others are through when it dies of it again.
    left = [[one for one in arrived if not one.begun]]
    left += [[one] for one in arrived if 0 < one.begun < MOST_STARTS]
    while left and not desk.stop():
        try:
            _read_together(desk, connection, left[0], told)
        except Interrupted:
            desk.store.settle_arrivals({}, now=now, again={one.number: now for some in left for one in some})
            return
        except (AccessError, ConfigError, UnavailableError) as error:
            _tell(desk, told, connection, error)
            again = {one.number: now + _pause(one.attempts) for some in left for one in some}
            desk.store.settle_arrivals({}, now=now, again=again)
            told.arrivals["put_off"] += len(again)
            return
        left = left[1:]


def _read_together(desk: Desk, connection: str, arrived: Sequence[Arrived], told: Round) -> None:
    if not arrived:
        return
    until = desk.clock.now() + timedelta(seconds=LEASE_SECONDS)
    desk.store.begin_arrivals(arrived, desk.owner, until=until)
    source = desk.opens.event_source(connection)
    hints = [one.what for one in arrived if isinstance(one.what, Hint)]
    if source is None:
        readings: Sequence[Reading | _Unreadable] = [
            Reading(hint, (as_told(hint, one.at),)) for hint, one in zip(hints, arrived, strict=True)
        ]
    else:
        readings = asked_apart(
            hints, partial(source.read, desk.watches(connection)), lambda hint, error: _Unreadable(str(error))
        )
    settled = {one.number: _word(reading) for one, reading in zip(arrived, readings, strict=True)}
    read = [reading for reading in readings if isinstance(reading, Reading)]
    events = [event for reading in read for event in reading.events]
    _heed(desk, [signal for reading in read for signal in reading.signals], told)
    told.events += desk.store.note_events(events, now=desk.clock.now(), settled=settled)
    told.arrivals.update(code or "read" for code, _ in settled.values())


def _word(reading: Reading | _Unreadable) -> tuple[str, str]:
    if isinstance(reading, _Unreadable):
        return "unreadable", reading.reason
    return ("", "") if reading.events else ("nothing_found", reading.why_not)


def _heed(desk: Desk, signals: Iterable[Signal], told: Round) -> None:
    """What reading showed beside events; nobody pushed it, so one that is refused is told as a problem."""
    for signal in signals:
        code, reason = apply(desk, signal)
        if code == REFUSED:
            told.problems.append(f"{signal.connection}: {signal.kind} {signal.key} was refused: {reason}")


def as_told(hint: Hint, at: datetime) -> Event:
    """An event that can be read again nowhere (a feature was used): what its sender said, without its addresses."""
    return Event(
        connection=hint.connection,
        kind=hint.kind or "event",
        key=f"{hint.kind or 'event'}/{hint.key}",
        subject=hint.subject or Subject("event", hint.key),
        occurred_at=hint.occurred_at or at,
        person=hint.person,
        facts=hint.facts,
    )


def _pause(attempts: int) -> timedelta:
    doubled: timedelta = _SOONEST * 2 ** min(attempts, 12)
    return min(doubled, _LATEST)


def _tell(desk: Desk, told: Round, connection: str, error: NpsyncError) -> None:
    told.problems.append(str(error))
    desk.notice("events_unread", connection=connection, problem=str(error))
