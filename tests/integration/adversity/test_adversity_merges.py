"""Two Salesforce contacts become one, and the loser's address is on no record any more."""

from __future__ import annotations

from cli_process import Npsync
from townspeople import Person, Town


def merge(town: Town, winner: Person, loser: Person) -> None:
    town.sandbox.control("POST", f"/salesforce/Contact/{winner.contact}/merge", {"loser": loser.contact})


def test_a_later_answer_from_the_losers_address_is_on_the_survivor(npsync: Npsync, town: Town):
    ann, home = town.person("ann"), town.person("home")
    town.answers(ann, 9, days_ago=4), town.answers(home, 2, days_ago=3)
    npsync.run()
    merge(town, ann, home)
    town.answers(home, 5, days_ago=1)

    run = npsync.run()

    assert run["states"]["waiting"] == 0
    assert run["match"]["by_rule"]["merged"] == 1
    assert town.in_salesforce(ann)["NPS_Score__c"] == 5
    town.answers(ann, 7, days_ago=2)  # late and older: what the loser said counts for both
    npsync.run()
    assert town.in_salesforce(ann)["NPS_Score__c"] == 5


def test_an_address_that_was_only_taken_off_a_record_waits(npsync: Npsync, town: Town):
    ann = town.person("ann")
    town.answers(ann, 9, days_ago=4)
    npsync.run()
    town.somebody_sets(ann, Email="new@town.example")
    town.answers(ann, 5, days_ago=1)

    assert npsync.run()["states"]["waiting"] == 1
    assert town.in_salesforce(ann)["NPS_Score__c"] == 9
