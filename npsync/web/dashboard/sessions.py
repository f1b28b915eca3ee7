"""Who is signed in: a random cookie, of which the store keeps a hash, for as long as a working day.

Signing in takes a token of the API (`npsync tokens create`). A session ends by itself, by signing out, or when its
token is revoked.
"""

from __future__ import annotations

import json
import secrets
from datetime import datetime, timedelta

from npsync import tokens
from npsync.roles import rights_of
from npsync.tokens import digest
from npsync.web.dashboard.visitors import Kind, Told, Visitor
from store.api import Store, TokenRow

LASTS = timedelta(hours=10)
PLACE = "npsync"  # among the memories of connections: no connection may be called so
PREFIX = "session:"


class Sessions:
    def __init__(self, store: Store) -> None:
        self._store = store

    def open(self, token: str, *, now: datetime) -> tuple[str, TokenRow] | None:
        """A new session's secret and whose it is; None for a token nobody knows."""
        found = tokens.known(self._store, token.strip(), now=now)
        if found is None:
            return None
        self._sweep(now)
        secret = secrets.token_urlsafe(32)
        kept = {"token": digest(token.strip()), "until": (now + LASTS).isoformat()}
        self._store.memorize(PLACE, {PREFIX + digest(secret): json.dumps(kept)})
        return secret, found

    def whose(self, secret: str, *, now: datetime) -> Visitor | None:
        """Whose session this is, while it lasts and its token is not revoked."""
        name = PREFIX + digest(secret)
        session = self._session(name)
        if session is None or now >= _until(session):
            return None
        token = tokens.in_force(self._store, session["token"], now=now)
        if token is None:
            return None
        told = session.get("told")
        return Visitor(
            name=token.name,
            kind=Kind.TOKEN,
            may=rights_of(token.scopes),
            csrf=csrf_of(secret),
            session=name,
            told=None if told is None else Told(told, "failed" in session),
        )

    def tell(self, visitor: Visitor, told: Told | None) -> None:
        """What the next page says; None: it was said."""
        session = self._session(visitor.session)
        if session is None:
            return
        kept = {name: value for name, value in session.items() if name not in ("told", "failed")}
        if told is not None:
            kept |= {"told": told.text, **({"failed": "1"} if told.failed else {})}
        self._store.memorize(PLACE, {visitor.session: json.dumps(kept)})

    def close(self, secret: str) -> None:
        self._store.forget(PLACE, [PREFIX + digest(secret)])

    def _session(self, name: str) -> dict[str, str] | None:
        kept = self._store.recall(PLACE, [name]).get(name)
        if kept is None:
            return None
        found: dict[str, str] = json.loads(kept)
        return found

    def _sweep(self, now: datetime) -> None:
        """Sessions that ended leave the store when somebody signs in."""
        kept = self._store.recall_below(PLACE, PREFIX)
        self._store.forget(PLACE, [name for name, each in kept.items() if now >= _until(json.loads(each))])


def csrf_of(secret: str) -> str:
    """What forms of this session carry. Nobody finds the cookie from it, and no other site can read either."""
    return digest(f"csrf:{secret}")


def _until(session: dict[str, str]) -> datetime:
    return datetime.fromisoformat(session["until"])
