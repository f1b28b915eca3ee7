"""What Salesforce pushes: a flow's callout and outbound messages, genuine ones and all the others."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from builders_salesforce import settings
from pydantic import ValidationError

from connectors.contract import Posted, Refused, Taken
from connectors.salesforce import CONNECTOR
from nps.events import Hint, Subject

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
TOKEN, SECRET, SIGNED = "flow-token-0123456789", "outbound-secret-012345", "hmac-secret-0123456789"
ORG, OTHER_ORG = "00DHs000000000AMAQ", "00DHs000000000BMAQ"
CASE, CASE_15 = "500Hs000000001AIAQ", "500Hs000000001A"
CLOSED = {
    "event": "case_closed",
    "orgId": ORG[:15],
    "caseId": CASE,
    "caseNumber": "00001026",
    "contactId": "003Hs000000001AIAQ",
    "email": "mallory@evil.example",
    "closedAt": "2026-01-02T03:04:05Z",
}


def posted(body: object, /, query: str = "", at: datetime = NOW, **headers: str) -> Posted:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    return Posted("POST", f"https://nps.acme.com/hooks/crm{query}", named, raw, at)


def receive(request: Posted, **hooks: Any) -> Taken:
    given = {"token": TOKEN, "url_secret": SECRET, "org_id": ORG, **hooks}
    assert CONNECTOR.inbound is not None
    reader = CONNECTOR.inbound(settings(hooks={k: v for k, v in given.items() if v is not None}), Path())
    assert reader is not None
    return reader.receive(request)


def flow(body: object, **more: Any) -> Posted:
    return posted(body, **{"x_nps_token": TOKEN, **more})


def hint(taken: Taken) -> Hint:
    [only] = taken.arrivals
    assert isinstance(only, Hint)
    return only


def refused(request: Posted, status: int, code: str, **hooks: Any) -> None:
    with pytest.raises(Refused) as caught:
        receive(request, **hooks)
    assert (caught.value.status, caught.value.code) == (status, code)
    for secret in (TOKEN, SECRET, SIGNED, "mallory"):
        assert secret not in str(caught.value)


# ---------------------------------------------------------------- a flow


def test_a_callout_names_the_case_and_nothing_of_its_person() -> None:
    taken = receive(flow(CLOSED))
    assert (taken.reply.status, taken.reply.body) == (202, b'{"status":"accepted"}')
    said = hint(taken)
    assert (said.kind, said.subject) == ("case_closed", Subject("Case", CASE))
    assert said.occurred_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert said.person == ()
    assert dict(said.facts) == {}
    assert "mallory" not in repr(said)


def test_a_retry_is_the_same_hint_and_another_closing_is_not() -> None:
    later = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
    key = hint(receive(flow(CLOSED))).key
    assert hint(receive(flow(CLOSED, at=later))).key == key
    assert hint(receive(flow(CLOSED | {"closedAt": "2026-02-02T03:04:05Z"}))).key != key


def test_two_callouts_that_say_no_time_may_be_two_events() -> None:
    later = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
    body = {"caseId": CASE}
    assert hint(receive(flow(body))).key == hint(receive(flow(body))).key
    assert hint(receive(flow(body))).key != hint(receive(flow(body, at=later))).key


@pytest.mark.parametrize(
    ("body", "subject"),
    [
        ({"CaseId": CASE_15}, Subject("Case", CASE_15 + "IAQ")),
        ({"case_id": CASE}, Subject("Case", CASE)),
        ({"recordId": "003Hs000000001AIAQ"}, Subject("Contact", "003Hs000000001AIAQ")),
        (
            {"object": "Project__c", "recordId": "a01Hs000000001AIAQ"},
            Subject("Project__c", "a01Hs000000001AIAQ"),
        ),
        ({"id": CASE, "contactId": "003Hs000000001AIAQ"}, Subject("Case", CASE)),
        ([{"caseId": CASE}], Subject("Case", CASE)),
        ({"events": [{"caseId": CASE}]}, Subject("Case", CASE)),
    ],
)
def test_a_flow_may_spell_it_in_its_own_way(body: object, subject: Subject) -> None:
    told = hint(receive(flow(body))).subject
    assert told is not None
    assert (told.object, told.id[:15]) == (subject.object, subject.id[:15])


def test_an_unknown_kind_is_left_to_what_reading_shows() -> None:
    assert hint(receive(flow(CLOSED | {"event": "CaseIsClosedNow"}))).kind is None


@pytest.mark.parametrize(
    "headers", [{}, {"x_nps_token": ""}, {"x_nps_token": TOKEN + "x"}, {"x_nps_token": "ä"}]
)
def test_without_the_secret_header_nothing_is_taken(headers: dict[str, str]) -> None:
    refused(posted(CLOSED, **headers), 401, "unsigned")


def test_another_header_may_carry_the_secret() -> None:
    receive(posted(CLOSED, x_acme=TOKEN), header="X-Acme")
    refused(flow(CLOSED), 401, "unsigned", header="X-Acme")


@pytest.mark.parametrize("form", ["hex", "HEX", "base64", "prefixed"])
def test_a_signature_over_the_raw_body_may_be_demanded(form: str) -> None:
    raw = b'{"caseId": "500Hs000000001AIAQ",\n "note": "\xc3\xa4"}'
    digest = hmac.new(SIGNED.encode(), raw, sha256).digest()
    given = {
        "hex": digest.hex(),
        "HEX": digest.hex().upper(),
        "base64": base64.b64encode(digest).decode(),
        "prefixed": f"sha256={digest.hex()}",
    }[form]
    receive(flow(raw, x_nps_signature=given), hmac_secret=SIGNED)
    refused(flow(raw + b" ", x_nps_signature=given), 401, "bad_signature", hmac_secret=SIGNED)
    refused(flow(raw), 401, "bad_signature", hmac_secret=SIGNED)
    refused(flow(raw, x_nps_signature="zz"), 401, "bad_signature", hmac_secret=SIGNED)


def test_a_known_signature() -> None:
    """HMAC-SHA256 of RFC 4231's second case, as HEX(HMAC(…)) gives it."""
    from connectors.proving import is_signed

    digest = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert is_signed(digest, "Jefe", b"what do ya want for nothing?")


