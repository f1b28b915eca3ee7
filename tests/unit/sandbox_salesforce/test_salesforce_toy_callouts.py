"""What the toy org sends when a case closes: a Flow's callout, and Outbound Messages."""

import base64
import hashlib
import hmac
from xml.etree import ElementTree

import pytest

from sandbox.salesforce.automation import hex_hmac

SOAP = "{http://soap.sforce.com/2005/09/outbound}"
SF = "{urn:sobject.enterprise.soap.sforce.com}"
ACK = (
    b'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    b'<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>%s</Ack>'
    b"</notificationsResponse></soapenv:Body></soapenv:Envelope>"
)


@pytest.fixture(autouse=True)
def nothing_left_behind(crm):
    yield
    crm.knob("callout", url=None)
    crm.knob("outbound_message", url=None)


def closed_case(crm, **fields):
    id = crm.sandbox.control("POST", "/salesforce/Case", {"Status": "New", **fields})["id"]
    return crm.knob("close_case", id=id)


def settled(crm, **how):
    return crm.sandbox.control("POST", "/deliveries/settle", how)


def flow(crm, box, **more):
    crm.knob("callout", url=f"{box.url}/hooks/crm", **more)


def messages(crm, box, **more):
    box.usual = (200, ACK % b"true")
    crm.knob("outbound_message", url=f"{box.url}/hooks/crm", **more)


def notifications(received):
    envelope = ElementTree.fromstring(received.body)
    return [
        (one.findtext(f"{SOAP}Id"), one.find(f"{SOAP}sObject").findtext(f"{SF}Id"))
        for one in envelope.iter(f"{SOAP}Notification")
    ]


def test_the_flow_tells_of_a_closed_case_with_its_secret_headers(crm, box):
    secret = {"header": "X-NPS-Signature", "secret": "shared"}
    flow(crm, box, headers={"X-NPS-Token": "flow-token"}, hmac=secret)
    contact = crm.new_contact(Email="ann@unit.example")
    row = closed_case(crm, ContactId=contact)
    settled(crm)
    (post,) = box.take()
    assert post.headers["x-nps-token"] == "flow-token"
    assert post.headers["content-type"] == "application/json"
    signed = hmac.new(b"shared", post.body, hashlib.sha256).hexdigest()
    assert post.headers["x-nps-signature"] == signed == hex_hmac("shared", post.body)
    assert post.json() == {
        "event": "case_closed",
        "orgId": "00DHs0000000001MAA",
        "caseId": row["Id"],
        "caseNumber": row["CaseNumber"],
        "contactId": contact,
        "email": "ann@unit.example",
        "accountId": None,
        "closedAt": row["ClosedDate"].replace(".000+0000", "Z"),
    }


def test_only_the_change_into_closed_starts_the_flow(crm, box):
    flow(crm, box)
    row = closed_case(crm)
    crm.knob("close_case", id=row["Id"], status="Resolved")
    crm.sandbox.control("PATCH", f"/salesforce/Case/{row['Id']}", {"Subject": "Edited"})
    crm.sandbox.control("POST", "/salesforce/Case", {"Status": "Closed"})
    crm.knob("reopen_case", id=row["Id"])
    crm.knob("close_case", id=row["Id"])
    settled(crm)
    assert [post.json()["caseId"] for post in box.take()] == [row["Id"]] * 2


def test_a_flow_may_watch_any_field_and_send_what_its_author_wrote(crm, box):
    body = {"event": "record_changed", "id": "{!$Record.Id}", "text": "Done: {!$Record.LastName}", "n": 1}
    when = {"object": "Contact", "field": "Onboarding__c", "to": "Done"}
    flow(crm, box, body=body, when=when, id_length=15)
    id = crm.new_contact(LastName="Lee")
    crm.call("PATCH", f"/sobjects/Contact/{id}", json={"Onboarding__c": "Done"})
    settled(crm)
    assert [post.json() for post in box.take()] == [
        {"event": "record_changed", "id": id[:15], "text": "Done: Lee", "n": 1}
    ]


def test_the_asynchronous_path_tries_again_after_15_30_60_and_120_minutes(crm, box):
    flow(crm, box)
    box.usual = (503, b"")
    closed_case(crm)
    for minutes in (0, 15, 30, 60, 120):
        crm.sandbox.control("POST", "/clock", {"advance": max(0, minutes * 60 - 1)})
        settled(crm)
        assert len(box.take()) == (1 if minutes == 0 else 0)
        if minutes:
            crm.sandbox.control("POST", "/clock", {"advance": 2})
            (delivery,) = settled(crm)
            assert len(box.take()) == 1
    assert delivery["state"] == "given_up"
    assert len(delivery["attempts"]) == 5


def test_nobody_needs_to_ask_for_a_callout_or_for_its_retry(crm, box):
    flow(crm, box)
    box.answers.append((503, b""))
    closed_case(crm)
    box.wait(1)
    settled(crm)  # the vendor has heard the 503 too
    crm.sandbox.control("POST", "/clock", {"advance": 15 * 60 + 1})
    first, second = box.wait(2)
    assert first.body == second.body


def test_retries_come_at_once_when_asked_and_end_when_taken(crm, box):
    flow(crm, box)
    box.answers.append((500, b""))
    closed_case(crm)
    settled(crm)
    (delivery,) = settled(crm, early=True)
    assert (delivery["state"], [one["status"] for one in delivery["attempts"]]) == ("delivered", [500, 200])


