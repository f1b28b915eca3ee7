"""Bulk API 2.0 files: CSV as Salesforce reads it, and the results it hands back."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO

from connectors.salesforce.codecs import BULK_NULL
from nps.values import Json, JsonFields

MOST_BYTES = 100_000_000  # per upload


def written(records: Sequence[tuple[str, JsonFields]]) -> bytes:
    """(id, fields) as one CSV in UTF-8.

    The header is the union of all records' fields. An empty cell leaves a field as it is, so a field one
    record does not mention is empty there; clearing is said with #N/A.
    """
    columns = list(dict.fromkeys(name for _, fields in records for name in fields))
    out = StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(["Id", *columns])
    for record_id, fields in records:
        lines.writerow([record_id, *(_cell(fields[name]) if name in fields else "" for name in columns)])
    return out.getvalue().encode("utf-8")


def _cell(value: Json) -> str:
    if value is None or value == "":
        return BULK_NULL
    if value is True:
        return "true"
    if value is False:
        return "false"
    text = str(value)
    return "# N/A" if text == BULK_NULL else text


def read(content: bytes) -> Iterator[Mapping[str, str]]:
    """The rows of a result file. The vendor names no charset; it is UTF-8, and cells may hold line ends."""
    yield from csv.DictReader(StringIO(content.decode("utf-8-sig"), newline=""), restkey="", restval="")