def test_another_orgs_callout_is_refused_by_the_first_15_characters() -> None:
    refused(flow(CLOSED | {"orgId": OTHER_ORG}), 403, "other_org")
    refused(flow(CLOSED | {"orgId": ORG[:15].lower()}), 403, "other_org")
    receive(flow({"caseId": CASE}))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "unreadable"),
        (b"{", "unreadable"),
        (b"\xff\xfe", "unreadable"),
        (b"[]", "unreadable"),
        (b'"text"', "unreadable"),
        (b"[1]", "unreadable"),
        (json.dumps([{"caseId": CASE}] * 101).encode(), "unreadable"),
        (b"{}", "no_record"),
        (b'{"caseId": "x"}', "no_record"),
        (b'{"caseId": 500}', "no_record"),
        (b'{"recordId": "a01Hs000000001AIAQ"}', "no_object"),
    ],
)
def test_a_body_that_says_nothing_is_the_callers_mistake(body: bytes, code: str) -> None:
    refused(flow(body), 400, code)


def test_a_body_of_ten_megabytes_is_refused() -> None:
    refused(flow(b" " * 10_000_000), 413, "too_large")


# ---------------------------------------------------------------- an outbound message


def notification(
    number: int, id: str = CASE, more: str = "<sf:ContactId>003Hs000000001AIAQ</sf:ContactId>"
) -> str:
    return (
        f'<Notification><Id>04lHs00000{number:05d}AAA</Id><sObject xsi:type="sf:Case" '
        f'xmlns:sf="urn:sobject.enterprise.soap.sforce.com"><sf:Id>{id}</sf:Id>{more}</sObject></Notification>'
    )


