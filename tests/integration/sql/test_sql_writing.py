"""What is written to a customer master, what is left alone, and what is said of each row."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from builders_sql import Desk, change
from sql_town import MASTER, MERGES, SATELLITE, WIDE, SqlTown, sqlite_town
from sqlalchemy import event

from connectors.sql.database import TRIES, Database
from nps.changes import Batch, Cause, Deferred, Outcome, Rejected, Unknown, Written
from nps.errors import AccessError, ConfigError

AddDesk = Callable[..., Desk]
MONDAY, TUESDAY = "2026-03-02T10:00:00Z", "2026-03-03T10:00:00Z"


def add(town: SqlTown, key: int, **values: object) -> str:
    names = {"customer_key": key, "name": f"Customer {key}", **values}
    columns, marks = ", ".join(names), ", ".join(f":{name}" for name in names)
    town.execute(f"INSERT INTO customer ({columns}) VALUES ({marks})", **names)
    return str(key)


def test_an_older_answer_never_replaces_a_newer_one_and_is_no_failure(town: SqlTown, desk: AddDesk) -> None:
    town.created(WIDE)
    guarded = desk(guard="nps_answered_at")
    ann = add(town, 1)
    newer, older = (
        change(ann, nps_score=score, nps_answered_at=at) for score, at in ((9, TUESDAY), (2, MONDAY))
    )
    assert guarded.write(newer) == [Written(ann)]
    [outcome] = guarded.write(older)
    assert isinstance(outcome, Deferred)
    assert not outcome.tried
    assert guarded.shown(ann) == 9
    assert guarded.write(newer) == [Written(ann)]  # the same again is no older than itself


def test_a_stale_answer_and_a_missing_row_are_told_apart(town: SqlTown, desk: AddDesk) -> None:
    town.created(WIDE)
    guarded = desk(guard="nps_answered_at")
    add(town, 1)
    guarded.write(change("1", nps_score=9, nps_answered_at=TUESDAY))
    stale, missing = guarded.write(*(change(id, nps_score=2, nps_answered_at=MONDAY) for id in ("1", "2")))
    assert isinstance(stale, Deferred)
    assert isinstance(missing, Rejected)
    assert missing.cause is Cause.GONE


@pytest.mark.parametrize("taking_back", [{"undoes": 7}, {"response": None}])
def test_an_undo_and_a_clearing_pass_the_guard(
    town: SqlTown, desk: AddDesk, taking_back: dict[str, int | None]
) -> None:
    town.created(WIDE)
    guarded = desk(guard="nps_answered_at")
    add(town, 1)
    guarded.write(change("1", nps_score=9, nps_answered_at=TUESDAY))
    assert guarded.write(change("1", nps_score=2, nps_answered_at=MONDAY, **taking_back)) == [Written("1")]
    assert guarded.shown("1", "nps_answered_at") == MONDAY


def test_a_key_that_names_two_rows_changes_neither(town: SqlTown, desk: AddDesk) -> None:
    town.execute("CREATE TABLE customer (no text, nps_score integer)")
    for no in ("A", "B", "B"):
        town.execute("INSERT INTO customer (no) VALUES (:no)", no=no)
    opened = desk(key="no")
    good, bad = opened.write(change("A", nps_score=9), change("B", nps_score=9))
    assert good == Written("A")
    assert isinstance(bad, Rejected)
    assert bad.code == "key_not_unique"
    scores = town.execute("SELECT nps_score FROM customer ORDER BY no")
    assert [row["nps_score"] for row in scores] == [9, None, None]


def test_one_row_that_is_refused_takes_no_other_with_it(town: SqlTown, desk: AddDesk) -> None:
    town.created(WIDE)
    opened = desk()
    ids = [add(town, key) for key in range(1, 301)]
    changes = [change(id, nps_score=99 if id == "150" else 9) for id in ids]
    outcomes = opened.write(*changes)
    assert [outcome.record_id for outcome in outcomes] == ids
    [refused] = [outcome for outcome in outcomes if outcome != Written(outcome.record_id)]
    assert isinstance(refused, Rejected)
    assert (refused.record_id, refused.cause) == ("150", Cause.RECORD)
    assert town.execute("SELECT count(*) AS n FROM customer WHERE nps_score = 9")[0]["n"] == 299
    assert opened.calls.count == 3  # the schema, all together, one by one


def test_a_row_that_a_deferred_constraint_refuses_takes_no_other_with_it(
    town: SqlTown, desk: AddDesk
) -> None:
    town.execute("CREATE TABLE score (value integer PRIMARY KEY)")
    town.execute("INSERT INTO score VALUES (9)")
    town.execute(
        "CREATE TABLE customer (customer_key integer PRIMARY KEY, "
        "nps_score integer REFERENCES score DEFERRABLE INITIALLY DEFERRED)"
    )
    ids = [str(key) for key in range(1, 21)]
    for id in ids:
        town.execute("INSERT INTO customer (customer_key) VALUES (:key)", key=int(id))
    outcomes = desk().write(*(change(id, nps_score=8 if id in ("3", "17") else 9) for id in ids))
    refused = [outcome for outcome in outcomes if outcome != Written(outcome.record_id)]
    assert [(one.record_id, isinstance(one, Rejected)) for one in refused] == [("3", True), ("17", True)]
    assert town.execute("SELECT count(*) AS n FROM customer WHERE nps_score = 9")[0]["n"] == 18


def test_what_ends_a_later_transaction_takes_no_earlier_one_back(
    town: SqlTown, desk: AddDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bad row is told apart in ever smaller transactions; the login is revoked after the first was confirmed."""
    town.execute("CREATE TABLE score (value integer PRIMARY KEY)")
    town.execute("INSERT INTO score VALUES (9)")
    town.execute(
        "CREATE TABLE customer (customer_key integer PRIMARY KEY, "
        "nps_score integer REFERENCES score DEFERRABLE INITIALLY DEFERRED)"
    )
    for key in range(1, 5):
        town.execute("INSERT INTO customer (customer_key) VALUES (:key)", key=key)
    confirmed = Database.write
    monkeypatch.setattr(Database, "write", lambda *given: revoked_after(confirmed(*given)))
    gone: list[object] = []

    def revoked_after(said: object) -> object:
        if gone:
            raise AccessError("revoked")
        gone.append(said)
        return said

    changes = tuple(change(str(key), nps_score=8 if key == 4 else 9) for key in range(1, 5))
    outcomes: list[Outcome] = []
    with pytest.raises(AccessError):
        outcomes.extend(desk().to.write(Batch(1, "customer", "transaction", changes), print))
    assert outcomes == [Written("1"), Written("2")]


