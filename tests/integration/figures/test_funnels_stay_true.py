"""Whatever becomes of asking, the ready-made funnel says what counting one invitation after the other says, or that it
is old."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter as Times
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

from answered import NOW, YAML, config_in
from builders_asking import claim, invitation, reserve, step
from fake_clock import FakeClock
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from postgres_server import StoreInTurn

from nps.asking import Decision, InvitationState, Send
from nps.sending import Accepted, FailedPermanent
from npsync.config import Config
from npsync.figures import DAYS, Figures, since
from npsync.figures.counting import Counter
from store import open_store
from store.api import Verdict
from store.api.figures import AskedSince
from store.sql import SqlStore

EXAMPLES = int(os.environ.get("NPSYNC_FIGURES_CASES", "8"))
EVERYTHING = 1_000

triggers = st.sampled_from(["yearly", "after-support"])
surveys = st.sampled_from(["relationship", "support-csat"])
ages = st.sampled_from([0, 6, 7, 8, 29, 31, 90, 91, 400])
numbers = st.integers(1, 8)


class Asking(RuleBasedStateMachine):
    url: str
    config: Config

    def __init__(self) -> None:
        super().__init__()
        self.store: SqlStore = open_store(self.url)
        self.clock = FakeClock(NOW)
        self.figures = Figures(self.config, self.store, self.clock, few=-1)
        self.counter = Counter(self.config, self.store, self.clock, few=-1, rest=0)
        self.asked = 0

    def teardown(self) -> None:
        self.store.close()

    @initialize()
    def some_were_asked(self) -> None:
        for age in (0, 8, 40, 100):
            self.somebody_is_to_be_asked("yearly", "relationship", age, shadow=False)
        self.messages_leave(3)
        self.counter.turn()

    # ------------------------------------------------------------ what becomes of asking

    @rule(trigger=triggers, survey=surveys, age=ages, shadow=st.booleans())
    def somebody_is_to_be_asked(self, trigger: str, survey: str, age: int, shadow: bool) -> None:
        self.asked += 1
        id, now = f"i{self.asked}", self.clock.now()
        state = InvitationState.SHADOW if shadow else InvitationState.QUEUED
        one = invitation(
            id,
            trigger=trigger,
            survey=survey,
            state=state,
            created_at=now - timedelta(days=age),
            due_at=now,
            record_id=f"003{self.asked % 4}",
        )
        said = Verdict(
            trigger=trigger, at=now, scope="crm.Contact", record_id=None, code="", reason="", invitation=id
        )
        self.store.decide_event(None, [(one, None if shadow else step(id, due=now))], [said], {}, now=now)

    @rule(trigger=triggers, code=st.sampled_from(["rest", "sampled_out"]), age=ages)
    def somebody_is_not_asked(self, trigger: str, code: str, age: int) -> None:
        at = self.clock.now() - timedelta(days=age)
        said = Verdict(trigger=trigger, at=at, scope="crm.Contact", record_id="003A", code=code, reason="")
        self.store.decide_event(None, [], [said], {}, now=self.clock.now())

    @rule(many=st.integers(1, 3))
    def messages_leave(self, many: int) -> None:
        for claimed in claim(self.store, now=self.clock.now(), limit=many):
            key = (f"email:{claimed.invitation.id}@example.com",)
            decision: Decision = reserve(self.store, claimed, key, now=self.clock.now())
            assert isinstance(decision, Send)
            accepted = Accepted(message=claimed.invitation.id)
            expires_at = self.clock.now() + timedelta(days=14)
            self.store.settle_step(
                claimed, accepted, via="mailer", channel="email", now=self.clock.now(), expires_at=expires_at
            )

    @rule()
    def a_message_is_refused(self) -> None:
        for claimed in claim(self.store, now=self.clock.now(), limit=1):
            reserve(
                self.store, claimed, (f"email:{claimed.invitation.id}@example.com",), now=self.clock.now()
            )
            refused = FailedPermanent(reason="no such address", code="bad_address")
            self.store.settle_step(claimed, refused, via="mailer", channel="email", now=self.clock.now())

    @rule(number=numbers)
    def the_channel_tells_that_it_arrived(self, number: int) -> None:
        for sent in self.store.steps_of(f"i{number}"):
            self.store.delivered(f"i{number}", sent.number, now=self.clock.now())

    @rule(number=numbers)
    def the_channel_tells_that_it_came_back(self, number: int) -> None:
        for sent in self.store.steps_of(f"i{number}"):
            self.store.undelivered(f"i{number}", sent.number, "bounced", "")

    @rule(number=numbers)
    def somebody_answers(self, number: int) -> None:
        self.store.answered(f"i{number}", now=self.clock.now())

    @rule(number=numbers)
    def somebody_takes_it_back(self, number: int) -> None:
        self.store.cancel_invitations([f"i{number}"], "cancelled", "")

    @rule()
    def the_time_to_answer_is_over(self) -> None:
        self.store.expire(now=self.clock.now() + timedelta(days=20), limit=1)

    @rule(age=ages)
    def what_is_old_is_not_kept(self, age: int) -> None:
        self.store.expire_asking(before=self.clock.now() - timedelta(days=age), limit=2)

    @rule(hours=st.sampled_from([1, 24]))
    def time_goes_on(self, hours: int) -> None:
        self.clock.advance(hours * 3600)

    # ------------------------------------------------------------ counting and looking

    @rule()
    def counted_in_the_background(self) -> None:
        assert not self.counter.turn().problems
        assert not self.figures.invitations(7).counting

    @invariant()
    def what_is_shown_as_of_now_is_what_one_after_the_other_says(self) -> None:
        today = self.clock.now().astimezone(self.config.time_zone).date()
        for days in DAYS:
            shown = self.figures.invitations(days)
            if shown.value is not None and not shown.counting:
                start = since(days, today, self.config.time_zone)
                assert _plainly(shown.value) == self._one_after_the_other(start), days

    def _one_after_the_other(self, start: datetime) -> tuple[Times[object], Times[object]]:
        funnel: Times[object] = Times()
        for one in self.store.invitations(limit=EVERYTHING):
            if one.created_at >= start:
                its = (one.trigger, one.survey, one.state)
                funnel[*its, "invitations"] += 1
                funnel[*its, "sent"] += one.sent_at is not None
                funnel[*its, "answered"] += one.answered_at is not None
                steps = self.store.steps_of(one.id)
                funnel[*its, "delivered"] += any(each.delivered_at is not None for each in steps)
        refused: Times[object] = Times(
            (one.trigger, one.code)
            for one in self.store.verdicts(limit=EVERYTHING)
            if one.at >= start and one.invitation is None
        )
        return +funnel, refused


def _plainly(told: AskedSince) -> tuple[Times[object], Times[object]]:
    funnel: Times[object] = Times()
    for one in told.funnel:
        for name in ("invitations", "sent", "answered", "delivered"):
            funnel[one.trigger, one.survey, one.state, name] += getattr(one, name)
    return +funnel, Times({(one.trigger, one.code): one.times for one in told.refused})


def test_the_funnel_is_right_or_says_that_it_is_old_on_sqlite(sqlite_url: str, tmp_path: Path):
    config, template, names = config_in(tmp_path, YAML), sqlite_url.removeprefix("sqlite:///"), count()
    with tempfile.TemporaryDirectory() as folder:

        class OnSqlite(Asking):
            def __init__(self) -> None:
                path = Path(folder) / f"{next(names)}.db"
                shutil.copy(template, path)
                self.url, self.config = f"sqlite:///{path}", config
                super().__init__()

        _run(OnSqlite, examples=EXAMPLES)


def test_the_funnel_is_right_or_says_that_it_is_old_on_postgres(store_in_turn: StoreInTurn, tmp_path: Path):
    config = config_in(tmp_path, YAML)

    class OnPostgres(Asking):
        def __init__(self) -> None:
            self.url, self.config = store_in_turn.emptied(), config
            super().__init__()

    _run(OnPostgres, examples=max(2, EXAMPLES // 5))


def _run(machine: type[Asking], *, examples: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
