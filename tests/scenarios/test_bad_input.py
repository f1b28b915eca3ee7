"""Whatever comes in, a person is told what is wrong, where, and what to do; and the rest goes on."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from cli_process import SALESFORCE_FIELDS, Npsync, config, to_contacts
from sandbox_process import RunningSandbox
from townspeople import Town

NOWHERE = "http://127.0.0.1:9"  # the discard port: nobody listens
COLUMNS = ("Response ID", "Score", "Date", "E-mail", "Comment", "Customer")


# ------------------------------------------------------------ the file and the connections


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "npsync.yaml:1:1: the file is empty; `npsync init` writes one to start from"),
        ("- a\n", "npsync.yaml:1:1: the file has to be a map of keys: connections, people, surveys, sync"),
        (
            "time_zone: UTC\ntime_zone: UTC\nconections: {}\n",
            'npsync.yaml:2:1: time_zone: "time_zone" is already set on line 1; keep one\n'
            'npsync.yaml:3:1: conections: there is no top-level key "conections"; did you mean "connections"?',
        ),
    ],
)
def test_a_wrong_file_is_told_with_line_and_column(npsync: Npsync, text: str, told: str):
    (npsync.folder / "npsync.yaml").write_text(text, encoding="utf-8")
    assert npsync("run", "contacts", exits=2).err.strip() == told
    assert not (npsync.folder / "npsync.db").exists()


def test_all_missing_variables_are_named_at_once(sandbox: RunningSandbox, npsync: Npsync):
    env = {name: value for name, value in sandbox.env.items() if name not in ("SF_ID", "HUBSPOT_TOKEN")}
    told = Npsync(npsync.folder, env)("run", "contacts", exits=2).err
    assert "connections.crm.auth.client_id: ${SF_ID} is not set; also missing: HUBSPOT_TOKEN" in told


def test_an_unknown_sync_is_told_with_the_one_that_was_meant(npsync: Npsync):
    told = npsync("run", "contact", exits=2).err
    assert told.strip() == 'npsync.yaml: there is no sync "contact"; did you mean "contacts"?'


def test_an_unreachable_host_is_told_after_a_few_attempts(npsync: Npsync):
    told = npsync.with_env(SALESFORCE_URL=NOWHERE)("run", "contacts", exits=1).everything
    assert "crm: sign in: the host refused the connection (after " in told


@pytest.mark.parametrize(
    ("variable", "sync", "told"),
    [
        ("SF_SECRET", "contacts", "crm: sign in: Salesforce refused the sign-in (invalid_client"),
        (
            "HUBSPOT_TOKEN",
            "marketing",
            "hub: properties of contacts: HubSpot does not accept the token (401)",
        ),
        ("WOOTRIC_SECRET", "contacts", "email-nps: sign in: Wootric refuses these credentials"),
    ],
)
def test_wrong_credentials_are_told_without_repeating_them(
    npsync: Npsync, variable: str, sync: str, told: str
):
    wrong = "pat-na1-4711-nobody-knows"
    ended = npsync.with_env(**{variable: wrong})("run", sync, exits=1)
    assert told in ended.everything
    assert wrong not in ended.everything


def test_a_missing_permission_is_told_before_anything_is_written(npsync: Npsync, town: Town):
    reader = town.sandbox.control("POST", "/salesforce/do/reader", {})
    careful = npsync.with_env(SF_ID=reader["client_id"], SF_SECRET=reader["client_secret"])
    told = careful("run", "contacts", exits=2).err
    assert 'crm: Contact field "NPS_Score__c" may not be written by this credential' in told
    assert "Nothing was pulled or written. npsync check shows each with its line in the YAML" in told


def test_a_field_that_does_not_exist_is_told_with_its_line(npsync: Npsync):
    fields = {
        ("NPS_Scor__c" if name == "NPS_Score__c" else name): one for name, one in SALESFORCE_FIELDS.items()
    }
    npsync.configured(config(to_contacts(fields=fields)))
    lines = (npsync.folder / "npsync.yaml").read_text(encoding="utf-8").splitlines()

    told = npsync("run", "contacts", exits=2).err
    [problem] = npsync("check", "--json", exits=2).json["problems"]

    assert 'crm: Contact has no field "NPS_Scor__c"' in told
    assert problem["code"] == "missing_field"
    assert problem["path"] == "sync.contacts.fields.NPS_Scor__c"
    assert '"NPS_Scor__c"' in lines[problem["line"] - 1]
    assert 'did you mean "NPS_Score__c"?' in problem["message"]


# ------------------------------------------------------------ answers


def test_each_odd_row_of_an_export_gets_its_own_outcome_and_the_others_arrive(npsync: Npsync, town: Town):
    """A Latin-1 file with a broken row, odd scores, no key, an ambiguous and a contradicting one."""
    obrien = town.person(email="pat.o'brien@town.example")
    lee, kim = town.person("lee", external_id="C-LEE"), town.person("kim")
    town.contact("twins@town.example"), town.contact("twins@town.example")
    export(
        npsync,
        [
            ("good", "9", obrien.email, 'She said "café",\nthen =cmd()'),
            ("eleven", "11", lee.email),
            ("half", "9.5", lee.email),
            ("empty", "", lee.email),
            ("labelled", "Extremely likely - 10", lee.email),
            ("nobody", "7", "", "no key at all"),
            ("ambiguous", "7", "twins@town.example"),
            ("contradicting", "7", kim.email, "two people", "C-LEE"),
        ],
        encoding="latin-1",
        broken=b"broken,8,2026-11-01T10:00:00\r\n",
    )

    run = npsync.run("contacts", exits=3)
    told = {one["answer"]: one for one in npsync("runs", str(run["run"]), "--json").json["left"]}

    assert (run["pulled"], run["states"]["written"]) == (9, 1)
    assert (run["states"]["rejected"], run["states"]["review"]) == (6, 2)
    assert sum(run["states"].values()) == run["pulled"]
    assert town.in_salesforce(obrien)["NPS_Comment__c"] == 'She said "café",\nthen =cmd()'
    assert {answer: told[answer]["code"] for answer in ("eleven", "half", "empty", "labelled")} == {
        "eleven": "score_out_of_range",
        "half": "score_not_whole",
        "empty": "score_missing",
        "labelled": "score_not_a_number",
    }
    assert told["nobody"]["code"] == "no_key"
    assert told["ambiguous"]["code"] == "ambiguous"
    assert len(told["ambiguous"]["candidates"]) == 2
    assert (told["contradicting"]["state"], told["contradicting"]["code"]) == ("review", "conflict")
    [broken] = [one for name, one in told.items() if name.startswith("broken-")]
    assert "nps.csv, line 11: " in broken["reason"]
    assert town.in_salesforce(lee)["NPS_Score__c"] is None


def test_a_file_read_in_the_wrong_encoding_rejects_rows_and_never_guesses(npsync: Npsync, town: Town):
    ann, ben = town.person("ann"), town.person("ben")
    export(
        npsync,
        [("a", "9", ann.email, "café"), ("b", "8", ben.email, "plain")],
        encoding="latin-1",
        as_="utf-8",
    )

    run = npsync.run("contacts", exits=3)

    assert (run["states"]["rejected"], run["states"]["written"]) == (1, 1)
    [left] = npsync("runs", str(run["run"]), "--json").json["left"]
    assert "utf-8" in left["reason"]
    assert town.in_salesforce(ann)["NPS_Score__c"] is None


def test_six_hundred_answers_of_one_person_are_one_write(npsync: Npsync, town: Town):
    ann = town.person()
    export(npsync, [(f"n{n:03}", str(n % 11), ann.email, "", "", minute(n)) for n in range(600)])

    run = npsync.run("contacts")

    assert (run["pulled"], run["states"]["written"], run["states"]["superseded"]) == (600, 1, 599)
    assert run["writes"] == {"Contact": 1}
    shown = town.in_salesforce(ann)
    assert (shown["NPS_Score__c"], shown["NPS_Trend__c"]) == (599 % 11, "up")


def test_one_source_that_fails_does_not_hold_up_the_others(npsync: Npsync, town: Town):
    ann = town.person()
    export(npsync, [("a", "9", ann.email)], with_wootric=True)

    run = npsync.with_env(WOOTRIC_SECRET="expired").run("contacts", exits=3)

    assert (run["status"], run["writes"]) == ("partial", {"Contact": 1})
    [problem] = run["problems"]
    assert "email-nps" in problem
    assert town.in_salesforce(ann)["NPS_Score__c"] == 9
    assert npsync.run("contacts")["problems"] == []


def test_hostile_comments_arrive_as_they_were_written(npsync: Npsync, town: Town):
    ann = town.person()
    comment = "\"Quotes\", 'more' \\ {{score}} ${HOME}\n=cmd|'/C calc'!A0\n<b>😀</b> ' OR Id != null --"
    town.answers(ann, 2, comment)

    npsync.run("contacts"), npsync.run("marketing")

    assert town.in_salesforce(ann)["NPS_Comment__c"] == comment
    assert town.in_hubspot(ann)["nps_comment"] == comment


def test_neither_secrets_nor_customers_stand_in_the_log(npsync: Npsync, town: Town):
    ann = town.person("private")
    town.answers(ann, 2, "a very private comment")
    town.answers(town.person("secretive", in_crm=False), 3)

    logs = [npsync(*command).err for command in (("run", "contacts"), ("run", "marketing", "--json"))]

    secrets = [value for name, value in npsync.env.items() if "SECRET" in name or name == "HUBSPOT_TOKEN"]
    for text in (*secrets, "@", "private", "secretive"):
        assert not any(text in log for log in logs), text
    store = (npsync.folder / "npsync.db").read_bytes()
    assert not any(secret.encode() in store for secret in secrets)


def export(
    npsync: Npsync,
    rows: list[tuple[Any, ...]],
    *,
    encoding: str = "utf-8",
    as_: str | None = None,
    broken: bytes = b"",
    with_wootric: bool = False,
) -> None:
    """An exported file (id, score, e-mail, comment, customer, time) as a source, by default the only one."""
    text = io.StringIO()
    out = csv.writer(text)
    out.writerow(COLUMNS)
    for id, score, email, *rest in rows:
        comment, customer, at = (*rest, *("", "", minute(0))[len(rest) :])
        out.writerow([id, score, at, email, comment, customer])
    folder = npsync.folder / "exports"
    folder.mkdir()
    (folder / "nps.csv").write_bytes(text.getvalue().encode(encoding) + broken)
    told = config()
    told["connections"]["exports"] = {
        "type": "file",
        "path": "exports/*.csv",
        "encoding": as_ or encoding,
        "time_zone": "Europe/Berlin",
        "columns": {
            "id": "Response ID",
            "score": "Score",
            "answered_at": "Date",
            "email": "E-mail",
            "comment": "Comment",
            "external_id": "Customer",
        },
    }
    told["surveys"]["relationship"]["at"] = ["exports", "email-nps"] if with_wootric else ["exports"]
    npsync.configured(told)


def minute(number: int) -> str:
    return f"2026-11-{1 + number // 1440:02}T{number // 60 % 24:02}:{number % 60:02}:00"
