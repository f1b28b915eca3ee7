"""What the toy account sends: app webhooks with their signatures, and workflows."""

import base64
import hashlib
import hmac
from datetime import datetime

import pytest
from post_box import post_box

from sandbox.hubspot import signatures

SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
URL = "https://www.example.com/webhook_uri"


@pytest.fixture
def box():
    with post_box(status=204) as opened:
        yield opened


@pytest.fixture(autouse=True)
def nothing_left_behind(hubspot):
    yield
    hubspot.do("webhooks", url=None)
    for name in ("survey", "hook"):
        hubspot.do("workflow", name=name, property=None)
    hubspot.sandbox.control("DELETE", "/deliveries")


def settled(hubspot, **how):
    return hubspot.sandbox.control("POST", "/deliveries/settle", how)


def ticket(hubspot):
    return hubspot.add("tickets", subject="Help", hs_pipeline="0", hs_pipeline_stage="1")


def subscribe(hubspot, box, **more):
    hubspot.do("webhooks", url=f"{box.url}/hooks/crm", **more)


def test_the_signatures_are_those_of_the_vendors_examples():
    body = (
        b'[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,'
        b'"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM",'
        b'"changeFlag":"NEW","appId":54321}]'
    )
    assert signatures.v1(SECRET, body) == "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"
    assert (
        signatures.v2(SECRET, "GET", URL, b"")
        == "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e"
    )
    assert (
        signatures.v2(SECRET, "POST", URL, b'{"example_field":"example_value"}')
        == "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900"
    )
    assert (
        signatures.v3(SECRET, "POST", URL, b"{'example_field':'example_value'}", "1693657560000")
        == "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="
    )


def test_only_twelve_signs_of_a_uri_are_decoded_before_a_v3_signature():
    encoded = "https://x.example/a%3Ab%2fc%20d?q=%40%26"
    decoded = "https://x.example/a:b/c%20d?q=@%26"
    assert signatures.v3("s", "POST", encoded, b"", "1") == signatures.v3("s", "POST", decoded, b"", "1")


def test_a_closed_ticket_is_one_event_in_a_signed_array(hubspot, box):
    subscribe(hubspot, box)
    id = ticket(hubspot)
    hubspot.do("close_ticket", id=id)
    settled(hubspot)
    (post,) = box.take()
    (event,) = post.json()
    assert event["subscriptionType"] == "ticket.propertyChange"
    assert (event["objectId"], event["propertyName"], event["propertyValue"]) == (
        int(id),
        "hs_pipeline_stage",
        "4",
    )
    assert (event["portalId"], event["attemptNumber"], event["changeSource"]) == (4242424, 0, "CRM_UI")
    stamp = post.headers["x-hubspot-request-timestamp"]
    source = f"POST{box.url}/hooks/crm".encode() + post.body + stamp.encode()
    secret = hubspot.sandbox.env["HUBSPOT_CLIENT_SECRET"].encode()
    mac = hmac.new(secret, source, hashlib.sha256).digest()
    assert post.headers["x-hubspot-signature-v3"] == base64.b64encode(mac).decode()
    now = hubspot.sandbox.control("POST", "/clock", {"advance": 0})["now"]
    assert abs(int(stamp) / 1000 - datetime.fromisoformat(now).timestamp()) < 60


def test_legacy_apps_sign_with_v1_or_v2_and_a_proxy_changes_the_signed_address(hubspot, box):
    secret = hubspot.sandbox.env["HUBSPOT_CLIENT_SECRET"].encode()
    subscribe(hubspot, box, signed=["v1"])
    hubspot.do("close_ticket", id=ticket(hubspot))
    settled(hubspot)
    (post,) = box.take()
    assert post.headers["x-hubspot-signature"] == hashlib.sha256(secret + post.body).hexdigest()
    assert post.headers["x-hubspot-signature-version"] == "v1"
    assert "x-hubspot-signature-v3" not in post.headers
    subscribe(hubspot, box, signed=["v2"], signed_url="https://npsync.example.com/hooks/crm")
    hubspot.do("close_ticket", id=ticket(hubspot))
    settled(hubspot)
    (post,) = box.take()
    source = secret + b"POSThttps://npsync.example.com/hooks/crm" + post.body
    assert post.headers["x-hubspot-signature"] == hashlib.sha256(source).hexdigest()


