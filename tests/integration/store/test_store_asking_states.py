"""In whatever order things happen: one send per person and rest, reservations used or released, nothing lost."""

from __future__ import annotations

import os
import shutil
import tempfile
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from builders_asking import REST, claim, invitation, reserve, step
from builders_store import NOON
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from postgres_server import StoreInTurn

from nps.asking import InvitationState, PastKind, Send, StepKind, StepState, person_keys
from nps.errors import LeaseLost
from nps.sending import (
    Accepted,
    FailedPermanent,
    FailedRetryable,
    FateUnknown,
    SendOutcome,
    SuppressedByVendor,
)
from store import open_store
from store.api import Claimed
from store.sql import SqlStore

OUTCOMES: list[SendOutcome] = [
    Accepted("<m>"),
    FateUnknown("no reply"),
    FailedPermanent("550", "no such user"),
    SuppressedByVendor("throttle", "its own rest"),
    FailedRetryable("421", "busy"),
]
LEFT = (StepState.ACCEPTED, StepState.UNKNOWN)
EXAMPLES = int(os.environ.get("NPSYNC_ASKING_CASES", "30"))
PEOPLE = ("003A", "003B", "003C", "003D", "003E")
people = st.sampled_from(PEOPLE)
outcomes = st.sampled_from(OUTCOMES)


def keys_of(record_id: str) -> tuple[str, ...]:
    """A and B share an e-mail address: they are one person to whoever asks."""
    email = "shared@example.com" if record_id in PEOPLE[:2] else f"{record_id}@example.com"
    return person_keys(connection="crm", object="Contact", record_id=record_id, email=email)


