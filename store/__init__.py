"""The memory: inbox, states, spooled plan and journal, cursors, runs. Its rows never leave it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta

    from nps.forgetting import Forgetting
    from store.sql import SqlStore

__all__ = ["open_store"]


def open_store(
    url: str, forgetting: Forgetting | None = None, *, keeps_answers: timedelta | None = None
) -> SqlStore:
    """The store at `sqlite:///file.db` or `postgresql://…`. Nothing is touched before it is used; call `migrate`
    once. Raises ConfigError for a URL that is no store. `forgetting` knows again who was forgotten: a store in which
    somebody was takes nothing in without it. `keeps_answers`: older ones are not taken in. SQLAlchemy is imported
    here, not with `import store`."""
    from store.opening import open_database
    from store.sql import SqlStore

    database = open_database(url)
    database.forgetting, database.keeps_answers = forgetting, keeps_answers
    return SqlStore(database)
