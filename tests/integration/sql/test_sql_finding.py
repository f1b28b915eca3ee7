"""How customers are found: by a column, in lower case, through the crosswalk, over merges; and what is read of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from builders_sql import Desk
from sql_town import MERGES, WIDE, SqlTown, sqlite_town

from connectors.contract import Lookup
from nps.errors import ConfigError

AddDesk = Callable[..., Desk]

XREF = """CREATE TABLE customer_xref (source_system text NOT NULL, source_id text NOT NULL,
    customer_key {plain} NOT NULL, valid_from {moment}, valid_to {moment})"""


def people(town: SqlTown, *emails: str | None) -> None:
    for key, email in enumerate(emails, start=1):
        town.execute(
            "INSERT INTO customer (customer_key, email, name) VALUES (:key, :email, 'x')",
            key=key,
            email=email,
        )


# ---------------------------------------------------------------- by a column


def test_an_email_is_found_in_any_case_and_anything_else_as_it_stands(town: SqlTown, desk: AddDesk) -> None:
    town.created(WIDE)
    people(town, "Jo@Acme.example", "ann@acme.example")
    opened = desk()
    assert opened.found("email", "jo@acme.example", "ANN@acme.example", kind="email") == [
        ("ANN@acme.example", "2"),
        ("jo@acme.example", "1"),
    ]
    assert opened.found("email", "jo@acme.example", kind="external_id") == []


def test_a_normalised_column_is_asked_in_its_place(town: SqlTown, desk: AddDesk) -> None:
    town.created(WIDE.replace("email text", "email text, email_norm text"))
    people(town, "Jo <JO@acme.example>")
    town.execute("UPDATE customer SET email_norm = 'jo@acme.example'")
    opened = desk(match={"email": {"column": "email_norm", "expression": "exact"}})
    assert opened.found("email", "jo@acme.example", "JO@acme.example", kind="email") == [
        ("jo@acme.example", "1")
    ]


def test_the_yaml_decides_about_upper_and_lower_case(town: SqlTown, desk: AddDesk) -> None:
    town.created(WIDE)
    people(town, "Jo@acme.example")
    assert (
        desk(match={"email": {"expression": "exact"}}).found("email", "jo@acme.example", kind="email") == []
    )
    assert desk(match={"name": {"expression": "lower"}}).found("name", "X") == [("X", "1")]


def test_what_a_database_calls_equal_is_compared_once_more(tmp_path: Path) -> None:
    """SQLite's NOCASE stands for all collations that ignore case."""
    with sqlite_town(
        tmp_path, "CREATE TABLE customer (customer_key integer PRIMARY KEY, ref text COLLATE NOCASE)"
    ) as town:
        town.execute("INSERT INTO customer VALUES (1, 'abc'), (2, 'ABC')")
        opened = Desk(town.url)
        assert opened.found("ref", "ABC") == [("ABC", "2")]
        assert [record.id for record in opened.get("1", "2", fields=[], ref="abc")] == ["1"]
        assert [one.id for page in opened.to.records("customer", [], {"ref": "abc"}) for one in page] == ["1"]
        opened.close()


def test_ids_are_exact_007_is_not_7(town: SqlTown, desk: AddDesk) -> None:
    town.created(WIDE)
    people(town, *[None] * 7)
    opened = desk()
    assert opened.found("customer_key", "007", "7", " 7", "7.0", "seven", str(10**30)) == [("7", "7")]
    assert [record.id for record in opened.get("007", "7")] == ["7"]


def test_a_thousand_values_are_asked_in_chunks(town: SqlTown, desk: AddDesk) -> None:
    town.created(WIDE).people(1_200)
    opened = desk()
    emails = [f"person{number}@town.example" for number in range(1_200)]
    opened.to.describe("customer")
    before = opened.calls.count
    assert len(opened.found("email", *emails, kind="email")) == 1_200
    assert opened.calls.count == before + 1  # one transaction


def test_a_column_that_tells_nobody_apart_is_no_key(town: SqlTown, desk: AddDesk) -> None:
    town.created(WIDE)
    series = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20001) "
        "INSERT INTO customer (customer_key, name, tier) SELECT i, 'x', 'gold' FROM n"
    )
    town.execute(series)
    with pytest.raises(ConfigError, match="tier is no key of customer"):
        desk().found("tier", "gold")


# ---------------------------------------------------------------- the crosswalk


def xref(
    town: SqlTown, system: str, id: str, key: int, since: str | None = None, until: str | None = None
) -> None:
    town.execute(
        "INSERT INTO customer_xref VALUES (:system, :id, :key, "
        + ("cast(:since AS timestamptz), cast(:until AS timestamptz))" if on_server(town) else ":since, :until)"),
        system=system, id=id, key=key, since=since, until=until,
    )  # fmt: skip


def on_server(town: SqlTown) -> bool:
    return bool(town.engine.dialect.name == "postgresql")


def test_other_systems_ids_lead_to_the_customer(town: SqlTown, desk: AddDesk) -> None:
    town.created(WIDE, XREF)
    people(town, None, None)
    xref(town, "salesforce", "003A", 1)
    xref(town, "hubspot", "003A", 2)
    opened = desk(crosswalk={"fields": {"sf_id": "salesforce", "hub_id": "hubspot"}})
    assert opened.found("sf_id", "003A", "003B") == [("003A", "1")]
    assert opened.found("hub_id", "003A") == [("003A", "2")]
    known = opened.to.describe("customer").fields["sf_id"]
    assert not known.writable
    assert {record.id: record.fields for record in opened.get("1", "2", fields=["sf_id"])} == {
        "1": {"sf_id": "003A"},
        "2": {"sf_id": None},
    }


