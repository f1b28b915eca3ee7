"""What the login may do, what is missing in the tables, and what no message ever shows."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from builders_sql import Desk, change
from sql_town import MASTER, MERGES, SATELLITE, WIDE, SqlTown
from sqlalchemy import Connection

from connectors.contract import Grant, Needs, Verdict
from connectors.sql import CONNECTOR
from nps.changes import Cause, Rejected
from nps.errors import AccessError, ConfigError, NpsyncError, UnavailableError
from nps.schema import FieldType

AddDesk = Callable[..., Desk]
SECRET = "s3cr%40t-pa55"

NEEDS = Needs(
    read={"customer": frozenset({"email", "nps_score"})},
    write={"customer": frozenset({"nps_score", "nps_trend", "nps_at"})},
    types={"customer": {"nps_trend": FieldType.TEXT, "nps_at": FieldType.DATETIME}},
)
_roles = count(1)
LIMITS = ("statement_timeout", "lock_timeout", "TimeZone")


def told(grants: list[Grant]) -> dict[str, Verdict]:
    return {grant.permission: grant.verdict for grant in grants}


@pytest.fixture
def login(on_postgres: SqlTown) -> Iterator[Callable[[str], Desk]]:
    """A login of its own in the town, with these grants: `login("SELECT ON customer")`."""
    role = f"clerk_{next(_roles)}"
    on_postgres.execute(f"CREATE ROLE {role} LOGIN")
    on_postgres.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
    opened: list[Desk] = []

    def granted(*grants: str, **table: object) -> Desk:
        for grant in grants:
            on_postgres.execute(f"GRANT {grant} TO {role}")
        opened.append(Desk(on_postgres.url.replace("postgres@", f"{role}:{SECRET}@"), **table))
        return opened[-1]

    yield granted
    for desk in opened:
        desk.close()
    on_postgres.execute(f"DROP OWNED BY {role}")
    on_postgres.execute(f"DROP ROLE {role}")


def test_a_login_that_may_do_exactly_what_is_needed(on_postgres: SqlTown, login: Callable[..., Desk]) -> None:
    on_postgres.created(WIDE, MERGES)
    clerk = login(
        "SELECT (customer_key, email, nps_score), UPDATE (nps_score) ON customer",
        "SELECT ON customer_merge",
        merges={},
    )
    needs = Needs(read={"customer": frozenset({"email"})}, write={"customer": frozenset({"nps_score"})})
    assert set(told(clerk.to.access(needs)).values()) == {Verdict.OK}
    on_postgres.execute("INSERT INTO customer (customer_key, name) VALUES (1, 'x')")
    assert clerk.write(change("1", nps_score=9))
    assert clerk.shown("1") == 9


def test_a_column_that_may_not_be_written_is_named(on_postgres: SqlTown, login: Callable[..., Desk]) -> None:
    on_postgres.created(WIDE)
    clerk = login("SELECT ON customer", "UPDATE (nps_score) ON customer", "DELETE ON customer")
    needs = Needs(write={"customer": frozenset({"nps_score", "nps_comment"})})
    found = told(clerk.to.access(needs))
    assert found["UPDATE on customer: nps_score"] is Verdict.OK
    assert found["UPDATE on customer: nps_comment"] is Verdict.MISSING
    assert found["DELETE on customer"] is Verdict.EXCESS
    with pytest.raises(AccessError, match="npsync connect master"):
        clerk.write(change("1", nps_comment="x"))


def test_a_policy_on_rows_refuses_one_row(on_postgres: SqlTown, login: Callable[..., Desk]) -> None:
    on_postgres.created(WIDE)
    for key in (1, 2):
        on_postgres.execute("INSERT INTO customer (customer_key, name) VALUES (:key, 'x')", key=key)
    on_postgres.execute("ALTER TABLE customer ENABLE ROW LEVEL SECURITY")
    on_postgres.execute("CREATE POLICY p ON customer USING (true) WITH CHECK (customer_key = 1)")
    clerk = login("SELECT, UPDATE ON customer")
    good, bad = clerk.write(change("1", nps_score=9), change("2", nps_score=9))
    assert good.record_id == "1"
    assert isinstance(bad, Rejected)
    assert bad.cause is Cause.PERMISSION


def test_what_a_table_lacks_is_told_as_the_statement_and_never_run(town: SqlTown, desk: AddDesk) -> None:
    town.created(WIDE)
    opened = desk(guard="nps_answered_at")
    grants = {grant.permission: grant for grant in opened.to.access(NEEDS)}
    column = grants["column nps_at of customer"]
    assert column.verdict is Verdict.MISSING
    kind = "DATETIME" if town.engine.dialect.name == "sqlite" else "TIMESTAMP WITH TIME ZONE"
    assert f"ALTER TABLE customer ADD COLUMN nps_at {kind}" in column.detail
    assert grants["guard nps_answered_at"].verdict is Verdict.MISSING
    assert "nps_answered_at: answered_at" in grants["guard nps_answered_at"].detail
    assert "nps_at" not in opened.to.describe("customer").fields


def test_our_own_table_is_told_whole_where_it_is_missing(town: SqlTown, desk: AddDesk) -> None:
    town.created(MASTER)
    [grant] = desk(mode="satellite").to.access(NEEDS)
    assert grant.verdict is Verdict.MISSING
    statement = grant.detail.partition("To create it: ")[2]
    assert "nps_trend TEXT" in statement
    with pytest.raises(ConfigError, match="no table or view"):
        desk(mode="satellite").to.describe("customer")
    town.execute(statement)  # as an administrator would
    found = told(desk(mode="satellite").to.access(NEEDS))
    assert found["unique key nps_customer.customer_key"] is Verdict.OK
    assert found["INSERT on nps_customer"] is Verdict.OK


def test_a_key_without_a_unique_index_is_missing_one(town: SqlTown, desk: AddDesk) -> None:
    town.execute("CREATE TABLE customer (no text, email text, nps_score integer)")
    needs = Needs(write={"customer": frozenset({"nps_score"})})
    [key] = [one for one in desk(key="no").to.access(needs) if one.permission == "unique key customer.no"]
    assert key.verdict is Verdict.MISSING
    town.execute(key.detail.partition("To add it: ")[2])
    assert told(desk(key="no").to.access(needs))["unique key customer.no"] is Verdict.OK


def test_testing_changes_nothing(town: SqlTown, desk: AddDesk) -> None:
    town.created(MASTER, SATELLITE)
    town.execute("INSERT INTO customer (customer_key, name) VALUES (1, 'x')")
    before = [town.execute(f"SELECT * FROM {table}") for table in ("customer", "nps_customer")]
    desk(mode="satellite").to.access(
        Needs(read={"customer": frozenset({"email"})}, write={"customer": frozenset({"nps_score"})})
    )
    assert [town.execute(f"SELECT * FROM {table}") for table in ("customer", "nps_customer")] == before


def test_what_to_grant_is_known_without_asking() -> None:
    settings = CONNECTOR.settings.model_validate(
        {"url": "postgresql://db/crm", "tables": {"customer": {"mode": "satellite", "merges": {}}}}
    )
    assert CONNECTOR.grants(settings, NEEDS) == [
        "SELECT on customer: its key and email",
        "SELECT, INSERT and UPDATE on nps_customer (our own table)",
        "SELECT on customer_merge",
    ]


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize(
    ("url", "error"),
    [
        (f"postgresql://npsync:{SECRET}@127.0.0.1:9/crm", UnavailableError),
        (f"sqlite:///nowhere-{SECRET}/customers.db", ConfigError),
        (f"nosuchbase://npsync:{SECRET}@db.acme.com/crm", ConfigError),
        (f"mysql+pymysql://npsync:{SECRET}@db.acme.com/crm", ConfigError),
        (f"postgresql://npsync:{SECRET}@db.acme.com:port/crm", ConfigError),
    ],
)
def test_no_message_shows_the_login(url: str, error: type[NpsyncError]) -> None:
    with pytest.raises(error) as caught:
        Desk(url).to.describe("customer")
    shown = "".join(traceback.format_exception(caught.value))
    if not url.startswith("sqlite"):
        assert SECRET not in shown
        assert "s3cr@t-pa55" not in shown


def test_settings_never_show_the_url() -> None:
    settings = CONNECTOR.settings.model_validate({"url": f"postgresql://npsync:{SECRET}@db.acme.com/crm"})
    assert SECRET not in repr(settings) + str(settings.model_dump())


def test_every_session_has_its_limits_and_counts_in_utc(on_postgres: SqlTown) -> None:
    opened = Desk(on_postgres.url, connection={"statement_timeout": "2 minutes"})
    with opened.to._master.database.engine.connect() as session:
        said = {name: session.exec_driver_sql(f"SHOW {name}").scalar() for name in LIMITS}
    assert said == {"statement_timeout": "2min", "lock_timeout": "10s", "TimeZone": "UTC"}
    opened.close()


def test_a_statement_that_took_too_long_says_so(on_postgres: SqlTown) -> None:
    on_postgres.execute("CREATE TABLE customer (customer_key integer PRIMARY KEY, nps_score integer)")
    opened = Desk(on_postgres.url)
    with pytest.raises(UnavailableError, match=r"57014.*longer than statement_timeout"):
        opened.to._master.database.read("read customer", _too_slow)
    opened.close()


def _too_slow(at: Connection) -> None:
    at.exec_driver_sql("SET LOCAL statement_timeout = 20")
    at.exec_driver_sql("SELECT pg_sleep(5)")


def test_no_file_is_created(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="npsync creates none"):
        Desk(f"sqlite:///{tmp_path / 'customers.db'}")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "customers.db").write_text("no database, " * 100)
    with pytest.raises(UnavailableError, match="file is not a database"):
        Desk(f"sqlite:///{tmp_path / 'customers.db'}").to.describe("customer")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"key": "no_such"}, 'key: customer has no column "no_such"'),
        ({"guard": "no_such"}, 'guard: customer has no column "no_such"'),
        ({"guard": "email"}, "guard: customer.email holds no time"),
        ({"version": "email"}, "version: customer.email holds no whole number"),
        ({"match": {"email": {"column": "emial"}}}, 'did you mean "email"'),
        ({"crosswalk": {"fields": {"sf": "salesforce"}}}, 'no table or view "customer_xref"'),
        ({"merges": {"from_key": "old"}}, 'customer_merge has no column "old"'),
    ],
)
def test_settings_that_do_not_fit_the_tables_are_told(
    town: SqlTown, desk: AddDesk, table: dict[str, object], message: str
) -> None:
    town.created(WIDE, MERGES)
    with pytest.raises(ConfigError, match=message):
        desk(**table).to.describe("customer")
