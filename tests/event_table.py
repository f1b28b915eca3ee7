"""One row per event source: how the contract suites set it up, and how its people make each kind of event happen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from contract_place import Given, Place, unique
from vendor_settings import hubspot, intercom, salesforce


@dataclass(frozen=True)
class Story:
    """One kind of event, as people at the vendor make it happen. `begin` makes its subject, so that nothing happened
    yet; `happen` lets it; `undo` takes it back; `touch` edits something else; `remove` deletes the subject. `recorded`:
    a record stands for it, which a hint can name and which may change; else what was done stays done."""

    kind: str
    object: str
    begin: Callable[[Place], str]
    happen: Callable[[Place, str], None]
    undo: Callable[[Place, str], None] = lambda place, id: None
    touch: Callable[[Place, str], None] = lambda place, id: None
    remove: Callable[[Place, str], None] = lambda place, id: None
    parameters: Given = field(default_factory=dict)
    facts: tuple[str, ...] = ()
    told_late: bool = True  # whether `past` tells it
    recorded: bool = True
    person: str = "record"  # kind of the key that leads to the person


@dataclass(frozen=True)
class EventRow:
    settings: Callable[[Place], Given]
    stories: tuple[Story, ...]


def _salesforce_person(place: Place) -> str:
    fields = {"LastName": "Event", "Email": f"{unique('event')}@acme.example", "Onboarding__c": "Started"}
    return str(place.sandbox.control("POST", "/salesforce/Contact", fields)["id"])


def _salesforce_case(place: Place) -> str:
    fields = {"Subject": "Help", "Status": "New", "Priority": "High", "ContactId": _salesforce_person(place)}
    return str(place.sandbox.control("POST", "/salesforce/Case", fields)["id"])


def _knob(vendor: str, command: str) -> Callable[[Place, str], None]:
    return lambda place, id: place.sandbox.control("POST", f"/{vendor}/do/{command}", {"id": id})


def _set(vendor: str, object: str, **fields: Any) -> Callable[[Place, str], None]:
    return lambda place, id: place.sandbox.control("PATCH", f"/{vendor}/{object}/{id}", fields)


def _remove(vendor: str, object: str) -> Callable[[Place, str], None]:
    return lambda place, id: place.sandbox.control("DELETE", f"/{vendor}/{object}/{id}")


_CASE_CLOSED = Story(
    kind="case_closed",
    object="Case",
    begin=_salesforce_case,
    happen=_knob("salesforce", "close_case"),
    undo=_knob("salesforce", "reopen_case"),
    touch=_set("salesforce", "Case", Subject="Help again"),
    remove=_remove("salesforce", "Case"),
    facts=("Priority", "Contact.Email"),
)
_ONBOARDED = Story(
    kind="record_changed",
    object="Contact",
    begin=_salesforce_person,
    happen=_set("salesforce", "Contact", Onboarding__c="Done"),
    undo=_set("salesforce", "Contact", Onboarding__c="In progress"),
    touch=_set("salesforce", "Contact", Role__c="User"),
    remove=_remove("salesforce", "Contact"),
    parameters={"object": "Contact", "field": "Onboarding__c", "to": "Done"},
    facts=("Role__c",),
    told_late=False,
)


def _hubspot_person(place: Place) -> str:
    fields = {"lastname": "Event", "email": f"{unique('event')}@acme.example", "onboarding": "started"}
    return str(place.sandbox.control("POST", "/hubspot/contacts", fields)["id"])


def _hubspot_ticket(place: Place) -> str:
    fields = {"subject": "Help", "hs_pipeline": "0", "hs_pipeline_stage": "1", "hs_ticket_priority": "HIGH"}
    ticket = str(place.sandbox.control("POST", "/hubspot/tickets", fields)["id"])
    place.sandbox.control(
        "POST", "/hubspot/do/associate", {"ticket": ticket, "contact": _hubspot_person(place)}
    )
    return ticket


_TICKET_CLOSED = Story(
    kind="ticket_closed",
    object="tickets",
    begin=_hubspot_ticket,
    happen=_knob("hubspot", "close_ticket"),
    undo=_knob("hubspot", "reopen_ticket"),
    touch=_set("hubspot", "tickets", subject="Help again"),
    remove=_remove("hubspot", "tickets"),
    facts=("hs_ticket_priority",),
)


def _closed_ticket(place: Place) -> str:
    ticket = _hubspot_ticket(place)
    place.sandbox.control("POST", "/hubspot/do/close_ticket", {"id": ticket})
    return ticket


_TICKET_REOPENED = replace(
    _TICKET_CLOSED,
    kind="ticket_reopened",
    begin=_closed_ticket,
    happen=_TICKET_CLOSED.undo,
    undo=_TICKET_CLOSED.happen,
)
_ONBOARDED_THERE = Story(
    kind="record_changed",
    object="contacts",
    begin=_hubspot_person,
    happen=_set("hubspot", "contacts", onboarding="done"),
    undo=_set("hubspot", "contacts", onboarding="started"),
    touch=_set("hubspot", "contacts", lastname="Touched"),
    remove=_remove("hubspot", "contacts"),
    parameters={"object": "contact", "field": "onboarding", "to": "done"},
    facts=("lastname",),
)


def _conversation(place: Place) -> str:
    contact = place.sandbox.control("POST", "/intercom/contacts", {"external_id": unique("C-")})["id"]
    return str(place.sandbox.control("POST", "/intercom/conversations", {"contacts": [contact]})["id"])


_CONVERSATION_CLOSED = Story(
    kind="conversation_closed",
    object="conversations",
    begin=_conversation,
    happen=_knob("intercom", "close_conversation"),
    undo=_knob("intercom", "reopen_conversation"),
    touch=lambda place, id: place.sandbox.control(
        "POST", "/intercom/do/rate_conversation", {"id": id, "rating": 4}
    ),
    remove=_remove("intercom", "conversations"),
    facts=("title", "statistics.count_reopens"),
    person="external_id",
)


def _mixpanel(place: Place) -> Given:
    env = place.sandbox.env
    return {
        "project_id": env["MIXPANEL_PROJECT"],
        "service_account": {"username": env["MIXPANEL_USER"], "secret": env["MIXPANEL_SECRET"]},
        "base_url": env["MIXPANEL_URL"],
        "every": "0 minutes",
    }


def _feature_used(place: Place, id: str) -> None:
    used = {"event": "Export", "distinct_id": id, "properties": {"feature": "bulk_export"}}
    place.sandbox.control("POST", "/mixpanel/do/track", used)


_FEATURE_USED = Story(
    kind="feature_used",
    object="person",
    begin=lambda place: unique("u-"),
    happen=_feature_used,
    parameters={"name": "Export"},
    facts=("name", "properties.feature"),
    recorded=False,
    person="external_id",
)

EVENTS: Mapping[str, EventRow] = {
    "hubspot": EventRow(hubspot, (_TICKET_CLOSED, _TICKET_REOPENED, _ONBOARDED_THERE)),
    "intercom": EventRow(intercom, (_CONVERSATION_CLOSED,)),
    "mixpanel": EventRow(_mixpanel, (_FEATURE_USED,)),
    "salesforce": EventRow(salesforce, (_CASE_CLOSED, _ONBOARDED)),
}
