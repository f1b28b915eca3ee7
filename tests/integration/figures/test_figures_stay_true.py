"""Whatever happens, ready-made figures say what counting from scratch says, or say that they are old."""

from __future__ import annotations

import os
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from answered import ENV, YAML
from builders_config import CONNECTIONS
from fake_clock import FakeClock
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from postgres_server import StoreInTurn

from nps.keys import person_number
from nps.responses import Cursor, Page, ResponseStatus, SurveyResponse
from npsync.config import Config, load
from npsync.figures import GROUPS, Figures, encoding
from npsync.figures.counting import Counter
from npsync.figures.questions import kept_ready, year_of
from npsync.reports import Compare, make, wish
from npsync.reports.wish import counting, enough_of
from store import open_store
from store.api import Settled, State
from store.api.members import Member, Membership
from store.api.privacy import Receipt
from store.api.subjects import Place, Traces
from store.api.tallying import Order
from store.sql import SqlStore

NOW = datetime(2025, 12, 15, 12, 0, tzinfo=UTC)
EXAMPLES = int(os.environ.get("NPSYNC_FIGURES_CASES", "8"))
SYNC = "contacts"
PLACES = {"mail": "1146", "app": "77"}
TWO_PLACES = (
    YAML.replace(
        CONNECTIONS,
        CONNECTIONS
        + """\
  app:
    type: wootric
    client_id: "${WOOTRIC_ID}"
    client_secret: "${WOOTRIC_SECRET}"
  pulses:
    type: wootric
    client_id: "${WOOTRIC_ID}"
    client_secret: "${WOOTRIC_SECRET}"
""",
    )
    .replace('at: {mail: "1146"}', 'at: {mail: "1146", app: "77"}')
    .replace("surveys:\n", 'surveys:\n  pulse:\n    at: {pulses: "5"}\n')
    + f"pepper: {'ab' * 32}\nprivacy: {{anonymous: [pulse], min_group: 3}}\n"
)

ASKED = {None: ("relationship", "pulse"), "plan": ("relationship",), "product": ("pulse",)}

people = st.sampled_from(["ann", "bob", "cleo", "dan"])
records = st.sampled_from(["003A", "003B", "003C"])
scores = st.integers(0, 10)
days = st.integers(-800, 3)  # from now on: also so far ahead that it counts from when it came
SETTLED = [
    (State.WRITTEN, ""),
    (State.UNCHANGED, ""),
    (State.SUPERSEDED, "older"),
    (State.HELD, "fast"),
    (State.EXCLUDED, "discarded"),
    (State.EXCLUDED, "filtered"),
    (State.WAITING, "none"),
]


