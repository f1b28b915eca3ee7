"""The toy webhook receiver keeps what is posted, and fails when told to."""

import base64
import hashlib
import hmac

import pytest
from toy_caller import ToyCaller


@pytest.fixture
def receiver():
    return ToyCaller("receiver", customers=0)


def test_what_is_posted_is_kept_with_its_headers(receiver):
    told = receiver.post(receiver.env["RECEIVER_URL"], {"score": 3})
    assert (told.status, told.body) == (200, b"ok")
    (post,) = receiver.rows("posts")
    assert (post["hook"], post["json"], post["signed"]) == ("alerts", {"score": 3}, "")
    assert post["headers"]["content-type"] == "application/json"
    page = receiver.page("/look/receiver/")
    assert "score" in page
    assert str(int(post["received_at"])) not in page, "a moment as people read it"


def test_it_knows_its_own_signature_under_any_name(receiver):
    raw = b'{"score": 3}'
    mac = hmac.new(receiver.env["RECEIVER_SECRET"].encode(), raw, hashlib.sha256).hexdigest()
    receiver.call("POST", "/hooks/alerts", raw=raw, headers={"x-npsync-signature": f"sha256={mac}"})
    receiver.call("POST", "/hooks/alerts", raw=raw + b" ", headers={"x-npsync-signature": f"sha256={mac}"})
    assert [post["signed"] for post in receiver.rows("posts")] == ["x-npsync-signature", ""]


def test_it_knows_a_signature_of_standard_webhooks(receiver):
    raw = b'{"score": 3}'
    key = base64.b64decode(receiver.env["RECEIVER_SECRET"].removeprefix("whsec_"))
    mac = base64.b64encode(hmac.new(key, b"msg_1.1700000000." + raw, hashlib.sha256).digest()).decode()
    for number in ("msg_1", "msg_2"):
        headers = {"webhook-id": number, "webhook-timestamp": "1700000000", "webhook-signature": f"v1,{mac}"}
        receiver.call("POST", "/hooks/alerts", raw=raw, headers=headers)
    assert [post["signed"] for post in receiver.rows("posts")] == ["webhook-signature", ""]


def test_it_fails_when_told_to_and_remembers_what_it_refused(receiver):
    receiver.do("set", status=503, text="busy", retry_after=7)
    told = receiver.post("/hooks/alerts", {})
    assert (told.status, told.body, told.headers["retry-after"]) == (503, b"busy", "7")
    receiver.do("set", status=200, text="ok", retry_after=0)
    receiver.fault("status", status=500)
    assert receiver.post("/hooks/alerts", {}).status == 500
    assert receiver.post("/hooks/alerts", {}).status == 200
    assert [post["status"] for post in receiver.rows("posts")] == [503, 200]
