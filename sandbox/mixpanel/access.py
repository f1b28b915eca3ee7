"""Who may read: a service account by HTTP Basic, for one project, so many times an hour."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections import deque

import orjson
from starlette.requests import Request
from starlette.responses import Response

from sandbox.mixpanel.cohorts import PROJECT_ID
from sandbox.toy import Room

USER, SECRET = "npsync.service-account", "mixpanel-sandbox-secret"
TOKEN = "4d1f9c0be5a84a6b8f0e3c2d7a6b5c41"  # of the project: public, and part of every profile update


class Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    def reply(self) -> Response:
        body = orjson.dumps({"error": str(self), "status": "error"})
        return Response(body, self.status, media_type="application/json")


def admit(request: Request) -> None:
    """Refused without the service account, or without the project it is for."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    try:
        given = base64.b64decode(text, validate=True) if scheme.lower() == "basic" else b""
    except binascii.Error:
        given = b""
    if not hmac.compare_digest(given, f"{USER}:{SECRET}".encode()):
        raise Refused(401, "Invalid service account credentials")
    if request.query_params.get("project_id") != PROJECT_ID:
        raise Refused(400, "project_id is a required parameter for service account authentication")


class Rate:
    """The calls of one kind; each kind has an hour of its own."""

    def __init__(self, room: Room, name: str) -> None:
        self._room = room
        self._name = name
        self._asked: deque[float] = deque(maxlen=1_000)

    def count(self, *, per_hour: int, per_second: int) -> None:
        now = self._room.clock.time()
        hour = sum(1 for at in self._asked if at > now - 3_600)
        second = sum(1 for at in self._asked if at > now - 1)
        if hour >= per_hour or second >= per_second:
            self._room.traffic.limit_met("mixpanel", self._name)
            raise Refused(429, "You have exceeded your rate limit.")
        self._asked.append(now)
