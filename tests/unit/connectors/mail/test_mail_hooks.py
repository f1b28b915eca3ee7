"""What a mail service posts about our mails, described in the YAML."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from builders_reports import CALLED, dsn
from pydantic import ValidationError

from connectors.contract import Posted, Refused, Taken
from connectors.mail.hooks import MailHooks
from connectors.mail.settings import MailSettings
from nps.events import SignalKind

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
EARLIER = 1_772_450_000
SECRET = "b0unce-secret-77"
HOOK = {
    "auth": {"kind": "basic", "username": "npsync", "password": SECRET},
    "kinds": {
        "bounce": {"event": "failed", "severity": "permanent"},
        "soft_bounce": {"event": "failed", "severity": "temporary"},
        "complaint": {"event": ["complained", "spamreport"]},
        "unsubscribe": {"event": "unsubscribed"},
        "delivered": {"event": "delivered"},
    },
    "message": "message.headers",
    "address": "recipient",
    "id": "id",
    "at": "timestamp",
    "code": "status",
}


def settings(**more: Any) -> MailSettings:
    usual = {"host": "smtp.acme.example", "sender": "Acme <feedback@acme.example>", "bounces": HOOK}
    return MailSettings.model_validate(usual | more)


def posted(body: Any, *, password: str = SECRET, kind: str = "application/json") -> Posted:
    login = base64.b64encode(f"npsync:{password}".encode()).decode()
    headers = {"authorization": f"Basic {login}", "content-type": kind}
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return Posted("POST", "https://nps.acme.example/hooks/mailer", headers, raw, NOON)


def received(body: Any, **more: Any) -> Taken:
    hook = HOOK | more
    return MailHooks(settings(bounces=hook)).receive(posted(body))


def event(**more: Any) -> dict[str, Any]:
    headers = {"message-id": f"<{CALLED}@acme.example>", "to": "ann@petrov.example"}
    usual = {"event": "failed", "severity": "permanent", "id": "e1", "timestamp": EARLIER}
    return usual | {"recipient": "Ann@Petrov.example", "message": {"headers": headers}} | more


def test_one_post_tells_of_a_message_and_its_address():
    [signal] = received(event(status="5.1.1")).arrivals
    assert signal.kind is SignalKind.BOUNCE
    assert (signal.message, signal.address, signal.code) == (CALLED, "ann@petrov.example", "5.1.1")
    assert signal.key == "e1/bounce"
    assert signal.at == datetime.fromtimestamp(EARLIER, UTC)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"severity": "temporary"}, SignalKind.SOFT_BOUNCE),
        ({"event": "complained"}, SignalKind.COMPLAINT),
        ({"event": "spamreport"}, SignalKind.COMPLAINT),
        ({"event": "unsubscribed"}, SignalKind.UNSUBSCRIBE),
        ({"event": "delivered"}, SignalKind.DELIVERED),
    ],
)
def test_what_a_post_means_is_said_by_values_in_it(said, kind):
    assert [signal.kind for signal in received(event(**said)).arrivals] == [kind]


def test_a_list_of_events_is_taken_one_by_one_and_what_is_not_meant_is_counted():
    taken = received([event(), event(id="e2", event="opened"), event(id="e3", event="clicked"), "x"])
    assert [signal.key for signal in taken.arrivals] == ["e1/bounce"]
    assert [(each.code, each.count) for each in taken.left_out] == [("not_meant", 3)]


def test_events_may_lie_deeper_in_the_body():
    assert len(received({"data": {"events": [event()]}}, items="data.events").arrivals) == 1


def test_an_event_that_names_nobody_of_ours_is_left_out():
    taken = received(event(message={}, recipient="nobody"))
    assert taken.arrivals == ()
    assert [each.code for each in taken.left_out] == ["unknown_message"]


def test_without_an_id_the_content_is_it():
    first, second = event(), event(recipient="bob@petrov.example")
    for one in (first, second):
        del one["id"]
    keys = [signal.key for signal in received([first, second, first]).arrivals]
    assert len(keys) == len(set(keys)) == 2


def test_a_time_in_the_future_is_now():
    assert received(event(timestamp=EARLIER + 10_000_000)).arrivals[0].at == NOON


def test_a_report_may_be_posted_as_it_came_by_mail():
    hooks = MailHooks(settings())
    [signal] = hooks.receive(posted(dsn(), kind="message/rfc822")).arrivals
    assert (signal.kind, signal.message) == (SignalKind.BOUNCE, CALLED)
    taken = hooks.receive(posted(b"Subject: hello\n\nhi", kind="message/rfc822"))
    assert [each.code for each in taken.left_out] == ["unknown_message"]


def refused(request: Posted, **more: Any) -> int:
    with pytest.raises(Refused) as caught:
        MailHooks(settings(**more)).receive(request)
    return caught.value.status


def test_who_is_not_let_in_and_what_cannot_be_read():
    assert refused(posted(event(), password="wrong")) == 401
    assert refused(posted(b"{cut")) == 400
    assert refused(posted(b"x" * (6 * 1024 * 1024), kind="message/rfc822")) == 413
    assert refused(posted(event()), bounces=None) == 404


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"kinds": {"reply": {"event": "replied"}}}, "nothing a mail service tells"),
        ({"kinds": {"bounce": {}}}, "by which values"),
        ({"auth": []}, "at least 1"),
        ({"kinds": {"bounced": {"event": "x"}}}, "Input should be"),
    ],
)
def test_a_description_that_would_not_work_is_refused(more, problem):
    with pytest.raises(ValidationError, match=problem):
        settings(bounces=HOOK | more)
