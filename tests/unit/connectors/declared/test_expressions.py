"""Expressions of a description: what they find, and what is said of wrong ones."""

from __future__ import annotations

from typing import Any

import jmespath
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.declared.expressions import BadExpression, NotForThis, compiled, first_of, holds

ROW = {
    "id": 9007199254740993,
    "contact": {"email": "ann@acme.com", "attributes": {"customer-id": "007"}},
    "answers": [{"type": "text", "text": "fine"}, {"type": "nps", "number": 0}],
    "tags": [],
}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("id", 9007199254740993),
        ("contact.email", "ann@acme.com"),
        ('contact.attributes."customer-id"', "007"),
        ("answers[?type=='nps'] | [0].number", 0),
        ("answers[0].text", "fine"),
        ("contact.email.deeper", None),
        ("nowhere.at.all", None),
        ("@", ROW),
        ("length(answers)", 2),
    ],
)
def test_a_path_finds_what_is_there_and_nothing_where_nothing_is(text: str, found: object) -> None:
    assert compiled(text)(ROW) == found


def test_a_path_over_something_that_is_no_object_finds_nothing() -> None:
    assert compiled("a.b")([1, 2]) is None
    assert compiled("a.b")(None) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a..b", '"a..b" is no JMESPath: it goes wrong at character 3'),
        ("answers[", '"answers[" is no JMESPath: it ends too early'),
        ("answers.0.value", "write [0] instead of .0"),
        ("answers[0].value.0", "write [0] instead of .0"),
        ("type = 'nps'", "it goes wrong at character 6; equal is written =="),
        ("customer-id", 'a name with a hyphen stands in double quotes: "my-key"'),
        ("", "is empty"),
        ("lower(email)", "calls lower(), which JMESPath does not have"),
        ("length(a, b)", "gives length() 2 values; it takes 1"),
        ("a || " * 1000 + "a", "is longer than 4000 characters"),
    ],
)
def test_what_is_no_expression_is_told_with_the_place_in_it(text: str, told: str) -> None:
    with pytest.raises(BadExpression) as caught:
        compiled(text)
    assert told in str(caught.value)


def test_an_expression_that_does_not_fit_a_value_is_told_without_the_value() -> None:
    with pytest.raises(NotForThis) as caught:
        compiled("contains(contact, 'x')")(ROW)
    assert str(caught.value) == "\"contains(contact, 'x')\": contains() takes array or string, and got object"
    assert "acme" not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_value_that_python_cannot_work_with_does_not_fit_either() -> None:
    nested: object = "deep"
    for _ in range(5000):
        nested = [nested]
    for text, value in (("ceil(@)", float("inf")), ("to_string(@)", nested)):
        with pytest.raises(NotForThis):
            compiled(text)(value)


def test_of_several_paths_the_first_that_holds_something_counts_and_zero_is_something() -> None:
    assert first_of(["a", "b"])({"a": None, "b": 3}) == 3
    assert first_of(["a", "b"])({"a": "", "b": 3}) == 3
    assert first_of(["a", "b"])({"a": 0, "b": 3}) == 0
    assert first_of(["a", "b"])({"a": False, "b": 3}) is False
    assert first_of(["a", "b"])({}) is None


@pytest.mark.parametrize("value", [None, False, 0, "", [], {}])
def test_a_condition_is_not_true_of_what_is_empty(value: object) -> None:
    assert not holds(compiled("gone"), {"gone": value})


def test_a_condition_is_true_of_the_rest_and_none_is_never_true() -> None:
    assert holds(compiled("gone"), {"gone": "yes"})
    assert not holds(None, {"gone": "yes"})


STEPS = st.lists(st.sampled_from(["a", "b", '"c-d"', "[0]", "[1]", "[-1]"]), min_size=1, max_size=4)
WANTED = st.sampled_from(["'x'", "''", "`true`", "`false`", "`null`", "`1`", "`0`", "`1.0`", '`"x"`', "`[]`"])
PLAIN = st.none() | st.booleans() | st.sampled_from([0, 1, 1.0, 2, "", "x", "true"])
ROWS = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b", "c-d"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(steps=STEPS, compared=st.none() | st.tuples(st.sampled_from(["==", "!="]), WANTED), row=ROWS)
@example(steps=["a"], compared=("==", "`true`"), row={"a": 1})
@example(steps=["a"], compared=("!=", "`false`"), row={"a": 0})
@example(steps=["a", "[-1]", "b"], compared=None, row={"a": [{"b": 2}]})
def test_paths_and_conditions_that_skip_the_library_find_what_it_finds(
    steps: list[str], compared: tuple[str, str] | None, row: Any
) -> None:
    text = ".".join(steps).replace(".[", "[")
    text = text if compared is None else f"{text} {compared[0]} {compared[1]}"
    ours, theirs = compiled(text)(row), jmespath.search(text, row)
    assert (type(ours), ours) == (type(theirs), theirs)
