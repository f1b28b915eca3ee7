from __future__ import annotations

import logging
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from threading import Thread
from zoneinfo import ZoneInfo

import cel
import pytest
from builders_mapping import standing
from hypothesis import given
from hypothesis import strategies as st

from mapping.cel_text import ExpressionProblem, rewrite
from mapping.expressions import FUNCTIONS, Expressions
from nps.errors import RejectedError

NEW_YORK = ZoneInfo("America/New_York")
TREND = 'previous_score == null ? "new" : score > previous_score ? "up" : score < previous_score ? "down" : "same"'


def value(source: str, **person):
    expressions = Expressions(NEW_YORK)
    return expressions.value(expressions.compile(source), standing(**person))


def holds(source: str, **person) -> bool:
    expressions = Expressions(NEW_YORK)
    return expressions.holds(expressions.compile(source), standing(**person))


def refused(source: str) -> ExpressionProblem:
    with pytest.raises(ExpressionProblem) as caught:
        Expressions(NEW_YORK).compile(source)
    return caught.value


def rejected(source: str, **person) -> RejectedError:
    with pytest.raises(RejectedError) as caught:
        value(source, **person)
    return caught.value


# ---------------------------------------------------------------- words that can never be


@pytest.mark.parametrize(
    ("source", "name", "word"),
    [
        ('segment == "detracter"', "segment", "detracter"),
        ("score < 7 || !('Detractor' == segment)", "segment", "Detractor"),
        ('previous_segment != "detracters"', "previous_segment", "detracters"),
        ('segment in ["promoter", " detractor"]', "segment", " detractor"),
        ('(segment) == ("detracter") ? 1 : 2', "segment", "detracter"),
        ('segment(previous_score) == "detracter"', "segment()", "detracter"),
        ('lower(trim(segment)) == r"DETRACTOR"', "segment", "DETRACTOR"),
    ],
)
def test_a_segment_compared_with_a_word_it_can_never_be_is_refused(source, name, word):
    problem = refused(source)
    assert problem.code == "never_that_word"
    assert str(problem) == (
        f'{name} is promoter, passive or detractor, never "{word}"; did you mean "detractor"?'
    )


def test_a_word_that_is_close_to_no_segment_gets_the_three_and_no_suggestion():
    assert str(refused('segment == "red"')) == 'segment is promoter, passive or detractor, never "red"'


@pytest.mark.parametrize(
    "source",
    [
        'segment == "detractor" && previous_segment != "promoter"',
        "segment in ['passive', \"detractor\", null]",
        "segment == null",
        "segment != previous_segment",
        'coalesce(segment, "none") == "none"',
        'segment in [coalesce(comment, "x", "y")]',
        'record.segment == "gold"',
        'properties["segment"] == "enterprise"',
        'record.Tier__c + segment == "golddetractor"',
        '(segment == "detractor" ? "low" : "high") == "low"',
        'comment == "detracter"',
    ],
)
def test_what_a_segment_can_be_and_what_is_no_segment_is_left_alone(source):
    Expressions(NEW_YORK).compile(source)


# ---------------------------------------------------------------- null


@pytest.mark.parametrize(
    ("previous", "trend"), [(None, "new"), (8, "up"), (9, "same"), (10, "down"), (0, "up")]
)
def test_designs_trend_works_for_a_first_answer_too(previous, trend):
    assert value(TREND, previous_score=previous) == trend


@pytest.mark.parametrize("sign", ["<", "<=", ">", ">="])
def test_an_ordering_with_null_is_false_on_either_side(sign):
    assert not holds(f"score {sign} previous_score")
    assert not holds(f"previous_score {sign} score")
    assert not holds(f"previous_score {sign} null")


def test_since_it_is_false_its_opposite_is_true():
    assert holds("!(score > previous_score)")
    assert value('score > previous_score ? "up" : "not up"') == "not up"


def test_equality_takes_null_as_a_value():
    assert holds("previous_score == null")
    assert holds('record.Role__c != "Executive"')
    assert holds("record.A == record.B")
    assert not holds('record.Role__c == "Executive"')


