"""The role reports, and tokens of that scope: figures of many, and no way to one person's answer by a difference."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from answered import NOW, matched, people
from api_desk import ApiDesk
from dashboard_desk import Desk, text_of

from npsync.figures.few import Few
from npsync.sign_in.roles import Role

OCTOBER, NOVEMBER = datetime(2025, 10, 7, tzinfo=UTC), datetime(2025, 11, 7, tzinfo=UTC)
A_YEAR_BEFORE = datetime(2024, 10, 7, tzinfo=UTC)


def answered(
    desk: Any, scores: Mapping[int, int], at: datetime, account: str | None = None, **traits: str
) -> None:
    matched(desk.store, people(desk.store, scores, at=at), account=account, **traits)


@pytest.fixture
def desk(tmp_path: Path, sqlite_url: str) -> Desk:
    made = Desk(tmp_path)
    made.user(Role.REPORTS, "rita")
    made.user(Role.VIEWER, "vera")
    made.enter("rita")
    return made


@pytest.fixture
def api(tmp_path: Path, sqlite_url: str) -> ApiDesk:
    return ApiDesk(tmp_path)


def told(desk: Desk, query: str = "") -> Any:
    facts = desk.get(f"/report.json{query}").json
    facts.pop("made_at", None)
    return facts


# ------------------------------------------------------------ two times


def test_no_two_times_can_be_taken_from_each_other(desk: Desk):
    answered(desk, {9: 20}, OCTOBER)
    answered(desk, {0: 1}, datetime(2025, 10, 20, 18, tzinfo=UTC))
    usual = told(desk)
    assert usual["whole"]["people"] == 21
    for query in (
        "?until=2025-10-19",
        "?since=2025-10-20&until=2025-10-20",
        "?since=2025-10-21",
        "?every=day",
        "?every=week",
        "?compare=previous",
        "?compare=none",
    ):
        assert told(desk, query) == usual, query
    page = desk.get("/report?since=2025-10-20&until=2025-10-20").body
    assert b'name="since"' not in page
    assert b'name="every"' not in page
    desk.enter("vera")
    assert told(desk, "?since=2025-10-20&until=2025-10-20")["whole"]["people"] == 1


def test_through_the_api_another_time_takes_another_scope(api: ApiDesk):
    answered(api, {9: 20, 0: 1}, OCTOBER, "001A")
    for query in ("since=2025-10-20", "until=2025-10-19", "every=week", "compare=year", "compare=none"):
        refused = api.get(f"/reports/relationship?{query}", "reports")
        assert (refused.status, refused.json["code"]) == (403, "scope"), query
        assert api.get(f"/reports/relationship?{query}", "read").status == 200
    assert api.get("/accounts?order=latest", "reports").status == 403
    report = api.get("/reports/relationship", "reports").json["report"]
    assert (report["whole"]["people"], report["since"], report["until"]) == (21, "2024-12-01", "2025-11-30")


def test_who_looks_before_and_after_somebody_answers_learns_nothing(desk: Desk, tmp_path: Path):
    answered(desk, {9: 20}, OCTOBER, "001A", plan="Pro")
    pages = ("/report.json?by=plan", "/report.csv?by=plan")
    before = [desk.get(page).body for page in pages], text_of(desk.get("/accounts")), text_of(desk.get("/"))
    answered(desk, {0: 1}, NOW, "001A", plan="Pro")
    again = Desk(tmp_path)  # nothing is kept for a moment
    again.enter("rita")
    after = [again.get(page).body for page in pages], text_of(again.get("/accounts")), text_of(again.get("/"))
    assert after == before
    again.enter("vera")
    assert told(again)["whole"]["people"] == 21


# ------------------------------------------------------------ groups


def test_a_group_of_few_is_told_with_others_and_not_found_by_subtracting(desk: Desk):
    answered(desk, {9: 20}, OCTOBER, plan="Large")
    answered(desk, {9: 6}, OCTOBER, plan="Middle")
    answered(desk, {0: 1}, OCTOBER, plan="Mini")
    groups = told(desk, "?by=plan")["groups"]
    assert [(row["label"], row["people"]) for row in groups["rows"]] == [("Large", 20)]
    assert groups["other"]["people"] == 7
    assert "Mini" not in text_of(desk.get("/report?by=plan"))
    desk.enter("vera")
    assert len(told(desk, "?by=plan")["groups"]["rows"]) == 3


def test_what_a_group_of_few_was_before_is_not_found_either(desk: Desk):
    """The year before, taken from the whole of it."""
    for at, few in ((OCTOBER, 10), (A_YEAR_BEFORE, 1)):
        answered(desk, {9: 20}, at, plan="Large")
        answered(desk, {0: few}, at, plan="Grown")
    report = told(desk, "?by=plan")
    assert report["compared_with"]["people"] == 21
    assert [row["label"] for row in report["groups"]["rows"]] == ["Large", "Grown"]
    assert not any(row.get("before") for row in report["groups"]["rows"])


def test_months_of_few_are_not_told(desk: Desk):
    answered(desk, {9: 20}, OCTOBER)
    answered(desk, {0: 1}, NOVEMBER)
    shown = [(one["period"], one["people"]) for one in told(desk)["trend"] if one["people"]]
    assert shown == []  # one month alone is what the other is not
    answered(desk, {9: 20}, datetime(2025, 9, 7, tzinfo=UTC))
    shown = [one["people"] for one in told(desk)["trend"] if one["people"]]
    assert shown == [20]


def test_few_in_all_are_not_told(desk: Desk):
    answered(desk, {9: 4}, OCTOBER)
    assert told(desk)["whole"]["people"] in (None, 0)
    assert "too few to tell" in text_of(desk.get("/report"))


# ------------------------------------------------------------ accounts


def test_accounts_of_few_people_are_not_there(desk: Desk):
    answered(desk, {9: 30}, OCTOBER, "001Large")
    answered(desk, {0: 4}, OCTOBER, "001Four")
    answered(desk, {0: 1}, OCTOBER, "001One")
    page = text_of(desk.get("/accounts"))
    assert "001Large" in page
    for hidden in ("001One", "001Four", "last answer", "known"):
        assert hidden not in page, hidden
    assert desk.get("/accounts?order=latest").status == 200
    desk.enter("vera")
    page = text_of(desk.get("/accounts"))
    assert "001One" in page
    assert "last answer" in page


def test_the_one_account_of_few_is_not_found_by_taking_the_others_from_the_whole(desk: Desk):
    for account, many in (("001Large", 30), ("001Middle", 6), ("001Other", 9), ("001One", 1)):
        answered(desk, {9: many}, OCTOBER, account)
    page = text_of(desk.get("/accounts"))
    assert "001Large" in page
    assert "001Other" in page
    assert "001One" not in page
    assert "001Middle" not in page


def test_few_people_of_no_account_are_not_found_by_taking_the_accounts_from_the_whole(desk: Desk):
    for account, many in (("001Large", 30), ("001Middle", 6)):
        answered(desk, {9: many}, OCTOBER, account)
    answered(desk, {0: 1}, OCTOBER)
    assert told(desk)["whole"]["people"] == 37
    page = text_of(desk.get("/accounts"))
    assert "001Large" in page
    assert "001Middle" not in page


def test_through_the_api_as_at_the_dashboard(api: ApiDesk):
    for account, many in (("001Large", 30), ("001Middle", 6), ("001One", 1)):
        answered(api, {9: many}, OCTOBER, account)
    found = api.get("/accounts", "reports").json
    [one] = found["items"]
    assert (one["account"], one["people"], one["ever_answered"], one["latest"]) == (
        "001Large",
        30,
        None,
        None,
    )
    assert (found["all_of_them"], found["with_enough"]) == (1, 1)
    [*_, last] = api.get("/accounts", "read").json["items"]
    assert (last["account"], last["ever_answered"]) == ("001One", 1)
    assert last["latest"] is not None


@pytest.mark.parametrize(
    ("sizes", "of_none", "beside"),
    [
        ({"a": 30, "b": 6, "c": 1}, 0, "b"),
        ({"a": 30, "b": 6}, 0, None),
        ({"a": 30, "b": 6, "c": 4, "d": 1}, 0, None),  # five are enough together
        ({"a": 4, "b": 1}, 0, None),
        ({"a": 2}, 0, None),
        ({}, 0, None),
        ({"b": 6, "a": 6, "c": 4}, 0, "a"),
        ({"a": 30, "b": 6}, 4, "b"),  # people of no account
        ({"a": 30, "b": 6, "c": 1}, 3, "b"),
        ({"a": 30, "b": 6, "c": 1}, 4, None),
    ],
    ids=str,
)
def test_the_smallest_of_the_others_is_hidden_beside_few(
    sizes: dict[str, int], of_none: int, beside: str | None
):
    few = Few(5, everybody=sum(sizes.values()) + of_none)
    for one in sizes.items():
        few.look([one])
    assert few.beside == beside


def test_the_overview_keeps_work_to_who_does_it(desk: Desk):
    """What waits is counted at this moment: it would tell that somebody answered."""
    answered(desk, dict.fromkeys(range(10), 9), NOVEMBER)
    with desk.store.database.write() as tx:
        tx.run("UPDATE answer_state SET state = 'held' WHERE response IN (SELECT max(id) FROM response)")
    for path in ("/", "/report"):
        assert not {"needs", "held", "wait"} & set(text_of(desk.get(path)).split()), path
    desk.enter("vera")
    assert "1 thing needs you" in text_of(desk.get("/"))
