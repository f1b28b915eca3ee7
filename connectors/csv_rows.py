"""Rows of CSV as others write them: a cell may be longer than the 128 KB that Python reads unless it is told."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator

LONGEST = 16 * 1024 * 1024  # letters of one cell


def csv_rows(lines: Iterable[str], *, delimiter: str = ",") -> Iterator[list[str]]:
    """csv.Error where quotes are wrong, or a cell is longer than LONGEST."""
    csv.field_size_limit(LONGEST)  # of the process: csv knows no other
    return csv.reader(lines, delimiter=delimiter, strict=True)
