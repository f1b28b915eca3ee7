"""A described API as a source: its calls, its surveys, its people, and what it says when something is wrong."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fake_clock import FakeClock, MemoryInMemory, Notices, fake_tools
from played_vendor import PlayedVendor, playing

from connectors.contract import Needs, Verdict
from connectors.declared.description import Description
from connectors.declared.source import DeclaredSource
from nps.errors import AccessError, BudgetError, ConfigError, UnavailableError
from nps.responses import Cursor, Page, ResponseStatus, SurveyResponse

API = "https://api.pulse.example/v1"
KEY = "pulse-key-1"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def vendor() -> Iterator[PlayedVendor]:
    with playing(API) as played:
        yield played


def described(**changes: Any) -> Description:
    told: dict[str, Any] = {
        "base_url": API,
        "auth": {"kind": "header", "header": "X-Key", "value": KEY},
        "request": {"path": "/answers"},
        "records": "rows",
        "fields": {"id": "id", "score": "score", "answered_at": "at", "email": "email"},
    }
    return Description.model_validate(told | changes)


def opened(
    memory: MemoryInMemory | None = None, notices: Notices | None = None, **changes: Any
) -> DeclaredSource:
    return DeclaredSource(described(**changes), fake_tools("pulse", memory=memory, notice=notices))


def row(id: object = 1, **more: Any) -> dict[str, Any]:
    return {"id": id, "score": 9, "at": "2026-03-01T00:00:00Z", "email": "ann@acme.com"} | more


def read(source: DeclaredSource, cursor: Cursor | None = None, since: datetime | None = None) -> list[Page]:
    return list(source.read(cursor, since=since))


def answers(pages: list[Page]) -> list[SurveyResponse]:
    return [one for page in pages for one in page.responses]


def test_the_rows_of_a_reply_are_answers_and_the_key_goes_with_the_call(vendor: PlayedVendor) -> None:
    vendor.says = [(200, {"rows": [row(1), row(2)]})]
    assert [one.id for one in answers(read(opened()))] == ["1", "2"]
    assert vendor.asked[0].headers["x-key"] == KEY


@pytest.mark.parametrize(
    ("pages", "since"),
    [
        ({"kind": "page"}, {"kind": "time", "field": "at", "param": "since", "order": "ascending"}),
        ({"kind": "last_row", "param": "after"}, {"kind": "everything"}),
        ({"kind": "last_row", "param": "after"}, {"kind": "id", "param": "after"}),
    ],
)
@pytest.mark.parametrize("entry", [None, "gone", 7, ["id", 3]])
def test_an_entry_that_is_no_object_is_a_row_that_cannot_be_read_and_the_others_go_on(
    vendor: PlayedVendor, entry: object, pages: dict[str, Any], since: dict[str, Any]
) -> None:
    vendor.says = [(200, {"rows": [row(1), row(2), entry]}), (200, {"rows": [row(3)]}), (200, {"rows": []})]
    found = answers(read(opened(pages=pages, since=since)))
    assert [one.id for one in found if not one.problem] == ["1", "2", "3"]
    [broken] = [one for one in found if one.problem]
    assert broken.problem == "its row is no object with fields"
    assert broken.id.startswith("unreadable-")
    if "param" in pages:
        assert vendor.asked[1].params == {"after": "2"}


def test_a_list_without_a_single_object_is_no_list_of_rows(vendor: PlayedVendor) -> None:
    vendor.says = [(200, {"rows": ["ann", "bob"]})]
    with pytest.raises(UnavailableError, match="no entry of rows in the reply is a row"):
        read(opened())


# ---------------------------------------------------------------- requests


def test_constants_and_parameters_go_into_the_query_and_into_the_path(vendor: PlayedVendor) -> None:
    vendor.says = [(200, {"rows": [row()]}), (200, {"rows": []})]
    source = opened(
        request={"path": "/answers/asc/{n}/{since}/json", "query": {"filter[a]": True, "limit": 5}},
        pages={"kind": "page", "param": "n"},
        since={"kind": "time", "field": "at", "param": "since", "format": "unix_s", "order": "ascending"},
    )
    read(source, since=NOON)
    assert vendor.asked[0].path == f"/v1/answers/asc/1/{int(NOON.timestamp())}/json"
    assert vendor.asked[0].params == {"filter[a]": "true", "limit": "5"}


def test_a_post_carries_its_parameters_in_its_body_as_numbers_where_they_are(vendor: PlayedVendor) -> None:
    vendor.says = [(200, {"rows": [row()]}), (200, {"rows": []})]
    source = opened(
        request={"method": "POST", "path": "/search", "body": {"page": {"size": 5}, "kind": "nps"}},
        pages={"kind": "page", "param": "page.number"},
    )
    read(source)
    assert vendor.sent()[0].json == {"page": {"size": 5, "number": 1}, "kind": "nps"}
    assert vendor.sent()[1].json["page"] == {"size": 5, "number": 2}


@pytest.mark.parametrize("link", [f"{API}/answers?page=2", "/v1/answers?page=2"])
def test_a_next_link_is_followed_with_our_key(vendor: PlayedVendor, link: str) -> None:
    vendor.says = [(200, {"rows": [row(1)], "next": link}), (200, {"rows": [row(2)], "next": None})]
    assert len(answers(read(opened(pages={"kind": "next_link"})))) == 2
    assert vendor.asked[1].params == {"page": "2"}
    assert vendor.asked[1].headers["x-key"] == KEY


def test_a_next_link_to_another_host_is_not_followed_and_what_came_before_is_handed_over(
    vendor: PlayedVendor,
) -> None:
    vendor.says = [(200, {"rows": [row(1)], "next": "https://evil.example/answers"})]
    pages = opened(pages={"kind": "next_link"}).read(None, since=None)
    assert [one.id for one in next(pages).responses] == ["1"]
    with pytest.raises(UnavailableError, match=r"^pulse: the vendor linked to another host"):
        next(pages)
    assert len(vendor.asked) == 1


def test_a_token_of_an_earlier_run_that_is_gone_begins_the_listing_again(vendor: PlayedVendor) -> None:
    how: dict[str, Any] = {"pages": {"kind": "cursor", "param": "cursor", "next": "next"}}
    vendor.says = [(200, {"rows": [row(1)], "next": "t-1"})]
    first = next(opened(**how).read(None, since=None))
    vendor.says = [(404, {}), (200, {"rows": [row(1)], "next": None})]
    assert {one.id for one in answers(read(opened(**how), first.cursor))} == {"1"}
    assert [each.params.get("cursor") for each in vendor.asked[1:3]] == ["t-1", None]


# ---------------------------------------------------------------- what a reply means


def test_a_reply_without_rows_tells_its_keys_and_what_to_set(vendor: PlayedVendor) -> None:
    vendor.says = [(200, {"data": {"items": []}, "total": 0})]
    with pytest.raises(UnavailableError) as caught:
        read(opened())
    assert str(caught.value) == (
        "pulse: GET /answers: the reply has keys data, total, none of them a list; "
        "set records to where the rows stand (looked at: rows)"
    )


def test_a_failure_inside_a_200_is_one_and_its_short_message_is_told(vendor: PlayedVendor) -> None:
    vendor.says = [(200, {"success": False, "error": "plan has no API", "rows": []})]
    with pytest.raises(
        UnavailableError, match='a failure with status 200: the tool answers "plan has no API"'
    ):
        read(opened(failures=[{"when": "success == `false`", "message": "error"}]))


@pytest.mark.parametrize("message", ["sent to ann@acme.com", "x" * 500, {"a": 1}, None])
def test_what_might_quote_a_person_is_not_told(vendor: PlayedVendor, message: object) -> None:
    vendor.says = [(200, {"success": False, "error": message})]
    with pytest.raises(UnavailableError, match=r"the tool says so$"):
        read(opened(failures=[{"when": "success == `false`", "message": "error"}]))


def test_a_failure_that_passes_is_tried_again(vendor: PlayedVendor) -> None:
    vendor.says = [(200, {"busy": True}), (200, {"rows": [row()]})]
    assert answers(read(opened(failures=[{"when": "busy", "retry": True}])))


@pytest.mark.parametrize("status", [400, 404, 405, 410, 422])
def test_a_call_the_tool_does_not_take_is_for_a_person_to_change(vendor: PlayedVendor, status: int) -> None:
    vendor.says = [(status, {"detail": "no such survey"})]
    with pytest.raises(ConfigError, match=f'status {status}, "no such survey"'):
        read(opened(failures=[{"when": "detail", "message": "detail"}]))
    assert len(vendor.asked) == 1


def test_a_reply_larger_than_the_cap_is_not_read(vendor: PlayedVendor) -> None:
    vendor.says = [(200, {"rows": [row(comment="x" * 1_100_000)]})]
    with pytest.raises(UnavailableError, match="larger than"):
        read(opened(walls={"size_cap": 1}))


# ---------------------------------------------------------------- limits


def test_a_429_waits_as_long_as_it_says_or_as_the_description_says(vendor: PlayedVendor) -> None:
    reset = str(int(NOON.timestamp()) + 20)
    for headers, wait in (({"Retry-After": "7"}, 7), ({"X-Reset": reset}, 20), ({}, 30)):
        clock = FakeClock()
        vendor.says = [(429, {}, headers), (200, {"rows": []})]
        tools = fake_tools("pulse", clock=clock)
        source = DeclaredSource(described(throttle={"reset_header": "X-Reset", "wait": 30}), tools)
        read(source)
        assert wait <= sum(clock.slept) <= wait + 2


def test_a_pause_longer_than_a_run_should_wait_ends_it_cleanly_with_the_pages_so_far(
    vendor: PlayedVendor,
) -> None:
    vendor.says = [(200, {"rows": [row(1)]}), (429, {}, {"Retry-After": "86000"})]
    pages = opened(pages={"kind": "page"}).read(None, since=None)
    first = next(pages)
    with pytest.raises(BudgetError, match=r"^pulse: .*asks to wait 86000 s; the next run reads on"):
        next(pages)
    vendor.says = [(200, {"rows": []})]
    assert read(opened(pages={"kind": "page"}), first.cursor) is not None


def test_several_limits_hold_at_once(vendor: PlayedVendor) -> None:
    clock = FakeClock()
    vendor.says = [(200, {"rows": [row(n)]}) for n in range(1, 8)] + [(200, {"rows": []})]
    throttle = {"calls": 5, "seconds": 10, "also": [{"calls": 6, "seconds": 60}]}
    tools = fake_tools("pulse", clock=clock)
    read(DeclaredSource(described(pages={"kind": "page"}, throttle=throttle), tools))
    assert 60 <= sum(clock.slept) < 75


def test_the_calls_of_a_day_are_counted_over_restarts_and_the_next_day_goes_on(vendor: PlayedVendor) -> None:
    clock, memory = FakeClock(), MemoryInMemory()

    def source() -> DeclaredSource:
        tools = fake_tools("pulse", clock=clock, memory=memory)
        return DeclaredSource(described(throttle={"per_day": 3}), tools)

    vendor.says = [(200, {"rows": [row()]})]
    for _ in range(3):
        one = source()
        read(one)
        one.close()
    with pytest.raises(BudgetError, match="daily call budget is spent"):
        read(source())
    clock.advance(timedelta(days=1).total_seconds())
    assert answers(read(source()))


def test_a_header_that_says_the_day_is_spent_ends_the_run_cleanly(vendor: PlayedVendor) -> None:
    vendor.says = [(200, {"rows": [row(1)]}, {"X-Day-Left": "0"})]
    pages = opened(pages={"kind": "page"}, throttle={"daily_header": "X-Day-Left"}).read(None, since=None)
    assert next(pages).responses
    with pytest.raises(BudgetError):
        next(pages)


# ---------------------------------------------------------------- surveys

BY_SURVEY: dict[str, Any] = {
    "request": {"path": "/surveys/{survey}/answers"},
    "surveys": {
        "path": "/surveys",
        "records": "surveys",
        "each": {"path": "/surveys/{survey}"},
        "values": {"score_question": "questions[?type=='range'] | [0].id"},
    },
    "fields": {"id": "id", "score": "answers.{score_question:key}", "answered_at": "at", "email": "email"},
}
SURVEYS = {"surveys": [{"id": 77}, {"id": 78}, {"id": "other"}]}


def surveys_of(vendor: PlayedVendor) -> None:
    vendor.at = {
        "/v1/surveys": [(200, SURVEYS)],
        "/v1/surveys/77": [(200, {"questions": [{"id": "a-1", "type": "range"}]})],
        "/v1/surveys/78": [(200, {"questions": [{"id": "b-2", "type": "range"}]})],
        "/v1/surveys/other": [(200, {"questions": []})],
        "/v1/surveys/77/answers": [(200, {"rows": [row(1, answers={"a-1": 3})]})],
        "/v1/surveys/78/answers": [(200, {"rows": [row(2, answers={"b-2": 10})]})],
    }


def test_surveys_are_found_out_with_their_questions_and_each_has_its_place(vendor: PlayedVendor) -> None:
    surveys_of(vendor)
    notices = Notices()
    pages = read(opened(notices=notices, **BY_SURVEY))
    assert [(one.id, one.survey, one.score) for one in answers(pages)] == [("1", "77", 3), ("2", "78", 10)]
    places = pages[-1].cursor.state["places"]
    assert isinstance(places, dict)
    assert set(places) == {"77", "78"}
    assert [facts["count"] for event, facts in notices if event == "surveys_left_out"] == [1]


def test_what_a_survey_says_of_itself_is_remembered_for_a_day(vendor: PlayedVendor) -> None:
    surveys_of(vendor)
    memory = MemoryInMemory()
    read(opened(memory, **BY_SURVEY))
    before = len(vendor.asked)
    read(opened(memory, **BY_SURVEY))
    assert [each.path for each in vendor.asked[before:]] == [
        "/v1/surveys",
        "/v1/surveys/77/answers",
        "/v1/surveys/78/answers",
    ]


def test_a_named_survey_without_a_question_for_the_score_says_what_to_set(vendor: PlayedVendor) -> None:
    surveys_of(vendor)
    named = BY_SURVEY | {"surveys": BY_SURVEY["surveys"] | {"named": ["other"]}}
    with pytest.raises(ConfigError) as caught:
        read(opened(**named))
    assert str(caught.value) == (
        "pulse: nothing tells which question of survey other is the score; "
        "set score_question in the connection (one for all, or {other: ID})"
    )


@pytest.mark.parametrize("status", [403, 404])
def test_a_definition_the_tool_keeps_back_says_the_same(vendor: PlayedVendor, status: int) -> None:
    surveys_of(vendor)
    vendor.at["/v1/surveys/77"] = [(status, {})]
    named = BY_SURVEY | {"surveys": BY_SURVEY["surveys"] | {"named": ["77"]}}
    with pytest.raises(ConfigError, match="set score_question"):
        read(opened(**named))


def test_a_question_given_by_hand_needs_no_definition(vendor: PlayedVendor) -> None:
    surveys_of(vendor)
    surveys = BY_SURVEY["surveys"] | {"named": ["77"], "given": {"77": {"score_question": "a-1"}}}
    assert [one.score for one in answers(read(opened(**BY_SURVEY | {"surveys": surveys})))] == [3]
    assert [each.path for each in vendor.asked] == ["/v1/surveys/77/answers"]


def test_a_survey_that_cannot_be_read_keeps_none_of_the_others_back(vendor: PlayedVendor) -> None:
    surveys_of(vendor)
    vendor.at["/v1/surveys/77/answers"] = [(404, {})]
    pages = opened(**BY_SURVEY).read(None, since=None)
    assert [one.id for one in next(pages).responses] == ["2"]
    with pytest.raises(ConfigError, match=r"GET /surveys/\{survey\}/answers: .*status 404"):
        list(pages)


def test_answers_of_all_surveys_together_are_read_by_the_questions_of_each(vendor: PlayedVendor) -> None:
    entries = [{"id": "77", "nps": "a-1"}, {"id": "78", "nps": "b-2"}, {"id": "79"}]
    vendor.at = {
        "/v1/surveys": [(200, {"surveys": entries})],
        "/v1/answers": [
            (
                200,
                {
                    "rows": [
                        row(1, survey="78", answers={"b-2": 10}),
                        row(2, survey="79", answers={"x": 1}),
                        row(3, survey="77", answers={"a-1": 3}),
                    ]
                },
            )
        ],
    }
    notices = Notices()
    source = opened(
        notices=notices,
        surveys={"path": "/surveys", "records": "surveys", "values": {"score_question": "nps"}},
        fields=BY_SURVEY["fields"] | {"survey": "survey"},
    )
    assert [(one.survey, one.score) for one in answers(read(source))] == [("78", 10), ("77", 3)]
    assert ("rows_left_out", {"another_survey": 1}) in notices


# ---------------------------------------------------------------- people

LOOKED_UP: dict[str, Any] = {
    "fields": {"id": "id", "score": "score", "answered_at": "at"},
    "look_up": {
        "key": "person",
        "path": "/people/{person}",
        "fields": {"email": "email", "external_id": "custom.id"},
        "per_run": 2,
    },
}


def people_of(vendor: PlayedVendor, count: int) -> None:
    vendor.at = {
        f"/v1/people/{n}": [(200, {"email": f"p{n}@acme.com", "custom": {"id": f"00{n}"}})]
        for n in range(1, count + 1)
    }
    vendor.at["/v1/answers"] = [(200, {"rows": [row(n, person=n) for n in range(1, count + 1)]})]


def test_people_are_looked_up_once_and_remembered(vendor: PlayedVendor) -> None:
    people_of(vendor, 2)
    memory = MemoryInMemory()
    for _ in range(2):
        found = answers(read(opened(memory, **LOOKED_UP)))
        assert [(one.email, one.external_id) for one in found] == [
            ("p1@acme.com", "001"),
            ("p2@acme.com", "002"),
        ]
    assert len([each for each in vendor.asked if "/people/" in each.path]) == 2


def test_whoever_is_beyond_the_calls_of_a_run_comes_again_and_is_named_then(vendor: PlayedVendor) -> None:
    people_of(vendor, 5)
    memory, notices = MemoryInMemory(), Notices()
    cursor: Cursor | None = None
    named: dict[str, str | None] = {}
    for run in range(3):
        pages = read(opened(memory, notices, **LOOKED_UP), cursor)
        cursor = pages[-1].cursor
        named = {one.id: one.email for one in answers(pages)}
        assert len(named) == 5
        assert sum(email is not None for email in named.values()) == min(2 * (run + 1), 5)
        waiting = {one.id for one in answers(pages) if one.status is ResponseStatus.PARTIAL}
        assert waiting == {id for id, email in named.items() if email is None}
    assert [facts["count"] for event, facts in notices if event == "people_put_off"] == [3, 1]


def test_the_cursor_waits_for_people_who_were_put_off(vendor: PlayedVendor) -> None:
    people_of(vendor, 3)
    memory = MemoryInMemory()
    how = LOOKED_UP | {
        "since": {
            "kind": "time",
            "field": "at",
            "param": "since",
            "order": "ascending",
            "overlap": "1 minutes",
        }
    }
    assert read(opened(memory, **how))[-1].cursor.state["places"] == {}
    assert read(opened(memory, **how))[-1].cursor.state["places"] != {}


@pytest.mark.parametrize(
    "said", [(429, {}, {"Retry-After": "3600"}), (503, {}), (403, {}), ConnectionError("reset")]
)
def test_a_tool_that_stops_naming_people_puts_the_others_off_and_all_answers_are_handed_over(
    vendor: PlayedVendor, said: Any
) -> None:
    people_of(vendor, 9)
    well = {path: list(says) for path, says in vendor.at.items()}
    for n in range(2, 10):
        vendor.at[f"/v1/people/{n}"] = [said]
    memory, notices = MemoryInMemory(), Notices()
    how = LOOKED_UP | {"look_up": LOOKED_UP["look_up"] | {"per_run": 100}}
    pages = read(opened(memory, notices, **how))
    named = [one.email for one in answers(pages)]
    assert named == ["p1@acme.com"] + [None] * 8
    assert {one.status for one in answers(pages)[1:]} == {ResponseStatus.PARTIAL}
    assert pages[-1].cursor.state["places"] == {}
    [(event, facts)] = notices
    assert (event, facts["count"]) == ("people_put_off", 8)
    assert "GET /people/{person}" in str(facts["why"])
    vendor.at = well
    again = answers(read(opened(memory, notices, **how), pages[-1].cursor))
    assert [one.email for one in again] == [f"p{n}@acme.com" for n in range(1, 10)]


def test_people_are_put_off_at_once_where_the_tool_asks_to_wait(vendor: PlayedVendor) -> None:
    people_of(vendor, 9)
    for n in range(4, 10):
        vendor.at[f"/v1/people/{n}"] = [(429, {}, {"Retry-After": "60"})]
    notices, clock = Notices(), FakeClock()
    how = LOOKED_UP | {"look_up": LOOKED_UP["look_up"] | {"per_run": 100}}
    source = DeclaredSource(described(**how), fake_tools("pulse", notice=notices, clock=clock))
    found = answers(read(source))
    assert len(found) == 9
    assert 0 < sum(one.email is not None for one in found) < 9
    assert sum(clock.slept) < 10
    assert "status 429" in str(notices[-1][1]["why"])


def test_an_outage_at_the_first_look_up_puts_everybody_off_but_a_refusal_is_for_somebody_to_lift(
    vendor: PlayedVendor,
) -> None:
    people_of(vendor, 3)
    vendor.at["/v1/people/1"] = [(503, {})]
    assert [one.email for one in answers(read(opened(**LOOKED_UP)))] == [None] * 3
    asked = [each.path for each in vendor.asked if "/people/" in each.path]
    assert set(asked) == {"/v1/people/1"}
    people_of(vendor, 3)
    vendor.at["/v1/people/1"] = [(403, {})]
    with pytest.raises(AccessError):
        read(opened(**LOOKED_UP))


def test_look_ups_of_one_page_overlap_and_the_answers_keep_their_order(vendor: PlayedVendor) -> None:
    people_of(vendor, 9)
    together = threading.Barrier(3, timeout=30)

    class Meeting(list[Any]):
        def __getitem__(self, at: Any) -> Any:
            together.wait()  # broken unless three calls are under way at once
            return super().__getitem__(at)

    for n in (2, 3, 4):
        vendor.at[f"/v1/people/{n}"] = Meeting(vendor.at[f"/v1/people/{n}"])
    how = LOOKED_UP | {"look_up": LOOKED_UP["look_up"] | {"per_run": 100}}
    found = answers(read(opened(**how)))
    assert [(one.id, one.email) for one in found] == [(str(n), f"p{n}@acme.com") for n in range(1, 10)]


def test_somebody_who_is_gone_is_nobody_and_is_not_asked_for_again(vendor: PlayedVendor) -> None:
    people_of(vendor, 1)
    vendor.at["/v1/people/1"] = [(404, {})]
    memory = MemoryInMemory()
    for _ in range(2):
        assert [one.email for one in answers(read(opened(memory, **LOOKED_UP)))] == [None]
    assert len([each for each in vendor.asked if "/people/" in each.path]) == 1


def test_a_key_of_a_person_stays_within_its_segment_of_the_path(vendor: PlayedVendor) -> None:
    vendor.at = {"/v1/answers": [(200, {"rows": [row(1, person="../admin?x=1")]})]}
    vendor.says = [(404, {})]
    read(opened(**LOOKED_UP))
    assert vendor.asked[-1].path == "/v1/people/..%2Fadmin%3Fx%3D1"


def test_a_key_that_leads_to_another_path_is_nobodys(vendor: PlayedVendor) -> None:
    vendor.at = {"/v1/answers": [(200, {"rows": [row(1, person="..")]})]}
    [found] = answers(read(opened(**LOOKED_UP)))
    assert found.email is None
    assert [asked.path for asked in vendor.asked] == ["/v1/answers"]


def test_somebody_whose_reply_has_another_shape_is_nobody_and_stops_nothing(vendor: PlayedVendor) -> None:
    how = LOOKED_UP["look_up"] | {"record": "max_by(people, &age)"}
    vendor.at = {
        "/v1/people/1": [(200, {"people": None})],
        "/v1/answers": [(200, {"rows": [row(1, person=1)]})],
    }
    [found] = answers(read(opened(**(LOOKED_UP | {"look_up": how}))))
    assert found.email is None


def test_people_beside_the_rows_are_found_by_their_id(vendor: PlayedVendor) -> None:
    users = [{"id": 5, "mail": "ann@acme.com"}, {"id": 6, "mail": None}]
    vendor.says = [(200, {"rows": [row(1, by=5), row(2, by=6), row(3, by=9)], "users": users})]
    beside = {"key": "by", "records": "users", "fields": {"email": "mail"}}
    fields = {"id": "id", "score": "score", "answered_at": "at"}
    assert [one.email for one in answers(read(opened(beside=beside, fields=fields)))] == [
        "ann@acme.com",
        None,
        None,
    ]


# ---------------------------------------------------------------- cursor, counts, access


def test_an_answer_older_than_since_is_not_handed_over_now_or_later(vendor: PlayedVendor) -> None:
    vendor.says = [(200, {"rows": [row(1, at="2026-01-01T00:00:00Z"), row(2)]})]
    pages = read(opened(), since=datetime(2026, 2, 1, tzinfo=UTC))
    assert [one.id for one in answers(pages)] == ["2"]
    assert [one.id for one in answers(read(opened(), pages[-1].cursor))] == ["2"]


def test_rows_of_another_kind_are_counted_and_noticed(vendor: PlayedVendor) -> None:
    vendor.says = [(200, {"rows": [row(1, type="nps"), row(2, type="csat"), row(3, type="csat")]})]
    notices = Notices()
    assert len(answers(read(opened(notices=notices, rows={"only": "type=='nps'"})))) == 1
    assert notices == [("rows_left_out", {"another_kind": 2})]


def test_a_reply_of_many_rows_is_handed_over_in_parts_and_the_cursor_moves_with_the_last(
    vendor: PlayedVendor,
) -> None:
    vendor.says = [(200, {"rows": [row(n) for n in range(2_500)]})]
    pages = read(opened())
    assert [len(page.responses) for page in pages] == [1000, 1000, 500]
    assert pages[0].cursor == pages[1].cursor != pages[2].cursor


def test_access_asks_for_one_page_and_says_what_is_missing(vendor: PlayedVendor) -> None:
    vendor.says = [(200, {"rows": [row(n) for n in range(3)]})]
    [grant] = opened().access(Needs(answers=True))
    assert grant.verdict is Verdict.OK
    vendor.says = [(403, {})]
    [grant] = opened().access(Needs(answers=True))
    assert grant.verdict is Verdict.MISSING
    vendor.says = [(401, {})]
    with pytest.raises(AccessError, match=r"^pulse: "):
        opened().access(Needs(answers=True))
