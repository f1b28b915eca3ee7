"""Reports over a store with known answers (the sets of the domain: 50/33/17, 60/25/15, 120/60/20)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from answered import ANONYMOUS, NOW, YAML, config_in, matched, people

from nps.errors import ConfigError
from nps.figures import Tally
from nps.periods import Every
from nps.score import Segment
from npsync.cli import report_text
from npsync.config import Config
from npsync.reports import Compare, Report, make, wish, wording
from npsync.reports.exporting import as_json
from npsync.reports.wish import guarded
from store import open_store
from store.sql import SqlStore

TODAY = date(2025, 12, 15)
PROMOTER, PASSIVE, DETRACTOR = Segment
JUNE = datetime(2025, 6, 15, 12, tzinfo=UTC)


@pytest.fixture
def config(tmp_path: Path, sqlite_url: str) -> Config:
    return config_in(tmp_path)


@pytest.fixture
def store(config: Config) -> SqlStore:
    return open_store(config.store)


def reported(config: Config, store: SqlStore, **asked) -> Report:
    names = asked.pop("names", None)
    limit = asked.pop("limit", 50)
    return make(
        config, store, wish(config, "relationship", today=TODAY, **asked), now=NOW, names=names, limit=limit
    )


def scores(promoters: int, passives: int, detractors: int) -> dict[int, int]:
    return {10: promoters, 7: passives, 3: detractors}


@pytest.mark.parametrize(
    ("counts", "headline"),
    [
        ((50, 33, 17), "relationship: NPS 33 ± 15 · 100 people · target 40: 7 short"),
        ((60, 25, 15), "relationship: NPS 45 ± 15 · 100 people · target 40: reached"),
        ((120, 60, 20), "relationship: NPS 50 ± 9 · 200 people · target 40: reached"),
        ((3, 1, 1), "relationship: NPS 40 (n too small) · 5 people · target 40: reached"),
        ((40, 0, 0), "relationship: NPS 100 (all alike) · 40 people · target 40: reached"),
        ((0, 0, 0), "relationship: nobody answered from 2025-01-01 to 2025-12-15"),
    ],
)
def test_the_nps_with_its_margin_and_how_many_people_it_is_of(config, store, counts, headline):
    people(store, scores(*counts))
    found = reported(config, store)
    assert found.whole == Tally(*counts)
    assert report_text.headline(found) == headline


def test_a_change_is_told_with_its_margin_and_whether_it_is_chance(config, store):
    people(store, scores(33, 34, 33), at=JUNE)
    people(store, scores(50, 33, 17))
    found = reported(config, store, since=date(2025, 9, 6))
    assert found.compared_with is not None
    assert (found.compared_with.since, found.compared_with.end) == (date(2025, 5, 28), date(2025, 9, 6))
    assert wording.verdict(found.change) == "Change +33 ± 22: significant at 95 % (p = 0.003)."


def test_a_change_of_a_small_group_is_never_called_significant(config, store):
    people(store, scores(0, 0, 29), at=JUNE)
    people(store, scores(100, 0, 1))
    found = reported(config, store, since=date(2025, 9, 6))
    assert not found.change.significant
    assert "too few answers on one side" in wording.verdict(found.change)


def test_a_year_before_skips_the_days_between(config, store):
    people(store, scores(10, 0, 0), at=NOW - timedelta(days=365))
    people(store, scores(0, 10, 0), at=JUNE)
    people(store, scores(0, 0, 10))
    found = reported(config, store, since=date(2025, 12, 1), compare=Compare.YEAR)
    assert (found.before, found.whole) == (Tally(10, 0, 0), Tally(0, 0, 10))
    assert reported(config, store, compare=Compare.NONE).before is None


def test_a_time_line_counts_each_person_once_in_each_of_its_periods(config, store):
    for month, score in ((3, 9), (4, 2), (4, 10)):
        people(store, [score], names=["ann"], at=datetime(2025, month, 3 + score, tzinfo=UTC))
    found = reported(config, store)
    assert found.whole == Tally(1, 0, 0)
    assert {p.period.name: p.tally for p in found.trend if p.tally.answers} == {
        "2025-03": Tally(1, 0, 0),
        "2025-04": Tally(1, 0, 0),
    }
    assert [p.period.name for p in reported(config, store, every=Every.QUARTER).trend] == [
        *("2025-Q1", "2025-Q2", "2025-Q3", "2025-Q4")
    ]


def test_a_day_is_one_of_the_business_zone(config, store):
    people(store, [9], at=datetime(2025, 4, 1, 3, 59, tzinfo=UTC))  # 31 March, 23:59 in New York
    found = reported(config, store)
    assert [p.period.name for p in found.trend if p.tally.answers] == ["2025-03"]


def test_groups_are_told_with_their_change_and_how_they_differ_from_everybody_else(config, store):
    matched(store, people(store, scores(50, 30, 20)), plan="Pro")
    matched(store, people(store, scores(20, 30, 50)), plan="Free")
    people(store, scores(1, 0, 0))
    grouping = reported(config, store, by="plan").grouping
    assert [(row.label, row.tally.nps()) for row in grouping.rows] == [
        ("Free", -30),
        ("Pro", 30),
        ("(not known)", 100),
    ]
    free, pro, _ = grouping.rows
    assert (free.apart.significant, pro.apart.significant) == (True, True)
    assert free.before == Tally()


def test_owners_are_called_by_their_names_where_the_crm_tells_them(config, store):
    matched(store, people(store, [9, 9]), owner="0051")
    matched(store, people(store, [3]), owner="0052")
    grouping = reported(config, store, by="owner", names=lambda ids: {"0051": "Ida Holm"}).grouping
    assert [(row.name, row.label) for row in grouping.rows] == [("0051", "Ida Holm"), ("0052", "0052")]


def test_groups_beyond_the_limit_are_told_together(config, store):
    for channel, many in (("email", 5), ("sms", 3), ("app", 2)):
        people(store, {9: many}, channel=channel)
    grouping = reported(config, store, by="channel", limit=1).grouping
    assert [row.label for row in grouping.rows] == ["email"]
    assert (grouping.together, grouping.other.tally.answers) == (2, 5)


def test_who_moved_between_the_segments(config, store):
    names = ["ann", "bob", "cid"]
    people(store, [2, 3, 9], names=names, at=JUNE)
    people(store, [9, 1, 8], names=names)
    moved = reported(config, store, since=date(2025, 9, 6)).movement
    assert moved.count(DETRACTOR, PROMOTER) == 1
    assert (moved.improved, moved.worsened, moved.stayed) == (1, 1, 1)
    assert wording.movement_text(moved).startswith("3 answered both times: 1 moved up, 1 down, 1 stayed.")


def test_revenue_at_risk_is_the_worth_of_accounts_with_detractors_each_once(config, store):
    matched(store, people(store, [2, 5]), account="001A", amount=1200000)
    matched(store, people(store, [3]), account="001B", amount="80000.50")
    matched(store, people(store, [0]), account="001C", amount=None)
    matched(store, people(store, [9]), account="001D", amount=99)
    at_risk = reported(config, store).at_risk
    assert (at_risk.amount, at_risk.accounts, at_risk.missing) == (Decimal("1280000.50"), 3, 1)
    assert wording.at_risk_text(at_risk) == (
        "Revenue at risk 1,280,001: what 2 accounts with detractors are worth; 1 more have no amount."
    )


def test_accounts_weigh_alike_or_by_what_they_are_worth(config, store):
    matched(store, people(store, scores(3, 0, 0)), account="001A", amount=100)
    matched(store, people(store, scores(0, 0, 4)), account="001B", amount=300)
    matched(store, people(store, scores(0, 3, 0)), account="001C", amount=None)
    matched(store, people(store, scores(1, 0, 0)), account="001D", amount=9)
    found = reported(config, store).portfolio
    assert (found.by_account(), found.by_revenue()) == (0, -50)
    assert wording.portfolio_text(found) == (
        "Every account alike: NPS 0 of 3 accounts (1 more have too few people). Each by what it is worth: NPS -50; "
        "1 have no amount."
    )


def test_what_is_left_of_deleted_answers_stays_in_the_time_line(config, store):
    people(store, scores(1, 0, 0), at=JUNE)
    with store.database.write() as tx:
        for source, survey, month, score, answers in (
            ("mail", "1146", "2025-02", 9, 40),
            ("mail", "1146", "2025-02", 3, 10),
            ("mail", "77", "2025-02", 3, 500),
            ("elsewhere", "1146", "2025-02", 3, 500),
            ("mail", "1146", "2020-01", 3, 500),
        ):
            tx.run(
                """INSERT INTO monthly_count (source, survey, channel, month, score, answers)
                VALUES (:source, :survey, '', :month, :score, :answers)""",
                source=source,
                survey=survey,
                month=month,
                score=score,
                answers=answers,
            )
    found = reported(config, store)
    assert found.whole == Tally(1, 0, 0)
    assert found.counts_only == 50
    assert {p.period.name: p.tally for p in found.trend}["2025-02"] == Tally(40, 0, 10)
    half = reported(config, store, since=date(2025, 2, 10))
    assert half.counts_only == 0  # a part of a month: nobody knows which of its answers lie in it


def test_how_many_tasks_were_closed_and_how_soon(tmp_path, sqlite_url):
    follow_up = """\
    follow_up:
      - where: segment == "detractor"
        task: {subject: "Call {record.Name}", due: 2 days}
