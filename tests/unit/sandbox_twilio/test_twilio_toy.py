"""The toy Twilio: sending, what becomes of a message, replies, opt-outs, and its signatures."""

from urllib.parse import parse_qsl

import pytest
import requests
from post_box import post_box
from sandbox_process import running_sandbox

from sandbox.twilio.signatures import signature
from sandbox.twilio.texts import keyword, segments

ANN = "+14155550123"


@pytest.fixture(scope="module")
def sandbox():
    with running_sandbox("--vendor", "twilio", customers=1, responses=0) as running:
        yield running


@pytest.fixture
def box():
    with post_box(b"<Response/>") as opened:
        yield opened


@pytest.fixture(autouse=True)
def clean(sandbox):
    yield
    sandbox.control("DELETE", "/faults")
    sandbox.control("DELETE", "/deliveries")
    do(sandbox, "set", delivers=True, advanced_opt_out=False, calls_on_keywords=True)
    do(sandbox, "inbound", url=None)


def do(sandbox, command, **arguments):
    return sandbox.control("POST", f"/twilio/do/{command}", arguments)


def settled(sandbox, **how):
    return sandbox.control("POST", "/deliveries/settle", how)


def call(sandbox, method, tail="Messages.json", login=None, **options):
    env = sandbox.env
    login = login or (env["TWILIO_SID"], env["TWILIO_TOKEN"])
    url = f"{env['TWILIO_URL']}/2010-04-01/Accounts/{env['TWILIO_SID']}/{tail}"
    return sandbox.session.request(method, url, auth=login, timeout=10, **options)


def send(sandbox, to=ANN, body="How was it? Reply STOP to opt out", **more):
    form = {"To": to, "From": sandbox.env["TWILIO_FROM"], "Body": body, **more}
    return call(sandbox, "POST", data=form)


def form_of(post):
    return parse_qsl(post.body.decode(), keep_blank_values=True)


def test_the_signatures_are_those_of_the_vendors_own_tests():
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    told = [("CallSid", "CA1234567890ABCDE"), ("Caller", "+14158675309"), ("Digits", "1234")]
    told += [("From", "+14158675309"), ("To", "+18005551212")]
    assert signature("12345", url, told) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    with_port = "https://mycompany.com:443/myapp.php?foo=1&bar=2"
    assert signature("12345", with_port, told) == "kvajT1Ptam85bY51eRf/AJRuM3w="
    twice = [("Sid", "CA123"), ("SidAccount", "AC123")]
    twice += [("Digits", digits) for digits in ("5678", "1234", "1234")]
    assert signature("12345", url, twice) == "IK+Dwps556ElfBT0I3Rgjkr1wJU="
    hashed = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
    assert signature("12345", f"{url}&bodySHA256={hashed}") == "a9nBmqA0ju/hNViExpshrM61xv4="
    sid = "SM00000000000000000000000000000001"
    inbound = {"AccountSid": "AC" + "0" * 32, "ApiVersion": "2010-04-01", "Body": "9 love it", "From": ANN}
    inbound |= {"MessageSid": sid, "NumMedia": "0", "NumSegments": "1", "SmsMessageSid": sid, "SmsSid": sid}
    inbound |= {"SmsStatus": "received", "To": "+14155550100"}
    address = "https://nps.example.com/webhooks/twilio/inbound"
    assert signature("twilio-auth-token-test", address, [*inbound.items()]) == "HIuYFJBbYidtrkgBemKgWcCecv4="


def test_a_message_is_queued_sent_and_delivered(sandbox):
    reply = send(sandbox)
    told = reply.json()
    assert (reply.status_code, told["status"], told["num_segments"]) == (201, "queued", "1")
    assert told["sid"].startswith("SM")
    now = call(sandbox, "GET", f"Messages/{told['sid']}.json").json()
    assert now["status"] == "delivered"
    assert now["date_sent"].endswith("+0000")
    assert call(sandbox, "GET", "Messages/SMnothing.json").status_code == 404


def test_a_key_signs_in_as_well_and_a_wrong_secret_does_not(sandbox):
    env = sandbox.env
    assert call(sandbox, "GET", login=(env["TWILIO_KEY_SID"], env["TWILIO_KEY_SECRET"])).status_code == 200
    refused = call(sandbox, "GET", login=(env["TWILIO_SID"], "guess"))
    assert (refused.status_code, refused.json()["status"]) == (401, 401)


