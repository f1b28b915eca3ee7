"""The second run: nothing new costs nothing; what changed since arrives; what people set themselves stays."""

from __future__ import annotations

import pytest
from cli_process import SALESFORCE_FIELDS, Npsync, config, to_contacts, to_marketing
from townspeople import Town


def test_a_second_run_with_nothing_new_writes_nothing_and_asks_no_crm_for_data(npsync: Npsync, town: Town):
    ann = town.person()
    town.answers(ann, 9)
    first = [npsync.run(sync) for sync in ("contacts", "marketing")]
    assert all(sum(run["writes"].values()) >= 1 for run in first)
    town.sandbox.forget_traffic()

    second = [npsync.run(sync) for sync in ("contacts", "marketing")]

    assert [(run["pulled"], sum(run["writes"].values())) for run in second] == [(0, 0), (0, 0)]
    assert set(town.sandbox.traffic("salesforce")["by_kind"]) == {"token", "describe"}
    assert set(town.sandbox.traffic("hubspot")["by_kind"]) == {"properties"}


def test_a_comment_that_comes_later_joins_its_score_in_both_crms(npsync: Npsync, town: Town):
    ann = town.person()
    answer = town.answers(ann, 6)
    npsync.run("contacts"), npsync.run("marketing")

    town.edits(answer, text='It\'s "fine",\nmostly')
    npsync.run("contacts"), npsync.run("marketing")

    assert town.in_salesforce(ann)["NPS_Comment__c"] == 'It\'s "fine",\nmostly'
    assert town.in_hubspot(ann)["nps_comment"] == 'It\'s "fine",\nmostly'


def test_a_changed_score_changes_score_and_segment(npsync: Npsync, town: Town):
    ann = town.person()
    answer = town.answers(ann, 6)
    npsync.run("contacts")

    town.edits(answer, score=9)
    run = npsync.run("contacts")

    assert (
        run["states"]["written"] == 1
    )  # the newer version; the older one is superseded in the run that took it up
    shown = town.in_salesforce(ann)
    assert (shown["NPS_Score__c"], shown["NPS_Segment__c"]) == (9, "Promoter")


def test_a_withdrawn_answer_gives_way_to_the_one_before(npsync: Npsync, town: Town):
    ann = town.person()
    town.answers(ann, 3, "slow", days_ago=3)
    newest = town.answers(ann, 10, "great", days_ago=1)
    npsync.run("contacts"), npsync.run("marketing")

    town.withdraws(newest)
    npsync.run("contacts"), npsync.run("marketing")

    shown = town.in_salesforce(ann)
    assert (shown["NPS_Score__c"], shown["NPS_Comment__c"], shown["NPS_Trend__c"]) == (3, "slow", "new")
    assert (town.in_hubspot(ann)["nps_score"], town.in_hubspot(ann)["nps_comment"]) == ("3", "slow")


def test_the_only_answer_withdrawn_clears_what_is_still_ours(npsync: Npsync, town: Town):
    ann = town.person()
    only = town.answers(ann, 10, "great")
    npsync.run("contacts")
    town.somebody_sets(ann, NPS_Comment__c="called her, all good")

    town.withdraws(only)
    npsync.run("contacts")

    shown = town.in_salesforce(ann)
    assert [shown[name] for name in ("NPS_Score__c", "NPS_Segment__c", "NPS_Last_Survey__c")] == [None] * 3
    assert shown["NPS_Comment__c"] == "called her, all good"


def test_an_older_answer_that_arrives_late_does_not_replace_a_newer_one(npsync: Npsync, town: Town):
    ann = town.person()
    town.answers(ann, 9, "newest", days_ago=1)
    npsync.run("contacts"), npsync.run("marketing")
    before = town.in_hubspot(ann)

    town.answers(ann, 2, "older", days_ago=4)
    late = npsync.run("contacts")
    npsync.run("marketing")

    assert late["states"]["superseded"] == 1
    shown = town.in_salesforce(ann)
    assert (shown["NPS_Score__c"], shown["NPS_Comment__c"]) == (9, "newest")
    assert shown["NPS_Trend__c"] == "up"  # there is a score before it now
    assert town.in_hubspot(ann) == before


