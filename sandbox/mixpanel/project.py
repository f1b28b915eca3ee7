"""The project: its events, how they are exported, its cohorts, and its profiles."""

from __future__ import annotations

import gzip
import itertools
import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox import deliveries
from sandbox.faults import Fault
from sandbox.knobs import Knob, turn
from sandbox.mixpanel.access import SECRET, TOKEN, USER, Rate, Refused, admit
from sandbox.mixpanel.cohorts import PROJECT_ID, Cohorts
from sandbox.mixpanel.engage import STRICT_SHAPES, Engage
from sandbox.mixpanel.faces import FACES
from sandbox.mixpanel.people import People
from sandbox.toy import NoSuchRecord, Room, Row, Show, name_call

LARGEST_EXPORT = 100_000
_KEPT = 200_000
_KEPT_PROFILES = ("profiles", "groups")


@dataclass
class Settings:
    """What control may switch."""

    time_zone: str = "UTC"  # of the project; one made before 2023 has its own, and `time` is local to it
    per_hour: int = 60  # exports
    per_second: int = 3
    queries_per_hour: int = 60  # over profiles
    strict_shape: str = "failed_records"  # of what strict=1 answers; not documented: verbose, plain
    strict_status: int = (
        400  # and its status when part of a batch is bad; the good ones are taken all the same
    )
    lives_elsewhere: bool = False  # in another region: updates count as taken and are not


