"""A company's dashboard with something on every page about people: answers that wait, records that were written, a
refusal, follow-ups, invitations. Also what names and comments look like on a bad day."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from answered import NOW, SYNC, config_in, record_of
from answered import YAML as PLAIN

from connectors import registry
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
from nps.changes import Cause, Change, Outcome, Rejected, Written
from nps.keys import person_number
from nps.responses import Cursor, Page, SurveyResponse
from nps.sending import Accepted
from npsync.config import Config
from store import open_store
from store.api import LedgerEntry, Member, Membership, Settled, State, Verdict, Wanted
from store.api.outbox import Kind, Opening, Settling, Stage
from store.sql import SqlStore

YAML = (
    PLAIN.replace(
        "    fields: {NPS__c: score, NPS_Comment__c: comment}\n",
        """\
    fields: {NPS__c: score, NPS_Segment__c: segment, NPS_Comment__c: comment}
    account:
      fields: {NPS__c: nps, NPS_Responses__c: responses}
    follow_up:
      - where: segment == "detractor"
        task: {subject: "Call {record.Name}"}
""",
    )
    .replace(
        "  support:\n    metric: csat\n    ask: How satisfied are you?\n",
        "  support:\n    metric: csat\n    kind: transactional\n    ask: How satisfied are you?\n"
        "    through: [{use: mailer}]\n",
    )
    .replace(
        "    owner: OwnerId\n",
        "    owner: OwnerId\n    email: Email\n    phone: MobilePhone\n    opted_out: HasOptedOutOfEmail\n",
    )
    .replace(
        "people:\n",
        "  mailer:\n    type: mail\n    host: smtp.acme.example\n    sender: Acme <feedback@acme.example>\npeople:\n",
    )
    + """\
triggers:
  after-support:
    mode: on
    event: {connection: crm, kind: case_closed}
    survey: support
  half-yearly:
    audience: {connection: crm, only: {Active__c: true}}
    every: 180 days
    survey: support
