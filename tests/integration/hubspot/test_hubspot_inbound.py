"""What HubSpot pushes: an app's webhooks and a workflow's, genuine ones and all the others."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.contract import Posted, Refused, Taken
from connectors.hubspot import CONNECTOR, signatures
from connectors.hubspot.settings import HubSpotSettings
from nps.events import Hint, Subject

SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
KEY = "workflow-key-0123456789"
URL = "https://nps.acme.com/hooks/hub"
NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
MOVED = {
    "eventId": 3816279340,
    "subscriptionId": 25,
    "portalId": 33,
    "appId": 1160452,
    "occurredAt": 1462216307945,
    "subscriptionType": "ticket.propertyChange",
    "attemptNumber": 0,
    "objectId": 1246965,
    "propertyName": "hs_pipeline_stage",
    "propertyValue": "4",
    "changeSource": "CRM_UI",
}


def posted(body: bytes, headers: dict[str, str], *, url: str = URL, at: datetime = NOW) -> Posted:
    return Posted("POST", url, {name.lower(): value for name, value in headers.items()}, body, at)


def signed(said: object, *, at: datetime = NOW, url: str = URL, sent: datetime | None = None) -> Posted:
    """As HubSpot signs it, written here anew: version 3."""
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    stamp = str(int((sent or at).timestamp() * 1000))
    digest = hmac.new(SECRET.encode(), b"POST" + url.encode() + body + stamp.encode(), sha256).digest()
    headers = {
        "X-HubSpot-Signature-v3": base64.b64encode(digest).decode(),
        "X-HubSpot-Request-Timestamp": stamp,
    }
    return posted(body, headers, url=url, at=at)


def workflow(said: object, *, at: datetime = NOW) -> Posted:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    return posted(body, {"X-NPS-Token": KEY}, at=at)


def receive(request: Posted, **hooks: Any) -> Taken:
    given = {"client_secret": SECRET, "api_key": KEY, "portal_id": 33, **hooks}
    wanted = {name: value for name, value in given.items() if value is not None}
    assert CONNECTOR.inbound is not None
    reader = CONNECTOR.inbound(HubSpotSettings.model_validate({"token": "pat", "hooks": wanted}), Path())
    assert reader is not None
    return reader.receive(request)


def hints(taken: Taken) -> list[Hint]:
    assert all(isinstance(one, Hint) for one in taken.arrivals)
    return [one for one in taken.arrivals if isinstance(one, Hint)]


def refused(request: Posted, status: int, code: str, **hooks: Any) -> None:
    with pytest.raises(Refused) as caught:
        receive(request, **hooks)
    assert (caught.value.status, caught.value.code) == (status, code)
    assert SECRET not in str(caught.value)
    assert KEY not in str(caught.value)


# ---------------------------------------------------------------- known answers


EXAMPLE = (
    b'[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,'
    b'"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM",'
    b'"changeFlag":"NEW","appId":54321}]'
)
WEBHOOK = "https://www.example.com/webhook_uri"


def test_the_vendors_example_of_version_1() -> None:
    assert (
        signatures.v1(SECRET, EXAMPLE) == "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"
    )


def test_the_vendors_examples_of_version_2() -> None:
    assert (
        signatures.v2(SECRET, "GET", WEBHOOK, b"")
        == "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e"
    )
    assert (
        signatures.v2(SECRET, "POST", WEBHOOK, b'{"example_field":"example_value"}')
        == "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900"
    )


def test_the_vendors_example_of_version_3() -> None:
    body = b"{'example_field':'example_value'}"
    assert (
        signatures.v3(SECRET, "POST", WEBHOOK, body, "1693657560000")
        == "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="
    )


def test_version_3_decodes_twelve_characters_of_the_address_and_no_other() -> None:
    coded = "https://x.example/a%3A%2f%3F%40%21%24%27%28%29%2A%2C%3B?b=%20%2B%25%3D%26%23%C3%A4"
    assert signatures.decoded(coded) == "https://x.example/a:/?@!$'()*,;?b=%20%2B%25%3D%26%23%C3%A4"


# ---------------------------------------------------------------- proof


def test_a_signed_webhook_names_the_ticket_and_nothing_else() -> None:
    taken = receive(signed([MOVED]))
    assert (taken.reply.status, taken.reply.body) == (204, b"")
    [hint] = hints(taken)
    assert hint.subject == Subject("tickets", "1246965")
    assert hint.key == "webhook/33/25/1246965/hs_pipeline_stage/1462216307945/3816279340"
    assert hint.occurred_at == datetime(2016, 5, 2, 19, 11, 47, 945000, UTC)
    assert (hint.kind, hint.person, dict(hint.facts)) == (None, (), {})


@pytest.mark.parametrize("seconds", [-299, 0, 30])
def test_a_timestamp_within_five_minutes_is_taken(seconds: int) -> None:
    receive(signed([MOVED], sent=NOW + timedelta(seconds=seconds)))


@pytest.mark.parametrize("seconds", [-301, 61, 86_400 * 365])
def test_a_replayed_or_future_timestamp_is_refused(seconds: int) -> None:
    refused(signed([MOVED], sent=NOW + timedelta(seconds=seconds)), 401, "stale")


@pytest.mark.parametrize("stamp", ["", "x", "1e12", "-5", "9" * 16, "9" * 40, "1795320000000.5"])
def test_a_timestamp_that_is_none_is_refused(stamp: str) -> None:
    request = signed([MOVED])
    headers = {**request.headers, "x-hubspot-request-timestamp": stamp}
    refused(posted(request.body, headers), 401, "stale")


def test_a_changed_body_address_or_secret_is_refused() -> None:
    request = signed([MOVED])
    refused(posted(request.body + b" ", dict(request.headers)), 401, "bad_signature")
    refused(posted(request.body, dict(request.headers), url=URL + "/x"), 401, "bad_signature")
    refused(request, 401, "bad_signature", client_secret="another-secret")
    refused(posted(request.body, {**request.headers, "x-hubspot-signature-v3": ""}), 401, "bad_signature")


def test_a_wrong_signature_is_not_made_up_for_by_a_right_key() -> None:
    request = signed([MOVED])
    headers = {**request.headers, "x-hubspot-signature-v3": "AAAA", "x-nps-token": KEY}
    refused(posted(request.body, headers), 401, "bad_signature")


def test_version_3_is_preferred_to_the_others() -> None:
    request = signed([MOVED])
    headers = {**request.headers, "x-hubspot-signature": "wrong", "x-hubspot-signature-version": "v1"}
    receive(posted(request.body, headers))


def test_a_workflow_may_sign_by_version_2() -> None:
    body = b'{"ticket_id": "55"}'
    headers = {
        "X-HubSpot-Signature": signatures.v2(SECRET, "POST", URL, body),
        "X-HubSpot-Signature-Version": "v2",
    }
    [hint] = hints(receive(posted(body, headers)))
    assert hint.subject == Subject("tickets", "55")
    refused(posted(body + b" ", headers), 401, "bad_signature")
    refused(posted(body, headers, url=URL + "?a=b"), 401, "bad_signature")


def test_version_1_is_taken_only_where_the_yaml_says_so() -> None:
    body = json.dumps([MOVED]).encode()
    headers = {"X-HubSpot-Signature": signatures.v1(SECRET, body), "X-HubSpot-Signature-Version": "v1"}
    refused(posted(body, headers), 401, "version")
    assert hints(receive(posted(body, headers), accept_v1=True))
    refused(posted(body + b" ", headers), 401, "bad_signature", accept_v1=True)


@pytest.mark.parametrize("headers", [{}, {"X-NPS-Token": "wrong"}, {"X-NPS-Token": ""}, {"X-NPS-Token": "ä"}])
def test_without_any_proof_nothing_is_taken(headers: dict[str, str]) -> None:
    refused(posted(b"{}", headers), 401, "unsigned")


def test_an_api_key_may_come_as_a_bearer_or_in_the_address() -> None:
    body = b'{"ticket_id": "55"}'
    receive(posted(body, {"Authorization": f"Bearer {KEY}"}), header="Authorization")
    receive(posted(body, {}, url=f"{URL}?key={KEY}"), header="key")


# ---------------------------------------------------------------- an app's events


def test_a_hundred_events_in_both_spellings_are_taken_once_each() -> None:
    told = [{**MOVED, "eventId": n} for n in range(98)]
    old = {name: value for name, value in MOVED.items() if name != "subscriptionType"}
    told.append({**old, "eventType": "ticket.propertyChange", "eventId": 98})
    told.append({**MOVED, "subscriptionType": "object.propertyChange", "objectTypeId": "0-5", "eventId": 99})
    found = hints(receive(signed(told)))
    assert len({one.key for one in found}) == 100
    assert {one.subject for one in found} == {Subject("tickets", "1246965")}


def test_an_attempt_again_is_the_same_hint_and_another_change_is_not() -> None:
    [first] = hints(receive(signed([MOVED])))
    [again] = hints(receive(signed([MOVED | {"attemptNumber": 3}])))
    [other] = hints(receive(signed([MOVED | {"occurredAt": 1462216307946}])))
    assert first.key == again.key != other.key


def test_events_of_other_accounts_and_of_no_interest_are_left_out_and_answered_all_the_same() -> None:
    told = [
        MOVED | {"portalId": 34},
        MOVED | {"subscriptionType": "ticket.deletion"},
        MOVED | {"subscriptionType": "contact.privacyDeletion"},
        MOVED | {"subscriptionType": "conversation.newMessage"},
        {"subscriptionType": "ticket.propertyChange", "portalId": 33},
        {},
    ]
    taken = receive(signed(told))
    assert taken.arrivals == ()
    assert taken.reply.status == 204


def test_a_merge_names_the_record_that_is_left() -> None:
    merged = {**MOVED, "subscriptionType": "ticket.merge", "primaryObjectId": 1, "newObjectId": 9}
    [hint] = hints(receive(signed([merged])))
    assert hint.subject == Subject("tickets", "9")


@pytest.mark.parametrize("body", [b"", b"{", b'"x"', b"[1]", b"\xff", json.dumps([MOVED] * 101).encode()])
def test_a_body_that_cannot_be_read_is_refused(body: bytes) -> None:
    refused(signed(body), 400, "unreadable")


def test_a_body_of_ten_megabytes_is_refused() -> None:
    refused(signed(b" " * 10_000_000), 413, "too_large")


# ---------------------------------------------------------------- a workflow


@pytest.mark.parametrize(
    ("body", "subject"),
    [
        ({"ticket_id": "55", "email": "x@evil.example"}, Subject("tickets", "55")),
        ({"ticketId": 55}, Subject("tickets", "55")),
        ({"contact_id": "7", "survey": "csat"}, Subject("contacts", "7")),
        ({"vid": 7, "properties": {"email": {"value": "x@evil.example"}}}, Subject("contacts", "7")),
        ({"object": "deal", "id": "8"}, Subject("deals", "8")),
        ({"objectTypeId": "0-5", "objectId": 55}, Subject("tickets", "55")),
        ({"hs_object_id": "55", "hs_pipeline_stage": "4"}, Subject("tickets", "55")),
        ({"properties": {"hs_object_id": {"value": "7"}, "email": {"value": "x"}}}, Subject("contacts", "7")),
    ],
)
def test_a_workflow_may_name_its_record_in_many_ways(body: object, subject: Subject) -> None:
    [hint] = hints(receive(workflow(body)))
    assert hint.subject == subject
    assert "evil" not in repr(hint)


def test_a_record_enrolled_again_is_another_hint() -> None:
    body = {"ticket_id": "55", "event": "ticket_closed"}
    [first] = hints(receive(workflow(body)))
    [later] = hints(receive(workflow(body, at=NOW + timedelta(days=1))))
    assert first.key != later.key
    assert first.kind == "ticket_closed"


@pytest.mark.parametrize(
    "body", [{}, {"ticket_id": "x"}, {"id": "5"}, {"ticket_id": True}, {"ticket_id": "9" * 30}]
)
def test_a_workflow_that_names_no_record_hears_so(body: object) -> None:
    refused(workflow(body), 400, "no_record")


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("hooks", "why"),
    [
        ({}, "client_secret"),
        ({"api_key": "short"}, "16 characters"),
        ({"api_key": KEY, "accept_v1": True}, "beside client_secret"),
        ({"api_key": KEY, "portal_id": "acme"}, "Hub ID"),
    ],
)
def test_hooks_that_would_let_anybody_in_are_refused(hooks: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        HubSpotSettings.model_validate({"token": "pat", "hooks": hooks})


def test_what_is_not_configured_is_not_taken() -> None:
    assert CONNECTOR.inbound is not None
    reader = CONNECTOR.inbound(HubSpotSettings.model_validate({"token": "pat"}), Path())
    assert reader is not None
    with pytest.raises(Refused, match="nothing that is pushed"):
        reader.receive(signed([MOVED]))
    refused(workflow({"ticket_id": "5"}), 401, "unsigned", api_key=None)
    refused(signed([MOVED]), 401, "unsigned", client_secret=None)
