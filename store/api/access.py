"""Who may call the API: tokens, of which only a hash is kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec


class TokenRow(msgspec.Struct, frozen=True, kw_only=True):
    """A token as people see it."""

    number: int
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    used_at: datetime | None = None  # to the hour
    revoked_at: datetime | None = None
    expires_at: datetime | None = None


class KeptReply(msgspec.Struct, frozen=True):
    """What was said to a request with a key. `asked` is a hash of the request; without a `status` it is being answered
    just now, or whoever was at it has gone."""

    asked: str
    at: datetime
    status: int | None = None
    body: str = ""


class Tokens(Protocol):
    """API tokens. One that was revoked stays, so that people see that it was there."""

    def add_token(
        self,
        name: str,
        digest: str,
        scopes: Sequence[str],
        *,
        now: datetime,
        expires_at: datetime | None = None,
    ) -> bool:
        """False: there is one of this name that is not revoked."""
        ...

    def token(self, digest: str) -> TokenRow | None:
        """The one with this hash, unless it was revoked. Whether its time is over is for the caller to see."""
        ...

    def tokens(self) -> list[TokenRow]:
        """All of them, the latest first."""
        ...

    def token_used(self, number: int, *, now: datetime) -> None: ...

    def revoke_token(self, name: str, *, now: datetime) -> bool:
        """False: there is none of this name that is not revoked."""
        ...


class Replies(Protocol):
    """Requests that bring a key of their own are answered once: the same again is told the same."""

    def begin_reply(
        self, who: str, key: str, asked: str, *, now: datetime, since: datetime, given_up: datetime
    ) -> KeptReply | None:
        """None: this caller answers it now. Else what is kept. What is older than `since` is forgotten, and what
        nobody answered since `given_up`."""
        ...

    def keep_reply(self, who: str, key: str, status: int, body: str) -> None:
        """What was said."""
        ...

    def drop_reply(self, who: str, key: str) -> None:
        """Nothing was done: the same request may try again."""
        ...
