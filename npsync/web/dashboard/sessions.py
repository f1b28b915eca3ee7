"""Who is signed in: a random cookie, of which the store keeps a hash, for as long as a working day. When it ends is in
`npsync.sign_in.sessions`."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from npsync.sign_in.roles import Role
from npsync.sign_in.sessions import LASTS, NOTED, PROVIDER, TOKEN, rights_in
from npsync.sign_in.tokens import digest
from npsync.sign_in.users import Changed
from npsync.web.dashboard.visitors import Kind, Told, Visitor
from store.api import Session, Store


@dataclass(frozen=True)
class Sessions:
    """`terms` stands for what the YAML says of the provider."""

    store: Store
    terms: str = ""

    def open(
        self,
        kind: str,
        name: str,
        *,
        now: datetime,
        token: str | None = None,
        local_user: int | None = None,
        role: Role | None = None,
        checked: str | None = None,
    ) -> str:
        """A new session's secret. Raises Changed where `checked`, the hash of the password they came with, is that of
        an earlier one by now."""
        secret = secrets.token_urlsafe(32)
        opened = self.store.open_session(
            Session(
                digest=digest(secret),
                kind=kind,
                name=name,
                began_at=now,
                seen_at=now,
                ends_at=now + LASTS,
                token=token,
                local_user=local_user,
                role=None if role is None else role.value,
                terms=self.terms if kind == PROVIDER else None,
            ),
            checked=checked,
        )
        if not opened:
            raise Changed
        return secret

    def whose(self, secret: str, *, now: datetime) -> Visitor | None:
        """Whose session this is, while it lasts."""
        session = self.store.session(digest(secret)) if secret else None
        may = None if session is None else rights_in(self.store, session, self.terms, now)
        if session is None or may is None:
            return None
        if now - session.seen_at >= NOTED:
            self.store.session_seen(session.digest, now=now)
        return Visitor(
            name=session.name,
            kind=Kind.TOKEN if session.kind == TOKEN else Kind.USER,
            may=may,
            csrf=csrf_of(secret),
            session=session.digest,
            told=None if session.told is None else Told(session.told, session.failed),
        )

    def tell(self, visitor: Visitor, told: Told | None) -> None:
        """What the next page says; None: it was said."""
        text, failed = (None, False) if told is None else (told.text, told.failed)
        self.store.tell_session(visitor.session, text, failed=failed)

    def close(self, secret: str) -> None:
        self.store.close_session(digest(secret))

    def close_all(self, visitor: Visitor) -> int:
        """Everywhere they are signed in. How many there were."""
        found = self.store.session(visitor.session)
        return 0 if found is None else self.store.close_sessions([found.kind], found.name)


def csrf_of(secret: str) -> str:
    """What forms of this session carry. Nobody finds the cookie from it, and no other site can read either."""
    return digest(f"csrf:{secret}")
