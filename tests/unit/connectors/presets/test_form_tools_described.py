"""Typeform, SurveyMonkey, Formbricks and SatisMeter, read by a description: rows as each vendor's documents show them,
and its own ways of being wrong. What every source promises is tried on the toys."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from described_tools import API, SINCE, opened, read
from fake_clock import Notices
from played_vendor import PlayedVendor, playing

from nps.errors import BudgetError, ConfigError, UnavailableError
from nps.responses import ResponseStatus


@pytest.fixture
def vendor() -> Iterator[PlayedVendor]:
    with playing(API) as played:
        yield played


# ---------------------------------------------------------------- Typeform

NPS = {"type": "number", "number": 9, "field": {"id": "q1", "type": "nps", "ref": "likelihood"}}
WHY = {"type": "text", "text": "fine", "field": {"id": "q2", "type": "long_text", "ref": "why"}}


def form(token: str, *answers: dict[str, Any], **more: Any) -> dict[str, Any]:
    row = {"landing_id": token, "token": token, "response_id": token, "submitted_at": "2026-03-02T11:00:00Z"}
    hidden = {"email": "ann@acme.com", "customer_id": "C-1"}
    return row | {"hidden": hidden, "calculated": {"score": 3}, "answers": list(answers)} | more


def forms(*rows: dict[str, Any], pages: int = 1) -> tuple[int, Any]:
    return 200, {"total_items": 9, "page_count": pages, "items": list(rows)}


def test_typeform_goes_on_before_the_last_token_until_one_page_is_left(vendor: PlayedVendor) -> None:
    vendor.says = [forms(form("t2", NPS, WHY), pages=2), forms(form("t1", NPS))]
    late, early = read("typeform")
    assert [each.params.get("before") for each in vendor.asked] == [None, "t2"]
    assert vendor.asked[0].params["since"] == "1767225600"
    assert vendor.asked[0].headers["authorization"] == "Bearer k-1"
    assert (late.score, late.comment, late.email, late.external_id) == (9, "fine", "ann@acme.com", "C-1")
    assert (early.id, early.survey, early.comment) == ("t1", "f-1", None)


def test_typeform_may_count_pages_and_show_none(vendor: PlayedVendor) -> None:
    vendor.says = [forms(form("t1", NPS), pages=3), forms(pages=3)]
    assert [one.id for one in read("typeform")] == ["t1"]


def test_an_hour_before_the_newest_answer_is_read_again(vendor: PlayedVendor) -> None:
    vendor.says = [forms(form("t1", NPS))]
    source = opened("typeform")
    *_, last = source.read(None, since=SINCE)
    list(source.read(last.cursor, since=None))
    noon = datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert vendor.asked[-1].params["since"] == str(int(noon.timestamp()))
    source.close()


def test_the_score_of_a_quiz_is_none_and_a_scale_is_one_by_its_ref(vendor: PlayedVendor) -> None:
    scale = {"type": "number", "number": 7, "field": {"id": "q3", "type": "opinion_scale", "ref": "scale"}}
    vendor.says = [forms(form("t1", scale), form("t2"))]
    assert [one.score for one in read("typeform")] == [None, None]
    assert [one.score for one in read("typeform", score_question="scale")] == [7, None]


# ---------------------------------------------------------------- SurveyMonkey

DETAILS = {
    "id": "s-1",
    "pages": [
        {
            "questions": [
                {
                    "id": "q0",
                    "answers": {"choices": [{"id": "1", "text": "2026"}, {"id": "2", "text": "2025"}]},
                },
                {
                    "id": "q1",
                    "answers": {
                        "rows": [{"id": "500", "text": ""}],
                        "choices": [
                            {"id": "10", "text": "0 - Not at all likely"},
                            *({"id": str(10 + n), "text": str(n)} for n in range(1, 10)),
                            {"id": "20", "text": "10 - Extremely likely"},
                        ],
                    },
                },
                {"id": "q2", "headings": [{"heading": "Why?"}]},
            ]
        }
    ],
}


def reply(id: str, answer: dict[str, Any], **more: Any) -> dict[str, Any]:
    questions = [
        {"id": "q0", "answers": [{"choice_id": "2", "simple_text": "2025"}]},
        {"id": "q1", "answers": [answer]},
        {"id": "q2", "answers": [{"text": "fine"}]},
    ]
    row = {
        "id": id,
        "survey_id": "s-1",
        "response_status": "completed",
        "collection_mode": "default",
        "custom_variables": {"customer_id": "C-1"},
        "date_created": "2026-03-02T11:00:00+00:00",
        "date_modified": "2026-03-02T12:00:00+00:00",
        "metadata": {},
        "pages": [{"id": "p", "questions": questions}],
    }
    return row | more


def monkey(vendor: PlayedVendor, *rows: dict[str, Any], details: Any = DETAILS) -> None:
    page = {"data": list(rows), "page": 1, "per_page": 100, "total": len(rows), "links": {"self": "x"}}
    vendor.at = {
        "/v1/surveys/s-1/details": [details if isinstance(details, tuple) else (200, details)],
        "/v1/surveys/s-1/responses/bulk": [(200, page)],
    }


def test_the_choice_of_a_scale_is_the_number_in_its_words(vendor: PlayedVendor) -> None:
    monkey(vendor, reply("1", {"choice_id": "20", "row_id": "500"}), reply("2", {"choice_id": "10"}))
    first, second = read("surveymonkey")
    assert (first.score, second.score) == (10, 0)
    assert (first.comment, first.external_id) == ("fine", "C-1")
    [asked] = [each for each in vendor.asked if each.path.endswith("bulk")]
    assert asked.headers["authorization"] == "bearer k-1"
    wanted = {"simple": "true", "sort_by": "date_modified", "sort_order": "ASC", "per_page": "100"}
    assert wanted.items() <= asked.params.items()
    assert asked.params["start_modified_at"].startswith("2026-01-01T00:00:00")


def test_a_survey_may_keep_its_definition_back_and_tell_the_words_with_each_answer(
    vendor: PlayedVendor,
) -> None:
    answer = {"choice_id": "20", "row_id": "500", "simple_text": "10 - Extremely likely"}
    monkey(vendor, reply("1", answer), details=(403, {"error": {"id": "1014"}}))
    [one] = read("surveymonkey", score_question="q1", comment_question="q2")
    assert (one.score, one.comment) == (10, "fine")


def test_without_a_scale_of_eleven_surveymonkey_says_what_to_set(vendor: PlayedVendor) -> None:
    monkey(vendor, reply("1", {"choice_id": "20"}), details={"id": "s-1", "pages": []})
    with pytest.raises(ConfigError, match="set score_question in the connection"):
        read("surveymonkey")


def test_previews_are_left_out_and_half_an_answer_waits(vendor: PlayedVendor) -> None:
    notices = Notices()
    ten = {"choice_id": "20"}
    monkey(
        vendor,
        reply("1", ten, collection_mode="survey_preview"),
        reply("2", ten, response_status="partial"),
    )
    [one] = read("surveymonkey", notices)
    assert (one.id, one.status) == ("2", ResponseStatus.PARTIAL)
    assert ("rows_left_out", {"another_kind": 1}) in notices


@pytest.mark.parametrize("contact", [{"email": "ann@acme.com"}, {"email": {"value": "ann@acme.com"}}])
def test_an_address_is_read_wherever_a_contact_has_it(vendor: PlayedVendor, contact: Any) -> None:
    monkey(vendor, reply("1", {"choice_id": "20"}, metadata={"contact": contact}))
    assert read("surveymonkey")[0].email == "ann@acme.com"


def test_when_the_days_calls_are_spent_a_run_ends_and_keeps_its_place(vendor: PlayedVendor) -> None:
    monkey(vendor, reply("1", {"choice_id": "20"}))
    with pytest.raises(BudgetError):
        read("surveymonkey", per_day=1)


# ---------------------------------------------------------------- Formbricks

SURVEYS = [
    {"id": "s-1", "questions": [{"id": "n1", "type": "nps"}, {"id": "o1", "type": "openText"}]},
    {"id": "s-2", "blocks": [{"elements": [{"id": "n2", "type": "nps"}]}, {"elements": []}]},
    {"id": "s-3", "questions": [{"id": "n3", "type": "nps"}, {"id": "n4", "type": "nps"}]},
    {"id": "s-4", "questions": [{"id": "c1", "type": "csat"}]},
]


def brick(id: str, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    row = {"id": id, "surveyId": "s-1", "finished": True, "data": data, "contactAttributes": None}
    times = {"createdAt": "2026-03-02T11:00:00.000Z", "updatedAt": "2026-03-02T11:05:00.000Z"}
    return row | times | more


def bricks(vendor: PlayedVendor, *rows: dict[str, Any]) -> None:
    vendor.at = {"/v1/v1/management/surveys": [(200, {"data": SURVEYS})]}
    empty: tuple[int, Any] = (200, {"data": []})
    vendor.says = [(200, {"data": list(rows)}), empty]


def test_formbricks_is_asked_by_the_time_of_the_last_change(vendor: PlayedVendor) -> None:
    who = {"email": "ann@acme.com", "userId": "C-1"}
    bricks(vendor, brick("1", {"n1": 0, "o1": "slow"}, contactAttributes=who))
    [one] = read("formbricks")
    asked = next(each for each in vendor.asked if each.path == "/v1/v2/management/responses")
    assert asked.headers["x-api-key"] == "k-1"
    wanted = {"sortBy": "updatedAt", "filterDateField": "updatedAt", "order": "asc", "surveyId": "s-1"}
    assert wanted.items() <= asked.params.items()
    assert asked.params["startDate"] == "2026-01-01T00:00:00Z"
    assert (one.score, one.comment, one.email, one.external_id) == (0, "slow", "ann@acme.com", "C-1")
    assert one.updated_at is not None
    assert one.updated_at > one.answered_at


def test_surveys_with_one_nps_question_are_found_and_others_left_out(vendor: PlayedVendor) -> None:
    notices = Notices()
    bricks(vendor)
    read("formbricks", notices, surveys=None)
    asked = {each.params.get("surveyId") for each in vendor.asked} - {None}
    assert asked == {"s-1", "s-2"}
    assert any(event == "surveys_left_out" and facts["count"] == 2 for event, facts in notices)


def test_two_nps_questions_in_one_survey_are_for_a_person_to_choose_from(vendor: PlayedVendor) -> None:
    bricks(vendor, brick("1", {"n3": 9, "n4": 2}))
    with pytest.raises(ConfigError, match="score_question"):
        read("formbricks", surveys=["s-3"])
    bricks(vendor, brick("1", {"n3": 9, "n4": 2}))
    assert read("formbricks", surveys=["s-3"], score_question={"s-3": "n4"})[0].score == 2


def test_an_unfinished_answer_waits_unless_its_score_is_enough(vendor: PlayedVendor) -> None:
    rows = [brick("1", {"n1": 0}, finished=False), brick("2", {"o1": "so"}, finished=False)]
    bricks(vendor, *rows)
    waiting = [ResponseStatus.PARTIAL, ResponseStatus.PARTIAL]
    assert [one.status for one in read("formbricks")] == waiting
    bricks(vendor, *rows)
    counted = read("formbricks", include_partial=True)
    assert [one.status for one in counted] == [ResponseStatus.COMPLETE, ResponseStatus.PARTIAL]


# ---------------------------------------------------------------- SatisMeter


def meter(id: str, **more: Any) -> dict[str, Any]:
    user = {"name": "Ann", "email": "ann@acme.com", "userId": "C-1", "traits": {"plan": "pro"}}
    row = {"id": id, "rating": 9, "feedback": "fine", "completed": True, "method": "In-app", "user": user}
    return row | {"created": "2026-03-02T11:00:00.000Z"} | more


def test_satismeter_is_always_asked_with_dates(vendor: PlayedVendor) -> None:
    vendor.says = [(200, {"data": [meter("1")], "page": {"cursor": None}})]
    [one] = read("satismeter")
    asked = vendor.asked[0]
    assert asked.path == "/v1/api/v3/projects/p-1/campaigns/c-1/responses"
    assert asked.params["startDate"] == "2026-01-01T00:00:00Z"
    assert asked.params["endDate"] > asked.params["startDate"]
    assert (one.score, one.survey, one.channel, one.external_id) == (9, "c-1", "web", "C-1")
    assert one.properties == {"plan": "pro"}


def test_satismeter_pages_by_whatever_its_cursor_is_called(vendor: PlayedVendor) -> None:
    vendor.says = [
        (200, {"data": [meter("1")], "page": {"next": "n2"}}),
        (200, {"data": [meter("2")], "page": {"next": None}}),
    ]
    found = read("satismeter", cursor_param="after", cursor_field="next", size_param="limit", page_size=1)
    assert {one.id for one in found} == {"1", "2"}
    assert vendor.asked[1].params["after"] == "n2"
    assert {each.params["limit"] for each in vendor.asked} == {"1"}


@pytest.mark.parametrize("page", [{"page": {"next": "n2", "size": 1}}, {}])
def test_a_cursor_that_is_not_where_it_should_be_is_an_error_and_not_the_end(
    vendor: PlayedVendor, page: dict[str, Any]
) -> None:
    vendor.says = [(200, {"data": [meter("1")], **page})]
    with pytest.raises(UnavailableError, match="no cursor where cursor_field says"):
        read("satismeter")
    assert [one.id for one in read("satismeter", last_page_names_none=True)] == ["1"]


def test_a_score_that_is_not_where_it_should_be_is_an_error(vendor: PlayedVendor) -> None:
    row = {name: value for name, value in meter("1").items() if name != "rating"} | {"grade": 9}
    vendor.says = [(200, {"data": [row], "page": {"cursor": None}})]
    with pytest.raises(UnavailableError, match=r"no score where score_field says; an answer has .*grade"):
        read("satismeter")
    assert read("satismeter", score_field="grade")[0].score == 9


def test_what_satismeter_asks_beside_nps_is_left_out_and_a_dismissed_survey_waits(
    vendor: PlayedVendor,
) -> None:
    csat = {name: value for name, value in meter("1").items() if name != "rating"} | {"answers": []}
    rows = [csat, meter("2", rating=None, completed=False)]
    vendor.says = [(200, {"data": rows, "page": {"cursor": None}})]
    [one] = read("satismeter")
    assert (one.id, one.score, one.status) == ("2", None, ResponseStatus.PARTIAL)
