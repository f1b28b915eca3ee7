"""A run is taken back: what it wrote is restored where it still shows, the rest is told, and nothing comes back."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cli_process import HUBSPOT_FIELDS, SALESFORCE_FIELDS, Npsync, config, to_contacts
from townspeople import Person, Town

from store.rows import milliseconds


class Crm:
    """One of the two CRMs, by the name of its sync."""

    def __init__(self, sync: str, town: Town) -> None:
        self.sync, self.town = sync, town
        self.is_salesforce = sync == "contacts"
        self.fields = tuple(SALESFORCE_FIELDS if self.is_salesforce else HUBSPOT_FIELDS)
        self.score, self.comment = (
            ("NPS_Score__c", "NPS_Comment__c") if self.is_salesforce else ("nps_score", "nps_comment")
        )

    def id(self, person: Person) -> str:
        return str(person.contact if self.is_salesforce else person.lead)

    def shown(self, person: Person) -> dict[str, Any]:
        row = self.town.in_salesforce(person) if self.is_salesforce else self.town.in_hubspot(person)
        return {name: None if row.get(name) == "" else row.get(name) for name in self.fields}

    def score_of(self, person: Person) -> Any:
        score = self.shown(person)[self.score]
        return None if score is None else int(score)

    def somebody_sets(self, person: Person, **fields: Any) -> None:
        if self.is_salesforce:
            self.town.somebody_sets(person, **fields)
        else:
            self.town.somebody_sets_in_hubspot(person, **fields)


@pytest.fixture(params=["contacts", "marketing"])
def crm(request: pytest.FixtureRequest, town: Town) -> Crm:
    return Crm(request.param, town)


@pytest.fixture
def salesforce(town: Town) -> Crm:
    return Crm("contacts", town)


def undone(npsync: Npsync, run: int, *flags: str, command: str = "undo", exits: int = 0) -> dict[str, Any]:
    """The report of the undo (or redo)."""
    (report,) = npsync(command, str(run), "--yes", "--json", *flags, exits=exits).json["runs"]
    return report  # type: ignore[no-any-return]


def why(report: dict[str, Any]) -> dict[str, str]:
    return {one["field"]: one["reason"] for one in report["left"]}


# ------------------------------------------------------------ what is restored, and stays so


def test_undo_puts_back_what_a_run_changed_and_later_runs_leave_it(npsync: Npsync, town: Town, crm: Crm):
    ann, bob = town.person("ann"), town.person("bob")
    town.answers(ann, 9, 'it\'s "good",\nreally', days_ago=5)
    npsync.run(crm.sync)
    before = {person: crm.shown(person) for person in (ann, bob)}
    town.answers(ann, 2, "bad", days_ago=2)
    town.answers(bob, 7, days_ago=2)
    run = npsync.run(crm.sync)["run"]
    assert (crm.score_of(ann), crm.score_of(bob)) == (2, 7)

    undo = undone(npsync, run)

    assert {person: crm.shown(person) for person in (ann, bob)} == before
    assert (undo["status"], sum(undo["writes"].values()), undo["undoes"]) == ("succeeded", 2, run)
    assert npsync.run(crm.sync)["pulled"] == 0
    again = npsync.run(crm.sync, "--all", "--adopt", "--recheck")
    assert (sum(again["writes"].values()), again["undone"][crm.score], again["kept"]) == (0, 2, {})
    assert {person: crm.shown(person) for person in (ann, bob)} == before
    assert f"kept: undone: {crm.score} 2" in npsync("plan", crm.sync, "--all").out

    town.answers(ann, 10, "great", days_ago=0)
    npsync.run(crm.sync)
    assert (crm.score_of(ann), crm.score_of(bob)) == (10, None)


def test_redo_writes_it_again_and_an_undo_can_itself_be_undone(npsync: Npsync, town: Town, crm: Crm):
    ann = town.person()
    town.answers(ann, 9, "good")
    run = npsync.run(crm.sync)["run"]
    after = crm.shown(ann)
    undo = undone(npsync, run)
    assert crm.score_of(ann) is None

    redo = undone(npsync, run, command="redo")
    assert (crm.shown(ann), redo["undoes"]) == (after, undo["run"])
    assert npsync.run(crm.sync, "--all")["undone"] == {}
    undone(npsync, redo["run"])
    assert crm.score_of(ann) is None
    undone(npsync, undo["run"], command="redo")
    assert crm.shown(ann) == after

    kinds = [line.split()[5:7] for line in npsync("runs").out.splitlines()[1:]]
    assert [kind for kind in kinds if kind[0] in ("undo", "redo")][-2:] == [
        ["redo", str(undo["run"])],
        ["undo", str(run)],
    ]


def test_redo_of_the_run_itself_finds_the_undo_that_stands_and_tells_of_no_other(
    npsync: Npsync, town: Town, salesforce: Crm
):
    ann = town.person()
    town.answers(ann, 9, "good")
    run = npsync.run("contacts")["run"]
    after = salesforce.shown(ann)
    first = undone(npsync, run)
    redone = undone(npsync, first["run"], command="redo")
    second = undone(npsync, run)
    assert second["run"] > redone["run"]
    redone = undone(npsync, run, command="redo")  # one report: the first undo has nothing left
    assert (redone["undoes"], salesforce.shown(ann)) == (second["run"], after)

    third = undone(npsync, redone["run"])  # the redo is undone, not the run
    assert salesforce.score_of(ann) is None
    redone = undone(npsync, run, command="redo")
    assert (redone["undoes"], salesforce.shown(ann)) == (third["run"], after)

    runs = npsync("runs").out
    for number, what in ((run, f"was undone of run {run}"), (third["run"], f"run {third['run']} took back")):
        told = npsync("redo", str(number), "--yes").out
        assert told == f"Nothing to redo: what {what} is written again already.\n"
    assert (
        "nothing of NPS_Scor__c was undone" in npsync("redo", str(run), "--field", "NPS_Scor__c", exits=2).err
    )
    assert npsync("runs").out == runs  # and no run came of it


def test_a_redo_in_parts_says_what_is_written_again_already(npsync: Npsync, town: Town, salesforce: Crm):
    ann = town.person()
    town.answers(ann, 9, "good")
    run = npsync.run("contacts")["run"]
    undo = undone(npsync, run)["run"]
    part = undone(npsync, undo, "--field", "NPS_Score__c", command="redo")["run"]
    rest = undone(npsync, undo, command="redo")
    assert why(rest) == {"NPS_Score__c": f"already written again by run {part}"}


def test_an_undo_in_parts_touches_what_it_was_told(npsync: Npsync, town: Town, salesforce: Crm):
    ann, bob = town.person("ann"), town.person("bob")
    town.answers(ann, 9, "good"), town.answers(bob, 3, "bad")
    run = npsync.run("contacts")["run"]
    after = {person: salesforce.shown(person) for person in (ann, bob)}

    undone(npsync, run, "--record", salesforce.id(ann)[:15], "--field", "NPS_Comment__c")

    assert salesforce.shown(ann) == {**after[ann], "NPS_Comment__c": None}
    assert salesforce.shown(bob) == after[bob]
    rest = undone(npsync, run)
    assert why(rest) == {"NPS_Comment__c": f"already undone by run {rest['run'] - 1}"}
    assert all(salesforce.score_of(person) is None for person in (ann, bob))
    npsync("redo", str(run), "--yes")
    assert {person: salesforce.shown(person) for person in (ann, bob)} == after
    assert "wrote no record 003nobody" in npsync("undo", str(run), "--record", "003nobody", exits=2).err
    assert "wrote no field NPS_Scor__c" in npsync("undo", str(run), "--field", "NPS_Scor__c", exits=2).err
    with npsync.store() as store:
        noted = store.execute("SELECT DISTINCT what, about, substr(who, 1, 4) FROM audit").fetchall()
    assert {*noted} == {(word, f"run {run}", "cli:") for word in ("undo", "redo")}


# ------------------------------------------------------------ the plan comes first


def test_without_a_terminal_the_plan_is_shown_and_nothing_done(npsync: Npsync, town: Town, crm: Crm):
    npsync.run(crm.sync)  # whoever else lives in the town
    ann = town.person()
    town.answers(ann, 9, "good")
    run = npsync.run(crm.sync)["run"]
    after, store = crm.shown(ann), npsync("db", "dump").out

    shown = npsync("undo", str(run), "--field", crm.score, exits=2)

    assert f"{crm.score} 9 → –" in shown.out
    assert "1 field of 1 record would be restored" in shown.out
    assert f"To go ahead: npsync undo {run} --field {crm.score} --yes" in shown.err
    assert (crm.shown(ann), npsync("db", "dump").out) == (after, store)
    plan = npsync("undo", str(run), "--json", exits=2).json
    assert (plan["written"], plan["runs"][0]["changes"][0]["fields"][crm.score][1]) == (False, None)


@pytest.mark.parametrize(("typed", "score"), [("n\n", 9), ("y\n", None)])
def test_on_a_terminal_it_asks(npsync: Npsync, town: Town, salesforce: Crm, typed: str, score: int | None):
    ann = town.person()
    town.answers(ann, 9, "good")
    run = npsync.run("contacts")["run"]

    told, code = at_a_terminal(npsync, typed, "undo", str(run))

    assert "would be restored" in told
    assert "Go ahead?" in told
    assert (code, salesforce.score_of(ann)) == (0, score)


def at_a_terminal(npsync: Npsync, typed: str, *arguments: str) -> tuple[str, int]:
    """What a person sees who types this when asked, and the exit code."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", "from npsync.cli import main; main()", *arguments],
        cwd=npsync.folder,
        env={**os.environ, **npsync.env, "NO_PROXY": "127.0.0.1", "TERM": "dumb"},
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    told = b""
    try:
        while block := os.read(ours, 4096):
            told += block
            if b"Go ahead?" in told and typed:
                os.write(ours, typed.encode())
                typed = ""
    except OSError:
        pass  # how Linux says that the other side of a terminal is closed
    finally:
        os.close(ours)
    return told.decode(), process.wait(timeout=30)


