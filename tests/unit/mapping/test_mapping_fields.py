from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from builders_mapping import NOON, standing
from hypothesis import given
from hypothesis import strategies as st

from mapping.fields import SKIP, CompiledFields, compile_fields
from mapping.spec import FieldMapping
from nps.errors import ConfigError, RejectedError

NEW_YORK = ZoneInfo("America/New_York")
SEGMENTS = {"promoter": "Promoter", "passive": "Passive", "detractor": "Detractor"}


def compiled(where: str | None = None, zone: ZoneInfo = NEW_YORK, **fields) -> CompiledFields:
    return compile_fields(
        {k: FieldMapping.model_validate(v) for k, v in fields.items()}, where=where, zone=zone
    )


def shown(mapping, **person):
    return compiled(F=mapping).snapshot(standing(**person))["F"]


def rejected(mapping, **person) -> RejectedError:
    with pytest.raises(RejectedError) as caught:
        shown(mapping, **person)
    assert caught.value.field == "F"
    assert str(caught.value).startswith("F: ")
    return caught.value


def test_the_fields_of_the_design():
    mapping = compiled(
        NPS_Score__c="score",
        NPS_Segment__c={"from": "segment", "map": SEGMENTS},
        NPS_Last_Survey__c={"from": "answered_at", "as": "date"},
        NPS_Comment__c={"from": "comment", "truncate": 255},
        NPS_Trend__c={"expr": 'previous_score == null ? "new" : score > previous_score ? "up" : "not up"'},
    )
    late_evening = datetime(2026, 3, 3, 2, 30, tzinfo=UTC)
    assert mapping.snapshot(standing(9, answered_at=late_evening, comment="x" * 300)) == {
        "NPS_Score__c": 9,
        "NPS_Segment__c": "Promoter",
        "NPS_Last_Survey__c": date(2026, 3, 2),
        "NPS_Comment__c": "x" * 255,
        "NPS_Trend__c": "new",
    }


# ---------------------------------------------------------------- pick


@pytest.mark.parametrize(
    ("name", "person", "value"),
    [
        ("score", {"score": 0}, 0),
        ("segment", {"score": 0}, "detractor"),
        ("segment", {"score": 5, "metric": "csat"}, None),
        ("previous_score", {"previous_score": 0}, 0),
        ("previous_segment", {"previous_score": 8}, "passive"),
        ("previous_segment", {}, None),
        ("comment", {"comment": "=cmd()\n\"quoted\" 🎉"}, "=cmd()\n\"quoted\" 🎉"),
        ("answered_at", {}, NOON),
        ("invited_at", {}, None),
        ("survey", {}, "relationship"),
        ("channel", {"channel": "email"}, "email"),
        ("source", {}, "mail"),
        ("answers", {"answers": 4}, 4),
        ("event.Priority", {"event": {"Priority": "High"}}, "High"),
        ("properties.plan.name", {"properties": {"plan": {"name": "Pro"}}}, "Pro"),
        ("properties.plan.name", {"properties": {"plan.name": "flat"}}, "flat"),
        ("properties.plan.name", {"properties": {"plan": "Pro"}}, None),
        ("properties.tags", {"properties": {"tags": ["a", "b"]}}, ("a", "b")),
        ("record.Owner.Name", {"record": {"Owner.Name": "Bo"}}, "Bo"),
        ("account.Tier__c", {"account": {"Tier__c": "Gold"}}, "Gold"),
        ("record.id", {"record_id": "003A"}, "003A"),
        ("account_id", {}, None),
    ],
)  # fmt: skip
def test_every_name_of_the_design_can_be_shown(name, person, value):
    assert shown(name, **person) == value


def test_a_template_fills_in_names():
    assert shown({"template": "{record.Name} scored {score}"}, record={"Name": "Ann"}) == "Ann scored 9"


def test_the_same_value_for_everybody():
    assert shown({"value": "Wootric"}) == "Wootric"
    assert shown({"value": False}) is False
    assert shown({"value": ["a", "b"]}) == ("a", "b")
    assert shown({"value": None}) is None


# ---------------------------------------------------------------- default, map, as, truncate, when_empty


def test_default_stands_in_for_nothing_but_not_for_zero():
    assert shown({"from": "comment", "default": "-"}) == "-"
    assert shown({"from": "comment", "default": "-"}, comment=" ") == "-"
    assert shown({"from": "score", "default": 5}, score=0) == 0
    assert shown({"from": "record.Flag", "default": True}, record={"Flag": False}) is False


def test_the_default_goes_through_the_map():
    assert shown({"from": "channel", "default": "mail", "map": {"mail": "E-mail"}}) == "E-mail"


def test_a_map_miss_is_rejected_with_what_is_listed():
    error = rejected({"from": "channel", "map": {"email": "E-Mail", "sms": "SMS"}}, channel="fax of Ann")
    assert error.code == "map_miss"
    assert "email, sms" in str(error)
    assert "Ann" not in str(error)


def test_other_catches_a_map_miss_and_may_be_null():
    assert shown({"from": "channel", "map": {"email": "E"}, "other": "?"}, channel="fax") == "?"
    assert shown({"from": "channel", "map": {"email": "E"}, "other": None}, channel="fax") is None


