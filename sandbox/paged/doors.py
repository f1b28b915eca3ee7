"""The ways a vendor tells callers apart; the first part of every address says which one is asked for."""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request

from sandbox.clock import Clock
from sandbox.serving import Refused

KEY = "paged-sandbox-key-41D7"
USER, PASSWORD = "revops@acme.example", "paged-sandbox-password"
CLIENT_ID, CLIENT_SECRET = "paged-client", "paged-client-secret"


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


_FIXED: dict[str, tuple[str, str]] = {
    "header": ("x-api-key", KEY),
    "bearer": ("authorization", f"Bearer {KEY}"),
    "word": ("authorization", f"Token {KEY}"),
    "named": ("authorization", f"api_key={KEY}"),
    "basic": ("authorization", _basic(KEY, "")),
    "user-token": ("authorization", _basic(f"{USER}/token", KEY)),
}
_TOKENS: dict[str, str] = {"oauth2": "Bearer {}", "raw": "{}"}
NAMES = ("open", "query", *_FIXED, *_TOKENS)


class Doors:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._live: dict[str, float] = {}  # access token → when it dies
        self.refresh = "paged-refresh-token-1"
        self.issued = 0

    def check(self, door: str, request: Request) -> None:
        """A Refused in the vendor's words: 404 for a door that is not there, 401 for who may not enter."""
        if door not in NAMES:
            raise Refused(404, {"error": f"no door {door}; there are: {', '.join(NAMES)}"})
        if door == "open":
            return
        if door == "query":
            header, wanted, told = "api_key", KEY, request.query_params.get("api_key", "")
        elif door in _FIXED:
            header, wanted = _FIXED[door]
            told = request.headers.get(header, "")
        else:
            header, told = "authorization", request.headers.get("authorization", "")
            wanted = next((live for live in map(_TOKENS[door].format, self._alive()) if live == told), "")
        if not wanted or not hmac.compare_digest(told.encode(), wanted.encode()):
            raise Refused(401, {"error": f"{header} is missing, wrong or expired"})

    def _alive(self) -> list[str]:
        return [token for token, until in self._live.items() if until > self._clock.time()]

    def expire(self) -> int:
        """Every access token dies at once; refresh tokens live."""
        died = len(self._alive())
        self._live.clear()
        return died

    def token(self, form: Mapping[str, Any], authorization: str, seconds: int) -> dict[str, Any]:
        """The reply of the token endpoint, to a form or to JSON; the client's names in the body or as Basic."""
        grant = form.get("grant_type")
        client = (str(form.get("client_id")), str(form.get("client_secret")))
        if client != (CLIENT_ID, CLIENT_SECRET) and authorization != _basic(CLIENT_ID, CLIENT_SECRET):
            raise Refused(401, {"error": "invalid_client", "error_description": "Client unknown"})
        checks: dict[Any, Callable[[], bool]] = {
            "client_credentials": lambda: True,
            None: lambda: True,
            "password": lambda: (form.get("username"), form.get("password")) == (USER, PASSWORD),
            "refresh_token": lambda: form.get("refresh_token") == self.refresh,
        }
        if grant not in checks:
            raise Refused(400, {"error": "unsupported_grant_type"})
        if not checks[grant]():
            raise Refused(400, {"error": "invalid_grant"})
        self.issued += 1
        access = secrets.token_hex(16)
        self._live[access] = self._clock.time() + seconds
        told = {"access_token": access, "token_type": "bearer", "expires_in": seconds}
        if grant in ("password", "refresh_token"):  # each use makes the next one, and ends itself
            self.refresh = told["refresh_token"] = f"paged-refresh-token-{self.issued + 1}"
        return told
