"""Webhook destinations: one event in a request or many in an array, signed (Segment) or with a fixed header."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.types import ASGIApp

from sandbox import deliveries
from sandbox.deliveries import HOUR, MINUTE, Channel, Heard, Manner, Post
from sandbox.faults import Fault
from sandbox.segment.signatures import signature
from sandbox.shelves import Shelves
from sandbox.toy import Room, Row

SECRET = "segment-sandbox-shared-secret"
_AGENTS = {"segment": "Segment.io/1.0", "rudderstack": "RudderLabs"}
_LARGEST_BATCH, _USUAL_BATCH = 4_000, 1_000


def _four_hours_of_gaps() -> Iterator[float]:
    gap, waited = MINUTE, 0.0
    while waited + gap <= 4 * HOUR:
        yield gap
        waited += gap
        gap = min(2 * gap, HOUR)


def _again(heard: Heard) -> bool:
    """Time-outs and 5xx; a 4xx is final."""
    return heard.status == 0 or heard.status >= 500


_MANNER = Manner(gaps=tuple(_four_hours_of_gaps()), timeout=5, tries_again=_again)


@dataclass(frozen=True)
class Destination:
    url: str
    flavour: str = "segment"
    secret: str | None = SECRET  # Segment signs with it; None or "": nothing is signed
    headers: Mapping[str, str] = field(default_factory=dict)
    batch: int = 1  # events in one request; more than one makes the body an array

    def post(self, items: Sequence[Any], attempt: int) -> Post:
        parts = [orjson.dumps(item) for item in items]
        body = parts[0] if self.batch == 1 else b"[" + b",".join(parts) + b"]"
        headers = {"Content-Type": "application/json", "User-Agent": _AGENTS[self.flavour], **self.headers}
        if self.flavour == "segment" and self.secret:
            headers["X-Signature"] = signature(self.secret, parts[0])
        return Post(self.url, body, headers)


class Pipes(Shelves):
    """Knobs: destination {url, flavour: segment|rudderstack, secret, headers, batch}; url null ends it
    · track {event, user_id, email, properties, group_id, timestamp, message_id, …} · identify {user_id, traits}
    · delete {user_id} · track_customers {event, count, properties}: so many people of the world use a feature."""

    title = "Segment and RudderStack"
    fault_kinds = deliveries.FAULT_KINDS

    def __init__(self, room: Room) -> None:
        super().__init__(room, {"events": ("timestamp", "type", "event", "userId", "messageId")})
        self._channels: dict[str, Channel] = {}
        self.app: ASGIApp = Starlette()
        self.knobs = {
            "destination": self._destination,
            "track": self._track,
            "identify": self._identify,
            "delete": self._delete,
            "track_customers": self._track_customers,
        }

    def env(self, url: str) -> dict[str, str]:
        return {"SEGMENT_SECRET": SECRET}

    def refusal(self, fault: Fault) -> Response:
        return Response("There is nothing to call here.", fault.status)

    # ------------------------------------------------------------ knobs

    def _destination(self, given: Row) -> Row:
        flavour = given.get("flavour", "segment")
        if flavour not in _AGENTS:
            raise ValueError(f"no flavour {flavour}; there are: {', '.join(_AGENTS)}")
        if given["url"] is None:
            self._channels.pop(flavour, None)
            self.room.deliveries.close("segment", flavour)
            return {"url": None}
        destination = Destination(**{**given, "flavour": flavour})
        if not 1 <= destination.batch <= _LARGEST_BATCH:
            raise ValueError(f"a batch has 1 to {_LARGEST_BATCH} events, {_USUAL_BATCH} as a rule")
        self._channels[flavour] = self.room.deliveries.channel(
            "segment", flavour, destination.url, destination.post, _MANNER, most=destination.batch
        )
        return {"url": destination.url}

    def _track(self, given: Row) -> Row:
        context: dict[str, Any] = dict(given.get("context", {}))
        if "email" in given:
            context["traits"] = {**context.get("traits", {}), "email": given["email"]}
        if "group_id" in given:
            context["groupId"] = given["group_id"]
        body = {"type": "track", "event": str(given["event"]), "properties": given.get("properties", {})}
        return self._send({**body, "context": context}, given)

    def _identify(self, given: Row) -> Row:
        return self._send({"type": "identify", "traits": given.get("traits", {})}, given)

    def _delete(self, given: Row) -> Row:
        """A person asked to be deleted."""
        return self._tell({"type": "delete", "userId": given["user_id"], "timestamp": self._now()})

    def _track_customers(self, given: Row) -> Row:
        customers = (one for one in self.room.world.customers() if one.email)
        people = list(itertools.islice(customers, int(given.get("count", 1))))
        for person in people:
            told = {"user_id": person.external_id, "email": person.email}
            self._track({"event": given["event"], "properties": given.get("properties", {}), **told})
        return {"sent": len(people)}

    # ------------------------------------------------------------ inside

    def _send(self, body: Row, given: Row) -> Row:
        """An event as the pipeline keeps it: with its own id and the server's times."""
        now = self._now()
        who = {"userId": given.get("user_id"), "anonymousId": given.get("anonymous_id")}
        if who == {"userId": None, "anonymousId": None}:
            raise ValueError("an event needs user_id or anonymous_id")
        occurred = given.get("timestamp", now)
        event = {
            "version": 2,
            **body,
            **{name: value for name, value in who.items() if value is not None},
            "messageId": given.get("message_id", str(uuid.UUID(int=self.next_number()))),
            "timestamp": occurred,
            "originalTimestamp": occurred,
            "sentAt": now,
            "receivedAt": now,
            "integrations": {},
        }
        left_out = given.get("without", ())  # classic examples have no messageId and no receivedAt
        return self._tell({name: value for name, value in event.items() if name not in left_out})

    def _tell(self, event: Row) -> Row:
        id = str(self.next_number())
        for channel in self._channels.values():
            channel.put(event)
        shown = {"event": None, "userId": None, "messageId": None, "timestamp": None, **event}
        return self.put("events", id, {"id": id, **shown})

    def _now(self) -> str:
        return _moment(self.room.clock.now())


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