@pytest.mark.parametrize(
    "form", [{"To": "5550123"}, {"Body": ""}, {"Body": "x" * 1601}, {"ValidityPeriod": "0"}]
)
def test_a_form_the_vendor_cannot_use_is_refused(sandbox, form):
    before = len(sandbox.rows("twilio", "messages"))
    refused = call(
        sandbox, "POST", data={"To": ANN, "From": sandbox.env["TWILIO_FROM"], "Body": "Hi", **form}
    )
    assert refused.status_code == 400
    assert set(refused.json()) == {"code", "message", "more_info", "status"}
    assert len(sandbox.rows("twilio", "messages")) == before


def test_the_status_callback_hears_of_every_step_with_a_signature(sandbox, box):
    sid = send(sandbox, StatusCallback=f"{box.url}/hooks/sms?x=1").json()["sid"]
    settled(sandbox)
    posts = box.take()
    assert sorted(dict(form_of(post))["MessageStatus"] for post in posts) == ["delivered", "sending", "sent"]
    for post in posts:
        told = form_of(post)
        assert dict(told)["MessageSid"] == sid
        right = signature(sandbox.env["TWILIO_TOKEN"], f"{box.url}/hooks/sms?x=1", told)
        assert post.headers["x-twilio-signature"] == right


def test_callbacks_may_come_in_the_wrong_order(sandbox, box):
    url = f"{box.url}/hooks/sms"
    send(sandbox, StatusCallback=url)
    settled(sandbox)
    box.take()
    sandbox.control("POST", "/deliveries/hold", {"vendor": "twilio"})
    send(sandbox, StatusCallback=url)
    settled(sandbox)
    sandbox.control("POST", "/deliveries/release", {"vendor": "twilio", "order": "reversed"})
    statuses = [dict(form_of(post))["MessageStatus"] for post in box.take()]
    assert statuses == ["delivered", "sent", "sending"]


def test_a_number_that_cannot_be_reached_ends_with_an_error_code(sandbox, box):
    sandbox.fault("twilio", "undelivered", path="0199", detail={"code": 30005})
    sid = send(sandbox, to="+14155550199", StatusCallback=f"{box.url}/s").json()["sid"]
    settled(sandbox)
    (post,) = box.take()
    told = dict(form_of(post))
    assert (told["MessageStatus"], told["ErrorCode"]) == ("undelivered", "30005")
    assert call(sandbox, "GET", f"Messages/{sid}.json").json()["error_code"] == 30005


def test_a_landline_is_refused_at_once(sandbox):
    sandbox.fault("twilio", "landline")
    refused = send(sandbox)
    assert (refused.status_code, refused.json()["code"]) == (400, 21614)


def test_after_stop_a_message_is_refused_with_21610_until_start(sandbox, box):
    person = "+14155550777"
    do(sandbox, "inbound", url=f"{box.url}/in")
    do(sandbox, "reply", **{"from": person, "body": " stop "})
    settled(sandbox)
    assert dict(form_of(box.take()[0]))["Body"] == " stop "
    refused = send(sandbox, to=person)
    assert (refused.status_code, refused.json()["code"]) == (400, 21610)
    assert person in do(sandbox, "opt_outs")
    do(sandbox, "reply", **{"from": person, "body": "START"})
    assert send(sandbox, to=person).status_code == 201


def test_advanced_opt_out_names_the_kind_and_keywords_may_stay_untold(sandbox, box):
    do(sandbox, "inbound", url=f"{box.url}/in")
    do(sandbox, "set", advanced_opt_out=True)
    do(sandbox, "reply", **{"from": "+14155550778", "body": "QUIT"})
    settled(sandbox)
    assert dict(form_of(box.take()[0]))["OptOutType"] == "STOP"
    do(sandbox, "set", calls_on_keywords=False)
    do(sandbox, "reply", **{"from": "+14155550778", "body": "HELP"})
    settled(sandbox)
    assert box.take() == []


