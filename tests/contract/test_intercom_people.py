"""Whom a conversation was with, and what Intercom knows against asking them."""

from __future__ import annotations

from typing import Any

import pytest
from contract_opening import open_events
from contract_place import Place, unique
from event_table import EVENTS
from fake_clock import fake_tools

from connectors.contract import EventSource, Watch
from nps.events import Hint, PersonKey, Reading, SignalKind, Subject


@pytest.fixture
def source(place: Place) -> EventSource:
    return open_events("intercom", EVENTS["intercom"].settings(place), fake_tools("chat"))


def contact(place: Place, **fields: Any) -> str:
    return str(place.sandbox.control("POST", "/intercom/contacts", fields)["id"])


def closed(place: Place, *people: str) -> str:
    id = place.sandbox.control("POST", "/intercom/conversations", {"contacts": list(people)})["id"]
    place.sandbox.control("POST", "/intercom/do/close_conversation", {"id": id})
    return str(id)


def reading(source: EventSource, conversation: str) -> Reading:
    hint = Hint(connection="chat", key="n", subject=Subject("conversations", conversation))
    (found,) = source.read([Watch("conversation_closed")], [hint])
    return found


def test_the_external_id_goes_before_the_address(place: Place, source: EventSource) -> None:
    external, address = unique("C-"), f"{unique('jo')}@example.com"
    (event,) = reading(source, closed(place, contact(place, external_id=external, email=address))).events
    assert event.person == (PersonKey("external_id", external), PersonKey("email", address))


def test_of_several_people_the_one_who_began_it_is_asked(place: Place, source: EventSource) -> None:
    began, joined = contact(place, external_id=unique("C-")), contact(place, external_id=unique("C-"))
    (event,) = reading(source, closed(place, began, joined)).events
    [key] = event.person
    assert key.value == place.sandbox.control("GET", f"/intercom/contacts/{began}")["external_id"]


def test_a_lead_without_any_key_concerns_nobody_known(place: Place, source: EventSource) -> None:
    (event,) = reading(source, closed(place, contact(place, role="lead"))).events
    assert event.person == ()


def test_a_contact_that_was_merged_since_is_found_by_its_external_id(
    place: Place, source: EventSource
) -> None:
    kept, gone = contact(place, external_id=unique("C-")), contact(place, external_id=unique("C-"))
    conversation = closed(place, gone)
    place.sandbox.control("POST", f"/intercom/contacts/{kept}/merge", {"loser": gone})
    (event,) = reading(source, conversation).events
    assert [key.kind for key in event.person] == ["external_id"]


@pytest.mark.parametrize(
    ("flag", "kind"),
    [
        ("unsubscribed_from_emails", SignalKind.UNSUBSCRIBE),
        ("has_hard_bounced", SignalKind.BOUNCE),
        ("marked_email_as_spam", SignalKind.COMPLAINT),
    ],
)
def test_what_intercom_knows_against_asking_is_handed_on(
    place: Place, source: EventSource, flag: str, kind: SignalKind
) -> None:
    address = f"{unique('jo')}@example.com"
    person = contact(place, email=address)
    conversation = closed(place, person)
    assert reading(source, conversation).signals == ()
    place.sandbox.control("PATCH", f"/intercom/contacts/{person}", {flag: True})
    (signal,) = reading(source, conversation).signals
    assert (signal.kind, signal.address, signal.code) == (kind, address, flag)


@pytest.mark.parametrize("flag", ["unsubscribed_from_emails", "has_hard_bounced", "marked_email_as_spam"])
def test_it_is_handed_on_by_the_external_id_where_there_is_no_address(
    place: Place, source: EventSource, flag: str
) -> None:
    external = unique("C-")
    person = contact(place, external_id=external, email=None)
    conversation = closed(place, person)
    place.sandbox.control("PATCH", f"/intercom/contacts/{person}", {flag: True})
    (signal,) = reading(source, conversation).signals
    assert (signal.address, signal.external_id, signal.code) == (None, external, flag)