report:"""
    config = config_in(tmp_path, YAML.replace("report:", follow_up, 1))
    store = open_store(config.store)
    people(store, scores(1, 0, 0))
    day = 24 * 3600 * 1000
    at = int(NOW.timestamp() * 1000)
    with store.database.write() as tx:
        for n, (given, closed) in enumerate([(-20, -19), (-20, -17), (-20, None), (-1, None), (-800, -799)]):
            tx.run(
                """INSERT INTO outbox (sync, kind, slot, subject, connection, object, key, state, vendor_id, wanted_at,
                settled_at, closed_at, attempts, code, reason) VALUES ('contacts', 'task', '', :n, 'crm', 'Task', :n,
                'done', :n, 0, :given, :closed, 1, '', '')""",
                n=f"t{n}",
                given=at + given * day,
                closed=None if closed is None else at + closed * day,
            )
    assert wording.loop_text(reported(config, store).loop) == (
        "Loop: 2 of 4 tasks closed (50 %), half of them within 2 days; 1 are open for more than a week."
    )
    # Three tasks of whole months tell of three unhappy people.
    assert make(config, store, guarded(config, "relationship", today=TODAY), now=NOW).loop is None


def test_the_response_rate_counts_delivered_invitations_of_ours(tmp_path, sqlite_url):
    own = YAML.replace('at: {mail: "1146"}', "ask: How likely are you to recommend us?")
    config = config_in(tmp_path, own)
    store = open_store(config.store)
    with store.database.write() as tx:
        for number, (state, answered) in enumerate(
            [
                ("answered", 1),
                ("answered", 1),
                ("sent", None),
                ("expired", None),
                ("failed", None),
                ("queued", None),
            ]
        ):
            tx.run(
                """INSERT INTO invitation (id, dedupe, trigger, survey, metric, kind, connection, object, record_id,
                state, created_at, due_at, sent_at, answered_at, recurring, facts, code, reason)
                VALUES (:id, :id, 't', 'relationship', 'nps', 'relationship', 'crm', 'Contact', '003', :state, 0, 0,
                :sent, :answered, FALSE, '{}', '', '')""",
                id=f"i{number}",
                state=state,
                sent=None if state == "queued" else int(JUNE.timestamp() * 1000),
                answered=answered,
            )
    people(store, scores(1, 1, 0), source="npsync", survey="relationship")
    found = reported(config, store)
    assert found.whole == Tally(1, 1, 0)
    assert (found.rate, found.invited.delivered, found.invited.completed) == (50, 4, 2)
    with store.database.write() as tx:
        tx.run("UPDATE invitation SET answered_at = :now WHERE id = 'i2'", now=int(NOW.timestamp() * 1000))
    assert reported(config, store).invited.completed == 3
    told = make(config, store, guarded(config, "relationship", today=TODAY), now=NOW)
    assert told.invited.completed == 2  # an answer of today moves nothing until its month is over


def test_small_groups_of_an_anonymous_programme_are_neither_told_nor_left_over(tmp_path, sqlite_url):
    config = config_in(tmp_path, ANONYMOUS)
    store = open_store(config.store)
    for channel, month, many in (("email", 5, 40), ("app", 6, 9), ("sms", 7, 2)):
        people(store, {9: many}, channel=channel, at=datetime(2025, month, 9, tzinfo=UTC))
    store.publish("pulse", {"mail": ("1146",)}, 5, now=NOW)
    found = make(config, store, wish(config, "pulse", today=TODAY, by="channel"), now=NOW)
    # Two by text message alone would be what is missing between e-mail, app and the whole.
    assert [(row.label, row.tally.answers) for row in found.grouping.rows] == [("email", 40)]
    assert found.grouping.other.tally.answers == 11
    assert found.grouping.too_small
    told = {p.period.name: p.tally.answers if p.tally else None for p in found.trend}
    assert (told["2025-05"], told["2025-06"], told["2025-07"]) == (40, None, None)
    assert (found.movement, found.at_risk, found.portfolio, found.unmatched) == (None, None, None, 0)


def test_no_two_reports_of_an_anonymous_programme_differ_by_one_answer(tmp_path, sqlite_url):
    config = config_in(tmp_path, ANONYMOUS)
    store = open_store(config.store)
    for month, many in ((5, 1), (6, 9)):
        people(store, {9: many}, at=datetime(2025, month, 9, tzinfo=UTC))
    store.publish("pulse", {"mail": ("1146",)}, 5, now=NOW)
    asked = [
        {},
        {"since": date(2025, 5, 10)},
        {"until": date(2025, 5, 31)},
        {"every": Every.WEEK},
        {"compare": Compare.YEAR},
    ]
    told = [make(config, store, wish(config, "pulse", today=TODAY, **each), now=NOW) for each in asked]
    assert {each.whole for each in told} == {Tally(10, 0, 0)}
    assert {tuple(point.tally for point in each.trend) for each in told} == {
        tuple(point.tally for point in told[0].trend)
    }
    assert {each.before for each in told} == {None}


def test_too_few_answers_of_an_anonymous_programme_are_not_told_at_all(tmp_path, sqlite_url):
    config = config_in(tmp_path, ANONYMOUS)
    store = open_store(config.store)
    people(store, scores(1, 1, 2))
    store.publish("pulse", {"mail": ("1146",)}, 1, now=NOW)
    found = make(config, store, wish(config, "pulse", today=TODAY, by="channel"), now=NOW)
    assert (found.whole, found.scores, found.trend, found.grouping) == (None, {}, [], None)
    assert report_text.headline(found) == (
        "pulse: fewer than 5 people answered; that is too few to tell of them"
    )
    assert as_json(found)["whole"]["people"] is None


def test_months_in_which_nobody_answered_are_told_in_a_line_and_are_no_rows_of_dashes(config, store, capsys):
    people(store, scores(50, 33, 17), at=JUNE)
    people(store, scores(50, 33, 17), at=datetime(2025, 8, 15, 12, tzinfo=UTC))
    report_text.tell(reported(config, store))
    told = capsys.readouterr().out
    rows = [line.split()[0] for line in told.splitlines() if line.startswith("2025-")]
    assert rows == ["2025-06", "2025-08"]
    assert "  Nobody answered in 2025-01 to 2025-05, 2025-07, 2025-09 to 2025-12.\n" in told


@pytest.mark.parametrize(
    ("older", "unmatched", "said"),
    [
        (0, 0, "counts."),
        (1, 1, "counts; 1 older one of the same people does not; 1 person matches no record."),
        (2, 2, "counts; 2 older ones of the same people do not; 2 people match no record."),
    ],
)
def test_one_that_does_not_count_is_one(config, store, older, unmatched, said):
    found = msgspec.structs.replace(reported(config, store), older=older, unmatched=unmatched)
    assert next(report_text.below(found)).endswith(said)


def test_a_report_without_answers_says_what_to_do(config, store):
    told = list(report_text.below(reported(config, store)))
    assert told[-1] == "Answers come with: npsync run. An earlier time is asked for with --since DAY."


def test_json_has_numbers_and_null_where_nothing_is_known(config, store):
    people(store, scores(50, 33, 17))
    told = as_json(reported(config, store))
    assert (told["whole"]["nps"], told["whole"]["margin"], told["whole"]["people"]) == (33, 14.68, 100)
    assert (told["change"], told["groups"], told["response_rate"]) == (None, None, None)
    assert told["scores"]["10"] == 50


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"since": date(2025, 6, 1), "until": date(2025, 5, 1)}, "swap them"),
        ({"until": date(2026, 6, 1)}, "in the future"),
        ({"since": date(1900, 1, 1)}, "before 1990-01-01"),
        ({"by": "plann"}, 'did you mean "plan"?'),
        ({"since": date(2020, 1, 1), "every": Every.WEEK}, "more than 120 weeks"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_to_write(config, asked, said):
    with pytest.raises(ConfigError, match=said.replace("?", "\\?")):
        wish(config, "relationship", today=TODAY, **asked)


def test_only_an_nps_is_reported(config):
    with pytest.raises(ConfigError, match='"support" measures csat'):
        wish(config, "support", today=TODAY)
    with pytest.raises(ConfigError, match='did you mean "relationship"'):
        wish(config, "relation", today=TODAY)
