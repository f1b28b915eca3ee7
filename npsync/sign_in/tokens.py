"""Tokens of the API: made at random, shown once, kept as a hash."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from nps.errors import ConfigError
from store.api import Store, TokenRow

SCOPES = {
    "events": "ask whether a person may be asked, and tell what other tools sent",
    "reports": "see the figures of the dashboard: NPS, groups, accounts; nobody's name or words",
    "read": "see everything of the dashboard, also who said what",
    "plan": "have plans made and records verified: nothing is written",
    "apply": "run, pause and resume syncs, decide what waits for a person, stop and resume sends",
    "undo": "take back what a run wrote, and write it again",
    "audit": "see who did and looked at what",
    "metrics": "read the figures of /metrics and the details of /health",
    "surveys": "ask which survey waits for a person, to show it in your product",
}
PREFIX = "npsync_"  # so that a scanner for secrets finds one in a repository
REMEMBERED = timedelta(hours=1)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


def create(
    store: Store, name: str, scopes: Sequence[str], *, now: datetime, expires: timedelta | None = None
) -> str:
    """The token. It cannot be shown again; after `expires` it stops working by itself."""
    if not _NAME.fullmatch(name):
        raise ConfigError(f'"{name}" is no name for a token; take letters, digits, - _ and ., like marketing')
    for scope in scopes:
        if scope not in SCOPES:
            raise ConfigError(f'there is no scope "{scope}"; there is {", ".join(SCOPES)}')
    token = PREFIX + secrets.token_urlsafe(32)
    expires_at = None if expires is None else now + expires
    if not store.add_token(name, digest(token), sorted(set(scopes)), now=now, expires_at=expires_at):
        raise ConfigError(
            f'there is a token "{name}" already. Take another name, or: npsync tokens revoke {name}'
        )
    return token


def revoke(store: Store, name: str, *, now: datetime) -> None:
    if not store.revoke_token(name, now=now):
        raise ConfigError(f'there is no token "{name}" to revoke; npsync tokens list shows them')


def known(store: Store, token: str, *, now: datetime) -> TokenRow | None:
    """The token's row, and a note that it was used."""
    found = in_force(store, digest(token), now=now)
    if found is not None and (found.used_at is None or now - found.used_at >= REMEMBERED):
        store.token_used(found.number, now=now)
    return found


def in_force(store: Store, digest: str, *, now: datetime) -> TokenRow | None:
    """The token with this hash, unless it was revoked or its time is over."""
    found = store.token(digest)
    return None if found is None or is_over(found, now) else found


def is_over(token: TokenRow, now: datetime) -> bool:
    """Whether its time has come (`--expires`)."""
    return token.expires_at is not None and token.expires_at <= now


def digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
