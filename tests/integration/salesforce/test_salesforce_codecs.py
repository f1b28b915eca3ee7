"""What Salesforce shows after a write, and how a live value is read."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import orjson
import pytest
from builders_salesforce import column
from hypothesis import given
from hypothesis import strategies as st

from connectors.salesforce.codecs import reader, typed, writer
from connectors.salesforce.ids import long_id
from nps.errors import RejectedError

NEW_YORK_EVENING = datetime(2026, 3, 2, 18, 30, 15, 999_999, tzinfo=timezone(timedelta(hours=-5)))


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("NPS_Score__c", 9, 9),
        ("NPS_Score__c", 0, 0),
        ("NPS_Score__c", 9.0, 9),
        ("NPS_Score__c", Decimal("9.00"), 9),
        ("NPS_Score__c", None, None),
        ("NPS_Margin__c", 33, 33.0),
        ("NPS_Margin__c", Decimal("14.685"), 14.69),
        ("NPS_Margin__c", Decimal("-12.345"), -12.35),
        ("NPS_Segment__c", "Promoter", "Promoter"),
        ("NPS_Segment__c", "promoter", "Promoter"),
        ("NPS_Segment__c", "", None),
        ("Interests__c", ("Chess", "Golf"), "Golf;Chess"),
        ("Interests__c", "chess;Golf;Golf", "Golf;Chess"),
        ("Interests__c", (), None),
        ("NPS_Last_Survey__c", date(2026, 3, 2), "2026-03-02"),
        ("NPS_Answered__c", NEW_YORK_EVENING, "2026-03-02T23:30:15.000+0000"),
        ("HasOptedOutOfEmail", None, False),
        ("HasOptedOutOfEmail", True, True),
        ("Email", " o'neil@x.com ", "o'neil@x.com"),
        ("NPS_Comment__c", "one\r\ntwo\rthree 🙂", "one\ntwo\nthree 🙂"),
        ("NPS_Comment__c", "  ", None),
        ("NPS_Comment__c", 9, "9"),
        ("NPS_Comment__c", "=cmd()", "=cmd()"),
        ("NPS_Comment__c", "#N/A", "# N/A"),
        ("NPS_Comment__c", "a lone \ud83d half", "a lone ? half"),
        ("AccountId", "001000000000001", "001000000000001AAA"),
    ],
)
def test_a_value_becomes_what_salesforce_shows(field: str, value: Any, shown: Any) -> None:
    written = writer(column(field))(value)
    assert written == shown
    assert type(written) is type(shown)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("NPS_Score__c", "9", "WRONG_TYPE"),
        ("NPS_Score__c", True, "WRONG_TYPE"),
        ("NPS_Score__c", 9.5, "NOT_A_WHOLE_NUMBER"),
        ("NPS_Score__c", float("nan"), "NOT_A_WHOLE_NUMBER"),
        ("NPS_Score__c", float("inf"), "NOT_A_WHOLE_NUMBER"),
        ("NPS_Score__c", 1000, "NUMBER_OUTSIDE_VALID_RANGE"),
        ("NPS_Margin__c", Decimal("1000.1"), "NUMBER_OUTSIDE_VALID_RANGE"),
        ("NPS_Margin__c", Decimal("NaN"), "NUMBER_OUTSIDE_VALID_RANGE"),
        ("NPS_Segment__c", "Fan", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ("Interests__c", ("a;b",), "INVALID_MULTIPICKLIST"),
        ("NPS_Last_Survey__c", NEW_YORK_EVENING, "WRONG_TYPE"),
        ("NPS_Last_Survey__c", "2026-03-02", "WRONG_TYPE"),
        ("NPS_Answered__c", date(2026, 3, 2), "WRONG_TYPE"),
        ("NPS_Answered__c", datetime(2026, 3, 2), "NAIVE_DATETIME"),  # noqa: DTZ001
        ("NPS_Comment__c", "x" * 256, "STRING_TOO_LONG"),
        ("NPS_Comment__c", True, "WRONG_TYPE"),
        ("HasOptedOutOfEmail", 1, "WRONG_TYPE"),
        ("AccountId", "acme", "MALFORMED_ID"),
        ("Id", None, "REQUIRED_FIELD_MISSING"),
    ],
)
def test_what_a_field_cannot_hold_is_rejected_with_its_name(field: str, value: Any, code: str) -> None:
    with pytest.raises(RejectedError, match=field) as refusal:
        writer(column(field))(value)
    assert (refusal.value.code, refusal.value.field) == (code, field)


@pytest.mark.parametrize(
    ("field", "live", "shown"),
    [
        ("NPS_Score__c", 9.0, 9),
        ("NPS_Score__c", 9, 9),
        ("NPS_Score__c", None, None),
        ("NPS_Margin__c", 33, 33.0),
        ("NPS_Answered__c", "2026-03-02T23:30:15Z", "2026-03-02T23:30:15.000+0000"),
        ("NPS_Answered__c", "2026-03-02T18:30:15.250-05:00", "2026-03-02T23:30:15.000+0000"),
        ("NPS_Comment__c", "one\r\ntwo ", "one\ntwo"),
        ("NPS_Comment__c", "", None),
        ("Interests__c", "Chess;Golf", "Golf;Chess"),
        ("HasOptedOutOfEmail", None, False),
    ],
)
def test_a_live_value_is_read_in_the_same_form(field: str, live: Any, shown: Any) -> None:
    read = reader(column(field))
    assert read is not None
    assert read(live) == shown
    assert type(read(live)) is type(shown)


@pytest.mark.parametrize(
    ("field", "live", "value"),
    [
        ("NPS_Score__c", 9, 9),
        ("NPS_Margin__c", 14.69, Decimal("14.69")),
        ("NPS_Last_Survey__c", "2026-03-02", date(2026, 3, 2)),
        ("NPS_Answered__c", "2026-03-02T23:30:15.000+0000", datetime(2026, 3, 2, 23, 30, 15, tzinfo=UTC)),
        ("Interests__c", "Golf;Chess", ("Golf", "Chess")),
        ("HasOptedOutOfEmail", False, False),
        ("NPS_Comment__c", None, None),
        ("NPS_Score__c", None, None),
        ("NPS_Last_Survey__c", None, None),
    ],
)
def test_the_way_back_gives_a_value_its_type(field: str, live: Any, value: Any) -> None:
    assert typed(column(field))(live) == value


@given(st.text(max_size=255))
def test_text_that_was_written_is_read_as_the_same(text: str) -> None:
    """Else a comment would be written again by every run."""
    write, read = writer(column("NPS_Comment__c")), reader(column("NPS_Comment__c"))
    assert read is not None
    shown = write(text)
    assert read(orjson.loads(orjson.dumps(shown))) == shown
    assert write(shown) == shown


@given(st.decimals(min_value=-999, max_value=999, allow_nan=False, allow_infinity=False))
def test_a_number_that_was_written_is_read_as_the_same(number: Decimal) -> None:
    shown = writer(column("NPS_Margin__c"))(number)
    read = reader(column("NPS_Margin__c"))
    assert read is not None
    assert read(orjson.loads(orjson.dumps(shown))) == shown


def test_a_short_id_gets_the_three_letters_that_spell_its_capitals() -> None:
    assert long_id("003D000000QXwBz") == "003D000000QXwBzIAL"
    assert long_id("0015000000VGH5n") == long_id(str(long_id("0015000000VGH5n")))
    assert long_id("003-00000000001") is None
    assert long_id("") is None
