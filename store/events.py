"""The event inbox: what was pushed to us, durably and once, and the events that reading it again or polling showed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from nps.events import Answered, Arrival, Event, Hint, PersonKey, Signal, SignalKind, Subject
from nps.responses import Cursor, ResponseStatus, SurveyResponse
from store.api import ArrivalRow, Arrived, EventRow, Noted
from store.database import Database, Transaction
from store.forgetting import forgotten_arrivals, forgotten_events
from store.owners import is_gone
from store.rows import from_json, json_object, milliseconds, moment, storable, to_json

_EVENT = "id, connection, kind, key, object, subject, occurred_at, person, facts, noted_at"

_RECEIVE = """
    INSERT INTO arrival
        (connection, key, received_at, what, kind, subject, state, attempts, again_at, settled_at, code, reason)
    VALUES (?, ?, ?, ?, ?, ?, 'new', 0, ?, NULL, '', '') ON CONFLICT (connection, key) DO NOTHING"""

_REFUSED = """
    INSERT INTO arrival
        (connection, key, received_at, what, kind, subject, state, attempts, again_at, settled_at, code, reason)
    VALUES (:connection, :key, :now, '', '', '', 'refused', :times, :now, :now, :code, :reason)
    ON CONFLICT (connection, key) DO UPDATE
    SET attempts = arrival.attempts + excluded.attempts, settled_at = excluded.settled_at, reason = excluded.reason"""

# No kind of event can be called so: a name that a trigger gives has no blank.
_AN_ANSWER = "an answer"

_NEXT = """
    SELECT id, received_at, attempts, what, code FROM arrival
    WHERE state = 'new' AND again_at <= :now AND kind <> :answer ORDER BY again_at, id LIMIT :limit"""
_NEXT_ANSWERS = """
    SELECT id, received_at, attempts, what, code FROM arrival
    WHERE state = 'new' AND again_at <= :now AND kind = :answer ORDER BY again_at, id LIMIT :limit"""

# What an answer said is in the inbox by then, or should not be kept at all.
_SETTLE = f"""
    UPDATE arrival SET state = 'settled', settled_at = ?, code = ?, reason = ?, attempts = attempts + 1,
        what = CASE WHEN kind = '{_AN_ANSWER}' THEN '' ELSE what END
    WHERE id = ? AND state = 'new'"""
_AGAIN = """
    UPDATE arrival SET again_at = ?, attempts = attempts + 1, code = '', reason = '' WHERE id = ? AND state = 'new'"""

# Until it is settled or put off, its code is how often it was begun, and its reason by whom.
_BEGIN = "UPDATE arrival SET again_at = ?, code = ?, reason = ? WHERE id = ? AND state = 'new'"
_READERS = "SELECT DISTINCT reason FROM arrival WHERE state = 'new' AND again_at > :now AND reason <> ''"
_LEFT = "UPDATE arrival SET again_at = :now, reason = '' WHERE state = 'new' AND reason IN LIST(:gone)"

_ROWS = """
    SELECT id, connection, received_at, kind, state, code, reason, subject, attempts FROM arrival
    {where} ORDER BY id DESC LIMIT :limit"""

_NOTE = """
    INSERT INTO event (connection, kind, key, object, subject, occurred_at, person, facts, noted_at, decided_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL) ON CONFLICT (connection, key) DO NOTHING"""

_MOVE_CURSOR = """
    INSERT INTO event_cursor (connection, state, stored_at) VALUES (:connection, :state, :now)
    ON CONFLICT (connection) DO UPDATE SET state = excluded.state, stored_at = excluded.stored_at"""


class Events:
    database: Database

    # ------------------------------------------------------------ arrivals

    def receive(self, arrivals: Sequence[Arrival], *, now: datetime) -> int:
        at = milliseconds(now)
        with self.database.read() as tx:
            gone = forgotten_arrivals(tx, arrivals)
        rows = sorted(
            (
                one.connection,
                storable(one.key),
                at,
                encoded(one),
                storable(_kind(one)),
                storable(_subject(one)),
                at,
            )
            for place, one in enumerate(arrivals)
            if place not in gone
        )
        for connection, times in Counter(arrivals[place].connection for place in sorted(gone)).items():
            self.refuse(
                connection, "forgotten", "it was about somebody who was forgotten", now=now, times=times
            )
        with self.database.write(durable=True) as tx:
            return tx.many(_RECEIVE, rows)

    def refuse(self, connection: str, code: str, reason: str, *, now: datetime, times: int = 1) -> None:
        with self.database.write() as tx:
            tx.run(
                _REFUSED,
                connection=connection,
                key=f"refused/{code}/{now:%Y-%m-%dT%H}",
                now=milliseconds(now),
                code=code,
                reason=storable(reason),
                times=times,
            )

    def arrivals(self, limit: int, *, now: datetime) -> list[Arrived]:
        return self._next(_NEXT, limit, now)

    def answers_told(self, limit: int, *, now: datetime) -> list[Arrived]:
        return self._next(_NEXT_ANSWERS, limit, now)

    def _next(self, sql: str, limit: int, now: datetime) -> list[Arrived]:
        at = milliseconds(now)
        with self.database.read() as tx:
            gone = [reader for (reader,) in tx.rows(_READERS, now=at) if is_gone(reader)]
        if gone:
            with self.database.write() as tx:
                tx.run(_LEFT, now=at, gone=gone)
        with self.database.read() as tx:
            found = tx.rows(sql, now=at, limit=limit, answer=_AN_ANSWER)
        return [Arrived(row[0], moment(row[1]), row[2], decoded(row[3]), int(row[4] or 0)) for row in found]

    def settle_arrivals(
        self,
        settled: Mapping[int, tuple[str, str]],
        *,
        now: datetime,
        again: Mapping[int, datetime] | None = None,
    ) -> None:
        with self.database.write() as tx:
            _settle(tx, settled, now)
            tx.many(_AGAIN, [(milliseconds(at), number) for number, at in sorted((again or {}).items())])

    def begin_arrivals(self, arrived: Sequence[Arrived], owner: str, *, until: datetime) -> None:
        at = milliseconds(until)
        begun = sorted((one.number, str(one.begun + 1)) for one in arrived)
        with self.database.write() as tx:
            tx.many(_BEGIN, [(at, times, owner, number) for number, times in begun])

    def arrival_rows(self, *, connection: str | None = None, limit: int = 100) -> list[ArrivalRow]:
        where, given = (
            ("", {}) if connection is None else ("WHERE connection = :connection", {"connection": connection})
        )
        with self.database.read() as tx:
            found = tx.rows(_ROWS.format(where=where), **given, limit=limit)
        return [_arrival_row(row) for row in found]

    # ------------------------------------------------------------ events

    def event_cursor(self, connection: str) -> Cursor | None:
        with self.database.read() as tx:
            found = tx.one(
                "SELECT state FROM event_cursor WHERE connection = :connection", connection=connection
            )
        return None if found is None else Cursor(state=from_json(found[0]))

    def forget_event_cursor(self, connection: str) -> None:
        with self.database.write() as tx:
            tx.run("DELETE FROM event_cursor WHERE connection = :connection", connection=connection)

    def note_events(
        self,
        events: Sequence[Event],
        *,
        now: datetime,
        cursor: tuple[str, Cursor] | None = None,
        settled: Mapping[int, tuple[str, str]] | None = None,
    ) -> int:
        at = milliseconds(now)
        with self.database.write(durable=True) as tx:
            gone = forgotten_events(tx, events)
            rows = [_event_row(event, at) for place, event in enumerate(events) if place not in gone]
            # Two who note the same events at once would each wait for a row of the other's.
            self.database.lock_names(tx, (f"events\0{event.connection}" for event in events))
            new = tx.many(_NOTE, rows)
            if cursor is not None:
                connection, place = cursor
                tx.run(_MOVE_CURSOR, connection=connection, state=json_object(place.state), now=at)
            _settle(tx, settled or {}, now)
        return new

    def undecided_events(
        self, limit: int, *, after: int = 0, but: Collection[tuple[str, str]] = ()
    ) -> list[Noted]:
        with self.database.read() as tx:
            found = tx.rows(
                f"""SELECT {_EVENT} FROM event
                WHERE decided_at IS NULL AND id > :after AND NOT (connection || '/' || kind) IN LIST(:but)
                ORDER BY id LIMIT :limit""",
                after=after,
                but=[f"{connection}/{kind}" for connection, kind in sorted(but)],
                limit=limit,
            )
        return [Noted(row[0], moment(row[-1]), _event(row)) for row in found]

    def events_of(self, subjects: Sequence[tuple[str, str, str]]) -> list[Event]:
        named: dict[tuple[str, str], list[str]] = {}
        for connection, object, id in subjects:
            named.setdefault((connection, object), []).append(id)
        with self.database.read() as tx:
            found = [
                row
                for (connection, object), ids in named.items()
                for row in tx.rows(
                    f"""SELECT {_EVENT} FROM event
                    WHERE connection = :connection AND object = :object AND subject IN LIST(:ids)""",
                    connection=connection,
                    object=object,
                    ids=ids,
                )
            ]
        return [_event(row) for row in sorted(found, key=lambda row: (row[6], row[0]))]

    def event_rows(self, *, connection: str | None = None, limit: int = 100) -> list[EventRow]:
        where, given = (
            ("", {}) if connection is None else ("WHERE connection = :connection", {"connection": connection})
        )
        with self.database.read() as tx:
            found = tx.rows(
                f"""SELECT id, noted_at, connection, kind, object, subject, occurred_at, decided_at FROM event {where}
                ORDER BY id DESC LIMIT :limit""",
                **given,
                limit=limit,
            )
        return [
            EventRow(
                number=row[0],
                noted_at=moment(row[1]),
                connection=row[2],
                kind=row[3],
                subject=f"{row[4]}/{row[5]}",
                occurred_at=moment(row[6]),
                decided=row[7] is not None,
            )
            for row in found
        ]

    def events_since(self, since: datetime) -> list[Event]:
        with self.database.read() as tx:
            found = tx.rows(
                f"SELECT {_EVENT} FROM event WHERE occurred_at >= :since ORDER BY occurred_at, id",
                since=milliseconds(since),
            )
        return [_event(row) for row in found]


def decided(tx: Transaction, number: int, now: int) -> bool:
    """Count the event as decided. False when it is already."""
    return bool(
        tx.run(
            "UPDATE event SET decided_at = :now WHERE id = :number AND decided_at IS NULL",
            now=now,
            number=number,
        )
    )


def _settle(tx: Transaction, settled: Mapping[int, tuple[str, str]], now: datetime) -> None:
    at = milliseconds(now)
    tx.many(
        _SETTLE, [(at, code, storable(reason), number) for number, (code, reason) in sorted(settled.items())]
    )


# ------------------------------------------------------------ rows


def encoded(arrival: Arrival) -> str:
    try:
        return msgspec.json.encode(arrival).decode()
    except UnicodeEncodeError:  # a lone surrogate, which some sender's JSON spelt out
        return storable(json.dumps(msgspec.to_builtins(arrival), ensure_ascii=False))


def decoded(what: str) -> Arrival:
    told: dict[str, Any] = from_json(what)
    kind = told.pop("type")
    if kind == "answered":
        response = told["response"] and _response(told["response"])
        return Answered(**told | {"at": datetime.fromisoformat(told["at"]), "response": response})
    if kind == "signal":
        return Signal(**told | {"kind": SignalKind(told["kind"]), "at": datetime.fromisoformat(told["at"])})
    subject, occurred_at = told["subject"], told["occurred_at"]
    read = {
        "subject": subject and Subject(**subject),
        "person": tuple(PersonKey(**key) for key in told["person"]),
        "occurred_at": occurred_at and datetime.fromisoformat(occurred_at),
    }
    return Hint(**told | read)


def _response(told: dict[str, Any]) -> SurveyResponse:
    moments = ("answered_at", "updated_at", "invited_at")
    read = {name: told[name] and datetime.fromisoformat(told[name]) for name in moments}
    return SurveyResponse(**told | read | {"status": ResponseStatus(told["status"])})


def _kind(arrival: Arrival) -> str:
    if isinstance(arrival, Answered):
        return _AN_ANSWER
    return (arrival.kind or "") if isinstance(arrival, Hint) else arrival.kind.value


def _subject(arrival: Arrival) -> str:
    """What people see of it: never an address."""
    if isinstance(arrival, Answered):
        return arrival.id or arrival.survey or ""
    if isinstance(arrival, Signal):
        return arrival.invitation or arrival.message or ""
    return "" if arrival.subject is None else f"{arrival.subject.object}/{arrival.subject.id}"


def _arrival_row(row: tuple[Any, ...]) -> ArrivalRow:
    return ArrivalRow(
        number=row[0],
        connection=row[1],
        at=moment(row[2]),
        kind=row[3],
        state=row[4],
        code=row[5],
        reason=row[6],
        subject=row[7],
        attempts=row[8],
    )


def _event_row(event: Event, noted_at: int) -> tuple[Any, ...]:
    return (
        event.connection,
        storable(event.kind),
        storable(event.key),
        storable(event.subject.object),
        storable(event.subject.id),
        milliseconds(event.occurred_at),
        storable(to_json([[key.kind, key.value] for key in event.person])),
        storable(json_object(event.facts)),
        noted_at,
    )


def _event(row: tuple[Any, ...]) -> Event:
    """From the columns _EVENT."""
    return Event(
        connection=row[1],
        kind=row[2],
        key=row[3],
        subject=Subject(row[4], row[5]),
        occurred_at=moment(row[6]),
        person=tuple(PersonKey(kind, value) for kind, value in from_json(row[7])),
        facts=from_json(row[8]),
    )
