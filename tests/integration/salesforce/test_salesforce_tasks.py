"""Tasks: one per answer, whatever gets lost on the way, and what is told about whom they are for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from builders_salesforce import CONTACT, Answer, Opened, described, field, ok, org, page
from played_tasks import ACME, ANN, BOB, KEY_FIELD, OLGA, TASK, played, refusal, task

from connectors.contract import OWNER_REFUSED, Owner, Priority
from connectors.marking import mark, marker
from nps.changes import Made, Rejected, Unknown, Written
from nps.errors import AccessError, ConfigError

WITH_KEY = [*TASK, KEY_FIELD]
NOBODYS = "hostile \"quotes\" 'and' <b>html</b> &amp; \u202eright to left\u202c 😀 שלום"


def test_a_task_says_whom_it_is_about_who_does_it_and_by_when() -> None:
    with played(WITH_KEY) as there:
        [made] = Opened().salesforce.give([task()])
        [(method, path, [sent])] = there.calls
    assert isinstance(made, Made)
    assert made.record_id == "nps/1"
    assert (method, path) == ("PATCH", "composite/sobjects/Task/NPS_Event_Id__c")
    assert sent == {
        "attributes": {"type": "Task"},
        "Subject": "Call Ann",
        "Description": "Scored 3",
        "ActivityDate": "2026-11-24",
        "WhoId": ANN,
        "WhatId": ACME,
        "OwnerId": OLGA,
        "Priority": "High",
        "NPS_Event_Id__c": mark("nps/1"),
    }


@pytest.mark.parametrize("fields", [TASK, WITH_KEY], ids=["by its mark", "by its key"])
def test_giving_a_task_twice_makes_one_and_leaves_what_people_changed(fields: list[dict[str, Any]]) -> None:
    with played(fields) as there:
        salesforce = Opened().salesforce
        [first] = salesforce.give([task()])
        [id] = there.rows
        there.rows[id]["Subject"] = "Called, waiting"
        [second, other] = salesforce.give([task(), task("nps/2")])
        assert first == second == Made("nps/1", id)
        assert isinstance(other, Made)
        assert other.id != id
        assert there.rows[id]["Subject"] == "Called, waiting"
        assert len(there.rows) == 2


@pytest.mark.parametrize("fields", [TASK, WITH_KEY], ids=["by its mark", "by its key"])
def test_a_task_whose_reply_was_lost_is_found_again(fields: list[dict[str, Any]]) -> None:
    with played(fields) as there:
        salesforce = Opened().salesforce
        there.lose = 9
        [lost] = salesforce.give([task()])
        assert isinstance(lost, Unknown)
        assert salesforce.given([task(), task("nps/2")]) == {"nps/1": next(iter(there.rows))}
        assert len(there.rows) == 1


def test_a_task_without_an_external_id_is_never_sent_twice() -> None:
    with played() as there:
        there.lose = 1
        assert isinstance(next(iter(Opened().salesforce.give([task()]))), Unknown)
        assert [method for method, _, _ in there.calls] == ["POST"]


def test_a_task_that_salesforce_stumbles_over_takes_its_call_along_once() -> None:
    with played() as there:
        there.stumbles = lambda one: one["WhoId"] == BOB
        tasks = [task(), task("nps/2", record_id=BOB), task("nps/3")]
        opened = Opened()
        assert [type(one) for one in opened.salesforce.give(tasks)] == [Unknown] * 3
        assert opened.salesforce.given(tasks) == {}
        again = Opened(memory=opened.memory)  # another process
        told = {one.record_id: type(one) for one in again.salesforce.give([*tasks, task("nps/4")])}
        assert told == {"nps/1": Made, "nps/2": Unknown, "nps/3": Made, "nps/4": Made}
        assert [len(records) for _, _, records in there.calls] == [3, 1, 1, 1, 1]
        there.stumbles = lambda one: False
        assert isinstance(next(iter(again.salesforce.give(tasks[1:2]))), Made)
        assert not opened.memory.get([f"doubt task {mark(one.key)}" for one in tasks])


def test_a_task_made_before_the_org_had_the_field_is_found_by_its_mark() -> None:
    with played() as there:
        list(Opened().salesforce.give([task()]))
        rows = there.rows
    with played(WITH_KEY) as there:
        there.rows = rows
        assert set(Opened().salesforce.given([task()])) == {"nps/1"}


def test_one_refused_task_does_not_sink_the_others() -> None:
    with played() as there:
        there.refuse = lambda one: refusal("REQUIRED_FIELD_MISSING", "Type") if one["WhoId"] == BOB else None
        told = list(Opened().salesforce.give([task(), task("nps/2", record_id=BOB), task("nps/3")]))
        assert {one.record_id: type(one) for one in told} == {"nps/1": Made, "nps/2": Rejected, "nps/3": Made}
        assert len(there.calls) == 1


@pytest.mark.parametrize(
    "said",
    [refusal("OPERATION_WITH_INACTIVE_OWNER"), refusal("INVALID_CROSS_REFERENCE_KEY", "OwnerId")],
    ids=["by its code", "by the field it blames"],
)
def test_an_owner_who_left_is_told_apart(said: dict[str, Any]) -> None:
    with played() as there:
        there.refuse = lambda one: said
        [refused] = Opened().salesforce.give([task()])
    assert isinstance(refused, Rejected)
    assert (refused.code, refused.field) == (OWNER_REFUSED, "OwnerId")
    assert said["statusCode"] in refused.message


@pytest.mark.parametrize(
    ("about", "ends"),
    [
        ({"object": "Contact"}, {"WhoId": ANN, "WhatId": ACME}),
        ({"object": "Contact", "account": None}, {"WhoId": ANN}),
        ({"object": "Lead", "record_id": "00Q000000000001AAA"}, {"WhoId": "00Q000000000001AAA"}),
        ({"object": "Account", "record_id": ACME}, {"WhatId": ACME}),
        ({"object": "Thing__c", "record_id": "a01000000000001AAA"}, {"WhatId": "a01000000000001AAA"}),
    ],
)
def test_a_person_is_named_by_who_and_anything_else_by_what(
    about: dict[str, Any], ends: dict[str, str]
) -> None:
    with played(Lead=[field("Id", "id")], Case=[field("Id", "id")]) as there:
        list(Opened().salesforce.give([task(**about)]))
        [sent] = there.sent
    assert {name: sent[name] for name in ("WhoId", "WhatId") if name in sent} == ends


PERSON_ACCOUNT = [
    field("Id", "id"),
    field("IsPersonAccount", "boolean"),
    field("PersonContactId", "reference"),
]


@pytest.mark.parametrize(("names", "ends"), [("person", {"WhoId": ANN}), ("account", {"WhatId": ACME})])
def test_a_task_about_a_person_account_names_the_person(names: str, ends: dict[str, str]) -> None:
    with played(Account=PERSON_ACCOUNT) as there:
        there.rows[ACME] = {"PersonContactId": ANN}
        about = task(object="Account", record_id=ACME)
        list(Opened(person_account_tasks=names).salesforce.give([about]))
        [sent] = there.sent
    assert {name: sent[name] for name in ("WhoId", "WhatId") if name in sent} == ends


def test_a_task_about_a_case_names_the_case_and_its_contact() -> None:
    case = "500000000000001AAA"
    with played(Case=[field("Id", "id"), field("ContactId", "reference")]) as there:
        there.rows[case] = {"ContactId": ANN}
        list(Opened().salesforce.give([task(object="Case", record_id=case)]))
        [sent] = there.sent
    assert (sent["WhoId"], sent["WhatId"]) == (ANN, case)


def test_where_contacts_may_be_person_accounts_the_person_alone_is_named() -> None:
    with played(Contact=[*CONTACT, field("IsPersonAccount", "boolean")]) as there:
        list(Opened().salesforce.give([task()]))
        [sent] = there.sent
    assert sent["WhoId"] == ANN
    assert "WhatId" not in sent


def test_whatever_people_wrote_arrives_as_it_is() -> None:
    with played() as there:
        list(Opened().salesforce.give([task(body=NOBODYS, subject=NOBODYS)]))
        [sent] = there.sent
    assert sent["Description"] == f"{NOBODYS}\n\n{marker('nps/1')}"
    assert sent["Subject"] == NOBODYS


def test_a_long_text_is_cut_and_keeps_its_mark() -> None:
    with played() as there:
        salesforce = Opened().salesforce
        list(salesforce.give([task(body="😀" * 33_000, subject="long " * 100)]))
        [sent] = there.sent
        assert set(salesforce.given([task()])) == {"nps/1"}
    text = sent["Description"]
    assert len(text.encode("utf-16-le")) // 2 <= 32_000
    assert text.endswith(f"…\n\n{marker('nps/1')}")
    assert text.startswith("😀" * 15_000)
    assert len(sent["Subject"]) <= 255
    assert sent["Subject"].endswith("…")


def test_a_priority_the_org_does_not_have_is_left_to_the_org() -> None:
    with played() as there:
        list(Opened().salesforce.give([task(priority=Priority.LOW)]))
        [sent] = there.sent
    assert "Priority" not in sent


@pytest.mark.parametrize("wrong", [{"externalId": False}, {"unique": False}, {"updateable": False}])
def test_a_key_field_that_cannot_tell_tasks_apart_is_a_matter_of_the_settings(wrong: dict[str, Any]) -> None:
    with played([*TASK, {**KEY_FIELD, **wrong}]) as there:
        with pytest.raises(ConfigError, match=r"NPS_Event_Id__c.*external id and unique"):
            list(Opened(task_key_field="NPS_Event_Id__c").salesforce.give([task()]))
        assert not there.calls


def test_a_key_field_that_is_not_there_is_a_matter_of_the_settings() -> None:
    with played(), pytest.raises(ConfigError, match='Task has no field "NPS_Event__c"'):
        list(Opened(task_key_field="NPS_Event__c").salesforce.give([task()]))


def test_what_became_of_tasks() -> None:
    completed = field("CompletedDateTime", "datetime", updateable=False)
    rows = [
        {
            "Id": "00T000000000001AAA",
            "IsClosed": True,
            "OwnerId": OLGA,
            "CompletedDateTime": "2026-11-24T09:00:00.000+0000",
        },
        {"Id": "00T000000000002AAA", "IsClosed": False, "OwnerId": OLGA, "CompletedDateTime": None},
    ]
    with org() as there:
        there.describes("Task", [*TASK, completed])
        there.finds(lambda soql: page(rows))
        ids = [*(row["Id"] for row in rows), "00T000000000003AAA"]
        told = Opened().salesforce.task_states(ids)
    assert set(told) == {row["Id"] for row in rows}
    assert not told[ids[0]].is_open
    assert told[ids[0]].closed_at == datetime(2026, 11, 24, 9, tzinfo=UTC)
    assert told[ids[1]].is_open
    assert told[ids[1]].owner == OLGA


def test_taking_tasks_away_twice_is_as_good_as_once() -> None:
    with played() as there:
        salesforce = Opened().salesforce
        [made] = salesforce.give([task()])
        assert isinstance(made, Made)
        assert (
            list(salesforce.take_away([made.id]))
            == list(salesforce.take_away([made.id]))
            == [Written(made.id)]
        )
        assert [type(one) for one in salesforce.take_away(["not an id"])] == [Rejected]
        assert not there.rows


def test_owners_are_people_and_queues() -> None:
    queue = "00G000000000001AAA"
    user = {"Id": OLGA, "Name": "Olga", "Email": "olga@acme.example", "IsActive": False}
    with org() as there:
        there.finds(lambda soql: page([user] if "FROM User" in soql else [{"Id": queue, "Name": "Care"}]))
        told = Opened().salesforce.owners([OLGA, queue, "003000000000009AAA"])
        assert "Type = 'Queue'" in there.queries[1]
    assert told == {OLGA: Owner(OLGA, "Olga", "olga@acme.example", False), queue: Owner(queue, "Care")}


def test_an_address_that_two_people_share_names_nobody() -> None:
    both = [{"Id": id, "Name": "", "Email": "", "IsActive": True} for id in (OLGA, "005000000000002AAA")]
    with org() as there:
        there.finds(lambda soql: page(both if "'both@acme.example'" in soql else []))
        salesforce = Opened().salesforce
        assert salesforce.owner_of("o'brien@acme.example") is None
        with pytest.raises(ConfigError, match="2 active users share the address"):
            salesforce.owner_of("both@acme.example")
        assert "IsActive = true" in there.queries[0]
        assert "o\\'brien" in there.queries[0]


CASE = [
    field("Id", "id"),
    field("ContactId", "reference"),
    field("IsClosed", "boolean"),
    field("CreatedDate", "datetime"),
    field("Subject"),
]


def test_cases_are_the_open_and_the_recent_ones_latest_first() -> None:
    rows = [
        {
            "Id": f"50000000000000{n}AAA",
            "Subject": f"Case {n}",
            "Status": "New",
            "IsClosed": n == 2,
            "ContactId": ANN,
        }
        | {"CreatedDate": f"2026-11-0{n}T09:00:00.000+0000", "ClosedDate": None}
        for n in (1, 2)
    ]
    with org() as there:
        there.describes("Case", CASE)
        there.finds(lambda soql: page(rows))
        told = Opened().salesforce.cases("Contact", [ANN], datetime(2026, 10, 1, tzinfo=UTC))
        assert there.queries[0].startswith("SELECT Id, ContactId, IsClosed, CreatedDate, Subject FROM Case")
        assert "(IsClosed = false OR CreatedDate >= 2026-10-01T00:00:00+00:00)" in there.queries[0]
    assert [(case.subject, case.is_open) for case in told[ANN]] == [("Case 2", False), ("Case 1", True)]


@pytest.mark.parametrize("some", [True, False], ids=["a field is hidden", "all are"])
def test_without_access_to_cases_a_task_says_less(some: bool) -> None:
    with org() as there:
        hidden: Answer = (404, {}, b"[]")
        there.answers("GET", "sobjects/Case/describe", ok(described("Case", CASE[:3])) if some else hidden)
        opened = Opened()
        assert opened.salesforce.cases("Contact", [ANN], datetime(2026, 10, 1, tzinfo=UTC)) == {}
        assert ("salesforce_cases_not_visible", {}) in opened.notices
        assert opened.salesforce.cases("Lead", [ANN], datetime(2026, 10, 1, tzinfo=UTC)) == {}


def test_a_record_is_read_on_the_orgs_own_pages() -> None:
    with org() as there:
        there.finds(lambda soql: ok({"done": True, "records": []}))
        opened = Opened()
        assert opened.salesforce.page("Contact", ANN[:15]) == f"https://acme.my.salesforce.com/{ANN}"
        assert opened.salesforce.page("Contact", "not an id") == ""


def test_an_org_that_refuses_every_task_stops_the_run() -> None:
    with played() as there:
        there.refuse = lambda one: refusal("INSUFFICIENT_ACCESS_OR_READONLY")
        with pytest.raises(AccessError, match="npsync connect"):
            list(Opened().salesforce.give([task(f"nps/{n}") for n in range(25)]))
        assert not there.rows