public_url: https://ask.acme.example
"""
)

HOSTILE = "<script>alert('pwned')</script><img src=x onerror=alert(1)>"
ARABIC = "الدعم بطيء جدا، انتظرت ثلاثة أيام ولم يرد أحد على رسالتي."
LONG = "It took three calls, two weeks and one manager until somebody looked. " * 72  # 5,040 characters
NAMELESS = "a-very-long-mailbox-name-that-somebody-really-has-" + "x" * 150 + "@example.com"


def record(who: str) -> str:
    """The Salesforce id of whoever has this mailbox at example.com."""
    return record_of(SurveyResponse(source="mail", id="", answered_at=NOW, email=f"{who}@example.com"))


ACCOUNT = registry.load("salesforce").record_id("001000000000001") or ""


class Peopled:
    """The store of the configuration in a folder. Everything happened within the last days before NOW."""

    def __init__(self, folder: Path, yaml: str = YAML, *, migrated: Path | None = None) -> None:
        if migrated is not None:
            shutil.copy(migrated, folder / "npsync.db")
        self.config: Config = config_in(folder, yaml)
        self.store: SqlStore = open_store(self.config.store)
        self.store.migrate()
        self._cursor = 0
        lease = self.store.acquire(SYNC, "test", now=NOW, seconds=3600)
        assert lease is not None
        self.lease = lease

    # ------------------------------------------------------------ answers

    def answers(
        self, *given: tuple[str, int, str | None], days: float = 1, **others: Any
    ) -> list[SurveyResponse]:
        """(mailbox, score, comment), so many days ago."""
        self._cursor += 1
        made = [
            SurveyResponse(
                source="mail",
                id=f"{self._cursor}-{place}",
                survey="1146",
                score=score,
                comment=comment,
                channel="email",
                answered_at=NOW - timedelta(days=days, minutes=place),
                email=who if "@" in who else f"{who}@example.com",
                **others,
            )
            for place, (who, score, comment) in enumerate(given)
        ]
        page = Page(responses=tuple(made), cursor=Cursor({"n": self._cursor}))
        persons = [person_number(one, None) for one in made]
        self.store.append(
            "mail", page, persons, received_at=NOW - timedelta(days=days) + timedelta(minutes=5)
        )
        self.store.take_up(SYNC, ["mail"], lease=self.lease, now=NOW)
        return made

    def numbers(self, answers: Sequence[SurveyResponse]) -> list[int]:
        return [self.store.answers_named(one.id, one.source)[0].number for one in answers]

    def waiting(
        self, state: State, code: str, reason: str, *given: tuple[str, int, str | None], **others: Any
    ) -> list[int]:
        """These wait, for this reason. Returns their numbers."""
        days = others.pop("days", 1)
        numbers = self.numbers(self.answers(*given, days=days))
        self._settle(
            [Settled(number=one, state=state, code=code, reason=reason, **others) for one in numbers]
        )
        return numbers

    def wrote(self, *given: tuple[str, int, str | None], days: float = 1, refused: bool = False) -> int:
        """Each is matched by e-mail and written to its own record. Returns the run."""
        run = self.store.begin_run(SYNC, "run", now=NOW - timedelta(days=days), facts={})
        answers = self.answers(*given, days=days)
        numbers = self.numbers(answers)
        settled, changes = [], {}
        for answer, number in zip(answers, numbers, strict=True):
            its = record_of(answer)
            before = self.store.confirmed("crm", "Contact", [its]).get(its, {})
            state = Settled(number=number, state=State.PENDING, record_id=its, rule="email = Email")
            score = answer.score if isinstance(answer.score, int) else 0
            segment = "Promoter" if score > 8 else "Passive" if score > 6 else "Detractor"
            after = {"NPS__c": score, "NPS_Segment__c": segment, "NPS_Comment__c": answer.comment}
            settled.append(state)
            changes[its] = Change(
                object="Contact",
                record_id=its,
                before={name: before.get(name) for name in after},
                after=after,
                response=number,
                account=ACCOUNT,
            )
        self._settle(settled, run, changes)
        self.store.cut(run, lease=self.lease, api="collections", size=100)
        outcomes: dict[int, list[Outcome]] = {
            batch.id: [self._outcome(change, refused) for change in batch.changes]
            for batch in self.store.open_batches(run, 1000, lease=self.lease)
        }
        self.store.settle_batches(run, outcomes, lease=self.lease, now=NOW - timedelta(days=days))
        return run

    def _outcome(self, change: Change, refused: bool) -> Outcome:
        if not refused:
            return Written(change.record_id)
        return Rejected(
            change.record_id,
            "FIELD_CUSTOM_VALIDATION_EXCEPTION",
            "NPS_Segment__c: a Detractor needs an owner <b>first</b>",
            field="NPS_Segment__c",
            cause=Cause.RECORD,
        )

    def _settle(
        self,
        settled: Sequence[Settled],
        run: int | None = None,
        changes: dict[str, Change] | None = None,
        wanted: Sequence[Wanted] = (),
    ) -> None:
        members = {
            one.record_id: Member(record_id=one.record_id, account=ACCOUNT)
            for one in settled
            if one.record_id
        }
        self.store.settle(
            SYNC,
            run or self.store.begin_run(SYNC, "run", now=NOW, facts={}),
            lease=self.lease,
            now=NOW,
            settled=list(settled),
            demoted={},
            changes=dict(changes or {}),
            connection="crm",
            wanted=wanted,
            whose=Membership(members=members) if members else None,
        )

    # ------------------------------------------------------------ what followed

    def task(self, who: str, *, days: float, stage: Stage = Stage.DONE, **settling: Any) -> int:
        """A task because of an answer of theirs."""
        [number] = self.store.answers_on_records([record(who)])[:1]
        answer = self.store.responses([number])[number]
        name = f"{answer.source}:{answer.id}"
        run = self.store.begin_run(SYNC, "run", now=NOW, facts={})
        wish = Wanted(
            kind=Kind.TASK, subject=name, response=number, record_id=record(who), connection="crm",
            object="Task", key=name,
        )  # fmt: skip
        self._settle([], run, wanted=[wish])
        [entry] = self.store.entries_of(SYNC, Kind.TASK, "", [name]).values()
        at = NOW - timedelta(days=days)
        self.store.open_entries(run, [Opening(entry.id, None, record(who))], lease=self.lease, now=at)
        done = Settling(id=entry.id, stage=stage, **settling)
        self.store.settle_entries([done], lease=self.lease, now=at)
        return entry.id

    # ------------------------------------------------------------ asking

    def invited(
        self,
        id: str,
        who: str,
        *,
        days: float = 2,
        state: InvitationState = InvitationState.QUEUED,
        trigger: str = "after-support",
        in_hours: float = 2,
    ) -> None:
        """Decided so many days ago; queued ones are due in some hours."""
        one = Invitation(
            id=id, dedupe=f"{trigger}/{id}", trigger=trigger, survey="support", metric="csat",
            kind="transactional", connection="crm", object="Contact", record_id=record(who), state=state,
            created_at=NOW - timedelta(days=days), due_at=NOW + timedelta(hours=in_hours),
            event_connection="crm", event_kind="case_closed", event_key=f"case_closed/{id}",
        )  # fmt: skip
        queued = state is not InvitationState.SHADOW
        step = Step(invitation=id, kind=StepKind.ASK, way=0, due_at=one.due_at) if queued else None
        self.store.decide_event(None, [(one, step)], [], {}, now=one.created_at)

    def sent(self, *ids: str, delivered: Sequence[str] = (), days: float = 1) -> None:
        """These queued ones were sent."""
        at = NOW - timedelta(days=days)
        for claimed in self.store.claim_steps("test", now=NOW + timedelta(days=1), limit=100, seconds=60):
            if claimed.invitation.id not in ids:
                self.store.put_off(claimed, claimed.step.due_at, "", "")
                continue
            self.store.reserve(
                claimed, [f"email:{claimed.invitation.id}@example.com"], lambda *_: Send(), way=0, account=None,
                account_since=None, day_began=None, now=at,
            )  # fmt: skip
            self.store.settle_step(
                claimed, Accepted(message=claimed.invitation.id), via="mailer", channel="email", now=at
            )
        for id in delivered:
            [first, *_] = self.store.steps_of(id)
            self.store.delivered(id, first.number, now=at)

    def not_asked(
        self, who: str, code: str, reason: str, *, days: float = 1, trigger: str = "after-support"
    ) -> None:
        said = Verdict(
            trigger=trigger, at=NOW - timedelta(days=days), scope="crm.Contact", record_id=record(who),
            code=code, reason=reason,
        )  # fmt: skip
        self.store.decide_event(None, [], [said], {}, now=said.at)

    def never(self, who: str, reason: SuppressionReason, detail: str = "") -> None:
        self.store.suppress(
            [Suppression(key=f"email:{who}@example.com", reason=reason, at=NOW, source="page", detail=detail)]
        )

    def ledger(self) -> None:
        """Somebody was asked before: sends go out."""
        past = Past(at=NOW - timedelta(days=100), what=PastKind.SEND, source="import")
        self.store.enter(
            [LedgerEntry(dedupe="import/1", keys=("email:old@example.com",), past=past)], now=NOW
        )


def fill(town: Peopled) -> Peopled:
    """Something for every page."""
    town.ledger()
    town.wrote(("ann", 6, "Slow, but friendly"), ("bob", 9, None), ("cem", 10, "Great"), days=40)
    town.wrote(("ann", 3, HOSTILE), ("dora", 2, LONG), ("emil", 8, ARABIC), days=3)
    town.wrote(("fay", 1, "Never again"), days=2, refused=True)
    candidates = (record("gil"), record("hans"))
    why = "two records have this Email"
    town.waiting(
        State.REVIEW, "many", why, ("gil", 4, "Whose is this?"), ("ida", 9, None), candidates=candidates
    )
    town.waiting(
        State.REVIEW,
        "conflict",
        "external_id names another record than email",
        ("jo", 0, LONG),
        candidates=candidates,
    )
    soon = "answered 3 seconds after it was delivered, without a comment"
    town.waiting(State.HELD, "too_soon", soon, (NAMELESS, 10, None), ("lee", 10, None))
    town.waiting(
        State.WAITING,
        "no_record",
        "no record has any of its keys",
        ("mo", 5, ARABIC),
        look_again=NOW + timedelta(hours=6),
    )
    town.task("ann", days=8, vendor_id="00T000000000001")
    town.task("dora", days=1, stage=Stage.REJECTED, code="no_owner", reason="the record has no active owner")
    for n, who in enumerate(("ann", "bob", "cem", "dora", "emil", "fay")):
        town.invited(f"i{n}", who)
    town.sent("i0", "i1", "i2", "i3", delivered=("i0", "i1", "i2"))
    town.store.answered("i0", now=NOW - timedelta(hours=20))
    town.invited("s0", "gil", state=InvitationState.SHADOW, trigger="half-yearly")
    for n in range(4):
        town.not_asked("bob", "rest", f"asked on 2025-12-0{n + 1}: left alone until 2025-12-20")
    town.not_asked("cem", "suppressed", "unsubscribed on 2025-11-02")
    town.not_asked("dora", "daily_cap", "500 were asked today, the most for one day", trigger="half-yearly")
    town.never("cem", SuppressionReason.UNSUBSCRIBE)
    town.never("old", SuppressionReason.BOUNCE, "550 no such mailbox")
    return town