def test_a_value_somebody_set_by_hand_is_kept_until_adopted(npsync: Npsync, town: Town):
    ann = town.person()
    town.answers(ann, 9, "good", days_ago=3)
    npsync.run("contacts")
    town.somebody_sets(ann, NPS_Comment__c="spoke to her")

    town.answers(ann, 4, "bad", days_ago=1)
    run = npsync.run("contacts")

    shown = town.in_salesforce(ann)
    assert (shown["NPS_Score__c"], shown["NPS_Comment__c"]) == (4, "spoke to her")
    assert run["kept"] == {"NPS_Comment__c": 1}

    npsync.run("contacts", "--all", "--adopt")
    assert town.in_salesforce(ann)["NPS_Comment__c"] == "bad"


def test_overwrite_always_takes_a_value_back(npsync: Npsync, town: Town):
    ann = town.person()
    town.answers(ann, 9, "good", days_ago=3)
    npsync.run("marketing")
    town.somebody_sets_in_hubspot(ann, nps_comment="edited by hand", nps_segment="passive")

    town.answers(ann, 10, "even better", days_ago=1)
    run = npsync.run("marketing")

    shown = town.in_hubspot(ann)
    assert (shown["nps_score"], shown["nps_comment"]) == ("10", "even better")
    assert shown["nps_segment"] == "passive"  # not overwrite: always, so it stays somebody else's
    assert run["kept"] == {"nps_segment": 1}


def test_an_expired_score_is_cleared_by_plan_and_journal(npsync: Npsync, town: Town):
    ann = town.person()
    town.answers(ann, 9, "long ago", days_ago=20)
    npsync.run("contacts")
    assert town.in_salesforce(ann)["NPS_Score__c"] == 9
    npsync.configured(config(to_contacts(valid_for="10 days")))

    [planned] = [change for change in npsync.plan("contacts")["changes"] if change["id"] == ann.contact]
    assert planned["fields"]["NPS_Score__c"] == [9, None]
    run = npsync.run("contacts")

    shown = town.in_salesforce(ann)
    assert [shown[name] for name in SALESFORCE_FIELDS] == [None] * 5
    journal = npsync("runs", str(run["run"]), "--changes", "--json").json["changes"]
    assert [change["outcome"] for change in journal if change["id"] == ann.contact] == ["written"]
    assert sum(npsync.run("contacts")["writes"].values()) == 0


def test_only_one_person_is_run_and_the_rest_stays_pending(npsync: Npsync, town: Town):
    ann, ben = town.person("ann"), town.person("ben")
    town.answers(ann, 9), town.answers(ben, 2)
    assert ann.email is not None

    run = npsync.run("contacts", "--only", ann.email.upper(), exits=3)

    assert run["writes"] == {"Contact": 1}
    assert (town.in_salesforce(ann)["NPS_Score__c"], town.in_salesforce(ben)["NPS_Score__c"]) == (9, None)
    assert run["states"]["pending"] == run["pulled"] - 1
    npsync.run("contacts")
    assert town.in_salesforce(ben)["NPS_Score__c"] == 2


def test_a_limit_leaves_the_rest_for_the_next_run(npsync: Npsync, town: Town):
    people = [town.person() for _ in range(4)]
    for person in people:
        town.answers(person, 8)

    first = npsync.run("contacts", "--limit", "2", exits=3)
    # A person's answers are taken together, so it may be more than two; never all of four people's.
    assert 0 < first["states"]["pending"] <= first["pulled"] - 2
    second = npsync.run("contacts")

    assert second["states"]["pending"] == 0
    assert [town.in_salesforce(person)["NPS_Score__c"] for person in people] == [8] * 4


def test_a_changed_mapping_reaches_old_answers_with_all(npsync: Npsync, town: Town):
    ann = town.person()
    town.answers(ann, 9, "good")
    npsync.run("contacts")
    shouting = {**SALESFORCE_FIELDS, "NPS_Comment__c": {"template": "{score}: {comment}", "truncate": 255}}
    npsync.configured(config(to_contacts(fields=shouting)))

    assert sum(npsync.run("contacts")["writes"].values()) == 0
    npsync.run("contacts", "--all")

    assert town.in_salesforce(ann)["NPS_Comment__c"] == "9: good"


