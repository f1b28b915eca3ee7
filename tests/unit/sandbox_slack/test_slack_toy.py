"""The toy Slack: what its addresses take, how they refuse, and what people see."""

import pytest
from toy_caller import HERE, ToyCaller

ALERTS = "C024ALERTS"


@pytest.fixture
def slack():
    return ToyCaller("slack", customers=0, limits={"per_second": 0})


def hook(slack, body, url=None):
    reply = slack.post(url or slack.env["SLACK_URL"], body)
    return reply.status, reply.body.decode()


def app(slack, method, body, token=None):
    headers = {"authorization": f"Bearer {token or slack.env['SLACK_TOKEN']}"}
    reply = slack.call("POST", f"/api/{method}", body, headers=headers)
    return reply.status, reply.json


def test_a_webhook_says_ok_in_plain_text_and_the_message_is_there(slack):
    assert hook(slack, {"text": "Detractor 3/10 - Acme Ltd", "unfurl_links": False}) == (200, "ok")
    (message,) = slack.rows("messages")
    assert (message["channel"], message["text"], message["via"]) == (
        ALERTS,
        "Detractor 3/10 - Acme Ltd",
        "webhook",
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "no_text"),
        ([1], "invalid_payload"),
        ({"text": "a", "blocks": [{"type": "section"}]}, "invalid_blocks"),
        (
            {"text": "a", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}]},
            "invalid_blocks",
        ),
    ],
)
def test_a_webhook_refuses_what_is_no_message(slack, body, said):
    assert hook(slack, body) == (400, said)
    assert slack.rows("messages") == []


def test_a_webhook_that_is_wrong_or_gone_says_which(slack):
    url = slack.env["SLACK_URL"]
    assert hook(slack, {"text": "a"}, url[:-1]) == (403, "invalid_token")
    assert hook(slack, {"text": "a"}, f"{HERE}/slack/services/T024ACME/B0/x") == (404, "no_service")
    slack.do("archive", channel=ALERTS)
    assert hook(slack, {"text": "a"}) == (410, "channel_is_archived")
    slack.do("remove_webhook")
    assert hook(slack, {"text": "a"}) == (404, "no_service")


def test_one_message_a_second_after_a_short_burst():
    slack = ToyCaller("slack", customers=0)
    told = [hook(slack, {"text": str(number)})[0] for number in range(6)]
    assert told == [200, 200, 200, 200, 429, 429]
    refused = slack.post(slack.env["SLACK_URL"], {"text": "5"})
    assert refused.headers["retry-after"] == "1"
    assert app(slack, "chat.postMessage", {"channel": "C024RENEWALS", "text": "a"})[0] == 200
    slack.advance(1)
    assert hook(slack, {"text": "6"})[0] == 200


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"channel": "C0", "text": "a"}, "channel_not_found"),
        ({"channel": "C024BOARD", "text": "a"}, "not_in_channel"),
        ({"channel": "C024OLD", "text": "a"}, "is_archived"),
        ({"channel": ALERTS}, "no_text"),
        ({"channel": ALERTS, "text": "x" * 40_001}, "msg_too_long"),
    ],
)
def test_the_app_is_refused_with_a_200(slack, body, error):
    assert app(slack, "chat.postMessage", body) == (200, {"ok": False, "error": error})


def test_a_follow_up_goes_into_the_thread(slack):
    _, first = app(slack, "chat.postMessage", {"channel": ALERTS, "text": "a"})
    assert first["ok"] is True
    app(slack, "chat.postMessage", {"channel": ALERTS, "text": "b", "thread_ts": first["ts"]})
    assert [row["thread_ts"] for row in slack.rows("messages")] == [None, first["ts"]]


def test_an_owner_is_found_by_address_while_he_works_here(slack):
    assert app(slack, "users.lookupByEmail", {"email": "alex@acme.example"})[1]["user"]["id"] == "U024ALEX"
    gone = app(slack, "users.lookupByEmail", {"email": "nora@acme.example"})
    assert gone == (200, {"ok": False, "error": "users_not_found"})
    only = slack.env["SLACK_CHAT_ONLY_TOKEN"]
    assert (
        app(slack, "users.lookupByEmail", {"email": "alex@acme.example"}, only)[1]["error"] == "missing_scope"
    )
    assert (
        app(slack, "chat.postMessage", {"channel": ALERTS, "text": "a"}, "xoxb-no")[1]["error"]
        == "invalid_auth"
    )
    assert slack.post("/api/chat.postMessage", {}).json["error"] == "not_authed"


def test_a_page_shows_what_people_read_and_whom_it_calls(slack):
    text = "<https://crm.example/1|Acme &lt;3&gt;> said <!channel> &amp; <script>"
    plain = {"type": "section", "text": {"type": "plain_text", "text": "Too <!here> slow"}}
    hook(slack, {"text": text})
    hook(slack, {"text": "fallback", "blocks": [plain]})
    page = slack.page("/look/slack/")
    assert '<a href="https://crm.example/1" rel="noreferrer">Acme &lt;3&gt;</a>' in page
    assert "calls @channel" in page
    assert "<script>" not in page
    assert "Too &lt;!here&gt; slow" in page
    assert [row["mentions"] for row in slack.rows("messages")] == [["!channel"], []]


def test_scripted_faults_speak_as_slack_does(slack):
    slack.fault("not_ok", detail={"error": "account_inactive"})
    assert app(slack, "chat.postMessage", {"channel": ALERTS, "text": "a"})[1]["error"] == "account_inactive"
    slack.fault("status", status=500)
    assert hook(slack, {"text": "a"}) == (500, "rollup_error")
