"""Answers counted for reports: by SQL, compared with counting them one by one."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from builders_store import NOON, SOURCE, Syncing, answer, later, receive
from sqlalchemy import event

from nps.figures import Tally
from nps.responses import ResponseStatus, SurveyResponse
from nps.score import Segment
from store.api import Settled, State
from store.api.remarks import Undone
from store.api.tallying import By, Counting, Invited, Order, Tallied, Trait
from store.database import Database
from store.sql import SqlStore

MARCH, APRIL, MAY = (datetime(2026, month, 1, tzinfo=UTC) for month in (3, 4, 5))


def counting(*cuts: datetime, **others: Any) -> Counting:
    given: dict[str, Any] = {"places": {SOURCE: ("1146",)}, "syncs": (), "cuts": cuts or (MARCH, APRIL)}
    return Counting(**(given | others))


def member(database: Database, record: str, account: str | None = None, traits: str = "{}") -> None:
    with database.write() as tx:
        tx.run(
            """INSERT INTO member (sync, record_id, account, traits, seen_at)
            VALUES (:sync, :record, :account, :traits, 0)""",
            sync="nps-to-contacts",
            record=record,
            account=account,
            traits=traits,
        )


def on_records(syncing: Syncing, records: dict[str, str], **states: State) -> None:
    """Settle every answer on the record named for it."""
    syncing.take_up()
    syncing.settle(
        Settled(
            number=one.number,
            state=states.get(one.response.id, State.WRITTEN),
            record_id=records.get(one.response.id),
            code="ignored" if states.get(one.response.id) is State.EXCLUDED else "",
        )
        for one in syncing.work()
    )


def test_of_one_person_the_latest_answer_of_a_period_counts(store: SqlStore):
    receive(
        store,
        answer("a1", 3, email="ann@example.com"),
        answer("a2", 9, email="ann@example.com", at=later(days=1)),
        answer("a3", 8, email="bob@example.com"),
    )
    assert store.tallied(counting()) == [Tallied({8: 1, 9: 1}, older=1, unmatched=2)]


def test_two_addresses_matched_to_one_record_are_one_person(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1", 3), answer("a2", 9, at=later(days=1)), answer("a3", 10))
    on_records(syncing, {"a1": "003A", "a2": "003A", "a3": "003B"})
    assert store.tallied(counting(syncs=("nps-to-contacts",))) == [Tallied({9: 1, 10: 1}, older=1)]


def test_of_two_answers_of_one_moment_the_same_one_counts_whatever_language_the_database_sorts_by(
    store: SqlStore,
):
    """As `nps.newest` decides it for the records: by their ids, letter by letter. A database that was made for a
    language has "a" before "B"; the tests' own has not, so what is asked is looked at, too."""
    receive(store, answer("B1", 9, at=MARCH, email="ann@example.com"))
    receive(store, answer("a2", 3, at=MARCH, email="ann@example.com"))
    asked: list[str] = []
    engine = store.database._engine  # type: ignore[attr-defined]
    event.listen(engine, "before_cursor_execute", lambda _connection, _cursor, sql, *_: asked.append(sql))
    assert [each.scores for each in store.tallied(counting())] == [{3: 1}]
    with store.standing(counting(), []) as standing:
        assert [each.scores for each in standing.tallied(counting())] == [{3: 1}]
    collation = '"C"' if engine.dialect.name == "postgresql" else "BINARY"
    ordered = [sql for sql in asked if "PARTITION BY who" in sql]
    assert len(ordered) == 2
    assert all(f"source_id COLLATE {collation}" in sql for sql in ordered)


def test_periods_begin_where_the_one_before_ends_and_each_has_a_latest_answer_of_its_own(store: SqlStore):
    receive(
        store,
        answer("a1", 1, email="ann@example.com", at=MARCH),
        answer("a2", 9, email="ann@example.com", at=APRIL - timedelta(milliseconds=1)),
        answer("a3", 10, email="ann@example.com", at=APRIL),
        answer("a4", 0, email="ann@example.com", at=MAY),
        at=MAY,
    )
    found = store.tallied(counting(MARCH, APRIL, MAY))
    assert [each.scores for each in found] == [{9: 1}, {10: 1}]


