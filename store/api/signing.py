"""Who signs in at the dashboard: local users, sessions, and how often somebody tried."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec


class LocalUser(msgspec.Struct, frozen=True, kw_only=True):
    """A local user as people see it. The hash of its password is not part of it."""

    number: int
    name: str
    role: str
    created_at: datetime
    signed_in_at: datetime | None = None
    revoked_at: datetime | None = None


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is signed in. `kind` is token, user or provider: the first has `token` (a digest), the second
    `local_user`, and the role of a user is what it is now."""

    digest: str
    kind: str
    name: str
    began_at: datetime
    seen_at: datetime
    ends_at: datetime
    token: str | None = None
    local_user: int | None = None
    role: str | None = None
    terms: str | None = None
    told: str | None = None
    failed: bool = False


class Signing(Protocol):
    """Users that were revoked stay, so that people see that they were there; their sessions do not."""

    def add_user(self, name: str, role: str, password: str, *, now: datetime) -> bool:
        """False: there is one of this name that is not revoked. `password` is a hash."""
        ...

    def users(self) -> list[LocalUser]:
        """All of them, the latest first."""
        ...

    def user(self, name: str) -> tuple[LocalUser, str] | None:
        """The one in force, and the hash of its password."""
        ...

    def change_user(self, name: str, *, role: str | None = None, password: str | None = None) -> bool:
        """Another role or password ends all its sessions. False: there is no such user."""
        ...

    def user_signed_in(self, number: int, checked: str, *, password: str, now: datetime) -> bool:
        """`checked`: the hash their password was compared with; `password`: the same one, hashed as is right now. No
        session ends. False: it was changed meanwhile, or they were revoked, and nothing happens."""
        ...

    def revoke_user(self, name: str, *, now: datetime) -> bool:
        """And end all its sessions. False: there is no such user."""
        ...

    def open_session(self, session: Session, *, checked: str | None = None) -> bool:
        """Sessions that ended leave the store meanwhile. `checked`: the hash of the password that its user came with;
        False, and no session, where that is another one by now."""
        ...

    def session(self, digest: str) -> Session | None:
        """None also where its user was revoked."""
        ...

    def session_seen(self, digest: str, *, now: datetime) -> None: ...

    def tell_session(self, digest: str, told: str | None, *, failed: bool = False) -> None:
        """What its next page says; None: it was said."""
        ...

    def close_session(self, digest: str) -> None: ...

    def sessions(self) -> list[Session]:
        """All that are kept, also those whose time is over; the latest first. None of a user who was revoked."""
        ...

    def close_sessions(self, kinds: Sequence[str], name: str | None = None) -> int:
        """Those of these kinds, of everybody or of one. How many there were."""
        ...

    def may_try(self, name: str, *, burst: int, every: timedelta, now: datetime) -> bool:
        """Whether one more try of this name is admitted: `burst` at once, then one `every` so long. A refused one costs
        nothing."""
        ...

    def forgive_tries(self, name: str) -> None:
        """They proved who they are."""
        ...
