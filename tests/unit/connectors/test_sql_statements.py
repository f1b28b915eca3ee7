"""Statements as MySQL and MariaDB would get them: compiled, for no such server is at hand."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from builders_sql import Desk, change
from sql_town import MASTER, MERGES, SATELLITE, WIDE, sqlite_town
from sqlalchemy.dialects import mysql

from connectors.contract import Lookup
from connectors.sql import ddl
from connectors.sql.database import prepared
from connectors.sql.finding import Finder
from connectors.sql.problems import Meaning, problem_of, raised
from connectors.sql.tables import Shape
from connectors.sql.writing import Writer
from nps.errors import ConfigError
from nps.schema import FieldType


class _Nothing:
    """A result without rows, of a statement that changed one."""

    rowcount = 1

    def mappings(self) -> _Nothing:
        return self

    def all(self) -> list[Any]:
        return []

    def first(self) -> None:
        return None

    def scalar(self) -> None:
        return None


class Recorder:
    """A connection to MySQL that only reads the statements."""

    dialect = mysql.dialect()  # type: ignore[no-untyped-call]

    def __init__(self) -> None:
        self.statements: list[str] = []

    def execute(self, statement: Any, values: Any = None) -> _Nothing:
        self.statements.append(" ".join(str(statement.compile(dialect=self.dialect)).split()))
        return _Nothing()


class _Written:
    """Runs a transaction's work on the recorder."""

    def __init__(self, at: Recorder) -> None:
        self._at = at

    def write(self, doing: str, work: Any) -> Any:
        return work(self._at)


@pytest.fixture
def mysql_at() -> Recorder:
    return Recorder()


def shapes(tmp_path: Path, *statements: str, **table: Any) -> Iterator[Shape]:
    with sqlite_town(tmp_path, *statements) as town:
        desk = Desk(town.url, **table)
        yield desk.to._master.shape("customer")
        desk.close()


@pytest.fixture
def wide(tmp_path: Path) -> Iterator[Shape]:
    yield from shapes(tmp_path, WIDE, MERGES, guard="nps_answered_at", merges={})


@pytest.fixture
def satellite(tmp_path: Path) -> Iterator[Shape]:
    yield from shapes(tmp_path, MASTER, SATELLITE, mode="satellite")


def test_a_guarded_update(wide: Shape, mysql_at: Recorder) -> None:
    desk_change = change("1", nps_score=9, nps_answered_at="2026-03-02T10:00:00Z")
    assert list(Writer(_Written(mysql_at), wide, None, None).outcomes([desk_change]))  # type: ignore[arg-type]
    assert mysql_at.statements[-1] == (
        "UPDATE customer SET nps_score=%s, nps_answered_at=%s WHERE customer.customer_key = %s "
        "AND (customer.nps_answered_at IS NULL OR customer.nps_answered_at <= %s)"
    )


def test_a_lookup_in_lower_case_and_over_merges(wide: Shape, mysql_at: Recorder) -> None:
    finder = Finder(mysql_at, wide, None, None)  # type: ignore[arg-type]
    finder.find([Lookup("email", "email", ["Jo@acme.example"])], ["nps_score"], {})
    finder.get(["1"], ["nps_score"], {"tier": ["gold", None]})
    assert mysql_at.statements[0] == (
        "SELECT customer.customer_key AS npsync_key, customer.email AS npsync_held FROM customer "
        "WHERE lower(customer.email) IN (__[POSTCOMPILE_lower_1]) AND customer.customer_key IS NOT NULL LIMIT %s"
    )
    assert "FROM customer_merge WHERE customer_merge.from_key IN" in mysql_at.statements[1]
    assert "(customer.tier IN (__[POSTCOMPILE_tier_1]) OR customer.tier IS NULL)" in mysql_at.statements[-1]


def test_a_row_of_our_table_beside_the_masters(satellite: Shape, mysql_at: Recorder) -> None:
    Finder(mysql_at, satellite, None, None).get(["1"], ["nps_score", "name"], {})  # type: ignore[arg-type]
    assert (
        "LEFT OUTER JOIN nps_customer ON nps_customer.customer_key = customer.customer_key"
        in (mysql_at.statements[-1])
    )


def test_what_an_administrator_would_run(wide: Shape) -> None:
    dialect = mysql.dialect()  # type: ignore[no-untyped-call]
    added = ddl.add_column(dialect, wide.master.table, "nps at", FieldType.DATETIME)
    assert added == "ALTER TABLE customer ADD COLUMN `nps at` DATETIME"
    assert ddl.unique_index(dialect, wide.key) == (
        "CREATE UNIQUE INDEX ix_customer_customer_key ON customer (customer_key)"
    )