@pytest.mark.parametrize(
    "source",
    [
        'record.Email.endsWith("@acme.com")',
        "comment.contains(record.Name)",
        '"vip" in record.Tags',
        "record.Flag",
        "record.Flag && true",
        "previous_score + 1 > 0",
        "previous_score - score < 0",
        "previous_score > 3 || record.Flag",
        'event.Case.Priority.startsWith("H")',
        "properties.a.b.c > 1",
        "account.Amount * 2.0 > 10.0",
    ],
)
def test_a_condition_over_missing_values_is_false_and_never_fails(source):
    assert holds(source) is False


def test_arithmetic_with_null_is_null():
    assert value("score - previous_score") is None
    assert value("-previous_score") is None
    assert value("(previous_score + 1) * 2") is None
    assert value('"Dear " + record.Name') is None
    assert value("double(previous_score) / 2.0") is None


def test_a_choice_takes_the_second_branch_on_null():
    assert value("record.Flag ? 1 : 2") == 2


# ---------------------------------------------------------------- the rest of the language stays CEL's


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("10 - 3 - 2", 5),
        ("20 / 2 / 5", 2),
        ("7 % 4", 3),
        ("-5 % 3", -2),
        ("--5", 5),
        ("!!true", True),
        ("true || false && false", True),
        ("(true || false) && false", False),
        ("1 < 2 == true", True),
        ("true ? 1 : false ? 2 : 3", 1),
        ("false ? 1 : false ? 2 : 3", 3),
        ("9 == 9.0", True),
        ('"9" == 9', False),
        ("score in [8, 9]", True),
        ("0x1F", 31),
        ("1e3", 1000.0),
        (r'"a\"b" + r"\d" + ' + r"'it\'s'", "a\"b\\dit's"),
        ("// a remark\n score", 9),
        ('string(score) + "/10"', "9/10"),
        ('"==" + "&&"', "==&&"),
    ],
)
def test_precedence_types_and_literals(source, result):
    assert value(source) == result


arithmetic = st.recursive(
    st.sampled_from(["1", "2", "3", "score"]),
    lambda inner: st.one_of(
        st.builds("{} {} {}".format, inner, st.sampled_from(["+", "-", "*"]), inner),
        st.builds("({})".format, inner),
        st.builds("-{}".format, inner),
    ),
    max_leaves=12,
)
conditions = st.recursive(
    st.builds("{} {} {}".format, arithmetic, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), arithmetic),
    lambda inner: st.one_of(
        st.builds("{} {} {}".format, inner, st.sampled_from(["&&", "||"]), inner),
        st.builds("({})".format, inner),
        st.builds("!({})".format, inner),
        st.builds("({}) ? ({}) : ({})".format, inner, inner, inner),
    ),
    max_leaves=6,
)


@given(conditions)
def test_without_nulls_the_rewritten_expression_says_what_the_library_says(source):
    assert value(source) == cel.evaluate(source, {"score": 9})


# ---------------------------------------------------------------- refused at load


@pytest.mark.parametrize(
    ("source", "code", "hint"),
    [
        ("scroe > 3", "unknown_name", 'did you mean "score"?'),
        ("record", "unknown_name", "record.Name"),
        ("score.x", "unknown_name", "score"),
        ("lwoer(comment)", "unknown_function", 'did you mean "lower"?'),
        ("size(comment)", "unknown_function", "len(x)"),
        ("has(record.Name)", "unknown_function", "x != null"),
        ("comment.foo()", "unknown_function", "startsWith"),
        ("type(score)", "unknown_function", "known"),
        ("score = 3", "bad_expression", "=="),
        ("score !== 3", "bad_expression", "!== at character 7: write != to compare"),
        ("score === 3", "bad_expression", "=== at character 7: write == to compare"),
        ("score & 1", "bad_expression", "&&"),
        ("score >", "bad_expression", "end"),
        ("score 3", "bad_expression", "character 7"),
        ('"open', "bad_expression", "closing quote"),
        ("", "bad_expression", "end"),
        ("`x`", "bad_expression", "cannot read"),
        ("{'a': 1}", "bad_expression", "cannot read"),
        ("9223372036854775808", "bad_expression", "invalid int"),
        ("len()", "bad_expression", "takes 1"),
        ("lower(comment, 2)", "bad_expression", "takes 1"),
        ('lower("x").y', "bad_expression", "only a name"),
        ("record[segment]", "dynamic_index", "quotes"),
        ("properties.tags[score]", "dynamic_index", "whole number"),
        ("properties.tags[-1]", "dynamic_index", "whole number"),
        ('comment.matches("(")', "bad_pattern", "unclosed group"),
        ("comment.matches(record.Pattern)", "bad_pattern", "quotes"),
        ("(" * 40 + "1" + ")" * 40, "too_deep", "split"),
        ("score > 1 || " * 200 + "true", "too_long", "1000"),
    ],
)
def test_a_wrong_expression_is_refused_with_the_next_step(source, code, hint):
    problem = refused(source)
    assert problem.code == code
    assert hint in str(problem)


