"""Who is signed in at the dashboard, how long that lasts, and how it is ended.

A session ends by itself, by signing out, with its token, and with another role or password of its user. One that a
provider vouched for ends when what the YAML says of the provider changes. An admin ends anybody's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from npsync.sign_in import tokens
from npsync.sign_in.roles import RIGHTS, May, Role, rights_of
from store.api import Session, Store

if TYPE_CHECKING:
    from npsync.config import Config

LASTS = timedelta(hours=10)
IDLE = timedelta(hours=2)  # it ends when nothing is asked for so long
NOTED = timedelta(minutes=5)  # how exactly that is known: not every page view is a write

TOKEN, USER, PROVIDER = "token", "user", "provider"
BY: Mapping[str, str] = {TOKEN: "a token", USER: "a password", PROVIDER: "the provider"}


@dataclass(frozen=True)
class SignedIn:
    """Somebody who is signed in, once for each browser. `kind` is the door they came by."""

    kind: str
    name: str
    role: str | None  # a token has scopes
    began_at: datetime
    seen_at: datetime
    ends_at: datetime

    @property
    def who(self) -> str:
        """As the audit names them."""
        return who_of(self.kind, self.name)

    @property
    def by(self) -> str:
        return BY[self.kind]


def who_of(kind: str, name: str) -> str:
    return f"{'token' if kind == TOKEN else 'user'}:{name}"


def terms_of(config: Config) -> str:
    """What the YAML says of the provider: a session it vouched for holds as long as that is the same."""
    oidc = config.sign_in.oidc
    return "" if oidc is None else oidc.terms


def rights_in(store: Store, session: Session, terms: str, now: datetime) -> frozenset[May] | None:
    """What they may who have this session; None where it is over, or nobody vouches for them any more."""
    if now >= session.ends_at or now - session.seen_at >= IDLE:
        return None
    if session.seen_at - now >= IDLE:  # begun by a clock that was wrong: nobody knows how old it is
        return None
    if session.kind == TOKEN:
        token = tokens.in_force(store, session.token or "", now=now)
        return None if token is None else rights_of(token.scopes)
    if session.kind == PROVIDER and session.terms != terms:
        return None
    return None if session.role is None else RIGHTS[Role(session.role)]


def signed_in(store: Store, terms: str, *, now: datetime) -> list[SignedIn]:
    """Everybody who is, the latest to come first."""
    return [
        SignedIn(one.kind, one.name, one.role, one.began_at, one.seen_at, one.ends_at)
        for one in store.sessions()
        if rights_in(store, one, terms, now) is not None
    ]


def end(store: Store, who: str | None, terms: str, *, by: str, now: datetime) -> list[SignedIn]:
    """End the sessions of `who` (user:ann, token:ann, or ann for both), of everybody for None. It keeps nobody from
    signing in again. Those that were in force."""
    kinds, name = _meant(who)
    ended = [
        one
        for one in signed_in(store, terms, now=now)
        if one.kind in kinds and (name is None or one.name == name)
    ]
    store.close_sessions(kinds, name)
    store.note_audit(by, "ended sessions", who or "everybody", {"sessions": len(ended)}, now=now)
    return ended


def _meant(who: str | None) -> tuple[Sequence[str], str | None]:
    kind, colon, name = (who or "").partition(":")
    if colon and kind in ("user", "token"):
        return ((TOKEN,) if kind == "token" else (USER, PROVIDER)), name
    return (TOKEN, USER, PROVIDER), who
