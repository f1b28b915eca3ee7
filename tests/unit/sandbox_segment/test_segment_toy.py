"""Toy Segment and RudderStack: what they send, how it is signed, what they try again."""

import json

import pytest
from post_box import post_box
from sandbox_process import running_sandbox

from sandbox.segment.signatures import signature

KEY = "segment-shared-secret-test"


@pytest.fixture(scope="module")
def sandbox():
    with running_sandbox("--vendor", "segment", customers=20, responses=0) as running:
        yield running


@pytest.fixture
def box():
    with post_box() as opened:
        yield opened


@pytest.fixture(autouse=True)
def clean(sandbox):
    yield
    for flavour in ("segment", "rudderstack"):
        do(sandbox, "destination", url=None, flavour=flavour)
    sandbox.control("DELETE", "/faults")
    sandbox.control("DELETE", "/deliveries")


def do(sandbox, command, **arguments):
    return sandbox.control("POST", f"/segment/do/{command}", arguments)


def settled(sandbox, **how):
    return sandbox.control("POST", "/deliveries/settle", how)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            '{"type":"track","event":"Feature Used","userId":"u-1001","timestamp":"2026-11-02T10:15:30.000Z"}',
            "ee27438e62c909eab05d2f8161475702ca4f6618",
        ),
        (
            '{"version":1,"type":"track","messageId":"022bb90c-bbac-11e4-8dfc-aa07a5b093db","userId":"97980cfea0067",'
            '"event":"Feature Used","properties":{"feature":"bulk_export","count":3},"context":{"traits":'
            '{"email":"jo@example.com"},"groupId":"acct-42"},"timestamp":"2026-11-02T10:15:30.000Z"}',
            "fbbd89e272487ebc098e2e4ec0194b78aacaad9e",
        ),
        (
            '{"type":"track","event":"Feature Used","userId":"u-1001","timestamp":"2026-11-02T10:15:30.000Z",'
            '"properties":{"x":1e-7,"n":"café"}}',
            "2a92ff5f1869368ebe7408df14392e3851d3b313",
        ),
    ],
)
def test_the_signature_is_that_of_the_known_answers(body, expected):
    assert signature(KEY, body.encode()) == expected


def test_a_used_feature_is_one_signed_event(sandbox, box):
    do(sandbox, "destination", url=f"{box.url}/hooks/product")
    sent = do(
        sandbox,
        "track",
        event="Feature Used",
        user_id="C-000007",
        email="jo@unit.example",
        properties={"feature": "bulk_export", "share": 1e-7, "name": "café"},
        group_id="acct-42",
    )
    settled(sandbox)
    (post,) = box.take()
    assert post.headers["x-signature"] == signature(sandbox.env["SEGMENT_SECRET"], post.body)
    assert post.headers["user-agent"] == "Segment.io/1.0"
    told = post.json()
    assert (told["type"], told["event"], told["userId"]) == ("track", "Feature Used", "C-000007")
    assert told["context"] == {"traits": {"email": "jo@unit.example"}, "groupId": "acct-42"}
    assert told["messageId"] == sent["messageId"]
    assert "1e-7" in post.body.decode()
    assert told["timestamp"].endswith("Z")


def test_a_batch_is_an_array_with_only_its_first_element_signed(sandbox, box):
    do(sandbox, "destination", url=f"{box.url}/hooks/product", batch=3)
    sandbox.control("POST", "/deliveries/hold", {"vendor": "segment"})
    for number in range(4):
        do(sandbox, "track", event=f"Event {number}", user_id="u-1")
    sandbox.control("POST", "/deliveries/release", {"vendor": "segment"})
    first, second = box.take()
    assert [event["event"] for event in first.json()] == ["Event 0", "Event 1", "Event 2"]
    assert [event["event"] for event in second.json()] == ["Event 3"]
    text = first.body.decode()
    _, end = json.JSONDecoder().raw_decode(text, 1)
    secret = sandbox.env["SEGMENT_SECRET"]
    assert first.headers["x-signature"] == signature(secret, text[1:end].encode())
    assert first.headers["x-signature"] != signature(secret, first.body)


def test_rudderstack_has_a_fixed_header_and_no_signature(sandbox, box):
    headers = {"Authorization": "Bearer rudder-token"}
    do(sandbox, "destination", url=f"{box.url}/r", flavour="rudderstack", headers=headers)
    do(sandbox, "track", event="Feature Used", anonymous_id="a-1")
    settled(sandbox)
    (post,) = box.take()
    assert post.headers["authorization"] == "Bearer rudder-token"
    assert post.headers["user-agent"] == "RudderLabs"
    assert "x-signature" not in post.headers


def test_without_a_secret_nothing_is_signed(sandbox, box):
    do(sandbox, "destination", url=f"{box.url}/s", secret="")
    do(sandbox, "track", event="Feature Used", user_id="u-1", without=["messageId", "receivedAt"])
    settled(sandbox)
    (post,) = box.take()
    assert "x-signature" not in post.headers
    assert not {"messageId", "receivedAt"} & post.json().keys()


@pytest.mark.parametrize(("status", "state"), [(400, "given_up"), (401, "given_up"), (503, "waiting")])
def test_a_4xx_is_final_and_a_5xx_comes_again(sandbox, box, status, state):
    do(sandbox, "destination", url=f"{box.url}/s")
    box.answers.append((status, b""))
    do(sandbox, "track", event="Feature Used", user_id="u-1")
    assert settled(sandbox)[-1]["state"] == state


def test_a_repeated_event_keeps_its_message_id(sandbox, box):
    do(sandbox, "destination", url=f"{box.url}/s")
    sandbox.fault("segment", "lost_ack")
    do(sandbox, "track", event="Feature Used", user_id="u-1")
    settled(sandbox)
    settled(sandbox, early=True)
    first, second = box.take()
    assert first.json()["messageId"] == second.json()["messageId"]


def test_a_deletion_notice_and_an_identify_are_other_kinds_of_event(sandbox, box):
    do(sandbox, "destination", url=f"{box.url}/s")
    do(sandbox, "delete", user_id="C-000001")
    do(sandbox, "identify", user_id="C-000002", traits={"email": "x@unit.example"})
    settled(sandbox)
    told = sorted((post.json() for post in box.take()), key=lambda event: event["type"])
    assert set(told[0]) == {"type", "userId", "timestamp"}
    assert told[1]["traits"] == {"email": "x@unit.example"}


def test_customers_of_the_world_use_a_feature(sandbox, box):
    do(sandbox, "destination", url=f"{box.url}/s", batch=100)
    assert do(sandbox, "track_customers", event="Feature Used", count=5) == {"sent": 5}
    settled(sandbox)
    (post,) = box.take()
    users = [event["userId"] for event in post.json()]
    assert len(set(users)) == 5
    assert all(user.startswith("C-0") for user in users)


def test_an_event_needs_somebody(sandbox):
    reply = sandbox.session.post(
        f"{sandbox.url}/control/segment/do/track", json={"event": "Feature Used"}, timeout=10
    )
    assert (reply.status_code, "user_id" in reply.json()["error"]) == (400, True)


def test_what_is_done_is_forgotten_in_time(sandbox, box):
    do(sandbox, "destination", url=f"{box.url}/s", batch=1000)
    people = 20
    for _ in range(260):
        do(sandbox, "track_customers", event="Feature Used", count=people)
    deliveries = settled(sandbox)
    assert sum(one["items"] for one in deliveries) <= 5_000 + people
    assert deliveries[-1]["state"] == "delivered"