def test_asking_for_null_over_and_over_cannot_blow_up_a_short_expression():
    nested = "previous_score"
    for _ in range(20):
        nested = f"(({nested}) > 1 ? previous_score : answers) + 1"
    assert refused(nested).code in ("too_long", "too_deep")
    assert refused("properties.a" + "[0]" * 60).code == "too_long"


LONG_CHAINS = [
    "1" + " + 1" * 240,
    "!" * 900 + "true",
    "-" * 900 + "1",
    "1" + " < 1" * 240,
    "true" + " || true" * 100,
]


@pytest.mark.parametrize("source", LONG_CHAINS)
def test_long_chains_do_not_exhaust_the_parser(source):
    with suppress(ExpressionProblem, RejectedError):
        value(source)


@pytest.mark.parametrize("macro", ["all", "exists", "exists_one", "map", "filter"])
def test_macros_are_refused_wherever_they_hide(macro):
    assert refused(f"properties.list.{macro}(x, x > 1)").code == "macro"
    assert refused(f"[1, 2] . {macro} (x, true)").code == "macro"


def test_a_macro_cannot_hide_behind_the_backslash_that_ends_a_raw_text():
    assert value(r'r"\"') == "\\"
    assert refused(r'r"\" + string([1].map(score, score)[0]) + "\""').code == "macro"


def test_a_macro_in_quotes_is_only_text():
    assert value('".map(x, x)"') == ".map(x, x)"
    assert value("comment == '.exists('", comment=".exists(") is True


@given(st.text("abcscore0123456789.()[]\"'&|!<>=+-*/%?:, \n", max_size=40))
def test_whatever_is_written_is_an_expression_or_a_problem(source):
    with suppress(ExpressionProblem):
        Expressions(NEW_YORK).compile(source)


@given(conditions)
def test_the_library_only_ever_sees_our_variables_and_helpers(source):
    references = cel.compile(rewrite(source, {}).text).references()
    assert all(name.startswith("v") and name[1:].isdigit() for name in references["variables"])


def test_paths_are_collected_each_once_and_quoted_names_are_paths():
    expressions = Expressions(NEW_YORK)
    compiled = expressions.compile(
        'record.Name == record.Name && record["Owner Name"] == account.Tier__c && score > 1'
    )
    assert compiled.names == ("record.Name", "record.Owner Name", "account.Tier__c", "score")


# ---------------------------------------------------------------- values in


def test_a_dotted_field_of_the_crm_is_one_field():
    assert value("record.Owner.Name", record={"Owner.Name": "Bo"}) == "Bo"


def test_nested_properties_and_list_items_are_null_tolerant():
    properties = {"plan": {"name": "Pro"}, "tags": ["a"]}
    assert value("properties.plan.name", properties=properties) == "Pro"
    assert value("properties.tags[0]", properties=properties) == "a"
    assert value("properties.tags[7]", properties=properties) is None
    assert value("properties.tags[0]") is None


def test_a_decimal_counts_as_a_decimal_number():
    assert value("record.Amount * 1.5", record={"Amount": Decimal("3")}) == 4.5


def test_a_date_is_the_start_of_its_day_in_the_business_zone():
    record = {"Day": date(2026, 3, 2)}
    at_midnight = datetime(2026, 3, 2, 5, tzinfo=UTC)
    assert holds("record.Day == answered_at", record=record, answered_at=at_midnight)
    assert not holds("record.Day < answered_at", record=record, answered_at=at_midnight)


