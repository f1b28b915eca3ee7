"""From every source of events to the survey mail, the answer on our own page, and the score on the record. (Segment and
RudderStack are followed in test_asked_about_a_feature.)"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from circle import (
    COHORT_LOGIN,
    FLOW_TOKEN,
    OUTBOUND_SECRET,
    WORKFLOW_KEY,
    Circle,
    asking,
    eventually,
    free_port,
)
from cli_process import Npsync
from sandbox_process import RunningSandbox, running_sandbox
from townspeople import Person, Town


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(customers=1, responses=0) as sandbox:
        yield sandbox


@dataclass(frozen=True)
class Source:
    """Where an event comes from: the trigger, what a vendor is told before, and how the event happens there."""

    trigger: Mapping[str, Any]
    happens: Callable[[Circle, Person], None]
    prepared: Callable[[Circle], None] | None = None  # set up at the vendor; None: npsync polls


def case_of(circle: Circle, person: Person) -> str:
    added: dict[str, str] = circle.control(
        "POST",
        "/salesforce/Case",
        {"Subject": "Help", "Status": "New", "Type": "Problem", "ContactId": person.contact},
    )
    return added["id"]


def closes_a_case(circle: Circle, person: Person) -> None:
    circle.control("POST", "/salesforce/do/close_case", {"id": case_of(circle, person)})


def finishes_onboarding(circle: Circle, person: Person) -> None:
    circle.town.somebody_sets(person, Onboarding__c="Done")


def closes_a_ticket(circle: Circle, person: Person) -> None:
    ticket = circle.control("POST", "/hubspot/tickets", {"subject": "Help", "hs_pipeline_stage": "1"})["id"]
    circle.control("POST", "/hubspot/do/associate", {"contact": person.lead, "ticket": ticket})
    circle.control("POST", "/hubspot/do/close_ticket", {"id": ticket})


def closes_a_conversation(circle: Circle, person: Person) -> None:
    contact = {"email": person.email, "external_id": person.external_id}
    id = circle.control("POST", "/intercom/contacts", contact)["id"]
    conversation = circle.control("POST", "/intercom/conversations", {"contacts": [id]})["id"]
    circle.control("POST", "/intercom/do/close_conversation", {"id": conversation})


def uses_a_feature_of_the_product(circle: Circle, person: Person) -> None:
    told = {
        "event": "Feature Used",
        "distinct_id": person.external_id,
        "properties": {"feature": "bulk_export"},
    }
    circle.control("POST", "/mixpanel/do/track", told)


def comes_into_a_cohort(circle: Circle, person: Person) -> None:
    added = {"mixpanel_distinct_id": person.external_id, "email": person.email}
    circle.control("POST", "/mixpanel/do/sync", {"add": [added]})


def a_flow_calls_out(circle: Circle) -> None:
    hook = {
        "name": "closed",
        "url": f"{circle.url}/hooks/crm",
        "headers": {"X-NPS-Token": FLOW_TOKEN},
    }
    circle.control("POST", "/salesforce/do/callout", hook)


def outbound_messages_go_out(circle: Circle) -> None:
    hook = {"name": "closed", "url": f"{circle.url}/hooks/crm?secret={OUTBOUND_SECRET}"}
    circle.control("POST", "/salesforce/do/outbound_message", hook)


def an_app_has_webhooks(circle: Circle) -> None:
    circle.control("POST", "/hubspot/do/webhooks", {"url": f"{circle.url}/hooks/marketing"})


def a_workflow_sends_webhooks(circle: Circle) -> None:
    webhook = {
        "url": f"{circle.url}/hooks/marketing",
        "body": {"ticket_id": "hs_object_id", "event": {"static": "ticket_closed"}},
        "api_key": {"name": "X-NPS-Token", "value": WORKFLOW_KEY},
    }
    workflow = {"object": "tickets", "property": "hs_pipeline_stage", "value": "4", "webhook": webhook}
    circle.control("POST", "/hubspot/do/workflow", {"name": "closed", **workflow})


def intercom_notifies(circle: Circle) -> None:
    """Intercom asks the address whether anybody is there. Until it has heard so, and that may take a moment under load,
    it tells nobody of what happens, not even later."""

    def is_saved() -> bool:
        before = {one["id"] for one in circle.control("GET", "/deliveries")}
        circle.control("POST", "/intercom/do/webhook", {"url": f"{circle.url}/hooks/chat"})
        circle.control("POST", "/deliveries/settle", {})
        checks = [one for one in circle.control("GET", "/deliveries") if one["id"] not in before]
        return any(one["channel"] == "address check" and one["state"] == "delivered" for one in checks)

    eventually(is_saved, "Intercom takes the address", circle.story)


def a_cohort_is_synced(circle: Circle) -> None:
    """Everybody who is in it already is told at first."""
    login = {"user": COHORT_LOGIN["username"], "password": COHORT_LOGIN["password"]}
    circle.control("POST", "/mixpanel/do/cohort", {"url": f"{circle.url}/hooks/product", **login})
    circle.control("POST", "/mixpanel/do/sync", {"members": [{"mixpanel_distinct_id": "long-a-member"}]})
    circle.control("POST", "/deliveries/settle", {})


CASE = {"event": {"connection": "crm", "kind": "case_closed"}, "where": 'event.Type != "Internal"'}
TICKET = {"event": {"connection": "marketing", "kind": "ticket_closed"}}
CONVERSATION = {"event": {"connection": "chat", "kind": "conversation_closed"}, "people": "crm"}
ONBOARDED = {
    "event": {
        "connection": "crm",
        "kind": "record_changed",
        "object": "Contact",
        "field": "Onboarding__c",
        "to": "Done",
    }
}


EXPORTED = {
    "event": {"connection": "product", "kind": "feature_used", "name": "Feature Used"},
    "people": "crm",
    "where": 'event.properties.feature == "bulk_export"',
}
IN_COHORT = {
    "event": {"connection": "product", "kind": "entered_cohort", "cohort": "Used export"},
    "people": "crm",
}


SOURCES: Mapping[str, Source] = {
    "salesforce polled": Source(CASE, closes_a_case),
    "salesforce flow": Source(CASE, closes_a_case, a_flow_calls_out),
    "salesforce outbound message": Source(CASE, closes_a_case, outbound_messages_go_out),
    "salesforce record changed": Source(ONBOARDED, finishes_onboarding),
    "hubspot polled": Source(TICKET, closes_a_ticket),
    "hubspot app webhooks": Source(TICKET, closes_a_ticket, an_app_has_webhooks),
    "hubspot workflow": Source(TICKET, closes_a_ticket, a_workflow_sends_webhooks),
    "intercom polled": Source(CONVERSATION, closes_a_conversation),
    "intercom webhook": Source(CONVERSATION, closes_a_conversation, intercom_notifies),
    "mixpanel export": Source(EXPORTED, uses_a_feature_of_the_product),
    "mixpanel cohort": Source(IN_COHORT, comes_into_a_cohort, a_cohort_is_synced),
}


@pytest.fixture
def circle(sandbox: RunningSandbox, tmp_path: Path) -> Iterator[Circle]:
    made = Circle(Town(sandbox), Npsync(tmp_path, sandbox.env), f"http://127.0.0.1:{free_port()}")
    yield made
    for vendor, knob, nothing in (
        ("salesforce", "callout", {"name": "closed", "url": None}),
        ("salesforce", "outbound_message", {"name": "closed", "url": None}),
        ("hubspot", "webhooks", {"url": None}),
        ("hubspot", "workflow", {"name": "closed", "property": None}),
        ("intercom", "webhook", {"url": None}),
        ("mixpanel", "cohort", {"url": None}),
    ):
        made.control("POST", f"/{vendor}/do/{knob}", nothing)


@pytest.mark.parametrize("source", list(SOURCES.values()), ids=list(SOURCES))
def test_an_event_asks_by_mail_and_the_answer_comes_back_onto_the_records(
    circle: Circle, source: Source
) -> None:
    person = circle.town.person(external_id=f"C-{id(source)}")
    circle.npsync.configured(asking(source.trigger, circle.url))
    circle.npsync("sends", "accept-empty-ledger")
    circle.npsync("run")  # polls for the first time: from now on
    with circle.serving():
        if source.prepared is not None:
            source.prepared(circle)
        source.happens(circle, person)
        if source.prepared is None:
            circle.npsync("run")
        mail = circle.mail_to(person)
        circle.answered(mail, 9, "They called back")
    circle.npsync("run", "onto-contacts")
    circle.npsync("run", "onto-leads")

    contact, lead = circle.town.in_salesforce(person), circle.town.in_hubspot(person)
    assert (contact["NPS_Score__c"], contact["NPS_Comment__c"]) == (9, "They called back")
    assert (lead["nps_score"], lead["nps_comment"]) == ("9", "They called back")
    circle.npsync("run")  # polling finds again what was pushed; nobody is asked twice
    assert len(circle.mails_to(person)) == 1
    assert person.email not in circle.npsync("invitations", "--json").out
