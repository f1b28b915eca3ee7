"""Record ids: the 15 characters people copy, and the 18 the API shows."""

from __future__ import annotations

import re

_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def long_id(text: str) -> str | None:
    """The 18-character form of a record id; None for what cannot be one.

    The last three characters spell which of the first 15 are capitals, so that the id survives programs that
    do not tell upper from lower case.
    """
    text = text.strip()
    if not text.isascii() or not _ID.fullmatch(text):
        return None
    if len(text) == 18:
        return text
    checks = []
    for start in (0, 5, 10):
        five = text[start : start + 5]
        checks.append(_CHECK[sum(1 << place for place, letter in enumerate(five) if "A" <= letter <= "Z")])
    return text + "".join(checks)
