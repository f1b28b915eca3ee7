"""The SOQL the toy understands, and what it refuses."""

from datetime import UTC, date, datetime

import pytest

from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.soql import All, Any_, Comparison, Membership, Not, Order, Text, like, parse


def test_a_query_becomes_its_parts():
    query = parse(
        "SELECT Id, Account.Name FROM Contact WHERE Email = 'a@b.co' ORDER BY Name DESC, Id LIMIT 5 OFFSET 2"
    )
    assert query.columns == ("Id", "Account.Name")
    assert query.object == "Contact"
    assert query.where == Comparison("Email", "=", Text("a@b.co"))
    assert query.order == (Order("Name", descending=True), Order("Id"))
    assert (query.limit, query.offset) == (5, 2)


def test_keywords_may_be_written_in_any_case_and_begin_a_field_name():
    query = parse(
        "select Order__c, Industry from Contact where Android__c = null order by Limit__c nulls last"
    )
    assert query.columns == ("Order__c", "Industry")
    assert query.where == Comparison("Android__c", "=", None)
    assert query.order == (Order("Limit__c", nulls_last=True),)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("-4.5", -4.5),
        ("2026-01-02", date(2026, 1, 2)),
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05+02:00", datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)),
    ],
)
def test_literals_have_types(written, value):
    assert parse(f"SELECT Id FROM Contact WHERE X__c = {written}").where == Comparison("X__c", "=", value)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (r"O\'Brien", "O'Brien"),
        (r"a\\b", "a\\b"),
        (r"two\nlines", "two\nlines"),
        (r"\"q\"", '"q"'),
        ("IN (1)", "IN (1)"),
    ],
)
def test_escapes_in_strings_are_read(written, value):
    where = parse(f"SELECT Id FROM Contact WHERE LastName = '{written}'").where
    assert isinstance(where, Comparison)
    assert isinstance(where.value, Text)
    assert where.value.value == value


def test_conditions_nest():
    text = "SELECT Id FROM C WHERE (A IN ('x','y') OR B NOT IN (1)) AND NOT (D__c = 2 AND E LIKE 'z%') AND F != true"
    assert parse(text).where == All(
        (
            Any_((Membership("A", (Text("x"), Text("y")), True), Membership("B", (1.0,), False))),
            Not(All((Comparison("D__c", "=", 2.0), Comparison("E", "like", Text("z%"))))),
            Comparison("F", "!=", True),
        )
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SELECT FROM Contact",
        "SELECT Id Contact",
        "SELECT Id FROM Contact WHERE",
        "SELECT Id FROM Contact WHERE A = 1 AND B = 2 OR C = 3",  # the real one wants parentheses too
        "SELECT Id FROM Contact WHERE A IN ()",
        "SELECT Id FROM Contact WHERE A = 'it's'",
        r"SELECT Id FROM Contact WHERE A = 'bad \q escape'",
        "SELECT Id FROM Contact WHERE A = 2026-13-01",
        "SELECT Id FROM Contact WHERE A = 1; DELETE",
        f"SELECT Id FROM Contact WHERE A = '{'x' * 4001}'",
        f"SELECT Id FROM Contact WHERE A IN ({','.join(['1'] * 60_000)})",
    ],
)
def test_what_is_not_soql_is_refused(text):
    with pytest.raises(ApiError) as refused:
        parse(text)
    assert (refused.value.status, refused.value.code) == (400, "MALFORMED_QUERY")


def test_like_knows_its_wildcards_and_their_escapes():
    assert like("a%_c").fullmatch("AxxBc")
    assert not like(r"100\%").fullmatch("1000")
    assert like(r"100\%").fullmatch("100%")