def soap(*notifications: str, org: str = ORG, start: str = '<?xml version="1.0" encoding="UTF-8"?>') -> bytes:
    return (
        f'{start}<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        '<soapenv:Body><notifications xmlns="http://soap.sforce.com/2005/09/outbound">'
        f"<OrganizationId>{org}</OrganizationId><ActionId>04kHs0000000001AAA</ActionId>"
        '<SessionId xsi:nil="true"/>'
        f"{''.join(notifications)}</notifications></soapenv:Body></soapenv:Envelope>"
    ).encode()


def message(body: bytes, query: str = f"?secret={SECRET}") -> Posted:
    return posted(body, query=query, content_type="text/xml; charset=UTF-8")


def test_all_notifications_of_a_message_are_taken_and_acknowledged_at_once() -> None:
    taken = receive(message(soap(*(notification(n) for n in range(100)))))
    assert len({one.key for one in taken.arrivals}) == 100
    assert all(isinstance(one, Hint) and one.subject == Subject("Case", CASE) for one in taken.arrivals)
    assert (taken.reply.status, taken.reply.content_type) == (200, "text/xml; charset=utf-8")
    assert b"<Ack>true</Ack>" in taken.reply.body


def test_a_message_again_is_the_same_hints_whichever_length_its_ids_have() -> None:
    first = receive(message(soap(notification(7))))
    again = receive(message(soap(notification(7, CASE_15).replace("AAA</Id>", "</Id>"), org=ORG[:15])))
    assert [one.key for one in first.arrivals] == [one.key for one in again.arrivals]


def test_empty_fields_may_be_nil_or_left_out() -> None:
    assert hint(receive(message(soap(notification(1, more='<sf:ContactId xsi:nil="true"/>'))))).subject
    assert hint(receive(message(soap(notification(1, more=""))))).subject


def test_a_notification_without_a_record_is_kept_for_people_to_find() -> None:
    taken = receive(
        message(soap(notification(1), "<Notification><Id>04lHs0000000002AAA</Id></Notification>"))
    )
    assert [isinstance(one, Hint) and one.subject is None for one in taken.arrivals] == [False, True]


@pytest.mark.parametrize("query", ["", "?secret=", "?secret=wrong", "?token=" + SECRET])
def test_without_the_secret_address_nothing_is_acknowledged(query: str) -> None:
    refused(message(soap(notification(1)), query), 401, "unsigned")


@pytest.mark.parametrize("org", [OTHER_ORG, "", ORG.swapcase()])
def test_another_orgs_message_is_refused(org: str) -> None:
    refused(message(soap(notification(1), org=org)), 403, "other_org")


_BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "body",
    [
        soap(notification(1), start=_BOMB),
        soap(notification(1, "&b;"), start=_BOMB),
        soap(notification(1), start='<!DOCTYPE x SYSTEM "file:///etc/passwd">'),
        soap(notification(1))[:-20],
        b"<a/>",
        b"<",
        soap(),
        soap(*(notification(n) for n in range(101))),
        soap(notification(1), start='<?xml version="1.0" encoding="utf-99"?>'),
    ],
)
def test_a_message_that_cannot_be_read_is_refused(body: bytes) -> None:
    refused(message(body), 400, "unreadable")


def test_what_is_not_configured_is_not_taken() -> None:
    refused(message(soap(notification(1))), 403, "not_configured", url_secret=None)
    refused(flow(CLOSED), 403, "not_configured", token=None)
    assert CONNECTOR.inbound is not None
    reader = CONNECTOR.inbound(settings(), Path())
    assert reader is not None
    with pytest.raises(Refused, match="nothing that is pushed"):
        reader.receive(flow(CLOSED))


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("hooks", "why"),
    [
        ({}, "give token"),
        ({"token": "short"}, "16 characters"),
        ({"url_secret": SECRET}, "org_id"),
        ({"token": TOKEN, "org_id": "500Hs000000001AIAQ"}, "00D"),
        ({"url_secret": SECRET, "org_id": ORG, "hmac_secret": SIGNED}, "beside token"),
        ({"token": TOKEN, "header": "X Y"}, "pattern"),
    ],
)
def test_hooks_that_would_let_anybody_in_are_refused(hooks: dict[str, str], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        settings(hooks=hooks)
