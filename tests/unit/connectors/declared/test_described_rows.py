"""Rows of a reply as answers, by what a description says of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.declared.description import Description
from connectors.declared.rows import Elsewhere, RowReader
from nps.responses import ResponseStatus, SurveyResponse

ROW = {"id": 7, "score": 9, "at": "2026-03-02T11:00:00Z", "email": "ann@acme.com", "comment": "fine"}
FIELDS = {"id": "id", "score": "score", "answered_at": "at", "email": "email", "comment": "comment"}


def described(**changes: Any) -> Description:
    told = {"base_url": "https://api.example", "request": {"path": "/answers"}, "fields": FIELDS}
    return Description.model_validate(told | changes)


def read(row: Any = ROW, known: dict[str, str] | None = None, **changes: Any) -> SurveyResponse:
    found = RowReader(described(**changes), "pulse", known=known).answer(row)
    assert isinstance(found, SurveyResponse)
    return found


def score(rule: Any, row: dict[str, Any]) -> Any:
    return read(ROW | row, fields=FIELDS | {"score": rule}).score


def test_a_row_becomes_an_answer() -> None:
    assert read() == SurveyResponse(
        source="pulse",
        id="7",
        score=9,
        answered_at=datetime(2026, 3, 2, 11, tzinfo=UTC),
        email="ann@acme.com",
        comment="fine",
    )


def test_what_is_null_or_blank_says_nothing_and_a_score_of_zero_is_a_score() -> None:
    one = read(ROW | {"score": 0, "email": None, "comment": "  "})
    assert (one.score, one.email, one.comment) == (0, None, None)
    assert read(ROW | {"score": None}).score is None


def test_a_numeric_text_stays_a_text_until_the_survey_says_what_it_means() -> None:
    assert read(ROW | {"score": "9"}).score == "9"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (9007199254740993, "9007199254740993"),
        (18446744073709551615, "18446744073709551615"),
        ("9007199254740993", "9007199254740993"),
        ("007", "007"),
        (7.0, "7"),
    ],
)
def test_ids_are_kept_to_the_last_digit(value: object, kept: str) -> None:
    row = orjson.loads(orjson.dumps(ROW | {"id": value}))
    assert read(row).id == kept


def test_an_id_that_json_could_not_hold_exactly_is_a_problem_and_two_of_them_stay_apart() -> None:
    rows = [
        orjson.loads(f'{{"id": 1844674407370955161600{n}, "score": {n}, "at": "2026-03-02T11:00:00Z"}}')
        for n in (1, 2)
    ]
    one, other = map(read, rows)
    assert one.problem == "its id is a number too large to be exact; the tool has to send it as text"
    assert one.id != other.id


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (ROW | {"id": None}, "its id is missing"),
        (ROW | {"id": True}, "its id is neither text nor a whole number"),
        (ROW | {"id": {"a": 1}}, "its id is neither text nor a whole number"),
        (ROW | {"at": None}, "its answered_at is missing: nothing says when it was answered"),
        (ROW | {"at": "2026-03-02T11:00:00"}, "its answered_at names no time zone; set time_zone"),
        (ROW | {"at": 1772449200}, "is not a time written as `dates` says; it looks like unix"),
        ("a text", "its row is no object with fields"),
    ],
)
def test_a_row_that_cannot_be_read_says_why_under_an_id_that_is_the_same_each_time(
    row: Any, problem: str
) -> None:
    one = read(row)
    assert problem in (one.problem or "")
    assert one == read(row)
    assert one.id


def test_a_row_whose_time_cannot_be_read_keeps_its_own_id() -> None:
    assert read(ROW | {"at": "soon"}).id == "7"


def test_milliseconds_where_seconds_are_declared_are_a_problem_and_never_the_year_55000() -> None:
    one = read(ROW | {"at": 1772449200000}, dates=["unix"])
    assert "are these milliseconds? Then write unix_ms" in (one.problem or "")


def test_seconds_may_stand_in_a_text() -> None:
    assert read(ROW | {"at": "1772449200"}, dates="unix").answered_at == datetime(2026, 3, 2, 11, tzinfo=UTC)


def test_a_time_without_zone_is_read_in_the_declared_one() -> None:
    one = read(ROW | {"at": "2026-03-02T12:00:00"}, time_zone="Europe/Berlin")
    assert one.answered_at == datetime(2026, 3, 2, 11, tzinfo=UTC)


def test_of_several_paths_the_first_that_holds_something_counts() -> None:
    assert score(["a.score", "score"], {}) == 9
    assert score({"path": ["a.score", "score"]}, {"a": {"score": 0}}) == 0


@pytest.mark.parametrize(
    ("found", "became"),
    [("good", 1), ("bad", 0), ("offered", "offered"), (True, "yes"), (3, "three"), (None, None)],
)
def test_values_stand_for_others_and_what_is_not_listed_stays(found: object, became: object) -> None:
    rule = {"path": "score", "values": {"good": 1, "bad": 0, "true": "yes", "3": "three"}}
    assert score(rule, {"score": found}) == became


@pytest.mark.parametrize(
    ("text", "became"),
    [
        ("9 - Extremely likely", 9),
        ("Extremely likely - 10", 10),
        ("0 (not at all)", 0),
        ("7", 7),
        ("10 = 10", 10),
        ("between 3 and 4", "between 3 and 4"),
        ("9.5", "9.5"),
        ("9/10", "9/10"),
        ("likely", "likely"),
        ("9" * 5000, "9" * 5000),  # more digits than Python reads: a row must not end the run
        (8, 8),
    ],
)
def test_the_one_number_of_a_text_is_taken_and_nothing_is_guessed(text: object, became: object) -> None:
    assert score({"path": "score", "number_in_text": True}, {"score": text}) == became


@pytest.mark.parametrize(
    ("rows", "row", "status"),
    [
        ({"partial": "!finished"}, {"finished": False}, ResponseStatus.PARTIAL),
        ({"partial": "!finished"}, {"finished": True}, ResponseStatus.COMPLETE),
        ({"excluded": "isBogus"}, {"isBogus": True}, ResponseStatus.EXCLUDED),
        ({"withdrawn": "deleted", "partial": "!finished"}, {"deleted": 1}, ResponseStatus.WITHDRAWN),
        ({"withdrawn": "deleted"}, {"deleted": 0}, ResponseStatus.COMPLETE),
    ],
)
def test_what_a_row_means_beyond_its_fields(
    rows: dict[str, str], row: dict[str, Any], status: ResponseStatus
) -> None:
    assert read(ROW | row, rows=rows).status is status


def test_a_row_of_another_kind_is_left_out_even_when_it_could_not_be_read() -> None:
    reader = RowReader(described(rows={"only": "type=='nps'"}), "pulse")
    assert reader.answer({"type": "csat"}) is Elsewhere.ANOTHER_KIND
    assert isinstance(reader.answer(ROW | {"type": "nps"}), SurveyResponse)


def test_a_condition_that_does_not_fit_a_row_makes_it_a_problem_and_shows_nothing_of_it() -> None:
    one = read(ROW | {"tags": "x@y.example"}, rows={"only": "max(tags) == 'a'"})
    assert one.id == "7"
    assert "max() takes" in (one.problem or "")
    assert "example" not in (one.problem or "")


def test_properties_are_picked_or_taken_whole() -> None:
    fields = FIELDS | {"properties": {"plan": "traits.plan"}, "all_properties": "traits"}
    assert read(ROW | {"traits": {"plan": "pro", "seats": 3}}, fields=fields).properties == {
        "plan": "pro",
        "seats": 3,
    }
    assert read(ROW | {"traits": None}, fields=fields).properties == {"plan": None}


def test_what_is_known_of_the_person_fills_what_the_row_does_not_say() -> None:
    reader = RowReader(described(), "pulse")
    one = reader.answer(ROW, {"email": "other@acme.com", "external_id": "007"})
    assert isinstance(one, SurveyResponse)
    assert (one.email, one.external_id) == ("ann@acme.com", "007")


def test_who_answers_as_nobody_counts_or_not_as_the_description_says() -> None:
    nobody = ROW | {"email": None}
    assert read(nobody).status is ResponseStatus.COMPLETE
    assert read(nobody, rows={"anonymous": "exclude"}).status is ResponseStatus.EXCLUDED
    assert read(ROW, rows={"anonymous": "exclude"}).status is ResponseStatus.COMPLETE
    known = RowReader(described(rows={"anonymous": "exclude"}), "pulse").answer(nobody, {"phone": "+1202"})
    assert isinstance(known, SurveyResponse)
    assert known.status is ResponseStatus.COMPLETE


def test_an_answer_whose_person_a_later_run_asks_for_waits() -> None:
    waiting = RowReader(described(rows={"anonymous": "exclude", "withdrawn": "gone"}), "pulse")
    for row, status in ((ROW, ResponseStatus.PARTIAL), (ROW | {"gone": True}, ResponseStatus.WITHDRAWN)):
        one = waiting.answer(row, None)
        assert isinstance(one, SurveyResponse)
        assert one.status is status


BY_QUESTION = {
    "fields": FIELDS | {"score": "answers.{score_question:key}", "comment": "answers.{comment_question:key}"},
    "surveys": {
        "path": "/surveys",
        "values": {"score_question": "score", "comment_question": "comment"},
    },
}


def test_a_survey_says_which_of_its_questions_is_the_score() -> None:
    row = ROW | {"answers": {"q-1": 3, "q 2": "slow"}}
    one = read(row, {"score_question": "q-1", "comment_question": "q 2"}, **BY_QUESTION)
    assert (one.score, one.comment) == (3, "slow")


def test_a_survey_without_a_comment_question_has_no_comment_and_one_without_a_score_is_not_ours() -> None:
    row = ROW | {"answers": {"q-1": 3}}
    assert read(row, {"score_question": "q-1"}, **BY_QUESTION).comment is None
    assert RowReader(described(**BY_QUESTION), "pulse").answer(row) is Elsewhere.ANOTHER_SURVEY


WHOLE = st.integers(-(2**63), 2**64 - 1)
JSON = st.recursive(
    st.none() | st.booleans() | WHOLE | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=5), inside, max_size=3),
    max_leaves=6,
)
ANY_ROW = (
    st.fixed_dictionaries({}, optional=dict.fromkeys(("id", "score", "at", "email", "tags", "type"), JSON))
    | JSON
)


@settings(max_examples=50)
@given(ANY_ROW)
def test_whatever_comes_is_an_answer_a_problem_or_none_of_ours_and_the_same_each_time(row: Any) -> None:
    description = described(
        fields=FIELDS
        | {
            "score": {"path": ["score", "tags[0]"], "values": {"good": 1}, "number_in_text": True},
            "comment": "tags[?@ == 'x'] | [0]",
            "all_properties": "tags",
        },
        rows={"only": "type != 'csat'", "partial": "tags.open"},
        dates=["iso", "unix", "unix_ms", "%d/%m/%Y"],
        time_zone="Europe/Berlin",
    )
    one = RowReader(description, "pulse").answer(row)
    assert one == RowReader(description, "pulse").answer(row)
    if isinstance(one, SurveyResponse):
        assert one.id
        assert one.answered_at.tzinfo is UTC
        assert one.score is None or isinstance(one.score, int | float | str)


def test_the_words_of_a_choice_are_taken_before_anything_else_its_answer_says() -> None:
    fields = {"id": "id", "answered_at": "at"}
    words = {"id": "choice", "among": "{choices}"}
    rule = {"path": "text", "words": words, "number_in_text": True}
    surveys = {"named": ["s"], "values": {"choices": "choices"}}
    told = {"fields": {**fields, "score": rule}, "surveys": surveys}
    known = {
        "choices": '[{"id": "70", "text": "9 - Likely"}, {"id": 71, "text": "10"}, {"text": "1"}, {"id": "72"}]'
    }
    row = ROW | {"text": "3", "choice": "70"}
    assert read(row, known, **told).score == 9
    assert read(row | {"choice": 71}, known, **told).score == 10
    assert read(row | {"choice": "72"}, known, **told).score == 3
    assert read(row | {"choice": None}, known, **told).score == 3
    assert read(row, {}, **told).score == 3
    assert read(row, {"choices": "no list"}, **told).score == 3
