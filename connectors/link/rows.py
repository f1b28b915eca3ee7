"""One invitation as a row for another tool. Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

import orjson

from connectors.link.settings import Column
from nps.sending import Message

_FORMULA = ("=", "+", "-", "@")
_NUMBER = re.compile(r"\+\d{6,15}")


def row(message: Message, columns: Sequence[Column], at: datetime) -> dict[str, str | int | None]:
    to = message.to
    known: Mapping[Column, str | int | None] = {
        "at": at.isoformat(timespec="seconds"),
        "invitation": message.invitation,
        "step": message.step,
        "kind": message.kind.value,
        "survey": message.survey,
        "metric": message.metric,
        "connection": to.connection,
        "object": to.object,
        "record_id": to.record_id,
        "name": to.name,
        "email": to.email,
        "phone": to.phone,
        "external_id": to.external_id,
        "language": message.language or to.language,
        "ask": message.ask,
        "link": message.link,
        "unsubscribe": message.unsubscribe,
        "deadline": None if message.deadline is None else message.deadline.isoformat(timespec="seconds"),
        "why": message.why,
    }
    return {name: known[name] for name in columns}


def csv_line(cells: Sequence[object]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([_harmless(each) for each in cells])
    return out.getvalue().encode()


def json_line(values: Mapping[str, object]) -> bytes:
    return orjson.dumps(values) + b"\n"


def _harmless(value: object) -> str:
    """A cell on one line that no spreadsheet takes for a formula; a phone number is none."""
    text = "" if value is None else " ".join(str(value).split())
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text
