"""`npsync sends` and `npsync suppressions`: stopped, gone on with, filled from files, and nobody asked who said no."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cli_process import Npsync

SENT = """email,phone,external_id,date,tool,survey,kind
ann@example.com,,,2026-03-02,marketing,,relationship
,+12025550143,,2026-03-02T12:00:00Z,phone-bank,,
,,0042,2026-03-02,,,
"""


@pytest.fixture
def npsync(tmp_path: Path) -> Npsync:
    npsync = Npsync(tmp_path)
    npsync.configured({"store": "sqlite:///npsync.db", "phone_region": "US"})
    return npsync


def write(npsync: Npsync, text: str, name: str = "sent.csv") -> str:
    (npsync.folder / name).write_text(text, encoding="utf-8")
    return name


def test_an_empty_ledger_keeps_everything_back_until_it_is_accepted(npsync: Npsync):
    assert "npsync sends accept-empty-ledger" in npsync("sends", "status", exits=4).out
    npsync("sends", "accept-empty-ledger", "--reason", "a new installation")
    told = npsync("sends", "status").out
    assert "Sends go out." in told
    assert "a new installation" in told


def test_what_keeps_everything_back_is_told_in_lines_that_fit(npsync: Npsync):
    told = npsync("sends", "status", exits=4).out + npsync("sends", "resume", exits=4).out
    assert max(map(len, told.splitlines())) <= 100
    npsync("sends", "stop", "--reason", "a long story " * 20)
    told = npsync("sends", "status", exits=4).out
    assert max(map(len, told.splitlines())) <= 100
    assert re.search(r"stopped by cli:\S+ on 20\d\d-\d\d-\d\d \d\d:\d\d UTC: a long story", told)


def test_stopped_sends_stay_stopped_and_say_by_whom_and_why(npsync: Npsync):
    npsync("sends", "accept-empty-ledger")
    npsync("sends", "stop", "--reason", "a wrong template")
    assert "already" in npsync("sends", "stop").out
    told = npsync("sends", "status", "--json", exits=4).json
    assert (told["sends"], told["stopped"]["why"]) == (False, "a wrong template")
    assert "a wrong template" in npsync("sends", "status", exits=4).out
    assert "refused" not in npsync("sends", "resume").out
    assert npsync("sends", "status", "--json").json["stopped"] is None


def test_resuming_with_an_empty_ledger_says_what_is_still_in_the_way(npsync: Npsync):
    npsync("sends", "stop")
    assert "the ledger of who was asked is empty" in npsync("sends", "resume", exits=4).out


def test_what_other_tools_sent_is_entered_once(npsync: Npsync):
    file = write(npsync, SENT)
    assert npsync("sends", "import", file).out.startswith("3 rows: 3 new, 0 known, 0 refused.")
    assert npsync("sends", "import", file, "--json").json == {
        "rows": 3,
        "new": 0,
        "known": 3,
        "refused": 0,
        "bad": [],
    }
    assert npsync("sends", "status", "--json").json["ledger_entries"] == 3


BAD = """e-mail,phone,date,metric,kind
ann@example.com,,2026-03-02,,
nobody,,2026-03-02,,
,12,2026-03-02,,
,,2026-03-02,,
bob@example.com,,last week,,
bob@example.com,,2099-01-01,,
bob@example.com,,2026-03-02,score,
bob@example.com,,2026-03-02,,sometimes
bob@example.com
"""


def test_bad_rows_are_told_with_their_line_and_good_ones_entered(npsync: Npsync):
    told = npsync("sends", "import", write(npsync, BAD), exits=3)
    assert told.out.startswith("9 rows: 1 new, 0 known, 8 refused.")
    assert [line.partition(": ")[0] for line in told.err.splitlines()] == [
        f"sent.csv:{n}" for n in range(3, 11)
    ]
    assert "email is no e-mail address" in told.err
    assert "date is in the future" in told.err
    assert "nobody" not in told.err.replace("names nobody", "")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("email,dat\na@example.com,2026-03-02\n", 'there is no column "dat"; did you mean "date"?'),
        ("email\na@example.com\n", "needs a column date"),
        ("date\n2026-03-02\n", "one of email, phone and external_id"),
        ("email,email,date\n", "a column stands there twice"),
        ("", "needs a column date"),
    ],
)
def test_a_file_that_is_none_is_explained(npsync: Npsync, text: str, says: str):
    assert says in npsync("sends", "import", write(npsync, text), exits=2).err


def test_a_file_that_is_not_there_is_explained(npsync: Npsync):
    assert "cannot be read" in npsync("sends", "import", "nowhere.csv", exits=2).err


def test_without_a_field_there_is_nothing_to_rebuild_from(npsync: Npsync):
    assert "contact_policy.ledger_field names no field" in npsync("sends", "rebuild", exits=2).err


# ------------------------------------------------------------ suppressions


def test_somebody_is_suppressed_seen_and_lifted_by_their_own_act_only(npsync: Npsync):
    npsync("suppressions", "add", "Ann@Example.com", "--reason", "objection", "--detail", "a letter")
    assert "already" in npsync("suppressions", "add", "ann@example.com").out
    [one] = npsync("suppressions", "list", "ann@example.com", "--json").json["suppressions"]
    assert (one["key"], one["reason"], one["detail"]) == ("email:ann@example.com", "objection", "a letter")
    assert "ann@example.com" in npsync("suppressions", "list").out
    npsync("suppressions", "lift", "ann@example.com", exits=2)
    told = npsync("suppressions", "lift", "ann@example.com", "--by", " ", "--why", "", exits=2).err
    assert "only the person's own act" in told
    npsync("suppressions", "lift", "ann@example.com", "--by", "ann", "--why", "asked for it by phone")
    assert "not suppressed" in npsync("suppressions", "list", "ann@example.com").out
    again = npsync("suppressions", "lift", "ann@example.com", "--by", "ann", "--why", "again", exits=2).err
    assert "no suppression" in again


def test_a_person_is_shown_as_suppressed_by_whatever_name_of_theirs_is_typed(npsync: Npsync):
    both = "email,external_id,date\nann@example.com,0042,2026-03-02\n"
    npsync("sends", "import", write(npsync, both))
    npsync("suppressions", "add", "0042", "--reason", "unsubscribe")
    [one] = npsync("suppressions", "list", "Ann@Example.com", "--json").json["suppressions"]
    assert (one["key"], one["reason"]) == ("id:0042", "unsubscribe")
    assert "id:0042" in npsync("suppressions", "list", "ann@example.com").out
    assert "not suppressed" in npsync("suppressions", "list", "bob@example.com").out


def test_an_unknown_reason_is_explained(npsync: Npsync):
    told = npsync("suppressions", "add", "ann@example.com", "--reason", "unsubscribed", exits=2).err
    assert 'did you mean "unsubscribe"?' in told


# ------------------------------------------------------------ may-ask without a CRM


def test_another_department_asks_reserves_and_gives_back(npsync: Npsync):
    assert "the ledger of who was asked is empty" in npsync("may-ask", "ann@example.com", exits=1).out
    npsync("sends", "accept-empty-ledger")
    assert npsync("may-ask", "ann@example.com").out == "Yes.\n"
    held = npsync(
        "may-ask", "ann@example.com", "--reserve", "--until", "3 days", "--tool", "finance", "--json"
    ).json
    assert held["may_ask"]
    refused = npsync("may-ask", "ann@example.com", "--reserve", "--json", exits=1).json
    assert (refused["may_ask"], refused["code"]) == (False, "rest")
    npsync("may-ask", held["reservation"], "--release")
    assert npsync("may-ask", "ann@example.com").out == "Yes.\n"
    assert "no reservation" in npsync("may-ask", held["reservation"], "--release", exits=2).err


def test_whoever_said_no_is_not_asked_by_others_either(npsync: Npsync):
    npsync("sends", "accept-empty-ledger")
    npsync("suppressions", "add", "ann@example.com", "--reason", "unsubscribe")
    told = npsync("may-ask", "ann@example.com", exits=1).out
    assert told.startswith("No: this person unsubscribed")


def test_mistakes_are_named(npsync: Npsync):
    npsync("sends", "accept-empty-ledger")
    assert "there is no survey" in npsync("may-ask", "ann@example.com", "--survey", "x", exits=2).err
    assert "--reserve" in npsync("may-ask", "ann@example.com", "--until", "3 days", exits=2).err
    assert "--until" in npsync("may-ask", "a@example.com", "--reserve", "--until", "soon", exits=2).err
