from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from builders_mapping import standing
from hypothesis import given
from hypothesis import strategies as st

from mapping.templates import TemplateProblem, compile_template

NEW_YORK = ZoneInfo("America/New_York")


def filled(source: str, **person) -> str | None:
    return compile_template(source, NEW_YORK)(standing(**person))


def test_names_in_braces_are_filled_in():
    assert (
        filled("Call {record.Name}: scored {score}", record={"Name": "O'Brien"}) == "Call O'Brien: scored 9"
    )


def test_braces_in_a_value_stay_text():
    assert filled("{comment}", comment="{score} {{}} %s") == "{score} {{}} %s"


def test_doubled_braces_are_braces():
    assert filled("{{{score}}}") == "{9}"


def test_values_read_as_people_write_them():
    text = filled("{answered_at} {record.N} {record.F}", record={"N": 9.0, "F": False})
    assert text == "2026-03-02T07:00:00-05:00 9 false"


def test_a_missing_value_leaves_a_gap_and_nothing_at_all_is_null():
    assert filled("{score}: {comment}") == "9: "
    assert filled("{comment} / {channel}") is None
    assert filled("no names") == "no names"


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("{scroe}", "unknown_name"),
        ("{record}", "unknown_name"),
        ("{score.__class__}", "unknown_name"),
        ("{0}", "unknown_name"),
        ("{}", "bad_template"),
        ("{score:>5}", "bad_template"),
        ("{score!r}", "bad_template"),
        ("{record[Name]}", "bad_template"),
        ("{score", "bad_template"),
        ("score}", "bad_template"),
        ("{a{score}}", "bad_template"),
    ],
)
def test_anything_but_a_known_name_in_braces_is_refused_at_load(source, code):
    with pytest.raises(TemplateProblem) as caught:
        compile_template(source, NEW_YORK)
    assert caught.value.code == code


@given(st.text())
def test_any_text_survives_with_its_braces_doubled(text):
    assert filled(text.replace("{", "{{").replace("}", "}}")) == text