def test_a_row_of_the_crosswalk_counts_while_it_is_valid(town: SqlTown, desk: AddDesk) -> None:
    town.created(WIDE, XREF)
    people(town, None, None, None)
    crosswalk = {"fields": {"sf_id": "salesforce"}, "valid_from": "valid_from", "valid_to": "valid_to"}
    opened = desk(crosswalk=crosswalk)
    now = opened.clock.now()
    yesterday, tomorrow = ((now + timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S") for days in (-1, 1))
    xref(town, "salesforce", "A", 1, yesterday, tomorrow)
    xref(town, "salesforce", "B", 2, None, yesterday)
    xref(town, "salesforce", "C", 3, tomorrow, None)
    assert opened.found("sf_id", "A", "B", "C") == [("A", "1")]


def test_a_customer_is_no_audience_by_an_id_elsewhere(town: SqlTown, desk: AddDesk) -> None:
    town.created(WIDE, XREF)
    opened = desk(crosswalk={"fields": {"sf_id": "salesforce"}})
    with pytest.raises(ConfigError, match="sf_id is an id in the crosswalk"):
        list(opened.to.records("customer", [], {"sf_id": "A"}))


# ---------------------------------------------------------------- merges


def test_merges_are_followed_to_the_last_survivor(town: SqlTown, desk: AddDesk) -> None:
    town.created(WIDE, MERGES)
    people(town, "old@acme.example", "newer@acme.example", "last@acme.example")
    town.execute("INSERT INTO customer_merge VALUES (1, 2), (2, 3)")
    opened = desk(merges={})
    assert opened.found("email", "old@acme.example", kind="email") == [("old@acme.example", "3")]
    for asked in ("1", "2", "3"):
        [record] = opened.get(asked)
        assert (record.id, record.merged) == ("3", ("1", "2"))
    assert {record.id for page in opened.to.records("customer", [], {}) for record in page} == {"3"}


def test_a_survivor_is_told_even_where_the_merged_row_is_gone(town: SqlTown, desk: AddDesk) -> None:
    town.created(WIDE, MERGES)
    people(town, None, None)
    town.execute("INSERT INTO customer_merge VALUES (1, 2)")
    town.execute("DELETE FROM customer WHERE customer_key = 1")
    [record] = desk(merges={}).get("1")
    assert (record.id, record.merged) == ("2", ("1",))


def test_merges_in_a_circle_lead_nowhere_and_are_told(town: SqlTown, desk: AddDesk) -> None:
    town.created(WIDE, MERGES)
    people(town, "a@acme.example", "b@acme.example", "c@acme.example")
    town.execute("INSERT INTO customer_merge VALUES (1, 2), (2, 1)")
    opened = desk(merges={"hops": 3})
    assert opened.get("1", "2") == []
    assert [record.id for record in opened.get("1", "3")] == ["3"]
    assert opened.notices[0] == ("sql_merges_lead_nowhere", {"count": 2, "hops": 3})


def test_as_many_merges_are_followed_as_the_yaml_says(town: SqlTown, desk: AddDesk) -> None:
    town.created(WIDE, MERGES)
    people(town, None, None, None, None)
    town.execute("INSERT INTO customer_merge VALUES (1, 2), (2, 3), (3, 4)")
    assert [record.id for record in desk(merges={"hops": 3}).get("1")] == ["4"]
    assert desk(merges={"hops": 2}).get("1") == []


# ---------------------------------------------------------------- an audience


def test_everybody_comes_once_whatever_changes_between_the_pages(town: SqlTown, desk: AddDesk) -> None:
    town.created(WIDE).people(2_500)
    pages = desk().to.records("customer", ["name"], {})
    first = next(pages)
    town.execute("DELETE FROM customer WHERE customer_key < 1500")
    town.execute("INSERT INTO customer (customer_key, name) VALUES (1, 'late')")
    rest = [record.id for page in pages for record in page]
    ids = [record.id for record in first] + rest
    assert len(ids) == len(set(ids)) == 2_500


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        ({"tier": "gold"}, {"1"}),
        ({"tier": ["gold", None]}, {"1", "3"}),
        ({"tier": None}, {"3"}),
        ({"nps_score": 0}, {"2"}),
        ({"nps_score": "many"}, set()),
        ({"tier": []}, set()),
        ({"tier": "GOLD"}, set()),
        ({"nps_answered_at": "2026-03-02T10:00:00Z"}, {"1"}),
    ],
)
def test_only_is_asked_of_the_database(
    town: SqlTown, desk: AddDesk, only: dict[str, object], expected: set[str]
) -> None:
    town.created(WIDE)
    people(town, None, None, None)
    town.execute(
        "UPDATE customer SET tier = 'gold', nps_answered_at = '2026-03-02 10:00:00' WHERE customer_key = 1"
    )
    town.execute("UPDATE customer SET tier = 'iron', nps_score = 0 WHERE customer_key = 2")
    pages = desk().to.records("customer", [], only)  # type: ignore[arg-type]
    assert {record.id for page in pages for record in page} == expected


def test_a_column_that_does_not_exist_is_named_with_the_nearest(town: SqlTown, desk: AddDesk) -> None:
    town.created(WIDE)
    with pytest.raises(ConfigError, match=r'no column "emial".*did you mean "email"'):
        desk().to.find("customer", [Lookup("emial", "email", ["a@acme.example"])], [], {})


def test_a_table_that_does_not_exist_is_named_with_the_nearest(town: SqlTown, desk: AddDesk) -> None:
    town.created(WIDE)
    with pytest.raises(ConfigError, match=r'no table or view "custmer".*did you mean "customer"'):
        desk().to.describe("custmer")
