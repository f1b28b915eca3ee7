"""`npsync connect` and `npsync check` with the example file, beside the sandbox."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sandbox_process import running_sandbox

from npsync.cli import main

EXAMPLE = Path(__file__).parents[3] / "config.example.yaml"


@pytest.fixture(scope="module")
def sandbox():
    with running_sandbox(customers=20) as running:
        yield running


@pytest.fixture
def npsync(sandbox, tmp_path, monkeypatch, capsys):
    """Runs one command on the example file, changed as asked."""
    monkeypatch.chdir(tmp_path)
    for name, value in sandbox.env.items():
        monkeypatch.setenv(name, value)
    text = EXAMPLE.read_text("utf-8")

    def run(*arguments, change=(), env=()):
        changed = text
        for old, new in change:
            assert old in changed
            changed = changed.replace(old, new)
        (tmp_path / "npsync.yaml").write_text(changed, "utf-8")
        for name, value in env:
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as left:
            main(arguments)
        printed = capsys.readouterr()
        return left.value.code or 0, printed.out, printed.err

    return run


def test_the_example_fits_the_sandbox(npsync):
    assert npsync("check", "--json") == (0, '{"problems": [], "warnings": []}\n', "")


@pytest.mark.parametrize("connection", ["crm", "marketing", "email-nps"])
def test_the_sandboxs_credentials_are_enough(npsync, connection):
    code, out, _ = npsync("connect", connection)
    assert code == 0
    assert "needs exactly this" in out
    assert max(map(len, out.splitlines())) <= 100


def test_a_read_only_credential_is_found_out_before_anything_is_written(npsync, sandbox):
    code, out, _ = npsync(
        "connect", "marketing", "--json", env=[("HUBSPOT_TOKEN", sandbox.env["HUBSPOT_READ_ONLY_TOKEN"])]
    )
    report = json.loads(out)
    assert (code, report["enough"]) == (1, False)
    missing = [grant["permission"] for grant in report["grants"] if grant["verdict"] == "missing"]
    assert missing == ["crm.objects.contacts.write"]


def test_differences_are_told_at_their_lines_in_every_system_at_once(npsync):
    code, out, _ = npsync(
        "check",
        "--json",
        change=[
            ("      NPS_Trend__c: ", "      NPS_Trned__c: "),
            ("nps_segment: segment", "nps_segmnt: segment"),
            ("truncate: 255", "truncate: 2550"),
            ("record: Customer_Id__c", "record: Customer_Id"),
        ],
    )
    problems = json.loads(out)["problems"]
    assert code == 2
    assert [(each["code"], each["path"]) for each in problems] == [
        ("missing_field", "people.crm.match[0].record"),
        ("too_long", "sync.nps-to-contacts.fields.NPS_Comment__c.truncate"),
        ("missing_field", "sync.nps-to-contacts.fields.NPS_Trned__c"),
        ("missing_field", "sync.nps-to-marketing.fields.nps_segmnt"),
    ]
    assert all("did you mean" in each["message"] for each in problems if each["code"] == "missing_field")


def test_a_refused_credential_is_told_without_the_credential(npsync):
    code, out, err = npsync(
        "check", env=[("SF_SECRET", "a-wrong-s3cret"), ("WOOTRIC_SECRET", "another-wrong-one")]
    )
    assert code == 1
    assert "connections.crm" in out
    assert "connections.email-nps" in out
    assert "wrong" not in out + err
