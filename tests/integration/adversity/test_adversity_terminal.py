"""The command line on awkward terminals: old encodings, readers that go away, folders in the place of files."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from cli_process import ROOT, Npsync

_NPSYNC = f'{shlex.quote(sys.executable)} -c "from npsync.cli import main; main()"'
_EXPORTS = """\
store: sqlite:///npsync.db
connections:
  exports:
    type: file
    path: answers.csv
    columns: {score: score, answered_at: at, email: email}
  crm:
    type: salesforce
    login_host: acme.my.salesforce.com
    base_url: http://127.0.0.1:9
    auth: {flow: client_credentials, client_id: an-id, client_secret: a-secret}
people:
  crm: {object: Contact, match: [{response: email, record: Email}]}
surveys:
  relationship: {metric: nps, kind: relationship, at: [exports]}
sync:
  contacts:
    every: 1 hours
    survey: relationship
    to: crm
    fields: {NPS_Score__c: score}
    tests:
      - {name: "neun → gut, ein schöner Name", given: {score: 9}, expect: {NPS_Score__c: 9}}
"""


@pytest.fixture
def npsync(tmp_path: Path) -> Npsync:
    (tmp_path / "npsync.yaml").write_text(_EXPORTS, encoding="utf-8")
    return Npsync(tmp_path, {"PYTHONPATH": str(ROOT)})


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_terminal_without_arrows_still_shows_everything(npsync: Npsync, encoding: str):
    ended = _in_a_shell(npsync, f"PYTHONIOENCODING={encoding} {_NPSYNC} test")

    assert ended.returncode == 0, ended.stderr
    assert rb"neun \u2192 gut" in ended.stdout


def test_json_is_json_in_every_encoding(npsync: Npsync):
    told = npsync.with_env(PYTHONIOENCODING="ascii")("test", "--json")

    assert told.json["tests"][0]["name"] == "neun → gut, ein schöner Name"


@pytest.mark.parametrize("command", ["db dump", "schema", "connectors --json"])
def test_a_reader_that_goes_away_is_no_failure(npsync: Npsync, command: str):
    # `true` reads nothing at all, so that the first line already finds nobody.
    ended = _in_a_shell(npsync, f"{_NPSYNC} {command} | true; echo ${{PIPESTATUS[0]}}")

    assert ended.stdout == b"0\n"
    assert ended.stderr == b""


@pytest.mark.parametrize(
    ("out", "said"), [(".", "is a folder"), ("nowhere/plan", "is no folder this user can")]
)
def test_a_plan_that_could_not_be_kept_is_not_even_made(npsync: Npsync, out: str, said: str):
    told = npsync("plan", "contacts", "--out", out, exits=2).err

    assert said in told
    assert "Traceback" not in told


def test_a_folder_is_no_reviewed_plan(npsync: Npsync):
    told = npsync("run", "contacts", "--plan", ".", exits=2).err

    assert "cannot be read" in told
    assert "npsync plan contacts --out" in told


def test_a_backup_into_no_folder_names_the_folder(npsync: Npsync):
    told = npsync("db", "backup", "nowhere/copy.db", exits=2).err

    assert told.strip() == "cannot write nowhere/copy.db: No such file or directory"


def test_a_refused_configuration_is_still_one_json_object(npsync: Npsync):
    (npsync.folder / "npsync.yaml").write_text("sync: [ä", encoding="latin-1")

    told = npsync.with_env(PYTHONIOENCODING="ascii")("check", "--json", "--offline", exits=2)

    assert json.loads(told.out)["problems"]


def _in_a_shell(npsync: Npsync, line: str) -> subprocess.CompletedProcess[bytes]:
    env = {"PATH": "/usr/bin:/bin", **npsync.env}
    return subprocess.run(["bash", "-c", line], cwd=npsync.folder, env=env, capture_output=True, timeout=60)