class Project:
    """Its own fault kinds: repeated_rows (an export holds every row twice), dropped (an update counts as taken
    and is not), refused (it is not valid); and those of what it sends out."""

    title = "Mixpanel"
    faces = FACES
    fault_kinds = frozenset({"repeated_rows", "dropped", "refused"}) | deliveries.FAULT_KINDS

    def __init__(self, room: Room) -> None:
        self.room = room
        self.settings = Settings()
        self.cohorts = Cohorts(room)
        self.people = People(room)
        self._engage = Engage(room, self.people, lambda: self.settings, self.cohorts.members)
        exports = Route("/api/2.0/export", self._export, methods=["GET"])
        self.app: ASGIApp = Starlette(routes=[exports, *self._engage.routes()])
        self._events: deque[Row] = deque(maxlen=_KEPT)
        self._numbers = itertools.count(1)
        self._exports = Rate(room, "export")
        self._commands: dict[str, Knob] = {
            "set": self._set,
            "track": self._track,
            "track_customers": self._track_customers,
            "cohort": self.cohorts.set,
            "sync": self.cohorts.sync,
            "sync_customers": self._sync_customers,
            "resume": self.cohorts.resume,
        }

    def env(self, url: str) -> dict[str, str]:
        return {
            "MIXPANEL_URL": url,
            "MIXPANEL_USER": USER,
            "MIXPANEL_SECRET": SECRET,
            "MIXPANEL_PROJECT": PROJECT_ID,
            "MIXPANEL_TOKEN": TOKEN,
        }

    def refusal(self, fault: Fault) -> Response:
        words = {429: "You have exceeded your rate limit.", 401: "Invalid service account credentials"}
        return Refused(fault.status, words.get(fault.status, "Internal server error")).reply()

    # ------------------------------------------------------------ state, for control and the pages

    def objects(self) -> Mapping[str, int]:
        kept = {name: self.people.how_many(name) for name in _KEPT_PROFILES}
        return {**kept, "events": len(self._events), "cohorts": len(self.cohorts.rows())}

    def rows(self, object: str) -> Iterator[Row]:
        if object in _KEPT_PROFILES:
            return (profile.row() for profile in list(self.people.shelf(object).values()))
        return iter(list(self._events) if object == "events" else self.cohorts.rows())

    def row(self, object: str, id: str) -> Row:
        if object in _KEPT_PROFILES:
            return self.people.profile(object, id).row()
        found = next((row for row in self.rows(object) if row["id"] == id), None)
        if found is None:
            raise NoSuchRecord(f"no {object} {id}")
        return found

    def change(self, object: str, id: str, fields: Row) -> None:
        """Properties of a profile, as the product itself sets them."""
        if object not in _KEPT_PROFILES:
            raise ValueError(f"{object} do not change")
        self.people.profile(object, id).properties.update(fields)

    def add(self, object: str, fields: Row) -> str:
        """A profile or group {id, properties}; an event as the knob `track` takes it"""
        if object in _KEPT_PROFILES:
            id = str(fields["id"])
            self.people.apply(object, id, {"$set": dict(fields.get("properties", {}))}, {})
            return id
        if object != "events":
            raise ValueError("cohorts are set by the command cohort")
        return str(self._track(fields)["id"])

    def remove(self, object: str, id: str) -> None:
        if object in _KEPT_PROFILES:
            del self.people.shelf(object)[self.people.profile(object, id).id]
            return
        if object != "events":
            raise ValueError("a cohort ends by the command cohort with url null")
        self._events.remove(self.row(object, id))

    def merge(self, object: str, winner: str, loser: str) -> None:
        raise ValueError(f"{object} do not merge")

    def command(self, name: str, arguments: Row) -> Any:
        return turn(self._commands, name, arguments)

    def looks(self, show: Show) -> list[Route]:
        async def listed(request: Request) -> Response:
            events = [
                {
                    "time": f"{datetime.fromtimestamp(row['at'], UTC):%Y-%m-%d %H:%M:%S}",
                    "event": row["event"],
                    "distinct_id": row["properties"]["distinct_id"],
                }
                for row in list(self._events)[:-101:-1]
            ]
            written = [
                {
                    "object": object,
                    "id": one.id,
                    "properties": ", ".join(f"{k}: {v}" for k, v in one.properties.items()),
                }
                for object in _KEPT_PROFILES
                for one in list(self.people.shelf(object).values())[:50]
            ]
            tables = [
                ("profiles_and_groups", ("object", "id", "properties"), written),
                ("events", ("time", "event", "distinct_id"), events),
                ("cohorts", ("name", "members", "told", "paused"), self.cohorts.rows()),
            ]
            return show("shelves.html", title=self.title, tables=tables)

        return [Route("/", listed)]

    # ------------------------------------------------------------ knobs

    def _set(self, given: Row) -> Row:
        for name, value in given.items():
            if not hasattr(self.settings, name):
                raise ValueError(f"no setting {name}; there are: {', '.join(vars(self.settings))}")
            if name == "strict_shape" and value not in STRICT_SHAPES:
                raise ValueError(f"strict_shape is one of {', '.join(STRICT_SHAPES)}")
            setattr(self.settings, name, value)
        return dict(vars(self.settings))

    def _track(self, given: Row) -> Row:
        """{event, distinct_id, properties, time, insert_id, late: seconds between happening and processing}"""
        now = self.room.clock.time()
        at = float(given.get("time", now - float(given.get("late", 0))))
        id = str(next(self._numbers))
        properties = {
            "time": int(at),
            "distinct_id": str(given["distinct_id"]),
            "$insert_id": given.get("insert_id", uuid.UUID(int=int(id)).hex),
            "mp_processing_time_ms": int(now * 1000),
            **given.get("properties", {}),
        }
        row = {"id": id, "at": at, "event": str(given["event"]), "properties": properties}
        self._events.append(row)
        return row

    def _track_customers(self, given: Row) -> Row:
        """{event, count, properties}: so many people of the world use a feature"""
        people = list(itertools.islice(self.room.world.customers(), int(given.get("count", 1))))
        for person in people:
            told = {"$email": person.email, **given.get("properties", {})}
            self._track({"event": given["event"], "distinct_id": person.external_id, "properties": told})
        return {"tracked": len(people)}

    def _sync_customers(self, given: Row) -> Row:
        """{id, count}: the cohort is the world's first people"""
        people = itertools.islice(self.room.world.customers(), int(given.get("count", 1)))
        members = [
            {
                "mixpanel_distinct_id": person.external_id,
                "first_name": person.first_name,
                "last_name": person.last_name,
                "phone_number": person.phone,
                **({"email": person.email} if person.email else {}),
            }
            for person in people
        ]
        return self.cohorts.sync({**given, "members": members})

    # ------------------------------------------------------------ the export

    async def _export(self, request: Request) -> Response:
        name_call(request.scope, "export")
        try:
            admit(request)
            self._exports.count(per_hour=self.settings.per_hour, per_second=self.settings.per_second)
            rows = self._wanted(request)
        except Refused as refused:
            return refused.reply()
        if self.room.faults.take("repeated_rows", "GET", request.url.path):
            rows = [row for row in rows for _ in range(2)]
        in_ms = request.query_params.get("time_in_ms") == "true"
        body = b"".join(self._line(row, in_ms=in_ms) for row in rows)
        headers = {}
        if "gzip" in request.headers.get("accept-encoding", ""):
            body, headers = gzip.compress(body, 1), {"Content-Encoding": "gzip"}
        return Response(body, headers=headers, media_type="text/plain; charset=utf-8")

    def _wanted(self, request: Request) -> list[Row]:
        query = request.query_params
        try:
            first, last = (date.fromisoformat(query.get(name, "")) for name in ("from_date", "to_date"))
            names = set(orjson.loads(query["event"])) if "event" in query else None
            limit = int(query.get("limit", LARGEST_EXPORT))
        except (ValueError, TypeError) as problem:
            raise Refused(400, f"Invalid parameter: {problem}") from None
        if last < first or not 1 <= limit <= LARGEST_EXPORT:
            raise Refused(400, "to_date is before from_date, or limit is not 1 to 100000")
        rows = [
            row
            for row in self._events
            if first <= self._day(row) <= last and (names is None or row["event"] in names)
        ]
        return sorted(rows, key=lambda row: row["properties"]["time"])[:limit]

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.settings.time_zone)

    def _day(self, row: Row) -> date:
        return datetime.fromtimestamp(row["properties"]["time"], self._zone).date()

    def _line(self, row: Row, *, in_ms: bool) -> bytes:
        """In a project with a zone of its own, `time` counts as if its clock showed UTC."""
        at = float(row["at"])
        offset = datetime.fromtimestamp(at, self._zone).utcoffset() or timedelta(0)
        local = at + offset.total_seconds()
        told = {"event": row["event"], "properties": {**row["properties"]}}
        told["properties"]["time"] = int(local * 1000) if in_ms else int(local)
        return orjson.dumps(told) + b"\n"