class Asking(RuleBasedStateMachine):
    """A clock that goes on, some workers that claim, die and come back late, people who answer, cases reopened."""

    url: str

    def __init__(self) -> None:
        super().__init__()
        self.store: SqlStore = open_store(self.url)
        self.now: datetime = NOON
        self.made = 0
        self.held: list[Claimed] = []  # claims in the hands of a worker, some of them lost meanwhile
        self.touched: list[str] = []  # invitations of which something was sent, or nearly
        self.flying: list[Claimed] = []  # reserved, and not settled by the one who reserved

    @initialize(records=st.lists(people, min_size=3, max_size=6))
    def begin(self, records: list[str]) -> None:
        for record in records:
            self.trigger(record, 0, False)
        self.claim_and_decide()

    def teardown(self) -> None:
        self.store.close()

    @rule(record=people, minutes=st.sampled_from([0, 0, 0, 45]), shadow=st.sampled_from([False] * 5 + [True]))
    def trigger(self, record: str, minutes: int, shadow: bool) -> None:
        self.made += 1
        id = f"i{self.made}"
        state = InvitationState.SHADOW if shadow else InvitationState.QUEUED
        one = invitation(id, record_id=record, state=state, created_at=self.now)
        first = None if shadow else step(id, due=self.now + timedelta(minutes=minutes))
        for again in (one, invitation(f"{id}-again", dedupe=one.dedupe)):
            self.store.decide_event(
                None, [(again, first if again is one else step(again.id))], [], {}, now=self.now
            )

    @rule(minutes=st.sampled_from([1, 45, 60 * 24 * 50, 60 * 24 * 100]))
    def time_goes_on(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(limit=st.integers(1, 3))
    def claim(self, limit: int) -> None:
        mine = claim(self.store, f"w{len(self.held)}", now=self.now, limit=limit)
        assert all(one.step.due_at <= self.now for one in mine)
        assert not {one.step.number for one in mine} & {one.step.number for one in self.flying}
        self.held += mine

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def decide(self, data: st.DataObject) -> None:
        self._decide(self._one_of(data, self.held))

    @rule()
    def claim_and_decide(self) -> None:
        for claimed in claim(self.store, "quick", now=self.now, limit=3):
            self._decide(claimed)

    def _decide(self, claimed: Claimed) -> None:
        try:
            decision = reserve(
                self.store,
                claimed,
                keys_of(claimed.invitation.record_id),
                now=self.now,
                own=claimed.invitation.id,
            )
        except LeaseLost:
            return
        if isinstance(decision, Send):
            self.flying.append(claimed)
            self.touched.append(claimed.invitation.id)

    @precondition(lambda self: self.flying)
    @rule(
        data=st.data(),
        outcome=outcomes,
        following=st.sampled_from([None, StepKind.FALLBACK, StepKind.REMINDER]),
    )
    def settle(self, data: st.DataObject, outcome: SendOutcome, following: StepKind | None) -> None:
        self._settle(self._one_of(data, self.flying), outcome, following)

    @precondition(lambda self: self.flying)
    @rule(late=st.booleans(), outcome=outcomes)
    def its_worker_dies(self, late: bool, outcome: SendOutcome) -> None:
        """Another one finds out what became of it; the first may come back and want to settle too."""
        self.now += timedelta(minutes=2)
        found = self.store.interrupted("rescue", now=self.now, seconds=60)
        before = list(self.flying)
        assert {one.step.number for one in found} == {one.step.number for one in before}
        if late:
            with pytest.raises(LeaseLost):
                self._settle(before[0], Accepted("<late>"), None)
        self.flying = []
        for one in found:
            self._settle(one, outcome, None)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        try:
            claimed = self._one_of(data, self.held)
            self.store.drop_step(claimed, InvitationState.EXPIRED, "stale", "too late")
        except LeaseLost:
            pass

    @precondition(lambda self: self.made)
    @rule(data=st.data())
    def reopen(self, data: st.DataObject) -> None:
        id = f"i{data.draw(st.integers(1, self.made))}"
        self.store.cancel_invitations([id], "reopened", "reopened")

    @precondition(lambda self: self.touched)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        self.store.answered(data.draw(st.sampled_from(self.touched)), now=self.now)

    @precondition(lambda self: self.touched)
    @rule(data=st.data(), bounced=st.booleans())
    def the_channel_tells(self, data: st.DataObject, bounced: bool) -> None:
        id = data.draw(st.sampled_from(self.touched))
        step = data.draw(st.sampled_from([one.number for one in self.store.steps_of(id)]))
        if bounced:
            self.store.undelivered(id, step, "550", "bounced")
        else:
            self.store.delivered(id, step, now=self.now)

    @rule()
    def expire(self) -> None:
        self.store.expire(now=self.now, limit=2)

    # ------------------------------------------------------------ what always holds

    @invariant()
    def nobody_was_asked_twice_within_a_rest(self) -> None:
        """By what the store says: asks that left or are leaving, per person and not counting reminders."""
        for record in PEOPLE:
            past = self.store.past(keys_of(record), since=NOON - REST, now=self.now)
            asks: dict[str | None, datetime] = {}
            for one in reversed(past):
                if one.what in (PastKind.SEND, PastKind.RESERVED):
                    asks.setdefault(one.invitation, one.at)
            times = sorted(asks.values())
            assert all(later - earlier >= REST for earlier, later in pairwise(times))

    @invariant()
    def the_ledger_says_what_the_steps_say(self) -> None:
        """A reservation for what is on its way, a send for what left or may have left, and nothing else."""
        wanted = {
            f"step/{one.number}": "reserved" if one.state is StepState.SENDING else "send"
            for n in range(1, self.made + 1)
            for one in self.store.steps_of(f"i{n}")
            if one.state in (StepState.SENDING, *LEFT)
        }
        with self.store.database.read() as tx:
            held = tx.rows("SELECT dedupe, what FROM ledger WHERE what <> 'answer'")
        assert dict(held) == wanted

    @invariant()
    def every_invitation_is_in_one_state_that_its_steps_bear_out(self) -> None:
        found = self.store.invitations(limit=1_000)
        assert len(found) == self.made  # none is lost, and none is there twice
        for one in found:
            states = [step.state for step in self.store.steps_of(one.id)]
            waiting = StepState.QUEUED in states or StepState.SENDING in states
            match one.state:
                case InvitationState.QUEUED:
                    assert waiting
                case InvitationState.SHADOW:
                    assert states == []
                case InvitationState.SENT | InvitationState.UNKNOWN:
                    assert waiting or set(states) & set(LEFT)
                case InvitationState.ANSWERED:
                    assert StepState.QUEUED not in states
                case _:
                    assert not waiting

    # ------------------------------------------------------------ the ways there

    def _settle(self, claimed: Claimed, outcome: SendOutcome, following: StepKind | None) -> None:
        id = claimed.invitation.id
        more = [] if following is None else [step(id, following, due=self.now)]
        self.store.settle_step(
            claimed,
            outcome,
            via="mailer",
            channel="email",
            now=self.now,
            following=more,
            expires_at=self.now + timedelta(days=14),
        )

    def _one_of(self, data: st.DataObject, some: list[Claimed]) -> Claimed:
        return some.pop(data.draw(st.integers(0, len(some) - 1)))


def test_nobody_is_asked_twice_and_nothing_is_lost_on_sqlite(migrated_sqlite: Path):
    with tempfile.TemporaryDirectory() as folder:
        count = iter(range(100_000))

        class OnSqlite(Asking):
            def __init__(self) -> None:
                path = Path(folder) / f"{next(count)}.db"
                shutil.copy(migrated_sqlite, path)
                self.url = f"sqlite:///{path}"
                super().__init__()

        _run(OnSqlite, examples=EXAMPLES)


def test_nobody_is_asked_twice_and_nothing_is_lost_on_postgres(store_in_turn: StoreInTurn):
    class OnPostgres(Asking):
        def __init__(self) -> None:
            self.url = store_in_turn.emptied()
            super().__init__()

    _run(OnPostgres, examples=max(6, EXAMPLES // 6))


def _run(machine: type[Asking], *, examples: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
