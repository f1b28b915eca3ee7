"""What somebody changed since our last write is kept or overwritten as `overwrite:` says, and the report tells it."""

from __future__ import annotations

from typing import Any

import pytest
from cli_process import HUBSPOT_FIELDS, SALESFORCE_FIELDS, Npsync, config, to_contacts, to_marketing
from townspeople import Person, Town


def edited(npsync: Npsync, town: Town, overwrite: dict[str, Any], **fields: Any) -> Person:
    """Ann answered and was written; then somebody edits the contact, and a newer answer waits."""
    comment = {**SALESFORCE_FIELDS["NPS_Comment__c"], **overwrite}
    npsync.configured(config(to_contacts(fields={**SALESFORCE_FIELDS, "NPS_Comment__c": comment})))
    ann = town.person()
    town.answers(ann, 9, "good", days_ago=5)
    npsync.run("contacts")
    town.somebody_sets(ann, **fields)
    town.answers(ann, 4, "bad", days_ago=1)
    return ann


@pytest.mark.parametrize(
    ("overwrite", "flags", "shown"),
    [
        ({"overwrite": "if_ours"}, (), "spoke to her"),
        ({"overwrite": "if_ours"}, ("--adopt",), "bad"),
        ({"overwrite": "if_empty"}, (), "spoke to her"),
        ({"overwrite": "if_newer", "newer_than": "NPS_Last_Survey__c"}, (), "bad"),
        ({"overwrite": "always"}, (), "bad"),
    ],
    ids=["if_ours", "if_ours and --adopt", "if_empty", "if_newer", "always"],
)
def test_an_edit_is_kept_or_overwritten_and_told(
    npsync: Npsync, town: Town, overwrite: dict[str, Any], flags: tuple[str, ...], shown: str
):
    ann = edited(npsync, town, overwrite, NPS_Comment__c="spoke to her")
    is_kept = shown == "spoke to her"
    planned, plan = npsync("plan", "contacts", *flags).out, npsync.plan("contacts", *flags)
    told = npsync("run", "contacts", *flags).out

    assert town.in_salesforce(ann)["NPS_Comment__c"] == shown
    assert town.in_salesforce(ann)["NPS_Score__c"] == 4
    run = npsync("runs", "--json", "--limit", "1").json["runs"][0]
    for report in (plan, run["report"]):
        assert (report["kept"], report["overwritten"]) == (
            ({"NPS_Comment__c": 1}, {}) if is_kept else ({}, {"NPS_Comment__c": 1})
        )
    line = "kept as somebody set them" if is_kept else "overwritten although somebody changed it"
    assert f"{line}: NPS_Comment__c 1" in planned
    assert f"  {line}: NPS_Comment__c 1" in told
    assert f"  {line}: NPS_Comment__c 1" in npsync("runs", str(run["run"])).out


def test_a_survey_date_that_somebody_set_later_keeps_the_field(npsync: Npsync, town: Town):
    overwrite = {"overwrite": "if_newer", "newer_than": "NPS_Last_Survey__c"}
    ann = edited(npsync, town, overwrite, NPS_Comment__c="spoke to her", NPS_Last_Survey__c="2099-01-01")

    run = npsync.run("contacts")

    assert town.in_salesforce(ann)["NPS_Comment__c"] == "spoke to her"
    assert run["kept"] == {"NPS_Comment__c": 1, "NPS_Last_Survey__c": 1}


def test_what_somebody_emptied_is_filled_again_and_told(npsync: Npsync, town: Town):
    ann = edited(npsync, town, {}, NPS_Comment__c=None)

    run = npsync.run("contacts")

    assert town.in_salesforce(ann)["NPS_Comment__c"] == "bad"
    assert (run["kept"], run["overwritten"]) == ({}, {"NPS_Comment__c": 1})


def test_what_a_withdrawn_answer_leaves_to_somebody_is_told_too(npsync: Npsync, town: Town):
    ann = town.person()
    only = town.answers(ann, 9, "good", days_ago=5)
    npsync.run("contacts")
    town.somebody_sets(ann, NPS_Comment__c="spoke to her")
    town.withdraws(only)

    assert npsync.run("contacts")["kept"] == {"NPS_Comment__c": 1}
    assert town.in_salesforce(ann)["NPS_Comment__c"] == "spoke to her"


def test_an_edit_in_hubspot_is_told_in_the_same_way(npsync: Npsync, town: Town):
    fields = {**HUBSPOT_FIELDS, "nps_comment": {**HUBSPOT_FIELDS["nps_comment"], "overwrite": "always"}}
    npsync.configured(config(marketing=to_marketing(fields=fields)))
    ann = town.person()
    town.answers(ann, 9, "good", days_ago=5)
    npsync.run("marketing")
    town.somebody_sets_in_hubspot(ann, nps_comment="spoke to her", nps_segment="passive")
    town.answers(ann, 4, "bad", days_ago=1)

    run = npsync.run("marketing")

    assert (run["kept"], run["overwritten"]) == ({"nps_segment": 1}, {"nps_comment": 1})


def test_an_edit_is_not_overwritten_by_a_run_that_could_not_write(npsync: Npsync, town: Town):
    ann = edited(npsync, town, {"overwrite": "always"}, NPS_Comment__c="spoke to her")
    town.sandbox.fault("salesforce", "status", status=503, path="composite", times=50)
    try:
        run = npsync.run("contacts", exits=(1, 3))
    finally:
        town.sandbox.control("DELETE", "/faults")
    assert (run["overwritten"], town.in_salesforce(ann)["NPS_Comment__c"]) == ({}, "spoke to her")
    assert npsync.run("contacts")["overwritten"] == {"NPS_Comment__c": 1}