def test_a_run_that_wrote_nothing_and_one_that_never_was(npsync: Npsync):
    npsync.run("marketing")
    empty = npsync.run("marketing")["run"]
    assert npsync("undo", str(empty)).out == f"Nothing to undo: run {empty} wrote nothing.\n"
    assert npsync("redo", str(empty)).out == f"Nothing to redo: run {empty} was not undone.\n"
    assert "there is no run 999; npsync runs lists them" in npsync("undo", "999", exits=2).err
    for command in ("undo", "redo", "runs", "dead-letters show", "dead-letters retry"):
        assert (
            "Traceback" not in npsync(*command.split(), "9" * 30, exits=2).err
        )  # more than a database counts


# ------------------------------------------------------------ what is left alone


def test_what_somebody_changed_since_is_left_alone_and_listed(npsync: Npsync, town: Town, crm: Crm):
    ann = town.person()
    town.answers(ann, 9, "good")
    run = npsync.run(crm.sync)["run"]
    crm.somebody_sets(ann, **{crm.comment: "spoke to her", crm.score: 4 if crm.is_salesforce else "4"})

    told = npsync("undo", str(run), "--yes", exits=3).out

    assert f'{crm.comment}: somebody changed it to "spoke to her"' in told
    assert "2 fields left alone" in told
    assert (crm.shown(ann)[crm.comment], crm.score_of(ann)) == ("spoke to her", 4)
    assert [value for name, value in crm.shown(ann).items() if name not in (crm.comment, crm.score)] == [
        None
    ] * (len(crm.fields) - 2)
    number = npsync("runs", "--json", "--limit", "1").json["runs"][0]["run"]
    assert f"! {crm.id(ann)} {crm.comment}: somebody had changed it" in npsync("runs", str(number)).out


