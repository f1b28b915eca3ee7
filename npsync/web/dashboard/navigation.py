"""The pages that stand at the left of every page, the key that leads to each, and what waits behind them."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace

from npsync.sign_in.roles import May


@dataclass(frozen=True)
class Entry:
    """One page of the navigation. `also` are the beginnings of other addresses that belong to it; `needs` is the
    right it takes to see it."""

    path: str
    name: str
    key: str
    also: tuple[str, ...] = ()
    below: tuple[Entry, ...] = ()
    needs: May = May.VIEW
    waiting: int = 0

    @property
    def icon(self) -> str:
        return self.name.lower()

    def holds(self, path: str) -> bool:
        """Whether the page at this address belongs to the entry."""
        return any(
            path == begin or path.startswith((f"{begin}/", f"{begin}.")) for begin in (self.path, *self.also)
        )


ENTRIES = (
    Entry(
        "/", "Overview", "o", below=(Entry("/report", "Report", "p", needs=May.REPORTS),), needs=May.REPORTS
    ),
    Entry("/syncs", "Syncs", "s", also=("/runs", "/actions")),
    Entry("/customers", "Customers", "c", needs=May.PEOPLE),
    Entry("/accounts", "Accounts", "a", needs=May.REPORTS),
    Entry(
        "/review",
        "Review",
        "r",
        also=("/held", "/waiting", "/dead-letters", "/follow-ups", "/decisions"),
        needs=May.PEOPLE,
    ),
    Entry("/invitations", "Invitations", "i", also=("/suppressions",)),
    Entry("/connections", "Connections", "n", also=("/config",)),
    Entry("/activity", "Activity", "t"),
)
"""At most eight: what does not fit below one of them is not a place to begin from."""


INVITATION_TABS: Sequence[tuple[str, str, int, bool]] = (
    ("/invitations", "Funnel", 0, False),
    ("/invitations/asked", "Who was asked", 0, False),
    ("/invitations/not-asked", "Who was not", 0, False),
    ("/invitations/due", "Due later", 0, False),
    ("/suppressions", "Never ask", 0, False),
    ("/invitations/may-ask", "May they be asked?", 0, False),
)


def shown(
    is_there: Callable[[str], bool], may: Container[May], waiting: Mapping[str, int]
) -> tuple[Entry, ...]:
    """The entries for somebody with these rights, of the pages that are there; `waiting` counts what needs a person,
    by path."""

    def allowed(entry: Entry) -> bool:
        return is_there(entry.path) and entry.needs in may

    return tuple(
        replace(
            entry,
            below=tuple(filter(allowed, entry.below)),
            waiting=waiting.get(entry.path, 0),
        )
        for entry in ENTRIES
        if allowed(entry)
    )