def test_nothing_is_not_a_map_miss():
    assert shown({"from": "channel", "map": {"email": "E"}}) is None


def test_map_finds_numbers_and_truth_by_their_text():
    assert shown({"from": "score", "map": {9: "nine"}}) == "nine"
    assert shown({"from": "record.N", "map": {9: "nine"}}, record={"N": 9.0}) == "nine"
    assert shown({"from": "record.N", "map": {True: "yes"}}, record={"N": True}) == "yes"


def test_map_looks_up_each_choice_of_a_multi_select():
    mapping = {"from": "properties.tags", "map": {"a": "A", "b": "B", "c": None}}
    assert shown(mapping, properties={"tags": ["b", "c", "a"]}) == ("B", "A")
    assert rejected(mapping, properties={"tags": ["x"]}).code == "map_miss"
    assert shown({"from": "properties.ids", "map": {1: "one"}}, properties={"ids": [1]}) == ("one",)
    assert (
        rejected({"from": "properties.ids", "map": {1: "one"}}, properties={"ids": {"a": 1}}).code
        == "wrong_type"
    )


@given(st.sampled_from([*range(11)]))
def test_a_map_and_its_inverse_give_the_value_back(score):
    back = {word: segment for segment, word in SEGMENTS.items()}
    word = shown({"from": "segment", "map": SEGMENTS}, score=score)
    plain = shown("segment", score=score)
    assert shown({"from": "record.W", "map": back}, record={"W": word}) == plain


@pytest.mark.parametrize(
    ("as_", "raw", "value"),
    [
        ("text", 9, "9"),
        ("text", 9.0, "9"),
        ("text", 9.5, "9.5"),
        ("text", 1e20, "100000000000000000000"),
        ("text", 1e40, "1" + "0" * 40),
        ("text", Decimal("1E+40"), "1" + "0" * 40),
        ("text", Decimal("0.12345678901234567890123456789012340"), "0.1234567890123456789012345678901234"),
        ("text", Decimal("9.50"), "9.5"),
        ("text", True, "true"),
        ("text", date(2026, 3, 2), "2026-03-02"),
        ("text", NOON, "2026-03-02T07:00:00-05:00"),
        ("text", ("a", "b"), "a, b"),
        ("integer", "9", 9),
        ("integer", 9.0, 9),
        ("integer", Decimal("9"), 9),
        ("number", "9.5", Decimal("9.5")),
        ("number", 9, 9),
        ("date", NOON, date(2026, 3, 2)),
        ("date", "2026-03-03T02:30:00Z", date(2026, 3, 2)),
        ("date", "2026-03-02", date(2026, 3, 2)),
        ("datetime", "2026-03-02T12:00:00Z", NOON),
        ("datetime", "2026-03-02T12:00:00+0000", NOON),
        ("boolean", "TRUE", True),
        ("boolean", False, False),
        ("multi", "a", ("a",)),
        ("multi", ("a", "b"), ("a", "b")),
        ("multi", [1, 2], ("1", "2")),
    ],
)
def test_as_shows_a_type(as_, raw, value):
    result = shown({"from": "record.X", "as": as_}, record={"X": raw})
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("as_", "raw", "code"),
    [
        ("integer", "9.5", "wrong_type"),
        ("integer", 9.5, "wrong_type"),
        ("integer", True, "wrong_type"),
        ("integer", "Extremely likely - 10", "wrong_type"),
        ("integer", float("nan"), "wrong_type"),
        ("text", float("inf"), "wrong_type"),
        ("multi", [float("inf")], "wrong_type"),
        ("number", "1,5", "wrong_type"),
        ("number", "1e3", "wrong_type"),
        ("number", float("nan"), "wrong_type"),
        ("number", True, "wrong_type"),
        ("date", datetime(2026, 3, 2), "naive_datetime"),  # noqa: DTZ001
        ("date", "2026-03-02T12:00:00", "naive_datetime"),
        ("date", "03/02/2026", "wrong_type"),
        ("date", "2026-02-30", "wrong_type"),
        ("date", 20260302, "wrong_type"),
        ("datetime", "2026-03-02T12:00:00", "naive_datetime"),
        ("datetime", "2026-03-02", "wrong_type"),
        ("datetime", date(2026, 3, 2), "wrong_type"),
        ("boolean", "yes", "wrong_type"),
        ("boolean", 1, "wrong_type"),
        ("text", {"a": 1}, "not_a_value"),
    ],
)
def test_a_wrong_type_is_rejected_never_guessed(as_, raw, code):
    error = rejected({"from": "record.X", "as": as_}, record={"X": raw})
    assert error.code == code
    assert str(raw) not in str(error)


def test_a_date_is_taken_in_the_business_zone():
    midnight_utc = datetime(2026, 3, 3, 0, 30, tzinfo=UTC)
    for zone, day in (("America/New_York", 2), ("UTC", 3), ("Pacific/Kiritimati", 3)):
        mapping = compiled(zone=ZoneInfo(zone), F={"from": "answered_at", "as": "date"})
        assert mapping.snapshot(standing(answered_at=midnight_utc)) == {"F": date(2026, 3, day)}


