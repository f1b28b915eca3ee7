"""A store that is only imagined: it knows what the real one knows of an earlier moment, and keeps what happens in
memory. Nothing is written anywhere.

It fulfils as much of `AskingStore` as deciding and sending need, so that a simulation runs the engine's own code.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

import msgspec

from nps.asking import (
    Decision,
    Invitation,
    InvitationState,
    Past,
    PastKind,
    Send,
    Step,
    StepState,
    Suppression,
    Wait,
)
from nps.events import Event
from nps.sending import SendOutcome
from nps.values import Json
from store.api import Claimed, Noted, Verdict
from store.api.asking import Judge
from store.api.scheduling import Due
from store.api.values import Lease
from triggers.desk import AskingStore

FOREVER = timedelta(days=36_500)


@dataclass
class _Entry:
    """One send of the simulation."""

    past: Past
    keys: frozenset[str]
    account: str | None


@dataclass
class ImaginedStore:
    """`real` as it was at `begin`: what npsync's own `triggers` sent since then is left out, what other tools sent and
    people answered counts from its own moment on."""

    real: AskingStore
    begin: datetime
    triggers: frozenset[str]
    now: datetime = field(init=False)
    verdicts: list[Verdict] = field(default_factory=list)
    invitations: dict[str, Invitation] = field(default_factory=dict)
    ended: dict[str, datetime] = field(default_factory=dict)  # invitation → when it was asked or given up

    def __post_init__(self) -> None:
        self.now = self.begin
        self._pending: list[Noted] = []
        self._about: defaultdict[tuple[str, str, str], list[Event]] = defaultdict(list)
        self._waiting_about: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
        self._steps: dict[int, Step] = {}
        self._queue: list[
            tuple[datetime, int]
        ] = []  # a heap: due, number of the step; may name old due times
        self._due_of: dict[int, datetime] = {}  # of the steps that wait
        self._step_of: dict[str, int] = {}
        self._dedupes: set[str] = set()
        self._by_key: defaultdict[str, list[_Entry]] = defaultdict(list)
        self._by_account: defaultdict[str, list[datetime]] = defaultdict(list)
        self._sent: list[datetime] = []
        self._pasts: dict[tuple[str, ...], list[Past]] = {}
        self._suppressions: dict[tuple[str, ...], list[Suppression]] = {}
        self._asked_ever: dict[str, bool] = {}
        self._last_asked: dict[tuple[str, str], datetime | None] = {}
        self._reserved: dict[int, _Entry] = {}
        self._due: dict[str, datetime] = {}
        self._recurring: defaultdict[str, set[int]] = defaultdict(set)  # account → steps that wait
        own = [
            one
            for name in sorted(self.triggers)
            for one in self.real.invitations(trigger=name, limit=_ALL)
            if one.sent_at is not None and one.sent_at >= self.begin
        ]
        self._undone = frozenset(one.id for one in own)
        self._undone_asks = [(one.account, one.sent_at) for one in own if one.account and one.sent_at]

    # ------------------------------------------------------------ what the simulation does

    def happen(self, noted: Noted) -> None:
        """An event is heard of now."""
        event = noted.event
        self._pending.append(noted)
        self._about[event.connection, event.subject.object, event.subject.id].append(event)

    def next_due(self) -> datetime | None:
        while self._queue and not self._is_current(self._queue[0]):
            heapq.heappop(self._queue)
        return self._queue[0][0] if self._queue else None

    def _is_current(self, place: tuple[datetime, int]) -> bool:
        return self._due_of.get(place[1]) == place[0]

    def _wait(self, number: int, until: datetime) -> None:
        self._due_of[number] = until
        heapq.heappush(self._queue, (until, number))

    # ------------------------------------------------------------ events

    def undecided_events(
        self, limit: int, *, after: int = 0, but: Collection[tuple[str, str]] = ()
    ) -> list[Noted]:
        behind = (
            one
            for one in self._pending
            if one.number > after and (one.event.connection, one.event.kind) not in but
        )
        return list(islice(behind, limit))

    def events_of(self, subjects: Sequence[tuple[str, str, str]]) -> list[Event]:
        return [event for subject in subjects for event in self._about[subject]]

    def queued_about(self, connection: str, object: str, id: str) -> list[Invitation]:
        ids = self._waiting_about[connection, object, id]
        found = (self.invitations[each] for each in ids)
        return [one for one in found if one.state is InvitationState.QUEUED]

    def decide_event(
        self,
        number: int | None,
        invitations: Sequence[tuple[Invitation, Step | None]],
        verdicts: Sequence[Verdict],
        cancelled: Mapping[str, tuple[str, str]],
        *,
        now: datetime,
    ) -> list[str]:
        if number is not None:
            self._pending = [one for one in self._pending if one.number != number]
        known = {one.id for one, _ in invitations if one.dedupe in self._dedupes}
        for invitation, step in invitations:
            if invitation.id not in known:
                self._keep(invitation, step)
        self.verdicts += [one for one in verdicts if one.invitation not in known]
        for id, (code, reason) in cancelled.items():
            self._finish(id, InvitationState.CANCELLED, code, reason)
        return list(cancelled)

    def _keep(self, invitation: Invitation, step: Step | None) -> None:
        self._dedupes.add(invitation.dedupe)
        self.invitations[invitation.id] = invitation
        if invitation.subject is not None and invitation.event_connection is not None:
            subject = (invitation.event_connection, invitation.subject.object, invitation.subject.id)
            self._waiting_about[subject].append(invitation.id)
        if step is not None:
            number = len(self._steps) + 1
            self._steps[number] = msgspec.structs.replace(step, number=number)
            self._step_of[invitation.id] = number
            if invitation.recurring and invitation.account is not None:
                self._recurring[invitation.account].add(number)
            self._wait(number, step.due_at)

    def _finish(self, id: str, state: InvitationState, code: str, reason: str) -> None:
        one = self.invitations[id]
        if one.state is not InvitationState.QUEUED:
            return
        self.invitations[id] = msgspec.structs.replace(one, state=state, code=code, reason=reason)
        self.ended[id] = self.now
        if (number := self._step_of.get(id)) is not None:
            self._due_of.pop(number, None)
            if one.account is not None:
                self._recurring[one.account].discard(number)

    # ------------------------------------------------------------ sending

    def claim_steps(self, owner: str, *, now: datetime, limit: int, seconds: float) -> list[Claimed]:
        steps: list[Step] = []
        while len(steps) < limit and (due := self.next_due()) is not None and due <= now:
            steps.append(self._steps[heapq.heappop(self._queue)[1]])
        return [Claimed(step, self.invitations[step.invitation], 1, now + FOREVER, seconds) for step in steps]

    def steps_of(self, id: str) -> list[Step]:
        return [self._steps[self._step_of[id]]] if id in self._step_of else []

    def reserve(
        self,
        claimed: Claimed,
        keys: Sequence[str],
        judge: Judge,
        *,
        way: int,
        via: str | None = None,
        message: str | None = None,
        account: str | None,
        account_since: datetime | None,
        day_began: datetime | None,
        now: datetime,
    ) -> Decision:
        number = claimed.step.number
        asks = 0
        if account is not None and account_since is not None:
            asks = self.account_asks([account], since=account_since, now=now)[account]
        today = 0 if day_began is None else len(self._sent) - bisect_left(self._sent, day_began)
        past = self.past(keys, since=now - FOREVER, now=now)
        decision = judge(past, self.suppressions(keys), asks, today)
        if isinstance(decision, Send):
            one = claimed.invitation
            ask = Past(
                at=now,
                what=PastKind.SEND,
                survey=one.survey,
                metric=one.metric,
                kind=one.kind,
                invitation=one.id,
            )
            self._reserved[number] = _Entry(ask, frozenset(keys), account)
        elif isinstance(decision, Wait):
            self.put_off(claimed, decision.until, decision.code, decision.reason)
        else:
            self._finish(claimed.invitation.id, InvitationState.SUPPRESSED, decision.code, decision.reason)
        return decision

    def settle_step(
        self,
        claimed: Claimed,
        outcome: SendOutcome,
        *,
        via: str,
        channel: str,
        now: datetime,
        following: Sequence[Step] = (),
        expires_at: datetime | None = None,
    ) -> None:
        """Every message is taken. Reminders and fallbacks depend on who answers, which nobody knows: they are left."""
        entry = self._reserved.pop(claimed.step.number)
        for key in entry.keys:
            self._by_key[key].append(entry)
        if entry.account is not None:
            self._by_account[entry.account].append(now)
        self._sent.append(now)
        id = claimed.invitation.id
        self._finish(id, InvitationState.SENT, "", "")
        self.invitations[id] = msgspec.structs.replace(self.invitations[id], via=via, sent_at=now)
        self._steps[claimed.step.number] = msgspec.structs.replace(claimed.step, state=StepState.ACCEPTED)

    def drop_step(self, claimed: Claimed, state: InvitationState, code: str, reason: str) -> None:
        self._finish(claimed.invitation.id, state, code, reason)

    def put_off(self, claimed: Claimed, until: datetime, code: str, reason: str) -> None:
        number = claimed.step.number
        self._wait(number, until)
        id = claimed.invitation.id
        one = self.invitations[id]
        self.invitations[id] = msgspec.structs.replace(one, due_at=until, code=code, reason=reason)
        self._steps[number] = msgspec.structs.replace(self._steps[number], due_at=until)

    def waiting_in(self, account: str, *, due_before: datetime) -> list[Invitation]:
        soon = (number for number in self._recurring[account] if self._due_of[number] < due_before)
        return [self.invitations[self._steps[number].invitation] for number in soon]

    # ------------------------------------------------------------ the ledger

    def past(self, keys: Sequence[str], *, since: datetime, now: datetime) -> list[Past]:
        known = [one for one in self._real_past(tuple(keys)) if since <= one.at <= self.now]
        ours = {id(entry): entry.past for key in keys for entry in self._by_key[key]}
        found = [*known, *(one for one in ours.values() if one.at >= since)]
        return sorted(found, key=lambda one: one.at, reverse=True)

    def _real_past(self, keys: tuple[str, ...]) -> list[Past]:
        """All that is really known of these keys: read once, for nobody else writes meanwhile that matters here."""
        if keys not in self._pasts:
            found = self.real.past(keys, since=self.begin - FOREVER, now=self.now)
            self._pasts[keys] = [one for one in found if one.invitation not in self._undone]
        return self._pasts[keys]

    def account_asks(self, accounts: Sequence[str], *, since: datetime, now: datetime) -> dict[str, int]:
        return {
            account: self._real_asks(account, since) + sum(at > since for at in self._by_account[account])
            for account in accounts
        }

    def _real_asks(self, account: str, since: datetime) -> int:
        """Those after `since` until the imagined now, less what is imagined anew."""

        def after(at: datetime) -> int:
            return self.real.account_asks([account], since=at, now=self.now).get(account, 0)

        if account not in self._asked_ever:
            self._asked_ever[account] = after(self.begin - FOREVER) > 0
        if not self._asked_ever[account]:
            return 0
        undone = sum(name == account and since < at <= self.now for name, at in self._undone_asks)
        return after(since) - after(self.now) - undone

    def account_ends(self, account: str, *, per: timedelta, at: datetime, now: datetime) -> list[datetime]:
        real = self.real.account_ends(account, per=per, at=at, now=now)
        ends = Counter(end for end in real if end <= self.now + per)
        ends.subtract(asked + per for name, asked in self._undone_asks if name == account)
        ours = [asked + per for asked in self._by_account[account] if asked + per > at]
        return sorted([*ends.elements(), *ours])

    def last_asked(self, scope: str, record_ids: Sequence[str]) -> dict[str, datetime]:
        unread = [id for id in record_ids if (scope, id) not in self._last_asked]
        if unread:
            real = self.real.last_asked(scope, unread)
            self._last_asked |= {(scope, id): real.get(id) for id in unread}
        known = {id: self._last_asked[scope, id] for id in record_ids}
        found = {id: at for id, at in known.items() if at is not None and at < self.begin}
        for id in record_ids:
            ours = [entry.past.at for entry in self._by_key[f"record:{scope}/{id}"]]
            if ours:
                found[id] = max(ours)
        return found

    def suppressions(self, keys: Sequence[str]) -> list[Suppression]:
        if (names := tuple(keys)) not in self._suppressions:
            self._suppressions[names] = self.real.suppressions(names)
        return [one for one in self._suppressions[names] if one.at <= self.now]

    def ledger_is_empty(self) -> bool:
        return False

    def switches(self) -> dict[str, Json]:
        return {"ledger": "imagined"}

    # ------------------------------------------------------------ nobody else is here

    def acquire(self, name: str, owner: str, *, now: datetime, seconds: float) -> Lease | None:
        return Lease(name, owner, 1)  # nobody else imagines the same

    def renew(self, lease: Lease, *, now: datetime, seconds: float) -> None:
        pass

    def release(self, lease: Lease) -> None:
        pass

    def due(self, names: Sequence[str]) -> dict[str, Due]:
        return {name: Due(name, self._due[name]) for name in names if name in self._due}

    def schedule_first(self, name: str, due_at: datetime) -> datetime:
        return self._due.setdefault(name, due_at)

    def schedule(self, name: str, due_at: datetime) -> None:
        self._due[name] = due_at


_ALL = 10_000_000
