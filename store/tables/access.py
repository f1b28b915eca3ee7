"""Who may call the API."""

from __future__ import annotations

from sqlalchemy import Index, text
from sqlmodel import Field

from store.tables.columns import Row, big, number


class ApiTokenRow(Row, table=True):
    """A token of the API. `digest` is the SHA-256 of it: 256 random bits need no slower hash."""

    __tablename__ = "api_token"
    __table_args__ = (
        Index(
            "uq_api_token_in_force",
            "name",
            unique=True,
            sqlite_where=text("revoked_at IS NULL"),
            postgresql_where=text("revoked_at IS NULL"),
        ),
        {"sqlite_autoincrement": True},
    )
    id: int | None = number()
    name: str
    digest: str = Field(unique=True)
    scopes: str
    created_at: int = big()
    used_at: int | None = big()
    revoked_at: int | None = big()
    expires_at: int | None = big(None)


class KeptReplyRow(Row, table=True):
    """What was said to a request that brought a key of its own: asked again, it is said again and nothing is done.

    `asked` is a hash of the request. Without a status it is being answered just now.
    """

    __tablename__ = "kept_reply"
    __table_args__ = (Index(None, "at"),)
    who: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    asked: str
    at: int = big()
    status: int | None
    body: str
