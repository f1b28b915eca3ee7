"""What the fields of a person's record say: a text, a yes or a no, a moment."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from nps.values import Fields

YES, NO = frozenset(("true", "yes", "1")), frozenset(("false", "no", "0"))


def text_of(fields: Fields, name: str | None) -> str | None:
    value = fields.get(name) if name else None
    if value is None or isinstance(value, bool):
        return None
    text = str(value).strip()
    return text or None


def says_something(fields: Fields, name: str | None) -> bool:
    """Yes, or any text that is no plain no: the reason of a bounce."""
    value = fields.get(name) if name else None
    return value is True or (
        isinstance(value, str) and bool(value.strip()) and value.strip().lower() not in NO
    )


def yes_or_no(fields: Fields, name: str | None) -> tuple[bool | None, tuple[str, ...]]:
    """A yes/no field, and its name when what it says is neither: empty is no; None when it is not mapped."""
    if name is None:
        return None, ()
    value = fields.get(name)
    if value is None or isinstance(value, bool):
        return bool(value), ()
    word = str(value).strip().lower()
    if word in YES:
        return True, ()
    return (False, ()) if word in NO or not word else (None, (name,))


def moment_of(fields: Fields, name: str | None, zone: ZoneInfo) -> datetime | None:
    """A date is its first moment where the business is."""
    value = fields.get(name) if name else None
    if isinstance(value, datetime):
        return value
    return datetime.combine(value, time(), zone) if isinstance(value, date) else None
