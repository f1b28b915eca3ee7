"""What figures are made of, and the note every transaction leaves that changed some of it.

No writer has to remember it: a transaction knows from the statements it ran. The note is part of the transaction, so
there is one exactly when something was changed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from store.database import Transaction

ANSWERS = "answers"  # what reports and lists of accounts are made of
ASKED = "asked"  # what became of asking
MADE_OF: Mapping[str, tuple[str, ...]] = {
    ANSWERS: ("response", "answer_state", "member", "monthly_count", "published", "invitation", "outbox"),
    ASKED: ("invitation", "step", "verdict"),
}
DERIVED = (
    "stirred",
    "figure",
    "account_figure",
)  # tables that follow from the rest: copied and told by nobody

_CHANGES = {
    part: re.compile(rf"\b(?:INTO|UPDATE|DELETE FROM) (?:{'|'.join(tables)})\b")
    for part, tables in MADE_OF.items()
}

# So many texts are remembered: more than there are, but for those that name a time, of which each day has its own.
STATEMENTS = 1_000

# On PostgreSQL others may take the note away at this moment: they wait for us, or we for them and leave a new one.
_NOTED = "SELECT 1 FROM stirred WHERE part = :part LIMIT 1"
_NOTED_FOR_GOOD = f"{_NOTED} FOR SHARE"


@lru_cache(STATEMENTS)
def stirs(sql: str) -> frozenset[str]:
    """The parts of figures that this statement changes something of."""
    return frozenset(part for part, changes in _CHANGES.items() if changes.search(sql))


def note_stirred(tx: Transaction) -> None:
    """The last thing a writing transaction does."""
    for part in sorted(tx.stirred):
        if tx.one(_NOTED_FOR_GOOD if tx.postgres else _NOTED, part=part) is None:
            tx.run("INSERT INTO stirred (part) VALUES (:part)", part=part)