def test_events_come_in_batches_of_a_hundred_in_any_order_and_twice(hubspot, box):
    subscribe(hubspot, box)
    hubspot.sandbox.control("POST", "/deliveries/hold", {"vendor": "hubspot"})
    ids = [int(ticket(hubspot)) for _ in range(60)]
    for id in ids:
        hubspot.do("close_ticket", id=str(id))
    hubspot.sandbox.control(
        "POST", "/deliveries/release", {"vendor": "hubspot", "order": "shuffled", "twice": True}
    )
    batches = [post.json() for post in box.take()]
    assert [len(batch) for batch in batches] == [100, 20]
    told = [event["objectId"] for batch in batches for event in batch]
    assert sorted(told) == sorted(ids * 2)
    assert told != sorted(told)


def test_a_refused_batch_comes_again_up_to_ten_times_in_a_day(hubspot, box):
    subscribe(hubspot, box)
    box.usual = (503, b"")
    hubspot.do("close_ticket", id=ticket(hubspot))
    settled(hubspot)
    for _ in range(12):
        (delivery,) = settled(hubspot, early=True)
    posts = box.take()
    assert (delivery["state"], len(posts)) == ("given_up", 11)
    assert [post.json()[0]["attemptNumber"] for post in posts] == list(range(11))
    assert len({post.json()[0]["eventId"] for post in posts}) == 1


def test_subscriptions_may_be_about_anything_and_generic(hubspot, box):
    wanted = [
        {"subscriptionType": f"object.{what}"} for what in ("creation", "deletion", "merge", "propertyChange")
    ]
    wanted.append({"subscriptionType": "contact.privacyDeletion"})
    subscribe(hubspot, box, subscriptions=wanted, generic=True)
    ann, ben, zoe = (hubspot.contact() for _ in range(3))
    hubspot.merge(ann, ben)
    hubspot.do("forget", object="contacts", id=zoe)
    settled(hubspot)
    events = [event for post in box.take() for event in post.json()]
    kinds = [event["subscriptionType"] for event in events if event["objectTypeId"] == "0-1"]
    assert kinds.count("object.merge") == 1
    assert {"object.privacyDeletion", "object.deletion"} <= set(kinds)  # posts may overtake each other
    merge = next(event for event in events if event["subscriptionType"] == "object.merge")
    assert (merge["primaryObjectId"], merge["mergedObjectIds"]) == (int(ann), [int(ben)])


def test_a_clock_may_be_wrong_and_a_secret_foreign(hubspot, box):
    subscribe(hubspot, box, clock_off=-600, secret="somebody else's")
    hubspot.do("close_ticket", id=ticket(hubspot))
    settled(hubspot)
    (post,) = box.take()
    stamp = post.headers["x-hubspot-request-timestamp"]
    right = signatures.v3("somebody else's", "POST", f"{box.url}/hooks/crm", post.body, stamp)
    assert post.headers["x-hubspot-signature-v3"] == right
    assert post.json()[0]["occurredAt"] - int(stamp) > 590_000


def test_a_workflow_calls_with_the_body_and_the_key_its_author_chose(hubspot, box):
    body = {"contact_id": "hs_object_id", "email": "email", "survey": {"static": "onboarding"}}
    key = {"name": "Authorization", "value": "Bearer workflow-token", "in": "header"}
    hook = {"url": f"{box.url}/hooks/crm", "body": body, "api_key": key}
    hubspot.do("workflow", name="hook", property="onboarding", value="done", webhook=hook)
    id = hubspot.contact(email="done@unit.example")
    hubspot.update({"id": id, "properties": {"onboarding": "started"}})
    hubspot.update({"id": id, "properties": {"onboarding": "done"}})
    settled(hubspot)
    (post,) = box.take()
    assert post.headers["authorization"] == "Bearer workflow-token"
    assert post.json() == {"contact_id": id, "email": "done@unit.example", "survey": "onboarding"}


