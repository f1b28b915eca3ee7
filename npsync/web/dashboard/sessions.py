"""Who is signed in: a random cookie, of which the store keeps a hash, for as long as a working day.

Signing in takes a token of the API (`npsync tokens create`). A session ends by itself, by signing out, or when its
token is revoked.
"""

from __future__ import annotations

import json
import secrets
from datetime import datetime, timedelta

from npsync import tokens
from npsync.tokens import digest
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

    def whose(self, secret: str, *, now: datetime) -> TokenRow | None:
        """Whose session this is, while it lasts and its token is not revoked."""
        name = PREFIX + digest(secret)
        kept = self._store.recall(PLACE, [name]).get(name)
        if kept is None:
            return None
        session = json.loads(kept)
        return tokens.in_force(self._store, session["token"], now=now) if now < _until(session) else None

    def close(self, secret: str) -> None:
        self._store.forget(PLACE, [PREFIX + digest(secret)])

    def _sweep(self, now: datetime) -> None:
        """Sessions that ended leave the store when somebody signs in."""
        kept = self._store.recall_below(PLACE, PREFIX)
        self._store.forget(PLACE, [name for name, each in kept.items() if now >= _until(json.loads(each))])


def _until(session: dict[str, str]) -> datetime:
    return datetime.fromisoformat(session["until"])
