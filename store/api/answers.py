"""Answers: arriving in the inbox, taken up by a sync."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from nps.responses import Cursor, Page, SurveyResponse
from nps.values import Json
from store.api.values import Counted, Lease, Live, Received, Settled, State, Taken


class Inbox(Protocol):
    """What arrived, one row per version of an answer."""

    def cursor(self, connection: str) -> Cursor | None: ...

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
        """Store a page and its cursor in ONE transaction. `persons[i]` is a signed 64-bit number of the person behind
        `page.responses[i]`: answers of one person are taken up together. Identical re-reads are counted, not
        stored; a changed content or newer `updated_at` is a new version, and the old one stays. `durable`: on the
        disk when this returns, for what cannot be read again anywhere. Unless it `moves` the cursor stays where it is:
        for what came beside the source's own list."""
        ...

    def answer(self, source: str, id: str) -> SurveyResponse | None:
        """The newest version of one answer."""
        ...

    def responses(self, numbers: Sequence[int]) -> dict[int, SurveyResponse]: ...


class Taking(Protocol):
    """Which versions a sync settles next, and what is known about those it settled."""

    def take_up(
        self,
        sync: str,
        sources: Sequence[str],
        *,
        lease: Lease,
        now: datetime,
        recheck: bool = False,
        everything: bool = False,
        expired_before: datetime | None = None,
    ) -> int:
        """Move into the sync's work: versions of `sources` that arrived since its watermark, its pending ones, its
        waiting ones that are due (with `recheck` all of them, and those in review), those refused for a passing
        reason whose time has come, those asked for (`ask_again`), those that decide a record and were answered before
        `expired_before`; with `everything` all newest versions but those a person discarded or ignored. Moves the
        watermark in the same transaction.
        Returns how many versions the work now holds (what an interrupted run left is among them)."""
        ...

    def work(
        self, sync: str, after: tuple[int, int] | None, limit: int, *, persons: Sequence[int] | None = None
    ) -> tuple[list[Taken], tuple[int, int] | None]:
        """The next about `limit` versions ordered by (person, number), never splitting a person, and where to go on
        (None at the end). `persons` narrows it to those."""
        ...

    def lying(self, sync: str, record_ids: Sequence[str]) -> list[Taken]:
        """What lies in the work and was matched to one of these records before (`earlier` is not told)."""
        ...

    def persons(self, sync: str, who: str) -> list[int]:
        """The persons of the work whose answers carry `who` as e-mail (any case), external id, phone or answer id,
        or were matched to the record `who`."""
        ...

    def scored(self, sync: str, *, at_most: int, limit: int) -> list[int]:
        """Persons of the work whose latest answer in it is a plain number up to `at_most`: so many of them."""
        ...

    def counted(
        self, sync: str, record_ids: Sequence[str], *, since: datetime | None = None
    ) -> list[Counted]:
        """Answers matched to these records that count: newest versions in a state of written, unchanged, superseded
        or pending; not those that lie in the work, nor those of people who were forgotten. `since`: only those given
        then or later, by their own date. A newer version that the sync has not taken up is no version yet."""
        ...

    def states(self, sync: str, numbers: Sequence[int]) -> dict[int, Settled]: ...

    def matched_before(self, sync: str, numbers: Sequence[int]) -> dict[int, set[str]]:
        """For each of these versions the records that other answers of the same person are matched to."""
        ...

    def left_open(self, sync: str, run: int, state: State, *, limit: int = 100) -> list[Settled]:
        """Answers that `run` left in an open state (waiting, review, held, rejected, pending) and that are in it
        still, in order of arrival."""
        ...

    def confirmed(
        self,
        connection: str,
        object: str,
        record_ids: Sequence[str],
        live: Live | None = None,
    ) -> dict[str, dict[str, Json]]:
        """For each record the last value we know we wrote, per field. A later write whose outcome stayed unknown counts
        where `live(record)` shows its value: it did happen, and what it left is no colleague's."""
        ...
