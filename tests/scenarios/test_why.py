"""`npsync why` on real records: who wrote what, for which answer, and what became of it since."""

from __future__ import annotations

from typing import Any

import pytest
from cli_process import Npsync, config, to_contacts
from townspeople import Person, Town


@pytest.fixture
def npsync(npsync: Npsync) -> Npsync:
    """One sync alone: its records are the ones told."""
    only = config()
    only["sync"] = {"contacts": to_contacts()}
    npsync.configured(only)
    return npsync


def why(npsync: Npsync, who: str | None, *flags: str, exits: int = 0) -> dict[str, Any]:
    story: dict[str, Any] = npsync("why", str(who), "--json", *flags, exits=exits).json
    return story


def record_of(npsync: Npsync, who: str | None, *flags: str, exits: int = 0) -> dict[str, Any]:
    (record,) = why(npsync, who, *flags, exits=exits)["records"]
    return dict(record)


def field(record: dict[str, Any], name: str = "NPS_Score__c") -> dict[str, Any]:
    return next(one for one in record["fields"] if one["name"] == name)


def line_of(npsync: Npsync, text: str, *, below: int = 0) -> str:
    lines = (npsync.folder / "npsync.yaml").read_text("utf-8").splitlines()
    return f"npsync.yaml:{below + next(number for number, line in enumerate(lines, 1) if text in line)}"


def test_the_answer_its_rule_and_their_lines_stand_behind_the_score(npsync: Npsync, town: Town):
    ann = town.person("o'brien+vip", external_id="C-77")
    answer = town.answers(ann, 3, "slow; “ünïcode”")
    run = npsync.run()["run"]
    told = record_of(npsync, ann.email)
    assert field(told) | {"at": None} == {
        "name": "NPS_Score__c",
        "sync": "contacts",
        "line": line_of(npsync, '"NPS_Score__c": "score"'),
        "because": "answer",
        "shows": 3,
        "ours": 3,
        "run": run,
        "at": None,
        "answer": f"email-nps:{answer}",
        "undid": None,
        "held": False,
        "overwrite": "if_ours",
        "attempt": None,
        "is_due": False,
        "comes_to": None,
    }
    (deciding,) = [one for one in told["answers"] if one["decides"]]
    assert (deciding["rule"], deciding["key"]) == ("external_id = Customer_Id__c", "C-77")
    assert deciding["rule_line"] == line_of(npsync, '"match": [', below=1)
    text = npsync("why", str(ann.contact)).out
    assert "NPS_Score__c shows 3 because Adler answered 3 (detractor)" in one_line(text)
    assert f"run {run} wrote it. The CRM still shows all of it." in one_line(text)
    assert all(len(line) <= 100 for line in text.splitlines())


def test_any_key_leads_to_the_same_story(npsync: Npsync, town: Town):
    ann = town.person(external_id="C-78")
    answer = town.answers(ann, 9)
    npsync.run()
    ways = [ann.email, "C-78", ann.contact, str(ann.contact)[:15], answer, f"email-nps:{answer}"]
    assert [record_of(npsync, way)["id"] for way in ways] == [ann.contact] * len(ways)
    assert [record_of(npsync, way, "--offline")["id"] for way in ways] == [ann.contact] * len(ways)


def test_a_colleagues_edit_is_told_as_theirs(npsync: Npsync, town: Town):
    ann = town.person()
    town.answers(ann, 9, "great")
    npsync.run()
    town.somebody_sets(ann, NPS_Score__c=4, NPS_Comment__c=None)
    told = record_of(npsync, ann.contact)
    assert (field(told)["because"], field(told)["shows"], field(told)["ours"]) == ("changed", 4, 9)
    assert field(told, "NPS_Comment__c")["because"] == "emptied"
    assert field(told, "NPS_Segment__c")["because"] == "answer"
    assert "NPS_Score__c shows 4 because somebody set it since; npsync last wrote 9" in one_line(
        npsync("why", str(ann.contact)).out
    )


def test_what_an_undo_took_back_is_told_until_a_newer_answer_comes(npsync: Npsync, town: Town):
    ann = town.person()
    first = town.answers(ann, 9, days_ago=3)
    npsync.run()
    town.answers(ann, 2, days_ago=2)
    run = npsync.run()["run"]
    npsync("undo", str(run), "--yes")
    told = record_of(npsync, ann.contact)
    score = field(told)
    assert (score["because"], score["shows"], score["undid"], score["held"]) == ("undone", 9, run, True)
    assert score["answer"] == f"email-nps:{first}"
    assert [one["undone_by"] for one in told["writes"] if one["run"] == run] == [[score["run"]]]
    assert f"npsync redo {score['run']}" in one_line(npsync("why", str(ann.contact)).out)
    npsync("redo", str(run), "--yes")
    score = field(record_of(npsync, ann.contact))
    assert (score["because"], score["shows"]) == ("answer", 2)
    town.answers(ann, 10, days_ago=1)
    npsync.run()
    assert field(record_of(npsync, ann.contact))["because"] == "answer"


