"""The raw export: whole days of events, one JSON object a line, never twice the same in one reading."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from connectors.calls import CallPolicy
from connectors.contract import Clock, Tools
from connectors.http import Http
from connectors.limits import Limiter, Window
from connectors.mixpanel.people import digest
from connectors.mixpanel.queries import Queries
from connectors.mixpanel.settings import MixpanelSettings
from connectors.replies import FINE, Reply, Retry, Ruling, Stop, judge
from nps.errors import AccessError, BudgetError, ConfigError, UnavailableError

MOST_ROWS = 100_000  # of one answer
_MILLISECONDS = 100_000_000_000  # a larger number is no count of seconds


@dataclass(frozen=True)
class Row:
    """One event as the export tells it. `processed`: when Mixpanel had it, which late ones have late."""

    name: str
    distinct_id: str
    at: datetime
    processed: datetime
    key: str
    properties: Mapping[str, Any]


class Export:
    def __init__(self, settings: MixpanelSettings, tools: Tools) -> None:
        self._settings, self._tools = settings, tools
        self._queries = Queries(tools)
        account = settings.service_account
        login = "" if account is None else f"{account.username}:{account.secret.get_secret_value()}"

        def count() -> None:
            self._queries.spend()
            tools.count_call()

        policy = CallPolicy(
            replace(tools, count_call=count),  # every attempt is a query
            Limiter(tools, {"": [Window(3, 1)]}, name="export"),
            judge=lambda reply: self._judge(reply, tools.clock),
        )
        self._http = Http(
            settings.address,
            policy,
            allow_http=settings.allow_http,
            headers={"Authorization": f"Basic {b64encode(login.encode()).decode()}"},
        )

    def rows(self, names: Sequence[str], first: date, last: date) -> Iterator[Row]:
        """Every event of these names on these days, both included, in the project's time zone. One query, and more
        where one answer cannot hold them all."""
        seen: set[str] = set()
        for row in self._days(names, first, last):
            if row.key not in seen:
                seen.add(row.key)
                yield row

    def close(self) -> None:
        self._http.close()

    # ------------------------------------------------------------ inside

    def _days(self, names: Sequence[str], first: date, last: date) -> Iterator[Row]:
        """What does not fit is asked again, day by day and then name by name; what repeats is known by its key."""
        if not (yield from self._asked(names, first, last)):
            return
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        if len(days) == len(names) == 1:
            self._tools.notice("export_cut_short", day=f"{first}", limit=MOST_ROWS)
            return
        self._tools.notice("export_split", days=len(days), names=len(names), limit=MOST_ROWS)
        for day in days:
            for some in [names] if len(days) > 1 else [[name] for name in names]:
                yield from self._days(some, day, day)

    def _asked(self, names: Sequence[str], first: date, last: date) -> Generator[Row, None, bool]:
        """One query. Returns whether there may be more than it told."""
        lines = self._http.lines(
            "/api/2.0/export",
            params={
                "project_id": self._settings.project_id,
                "from_date": f"{first}",
                "to_date": f"{last}",
                "event": orjson.dumps(list(names)).decode(),
                "time_in_ms": "true",
                "limit": MOST_ROWS,
            },
            what="read the raw export",
        )
        count = strange = 0
        for line in lines:
            count += 1
            row = _row(line, self._settings.zone)
            if row is None:
                strange += 1
            else:
                yield row
        if strange and strange == count:
            raise UnavailableError(
                f"{self._tools.connection}: read the raw export: none of {count} lines is an event as Mixpanel "
                "describes it; is base_url right, and does a proxy answer?"
            )
        if strange:
            self._tools.notice("export_lines_left_out", count=strange)
        return count >= MOST_ROWS

    def _judge(self, reply: Reply, clock: Clock) -> Ruling:
        match reply.status:
            case 200:
                page = "html" in reply.headers.get("content-type", "")
                return Retry("a web page came where events were expected", unknown=True) if page else FINE
            case 401:
                return Stop(
                    AccessError,
                    "Mixpanel refuses the service account (401): has it expired, and is residency right?",
                )
            case 402 | 403:
                return Stop(
                    AccessError,
                    f"the service account may not export this project ({reply.status}): is it a member of the "
                    "project, and does the plan include raw export?",
                )
            case 400 | 404:
                return Stop(
                    ConfigError,
                    f"Mixpanel refuses the query ({reply.status}): are project_id and residency right?",
                )
            case 429:
                self._queries.refused()
                return Stop(
                    BudgetError, "the project's exports of this hour are spent (429); a later poll goes on"
                )
            case status if status >= 500 or status in (408, 425):
                return judge(reply, clock)
            case status:
                return Stop(UnavailableError, f"status {status} came where events were expected")


def _row(line: bytes, zone: ZoneInfo) -> Row | None:
    """None for what is no event as it is described."""
    try:
        told = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    properties = told.get("properties") if isinstance(told, dict) else None
    if not isinstance(properties, dict) or not isinstance(name := told.get("event"), str):
        return None
    time, distinct_id = properties.get("time"), properties.get("distinct_id")
    at = _moment(time, zone)
    if at is None or isinstance(distinct_id, bool) or not isinstance(distinct_id, str | int):
        return None
    return Row(
        name=name,
        distinct_id=str(distinct_id),
        at=at,
        processed=_moment(properties.get("mp_processing_time_ms"), None) or at,
        key=digest(name, distinct_id, time, properties.get("$insert_id", "")),
        properties=properties,
    )


def _moment(value: object, zone: ZoneInfo | None) -> datetime | None:
    """In an old project a time is the wall clock's in the project's zone, counted as if that were UTC."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    seconds = value / 1000 if value > _MILLISECONDS else value
    if not 0 < seconds < 32_503_680_000:
        return None
    counted = datetime.fromtimestamp(seconds, UTC)
    return counted if zone is None else counted.replace(tzinfo=zone).astimezone(UTC)
