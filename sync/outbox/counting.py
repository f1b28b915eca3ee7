"""Whether an answer is one to follow up, by a task or a message alike: it decides its record, and is not too old."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from nps.standing import Standing
from store.api.outbox import Outgoing, Stage
from sync.outbox.facts import Facts, Person
from sync.outbox.making import Decision, Rest, of_answer


class Counts(NamedTuple):
    """An answer to follow up, by its number, and where its person stood with it."""

    response: int
    person: Person
    standing: Standing


def counts(row: Outgoing, facts: Facts, floor: datetime, *, preview: bool) -> Counts | Decision:
    """What rules are asked about; else what becomes of the entry without asking them."""
    not_now = of_answer(row, facts.state(row), preview=preview)
    if not_now is not None:
        return not_now
    person = facts.person(row)
    if person is None or row.response is None:
        return Rest(row, Stage.VOID, "record_gone", "its record is gone")
    standing = facts.standing(person, row.response)
    if standing is None:
        return Rest(row, Stage.VOID, "no_score", "its score cannot be read")
    if standing.response.answered_at < floor:
        return Rest(row, Stage.VOID, "before", "answered before follow-ups began")
    return Counts(row.response, person, standing)
