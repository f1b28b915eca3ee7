"""The lists of the toy Wootric: windows, the thirty-page wall, edits that move, deletions that leave nothing."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from nps.score import Segment

# Long before the sandbox's own answers: every test has a stretch of time to itself.
QUIET = int(datetime(2020, 1, 6, tzinfo=UTC).timestamp())
A_DAY = 86_400


def moment(row: dict[str, object], name: str = "created_at") -> int:
    return int(datetime.strptime(str(row[name]), "%Y-%m-%d %H:%M:%S %z").timestamp())


def test_pages_in_order_show_every_answer_of_a_window_once(wootric):
    everything = [row["id"] for row in wootric.sandbox.rows("wootric", "responses")]
    seen, start, known = [], 0, set()
    while rows := [row for page in range(1, 31) for row in wootric.responses(start, page=page)]:
        fresh = [row["id"] for row in rows if row["id"] not in known]
        if not fresh:
            break
        seen += fresh
        known |= set(fresh)
        start = moment(rows[-1])
    assert seen == everything
    assert len(seen) >= 2000


def test_the_newest_answer_comes_first_unless_asked_otherwise(wootric):
    newest = wootric.get("/v1/responses").json()
    assert len(newest) == 25
    assert [moment(row) for row in newest] == sorted((moment(row) for row in newest), reverse=True)
    oldest = wootric.get("/v1/responses", sort_order="asc", sort_key="created_at").json()
    assert moment(oldest[0]) < moment(newest[0])


@pytest.mark.parametrize(
    "query", [{"page": 31}, {"page": 0}, {"per_page": 51}, {"per_page": 0}, {"created[gte]": "2026-01-01"}]
)
def test_what_lies_behind_the_walls_is_refused(wootric, query):
    for path in ("/v1/responses", "/v1/end_users", "/v1/declines"):
        assert wootric.get(path, **query).status_code == 400


def test_a_window_shows_at_most_fifteen_hundred_rows_and_then_nothing(wootric):
    assert len(wootric.responses(0, page=30)) == 50
    assert wootric.responses(QUIET + 40 * A_DAY, page=30, **{"created[lt]": QUIET + 41 * A_DAY}) == []


def test_bounds_are_inclusive_or_exclusive_as_named(wootric):
    at = QUIET + A_DAY
    ids = {offset: wootric.answer(created_at=at + offset) for offset in (0, 1, 2)}

    def found(**bounds: int) -> list[str]:
        query = {f"created[{name}]": value for name, value in bounds.items()}
        return [str(row["id"]) for row in wootric.responses(**query)]

    assert found(gte=at, lt=at + 2) == [ids[0], ids[1]]
    assert found(gt=at, lte=at + 2) == [ids[1], ids[2]]
    assert found(eq=at + 1) == [ids[1]]
    assert found(gt=at, lt=at + 1) == []


def test_one_second_may_hold_many_answers_in_a_stable_order(wootric):
    at = QUIET + 2 * A_DAY
    ids = [int(wootric.answer(created_at=at)) for _ in range(5)]
    pages = [wootric.responses(at, page=page, per_page=2, **{"created[lte]": at}) for page in (1, 2, 3, 4)]
    assert [[row["id"] for row in page] for page in pages] == [ids[:2], ids[2:4], ids[4:], []]


def test_an_edit_moves_updated_at_but_not_the_place_in_the_list(wootric):
    at = QUIET + 3 * A_DAY
    answer = wootric.answer(created_at=at, score=6)
    [before] = wootric.responses(at, **{"created[lte]": at})
    wootric.edit(answer, score=9, text="Now I see")
    [after] = wootric.responses(at, **{"created[lte]": at})
    assert (before["score"], after["score"], after["text"]) == (6, 9, "Now I see")
    assert before["updated_at"] == before["created_at"] == after["created_at"]
    assert moment(after, "updated_at") > moment(before, "updated_at")


def test_a_withdrawn_answer_is_simply_gone(wootric):
    at = QUIET + 4 * A_DAY
    answer = wootric.answer(created_at=at)
    wootric.sandbox.control("DELETE", f"/wootric/responses/{answer}")
    assert wootric.responses(at, **{"created[lte]": at}) == []


def test_an_answer_can_be_taken_out_of_the_figures_later(wootric):
    at = QUIET + 5 * A_DAY
    answer = wootric.answer(created_at=at)
    wootric.edit(answer, excluded_from_calculations=True)
    assert wootric.responses(at, **{"created[lte]": at})[0]["excluded_from_calculations"] is True


def test_a_row_has_the_documented_shape_and_no_address(wootric):
    row = wootric.responses(page=1)[0]
    assert list(row) == [
        "id",
        "end_user_id",
        "survey_id",
        "score",
        "text",
        "completed",
        "excluded_from_calculations",
        "ip_address",
        "origin_url",
        "created_at",
        "updated_at",
        "tags",
        "notes",
        "end_user",
    ]
    assert list(row["end_user"]) == ["properties"]
    wootric.do("set", emails_in_rows=True)
    assert "@" in wootric.responses(page=1)[0]["end_user"]["email"]


def test_two_surveys_share_one_list(wootric):
    surveys = {row["survey_id"] for row in wootric.sandbox.rows("wootric", "responses")}
    assert surveys == {1146, 2002}


def test_some_answers_were_edited_and_some_do_not_count(wootric):
    rows = wootric.sandbox.rows("wootric", "responses")
    assert any(row["updated_at"] != row["created_at"] for row in rows)
    assert any(row["excluded_from_calculations"] for row in rows)


def test_timestamps_follow_the_daylight_saving_of_the_account(wootric):
    summer = int(datetime(2021, 7, 1, 19, tzinfo=UTC).timestamp())
    winter = int(datetime(2021, 12, 16, 17, 5, tzinfo=UTC).timestamp())
    shown = {}
    for at in (summer, winter):
        wootric.answer(created_at=at)
        shown[at] = wootric.responses(at)[0]["created_at"]
    assert shown == {summer: "2021-07-01 12:00:00 -0700", winter: "2021-12-16 09:05:00 -0800"}


@pytest.mark.parametrize(
    ("time_format", "shown"),
    [("bare", "2022-07-01 19:00:00"), ("iso", "2022-07-01T12:00:00.000-07:00")],
)
def test_timestamps_may_come_in_the_older_forms(wootric, time_format, shown):
    at = int(datetime(2022, 7, 1, 19, tzinfo=UTC).timestamp())
    wootric.answer(created_at=at)
    wootric.do("set", time_format=time_format)
    assert wootric.responses(at)[0]["created_at"] == shown


def test_segments_and_a_persons_own_answers_have_their_lists(wootric):
    giver = wootric.somebody()
    at = QUIET + 6 * A_DAY
    for offset, score in enumerate((9, 7, 0)):
        wootric.answer(email=giver, created_at=at + offset, score=score)
    person = wootric.get(f"/v1/end_users/{giver}", lookup_by_email="true").json()["id"]
    window = {"created[gte]": at, "created[lte]": at + 2}
    for segment, score in (("promoters", 9), ("passives", 7), ("detractors", 0)):
        assert [row["score"] for row in wootric.get(f"/v1/responses/{segment}", **window).json()] == [score]
        mine = wootric.get(f"/v1/end_users/{person}/responses/{segment}").json()
        assert [row["score"] for row in mine] == [score]
    rows = wootric.get(f"/v1/end_users/{person}/responses").json()
    assert [row["score"] for row in rows] == [0, 7, 9]
    assert wootric.get(f"/v1/end_users/{person}/responses/{rows[0]['id']}").json() == rows[0]
    assert wootric.get(f"/v1/end_users/1/responses/{rows[0]['id']}").status_code == 404


def test_life_goes_on_when_asked_to(wootric):
    before = len(wootric.sandbox.rows("wootric", "responses"))
    happened = wootric.do("live", answers=5, edits=3, withdrawals=2, seed=1)
    rows = {row["id"]: row for row in wootric.sandbox.rows("wootric", "responses")}
    assert len(rows) == before + 5 - 2
    assert not rows.keys() & set(happened["withdrawn"])
    assert all(rows[number]["text"] == "On second thought …" for number in happened["edited"])
    assert len(rows.keys() & set(happened["added"])) >= 3


def test_people_score_as_they_did_before(wootric):
    earlier = Counter(Segment.of(row["score"]) for row in wootric.sandbox.rows("wootric", "responses"))
    added = wootric.do("live", answers=400, seed=1)["added"]
    rows = {row["id"]: row for row in wootric.sandbox.rows("wootric", "responses")}
    later = Counter(Segment.of(rows[number]["score"]) for number in added if number in rows)
    for segment in Segment:
        assert abs(later[segment] / later.total() - earlier[segment] / earlier.total()) < 0.1


def test_who_declined_is_listed_without_a_score(wootric):
    rows = wootric.get("/v1/declines", per_page=50).json()
    assert rows
    assert all("score" not in row and row["end_user_id"] for row in rows)