def test_full_sees_an_edit_older_than_the_overlap(npsync: Npsync, town: Town):
    ann = town.person()
    old = town.answers(ann, 9, days_ago=60)
    town.answers(town.person(), 7, days_ago=0.1)
    npsync.run("contacts")

    town.edits(old, score=1)
    npsync.run("contacts")
    assert town.in_salesforce(ann)["NPS_Score__c"] == 9
    npsync.run("contacts", "--full")

    assert town.in_salesforce(ann)["NPS_Score__c"] == 1


def test_a_waiting_answer_attaches_when_its_contact_appears(npsync: Npsync, town: Town):
    stranger = town.person("stranger", in_crm=False)
    town.answers(stranger, 8, "who am I?")
    first = npsync.run("contacts")
    assert first["states"]["waiting"] >= 1

    contact = town.contact(stranger.email)
    idle = npsync.run("contacts")
    assert idle["pulled"] == 0  # due again in an hour, not at every run
    npsync.run("contacts", "--recheck")

    row = town.sandbox.control("GET", f"/salesforce/Contact/{contact}")
    assert (row["NPS_Score__c"], row["NPS_Comment__c"]) == (8, "who am I?")


def test_a_waiting_answer_attaches_by_itself_when_its_time_comes(npsync: Npsync, town: Town):
    stranger = town.person("stranger", in_crm=False)
    town.answers(stranger, 3)
    npsync.run("contacts")
    contact = town.contact(stranger.email)

    with npsync.store() as store:  # an hour later
        store.execute(
            "UPDATE answer_state SET look_again = look_again - 3600000 WHERE look_again IS NOT NULL"
        )
    npsync.run("contacts")

    assert town.sandbox.control("GET", f"/salesforce/Contact/{contact}")["NPS_Score__c"] == 3


@pytest.mark.parametrize("named_by", ["answer", "external id", "record"])
def test_one_person_can_be_named_by_any_of_their_ids(npsync: Npsync, town: Town, named_by: str):
    ann = town.person("ann", external_id=f"C-{named_by}")
    answer = town.answers(ann, 9)
    assert ann.contact is not None
    if named_by == "record":  # known since their first answer arrived
        npsync.run("contacts")
        town.edits(answer, score=7)
    town.answers(town.person("ben"), 2)
    who = {"answer": answer, "external id": f"C-{named_by}", "record": ann.contact}[named_by]

    run = npsync.run("contacts", "--only", who)

    assert run["writes"] == {"Contact": 1}
    assert town.in_salesforce(ann)["NPS_Score__c"] == (7 if named_by == "record" else 9)


def test_answers_follow_a_contact_that_hubspot_merged(npsync: Npsync, town: Town):
    ann, twin = town.person("ann"), town.person("ann")
    town.answers(ann, 9, "mine", days_ago=5)
    town.answers(twin, 3, "newest of all", days_ago=2)
    npsync.run("marketing")

    town.sandbox.control("POST", f"/hubspot/contacts/{ann.lead}/merge", {"loser": twin.lead})
    town.answers(ann, 10, "older than the twin's", days_ago=3)
    npsync.run("marketing")

    survivor = town.in_hubspot(ann)
    assert survivor["id"] not in (ann.lead, twin.lead)
    assert (survivor["nps_score"], survivor["nps_comment"]) == ("3", "newest of all")


def test_answers_follow_a_contact_that_salesforce_merged(npsync: Npsync, town: Town):
    ann, twin = town.person("ann"), town.person("ann")
    town.answers(ann, 9, "mine", days_ago=5)
    theirs = town.answers(twin, 3, days_ago=2)
    npsync.run("contacts")

    town.sandbox.control("POST", f"/salesforce/Contact/{ann.contact}/merge", {"loser": twin.contact})
    town.edits(theirs, text="newest of all")
    npsync.run("contacts")

    survivor = town.in_salesforce(ann)
    assert (survivor["NPS_Score__c"], survivor["NPS_Comment__c"]) == (3, "newest of all")
    assert survivor["NPS_Trend__c"] == "down"


def test_two_syncs_that_write_one_field_are_refused(npsync: Npsync):
    npsync.configured(config(marketing={**to_marketing(), "to": "crm", "fields": {"NPS_Score__c": "score"}}))
    refused = npsync("check", "--offline", exits=2)
    assert "NPS_Score__c" in refused.everything
