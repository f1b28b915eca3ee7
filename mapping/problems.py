"""A problem of the YAML, told so that somebody who has the file can point at its line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True)
class Problem:
    """One thing a person has to edit. `path` is relative to the block that was checked (a sync,
    `people.*`), `code` a stable word for machines, `message` a sentence with the next step."""

    path: tuple[str | int, ...]
    code: str
    message: str


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """'; did you mean "score"?', or nothing when no known word is close."""
    close = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f'; did you mean "{close[0]}"?' if close else ""
