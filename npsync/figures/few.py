"""Accounts of too few people to be told of to somebody who may see nobody."""

from __future__ import annotations

from collections.abc import Iterable


class Few:
    """Looks at every account once. `enough`: from how many people on one is told of. `everybody`: how many people the
    whole is made of, with those of no account."""

    def __init__(self, enough: int, everybody: int) -> None:
        self._enough, self._untold = enough, everybody
        self._smallest: tuple[int, str] | None = None

    def look(self, accounts: Iterable[tuple[str, int]]) -> None:
        """Each with how many people it has."""
        for account, people in accounts:
            if people < self._enough:
                continue
            self._untold -= people
            if self._smallest is None or (people, account) < self._smallest:
                self._smallest = people, account

    @property
    def beside(self) -> str | None:
        """The account that is not told of either, so that nobody finds the few by taking all others from the whole."""
        return self._smallest[1] if self._smallest and 0 < self._untold < self._enough else None
