"""Placeholders in the texts of a description."""

from __future__ import annotations

from typing import Any

import jmespath
from hypothesis import given
from hypothesis import strategies as st

from connectors.declared.placeholders import as_if_filled, fill, filled_now, filled_path, names_in


def filled(data: Any, **values: Any) -> Any:
    found = fill(data, values)
    assert not found.faults
    return found.value


def test_a_placeholder_in_a_text_is_the_value_as_text() -> None:
    assert filled({"path": "/apps/{app}/surveys"}, app=51) == {"path": "/apps/51/surveys"}


def test_a_text_that_is_only_a_placeholder_becomes_the_value_itself() -> None:
    data = {"size": "{size}", "named": "{surveys}", "more": "{more}"}
    assert filled(data, size=100, surveys=["a", "b"], more=False) == {
        "size": 100,
        "named": ["a", "b"],
        "more": False,
    }


def test_what_names_a_parameter_without_a_value_is_left_out() -> None:
    data = {
        "fields": {"id": "id", "external_id": "custom.{key:key}"},
        "paths": ["{key}", "b"],
        "all": ["{key}"],
    }
    assert filled(data, key=None) == {"fields": {"id": "id"}, "paths": ["b"]}


def test_a_value_is_not_filled_again() -> None:
    assert filled("Token {key}", key="a{key}b{other}") == "Token a{key}b{other}"


def test_an_unknown_placeholder_is_told_at_its_place_with_a_suggestion() -> None:
    [fault] = fill({"auth": {"value": "Token {api_kye}"}}, {"api_key": "x"}).faults
    assert fault.path == ("auth", "value")
    assert fault.message == "{api_kye} is no parameter; did you mean {api_key}?"


def test_an_unknown_placeholder_of_nothing_near_lists_what_there_is() -> None:
    [fault] = fill(["{zzz}"], {"api_key": "x"}, later=("survey",)).faults
    assert fault.path == (0,)
    assert "known: api_key, survey" in fault.message


def test_what_is_known_later_stays_unless_there_is_a_value() -> None:
    assert fill("/{survey}/{app}", {"app": 5}, later=("survey",)).value == "/{survey}/5"
    assert fill("a.{q:key}", {"q": "x y"}, later=("q",)).value == 'a."x y"'
    assert fill("a.{q:key}", {"q": None}, later=("q",)).value == "a.{q:key}"


def test_a_list_inside_a_text_is_told() -> None:
    [fault] = fill({"path": "/{surveys}"}, {"surveys": ["1"]}).faults
    assert fault.message == "{surveys} is a list: it has to stand alone"


def test_braces_of_json_and_of_jmespath_are_left_alone() -> None:
    for text in ("{a: b, c: d}", "[].{id: id}", '{"a": 1}', "{ surveys { id } }"):
        assert filled(text) == text


@given(st.text())
def test_any_value_is_one_name_or_one_text_of_an_expression(value: str) -> None:
    assert jmespath.search(filled_now("{a:text}", {"a": value}), {}) == value
    assert jmespath.search(filled_now("{a:key}.x", {"a": value}), {value: {"x": 1}}) == 1
    rows = {"rows": [{"k": value, "v": 5}]}
    assert jmespath.search(filled_now("rows[?k=={a:text}] | [0].v", {"a": value}), rows) == 5


@given(st.text())
def test_any_value_stays_within_its_segment_of_a_path(value: str) -> None:
    path = filled_path("/people/{key}/answers", {"key": value})
    assert path.count("/") == 3
    assert not set(path) & set("?# ")


def test_names_are_found_everywhere_and_expressions_can_be_checked_before_they_are_filled() -> None:
    assert set(names_in({"a": ["{x}", {"b": "{y:key} {z:text}"}], "n": 1})) == {"x", "y", "z"}
    assert as_if_filled("a.{q:key} == {v:text}") == 'a."x" == `"x"`'
