from __future__ import annotations

from datetime import datetime

from mapping.lint import problems_of_expression, problems_of_fields, problems_of_tests
from mapping.problems import Problem
from mapping.spec import FieldMapping, FieldTest


def fields(**given) -> dict[str, FieldMapping]:
    return {name: FieldMapping.model_validate(value) for name, value in given.items()}


def told(problems: list[Problem]) -> list[tuple[tuple[str | int, ...], str]]:
    return [(problem.path, problem.code) for problem in problems]


def test_all_problems_come_at_once_each_with_its_place():
    problems = problems_of_fields(
        fields(
            A={"expr": "scroe > 3"},
            B={"template": "{nobody}"},
            C="score",
            D={"expr": "lwoer(comment)"},
            E={"from": "score", "truncate": 3},
            F={"from": "channel", "truncate": 3, "as": "date"},
            G={"expr": "properties.x.map(y, y)"},
        ),
        where="score = 3",
    )
    assert told(problems) == [
        (("where",), "bad_expression"),
        (("fields", "A", "expr"), "unknown_name"),
        (("fields", "B", "template"), "unknown_name"),
        (("fields", "D", "expr"), "unknown_function"),
        (("fields", "E", "truncate"), "truncate_needs_text"),
        (("fields", "F", "truncate"), "truncate_needs_text"),
        (("fields", "G", "expr"), "macro"),
    ]
    assert 'did you mean "score"?' in problems[1].message


def test_what_is_right_has_no_problem():
    right = fields(
        A="score", B={"from": "comment", "truncate": 255}, C={"from": "score", "as": "text", "truncate": 1},
        D={"template": "{score}/10"}, E={"expr": "score > previous_score"},
    )  # fmt: skip
    assert problems_of_fields(right, 'segment == "promoter"') == []


def test_a_time_without_a_zone_is_found_at_load():
    naive = datetime(2026, 3, 2, 12)  # noqa: DTZ001
    problems = problems_of_fields(fields(A={"value": naive}, B={"from": "channel", "map": {"x": naive}}))
    assert told(problems) == [
        (("fields", "A", "value"), "naive_datetime"),
        (("fields", "B", "map", "x"), "naive_datetime"),
    ]
    assert problems_of_fields(fields(A={"value": "2026-03-02"})) == []


def test_one_expression_anywhere():
    assert told(problems_of_expression("nope(score)", ("through", 0, "when"))) == [
        (("through", 0, "when"), "unknown_function")
    ]
    assert problems_of_expression('record.Role__c == "Executive"', ("when",)) == []


def test_tests_name_things_that_exist():
    tests = [
        FieldTest(name="ok", given={"score": 9, "record": {"Any": 1}, "record.X": 1}, expect={"A": 9}),
        FieldTest(name="wrong", given={"scroe": 9}, expect={"AA": 9, "Zzz": 1}),
    ]
    problems = problems_of_tests(tests, fields(A="score"))
    assert told(problems) == [
        (("tests", 1, "given", "scroe"), "unknown_name"),
        (("tests", 1, "expect", "AA"), "unknown_field"),
        (("tests", 1, "expect", "Zzz"), "unknown_field"),
    ]
    assert 'did you mean "A"?' in problems[1].message
