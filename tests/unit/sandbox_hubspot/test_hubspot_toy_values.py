"""Which texts the toy HubSpot takes for a property, and how it shows them again."""

from __future__ import annotations

import pytest

from sandbox.hubspot.definitions import Option, Property, stored
from sandbox.hubspot.refusals import InvalidValue

SCORE = Property("nps_score", "Score", "number", "number")
SURVEYED = Property("nps_last_survey", "Surveyed", "date", "date")
ANSWERED = Property("answered", "Answered", "datetime", "date")
SEGMENT = Property(
    "segment", "Segment", "enumeration", "select", options=(Option("Up", "up"), Option("Down", "down"))
)
TAGS = Property("tags", "Tags", "enumeration", "checkbox", options=(Option("A", "a"), Option("B", "b")))
OPTED_OUT = Property("opted_out", "Opted out", "bool", "booleancheckbox")
EMAIL = Property("email", "Email", unique=True)


@pytest.mark.parametrize(
    ("definition", "written", "shown"),
    [
        (SCORE, "9", "9"),
        (SCORE, "9.0", "9"),
        (SCORE, "09.50", "9.5"),
        (SCORE, "-0", "0"),
        (SCORE, "100", "100"),
        (SURVEYED, "2026-03-02", "2026-03-02"),
        (SURVEYED, "1772409600000", "2026-03-02"),
        (ANSWERED, "2026-03-02T23:30:00+01:00", "2026-03-02T22:30:00.000Z"),
        (ANSWERED, "1772409600001", "2026-03-02T00:00:00.001Z"),
        (SEGMENT, "up", "up"),
        (TAGS, "b;a;b", "b;a"),
        (OPTED_OUT, "true", "true"),
        (EMAIL, "Ann@Example.COM", "ann@example.com"),
        (EMAIL, "o'brien+crm@example.com", "o'brien+crm@example.com"),
        (SCORE, "", None),
        (SEGMENT, "", None),
    ],
)
def test_a_text_of_the_right_kind_is_kept_as_the_vendor_shows_it(definition, written, shown):
    assert stored(definition, written, None) == shown


@pytest.mark.parametrize(
    ("definition", "written"),
    [
        (SCORE, "1,000"),
        (SCORE, "9e1"),
        (SCORE, "1.2.3"),
        (SCORE, "nine"),
        (SCORE, " 9"),
        (SURVEYED, "2026-02-30"),
        (SURVEYED, "1772409600001"),
        (SURVEYED, "2026-03-02T00:00:00Z"),
        (SURVEYED, "20260302"),
        (ANSWERED, "2026-03-02T23:30:00"),
        (SEGMENT, "Up"),
        (SEGMENT, "up;down"),
        (TAGS, "a;c"),
        (OPTED_OUT, "True"),
        (EMAIL, "nobody"),
    ],
)
def test_a_text_of_the_wrong_kind_is_refused_by_name(definition, written):
    refused = stored(definition, written, None)
    assert isinstance(refused, InvalidValue)
    assert refused.name == definition.name


def test_a_leading_semicolon_adds_to_what_a_multiple_choice_holds():
    assert stored(TAGS, ";b", "a") == "a;b"
    assert stored(TAGS, "b", "a") == "b"
