"""Where somebody stands in a text: by one of their spellings as a whole, never by a part of another's name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

GONE = "[erased]"
_SHORTEST = (
    6  # shorter words stand in many a text by chance, and are looked for in columns of their own alone
)

# joann@example.com is not ann@example.com, nor is CUST-10 CUST-1. What JSON and addresses put before a word is no part
# of it: \n, \u00e9, %3D.
_BEGINS = r"(?:(?<![\w.+@-])|(?<=\\[nrtbf])|(?<=\\u[0-9a-f]{4})|(?<=%[0-9a-f]{2}))"
_ENDS = r"(?![\w@-]|(?-i:\.[a-z0-9]))"


class Mentions:
    """The spellings of a person that are looked for in texts, whatever their case. `within` is how the database looks
    for one text in another."""

    def __init__(self, words: Sequence[str], *, within: str = "instr") -> None:
        self._within = within
        strong = sorted({word for word in words if _is_strong(word)}, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(_whole, strong)), re.IGNORECASE) if strong else None
        self._count = len(strong)
        self.parameters = {f"w{at}": word for at, word in enumerate(strong)}
        self.parameters |= {f"l{at}": word.lower() for at, word in enumerate(strong)}

    def somewhere(self, columns: Sequence[str]) -> str:
        """A condition that leaves out most rows in which no word stands. Whether one does, `stand_in` says."""
        # SQLite's lower() knows ASCII alone: what is beyond it is found as it is spelt.
        said = [
            f"{self._within}({column}, :w{at}) > 0 OR {self._within}(lower({column}), :l{at}) > 0"
            for column in columns
            for at in range(self._count)
        ]
        return " OR ".join(said) if said else "1 = 0"

    def stand_in(self, text: str) -> bool:
        return self._pattern is not None and self._pattern.search(text) is not None

    def blacked_out(self, row: Mapping[str, Any], columns: Sequence[str]) -> dict[str, str]:
        """Those of these columns in which a word stands, with GONE in its place."""
        if self._pattern is None:
            return {}
        told = {name: row[name] for name in columns if row[name] is not None}
        return {
            name: self._pattern.sub(GONE, text) for name, text in told.items() if self._pattern.search(text)
        }


def _is_strong(word: str) -> bool:
    return len(word) >= _SHORTEST and not (word.isdigit() and len(word) < 10)


def _whole(word: str) -> str:
    begins = _BEGINS if word[0].isalnum() else ""
    return f"{begins}{re.escape(word)}{_ENDS if word[-1].isalnum() else ''}"
