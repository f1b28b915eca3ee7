"""Access tokens, the calls of a minute, and what the application client is known by."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from typing import Any

from sandbox.pretectum.words import CLIENT_ID, CLIENT_SECRET, Refusal, bad_request, unauthorised
from sandbox.toy import Room


class Tokens:
    def __init__(self, room: Room) -> None:
        self._room = room
        self._ends: dict[str, float] = {}
        self._minute = (0, 0)

    def issue(self, body: Any, seconds: int) -> Mapping[str, Any]:
        """Both names stand in a JSON object."""
        if not isinstance(body, dict) or {"client_id", "client_secret"} - body.keys():
            raise bad_request("client_id and client_secret are required")
        same = (
            hmac.compare_digest(str(body["client_id"]).encode(), CLIENT_ID.encode()),
            hmac.compare_digest(str(body["client_secret"]).encode(), CLIENT_SECRET.encode()),
        )
        if not all(same):
            raise unauthorised()
        token = secrets.token_urlsafe(48)
        self._ends[token] = self._room.clock.time() + seconds
        return {"access_token": token, "expires_in": seconds, "token_type": "Bearer"}

    def check(self, header: str) -> None:
        """The header is the token itself, although it is called a Bearer token."""
        if header not in self._ends:
            raise unauthorised()
        if self._room.faults.take("expired_token"):
            self._ends[header] = 0.0
        if self._room.clock.time() >= self._ends[header]:
            raise unauthorised()

    def expire(self) -> int:
        self._ends = dict.fromkeys(self._ends, 0.0)
        return len(self._ends)

    def count(self, per_minute: int, *, tells_wait: bool) -> None:
        if not per_minute:
            return
        now = self._room.clock.time()
        minute, used = self._minute
        used = used if int(now // 60) == minute else 0
        if used >= per_minute:
            self._room.traffic.limit_met("pretectum", "per_minute")
            headers = {"Retry-After": str(int(60 - now % 60) + 1)} if tells_wait else {}
            raise Refusal(429, "Too many requests", headers)
        self._minute = int(now // 60), used + 1
