"""Who signs in at the dashboard, and who is signed in."""

from __future__ import annotations

from sqlalchemy import Index, text
from sqlmodel import Field

from store.tables.columns import BIG, Row, big, number, one_of


class LocalUserRow(Row, table=True):
    """Somebody with a password of their own. `password` is a hash by argon2."""

    __tablename__ = "local_user"
    __table_args__ = (
        Index(
            "uq_local_user_in_force",
            "name",
            unique=True,
            sqlite_where=text("revoked_at IS NULL"),
            postgresql_where=text("revoked_at IS NULL"),
        ),
        {"sqlite_autoincrement": True},
    )
    id: int | None = number()
    name: str
    role: str
    password: str
    created_at: int = big()
    signed_in_at: int | None = big()
    revoked_at: int | None = big()


class WebSessionRow(Row, table=True):
    """Somebody who is signed in. `digest` is of the cookie; `token` of the API token they came with, `local_user`
    the number of theirs. Who came by way of a provider has `role` and `terms`: what the YAML said of it."""

    __tablename__ = "web_session"
    __table_args__ = (
        one_of("kind", ("token", "user", "provider")),
        Index(None, "kind", "name"),
        Index(None, "ends_at"),
    )
    digest: str = Field(primary_key=True)
    kind: str
    name: str
    token: str | None
    local_user: int | None = Field(sa_type=BIG)
    role: str | None
    terms: str | None
    began_at: int = big()
    seen_at: int = big()
    ends_at: int = big()
    told: str | None
    failed: int


class SignInTryRow(Row, table=True):
    """How far ahead of time somebody is who tries to sign in: `free_at` is when they would be even again."""

    __tablename__ = "sign_in_try"
    __table_args__ = (Index(None, "free_at"),)
    name: str = Field(primary_key=True)
    free_at: int = big()
