"""The OAuth side: three grants, two-hour tokens, and a limit counted per token and minute."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.toy import Room
from sandbox.wootric.settings import Settings

CLIENT_ID, CLIENT_SECRET = "sandbox-client", "sandbox-secret"
USERNAME, PASSWORD = "revops@acme.example", "sandbox-password"
ACCOUNT_TOKEN, SECOND_ACCOUNT_TOKEN = "NPS-5A1B0001", "NPS-5A1B0002"


@dataclass(eq=False)
class Refusal(Exception):
    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


def bad_request(message: str, field_name: str | None = None) -> Refusal:
    return Refusal(400, _error_list("bad_request", message, field_name))


def not_found() -> Refusal:
    return Refusal(404, _error_list("record_not_found", "The record could not be found", None))


def _error_list(status: str, message: str, field_name: str | None) -> dict[str, Any]:
    error = {"status": status, "message": message, "field": field_name}
    return {"type": "error_list", "errors": [error]}


def refused_token(reason: str) -> Refusal:
    challenge = f'Bearer realm="Wootric", error="invalid_token", error_description="{reason}"'
    return Refusal(401, {"error": reason}, {"WWW-Authenticate": challenge})


@dataclass(slots=True)
class Token:
    account: str
    expires_at: float


@dataclass(slots=True)
class _Minute:
    ends_at: float
    used: int = 0


class Tokens:
    def __init__(self, room: Room) -> None:
        self._room = room
        self._access: dict[str, Token] = {}
        self._refresh: dict[str, str] = {}  # refresh token → account token
        self._minutes: dict[str, _Minute] = {}

    def issue(self, form: Mapping[str, str], wanted: str | None, settings: Settings) -> dict[str, Any]:
        """The reply of `POST /oauth/token`; `wanted` is the query's account_token."""
        grant = form.get("grant_type")
        account = _account(wanted, settings)
        if grant == "client_credentials":
            _compare(form, client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
        elif grant == "password":
            _compare(form, username=USERNAME, password=PASSWORD)
        elif grant == "refresh_token":
            account = self._refreshed(form.get("refresh_token", ""))
        else:
            raise Refusal(401, _oauth_error("unsupported_grant_type", "The grant type is not supported."))
        access = secrets.token_hex(32)
        self._access[access] = Token(account, self._room.clock.time() + settings.token_seconds)
        said: dict[str, Any] = {
            "access_token": access,
            "token_type": "bearer",
            "expires_in": settings.token_seconds,
            "scope": "public",
        }
        if grant != "client_credentials":
            renewal = secrets.token_hex(32)
            self._refresh[renewal] = account
            said["refresh_token"] = renewal
        return said

    def check(self, access: str) -> str:
        """The account a token opens; a Refusal for one that opens nothing."""
        token = self._access.get(access)
        if token is None:
            raise refused_token("The access token is invalid")
        if self._room.faults.take("expired_token"):
            token.expires_at = 0.0
        if self._room.clock.time() >= token.expires_at:
            raise refused_token("The access token expired")
        return token.account

    def expire(self) -> int:
        for token in self._access.values():
            token.expires_at = 0.0
        return len(self._access)

    def count(self, access: str, settings: Settings) -> dict[str, str]:
        """The headers of a limited reply; a Refusal (without Retry-After) once the minute is used up."""
        if not settings.per_minute:
            return {}
        now = self._room.clock.time()
        minute = self._minutes.get(access)
        if minute is None or now >= minute.ends_at:
            minute = self._minutes[access] = _Minute(now - now % 60 + 60)
        spent = minute.used >= settings.per_minute
        minute.used += not spent
        headers = {
            "X-Rate-Limit-Limit": str(settings.per_minute),
            "X-Rate-Limit-Remaining": str(settings.per_minute - minute.used),
            "X-Rate-Limit-Reset": str(int(minute.ends_at)),
        }
        if spent:
            self._room.traffic.limit_met("wootric", "per_minute")
            raise Refusal(429, {"error": "Rate limit exceeded"}, headers)
        return headers

    def _refreshed(self, refresh: str) -> str:
        account = self._refresh.pop(refresh, None)
        if account is None:
            raise Refusal(401, _oauth_error("invalid_grant", "The refresh token is invalid or revoked."))
        return account


def _account(wanted: str | None, settings: Settings) -> str:
    if settings.multi_account and wanted is None:
        raise Refusal(401, _oauth_error("invalid_request", "This login owns several accounts: account_token"))
    owned = (ACCOUNT_TOKEN, SECOND_ACCOUNT_TOKEN) if settings.multi_account else (ACCOUNT_TOKEN,)
    if wanted is not None and wanted not in owned:
        raise Refusal(401, _oauth_error("invalid_request", "This login does not own that account."))
    return wanted or ACCOUNT_TOKEN


def _compare(form: Mapping[str, str], **expected: str) -> None:
    if any(form.get(name) != value for name, value in expected.items()):
        raise Refusal(401, _oauth_error("invalid_client", "Client authentication failed."))


def _oauth_error(error: str, description: str) -> dict[str, str]:
    return {"error": error, "error_description": description}