@pytest.mark.parametrize(
    ("number", "meaning"),
    [
        (1205, Meaning.BUSY),
        (1213, Meaning.BUSY),
        (1045, Meaning.ACCESS),
        (1142, Meaning.ACCESS),
        (2006, Meaning.DOWN),
        (3024, Meaning.SLOW),
        (1146, Meaning.WRONG),
    ],
)
def test_mysqls_errors_say_who_has_to_do_something(number: int, meaning: Meaning) -> None:
    from sqlalchemy.exc import OperationalError

    error = OperationalError("UPDATE …", {}, Exception(number, "said the server"))  # type: ignore[no-untyped-call]
    assert problem_of(error).meaning is meaning


@pytest.mark.parametrize(
    ("number", "text", "said", "field"),
    [
        (1062, "Duplicate entry 'ann@acme.example' for key 'customer.email'", "(customer.email)", None),
        (1062, "Duplicate entry 'ann for key 'x'\n2' for key 'email'", "already (email)", None),
        (1366, "Incorrect integer value: 'ann' for column 'nps_score' at row 1", "(nps_score)", "nps_score"),
        (1366, "Incorrect integer value: 'ann' for column `a`.`b`.`nps_score` at row 1", "(nps_score)", "nps_score"),
        (1048, "Column 'name' cannot be null", "must not be empty (name)", "name"),
        (1452, "a foreign key fails (`a`.`b`, CONSTRAINT `tier` FOREIGN KEY …)", "key refuses it (tier)", None),
        (3819, "Check constraint 'score_range' is violated.", "a check constraint refuses it (score_range)", None),
        (1644, "ann@acme.example is closed", "a trigger refuses it", None),
        (1292, "Truncated incorrect DOUBLE value: 'ann'", "value: …", None),
        (1064, "You have an error in your SQL syntax near 'ann@acme.example' at line 1", "near …", None),
    ],
)  # fmt: skip
def test_what_mysql_says_of_a_row_is_told_without_its_values(
    number: int, text: str, said: str, field: str | None
) -> None:
    from sqlalchemy.exc import OperationalError

    problem = problem_of(OperationalError("UPDATE …", {}, Exception(number, text)))  # type: ignore[no-untyped-call]
    assert said in problem.said
    assert problem.field == field
    assert problem.code == str(number)
    assert "ann" not in problem.said


def test_a_driver_that_is_not_known_has_nothing_of_a_row_told() -> None:
    from sqlalchemy.exc import IntegrityError

    told = Exception({"C": "23505", "D": "Key (email)=(ann@acme.example) already exists."})
    problem = problem_of(IntegrityError("UPDATE …", {}, told))  # type: ignore[no-untyped-call]
    assert (problem.code, problem.said) == ("refused", "the database refuses the row")


def test_a_check_of_mysql_refuses_one_row() -> None:
    from sqlalchemy.exc import IntegrityError, OperationalError

    broken = IntegrityError("UPDATE …", {}, Exception(1062, "Duplicate entry"))  # type: ignore[no-untyped-call]
    violated = OperationalError("UPDATE …", {}, Exception(3819, "Check constraint"))  # type: ignore[no-untyped-call]
    assert problem_of(broken).meaning is problem_of(violated).meaning is Meaning.ROW


def test_a_server_that_is_not_there_is_told_in_one_line_with_what_to_look_at() -> None:
    from sqlalchemy.exc import OperationalError

    said = 'connection to server at "db", port 5432 failed: Connection refused\n\tIs the server running?'
    problem = problem_of(OperationalError("SELECT 1", {}, Exception(said)))  # type: ignore[no-untyped-call]
    assert str(raised(problem, "master", "describe customer")) == (
        'master: describe customer: connection to server at "db", port 5432 failed: Connection refused '
        "(connection_failed). Does it run, and are host and port in url right?"
    )


@pytest.mark.parametrize("scheme", ["mysql", "mariadb"])
def test_an_address_without_a_driver_is_read_by_the_one_we_compile_for(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pymysql", None)
    with pytest.raises(ConfigError, match='pip install "pymysql"'):
        Desk(f"{scheme}://npsync@db.acme.example/crm").to.describe("customer")


@pytest.mark.parametrize(
    ("version", "limit"),
    [("8.0.36", "max_execution_time = 60000"), ("10.11.6-MariaDB-1", "max_statement_time = 60")],
)
def test_a_session_is_in_utc_and_sees_what_others_commit_on_mysql_and_mariadb(
    version: str, limit: str
) -> None:
    said: list[str] = []

    class Server:
        def cursor(self) -> Server:
            return self

        def execute(self, statement: str) -> None:
            said.append(statement)

        def fetchone(self) -> tuple[str]:
            return (version,)

        def close(self) -> None: ...

        def commit(self) -> None: ...

    engine: Any = SimpleNamespace(dialect=SimpleNamespace(name="mysql"))
    prepared(engine, timedelta(minutes=1))(Server(), None)
    assert any(limit in one for one in said)
    assert "SET SESSION time_zone = '+00:00'" in said
    assert "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED" in said
