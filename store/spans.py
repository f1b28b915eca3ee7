"""A list in the order of its numbers, narrowed to a time."""

from __future__ import annotations

from datetime import datetime

from store.rows import milliseconds


def during_sql(
    table: str, column: str, during: tuple[datetime, datetime] | None
) -> tuple[list[str], dict[str, int]]:
    """What narrows a list in the order of its numbers to a time: its times are found first, by their index, so that
    a day long ago is not looked for from today on."""
    if during is None:
        return [], {}
    then = f"{column} >= :began AND {column} < :ended"
    of_then = f"FROM {table} WHERE {then}"
    return (
        [then, f"id >= (SELECT min(id) {of_then})", f"id <= (SELECT max(id) {of_then})"],
        {"began": milliseconds(during[0]), "ended": milliseconds(during[1])},
    )
