"""What tools of this kind get wrong again and again, one test per defect: those that show where values travel.

The numbers are those of docs/reliability.md, which lists every defect with the test that fails when npsync has it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cli_process import Npsync, config
from townspeople import Town

AWKWARD = 'It\'s "so-so" {score},\r\nreally: \\ \u201cmeh\u201d, ünïcode, 😀; =1+1'
JOB = 14
SHOWN = AWKWARD.replace("\r\n", "\n")


def test_defect_05_an_apostrophe_arrives_as_one(npsync: Npsync, town: Town):
    brien = town.person(email="pat.o'brien@town.example")
    town.answers(brien, 9, "that's O'Brien's")

    npsync.run("contacts"), npsync.run("marketing")

    assert town.in_salesforce(brien)["NPS_Comment__c"] == "that's O'Brien's"
    assert town.in_hubspot(brien)["nps_comment"] == "that's O'Brien's"


def test_defect_06_quotes_and_line_ends_in_a_comment_break_no_request(npsync: Npsync, town: Town):
    ann, bob = town.person(), town.person("bob")
    town.answers(ann, 2, AWKWARD)
    town.answers(bob, 9)

    npsync.run("contacts"), npsync.run("marketing")

    assert town.in_salesforce(ann)["NPS_Comment__c"] == SHOWN
    assert town.in_hubspot(ann)["nps_comment"] == SHOWN
    assert town.in_salesforce(bob)["NPS_Score__c"] == 9


def test_defect_09_a_bulk_file_has_the_fields_of_all_records_and_not_of_the_first(npsync: Npsync, town: Town):
    in_bulk(npsync, town)
    silent, *talking = (town.person() for _ in range(JOB))
    town.answers(silent, 0)  # a detractor is written first, and this one said nothing
    for one in talking:
        town.answers(one, 10, "wonderful")

    npsync.run("contacts")

    assert town.in_salesforce(silent)["NPS_Score__c"] == 0
    assert {town.in_salesforce(one)["NPS_Comment__c"] for one in talking} == {"wonderful"}


def test_defect_12_an_address_with_an_apostrophe_finds_its_record_and_no_other(npsync: Npsync, town: Town):
    trap = town.person(email="x'or'1'='1@town.example")
    bystander = town.person("bystander")
    town.answers(trap, 3)

    npsync.run("contacts"), npsync.run("marketing")

    assert town.in_salesforce(trap)["NPS_Score__c"] == 3
    assert town.in_hubspot(trap)["nps_score"] == "3"
    assert town.in_salesforce(bystander)["NPS_Score__c"] is None
    assert town.in_hubspot(bystander).get("nps_score") is None


def test_defect_19_a_date_is_the_day_it_was_where_the_business_is(npsync: Npsync, town: Town):
    ann = town.person()
    yesterday = (datetime.now(UTC) - timedelta(days=2)).replace(hour=3, minute=30, second=0, microsecond=0)
    days_ago = (datetime.now(UTC) - yesterday) / timedelta(days=1)
    town.answers(ann, 9, days_ago=days_ago)  # 03:30 UTC: still the evening before in New York

    npsync.run("contacts"), npsync.run("marketing")

    there = (yesterday - timedelta(days=1)).date().isoformat()
    assert town.in_salesforce(ann)["NPS_Last_Survey__c"] == there
    assert town.in_hubspot(ann)["nps_last_survey"] == there


def test_defect_25_bulk_rows_with_quoted_line_ends_and_umlauts_all_come_back(npsync: Npsync, town: Town):
    in_bulk(npsync, town)
    people = [town.person() for _ in range(JOB)]
    for one in people:
        town.answers(one, 7, AWKWARD)

    town.sandbox.forget_traffic()

    run = npsync.run("contacts")

    assert run["writes"] == {"Contact": JOB}
    assert town.sandbox.traffic("salesforce")["by_kind"].get("collections_update") is None
    assert [town.in_salesforce(one)["NPS_Comment__c"] for one in people] == [SHOWN] * JOB


def test_defect_32_a_failure_inside_a_success_is_a_failure(npsync: Npsync, town: Town):
    fine, refused = town.person(), town.person("bob")
    town.answers(fine, 9)
    town.answers(refused, 9)
    town.sandbox.fault("salesforce", "validation", path=str(refused.contact), times=None)

    run = npsync.run("contacts", exits=3)
    town.sandbox.control("DELETE", "/faults")

    assert (run["states"]["written"], run["states"]["rejected"]) == (1, 1)
    assert town.in_salesforce(refused)["NPS_Score__c"] is None


def in_bulk(npsync: Npsync, town: Town) -> None:
    """The next run writes by a bulk job, cheaper than so many calls of one record each. It is done at once."""
    written: dict[str, Any] = config()
    written["connections"]["crm"]["write"] = {"bulk_threshold": 1, "chunk_size": 1}
    npsync.configured(written)
    town.sandbox.fault("salesforce", "bulk_slow", detail={"polls": 0})
