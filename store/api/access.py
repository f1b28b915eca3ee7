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


class Tokens(Protocol):
    """API tokens. One that was revoked stays, so that people see that it was there."""

    def add_token(self, name: str, digest: str, scopes: Sequence[str], *, now: datetime) -> bool:
        """False: there is one of this name that is not revoked."""
        ...

    def token(self, digest: str) -> TokenRow | None:
        """The one with this hash, unless it was revoked."""
        ...

    def tokens(self) -> list[TokenRow]:
        """All of them, the latest first."""
        ...

    def token_used(self, number: int, *, now: datetime) -> None: ...

    def revoke_token(self, name: str, *, now: datetime) -> bool:
        """False: there is none of this name that is not revoked."""
        ...
