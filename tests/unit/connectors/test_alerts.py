"""Alerts: what a channel, a mailbox and a program get, and what becomes of one that is not taken."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest
import requests
from fake_clock import fake_tools
from hypothesis import given
from hypothesis import strategies as st
from played_relay import played_relay
from played_vendor import playing

from connectors import registry
from connectors.contract import Alert, Alerter
from connectors.mail.alerting import text_of
from connectors.slack.messages import LONGEST, message
from connectors.wire import FateUnknown
from nps.errors import AccessError, ConfigError, NpsyncError, RejectedError, UnavailableError

SLACK = "https://hooks.slack.example"
API = "https://slack.example/api"
PROGRAM = "https://alerts.acme.example"
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
ODD = 'O\'Brien & <Sons> "GmbH" *x*'
ALERT = Alert(
    key="nps-to-contacts/email-nps/4711",
    title=f"Detractor 3/10: {ODD}",
    facts=[("Account", ODD), ("Channel", "email")],
    text="Scored 3",
    comment="<!channel> too slow\nand <https://evil.example|dear>",
    links=[("Record", "https://crm.example/003|x")],
    owner_email="olga@acme.example",
)


def opened(type: str, **settings: Any) -> Alerter:
    connector = registry.load(type)
    assert connector.alerter is not None
    return connector.alerter(connector.settings.model_validate(settings), fake_tools("alerts"))


def by_webhook() -> Alerter:
    return opened("slack", webhook_url=f"{SLACK}/services/T1/B1/s3cr3t")


def by_bot(**more: Any) -> Alerter:
    return opened("slack", token="xoxb-t0ken", channel="C1", base_url=API, **more)


def to_program() -> Alerter:
    return opened("outgoing_webhook", url=f"{PROGRAM}/in?sig=h1dden", secret=SECRET)


# ---------------------------------------------------------------- what arrives


def test_slack_gets_the_alert_with_nothing_of_the_customers_as_markup() -> None:
    with playing(SLACK) as slack:
        slack.says = [(200, "ok", {"Content-Type": "text/plain"})]
        assert by_webhook().alert(ALERT) == ""
    [asked] = slack.asked
    assert asked.path == "/services/T1/B1/s3cr3t"
    assert asked.json["unfurl_links"] is False
    head, text, comment = (block["text"] for block in asked.json["blocks"])
    assert "&amp; &lt;Sons&gt;" in head["text"]
    assert "<https://crm.example/003%7Cx|Record>" in head["text"]
    assert (text["type"], comment["type"]) == ("plain_text", "plain_text")
    assert comment["text"] == ALERT.comment
    assert "<Sons>" not in asked.json["text"]


def test_a_bot_posts_to_its_channel_and_mentions_the_owner() -> None:
    with playing(API) as slack:
        slack.at = {
            "/api/users.lookupByEmail": [(200, {"ok": True, "user": {"id": "U7"}})],
            "/api/chat.postMessage": [(200, {"ok": True, "ts": "1503435956.000247"})],
        }
        alerter = by_bot(mention_owner=True)
        assert alerter.alert(ALERT) == "1503435956.000247"
        alerter.alert(ALERT)
    looked_up, first, _ = slack.asked
    assert looked_up.params == {"email": "olga@acme.example"}
    assert first.json["channel"] == "C1"
    assert first.headers["authorization"] == "Bearer xoxb-t0ken"
    assert "<@U7>" in first.json["blocks"][0]["text"]["text"]


def test_an_owner_slack_does_not_know_is_no_reason_to_say_nothing() -> None:
    with playing(API) as slack:
        slack.at = {
            "/api/users.lookupByEmail": [(200, {"ok": False, "error": "users_not_found"})],
            "/api/chat.postMessage": [(200, {"ok": True, "ts": "1.2"})],
        }
        assert by_bot(mention_owner=True).alert(ALERT) == "1.2"


def test_a_program_gets_json_it_can_verify_and_know_again() -> None:
    with playing(PROGRAM) as program:
        program.says = [(500, {}), (204, b"")]
        id = to_program().alert(ALERT)
    first, again = program.asked
    assert first.params == {"sig": "h1dden"}
    assert first.headers["webhook-id"] == again.headers["webhook-id"] == id
    assert again.json["type"] == "npsync.alert"
    assert again.json["data"]["comment"] == ALERT.comment
    assert again.json["data"]["facts"]["Account"] == ODD
    signed = f"{id}.{again.headers['webhook-timestamp']}.".encode() + again.body
    mac = base64.b64encode(hmac.new(bytes(range(32)), signed, hashlib.sha256).digest()).decode()
    assert again.headers["webhook-signature"] == f"v1,{mac}"


def test_a_mailbox_gets_plain_text_and_no_forged_header() -> None:
    with played_relay() as played:
        mail = opened(
            "mail", host="127.0.0.1", port=played.port, security="plain", sender="A <a@acme.example>"
        )
        forged = Alert(**{**vars(ALERT), "title": "Detractor\r\nBcc: all@acme.example"})
        reference = mail.alert(forged)
        mail.close()
    [taken] = played.taken
    assert taken.to == ["olga@acme.example"]
    assert taken.mail["Subject"] == "Detractor Bcc: all@acme.example"
    assert taken.mail["Bcc"] is None
    assert taken.mail["Message-ID"] == f"<{reference}@acme.example>"
    assert taken.mail.get_content().replace("\r\n", "\n") == text_of(forged)
    assert "> <!channel> too slow" in text_of(forged)


# ---------------------------------------------------------------- what is not taken


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ((400, "invalid_payload"), RejectedError),
        ((403, "invalid_token"), AccessError),
        ((404, "no_service"), ConfigError),
        ((410, "channel_is_archived"), ConfigError),
        ((200, "<html>sign in</html>"), UnavailableError),
        ((502, "gone"), FateUnknown),
        (requests.ReadTimeout(), FateUnknown),
        (requests.ConnectTimeout(), UnavailableError),
    ],
)
def test_a_webhook_that_was_not_taken_says_why_without_its_address(
    said: Any, error: type[NpsyncError]
) -> None:
    with playing(SLACK) as slack:
        slack.says = [(*said, {"Content-Type": "text/plain"}) if isinstance(said, tuple) else said]
        with pytest.raises(error) as raised:
            by_webhook().alert(ALERT)
    assert type(raised.value) is error
    assert "s3cr3t" not in str(raised.value)
    assert "Brien" not in str(raised.value)
    if error is FateUnknown:
        assert len(slack.asked) == 1, "what may have arrived is not repeated"


@pytest.mark.parametrize("stumble", [(429, "", {"Retry-After": "3"}), (500, "rollup_error")])
def test_slack_is_asked_again_when_it_surely_took_nothing(stumble: Any) -> None:
    with playing(SLACK) as slack:
        slack.says = [stumble, (200, "ok", {"Content-Type": "text/plain"})]
        by_webhook().alert(ALERT)
    assert len(slack.asked) == 2


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("invalid_auth", AccessError),
        ("not_in_channel", ConfigError),
        ("msg_too_long", RejectedError),
    ],
)
def test_a_refusal_within_a_200_is_a_refusal(code: str, error: type[NpsyncError]) -> None:
    with playing(API) as slack:
        slack.says = [(200, {"ok": False, "error": code})]
        with pytest.raises(error, match=code):
            by_bot().alert(ALERT)


def test_a_bot_waits_when_slack_is_busy_within_a_200() -> None:
    with playing(API) as slack:
        slack.says = [(200, {"ok": False, "error": "ratelimited"}), (200, {"ok": True, "ts": "1.2"})]
        assert by_bot().alert(ALERT) == "1.2"


@pytest.mark.parametrize(("status", "error"), [(401, AccessError), (410, AccessError), (422, RejectedError)])
def test_a_program_that_refuses_is_not_asked_again(status: int, error: type[NpsyncError]) -> None:
    with playing(PROGRAM) as program:
        program.says = [(status, {})]
        with pytest.raises(error) as raised:
            to_program().alert(ALERT)
    assert len(program.asked) == 1
    assert "h1dden" not in str(raised.value)


@pytest.mark.parametrize(
    ("say", "error"),
    [
        ({"rcpt": "550 5.1.1 nobody"}, RejectedError),
        ({"rcpt": "451 4.3.0 later"}, UnavailableError),
        ({"mail": "530 5.7.0 log in"}, AccessError),
    ],
)
def test_a_mail_the_relay_does_not_take_says_so(say: dict[str, str], error: type[NpsyncError]) -> None:
    with played_relay() as played:
        played.say = say
        mail = opened(
            "mail", host="127.0.0.1", port=played.port, security="plain", sender="A <a@acme.example>"
        )
        with pytest.raises(error) as raised:
            mail.alert(ALERT)
        mail.close()
    assert "olga" not in str(raised.value)


def test_a_mail_to_nobody_asks_to_whom() -> None:
    mail = opened("mail", host="127.0.0.1", port=9, security="plain", sender="A <a@acme.example>")
    with pytest.raises(ConfigError, match="to whom"):
        mail.alert(Alert(key="x", title="y"))
    with pytest.raises(ConfigError, match="no e-mail address"):
        mail.alert(Alert(key="x", title="y", to="not an address"))


# ---------------------------------------------------------------- texts and settings


@given(
    st.builds(
        Alert, key=st.just("k"), title=st.text(max_size=60), text=st.text(max_size=60), comment=st.text()
    )
)
def test_whatever_people_write_no_slack_text_holds_a_mention_or_is_too_long(alert: Alert) -> None:
    blocks: Any = message(alert)["blocks"]
    for block in blocks:
        said = block["text"]
        assert 0 < len(said["text"]) <= LONGEST
        if said["type"] == "mrkdwn":
            assert "<" not in said["text"]


def test_a_long_comment_is_cut_and_a_long_title_keeps_its_escapes_whole() -> None:
    blocks: Any = message(Alert(key="k", title="&" * 2000, comment="é" * 9000))["blocks"]
    assert blocks[0]["text"]["text"].endswith("&amp; …")
    assert len(blocks[1]["text"]["text"]) == LONGEST


@pytest.mark.parametrize(
    ("type", "settings", "told"),
    [
        ("slack", {}, "webhook_url or token"),
        ("slack", {"webhook_url": "http://hooks.slack.example/s3cr3t"}, "webhook_url is no address"),
        ("slack", {"webhook_url": f"{SLACK}/x", "channel": "C1"}, "need a token"),
        ("outgoing_webhook", {"url": "https://me:s3cr3t@acme.example/x"}, "url is no address"),
        ("outgoing_webhook", {"url": PROGRAM, "secret": "whsec_c2hvcnQ="}, "no signing secret"),
    ],
)
def test_settings_that_cannot_work_are_refused_without_quoting_a_secret(
    type: str, settings: dict[str, str], told: str
) -> None:
    with pytest.raises(ValueError, match=told) as raised:
        registry.load(type).settings.model_validate(settings)
    assert "s3cr3t" not in "".join(str(each["msg"]) for each in raised.value.errors())  # type: ignore[attr-defined]