class Figuring(RuleBasedStateMachine):
    url: str
    config: Config

    def __init__(self) -> None:
        super().__init__()
        self.store: SqlStore = open_store(self.url)
        self.clock = FakeClock(NOW)
        self.figures = Figures(self.config, self.store, self.clock, few=-1)
        self.counter = Counter(self.config, self.store, self.clock, few=-1, rest=0)
        self.given = 0
        lease = self.store.acquire(SYNC, "test", now=NOW, seconds=10**9)
        assert lease is not None
        self.lease = lease
        self.run = self.store.begin_run(SYNC, "run", now=NOW, facts={})

    def teardown(self) -> None:
        self.store.close()

    # ------------------------------------------------------------ what happens to a store

    @initialize()
    def a_town(self) -> None:
        """Everybody has answered, most of them on a record of an account, some of it is published and counted."""
        for number, who in enumerate(["ann", "bob", "cleo", "dan", "ann"]):
            self._arrive(self._answer("mail", f"a{number}", 2 * number, who, -400 + 100 * number))
            self._arrive(self._answer("pulses", f"a{number}", 9, who, -number))
        for record in ("003A", "003B", "003C"):
            self.a_record_is_seen(record, "001A", "Pro")
        self._take_up()
        taken, _ = self.store.work(SYNC, None, 100)
        self._settle(
            [
                Settled(number=one.number, state=State.WRITTEN, record_id=f"003{'ABC'[n % 3]}", code="")
                for n, one in enumerate(taken)
            ]
        )
        self.store.publish("pulse", {"pulses": ("5",)}, 3, now=self.clock.now())
        self.counter.turn()

    @rule(
        source=st.sampled_from([*PLACES, "pulses"]), who=people, score=scores, day=days, again=st.booleans()
    )
    def somebody_answers_or_thinks_again(
        self, source: str, who: str, score: int, day: int, again: bool
    ) -> None:
        if not again:
            self.given += 1
        one = self._answer(source, f"a{self.given % 6 if again else self.given}", score, who, day)
        self._arrive(one)

    @rule(number=st.integers(1, 8), status=st.sampled_from(list(ResponseStatus)))
    def an_answer_changes_its_status(self, number: int, status: ResponseStatus) -> None:
        self._arrive(self._answer("mail", f"a{number}", 5, "ann", 0, status=status))

    @rule(raw=st.sampled_from(["9", "Extremely likely", None]), who=people)
    def a_score_comes_as_text(self, raw: Any, who: str) -> None:
        self.given += 1
        self._arrive(self._answer("app", f"a{self.given}", raw, who, -3))

    @rule()
    def a_run_takes_up_what_came(self) -> None:
        self._take_up()

    @rule(data=st.data())
    def a_run_settles_what_it_took_up(self, data: st.DataObject) -> None:
        self._take_up()
        taken, _ = self.store.work(SYNC, None, 100)
        settled = []
        for one in taken:
            state, code = data.draw(st.sampled_from(SETTLED))
            record = None if state is State.WAITING else data.draw(records)
            settled.append(Settled(number=one.number, state=state, record_id=record, code=code))
        self._settle(settled)

    @rule(number=st.integers(1, 12))
    def somebody_wants_an_answer_taken_up_again(self, number: int) -> None:
        self.store.ask_again(SYNC, [number])

    @rule(
        record=records, account=st.sampled_from(["001A", "001B", None]), plan=st.sampled_from(["Pro", None])
    )
    def a_record_is_seen(self, record: str, account: str | None, plan: str | None) -> None:
        traits = {"plan": plan, "amount": 1000}
        whose = Membership(members={record: Member(record_id=record, account=account, traits=traits)})
        self.store.note_members(SYNC, whose, lease=self.lease, now=self.clock.now())

    @rule(record=records)
    def a_record_is_gone(self, record: str) -> None:
        whose = Membership(members={record: None})
        self.store.note_members(SYNC, whose, lease=self.lease, now=self.clock.now())

    @rule()
    def accounts_are_merged(self) -> None:
        self.store.move_members(SYNC, "001A", "001B", lease=self.lease, roll_up="contacts/account")

    @rule(number=st.integers(1, 8))
    def a_held_answer_is_left_out(self, number: int) -> None:
        held = {("mail", f"a{number}"): {SYNC: n} for n in (number,)}
        self.store.discard_held(held, "spam", now=self.clock.now())

    @rule()
    def the_anonymous_ones_are_published(self) -> None:
        self.store.publish("pulse", {"pulses": ("5",)}, 3, now=self.clock.now())

    @rule(age=st.integers(1, 900))
    def old_answers_become_counts(self, age: int) -> None:
        before = self.clock.now() - timedelta(days=age)
        self.store.expire_answers(before=before, zone=ZoneInfo("America/New_York"), limit=3)

    @rule(number=st.integers(1, 12))
    def somebody_is_erased(self, number: int) -> None:
        traces = Traces(numbers=(number,), records=(Place("crm", "Contact", "003C", (SYNC,)),))
        receipt = Receipt(kind="erase", at=self.clock.now(), who="olga", report={})
        self.store.erase(traces, receipt, zone=ZoneInfo("America/New_York"), now=self.clock.now())
        assert self.store.figures() == []

    @rule(hours=st.sampled_from([1, 24]))
    def time_goes_on(self, hours: int) -> None:
        self.clock.advance(hours * 3600)

    # ------------------------------------------------------------ counting and looking

    @rule()
    def counted_in_the_background(self) -> None:
        done = self.counter.turn()
        assert not done.problems

    @rule()
    def counted_until_nothing_is_old(self) -> None:
        self.counter.turn()
        for one in self._wishes():
            shown = self.figures.report(one)
            assert shown.value is not None or shown.counting
        self.counter.turn()
        for one in self._wishes():
            shown = self.figures.report(one)
            assert shown.value is not None
            assert not shown.counting

    @invariant()
    def what_is_shown_as_of_now_is_what_counting_from_scratch_says(self) -> None:
        for one in self._wishes():
            shown = self.figures.report(one)
            if shown.value is not None and not shown.counting:
                assert shown.as_of is not None
                scratch = make(self.config, self.store, one, now=shown.as_of, limit=GROUPS)
                assert shown.value == encoding.report(encoding.encoded(scratch)), one

    @invariant()
    def so_are_the_accounts_in_every_order(self) -> None:
        today = self.clock.now().astimezone(self.config.time_zone).date()
        what = counting(self.config, "relationship", *year_of(today))
        for order in (Order.WORST, Order.NAME):
            shown = self.figures.accounts("relationship", order)
            if shown.value is not None and not shown.counting:
                enough = enough_of(self.config, "relationship")
                scratch = self.store.account_figures(what, order=order, enough=enough, limit=50)
                assert shown.value == scratch, order

    # ------------------------------------------------------------ the ways there

    def _wishes(self) -> Any:
        """Some of the usual ones, and two that nobody keeps ready."""
        today = self.clock.now().astimezone(self.config.time_zone).date()
        for one in kept_ready(self.config):
            if one.kind == "report" and one.by in (None, "plan", "product") and one.survey in ASKED[one.by]:
                yield one.wish(self.config, today)
        since = NOW.date() - timedelta(days=40)
        yield wish(self.config, "relationship", today=today, since=since, until=NOW.date(), by="source")
        yield wish(self.config, "relationship", today=today, compare=Compare.YEAR)

    def _answer(self, source: str, id: str, score: Any, who: str, day: int, **others: Any) -> SurveyResponse:
        anonymous = source == "pulses"
        return SurveyResponse(
            source=source,
            id=f"{source}-{id}",
            survey="5" if anonymous else PLACES[source],
            score=score,
            answered_at=NOW + timedelta(days=day),
            email=None if anonymous else f"{who}@example.com",
            properties={"product": "A" if day % 2 else "B"},
            **others,
        )

    def _arrive(self, one: SurveyResponse) -> None:
        page = Page(responses=(one,), cursor=Cursor({"n": self.given}))
        self.store.append(one.source, page, [person_number(one, None)], received_at=self.clock.now())

    def _settle(self, settled: list[Settled]) -> None:
        self.store.settle(
            SYNC,
            self.run,
            lease=self.lease,
            now=self.clock.now(),
            settled=settled,
            demoted={},
            changes={},
            connection="crm",
        )

    def _take_up(self) -> None:
        self.store.take_up(SYNC, list(PLACES), lease=self.lease, now=self.clock.now())


def test_figures_are_right_or_say_that_they_are_old_on_sqlite(sqlite_url: str, tmp_path: Path):
    config = _config(tmp_path)
    template = sqlite_url.removeprefix("sqlite:///")
    with tempfile.TemporaryDirectory() as folder:
        numbers = count()

        class OnSqlite(Figuring):
            def __init__(self) -> None:
                path = Path(folder) / f"{next(numbers)}.db"
                shutil.copy(template, path)
                self.url, self.config = f"sqlite:///{path}", config
                super().__init__()

        _run(OnSqlite, examples=EXAMPLES)


def test_figures_are_right_or_say_that_they_are_old_on_postgres(store_in_turn: StoreInTurn, tmp_path: Path):
    config = _config(tmp_path)

    class OnPostgres(Figuring):
        def __init__(self) -> None:
            self.url, self.config = store_in_turn.emptied(), config
            super().__init__()

    _run(OnPostgres, examples=max(2, EXAMPLES // 5))


def _config(folder: Path) -> Config:
    (folder / "npsync.yaml").write_text(TWO_PLACES, encoding="utf-8")
    return load(folder / "npsync.yaml", ENV)


def _run(machine: type[Figuring], *, examples: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=16,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
