"""Answers from Wootric (InMoment), oldest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from connectors.contract import Grant, Needs, Tools, Verdict
from connectors.wootric.account import Account
from connectors.wootric.inbound import END_USER
from connectors.wootric.listing import Listing, rows_of
from connectors.wootric.people import People
from connectors.wootric.rows import NOBODY, Moments, Person, Row, response
from connectors.wootric.settings import WootricSettings
from nps.errors import AccessError, UnavailableError
from nps.events import Answered
from nps.responses import Cursor, Page, SurveyResponse

_LANES = 8  # calls in flight
_LIST_AFTER = timedelta(minutes=1)
_AT_A_TIME = 1000  # answers handed over together: one look-up of people, one transaction of the reader


class Wootric:
    """Reads answers by the time they were created, from `overlap` before the cursor on: Wootric cannot be
    asked for what was edited, so recent answers are read again."""

    def __init__(self, settings: WootricSettings, tools: Tools) -> None:
        self._settings = settings
        self._tools = tools
        self._account = tools.shared.take(lambda: Account(settings, tools))
        self._http = self._account.http
        self._pool = ThreadPoolExecutor(_LANES, thread_name_prefix=f"{tools.connection}-read")
        self._moments = Moments(self._without_offset)
        self._told_about_offset = False
        self._closed = False
        self._answers = self._listing("/v1/responses", "created", "created_at")
        changed = self._listing("/v1/end_users", "updated", "updated_at")
        self._people = People(self._http, self._pool, tools.memory, changed)

    def read(self, cursor: Cursor | None, *, since: datetime | None) -> Iterator[Page]:
        earliest = 0 if since is None else int(since.timestamp())
        start = earliest
        if cursor is not None:
            earliest = int(str(cursor.state.get("since", 0)))
            overlap = int(self._settings.overlap.total_seconds())
            start = max(earliest, int(str(cursor.state["created"])) - overlap)
        self._people.begin()
        gathered: list[Row] = []
        second = start
        for rows, second in self._answers.rows_from(start):
            gathered += rows
            if len(gathered) >= _AT_A_TIME:
                yield self._page(gathered, second, earliest)
                gathered = []
        if gathered:
            yield self._page(gathered, second, earliest)

    @property
    def list_after(self) -> timedelta:
        return _LIST_AFTER

    def again(self, told: Sequence[Answered]) -> list[SurveyResponse | None]:
        """Each alone, by the person who gave it and its id."""
        self._people.begin()
        rows = list(self._pool.map(self._alone, told))
        people = self._looked_up([row for row in rows if row is not None])
        return [None if row is None else self._response(row, people) for row in rows]

    def access(self, needs: Needs) -> list[Grant]:
        grants = [
            self._tried("read responses", "/v1/responses", "the answers themselves"),
            self._tried("read end users", "/v1/end_users", "e-mail, phone and external id behind an answer"),
        ]
        if needs.sends:
            return grants
        return [
            *grants,
            Grant(
                "write access",
                "npsync only reads",
                Verdict.EXCESS,
                "Wootric has no read-only keys; keep this one to npsync alone",
            ),
        ]

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        if not self._closed:
            self._closed = True
            self._tools.shared.give_back()

    # ------------------------------------------------------------ inside

    def _listing(self, path: str, filter: str, column: str) -> Listing:
        return Listing(
            self._http, self._pool, self._moments, self._tools.notice, path, filter, column, _LANES
        )

    def _page(self, rows: Sequence[Row], second: int, earliest: int) -> Page:
        """`second` is not finished: its rows are read again, so that none of them is lost."""
        people = self._looked_up(rows)
        # An answer dated in the future must not carry the cursor past those that are still to come.
        second = min(second, int(self._tools.clock.now().timestamp()))
        return Page(
            tuple(self._response(row, people) for row in rows),
            Cursor({"created": second, "since": earliest}),
        )

    def _looked_up(self, rows: Sequence[Row]) -> dict[int, Person]:
        when = self._settings.look_up
        if when == "never":
            return {}
        wanted = {
            row["end_user_id"]
            for row in rows
            if isinstance(row.get("end_user_id"), int) and (when == "always" or not _names_email(row))
        }
        return dict(self._people.of(wanted)) if wanted else {}

    def _response(self, row: Row, people: dict[int, Person]) -> SurveyResponse:
        number = row.get("end_user_id")
        return response(
            row,
            people.get(number, NOBODY) if isinstance(number, int) else NOBODY,
            source=self._tools.connection,
            moments=self._moments,
            channel=self._settings.channel,
            partial_when_incomplete=self._settings.partial_when_incomplete,
        )

    def _without_offset(self) -> None:
        if not self._told_about_offset:
            self._told_about_offset = True
            self._tools.notice("wootric_time_without_offset", taken_as="UTC")

    def _alone(self, told: Answered) -> Row | None:
        """None where only the list can tell: it is not known whose it is, or it is not (or no longer) there."""
        end_user = told.about.get(END_USER, "")
        if not (
            end_user.isascii() and end_user.isdigit() and str(told.id).isascii() and str(told.id).isdigit()
        ):
            return None
        path = f"/v1/end_users/{end_user}/responses/{told.id}"
        reply = self._http.request("GET", path, what="GET /v1/end_users/{id}/responses/{id}")
        if reply.status == 404:
            return None
        row = reply.json() if reply.status == 200 else None
        if not isinstance(row, dict) or str(row.get("id")) != told.id:
            raise UnavailableError(f"{reply.what}: status {reply.status} where an answer was expected")
        return row

    def _tried(self, permission: str, path: str, why: str) -> Grant:
        try:
            rows_of(self._http.request("GET", path, params={"page": 1, "per_page": 1}))
        except AccessError as refusal:
            if self._http.policy.token is None or "403" not in str(refusal):
                raise
            return Grant(permission, why, Verdict.MISSING, "the account refuses it (403)")
        return Grant(permission, why, Verdict.OK)


def _names_email(row: Row) -> bool:
    end_user = row.get("end_user")
    return isinstance(end_user, dict) and bool(end_user.get("email"))