def test_what_a_refusal_says_quotes_nothing_of_the_row(town: SqlTown, desk: AddDesk) -> None:
    town.created(WIDE)
    add(town, 1, email="secret@acme.example")
    [refused] = desk().write(change("1", nps_score=99))
    assert "secret@acme.example" not in repr(refused)


def test_the_same_batch_in_another_order_is_written_in_the_order_of_keys(
    town: SqlTown, desk: AddDesk
) -> None:
    """Two writers that lock rows in one order wait for each other, and neither for ever."""
    town.created(WIDE)
    ids = [add(town, key) for key in range(1, 41)]
    opened = desk()
    opened.to.describe("customer")
    outcomes: list[object] = []

    def write(order: list[str]) -> None:
        for score in range(10):
            outcomes.extend(opened.write(*(change(id, nps_score=score) for id in order)))

    threads = [threading.Thread(target=write, args=(order,)) for order in (ids, ids[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(isinstance(one, Written) for one in outcomes)
    assert len(outcomes) == 800
    assert opened.notices == []  # nobody had to be asked to try again


# ---------------------------------------------------------------- somebody else's hand


def test_a_deadlock_is_tried_again(on_postgres: SqlTown) -> None:
    """Somebody has the second row and then wants the first, which is ours by then: one of the two gives way."""
    town = on_postgres.created(WIDE)
    for key in (1, 2):
        add(town, key)
    opened = Desk(town.url)
    opened.to.describe("customer")
    with town.engine.connect() as other:
        other.exec_driver_sql("SET deadlock_timeout = '60s'")  # so that it is we who notice
        other.exec_driver_sql("UPDATE customer SET tier = 'x' WHERE customer_key = 2")
        backend = other.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        ours = threading.Thread(
            target=lambda: said.extend(opened.write(change("1", nps_score=9), change("2", nps_score=9)))
        )
        said: list[object] = []
        ours.start()
        while not town.execute(  # until we have the first row and wait for the second
            "SELECT 1 AS waits WHERE EXISTS (SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            "AND :backend = ANY (pg_blocking_pids(pid)))",
            backend=backend,
        ):
            pass
        other.exec_driver_sql("UPDATE customer SET tier = 'x' WHERE customer_key = 1")
        other.commit()
    ours.join()
    assert said == [Written("1"), Written("2")]
    assert {event for event, _ in opened.notices} == {"sql_tried_again"}
    opened.close()


def test_a_connection_that_breaks_while_it_confirms_leaves_it_open(on_postgres: SqlTown) -> None:
    town = on_postgres.created(WIDE)
    add(town, 1)
    opened = Desk(town.url)
    opened.to.describe("customer")
    town.fault("sql", "lost_reply")
    [outcome] = opened.write(change("1", nps_score=9))
    assert isinstance(outcome, Unknown)
    assert opened.shown("1") == 9  # it was written, which nobody could know
    opened.close()


def test_a_locked_file_is_waited_for_and_then_put_off(tmp_path: Path) -> None:
    with sqlite_town(tmp_path, WIDE) as town:
        add(town, 1)
        opened = Desk(f"{town.url}?timeout=0.01")
        opened.to.describe("customer")
        with town.engine.connect() as other:
            other.exec_driver_sql("BEGIN IMMEDIATE")
            other.exec_driver_sql("UPDATE customer SET tier = 'x'")
            [outcome] = opened.write(change("1", nps_score=9))
            other.commit()
        assert isinstance(outcome, Deferred)
        assert "locked" in outcome.reason
        assert len(opened.clock.slept) == TRIES - 1
        assert opened.write(change("1", nps_score=9)) == [Written("1")]
        opened.close()


def test_a_version_counts_and_nobodys_change_in_between_is_overwritten(town: SqlTown, desk: AddDesk) -> None:
    town.execute(
        "CREATE TABLE customer (customer_key integer PRIMARY KEY, nps_score integer, row_version integer)"
    )
    for key, version in ((1, 4), (2, None)):
        town.execute("INSERT INTO customer VALUES (:key, 1, :version)", key=key, version=version)
    opened = desk(version="row_version")
    assert not opened.to.describe("customer").fields["row_version"].writable
    assert opened.write(change("1", nps_score=9), change("2", nps_score=9)) == [Written("1"), Written("2")]
    rows = town.execute("SELECT nps_score, row_version FROM customer ORDER BY customer_key")
    assert [(row["nps_score"], row["row_version"]) for row in rows] == [(9, 5), (9, 1)]


def test_a_key_that_names_two_versions_changes_neither(town: SqlTown, desk: AddDesk) -> None:
    town.execute("CREATE TABLE customer (no text, nps_score integer, row_version integer)")
    for version in (1, 2):
        town.execute("INSERT INTO customer VALUES ('B', 1, :version)", version=version)
    [bad] = desk(key="no", version="row_version").write(change("B", nps_score=9))
    assert isinstance(bad, Rejected)
    assert bad.code == "key_not_unique"
    assert [row["nps_score"] for row in town.execute("SELECT nps_score FROM customer")] == [1, 1]


@pytest.mark.parametrize(("times", "expected"), [(1, "written"), (9, "put off")])
def test_a_row_that_somebody_changes_between_reading_and_writing_is_read_again(
    on_postgres: SqlTown, times: int, expected: str
) -> None:
    on_postgres.execute(
        "CREATE TABLE customer (customer_key integer PRIMARY KEY, nps_score integer, v integer)"
    )
    on_postgres.execute("INSERT INTO customer VALUES (1, 1, 4)")
    opened = Desk(on_postgres.url, version="v")
    left = [None] * times

    def somebody_is_faster(connection: object, cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("UPDATE") and left:
            left.pop()
            on_postgres.execute("UPDATE customer SET v = v + 1")

    event.listen(opened.to._master.database.engine, "before_cursor_execute", somebody_is_faster)
    [outcome] = opened.write(change("1", nps_score=9))
    assert isinstance(outcome, Written if expected == "written" else Deferred)
    [row] = on_postgres.execute("SELECT nps_score, v FROM customer")
    assert tuple(row.values()) == ((9, 6) if expected == "written" else (1, 7))
    opened.close()


# ---------------------------------------------------------------- a table of ours


def test_a_customers_first_row_is_made_in_our_table_and_never_in_theirs(town: SqlTown, desk: AddDesk) -> None:
    town.created(MASTER, SATELLITE)
    add(town, 1)
    ours = desk(mode="satellite", guard="nps_answered_at")
    known, nobody = ours.write(*(change(id, nps_score=9, nps_answered_at=MONDAY) for id in ("1", "2")))
    assert known == Written("1")
    assert isinstance(nobody, Rejected)
    assert nobody.cause is Cause.GONE
    assert [row["customer_key"] for row in town.execute("SELECT * FROM nps_customer")] == [1]
    assert [row["customer_key"] for row in town.execute("SELECT * FROM customer")] == [1]
    [stale] = ours.write(change("1", nps_score=2, nps_answered_at="2026-03-01T10:00:00Z"))
    assert isinstance(stale, Deferred)
    assert ours.shown("1") == 9


def test_nothing_to_clear_makes_no_row(town: SqlTown, desk: AddDesk) -> None:
    town.created(MASTER, SATELLITE)
    add(town, 1)
    assert desk(mode="satellite").write(change("1", nps_score=None)) == [Written("1")]
    assert town.execute("SELECT * FROM nps_customer") == []


def test_a_row_our_table_refuses_is_refused_with_its_reason(town: SqlTown, desk: AddDesk) -> None:
    town.created(MASTER, SATELLITE)
    add(town, 1)
    add(town, 2)
    good, bad = desk(mode="satellite").write(change("1", nps_score=9), change("2", nps_score=99))
    assert good == Written("1")
    assert isinstance(bad, Rejected)


@pytest.mark.parametrize(
    ("told", "code", "said"),
    [
        ("own", "23505", "another row has the value already (own_email)"),
        ("short", "22001", "the value is too long for its column"),
        ("raises", "P0001", "a trigger refuses it"),
        ("pretends", "23514", "a trigger refuses it"),
    ],
)
def test_a_refusal_of_postgresql_is_told_without_the_rows_values(
    on_postgres: SqlTown, told: str, code: str, said: str
) -> None:
    on_postgres.execute(
        "CREATE TABLE customer (customer_key integer PRIMARY KEY, short varchar(3), raises text, pretends text, "
        "own text CONSTRAINT own_email UNIQUE)"
    )
    on_postgres.execute(
        "INSERT INTO customer VALUES (1, '', '', '', 'ann@acme.example'), (2, '', '', '', '')"
    )
    on_postgres.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF NEW.raises <> '' THEN RAISE EXCEPTION 'not %', NEW.raises; END IF; "
        "IF NEW.pretends <> '' THEN RAISE EXCEPTION 'not %', NEW.pretends USING ERRCODE = '23514'; END IF; "
        "RETURN NEW; END $$"
    )
    on_postgres.execute(
        "CREATE TRIGGER refuses BEFORE UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    opened = Desk(on_postgres.url)
    [outcome] = opened.write(change("2", **{told: "ann@acme.example"}))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.message) == (code, said)
    opened.close()


def test_the_masters_columns_are_read_and_not_written(town: SqlTown, desk: AddDesk) -> None:
    town.created(MASTER, SATELLITE)
    add(town, 1, tier="gold")
    ours = desk(mode="satellite")
    fields = ours.to.describe("customer").fields
    assert not fields["tier"].writable
    assert fields["nps_score"].writable
    assert ours.shown("1", "tier") == "gold"
    with pytest.raises(ConfigError, match="tier is not written"):
        ours.write(change("1", tier="silver"))


def test_columns_that_both_tables_have_are_told_apart(town: SqlTown, desk: AddDesk) -> None:
    town.execute("CREATE TABLE customer (customer_key integer PRIMARY KEY, updated_by text)")
    town.execute(
        "CREATE TABLE nps_customer (customer_key integer PRIMARY KEY, updated_by text, nps_score integer)"
    )
    town.execute("INSERT INTO customer VALUES (1, 'them')")
    ours = desk(mode="satellite")
    assert ours.write(change("1", **{"nps_customer.updated_by": "us"})) == [Written("1")]
    [record] = ours.get("1", fields=["updated_by", "nps_customer.updated_by"])
    assert record.fields == {"updated_by": "them", "nps_customer.updated_by": "us"}


def test_our_tables_key_may_be_called_otherwise(town: SqlTown, desk: AddDesk) -> None:
    town.created(MASTER)
    town.execute("CREATE TABLE nps (customer integer PRIMARY KEY, nps_score integer)")
    add(town, 1)
    ours = desk(mode="satellite", satellite="nps", satellite_key="customer")
    assert ours.write(change("1", nps_score=9)) == [Written("1")]
    assert ours.shown("1") == 9


# ---------------------------------------------------------------- merges


def test_who_was_merged_since_is_planned_again_and_not_written(town: SqlTown, desk: AddDesk) -> None:
    town.created(WIDE, MERGES)
    for key in (1, 2):
        add(town, key)
    opened = desk(merges={})
    town.execute("INSERT INTO customer_merge VALUES (1, 2)")
    [outcome] = opened.write(change("1", nps_score=9))
    assert isinstance(outcome, Deferred)
    assert town.execute("SELECT count(*) AS n FROM customer WHERE nps_score = 9")[0]["n"] == 0


def test_a_view_is_written_through_where_the_database_allows_it(town: SqlTown) -> None:
    town.created(WIDE)
    add(town, 1)
    town.execute("CREATE VIEW vip AS SELECT customer_key, nps_score FROM customer")
    opened = Desk(town.url, connection={"tables": {"vip": {"key": "customer_key"}}})
    writable = opened.to.describe("vip").writable
    assert writable is (town.engine.dialect.name == "postgresql")
    opened.close()


def test_a_view_without_a_named_key_is_a_matter_of_configuration(town: SqlTown, desk: AddDesk) -> None:
    town.created(WIDE)
    town.execute("CREATE VIEW vip AS SELECT customer_key, nps_score FROM customer")
    with pytest.raises(ConfigError, match="say which column names a customer"):
        desk().to.describe("vip")
