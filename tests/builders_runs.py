"""Runs as the dashboard finds them: with changes of every outcome, answers in every state, and a report."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from builders_store import Syncing, answer, receive

from nps.changes import Change, Deferred, Outcome, Rejected, Unknown, Written
from nps.values import Json
from store.api import Settled, State, Store

HOSTILE = "<script>alert(1)</script> =1+1"


def fate(one: Change) -> Outcome:
    """By the number of the answer: 2 is refused, 3 for later, 4 never answered for, the others written."""
    if one.record_id.endswith("2"):
        return Rejected(one.record_id, "FIELD_RULE", "Score must be 0-10")
    if one.record_id.endswith("3"):
        return Deferred(one.record_id, "the record was locked")
    if one.record_id.endswith("4"):
        return Unknown(one.record_id, "the reply was lost")
    return Written(one.record_id)


def ran(
    store: Store,
    *,
    sync: str = "contacts",
    source: str = "mail",
    many: int = 6,
    now: datetime,
    status: str = "partial",
    report: dict[str, Json] | None = None,
    outcome: Callable[[Change], Outcome] = fate,
    comment: str = HOSTILE,
    first: int = 1,
    **others: Any,
) -> int:
    """A run that took up `many` answers and ended so. Its number."""
    syncing = Syncing(store, sync, (source,))
    receive(
        store,
        *(answer(f"a{n}", source=source, comment=comment, **others) for n in range(first, first + many)),
        at=now - timedelta(minutes=5),
        cursor=first,
    )
    syncing.take_up()
    taken = syncing.work()
    syncing.settle(
        [Settled(number=one.number, state=State.PENDING, record_id=f"003{one.response.id}") for one in taken],
        changes={
            f"003{one.response.id}": Change(
                object="Contact",
                record_id=f"003{one.response.id}",
                key=one.response.email or "",
                before={"NPS__c": 6, "NPS_Comment__c": None},
                after={"NPS__c": one.response.score, "NPS_Comment__c": comment},
                response=one.number,
            )
            for one in taken
        },
    )
    syncing.write(outcome)
    states = syncing.store.run_states(sync, syncing.run)
    given: dict[str, Json] = {
        "pulled": many,
        "repeated": 2,
        "states": {state.value: number for state, number in states.items()},
        "writes": {"Contact": states[State.WRITTEN]},
        "calls": {"crm": 3, "mail": 1},
        "seconds": 14.2,
        "match": {"by_rule": {"email = Email": many}, "unmatched_domains": {"town.example": 1}},
    }
    store.end_run(syncing.run, status, now=now, report=given | (report or {}))
    store.release(syncing.lease)
    return syncing.run


def begun(store: Store, *, sync: str = "contacts", now: datetime) -> int:
    """A run that is under way."""
    return store.begin_run(sync, "run", now=now, facts={})
