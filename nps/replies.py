"""A score that somebody wrote by hand, in a text message: read by rule, never guessed."""

from __future__ import annotations

import re
import unicodedata

_NOTHING_MORE_OF_A_NUMBER = r"(?![\w%/]|[.,]\d|\s*[-–—]\s*\d)"
_LEADING = re.compile(rf"(\d{{1,2}}){_NOTHING_MORE_OF_A_NUMBER}(.*)", re.DOTALL)
_OF_ALL = re.compile(
    rf"(\d{{1,2}})\s*(?:/|out of)\s*(\d{{1,2}}){_NOTHING_MORE_OF_A_NUMBER}(.*)", re.DOTALL | re.IGNORECASE
)
_NUMBER = re.compile(r"\d+")
_ALONE = re.compile(rf"(?<![\w.,/+−–—-])(\d{{1,2}}){_NOTHING_MORE_OF_A_NUMBER}")
_BETWEEN = " \t\r\n-–—:.,;!)"


def read_score(text: str, low: int = 0, high: int = 10) -> tuple[int, str | None] | None:
    """The score a reply gives, and what else it says. None when it is no score, or not surely one ("5-6", "11")."""
    said = unicodedata.normalize("NFKC", text).strip()
    if (found := _OF_ALL.match(said)) and int(found[2]) == high:
        return _within(int(found[1]), found[3].lstrip(_BETWEEN), low, high)
    if found := _LEADING.match(said):
        return _within(int(found[1]), found[2].lstrip(_BETWEEN), low, high)
    # "I'd say 8": only when no other number leaves a choice.
    if len(_NUMBER.findall(said)) == 1 and (found := _ALONE.search(said)):
        return _within(int(found[1]), said, low, high)
    return None


def _within(score: int, rest: str, low: int, high: int) -> tuple[int, str | None] | None:
    return (score, rest.strip() or None) if low <= score <= high else None