def test_twelve_periods_are_told_apart(store: SqlStore):
    cuts = [NOON + timedelta(days=n) for n in range(14)]
    receive(store, *(answer(f"a{n}", n % 11, at=cuts[n]) for n in range(13)), at=MAY)
    assert [each.scores for each in store.tallied(counting(*cuts))] == [{n % 11: 1} for n in range(13)]


def test_what_is_no_answer_of_this_survey_does_not_count(store: SqlStore):
    receive(
        store,
        answer("other survey", 9, survey="77"),
        answer("half-finished", 9, status=ResponseStatus.PARTIAL),
        answer("withdrawn", 9, status=ResponseStatus.WITHDRAWN),
        answer("no score", None),
        answer("out of scale", 11),
        answer("not whole", 9.5),
        answer("a word", "great"),
        answer("counts", 0),
    )
    receive(store, answer("other tool", 9, source="app-nps"))
    assert store.tallied(counting()) == [Tallied({0: 1}, unmatched=1)]


def test_held_answers_and_those_a_person_took_out_do_not_count(store: SqlStore, syncing: Syncing):
    receive(
        store,
        answer("held", 0),
        answer("ignored", 1),
        answer("waits", 7),
        answer("refused", 8),
        answer("ok", 9),
    )
    states = {
        "held": State.HELD,
        "ignored": State.EXCLUDED,
        "waits": State.WAITING,
        "refused": State.REJECTED,
    }
    on_records(syncing, {"ok": "003A"}, **states)
    found = store.tallied(counting(syncs=("nps-to-contacts",)))
    assert found == [Tallied({7: 1, 8: 1, 9: 1}, unmatched=2)]


def test_a_score_that_comes_as_text_counts_as_its_sync_reads_it(store: SqlStore):
    receive(store, answer("a1", "9"), answer("a2", "Extremely likely - 10"), answer("a3", 8.0))
    assert store.tallied(counting())[0].scores == {8: 1, 9: 1}
    assert store.tallied(counting(labelled="trailing_number"))[0].scores == {8: 1, 9: 1, 10: 1}


def test_an_edited_answer_counts_once_as_it_is_now(store: SqlStore):
    receive(store, answer("a1", 3))
    receive(store, answer("a1", 9, updated_at=later(days=1)))
    assert store.tallied(counting()) == [Tallied({9: 1}, unmatched=1)]


def test_an_answer_from_the_future_counts_when_it_came(store: SqlStore):
    receive(store, answer("a1", 3, at=later(days=90)), at=NOON)
    assert store.tallied(counting(MARCH, APRIL))[0].scores == {3: 1}


def test_of_equally_new_answers_the_later_place_wins(store: SqlStore):
    for source, score in (("email-nps", 2), ("app-nps", 10)):
        receive(store, answer("a1", score, email="ann@example.com", source=source))
    for order, score in ((("email-nps", "app-nps"), 10), (("app-nps", "email-nps"), 2)):
        assert store.tallied(counting(places=dict.fromkeys(order, ())))[0].scores == {score: 1}


def test_people_are_grouped_by_what_is_remembered_of_their_record(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1", 3), answer("a2", 9), answer("a3", 9), answer("a4", 8), answer("a5", 8))
    on_records(syncing, {id: f"003{id}" for id in ("a1", "a2", "a3", "a4")})
    for id, traits in (
        ("a1", '{"plan":"Pro"}'),
        ("a2", '{"plan":"Pro"}'),
        ("a3", '{"plan":null}'),
        ("a4", "{}"),
    ):
        member(store.database, f"003{id}", traits=traits)
    what = counting(MARCH, APRIL, MAY, syncs=("nps-to-contacts",))
    found = store.grouped(what, By(Trait.RECORD, "plan"), limit=10)
    assert {group.name: group.tallies[0] for group in found.shown} == {
        "Pro": Tally(1, 0, 1),
        None: Tally(1, 2, 0),
    }
    assert (found.more, found.rest) == (0, [Tally(), Tally()])


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("Pro", "Pro"),
        (7, "7"),
        (True, "true"),
        (False, "false"),
        (None, None),
        ("", ""),
        (["a", "b"], '["a","b"]'),
    ],
)
def test_a_property_of_any_kind_names_its_group(store: SqlStore, value: Any, name: str | None):
    receive(store, answer("a1", 9, properties={"product line": value, "other": 1}))
    [group] = store.grouped(counting(), By(Trait.PROPERTY, "product line"), limit=10).shown
    assert group.name == name


