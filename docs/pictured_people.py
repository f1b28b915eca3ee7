"""What the pictures of pages about people show: who waits, whose story is told, and invitations on their way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import islice

from nps.asking import (
    Invitation,
    InvitationState,
    Past,
    PastKind,
    Send,
    Step,
    StepKind,
    Suppression,
    SuppressionReason,
)
from nps.sending import Accepted
from npsync.config import Config
from npsync.syncing.jobs import target_of
from store.api import LedgerEntry, State, Store, Verdict
from sync.job import rolled_up_sync

SYNC = "nps-to-contacts"
# name → address, size of the window, dark?
PICTURES: Mapping[str, tuple[str, tuple[int, int], bool]] = {
    "review": ("/review", (1120, 760), False),
    "review-phone": ("/review", (390, 844), False),
    "answer": ("/review/answers/{answer}?live=1", (1120, 860), False),
    "dead-letters": ("/dead-letters", (1120, 640), False),
    "customers": ("/customers", (1120, 560), False),
    "customer": ("/customers/crm/Contact/{customer}?live=1", (1120, 740), False),
    "customer-dark": ("/customers/crm/Contact/{customer}", (1120, 640), True),
    "accounts": ("/accounts", (1120, 640), False),
    "account": ("/accounts/crm/Account/{account}", (1120, 780), False),
    "invitations": ("/invitations", (1120, 860), False),
    "invitations-phone": ("/invitations", (390, 844), False),
    "suppressions": ("/suppressions", (1120, 480), False),
}


def people(config: Config, store: Store, now: datetime) -> dict[str, int | str]:
    """The numbers and ids in addresses; invitations are put there, as no trigger of the example is on."""
    found: dict[str, int | str] = {}
    waiting = store.waiting_page([SYNC], [State.REVIEW], limit=1)
    if waiting:
        found["answer"] = waiting[0][0].number
    records = _written(store)
    told = max(records, key=lambda record: len(store.answers_on_records([record])))
    found["customer"] = told
    found["account"] = _rolled_up(store)
    asked(config, store, records, now)
    return found


def _rolled_up(store: Store) -> str:
    """The account that was written most often."""
    runs = store.runs(sync=rolled_up_sync(SYNC), limit=10)
    written = Counter(change.record_id for run in runs for change, _ in store.run_changes(run.id))
    return written.most_common(1)[0][0]


def _written(store: Store) -> list[str]:
    """The records of the latest runs."""
    found = [
        change.record_id
        for run in store.runs(sync=SYNC, kind="run", limit=4)
        for change, _ in islice(store.run_changes(run.id), 200)
    ]
    return list(dict.fromkeys(found))


def asked(config: Config, store: Store, records: list[str], now: datetime) -> None:
    """A month of invitations of one trigger, another one in shadow mode, and whom both left alone."""
    target = target_of(config, config.sync[SYNC])
    store.enter(
        [
            LedgerEntry(
                dedupe="old",
                keys=("email:old@example.com",),
                past=Past(at=now - timedelta(days=300), what=PastKind.SEND),
            )
        ],
        now=now,
    )
    for n, record in enumerate(records[:120]):
        shadow = n % 4 == 3
        one = Invitation(
            id=f"picture-{n}", dedupe=f"picture/{n}", trigger="half-yearly" if shadow else "after-support",
            survey="relationship" if shadow else "support-csat", metric="nps" if shadow else "csat",
            kind="relationship" if shadow else "transactional", connection=target.connection, object=target.object,
            record_id=record, state=InvitationState.SHADOW if shadow else InvitationState.QUEUED,
            created_at=now - timedelta(hours=5 * n), due_at=now - timedelta(hours=5 * n - 2),
        )  # fmt: skip
        step = None if shadow else Step(invitation=one.id, kind=StepKind.ASK, way=0, due_at=one.due_at)
        store.decide_event(None, [(one, step)], [], {}, now=one.created_at)
    for place, claimed in enumerate(store.claim_steps("picture", now=now, limit=200, seconds=60)):
        id, at = claimed.invitation.id, claimed.invitation.due_at
        keys = [f"email:{id}@example.com"]
        store.reserve(
            claimed, keys, lambda *_: Send(), way=0, account=None, account_since=None, day_began=None, now=at
        )
        store.settle_step(claimed, Accepted(message=id), via="mailer", channel="email", now=at)
        if place % 9:
            store.delivered(id, claimed.step.number, now=at)
        if place % 3 == 0:
            store.answered(id, now=min(now, at + timedelta(hours=6)))
    reasons = {
        "rest": (41, "asked on 2026-10-20: left alone until 2027-01-18"),
        "suppressed": (9, "unsubscribed"),
        "daily_cap": (6, "500 were asked today, the most for one day"),
        "quiet_hours": (4, "not at this hour where the person is"),
        "no_channel": (3, "no channel of this survey reaches this person"),
    }
    said = [
        Verdict(
            trigger="after-support", at=now - timedelta(hours=n), scope=f"{target.connection}.{target.object}",
            record_id=records[n % len(records)], code=code, reason=reason,
        )
        for code, (many, reason) in reasons.items()
        for n in range(many)
    ]  # fmt: skip
    store.decide_event(None, [], said, {}, now=now)
    why = [
        SuppressionReason.UNSUBSCRIBE,
        SuppressionReason.BOUNCE,
        SuppressionReason.UNSUBSCRIBE,
        SuppressionReason.STOP,
    ]
    store.suppress(
        [
            Suppression(
                key=f"email:person{n}@example.com", reason=reason, at=now - timedelta(days=n), source="page"
            )
            for n, reason in enumerate(why * 3)
        ]
    )
