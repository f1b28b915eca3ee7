"""What would differ had a changed mapping always been live: told field by field, with nothing written anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from caring_config import IN_SALESFORCE, caring
from cli_process import HUBSPOT_FIELDS, SALESFORCE_FIELDS, Npsync, config, to_contacts, to_marketing
from townspeople import Person, Town

IN_WORDS = {"from": "segment", "map": {"promoter": "Promoter", "passive": "Passive", "detractor": "Passive"}}


@pytest.fixture(autouse=True)
def nobody_answered_before(town: Town) -> None:
    for row in town.sandbox.rows("wootric", "responses"):
        town.sandbox.control("DELETE", f"/wootric/responses/{row['id']}")


@pytest.fixture
def people(town: Town) -> list[Person]:
    """Two unhappy people and a happy one."""
    them = [town.person(name) for name in ("ann", "bob", "eve")]
    for one, score in zip(them, (3, 4, 10), strict=True):
        town.answers(one, score, "hm", days_ago=3)
    return them


def untouched(npsync: Npsync, town: Town, sync: str) -> dict[str, Any]:
    """The plan of everything, and proof that making it left no trace."""
    before = npsync("db", "dump").out
    town.sandbox.forget_traffic()
    plan = npsync.plan(sync, "--all")
    text = npsync("plan", sync, "--all").out
    assert npsync("db", "dump").out == before
    for vendor in ("salesforce", "hubspot"):
        assert town.sandbox.traffic(vendor)["records_written"] == {}
    assert max(map(len, text.splitlines())) <= 100
    told: dict[str, Any] = plan["what_if"]
    return told | {"text": text, "cost": plan["cost"], "followed": plan["followed"]}


def changed(fields: Mapping[str, Any], **keys: Any) -> dict[str, Any]:
    return {"fields": {**fields, **keys}}


def test_another_map_tells_whom_it_would_have_changed_in_salesforce(
    npsync: Npsync, town: Town, people: list[Person]
):
    npsync.run("contacts")
    ann, bob, _ = people
    town.somebody_sets(bob, NPS_Segment__c="Promoter")
    fields = {name: one for name, one in SALESFORCE_FIELDS.items() if name != "NPS_Comment__c"}
    always = IN_WORDS | {"overwrite": "always"}
    npsync.configured(config(contacts=to_contacts(**changed(fields, NPS_Segment__c=always))))

    told = untouched(npsync, town, "contacts")

    assert (told["records"], told["unaffected"], told["new_answers"]) == (2, 1, 0)
    assert set(told["fields"]) == {"NPS_Segment__c"}
    segment = told["fields"]["NPS_Segment__c"]
    assert (segment["records"], segment["written_by_the_mapping_before"], segment["set_by_somebody"]) == (
        2,
        1,
        1,
    )
    examples = {one["id"]: (one["old"], one["new"]) for one in segment["examples"]}
    assert examples == {ann.contact: ("Detractor", "Passive"), bob.contact: ("Promoter", "Passive")}
    assert told["left_behind"] == {"NPS_Comment__c": 3}
    assert told["cost"]["crm"] >= 1
    assert "2 records would show something else, 1 would not" in told["text"]
    assert "1 as the mapping before wrote, 1 as somebody set it" in told["text"]
    assert "NPS_Comment__c is not mapped any more: npsync wrote it to 3 records" in told["text"]

    npsync.run("contacts", "--all")
    assert [town.in_salesforce(one)["NPS_Segment__c"] for one in people] == ["Passive", "Passive", "Promoter"]
    assert untouched(npsync, town, "contacts")["records"] == 0


def test_a_new_condition_tells_whose_answers_it_leaves_out_and_lets_in(
    npsync: Npsync, town: Town, people: list[Person]
):
    npsync.run("marketing")
    npsync.configured(config(marketing=to_marketing(where='segment != "promoter"')))
    told = untouched(npsync, town, "marketing")
    assert told["deciding"] == {"before": 3, "after": 2}
    assert told["excluded"]["filtered"] == {"before": 0, "after": 1}
    assert (told["records"], told["unaffected"]) == (1, 2)
    assert all(one["would_be_emptied"] == 1 for one in told["fields"].values())
    assert "1 answer instead of 0 left out by `where`" in told["text"]

    npsync.run("marketing", "--all")
    assert town.in_hubspot(people[2]).get("nps_score") in (None, "")
    npsync.configured(config())
    back = untouched(npsync, town, "marketing")
    assert back["deciding"] == {"before": 2, "after": 3}
    assert back["fields"]["nps_score"]["empty"] == 1


def test_hubspot_tells_a_new_field_and_an_answer_that_came_in_meanwhile(
    npsync: Npsync, town: Town, people: list[Person]
):
    npsync.run("marketing")
    town.answers(people[0], 9, days_ago=1)
    words = {**HUBSPOT_FIELDS, "nps_comment": {"template": "{segment}: {comment}", "overwrite": "always"}}
    npsync.configured(config(marketing=to_marketing(fields=words)))
    told = untouched(npsync, town, "marketing")
    assert told["new_answers"] == 1
    assert told["fields"]["nps_comment"]["records"] == 3
    assert told["fields"]["nps_score"]["records"] == 1
    assert "1 answer came in since the last run" in told["text"]


def test_kept_answers_that_would_be_rewritten_are_counted(npsync: Npsync, town: Town, people: list[Person]):
    npsync.configured(caring({"history": IN_SALESFORCE}))
    npsync.run("contacts")
    other: dict[str, Any] = {**IN_SALESFORCE, "fields": {**IN_SALESFORCE["fields"], "Comment__c": "channel"}}
    npsync.configured(caring({"history": other}))
    told = untouched(npsync, town, "contacts")
    assert told["records"] == 0
    assert told["followed"]["history"] == {"updated": 3, "examples": told["followed"]["history"]["examples"]}
    assert "answers kept: 3 to update" in told["text"]


def test_the_accounts_that_would_show_something_else_are_told_too(
    npsync: Npsync, town: Town, people: list[Person]
):
    acme = town.sandbox.control("POST", "/salesforce/Account", {"Name": "Acme"})["id"]
    for one in people:
        town.somebody_sets(one, AccountId=acme)
    rolled_up = {"min_responses": 2, "fields": {"NPS__c": "nps"}}

    def configured(**keys: Any) -> None:
        told = config(contacts=to_contacts(account=rolled_up, **keys))
        told["people"]["crm"]["account"] = {"object": "Account", "by": "AccountId"}
        npsync.configured(told)

    configured()
    npsync.run("contacts")
    assert town.sandbox.control("GET", f"/salesforce/Account/{acme}")["NPS__c"] == -33
    configured(where="score != 3")
    plan = npsync.plan("contacts", "--all")
    assert plan["what_if"]["deciding"] == {"before": 3, "after": 2}
    assert [(one["id"], one["fields"]["NPS__c"]) for one in plan["accounts"]] == [(acme, [-33, 0])]


def test_a_plan_of_what_is_new_alone_asks_no_what_if(npsync: Npsync, people: list[Person]):
    assert "what_if" not in npsync.plan("contacts")
    assert "always been live" not in npsync("plan", "contacts").out
