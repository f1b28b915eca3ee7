"""What people texted to our number, as Twilio lists it: the same signals that it posts to us. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from connectors.twilio.hooks import meant
from nps.errors import UnavailableError
from nps.events import Signal, SignalKind
from nps.keys import phone_key


def signals(rows: Iterable[Any]) -> list[Signal]:
    """The oldest first. UnavailableError where a row is not what the vendor documents."""
    told = (_signal(row) for row in rows if isinstance(row, dict) and row.get("status") == "received")
    return sorted((one for one in told if one is not None), key=lambda one: (one.at, one.key))


def _signal(row: Mapping[str, Any]) -> Signal | None:
    sid, text = row.get("sid"), row.get("body")
    if not isinstance(sid, str) or not isinstance(text, str):
        raise UnavailableError("list of texts: a received one has no sid or no body")
    who, kind = phone_key(str(row.get("from")), None), meant("", text)
    if who is None or kind is None:
        return None  # WhatsApp and others, who have no number of their own; a call for help
    reply = text if kind is SignalKind.REPLY else None
    return Signal(key=sid, kind=kind, at=_moment(sid, row), address=who, text=reply)


def _moment(sid: str, row: Mapping[str, Any]) -> datetime:
    try:
        moment = parsedate_to_datetime(str(row.get("date_sent") or row.get("date_created")))
    except ValueError:
        raise UnavailableError(f"list of texts: the date of {sid} cannot be read") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
