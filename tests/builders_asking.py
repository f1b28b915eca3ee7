"""Builders for asking: invitations with their first step, the ledger's entries, and a judge that knows one rest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from builders_store import NOON

from nps.asking import (
    Decision,
    Invitation,
    InvitationState,
    Past,
    PastKind,
    Send,
    Step,
    StepKind,
    Suppress,
    Suppression,
    person_keys,
)
from nps.events import Subject
from store.api import Claimed, Judge, LedgerEntry, Store

ANN = person_keys(connection="crm", object="Contact", record_id="003A", email="ann@example.com")
BOB = person_keys(connection="crm", object="Contact", record_id="003B", email="bob@example.com")
REST = timedelta(days=90)
EARLY = NOON - timedelta(days=30)


def invitation(id: str = "i1", **others: Any) -> Invitation:
    given: dict[str, Any] = {
        "dedupe": f"after-support/{id}",
        "trigger": "after-support",
        "survey": "support-csat",
        "metric": "csat",
        "kind": "transactional",
        "connection": "crm",
        "object": "Contact",
        "record_id": "003A",
        "state": InvitationState.QUEUED,
        "created_at": NOON,
        "due_at": NOON,
        "event_connection": "crm",
        "event_kind": "case_closed",
        "event_key": f"case_closed/{id}",
        "subject": Subject("Case", "500A"),
        "facts": {"CaseNumber": "00017", "Priority": "High"},
    }
    return Invitation(id=id, **(given | others))


def step(id: str = "i1", kind: StepKind = StepKind.ASK, way: int = 0, due: datetime = NOON) -> Step:
    return Step(invitation=id, kind=kind, way=way, due_at=due)


def queue(store: Store, *ids: str, due: datetime = NOON, **others: Any) -> None:
    pairs = [(invitation(id, due_at=due, **others), step(id, due=due)) for id in ids]
    store.decide_event(None, pairs, [], {}, now=NOON)


def claim(store: Store, owner: str = "test", *, now: datetime = NOON, limit: int = 100) -> list[Claimed]:
    return store.claim_steps(owner, now=now, limit=limit, seconds=60)


def entry(dedupe: str, *, keys: Sequence[str] = ANN, at: datetime = NOON, **others: Any) -> LedgerEntry:
    told = {name: others.pop(name) for name in ("account", "channel", "until") if name in others}
    past = Past(at=at, what=others.pop("what", PastKind.SEND), **others)
    return LedgerEntry(dedupe=dedupe, keys=tuple(keys), past=past, **told)


def judge(
    now: datetime = NOON, *, rest: timedelta = REST, per_account: int = 99, a_day: int = 99, own: str = ""
) -> Judge:
    """One rest, whoever asked (but in `own` invitation); a cap per account and per day; suppressions win."""

    def decide(past: Sequence[Past], suppressions: Sequence[Suppression], asks: int, sent: int) -> Decision:
        if suppressions:
            return Suppress("suppressed", suppressions[0].reason.value)
        if any(one.at > now - rest and one.invitation != own for one in past):
            return Suppress("rest", "asked not long ago")
        if asks >= per_account:
            return Suppress("account", "enough of this account were asked")
        return Suppress("daily_cap", "enough for today") if sent >= a_day else Send()

    return decide


def reserve(
    store: Store,
    claimed: Claimed,
    keys: Sequence[str] = ANN,
    *,
    now: datetime = NOON,
    account: str | None = None,
    way: int = 0,
    via: str | None = None,
    **rules: Any,
) -> Decision:
    return store.reserve(
        claimed,
        keys,
        judge(now, **rules),
        way=way,
        via=via,
        account=account,
        account_since=EARLY,
        day_began=NOON.replace(hour=0),
        now=now,
    )
