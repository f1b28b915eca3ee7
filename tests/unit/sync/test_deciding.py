from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from builders_mapping import NOON, answer

from mapping.fields import compile_fields
from mapping.spec import FieldMapping
from nps.changes import Record
from nps.errors import RejectedError
from nps.newest import Answer
from store.api import State
from sync.deciding import Rules, Target, Verdict, decide

FIELDS: Mapping[str, Any] = {"NPS": "score", "Was": "previous_score", "Count": "answers"}


def given(number: int, score: int, *, days: float = 0, state: State | None = None) -> Answer:
    return Answer(NOON + timedelta(days=days), 0, f"a{number}", number, score, state)


def written(value: Any) -> Any:
    if value == 7:
        raise RejectedError("this field refuses sevens", code="no_sevens", field="NPS")
    return value.isoformat() if hasattr(value, "isoformat") else value


def decided(
    answers: Sequence[Answer],
    live: Mapping[str, Any] | None = None,
    *,
    ours: Mapping[str, Any] | None = None,
    fields: Mapping[str, Any] = FIELDS,
    where: str | None = None,
    days: float = 30,
    shown: Callable[[Any], Any] = written,
    **rules: Any,
) -> Verdict:
    compiled = compile_fields(
        {name: FieldMapping.model_validate(one) for name, one in fields.items()},
        where=where,
        zone=ZoneInfo("UTC"),
    )
    record = Record("Contact", "003A", dict.fromkeys(fields) | dict(live or {}))
    return decide(
        answers,
        Target(record=record, ours=ours or {}),
        Rules(
            survey="relationship",
            metric="nps",
            fields=compiled,
            canonical=dict.fromkeys(fields, shown),
            **rules,
        ),
        lambda number: answer(
            next(one.score for one in answers if one.number == number),
            id=f"a{number}",
            answered_at=NOON + timedelta(days=number),
        ),
        now=NOON + timedelta(days=days),
        key="ann@example.com",
    )


def states(verdict: Verdict) -> dict[int, State]:
    return {number: mark.state for number, mark in verdict.states.items()}


def test_the_newest_answer_decides_and_knows_the_one_before_it():
    verdict = decided([given(2, 9, days=2), given(1, 3, days=1)])
    assert verdict.change is not None
    assert verdict.change.after == {"NPS": 9, "Was": 3, "Count": 2}
    assert verdict.change.before == {"NPS": None, "Was": None, "Count": None}
    assert (verdict.change.response, verdict.change.key, verdict.change.rank) == (2, "ann@example.com", 1)
    assert states(verdict) == {1: State.SUPERSEDED, 2: State.PENDING}


def test_what_is_right_already_is_unchanged_and_not_written():
    verdict = decided([given(1, 0)], {"NPS": 0, "Count": 1})
    assert (verdict.change, states(verdict)) == (None, {1: State.UNCHANGED})


def test_only_what_differs_is_written():
    verdict = decided([given(1, 9)], {"NPS": 9, "Count": 0})
    assert verdict.change is not None
    assert (verdict.change.before, verdict.change.after) == ({"Count": 0}, {"Count": 1})


def test_detractors_are_written_first():
    changes = [decided([given(1, score)]).change for score in (6, 8)]
    assert [change and change.rank for change in changes] == [0, 1]


def test_an_answer_that_cannot_be_shown_is_rejected_and_the_one_before_it_decides():
    verdict = decided([given(1, 3, days=1), given(2, 7, days=2)])
    assert verdict.change is not None
    assert verdict.change.after["NPS"] == 3
    assert states(verdict) == {1: State.PENDING, 2: State.REJECTED}
    assert (verdict.states[2].code, verdict.states[2].field) == ("no_sevens", "NPS")


def test_answers_beyond_valid_for_do_not_count():
    verdict = decided([given(1, 3, days=1), given(2, 9, days=20)], valid_for=timedelta(days=20))
    assert verdict.change is not None
    assert verdict.change.after == {"NPS": 9, "Count": 1}
    assert states(verdict) == {1: State.EXCLUDED, 2: State.PENDING}


def test_an_answer_is_valid_up_to_the_very_moment():
    both = [decided([given(1, 3)], valid_for=timedelta(days=30), days=days) for days in (30, 30.001)]
    assert [states(one)[1] for one in both] == [State.PENDING, State.EXCLUDED]


def test_where_leaves_newcomers_out_and_settled_answers_in():
    verdict = decided([given(1, 3, days=1, state=State.WRITTEN), given(2, 2, days=2)], where="score > 5")
    assert verdict.change is not None
    assert verdict.change.after["NPS"] == 3
    assert states(verdict) == {1: State.PENDING, 2: State.EXCLUDED}


@pytest.mark.parametrize(
    ("live", "ours", "cleared"),
    [
        ({"NPS": 9}, {"NPS": 9}, {"NPS": None}),
        ({"NPS": 0}, {"NPS": 0}, {"NPS": None}),
        ({"NPS": 8}, {"NPS": 9}, None),
        ({"NPS": 9}, {}, None),
        ({"NPS": None}, {"NPS": 9}, None),
    ],
)
def test_without_an_answer_what_is_still_ours_is_cleared(live: Any, ours: Any, cleared: Any):
    change = decided([], live, ours=ours).change
    assert (change and change.after) == cleared
    assert change is None or change.response is None


@pytest.mark.parametrize(("live", "cleared"), [(True, {"NPS": False}), (False, None)])
def test_a_field_is_cleared_to_what_the_vendor_shows_when_it_is_empty(live: bool, cleared: Any):
    change = decided([], {"NPS": live}, ours={"NPS": live}, shown=bool).change
    assert (change and change.after) == cleared


def test_a_field_that_must_not_be_empty_is_left_for_the_vendor_to_refuse():
    def required(value: Any) -> Any:
        if value is None:
            raise RejectedError("the field must not be empty", code="REQUIRED_FIELD_MISSING", field="NPS")
        return value

    change = decided([], {"NPS": 9}, ours={"NPS": 9}, shown=required).change
    assert change is not None
    assert change.after == {"NPS": None}


def test_what_a_person_changed_since_is_kept_unless_adopted():
    values = ({"NPS": 5}, {"NPS": 3})
    kept, adopted = (
        decided([given(1, 9)], values[0], ours=values[1], adopt=adopt) for adopt in (False, True)
    )
    assert (kept.kept, kept.change and kept.change.after) == (("NPS",), {"Count": 1})
    assert (adopted.kept, adopted.change and adopted.change.after) == ((), {"NPS": 9, "Count": 1})


def test_when_everything_is_kept_the_answer_is_unchanged():
    verdict = decided([given(1, 9)], {"NPS": 5}, ours={"NPS": 3}, fields={"NPS": "score"})
    assert (verdict.change, states(verdict), verdict.kept) == (None, {1: State.UNCHANGED}, ("NPS",))


def test_a_date_in_the_future_is_shown_as_the_moment_it_counts_by():
    future = given(1, 9)  # counts by NOON; its own date is a day later
    change = decided([future], fields={"When": "answered_at"}).change
    assert change is not None
    assert change.after == {"When": NOON.isoformat()}


def test_applying_a_change_leaves_nothing_to_change():
    answers = [given(1, 3, days=1), given(2, 9, days=2)]
    change = decided(answers).change
    assert change is not None
    assert decided(answers, change.after, ours=change.after).change is None
