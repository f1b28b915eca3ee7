"""The commands up to the first run, as a person or a machine calls them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from builders_config import ENV, yaml

from npsync.cli import COMMANDS, main, output
from npsync.config import secrets


@pytest.fixture
def npsync(tmp_path, monkeypatch, capsys):
    """Runs one command in an empty folder and gives (exit code, what it printed, what it complained)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NPSYNC_CONFIG", raising=False)
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)

    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        printed = capsys.readouterr()
        return left.value.code or 0, printed.out, printed.err

    return run


def test_help_imports_nothing_heavy():
    code = (
        "import sys, npsync.cli as c; c.application();"
        "heavy = {'pydantic', 'sqlalchemy', 'sqlmodel', 'ruamel', 'requests', 'hubspot', 'simple_salesforce',"
        " 'alembic', 'apscheduler', 'cel', 'phonenumbers', 'starlette', 'structlog', 'msgspec',"
        " 'zoneinfo'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_a_bug_is_loud_but_tells_no_secret(capsys):
    secrets.register("s3cret-of-a-bug")
    try:
        raise RuntimeError("called with s3cret-of-a-bug")
    except RuntimeError as error:
        output.tell_bug(type(error), error, error.__traceback__)
    complained = capsys.readouterr().err
    assert "RuntimeError: called with ***" in complained
    assert "bug in npsync" in complained
    assert "s3cret-of-a-bug" not in complained


def test_help_names_every_command(npsync):
    code, out, _ = npsync("--help")
    assert code == 0
    assert all(f" {command} " in out for command, _, _ in COMMANDS)


def test_the_version_is_told_without_a_command(npsync):
    from importlib.metadata import version

    assert npsync("--version")[:2] == (0, f"{version('npsync')}\n")


def test_a_wrong_option_is_a_usage_error(npsync):
    assert npsync("check", "--ofline")[0] == 2
    assert npsync("chek")[0] == 2


def test_init_writes_a_file_that_passes_the_check(npsync, tmp_path):
    code, out, _ = npsync("init")
    assert code == 0
    assert "SF_ID" in out
    assert npsync("check", "--offline")[0] == 0
    assert npsync("test")[0] == 0


def test_init_takes_the_connectors_it_is_given(npsync, tmp_path):
    npsync("init", "--connector", "file", "--connector", "hubspot", "other.yaml")
    text = (tmp_path / "other.yaml").read_text()
    assert "type: file" in text
    assert "type: hubspot" in text
    assert "salesforce" not in text


def test_init_takes_a_list_of_connectors_as_well(npsync, tmp_path):
    assert npsync("init", "--connector", "file, salesforce")[0] == 0
    assert "nps-to-salesforce" in (tmp_path / "npsync.yaml").read_text()
    assert npsync("init", "--force", "--connector", "salesfroce")[0] == 2


def test_init_replaces_nothing_unless_it_is_told_to(npsync, tmp_path):
    (tmp_path / "npsync.yaml").write_text("mine")
    code, _, err = npsync("init")
    assert (code, (tmp_path / "npsync.yaml").read_text()) == (2, "mine")
    assert "--force" in err
    assert npsync("init", "--force")[0] == 0
    assert "connections:" in (tmp_path / "npsync.yaml").read_text()


def test_check_prints_each_problem_with_its_line(npsync, tmp_path):
    (tmp_path / "npsync.yaml").write_text(yaml("NPS__c: scroe"))
    code, out, _ = npsync("check", "--offline")
    assert code == 2
    assert out.splitlines()[0] == (
        'npsync.yaml:24:7: sync.a.fields.NPS__c: there is no name "scroe"; did you mean "score"?'
    )


def test_check_prints_json_for_machines(npsync, tmp_path):
    (tmp_path / "npsync.yaml").write_text(yaml("NPS__c: scroe"))
    code, out, err = npsync("check", "--offline", "--json")
    assert (code, err) == (2, "")
    assert json.loads(out) == {
        "problems": [
            {
                "file": "npsync.yaml",
                "line": 24,
                "column": 7,
                "path": "sync.a.fields.NPS__c",
                "code": "unknown_name",
                "message": 'there is no name "scroe"; did you mean "score"?',
            }
        ],
        "warnings": [],
    }


def test_check_of_a_good_file_prints_no_problem(npsync, tmp_path):
    (tmp_path / "npsync.yaml").write_text(yaml())
    assert npsync("check", "--offline", "--json") == (0, '{"problems": [], "warnings": []}\n', "")


def test_check_of_no_file_says_so_in_either_form(npsync):
    code, out, err = npsync("check", "--offline")
    assert (code, out) == (2, "")
    assert "npsync init" in err
    code, out, _ = npsync("check", "--offline", "--json")
    assert (code, json.loads(out)["problems"][0]["code"]) == (2, "no_file")


def test_check_can_do_without_variables_but_only_offline(npsync, tmp_path, monkeypatch):
    (tmp_path / "npsync.yaml").write_text(yaml())
    monkeypatch.delenv("SF_SECRET")
    assert npsync("check", "--offline")[0] == 2
    assert npsync("check", "--offline", "--without-variables")[0] == 0
    assert npsync("check", "--without-variables")[0] == 2


def test_the_file_is_named_before_or_after_the_command_or_by_the_environment(npsync, tmp_path, monkeypatch):
    (tmp_path / "good.yaml").write_text(yaml())
    assert npsync("check", "--offline", "--config", "good.yaml")[0] == 0
    assert npsync("--config", "good.yaml", "check", "--offline")[0] == 0
    assert npsync("check", "--offline")[0] == 2
    monkeypatch.setenv("NPSYNC_CONFIG", "good.yaml")
    assert npsync("check", "--offline")[0] == 0


def test_a_failing_test_of_the_file_is_told_at_its_line(npsync, tmp_path):
    tests = "tests:\n  - name: a nine\n    given: {score: 9}\n    expect: {NPS__c: 8}\n"
    (tmp_path / "npsync.yaml").write_text(yaml(sync=tests))
    code, out, _ = npsync("test")
    assert code == 1
    assert "npsync.yaml:24: NPS__c: expected 8, shows 9" in out
    code, out, _ = npsync("test", "--json")
    assert (code, json.loads(out)["tests"][0]["passed"]) == (1, False)
    assert npsync("test", "b")[0] == 2


def test_connectors_are_listed_and_told_in_detail(npsync):
    code, out, _ = npsync("connectors")
    assert code == 0
    assert "salesforce" in out
    assert max(map(len, out.splitlines())) <= 100
    code, out, _ = npsync("connectors", "salesforce")
    assert "login_host" in out
    told, _, _to_copy = out.partition("To begin with")
    assert max(map(len, told.splitlines())) <= 100
    assert json.loads(npsync("connectors", "wootric", "--json")[1])["can"]["source"] == "yes"
    code, _, err = npsync("connectors", "wotric")
    assert (code, 'did you mean "wootric"' in err) == (2, True)


def test_the_schema_is_printed_or_written(npsync, tmp_path):
    assert json.loads(npsync("schema")[1])["title"] == "npsync"
    assert npsync("schema", "--out", "s.json")[0] == 0
    assert "connections" in json.loads((tmp_path / "s.json").read_text())["properties"]


def test_connect_of_an_unknown_connection_suggests_the_right_one(npsync, tmp_path):
    (tmp_path / "npsync.yaml").write_text(yaml())
    code, out, err = npsync("connect", "cmr")
    assert (code, out) == (2, "")
    assert 'did you mean "crm"' in err