def test_a_naive_time_is_rejected_even_without_as():
    assert rejected("record.X", record={"X": datetime(2026, 3, 2)}).code == "naive_datetime"  # noqa: DTZ001


def test_an_object_is_no_value():
    assert rejected("properties.plan", properties={"plan": {"name": "Pro"}}).code == "not_a_value"
    assert rejected("properties.list", properties={"list": [1, {}]}).code == "wrong_type"


def test_truncate_counts_characters():
    assert shown({"from": "comment", "truncate": 3}, comment="ünï🎉") == "ünï"
    assert shown({"from": "score", "as": "text", "truncate": 1}, score=10) == "1"
    assert rejected({"from": "score", "truncate": 1}).code == "wrong_type"


@given(st.text(), st.integers(1, 50))
def test_truncating_twice_changes_nothing(comment, length):
    once = shown({"from": "comment", "truncate": length}, comment=comment)
    again = shown({"from": "comment", "truncate": length}, comment=once)
    assert once == again
    assert once is None or len(once) <= length


@given(st.one_of(st.integers(-(10**20), 10**20), st.decimals(-(10**12), 10**12, places=3)))
def test_a_number_shown_as_text_reads_back_as_itself(number):
    text = shown({"from": "record.X", "as": "text"}, record={"X": number})
    assert shown({"from": "record.X", "as": "number"}, record={"X": text}) == number


@given(st.dates())
def test_a_date_shown_as_text_reads_back_as_itself(day):
    text = shown({"from": "record.X", "as": "text"}, record={"X": day})
    assert shown({"from": "record.X", "as": "date"}, record={"X": text}) == day


def test_an_empty_value_clears_by_default_so_no_old_comment_sits_beside_a_new_score():
    assert shown("comment") is None
    assert shown("comment", comment=" \n ") is None
    assert shown("properties.tags", properties={"tags": []}) is None


def test_when_empty_skip_leaves_the_field_alone():
    assert shown({"from": "comment", "when_empty": "skip"}) is SKIP
    assert shown({"from": "comment", "when_empty": "skip", "truncate": 5}) is SKIP
    assert shown({"from": "channel", "map": {"fax": None}, "when_empty": "skip"}, channel="fax") is SKIP


def test_zero_and_false_are_not_empty():
    assert shown({"from": "score", "when_empty": "skip"}, score=0) == 0
    assert shown({"from": "record.F", "when_empty": "skip"}, record={"F": False}) is False
    assert shown({"from": "score", "as": "text"}, score=0) == "0"


# ---------------------------------------------------------------- the whole


def test_one_bad_field_rejects_the_answer_and_names_the_field():
    mapping = compiled(Good="score", Bad={"from": "channel", "map": {}}, Other="score")
    with pytest.raises(RejectedError, match=r"^Bad: ") as caught:
        mapping.snapshot(standing(channel="x"))
    assert (caught.value.code, caught.value.field) == ("map_miss", "Bad")


def test_it_says_what_to_fetch():
    mapping = compiled(
        where='account.Tier__c == "Gold"',
        A={"from": "score", "overwrite": "if_newer", "newer_than": "Last__c"},
        B={"template": "{record.Owner.Name} {properties.plan}"},
        C={"expr": "record.Amount > 1.0 && comment == null"},
        D="record.id",
    )
    assert mapping.record_names == {"Owner.Name", "Amount", "Last__c"}
    assert mapping.account_names == {"Tier__c"}
    assert mapping.property_names == {"plan"}
    assert mapping.uses == {"score", "record", "account", "properties", "comment"}
    assert (mapping.overwrites["A"].policy, mapping.overwrites["A"].newer_than) == ("if_newer", "Last__c")
    assert mapping.overwrites["B"].policy == "if_ours"


def test_where_decides_which_answers_count():
    mapping = compiled(where='segment == "detractor" && previous_score > 6', F="score")
    assert mapping.counts(standing(3, previous_score=9))
    assert not mapping.counts(standing(3, previous_score=5))
    assert not mapping.counts(standing(3))
    assert compiled(F="score").counts(standing())


def test_a_where_that_does_not_work_for_an_answer_rejects_it():
    with pytest.raises(RejectedError, match=r"^where: ") as caught:
        compiled(where="comment > 3", F="score").counts(standing(comment="secret"))
    assert caught.value.field == "where"
    assert "secret" not in str(caught.value)


def test_where_and_expressions_share_their_variables_without_mixing_them_up():
    mapping = compiled(where="record.A > 1", X={"expr": "record.B"}, Y={"expr": "record.A"})
    person = standing(record={"A": 2, "B": 3})
    assert mapping.counts(person)
    assert mapping.snapshot(person) == {"X": 3, "Y": 2}
    assert not mapping.counts(standing())


def test_compiling_what_was_not_checked_is_a_config_error():
    with pytest.raises(ConfigError, match="no function"):
        compiled(F={"expr": "nope(score)"})
    with pytest.raises(ConfigError, match="empty braces"):
        compiled(F={"template": "{}"})