def test_a_withdrawn_answer_and_the_one_behind_it(npsync: Npsync, town: Town):
    ann = town.person()
    old, new = town.answers(ann, 9, days_ago=3), town.answers(ann, 2, days_ago=2)
    npsync.run()
    town.withdraws(new)
    npsync.run("contacts", "--full")
    told = record_of(npsync, ann.contact)
    assert (field(told)["because"], field(told)["answer"]) == ("answer", f"email-nps:{old}")
    fates = {(one["id"], one["version"]): one["code"] for one in told["answers"]}
    assert fates[new, 1] == "edited"
    assert fates[new, 2] in ("withdrawn", "excluded_at_source")
    town.withdraws(old)
    npsync.run("contacts", "--full")
    told = record_of(npsync, ann.contact)
    assert (field(told)["because"], field(told)["shows"]) == ("cleared", None)


def test_a_record_nobody_touched_says_so_and_succeeds(npsync: Npsync, town: Town):
    ann = town.person()
    npsync.run()
    for who in (ann.contact, str(ann.contact)[:15], ann.email):
        assert f"npsync never wrote to {ann.contact}." in npsync("why", str(who)).out


def test_somebody_unknown_is_told_where_was_looked_and_what_to_do(npsync: Npsync, town: Town):
    told = npsync("why", "nobody@nowhere.example", exits=1).out
    assert 'Nothing is known of "nobody@nowhere.example".' in told
    assert "crm Contact (id, Customer_Id__c, Email)" in one_line(told)
    assert "npsync run SYNC" in told


def test_two_contacts_with_one_address_are_told_one_by_one(npsync: Npsync, town: Town):
    ann = town.person()
    twin = town.contact(ann.email)
    answer = town.answers(ann, 3)
    npsync.run()
    story = why(npsync, ann.email)
    assert {one["id"] for one in story["records"]} == {ann.contact, twin}
    for record in story["records"]:
        (asking,) = record["answers"]
        assert (asking["id"], asking["state"], set(asking["candidates"])) == (
            answer,
            "review",
            {ann.contact, twin},
        )


def test_the_survivor_of_a_merge_tells_what_was_written_before(npsync: Npsync, town: Town):
    ann = town.person()
    town.answers(ann, 3, days_ago=3)
    first = npsync.run()["run"]
    survivor = town.contact("ann@elsewhere.example")
    town.sandbox.control("POST", f"/salesforce/Contact/{survivor}/merge", {"loser": ann.contact})
    told = record_of(npsync, ann.contact)
    assert (told["id"], told["absorbed"]) == (survivor, [ann.contact])
    assert [one["run"] for one in told["writes"]] == [first]
    town.answers(ann, 10, days_ago=1)
    npsync.run()
    score = field(record_of(npsync, ann.email))
    assert (score["because"], score["shows"]) == ("answer", 10)


def test_both_answers_of_two_merged_contacts_say_what_became_of_them(npsync: Npsync, town: Town):
    ann, bob = town.person("ann"), town.person("bob")
    town.answers(ann, 3)
    town.answers(bob, 9)
    npsync.run()
    town.sandbox.control("POST", f"/salesforce/Contact/{bob.contact}/merge", {"loser": ann.contact})
    told = npsync("why", str(ann.contact)).out
    assert "3 (detractor)" in told
    assert f"written on {ann.contact}" in " ".join(told.split())
    assert "written:" not in told


def test_where_a_sync_has_not_looked_yet_it_is_named(npsync: Npsync, town: Town):
    npsync.configured(config())
    ann, twin = town.person("ann"), town.person("twin")
    town.somebody_sets(twin, Email=ann.email)
    town.answers(ann, 3)
    npsync.run("contacts", exits=3)
    told = " ".join(npsync("why", str(ann.email)).out.split())
    assert "[marketing] 3 (detractor)" in told
    assert "pending: stored; the sync's next run takes it up" in told


def test_an_unknown_credential_costs_the_look_and_not_the_story(npsync: Npsync, town: Town):
    ann = town.person()
    town.answers(ann, 3)
    npsync.run()
    locked_out = npsync.with_env(SF_SECRET="not-the-secret")
    story = why(locked_out, ann.contact, exits=3)
    (problem,) = story["problems"]
    assert problem.startswith("crm could not be looked at")
    assert "not-the-secret" not in problem
    (record,) = story["records"]
    assert (record["looked"], field(record)["ours"]) == (False, 3)
    offline = record_of(locked_out, ann.contact, "--offline")
    assert field(offline)["ours"] == 3


def test_a_field_that_left_the_mapping_is_still_told(npsync: Npsync, town: Town):
    ann: Person = town.person()
    town.answers(ann, 3, "slow")
    npsync.run()
    without = config()
    without["sync"] = {"contacts": to_contacts(fields={"NPS_Score__c": "score"})}
    npsync.configured(without)
    told = record_of(npsync, ann.contact)
    assert field(told)["because"] == "answer"
    unmapped = field(told, "NPS_Comment__c")
    assert (unmapped["line"], unmapped["because"], unmapped["shows"]) == (None, "answer", "slow")


def one_line(text: str) -> str:
    return " ".join(text.split())
