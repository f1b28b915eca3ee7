"""Record ids: 15 characters where case matters, and 18 where it does not."""

from __future__ import annotations

import re

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_ID = re.compile(r"[0-9A-Za-z]{15}([0-9A-Za-z]{3})?")


def record_id(prefix: str, number: int) -> str:
    """The 18-character id of the toy org's `number`-th record of a kind."""
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = _DIGITS[digit] + digits
    return to_18(f"{prefix}Hs000{digits:0>7}")


def to_18(id: str) -> str:
    """Three letters say which of the fifteen are upper case, so that case-blind tools keep ids apart."""
    check = ""
    for start in (0, 5, 10):
        bits = sum(1 << place for place, c in enumerate(id[start : start + 5]) if "A" <= c <= "Z")
        check += _CHECK[bits]
    return id[:15] + check


def canonical(id: str) -> str | None:
    """The 18-character form of a 15- or 18-character id; None if it is neither."""
    return to_18(id) if _ID.fullmatch(id) else None
