"""Everything the store holds, as text in a stable order: two equal dumps are two equal stores.

What was counted of calls is left out, their pace, and what vendors said of theirs: a plan makes calls and changes
nothing. So are ready-made figures: they follow from the rest.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from store.database import Database
from store.rows import to_json
from store.stirring import DERIVED

_AT_ONCE = 1000
_LEFT_OUT = ("calls", "pace", *DERIVED)


def dump(database: Database) -> Iterator[str]:
    """One line per table and row, all of one moment. Tables by name, rows by primary key."""
    from store.schema import revision
    from store.tables import metadata

    yield f"schema {revision(database)}"
    with database.read() as tx:
        for table in sorted(metadata.tables.values(), key=lambda table: table.name):
            if table.name in _LEFT_OUT:
                continue
            yield f"table {table.name} {to_json([column.name for column in table.columns])}"
            query = select(table).order_by(*table.primary_key.columns)
            if table.name == "memory":
                query = query.where(table.c.connection.not_like("quota/%"))
            for row in tx.connection.execute(query.execution_options(yield_per=_AT_ONCE)):
                yield f"{table.name} {to_json(list(row))}"
