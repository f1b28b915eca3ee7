"""What people wrote: found again by any of its words, however they spell them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import msgspec

from nps.score import Segment
from store.api import Store
from store.api.remarks import Remark
from store.api.tallying import Counting

TOGETHER = 2_000  # read at once
LONGEST = 200  # of what is searched for


class Hits(msgspec.Struct, frozen=True, kw_only=True):
    """One page of what was found, the latest to arrive first."""

    shown: tuple[Remark, ...]
    found: int
    comments: int  # how many there are in all
    page: int
    pages: int


def comments(store: Store, what: Counting, *, most: int | None = None) -> Iterator[Remark]:
    """The latest to arrive first, a page of the store at a time."""
    before: int | None = None
    left = most
    while left is None or left > 0:
        page = store.remarks(what, before=before, limit=TOGETHER if left is None else min(TOGETHER, left))
        yield from page
        if left is not None:
            left -= len(page)
        if len(page) < TOGETHER:
            return
        before = page[-1].number


def search(
    store: Store, what: Counting, text: str, *, segment: Segment | None = None, page: int = 1, limit: int = 20
) -> Hits:
    """The comments with all of these words, also as parts of words. Case and accents do not matter: "ecole" finds
    École, and "strasse" finds Straße."""
    words = folded(text[:LONGEST]).split()
    shown: list[Remark] = []
    found = total = 0
    for remark in comments(store, what):
        if segment is not None and Segment.of(remark.score) is not segment:
            continue
        total += 1
        said = folded(remark.text)
        if all(word in said for word in words):
            found += 1
            if (page - 1) * limit < found <= page * limit:
                shown.append(remark)
    return Hits(shown=tuple(shown), found=found, comments=total, page=page, pages=max(1, -(-found // limit)))


def folded(text: str) -> str:
    """Without case, accents and the like."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def excerpt(text: str, words: str, length: int = 160) -> str:
    """On one line, around the first of the words."""
    line = " ".join(text.split())
    if len(line) <= length:
        return line
    at = next((place for word in folded(words).split() if (place := folded(line).find(word)) >= 0), 0)
    start = max(0, min(at - length // 3, len(line) - length))
    return ("…" if start else "") + line[start : start + length] + ("…" if start + length < len(line) else "")