def test_a_workflow_may_sign_and_send_everything_and_a_ticket_knows_its_contact(hubspot, box):
    hubspot.do(
        "workflow",
        name="hook",
        object="tickets",
        property="hs_pipeline_stage",
        value="4",
        webhook={
            "url": f"{box.url}/w",
            "signature": True,
            "body": {"mail": "contact.email", "t": "hs_object_id"},
        },
    )
    id, ann = ticket(hubspot), hubspot.contact(email="asker@unit.example")
    hubspot.do("associate", ticket=id, contact=ann)
    hubspot.do("close_ticket", id=id)
    settled(hubspot)
    (post,) = box.take()
    assert post.json() == {"mail": "asker@unit.example", "t": id}
    secret = hubspot.sandbox.env["HUBSPOT_CLIENT_SECRET"]
    signed = hashlib.sha256(f"{secret}POST{box.url}/w".encode() + post.body).hexdigest()
    assert post.headers["x-hubspot-signature"] == signed
    assert post.headers["x-hubspot-signature-version"] == "v2"
    hubspot.do("workflow", name="hook", property="onboarding", value="done", webhook={"url": f"{box.url}/w"})
    hubspot.update({"id": ann, "properties": {"onboarding": "done"}})
    settled(hubspot)
    told = box.take()[0].json()
    assert (told["vid"], told["properties"]["email"]) == (int(ann), {"value": "asker@unit.example"})


@pytest.mark.parametrize(("status", "state"), [(404, "given_up"), (500, "waiting"), (429, "waiting")])
def test_a_workflow_gives_up_on_4xx_except_429(hubspot, box, status, state):
    hubspot.do("workflow", name="hook", property="onboarding", value="done", webhook={"url": f"{box.url}/w"})
    box.answers.append((status, b""))
    hubspot.update({"id": hubspot.contact(), "properties": {"onboarding": "done"}})
    (delivery,) = settled(hubspot)
    assert delivery["state"] == state


def test_a_workflow_that_waits_for_a_property_sends_its_mail_unless_unsubscribed(hubspot):
    hubspot.do("workflow", name="survey", property="npsync_survey")
    ann, ben = hubspot.contact(email="yes@unit.example"), hubspot.contact(hs_email_optout="true")
    for id in (ann, ben):
        hubspot.update({"id": id, "properties": {"npsync_survey": "relationship:inv-1"}})
    hubspot.update({"id": ann, "properties": {"npsync_survey": "relationship:inv-1"}})
    sent = [row for row in hubspot.sandbox.rows("hubspot", "sent") if row["record"] in (ann, ben)]
    assert [(row["contact"], row["state"], row["reason"]) for row in sent] == [
        (ann, "sent", None),
        (ben, "suppressed", "unsubscribed"),
    ]
    assert (sent[0]["email"], sent[0]["value"]) == ("yes@unit.example", "relationship:inv-1")


def test_a_workflow_without_re_enrolment_takes_each_record_once(hubspot):
    hubspot.do("workflow", name="survey", property="npsync_survey", reenroll=False)
    ann = hubspot.contact()
    for value in ("first", "second"):
        hubspot.update({"id": ann, "properties": {"npsync_survey": value}})
    assert [row["value"] for row in hubspot.sandbox.rows("hubspot", "sent") if row["record"] == ann] == [
        "first"
    ]


def test_a_call_about_a_record_that_is_gone_is_given_up(hubspot, box):
    hubspot.do("workflow", name="hook", property="onboarding", value="done", webhook={"url": f"{box.url}/w"})
    box.answers.append((503, b""))
    id = hubspot.contact()
    hubspot.update({"id": id, "properties": {"onboarding": "done"}})
    settled(hubspot)
    hubspot.do("forget", object="contacts", id=id)
    (delivery,) = settled(hubspot, early=True)
    assert (delivery["state"], delivery["attempts"][-1]["problem"]) == ("given_up", f"no contact {id}")
    assert len(box.take()) == 1