def test_groups_beyond_the_limit_are_told_together(store: SqlStore):
    receive(store, *(answer(f"a{n}", 9 if n < 4 else 2, channel=f"c{min(n, 3)}") for n in range(7)))
    found = store.grouped(counting(), By(Trait.CHANNEL), limit=1)
    assert [(group.name, group.tallies) for group in found.shown] == [("c3", [Tally(1, 0, 3)])]
    assert (found.more, found.rest) == (3, [Tally(3, 0, 0)])


def test_people_who_answered_twice_moved_or_stayed(store: SqlStore):
    moves = {
        "ann": (2, 9),
        "bob": (9, 9),
        "cid": (10, 7),
        "dan": (0, None),
        "eve": (None, 8),
        "fay": (None, 1),
    }
    for name, scores in moves.items():
        for period, score in zip((MARCH, APRIL), scores, strict=True):
            if score is not None:
                receive(
                    store,
                    answer(f"{name}-{period:%m}", score, email=f"{name}@example.com", at=period),
                    at=MAY,
                )
    found = store.moved(counting(MARCH, APRIL, MAY))
    detractor, promoter, passive = Segment.DETRACTOR, Segment.PROMOTER, Segment.PASSIVE
    assert found.moves == {(detractor, promoter): 1, (promoter, promoter): 1, (promoter, passive): 1}
    assert (found.came, found.left) == (2, 1)


def test_an_account_with_detractors_is_at_stake_once(store: SqlStore, syncing: Syncing):
    receive(store, *(answer(f"a{n}", score) for n, score in enumerate([0, 6, 7, 3, 5])))
    on_records(syncing, {f"a{n}": f"003{n}" for n in range(4)})
    for n, account in enumerate(["001A", "001A", "001B", None]):
        member(store.database, f"003{n}", account, '{"amount":1500.5}' if account else "{}")
    found = list(store.at_stake(counting(syncs=("nps-to-contacts",)), "amount"))
    assert {(stake.detractors, stake.amount) for stake in found} == {(2, "1500.5"), (1, None)}
    assert len(found) == 3  # the account, a record without one, and somebody nobody knows


def test_nobody_asked_is_nobody_completed(store: SqlStore):
    assert store.invited("relationship", MARCH, APRIL) == Invited(0, 0)


def test_no_place_no_answers(store: SqlStore):
    receive(store, answer("a1", 9))
    what = counting(places={})
    assert store.tallied(what) == [Tallied({})]
    assert store.grouped(what, By(Trait.CHANNEL), limit=5).shown == []
    assert store.moved(what).people == 0


def test_accounts_come_worst_first_and_those_with_few_people_last(store: SqlStore, syncing: Syncing):
    scores = {"a": [9, 9, 3], "b": [3, 3, 9], "c": [0]}
    given = [(f"{name}{n}", name, score) for name, each in scores.items() for n, score in enumerate(each)]
    receive(store, *(answer(id, score) for id, _, score in given))
    on_records(syncing, {id: f"003{id}" for id, _, _ in given})
    for id, name, _ in given:
        member(store.database, f"003{id}", f"001{name}", f'{{"called":"Account {name}"}}')
    member(store.database, "003-never-answered-lately", "001a")
    what = counting(syncs=("nps-to-contacts",))

    def page(order: Order, **others: Any) -> list[str]:
        found = store.account_figures(what, order=order, enough=2, limit=10, label="called", **others)
        assert (found.all_of_them, found.with_enough) == (3, 2)
        return [each.label for each in found.accounts]

    assert page(Order.WORST) == ["Account b", "Account a", "Account c"]
    assert page(Order.BEST) == ["Account a", "Account b", "Account c"]
    assert page(Order.NAME, offset=1) == ["Account b", "Account c"]
    [first] = store.account_figures(what, order=Order.BEST, enough=2, limit=1).accounts
    assert (first.id, first.label, first.tally, first.known) == ("001a", "001a", Tally(2, 0, 1), 4)


