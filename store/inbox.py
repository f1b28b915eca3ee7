"""The inbox: what arrived, one row per version of an answer, append-only.

An edit adds a version and takes `newest` from the one before; nothing else of an old version ever changes. What
repeats is recognised by a digest of its content. A re-delivery that is older than what we have (its `updated_at` says
so) is a repeat, whatever it says: late news never replaces newer news. Nor does a copy without a time of change replace
a deletion that has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from nps.responses import Cursor, Page, ResponseStatus, SurveyResponse
from store import statements
from store.api import Received
from store.database import Database
from store.errors import StoreError
from store.forgetting import forgotten_places
from store.rows import (
    INBOX,
    content,
    from_json,
    json_object,
    milliseconds,
    response_of,
)

_UPDATED_AT, _STATUS = 4, 11  # their places in a response's content


class _Known(NamedTuple):
    """The newest version we have of an answer; `place` tells where it is when it came on this very page."""

    version: int
    digest: int
    updated_at: int | None
    status: str
    number: int | None
    place: int | None = None

    def is_repeated_by(self, digest: int, updated_at: int | None) -> bool:
        if digest == self.digest:
            return True
        if self.updated_at is None:
            return False
        if updated_at is None:  # perhaps whoever says so has not heard yet that it was deleted
            return self.status == ResponseStatus.WITHDRAWN
        return updated_at < self.updated_at


class Inbox:
    database: Database

    def cursor(self, connection: str) -> Cursor | None:
        with self.database.read() as tx:
            found = tx.one("SELECT state FROM cursor WHERE connection = :connection", connection=connection)
        return None if found is None else Cursor(state=from_json(found[0]))

    def append(
        self,
        connection: str,
        page: Page,
        persons: Sequence[int],
        *,
        received_at: datetime,
        durable: bool = False,
        moves: bool = True,
    ) -> Received:
        now = milliseconds(received_at)
        incoming = [_incoming(connection, response) for response in page.responses]
        with self.database.write(durable=durable) as tx:
            self.database.lock_inbox(tx, connection)
            gone = forgotten_places(tx, page.responses)
            too_old = self._too_old(page, now)
            ids = [response.id for response in page.responses]
            known = {
                row[0]: _Known(version=row[2], digest=row[3], updated_at=row[4], status=row[5], number=row[1])
                for row in tx.rows(statements.KNOWN, source=connection, ids=ids)
            }
            rows: list[tuple[Any, ...]] = []
            overtaken: list[tuple[int]] = []
            edited = old = 0
            for at, (response, (columns, mark), person) in enumerate(
                zip(page.responses, incoming, persons, strict=True)
            ):
                if at in gone:
                    continue
                before = known.get(response.id)
                if before is None and at in too_old:
                    old += 1
                    continue
                updated_at = columns[_UPDATED_AT]
                version = 1
                if before is not None:
                    if before.is_repeated_by(mark, updated_at):
                        continue
                    version = before.version + 1
                    edited += 1
                    if before.number is not None:
                        overtaken.append((before.number,))
                    if before.place is not None:
                        rows[before.place] = _overtaken(rows[before.place])
                known[response.id] = _Known(version, mark, updated_at, columns[_STATUS], None, len(rows))
                rows.append((connection, response.id, version, True, person, mark, now, *columns))
            tx.many(statements.OVERTAKEN, overtaken)
            tx.load("response", INBOX, rows)
            if moves:
                state = json_object(page.cursor.state)
                tx.run(statements.STORE_CURSOR, connection=connection, state=state, now=now)
        return Received(
            new=len(rows) - edited,
            edited=edited,
            repeated=len(ids) - len(rows) - len(gone) - old,
            forgotten=len(gone),
            too_old=old,
        )

    def _too_old(self, page: Page, now: int) -> frozenset[int]:
        """What would be put away at once is not taken in: so nothing that arrives is older than what was put away, and
        the newest answer stays the newest."""
        if (kept := self.database.keeps_answers) is None:
            return frozenset()
        cutoff = now - kept // timedelta(milliseconds=1)
        return frozenset(
            at for at, response in enumerate(page.responses) if milliseconds(response.answered_at) < cutoff
        )

    def answer(self, source: str, id: str) -> SurveyResponse | None:
        with self.database.read() as tx:
            found = tx.one(statements.ANSWER, source=source, id=id)
        return None if found is None else response_of(found[1:])

    def responses(self, numbers: Sequence[int]) -> dict[int, SurveyResponse]:
        with self.database.read() as tx:
            found = tx.rows(statements.RESPONSES, numbers=list(numbers))
        return {row[0]: response_of(row[1:]) for row in found}


def _incoming(connection: str, response: SurveyResponse) -> tuple[tuple[Any, ...], int]:
    if response.source != connection:
        raise StoreError(f'store: a page of "{connection}" holds an answer of "{response.source}"')
    return content(response)


def _overtaken(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*row[:3], False, *row[4:])
