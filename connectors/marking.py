"""Marks by which something we created is found again, and texts cut to what a field holds. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256

_MARK = re.compile(r"\[npsync:([0-9a-f]{24})\]")
_CUT = "…"


def mark(key: str) -> str:
    """One of our keys as a vendor's field holds it: always as long, the same whether or not the vendor tells upper from
    lower case, and without a word of what the key was made of."""
    return sha256(key.encode()).hexdigest()[:24]


def marker(key: str) -> str:
    """The mark as it stands in a text that people read."""
    return f"[npsync:{mark(key)}]"


def marks(text: str | None) -> frozenset[str]:
    """The marks in a text, in whatever markup it stands."""
    return frozenset(_MARK.findall(text or ""))


def cut(text: str, room: int, size: Callable[[str], int] = len) -> str:
    """The text, or as much of its beginning as leaves room for "…" behind it."""
    if size(text) <= room:
        return text
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if size(text[:middle] + _CUT) <= room:
            fits = middle
        else:
            too_long = middle
    return text[:fits].rstrip() + _CUT


def units(text: str) -> int:
    """Characters as most vendors count them: one beyond the first 65,536 of Unicode, an emoji, is two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