def test_comments_come_a_page_at_a_time_the_latest_to_arrive_first(store: SqlStore, syncing: Syncing):
    receive(store, *(answer(f"a{n}", n, comment=f"comment {n}" if n != 2 else None) for n in range(5)))
    receive(store, answer("a5", 9, comment=""), answer("a6", 11, comment="out of scale"))
    on_records(syncing, {"a3": "003C"})
    what = counting(syncs=("nps-to-contacts",))
    first = store.remarks(what, limit=3)
    assert [(one.text, one.score, one.record_id) for one in first] == [
        ("comment 4", 4, None),
        ("comment 3", 3, "003C"),
        ("comment 1", 1, None),
    ]
    assert [one.text for one in store.remarks(what, before=first[-1].number, limit=3)] == ["comment 0"]
    assert "comment" not in repr(first[0])


def test_what_waits_for_people_is_counted(store: SqlStore, syncing: Syncing):
    receive(store, *(answer(f"a{n}", 9) for n in range(4)))
    on_records(syncing, {}, a0=State.REVIEW, a1=State.HELD, a2=State.HELD, a3=State.UNCHANGED)
    assert store.left_to_people(["nps-to-contacts", "another"]) == [
        Undone("nps-to-contacts", "held", 2),
        Undone("nps-to-contacts", "review", 1),
    ]


def test_every_account_is_told_with_what_it_is_worth(store: SqlStore, syncing: Syncing):
    receive(store, *(answer(f"a{n}", score) for n, score in enumerate([9, 10, 2, 7])))
    on_records(syncing, {f"a{n}": f"003{n}" for n in range(4)})
    for n, account in enumerate(["001A", "001A", "001B", None]):
        member(store.database, f"003{n}", account, '{"amount":"1500.50"}' if account == "001A" else "{}")
    found = store.worth(counting(syncs=("nps-to-contacts",)), "amount")
    assert sorted(found, key=str) == [(Tally(0, 0, 1), None), (Tally(2, 0, 0), "1500.50")]


def test_counts_that_are_left_of_deleted_answers_are_those_of_this_survey(store: SqlStore):
    kept = [(SOURCE, "1146", "email", 9, 4), (SOURCE, "1146", "sms", 9, 1), (SOURCE, "1146", "", 99, 7)]
    kept += [(SOURCE, "77", "", 9, 100), ("app-nps", "1146", "", 9, 100)]
    with store.database.write() as tx:
        tx.many(
            """INSERT INTO monthly_count (month, source, survey, channel, score, answers)
            VALUES ('2025-02', ?, ?, ?, ?, ?)""",
            kept,
        )
    assert store.monthly(counting()) == {"2025-02": {9: 5}}
    assert store.monthly(counting(places={SOURCE: ()})) == {"2025-02": {9: 105}}


def test_the_figures_equal_those_counted_one_by_one(store: SqlStore, syncing: Syncing):
    draw = Random(6)
    names = [f"p{n}@example.com" for n in range(12)]
    given = [
        answer(
            f"a{n}",
            draw.randrange(11),
            email=draw.choice(names),
            at=MARCH + timedelta(hours=draw.randrange(1464)),
        )
        for n in range(150)
    ]
    receive(store, *given, at=MAY)
    records = {one.id: f"003{int((one.email or '')[1:-12]) // 2}" for one in given if draw.random() < 0.7}
    on_records(syncing, records)
    cuts = (MARCH, APRIL, MAY)

    def who(one: SurveyResponse) -> str:
        return records.get(one.id) or str(one.email)

    latest: dict[tuple[int, str], SurveyResponse] = {}
    for one in sorted(given, key=lambda each: (each.answered_at, each.id)):
        latest[int(one.answered_at >= APRIL), who(one)] = one
    found = store.tallied(counting(*cuts, syncs=("nps-to-contacts",)))
    for period, each in enumerate(found):
        counted = Counter(one.score for (at, _), one in latest.items() if at == period)
        assert each.scores == dict(counted)
    moved = Counter(
        (Segment.of(latest[0, person].score), Segment.of(latest[1, person].score))
        for person in {name for _, name in latest}
        if (0, person) in latest and (1, person) in latest
    )
    assert store.moved(counting(*cuts, syncs=("nps-to-contacts",))).moves == dict(moved)