def test_a_lost_acknowledgement_repeats_what_was_taken(crm, box):
    flow(crm, box)
    crm.sandbox.fault("salesforce", "lost_ack")
    closed_case(crm)
    settled(crm)
    settled(crm, early=True)
    first, second = box.take()
    assert first.body == second.body


def test_any_delivery_can_come_twice_and_be_looked_at(crm, box):
    flow(crm, box)
    crm.sandbox.fault("salesforce", "duplicate_delivery")
    closed_case(crm)
    deliveries = settled(crm)
    assert len(box.take()) == len(deliveries) == 2
    again = crm.sandbox.control("POST", f"/deliveries/{deliveries[0]['id']}/again")
    settled(crm)
    assert len(box.take()) == 1
    shown = crm.sandbox.control("GET", f"/deliveries/{again['id']}")
    assert shown["request"]["url"] == f"{box.url}/hooks/crm"
    assert '"event":"case_closed"' in shown["request"]["body"]


def test_held_callouts_leave_in_the_order_asked_for(crm, box):
    flow(crm, box)
    crm.sandbox.control("POST", "/deliveries/hold", {"vendor": "salesforce"})
    ids = [closed_case(crm)["Id"] for _ in range(3)]
    settled(crm)
    assert box.take() == []
    crm.sandbox.control("POST", "/deliveries/release", {"vendor": "salesforce", "order": "reversed"})
    assert [post.json()["caseId"] for post in box.take()] == ids[::-1]


def test_a_hundred_notifications_share_one_message_and_one_acknowledgement(crm, box):
    messages(crm, box)
    crm.sandbox.control("POST", "/deliveries/hold", {"vendor": "salesforce"})
    ids = [closed_case(crm)["Id"] for _ in range(120)]
    crm.sandbox.control("POST", "/deliveries/release", {"vendor": "salesforce"})
    first, second = (notifications(post) for post in box.take())
    assert (len(first), len(second)) == (100, 20)
    assert [record for _, record in first + second] == ids
    assert len({id for id, _ in first + second}) == 120


def test_the_message_is_soap_without_a_session(crm, box):
    messages(crm, box, fields=["Id", "ContactId", "Subject", "IsClosed", "ClosedDate"])
    row = closed_case(crm, Subject='Smith & "Sons" <b>')
    settled(crm)
    (post,) = box.take()
    assert post.headers["content-type"].startswith("text/xml")
    assert "soapaction" in post.headers
    told = ElementTree.fromstring(post.body)
    assert next(told.iter(f"{SOAP}OrganizationId")).text == "00DHs0000000001MAA"
    assert next(told.iter(f"{SOAP}SessionId")).text is None
    record = next(told.iter(f"{SOAP}sObject"))
    assert {node.tag.removeprefix(SF): node.text for node in record} == {
        "Id": row["Id"],
        "Subject": 'Smith & "Sons" <b>',
        "IsClosed": "true",
        "ClosedDate": row["ClosedDate"].replace("+0000", "Z"),
    }


@pytest.mark.parametrize("answer", [(200, ACK % b"false"), (200, b"ok"), (500, ACK % b"true"), (200, b"")])
def test_anything_but_ack_true_is_a_failure(crm, box, answer):
    messages(crm, box)
    box.answers.append(answer)
    closed_case(crm)
    (delivery,) = settled(crm)
    assert delivery["state"] == "waiting"
    (delivery,) = settled(crm, early=True)
    assert delivery["state"] == "delivered"
    first, second = box.take()
    assert notifications(first) == notifications(second)


def test_values_are_those_of_the_moment_of_sending(crm, box):
    messages(crm, box, fields=["Status"])
    box.answers.append((503, b""))
    row = closed_case(crm)
    settled(crm)
    crm.knob("reopen_case", id=row["Id"])
    settled(crm, early=True)
    statuses = [next(ElementTree.fromstring(post.body).iter(f"{SF}Status")).text for post in box.take()]
    assert statuses == ["Closed", "Working"]


def test_ids_may_be_short_the_org_another_and_empty_fields_nil(crm, box):
    messages(crm, box, id_length=15, org_id="00DXX0000000002EAA", nil=True)
    row = closed_case(crm)
    settled(crm)
    (post,) = box.take()
    assert [record for _, record in notifications(post)] == [row["Id"][:15]]
    told = ElementTree.fromstring(post.body)
    assert next(told.iter(f"{SOAP}OrganizationId")).text == "00DXX0000000002"
    contact = next(told.iter(f"{SF}ContactId"))
    assert contact.attrib == {"{http://www.w3.org/2001/XMLSchema-instance}nil": "true"}


def test_a_stranger_is_never_called(crm):
    for url in ("https://npsync.example.com/hooks/crm", "ftp://127.0.0.1/x", "http://8.8.8.8/"):
        reply = crm.sandbox.session.post(
            f"{crm.sandbox.url}/control/salesforce/do/callout", json={"url": url}, timeout=10
        )
        assert (reply.status_code, "this machine" in reply.json()["error"]) == (400, True)


def test_the_signature_is_plain_hmac_sha256():
    """RFC 4231, test case 2."""
    digest = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert hex_hmac("Jefe", b"what do ya want for nothing?") == digest
    assert len(base64.b16decode(digest.upper())) == 32
