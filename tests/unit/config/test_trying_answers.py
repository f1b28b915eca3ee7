"""`npsync connectors try`: one page, and how each of its rows would be read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from played_vendor import PlayedVendor, playing

from npsync.cli import main

API = "https://api.pulse.example"
PULSE = f"""\
title: Pulse
parameters:
  key: {{about: The API key., secret: true}}
  size: {{about: Rows per page., kind: whole number, default: 50}}
base_url: {API}
auth: {{kind: header, header: X-Key, value: "{{key}}"}}
request: {{path: /v1/answers}}
records: data.rows
pages: {{kind: page, size_param: limit, size: "{{size}}"}}
fields:
  id: id
  score: answer.score
  answered_at: at
  email: [person.email, email]
rows: {{only: "type=='nps'"}}
"""
ROWS = [
    {"id": 1, "type": "nps", "answer": {"score": 9}, "at": "2026-03-02T11:00:00Z", "email": "ann@acme.com"},
    {"id": 2, "type": "nps", "answer": {"score": None, "why": "x"}, "at": 1772449200, "plan": "pro"},
    {"id": 3, "type": "csat"},
]


@pytest.fixture
def vendor() -> Iterator[PlayedVendor]:
    with playing(API) as played:
        played.says = [(200, {"data": {"rows": ROWS}})]
        yield played


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def npsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NPSYNC_CONFIG", raising=False)
    monkeypatch.setenv("PULSE_KEY", "pulse-s3cret")
    (tmp_path / "pulse.yaml").write_text(PULSE)

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(arguments)
        printed = capsys.readouterr()
        return int(left.value.code or 0), printed.out, printed.err

    return run


TRY = ("connectors", "try", "pulse.yaml", "--with", "key=${PULSE_KEY}")


def test_every_row_is_shown_field_by_field_with_what_is_not_read_and_why(
    npsync: Run, vendor: PlayedVendor
) -> None:
    code, out, _ = npsync(*TRY)
    assert code == 0
    assert vendor.asked[0].headers["x-key"] == "pulse-s3cret"
    assert vendor.asked[0].params == {"page": "1", "limit": "50"}
    assert all(len(line) <= 100 for line in out.splitlines())
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "GET /v1/answers: 3 rows on this page." in lines
    assert "Row 1: an answer" in lines
    assert "score answer.score 9 9" in lines
    assert 'email email "ann@acme.com" ann@acme.com' in lines
    assert 'answered_at at "2026-03-02T11:00:00Z" 2026-03-02 11:00:00 UTC' in lines
    assert any(line.startswith("Row 2: cannot be read: its answered_at is not a time") for line in lines)
    assert "Row 3: left out: rows.only is not true of it" in lines
    assert any("it looks like unix" in line for line in lines)
    assert "Keys that no field uses: answer.why (in 1), plan (in 1)" in lines
    assert "Next page: page=2&limit=50" in lines


def test_a_path_that_leads_nowhere_in_any_row_is_told(
    npsync: Run, vendor: PlayedVendor, tmp_path: Path
) -> None:
    (tmp_path / "pulse.yaml").write_text(PULSE.replace("answer.score", "answer.scor"))
    _, out, _ = npsync(*TRY)
    assert "In no row of this page: score (answer.scor); look at the paths if they should be" in out
    _, out, _ = npsync(*TRY, "--json")
    assert json.loads(out)["nowhere"] == {"score": "answer.scor"}


def test_a_description_that_names_no_pages_is_told_so(
    npsync: Run, vendor: PlayedVendor, tmp_path: Path
) -> None:
    paged = next(line for line in PULSE.splitlines() if line.startswith("pages:"))
    (tmp_path / "pulse.yaml").write_text(PULSE.replace(paged, ""))
    _, out, _ = npsync(*TRY)
    assert "Next page: none, this is the last; the description says no `pages`" in out


def test_only_one_page_is_fetched(npsync: Run, vendor: PlayedVendor) -> None:
    npsync(*TRY)
    assert len(vendor.asked) == 1


def test_a_machine_gets_the_same(npsync: Run, vendor: PlayedVendor) -> None:
    code, out, _ = npsync(*TRY, "--json", "--rows", "1")
    told: dict[str, Any] = json.loads(out)
    assert code == 0
    assert len(told["rows"]) == 1
    assert told["unused"] == {"answer.why": 1, "plan": 1}
    [at] = [each for each in told["rows"][0]["fields"] if each["field"] == "answered_at"]
    assert (at["from"], at["found"], at["read"]) == (
        "at",
        "2026-03-02T11:00:00Z",
        "2026-03-02T11:00:00+00:00",
    )


def test_where_rows_might_be_is_said_when_they_are_not_where_the_file_says(
    npsync: Run, vendor: PlayedVendor
) -> None:
    vendor.says = [(200, {"result": {"items": ROWS}, "total": 3})]
    code, out, _ = npsync(*TRY)
    assert code == 1
    assert "set records to where the rows stand" in " ".join(out.split())
    assert "Lists in the reply: result.items (3 rows)" in out


def test_a_parameter_that_is_missing_or_unknown_is_said(npsync: Run, vendor: PlayedVendor) -> None:
    assert npsync("connectors", "try", "pulse.yaml") == (
        2,
        "",
        "pulse.yaml needs --with key=… (key: The API key.)\n",
    )
    assert npsync(*TRY, "--with", "siz=5")[2] == 'pulse.yaml has no parameter "siz"; did you mean "size"?\n'
    assert "has to be whole number" in npsync(*TRY, "--with", "size=many")[2]
    assert npsync("connectors", "try", "pulse.yaml", "--with", "key=${NOPE}")[2] == (
        "--with key: the variable NOPE is not set\n"
    )
    assert npsync("connectors", "try", "pulse.yaml", "--with", "key")[2].startswith("--with takes NAME=VALUE")
    assert not vendor.asked


def test_a_wrong_file_is_told_with_line_and_column_and_nobody_is_called(
    npsync: Run, vendor: PlayedVendor, tmp_path: Path
) -> None:
    (tmp_path / "pulse.yaml").write_text(
        PULSE.replace("answer.score", "answer..score").replace('"{key}"', '"{kye}"')
    )
    code, _, complained = npsync(*TRY)
    assert (code, complained) == (
        2,
        "pulse.yaml:6:37: auth.value: {kye} is no parameter; did you mean {key}?\n",
    )
    (tmp_path / "pulse.yaml").write_text(PULSE.replace("answer.score", "answer..score"))
    code, _, complained = npsync(*TRY)
    assert complained == (
        'pulse.yaml:12:3: fields.score: "answer..score" is no JMESPath: it goes wrong at character 8\n'
    )
    assert not vendor.asked


def test_a_variable_in_a_description_is_told(npsync: Run, vendor: PlayedVendor, tmp_path: Path) -> None:
    (tmp_path / "pulse.yaml").write_text(PULSE.replace('"{key}"', '"${PULSE_KEY}"'))
    code, _, complained = npsync(*TRY)
    assert code == 2
    assert complained.startswith("pulse.yaml:6:37: auth.value: variables do not work in a description")
    assert not vendor.asked


def test_the_secret_is_shown_nowhere(npsync: Run, vendor: PlayedVendor) -> None:
    vendor.says = [(401, {"detail": "pulse-s3cret is wrong"})]
    code, out, complained = npsync(*TRY)
    assert code == 1
    assert "pulse: " in complained
    assert "pulse-s3cret" not in out + complained


def test_a_connection_of_the_file_can_be_tried(npsync: Run, vendor: PlayedVendor, tmp_path: Path) -> None:
    (tmp_path / "npsync.yaml").write_text(
        "connections:\n"
        '  pulse: {type: http, description: ./pulse.yaml, with: {key: "${PULSE_KEY}"}}\n'
        "  crm: {type: hubspot, token: abc}\n"
        "  old: {type: file, path: ., columns: {score: a, answered_at: b}}\n"
    )
    code, out, _ = npsync("connectors", "try", "pulse", "--rows", "1")
    assert code == 0
    assert "Row 1: an answer" in out
    assert "hubspot is not a source of answers" in npsync("connectors", "try", "crm")[2]
    assert "file is read by code of its own" in npsync("connectors", "try", "old")[2]
    assert 'has no connection "puls"; did you mean "pulse"?' in npsync("connectors", "try", "puls")[2]


PAGE = (Path(__file__).parents[3] / "docs/how-to/describe-a-source.md").read_text("utf-8")
STEPS = re.findall(r"^\$ npsync connectors try .*\n((?:.|\n)*?)^```", PAGE, re.MULTILINE)
ANSWER = {
    "id": 8812,
    "score": "9",
    "created_at": 1772449200,
    "comment": "",
    "state": "done",
    "type": "nps",
    "survey_id": "7",
    "contact": {"email": "ann@acme.com", "ref": "007"},
}


def test_the_page_about_it_shows_what_is_printed(npsync: Run, vendor: PlayedVendor, tmp_path: Path) -> None:
    first = re.search(r"```yaml description\n((?:.|\n)*?)```", PAGE)
    assert first is not None
    reply = {"data": {"answers": [ANSWER | {"id": 8812 + n} for n in range(50)]}, "page": {"number": 1}}
    vendor.says = [(200, reply)]
    (tmp_path / "pulse.yaml").write_text(first[1])
    assert npsync(*TRY)[1] == STEPS[0]
    (tmp_path / "pulse.yaml").write_text(first[1] + "records: data.answers\n")
    assert npsync(*TRY, "--rows", "1")[1] == STEPS[1]
    more = "records: data.answers\ndates: [unix]\n  comment: comment\n  email: contact.email\n"
    dates, fields = more.split("  ", 1)
    (tmp_path / "pulse.yaml").write_text(f"{first[1]}  {fields}{dates}")
    assert "50 rows: an answer" in npsync(*TRY)[1]


def test_a_connectors_name_still_tells_of_it_and_no_name_lists_all(npsync: Run) -> None:
    assert npsync("connectors", "wootric")[1].startswith("Wootric (InMoment) (type: wootric)")
    assert npsync("connectors", "show", "wootric")[1] == npsync("connectors", "wootric")[1]
    assert json.loads(npsync("connectors", "apptentive", "--json")[1])["type"] == "apptentive"
    assert "More about one: npsync connectors NAME" in npsync("connectors")[1]
    assert json.loads(npsync("connectors", "--json")[1])["connectors"]
