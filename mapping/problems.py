"""A problem of the YAML, told so that somebody who has the file can point at its line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

_ENDING = re.compile(r"__p?c$", re.IGNORECASE)
_ENDING_AS_TYPED = re.compile(r"_{1,2}p?c$", re.IGNORECASE)


@dataclass(frozen=True)
class Problem:
    """One thing a person has to edit. `path` is relative to the block that was checked (a sync,
    `people.*`), `code` a stable word for machines, `message` a sentence with the next step."""

    path: tuple[str | int, ...]
    code: str
    message: str


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """'; did you mean "score"?', or nothing when no known word is close."""
    close = closest(word, known)
    return f'; did you mean "{close}"?' if close else ""


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was meant, or None when none is close.

    The ending of a CRM's own fields (`__c`) tells nothing: it alone would make strangers of short names look close.
    """
    given = _ENDING_AS_TYPED.sub("", word)
    names: dict[str, str] = {}
    for name in sorted(known):
        names.setdefault(_ENDING.sub("", name), name)
    close = get_close_matches(given, names, n=1, cutoff=0.6 if given == word else 0.75)
    return names[close[0]] if close else None
