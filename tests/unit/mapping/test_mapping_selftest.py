from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from mapping.fields import compile_fields
from mapping.selftest import TestResult, run_tests
from mapping.spec import FieldMapping, FieldTest

NEW_YORK = ZoneInfo("America/New_York")


def result(given, expect, *, where=None, metric="nps", **fields) -> TestResult:
    compiled = compile_fields(
        {k: FieldMapping.model_validate(v) for k, v in fields.items()}, where=where, zone=NEW_YORK
    )
    (only,) = run_tests([FieldTest(name="a test", given=given, expect=expect)], compiled, metric=metric)
    assert only.passed == (not only.differences)
    return only


def test_the_test_of_the_design_passes():
    assert result(
        {"score": 9, "answered_at": "2026-03-02T23:30:00Z"},
        {"NPS_Segment__c": "Promoter", "NPS_Last_Survey__c": "2026-03-02"},
        NPS_Segment__c={"from": "segment", "map": {"promoter": "Promoter"}},
        NPS_Last_Survey__c={"from": "answered_at", "as": "date"},
    ).passed


def test_a_difference_says_what_was_expected_and_what_is_shown():
    told = result({"score": 6}, {"S": "promoter"}, S="segment")
    assert told == TestResult("a test", False, ('S: expected "promoter", shows "detractor"',))


@pytest.mark.parametrize(
    ("given", "mapping", "expected"),
    [
        ({"segment": "passive"}, "segment", "passive"),
        ({"score": 3, "previous_score": 9}, {"expr": "score < previous_score"}, True),
        ({"previous_segment": "promoter"}, "previous_segment", "promoter"),
        ({"record.Name": "Ann"}, "record.Name", "Ann"),
        ({"record": {"Name": "Ann", "Owner.Name": "Bo"}}, "record.Owner.Name", "Bo"),
        ({"account.Tier__c": "Gold"}, "account.Tier__c", "Gold"),
        ({"properties": {"plan": {"name": "Pro"}}}, "properties.plan.name", "Pro"),
        ({"event.id": "5"}, "event.id", "5"),
        ({"record.id": "003"}, "record.id", "003"),
        ({"account_id": "001"}, "account_id", "001"),
        ({"answers": 3}, "answers", 3),
        (
            {"channel": "sms", "source": "app", "survey": "r"},
            {"template": "{channel} {source} {survey}"},
            "sms app r",
        ),
        ({"invited_at": "2026-03-01T00:00:00Z"}, "invited_at", "2026-03-01T00:00:00Z"),
        ({"invited_at": "2026-03-01T00:00:00Z"}, "invited_at", "2026-02-28T19:00:00-05:00"),
        ({"comment": None}, "comment", None),
        ({"score": "9"}, "score", 9.0),
        ({"record.N": Decimal("1.50")}, "record.N", 1.5),
        ({"record.T": ["a", "b"]}, "record.T", ["a", "b"]),
        ({"answered_at": "2026-03-02T23:30:00Z"}, {"from": "answered_at", "as": "date"}, date(2026, 3, 2)),
        ({}, {"from": "comment", "when_empty": "skip"}, "(left as it is)"),
    ],
)
def test_any_name_may_be_given_and_is_compared_as_json(given, mapping, expected):
    told = result(given, {"F": expected}, F=mapping)
    assert told.differences == ()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"score": 11}, "given: the score is not between 0 and 10"),
        ({"score": 9, "segment": "passive"}, "given: a score of 9 is not a passive"),
        ({"segment": "promotor"}, 'did you mean "promoter"?'),
        ({"scroe": 9}, 'did you mean "score"?'),
        ({"answered_at": "2026-03-02T23:30:00"}, "in quotes"),
        ({"answered_at": datetime(2026, 3, 2)}, "in quotes"),  # noqa: DTZ001
    ],
)
def test_a_person_that_cannot_be_is_told(given, told):
    (difference,) = result(given, {"F": 1}, F="score").differences
    assert told in difference


def test_true_is_not_one():
    assert not result({}, {"F": 1}, F={"value": True}).passed
    assert not result({"score": 1}, {"F": True}, F="score").passed


def test_a_rejection_is_a_difference_with_its_code():
    (told,) = result({"channel": "fax"}, {"F": "x"}, F={"from": "channel", "map": {"sms": "x"}}).differences
    assert told.startswith("rejected: F: ")
    assert "map_miss" in told


def test_where_can_leave_the_answer_out():
    (told,) = result({"score": 9}, {"F": 9}, F="score", where="score < 7").differences
    assert "`where`" in told


def test_a_field_the_sync_does_not_fill_is_told_with_a_suggestion():
    (told,) = result({}, {"NPS_Scor__c": 9}, NPS_Score__c="score").differences
    assert 'did you mean "NPS_Score__c"?' in told


def test_a_csat_survey_has_its_own_scale_and_no_segment():
    assert result({"score": 5}, {"F": 5, "S": None}, metric="csat", F="score", S="segment").passed
    assert not result({"score": 9}, {"F": 9}, metric="csat", F="score").passed
