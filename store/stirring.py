"""What figures are made of, and the note every transaction leaves that changed some of it.

No writer has to remember it: a transaction knows from the statements it ran. The note is part of the transaction, so
there is one exactly when something was changed.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from store.database import Transaction

MADE_OF = ("response", "answer_state", "member", "monthly_count", "published", "invitation", "outbox")

_CHANGES = re.compile(rf"\b(?:INTO|UPDATE|DELETE FROM) (?:{'|'.join(MADE_OF)})\b")

# On PostgreSQL others may take the note away at this moment: they wait for us, or we for them and leave a new one.
_NOTED = "SELECT 1 FROM stirred LIMIT 1"
_NOTED_FOR_GOOD = f"{_NOTED} FOR SHARE"


@cache
def stirs(sql: str) -> bool:
    """Whether this statement changes something that figures are made of."""
    return _CHANGES.search(sql) is not None


def note_stirred(tx: Transaction) -> None:
    """The last thing a writing transaction does."""
    if tx.stirred and tx.one(_NOTED_FOR_GOOD if tx.postgres else _NOTED) is None:
        tx.run("INSERT INTO stirred DEFAULT VALUES")