def test_what_a_later_run_wrote_is_left_until_that_is_undone(npsync: Npsync, town: Town, salesforce: Crm):
    ann = town.person()
    town.answers(ann, 9, "good", days_ago=5)
    first = npsync.run("contacts")["run"]
    town.answers(ann, 2, "bad", days_ago=1)
    second = npsync.run("contacts")["run"]

    left = undone(npsync, first, exits=3)
    assert set(why(left).values()) == {f"run {second} wrote it since"}
    undone(npsync, second), undone(npsync, first)

    assert salesforce.score_of(ann) is None
    assert sum(npsync.run("contacts", "--all")["writes"].values()) == 0


def test_a_merged_contact_and_a_deleted_one_are_listed(npsync: Npsync, town: Town, salesforce: Crm):
    ann, bob, cyd = town.person("ann"), town.person("bob"), town.person("cyd")
    town.answers(ann, 9), town.answers(bob, 3)
    run = npsync.run("contacts")["run"]
    town.sandbox.control("DELETE", f"/salesforce/Contact/{ann.contact}")
    town.sandbox.control("POST", f"/salesforce/Contact/{cyd.contact}/merge", {"loser": bob.contact})

    left = undone(npsync, run, exits=3)

    assert {(one["id"], one["reason"]) for one in left["left"]} == {
        (ann.contact, "the record is gone"),
        (bob.contact, f"the record was merged into {cyd.contact}"),
    }


