"""What account managers see: the NPS of an account's people on the account, in both CRMs, through the command line."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import pytest
from cli_process import Npsync, config, to_contacts, to_marketing
from townspeople import Person, Town

_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Place:
    """One of the CRMs: its sync, its accounts, and how people belong to them."""

    town: Town
    vendor: str
    sync: str
    object: str
    nps: str
    responses: str

    def account(self, name: str) -> str:
        added = self.town.sandbox.control(
            "POST", f"/{self.vendor}/{self.object}", {_NAME[self.vendor]: f"{name} {next(_NUMBERS)}"}
        )
        return str(added["id"])

    def hire(self, account: str, name: str) -> Person:
        person = self.town.person(name)
        if self.vendor == "salesforce":
            self.town.somebody_sets(person, AccountId=account)
        else:
            told = {"contact": person.lead, "company": account, "primary": True}
            self.town.sandbox.control("POST", "/hubspot/do/associate", told)
        return person

    def moves(self, person: Person, account: str) -> None:
        if self.vendor == "salesforce":
            self.town.somebody_sets(person, AccountId=account)
        else:
            told = {"contact": person.lead, "company": account, "primary": True}
            self.town.sandbox.control("POST", "/hubspot/do/associate", told)

    def shows(self, account: str) -> tuple[Any, Any]:
        """(NPS, responses) as the CRM shows them."""
        row = self.town.sandbox.control("GET", f"/{self.vendor}/{self.object}/{account}")
        row = row.get("properties", row)
        nps, responses = (_whole(row.get(name)) for name in (self.nps, self.responses))
        return nps, responses


def _whole(shown: Any) -> int | None:
    return None if shown in (None, "") else int(float(shown))


_NAME = {"salesforce": "Name", "hubspot": "name"}


def yaml(**account: Any) -> dict[str, Any]:
    """Both syncs with account figures; `account` changes what is said below that key."""
    there = {"NPS__c": "nps", "NPS_Responses__c": "responses", "NPS_Margin__c": "margin"}
    here = {"nps": "nps", "nps_responses": "responses", "nps_detractors": "detractors"}
    told = config(
        to_contacts(account={"min_responses": 2, "fields": there, **account}),
        to_marketing(account={"min_responses": 2, "fields": here, **account}),
    )
    told["people"]["crm"]["account"] = {"object": "Account", "by": "AccountId"}
    told["people"]["hub"]["account"] = {"object": "companies", "by": "primary_company"}
    return told


@pytest.fixture(params=["salesforce", "hubspot"])
def place(request: pytest.FixtureRequest, town: Town, npsync: Npsync) -> Place:
    npsync.configured(yaml())
    if request.param == "salesforce":
        return Place(town, "salesforce", "contacts", "Account", "NPS__c", "NPS_Responses__c")
    return Place(town, "hubspot", "marketing", "companies", "nps", "nps_responses")


def test_a_score_arrives_and_the_account_shows_it_and_what_is_behind_it(place: Place, npsync: Npsync) -> None:
    acme = place.account("Acme")
    ann, bob, cy = (place.hire(acme, name) for name in ("ann", "bob", "cy"))
    place.town.answers(ann, 10, days_ago=3)
    npsync.run(place.sync)
    assert place.shows(acme) == (None, 1)  # one answer is no figure

    place.town.answers(bob, 9, days_ago=2)
    place.town.answers(cy, 3, "Nobody calls back", days_ago=1)
    planned = npsync.plan(place.sync)
    assert {acme} == {one["id"] for one in planned["accounts"]}
    assert [_whole(value) for value in planned["accounts"][0]["fields"][place.nps]] == [None, 33]
    assert place.shows(acme) == (None, 1)

    report = npsync.run(place.sync)
    assert report["rolled_up"]["writes"] == {place.object: 1}
    assert place.shows(acme) == (33, 3)
    assert npsync.run(place.sync).get("rolled_up") is None  # nothing happened, nothing is worked out

    why = npsync("why", acme).out
    for said in ("33", "2 promoters", "1 detractor", str(bob.email)):
        assert said in why
    assert f"{place.nps} shows 33: that is what its people answered" in " ".join(why.split())

    # What was written is told apart from what its people come to since.
    npsync.configured(yaml(window="60 hours"))
    why = " ".join(npsync("why", acme).out.split())
    assert f"{place.nps} shows 33, as run" in why
    assert f"its people now come to 0. The next roll-up writes it: npsync run {place.sync} --accounts" in why
    assert "they now come to 2" in why
    npsync("run", place.sync, "--accounts")
    assert "now come to" not in npsync("why", acme).out


def test_answers_age_out_and_people_move_and_the_night_notices(place: Place, npsync: Npsync) -> None:
    acme, beta = place.account("Acme"), place.account("Beta")
    ann, bob = place.hire(acme, "ann"), place.hire(acme, "bob")
    place.town.answers(ann, 10, days_ago=20)
    place.town.answers(bob, 0, days_ago=2)
    npsync.run(place.sync)
    assert place.shows(acme) == (0, 2)

    place.moves(bob, beta)
    rolled_up = npsync("run", place.sync, "--accounts", "--json").json
    assert rolled_up["everything"] is True
    assert (place.shows(acme), place.shows(beta)) == ((None, 1), (None, 1))

    npsync.configured(yaml(window="10 days"))
    npsync("run", place.sync, "--accounts")
    assert (place.shows(acme), place.shows(beta)) == ((None, 0), (None, 1))


def test_a_roll_up_is_a_run_that_is_listed_undone_and_redone(place: Place, npsync: Npsync) -> None:
    acme = place.account("Acme")
    for name, score in (("ann", 10), ("bob", 9)):
        place.town.answers(place.hire(acme, name), score)
    run = npsync.run(place.sync)["rolled_up"]["run"]
    assert place.shows(acme) == (100, 2)
    [listed] = [one for one in npsync("runs", "--json").json["runs"] if one["run"] == run]
    assert (listed["sync"], listed["kind"], listed["status"]) == (
        f"{place.sync}/account",
        "roll-up",
        "succeeded",
    )

    npsync("undo", str(run), "--yes")
    assert place.shows(acme) == (None, None)
    npsync("run", place.sync, "--accounts")
    assert place.shows(acme) == (None, None)
    npsync("redo", str(run), "--yes")
    assert place.shows(acme) == (100, 2)


@pytest.mark.parametrize("place", ["salesforce"], indirect=True)
def test_what_somebody_changes_on_an_account_is_found_and_stays_theirs(place: Place, npsync: Npsync) -> None:
    acme = place.account("Acme")
    for name in ("ann", "bob"):
        place.town.answers(place.hire(acme, name), 10)
    npsync.run(place.sync)
    theirs = {place.nps: 50 if place.vendor == "salesforce" else "50"}
    place.town.sandbox.control("PATCH", f"/{place.vendor}/{place.object}/{acme}", theirs)
    verified = npsync("verify", place.sync, "--json", exits=3).json
    assert verified["records_drifted"] == 0
    assert verified["accounts"]["drift_by_field"] == {place.nps: {"changed": 1}}
    assert "set by somebody" in npsync("why", acme).out
    assert npsync("run", place.sync, "--accounts", "--json").json["kept"] == {place.nps: 1}
    assert place.shows(acme) == (50, 2)


@pytest.mark.parametrize("place", ["hubspot"], indirect=True)
def test_what_is_due_is_worked_out_by_a_plain_run_too(place: Place, npsync: Npsync) -> None:
    acme = place.account("Acme")
    ann = place.hire(acme, "ann")
    place.town.answers(ann, 10)
    told = yaml()
    del told["sync"][place.sync]["account"]
    npsync.configured(told)
    npsync.run(place.sync)
    assert place.shows(acme) == (None, None)
    npsync.configured(yaml(min_responses=1))
    npsync("run", exits=(0, 3))
    assert place.shows(acme) == (100, 1)