def test_a_reply_is_posted_signed_and_its_twiml_answered(sandbox, box):
    box.answers.append((200, b"<Response><Message>Thanks!</Message></Response>"))
    do(sandbox, "inbound", url=f"{box.url}/hooks/sms")
    do(sandbox, "reply", **{"from": ANN, "body": "9 love it – ünïcode & more"})
    settled(sandbox)
    (post,) = box.take()
    told = form_of(post)
    assert dict(told)["Body"] == "9 love it – ünïcode & more"
    assert ("ToZip", "") in told
    right = signature(sandbox.env["TWILIO_TOKEN"], f"{box.url}/hooks/sms", told)
    assert post.headers["x-twilio-signature"] == right
    last = sandbox.rows("twilio", "messages")[-1]
    assert (last["to"], last["body"], last["direction"]) == (ANN, "Thanks!", "outbound-reply")


def test_a_public_address_is_signed_and_the_local_one_called(sandbox, box):
    sandbox.control("POST", "/deliveries/route", {"public": "https://nps.example.com", "local": box.url})
    do(sandbox, "inbound", url="https://nps.example.com/hooks/sms")
    do(sandbox, "reply", **{"from": ANN, "body": "10"})
    settled(sandbox)
    (post,) = box.take()
    right = signature(sandbox.env["TWILIO_TOKEN"], "https://nps.example.com/hooks/sms", form_of(post))
    assert (post.path, post.headers["x-twilio-signature"]) == ("/hooks/sms", right)


def test_a_callback_to_a_stranger_is_never_made(sandbox):
    assert send(sandbox, StatusCallback="https://stranger.example.org/x").status_code == 201
    deliveries = settled(sandbox)
    assert {one["attempts"][0]["status"] for one in deliveries} == {0}
    assert "this machine" in deliveries[0]["attempts"][0]["problem"]


def test_messages_are_listed_by_person_and_day_newest_first(sandbox):
    person = "+14155550888"
    first = send(sandbox, to=person).json()["sid"]
    today = sandbox.control("POST", "/clock", {"advance": 1})["now"][:10]
    second = send(sandbox, to=person).json()["sid"]

    def listed(**query):
        return [row["sid"] for row in call(sandbox, "GET", params={"To": person, **query}).json()["messages"]]

    assert listed(**{"DateSent>": today}) == [second, first]
    assert listed(DateSent=today) == [second, first]
    assert listed(**{"DateSent<": "2020-01-01"}) == []
    page = call(sandbox, "GET", params={"To": person, "PageSize": 1}).json()
    assert [row["sid"] for row in page["messages"]] == [second]
    following = sandbox.session.get(
        sandbox.env["TWILIO_URL"] + page["next_page_uri"],
        auth=(sandbox.env["TWILIO_SID"], sandbox.env["TWILIO_TOKEN"]),
        timeout=10,
    ).json()
    assert [row["sid"] for row in following["messages"]] == [first]
    assert following["next_page_uri"] is None


def test_a_lost_reply_leaves_a_message_that_can_be_found(sandbox):
    person = "+14155550999"
    sandbox.fault("twilio", "lost_reply")
    with pytest.raises(requests.ConnectionError):
        send(sandbox, to=person)
    rows = call(sandbox, "GET", params={"To": person}).json()["messages"]
    assert len(rows) == 1


def test_the_front_refuses_in_the_vendors_words(sandbox):
    sandbox.fault("twilio", "status", status=429, retry_after=1)
    refused = send(sandbox)
    assert (refused.status_code, refused.json()["code"], refused.headers["Retry-After"]) == (429, 20429, "1")


@pytest.mark.parametrize(
    ("body", "count"),
    [("a" * 160, 1), ("a" * 161, 2), ("é" * 160, 1), ("ł" * 70, 1), ("ł" * 71, 2), ("€" * 80, 1)],
)
def test_segments_are_counted_as_they_are_billed(body, count):
    assert segments(body) == count


def test_only_a_whole_body_is_a_keyword():
    assert [keyword(text) for text in ("stop", "please stop", "YES", "info")] == [
        "STOP",
        None,
        "START",
        "HELP",
    ]


def test_people_see_the_messages(sandbox):
    send(sandbox, body="<b>Look</b> at me")
    page = sandbox.session.get(f"{sandbox.url}/look/twilio/", timeout=10).text
    assert "&lt;b&gt;Look&lt;/b&gt; at me" in page