def test_an_undo_needs_the_connection_the_run_wrote_through_but_not_its_sync(
    npsync: Npsync, town: Town, salesforce: Crm
):
    ann = town.person()
    town.answers(ann, 9)
    run = npsync.run("contacts")["run"]
    plain = config()
    renamed = {**plain, "connections": {**plain["connections"], "force": plain["connections"]["crm"]}}
    del renamed["connections"]["crm"]
    renamed["people"] = {"force": plain["people"]["crm"], "hub": plain["people"]["hub"]}
    renamed["sync"] = {"contacts": to_contacts(to="force")}
    npsync.configured(renamed)
    refused = npsync("undo", str(run), "--yes", exits=2)
    assert f'run {run} wrote through the connection "crm", which the file does not name' in refused.err

    without = config()
    del without["sync"]["contacts"]
    npsync.configured(without)
    undone(npsync, run)
    assert salesforce.score_of(ann) is None


# ------------------------------------------------------------ bad days


def test_an_undo_cut_short_by_spent_calls_names_the_command_that_goes_on(
    npsync: Npsync, town: Town, salesforce: Crm
):
    ann = town.person()
    town.answers(ann, 9)
    run = str(npsync.run("contacts")["run"])
    town.sandbox.control("POST", "/salesforce/do/use_calls", {"used": 100_000})
    try:
        told = npsync("undo", run, "--field", "NPS_Score__c", "--yes", exits=3).out
        assert "at today's pace" not in npsync("quota").out  # nothing is left to be spent
    finally:  # the sandbox serves the other tests too
        town.sandbox.control("POST", "/salesforce/do/use_calls", {"used": 0})
    assert f"no run goes on with it by itself: npsync undo {run} --field NPS_Score__c" in told
    assert salesforce.score_of(ann) == 9
    undone(npsync, int(run), "--field", "NPS_Score__c")
    assert salesforce.score_of(ann) is None


def test_an_undo_whose_reply_got_lost_takes_effect_once(npsync: Npsync, town: Town, salesforce: Crm):
    ann, bob = town.person("ann"), town.person("bob")
    town.answers(ann, 9), town.answers(bob, 3)
    run = npsync.run("contacts")["run"]
    town.sandbox.fault("salesforce", "lost_reply", path="composite", times=1)

    npsync("undo", str(run), "--yes", exits=(0, 1, 3))
    undone(npsync, run)

    assert [salesforce.score_of(person) for person in (ann, bob)] == [None, None]
    writes = town.sandbox.control("GET", "/traffic/writes/salesforce/Contact")
    emptied = [
        one for one in writes if one["fields"].get("NPS_Score__c") == [9, None] and one["id"] == ann.contact
    ]
    assert len(emptied) == 1


def test_while_the_sync_runs_elsewhere_nothing_is_undone(npsync: Npsync, town: Town):
    ann = town.person()
    town.answers(ann, 9)
    run = npsync.run("contacts")["run"]
    with npsync.store() as store:
        store.execute(
            "UPDATE lease SET owner = 'elsewhere', until = ?, token = token + 1 WHERE name = 'sync/contacts'",
            (milliseconds(datetime.now(UTC) + timedelta(minutes=30)),),
        )
    busy = npsync("undo", str(run), "--yes", exits=1)
    assert "contacts is being run by another process" in busy.err
