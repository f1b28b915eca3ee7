"""A run is taken back: what it wrote is restored where it still shows, the rest is told, and nothing comes back."""

from __future__ import annotations

from typing import Any

from cli_process import Npsync
from townspeople import Town

NPS = ("NPS_Score__c", "NPS_Segment__c", "NPS_Last_Survey__c", "NPS_Comment__c", "NPS_Trend__c")


def undone(npsync: Npsync, run: int, *flags: str, exits: int = 0) -> dict[str, Any]:
    (one,) = npsync("undo", str(run), "--yes", "--json", *flags, exits=exits).json["runs"]
    return one


def fields(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in NPS}


def test_undo_puts_back_what_a_salesforce_run_changed_and_the_next_run_leaves_it(npsync: Npsync, town: Town):
    ann = town.person()
    town.answers(ann, 9, "good", days_ago=5)
    npsync.run("contacts")
    before = fields(town.in_salesforce(ann))
    town.answers(ann, 2, "bad", days_ago=1)
    run = npsync.run("contacts")["run"]
    assert town.in_salesforce(ann)["NPS_Score__c"] == 2

    undo = undone(npsync, run)

    assert fields(town.in_salesforce(ann)) == before
    assert (undo["status"], undo["writes"], undo["undoes"]) == ("succeeded", {"Contact": 1}, run)
    again = npsync.run("contacts", "--all", "--adopt")
    assert again["writes"] == {"Contact": 0}
    assert again["undone"]["NPS_Score__c"] == 1
    assert fields(town.in_salesforce(ann)) == before

    town.answers(ann, 10, "great", days_ago=0)
    npsync.run("contacts")
    assert town.in_salesforce(ann)["NPS_Score__c"] == 10