def test_times_compare_as_moments():
    assert holds('answered_at > timestamp("2025-01-01T00:00:00Z")')
    assert holds("answered_at - invited_at > duration('1h')", invited_at=datetime(2026, 3, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("live", "code"),
    [(datetime(2026, 3, 2), "naive_datetime"), (2**63, "number_too_large"), ({"a": 1}, "not_a_value")],  # noqa: DTZ001
)
def test_what_the_library_would_bend_is_rejected_by_name(live, code):
    error = rejected("record.X == null", record={"X": live})
    assert (error.code, error.field) == (code, "record.X")


# ---------------------------------------------------------------- helpers


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers())))
def test_helpers_never_raise(anything):
    for helper in FUNCTIONS.values():
        helper(anything)


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("lower(comment)", None),
        ("trim(comment)", None),
        ("len(comment)", 0),
        ("coalesce(comment, record.X, 'none')", "none"),
        ("coalesce(comment, record.X)", None),
        ("segment(previous_score)", None),
        ("segment(7)", "passive"),
        ("segment(11)", None),
        ('lower("GRÜN ")', "grün "),
        ('trim("  x ")', "x"),
        ('len("héllo")', 5),
        ("len(properties.tags)", 0),
    ],
)
def test_helpers_are_null_safe_and_count_characters(source, result):
    assert value(source) == result


# ---------------------------------------------------------------- failing on one answer


@pytest.mark.parametrize(
    ("source", "person"),
    [
        ("score * 1.5", {}),
        ("comment > 3", {"comment": "secret words"}),
        ("int(comment)", {"comment": "secret words"}),
        ("score / 0", {}),
        ("9223372036854775807 + score", {}),
        ("answered_at - answered_at", {}),
        ("[score]", {}),
        ("timestamp(comment) == null", {"comment": "secret words"}),
        ("1e308 * 10.0", {}),
    ],
)
def test_a_failing_expression_rejects_the_answer_without_repeating_its_words(source, person):
    error = rejected(source, **person)
    assert error.code == "expression_failed"
    assert "secret" not in str(error)
    assert error.__cause__ is None
    assert error.__context__ is None


def test_mixing_whole_and_decimal_numbers_names_the_way_out():
    assert "double(score)" in str(rejected("score * 1.5"))
    assert value("double(score) * 1.5") == 13.5


def test_a_condition_must_be_true_or_false():
    with pytest.raises(RejectedError, match="true or false"):
        holds("score")


def test_the_librarys_logger_says_nothing(caplog):
    with caplog.at_level(logging.DEBUG):
        rejected("int(comment)", comment="secret words")
    assert caplog.text == ""


# ---------------------------------------------------------------- one person after the other


def test_no_value_of_one_person_is_left_for_the_next():
    expressions = Expressions(NEW_YORK)
    compiled = expressions.compile("comment")
    assert expressions.value(compiled, standing(comment="first")) == "first"
    assert expressions.value(compiled, standing()) is None


def test_a_person_that_cannot_be_loaded_leaves_nothing_behind():
    expressions = Expressions(NEW_YORK)
    compiled = expressions.compile("record.X")
    broken = standing(record={"X": 2**70})
    for _ in range(2):
        with pytest.raises(RejectedError):
            expressions.value(compiled, broken)
    assert expressions.value(compiled, standing(record={"X": 1})) == 1


def test_an_expression_compiled_later_finds_its_values_too():
    expressions, person = Expressions(NEW_YORK), standing(comment="hello")
    assert expressions.value(expressions.compile("score"), person) == 9
    assert expressions.value(expressions.compile("comment"), person) == "hello"


def test_threads_do_not_see_each_others_person():
    expressions = Expressions(NEW_YORK)
    compiled = expressions.compile("score * 10 + answers")
    wrong: list[tuple[object, int]] = []

    def work(number: int) -> None:
        for score in range(11):
            said = expressions.value(compiled, standing(score, answers=number))
            if said != score * 10 + number:
                wrong.append((said, number))

    threads = [Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
