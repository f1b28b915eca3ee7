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
