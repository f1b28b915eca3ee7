"""Large results are streamed by their numbers (eight bytes each), a thousand rows at a time, so that no statement stays
open while the caller uses the store for something else."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Any

from store.database import Database

TOGETHER = 1000


def streamed(
    database: Database, numbers: str, rows: str, **parameters: Any
) -> Iterator[list[tuple[Any, ...]]]:
    """What `rows` finds for `:numbers`, in the order in which `numbers` names them; each row begins with its number."""
    with database.read() as tx:
        ordered = array("q", (row[0] for row in tx.rows(numbers, **parameters)))
    for start in range(0, len(ordered), TOGETHER):
        wanted = list(ordered[start : start + TOGETHER])
        with database.read() as tx:
            found = {row[0]: row for row in tx.rows(rows, numbers=wanted)}
        yield [found[number] for number in wanted if number in found]
