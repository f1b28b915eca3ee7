"""`npsync provision` of a SQL master: the statements for whoever may change tables. npsync runs none of them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from npsync.cli import main

FILE = """\
connections:
  master: {type: sql, url: "sqlite:///master.db", tables: {customer: {key: id}}}
  mail: {type: wootric, client_id: a, client_secret: b}
people:
  master: {object: customer, match: [{response: email, record: email}]}
surveys:
  nps: {at: [mail]}
sync:
  a:
    every: 15 minutes
    survey: nps
    to: master
    fields:
      nps_score: score
      nps_day: {from: answered_at, as: date}
      "odd name": comment
"""


def test_what_a_table_lacks_is_told_as_statements_that_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "npsync.yaml").write_text(FILE)
    master = sqlite3.connect(tmp_path / "master.db")
    master.execute("CREATE TABLE customer (id integer PRIMARY KEY, email text, nps_score date)")
    master.commit()

    def provisioned() -> tuple[int, str]:
        with pytest.raises(SystemExit) as left:
            main(["provision", "--apply"])
        return int(left.value.code or 0), capsys.readouterr().out

    code, out = provisioned()
    assert code == 3
    assert "x customer.nps_score: it is there as a date, and a whole number is wanted" in out
    assert "somebody who may runs these statements" in out
    statements = [line.strip() for line in out.splitlines() if "ALTER TABLE" in line]
    assert len(statements) == 2
    assert [row[1] for row in master.execute("PRAGMA table_info(customer)")] == ["id", "email", "nps_score"]

    for statement in [*statements, "ALTER TABLE customer DROP COLUMN nps_score"]:
        master.execute(statement)
    master.execute("ALTER TABLE customer ADD COLUMN nps_score integer")
    master.commit()
    code, out = provisioned()
    assert code == 0
    assert "3 there already" in out
    assert "Nothing to create" in out
    master.close()
