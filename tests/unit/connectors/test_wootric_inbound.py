"""What Wootric pushes: the known answer of its signature, both shapes of a body, and only the id of an answer kept."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest

from connectors.contract import Posted, Refused
from connectors.wootric.inbound import WootricInbound, signature
from connectors.wootric.settings import WootricSettings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECRET = "09dfb1b73af9"
KNOWN = b'{"response":{"id":1128,"score":7},"event_name":"created"}'
SIGNATURE = "sha1=77aef9d0f3b2a3aa5377ed2c41e3fab5df8b8892"


def taken(body: bytes, sent: str | None = None, kind: str = "application/json", hooks: bool = True):
    given = {"client_id": "id", "client_secret": "secret"} | ({"hooks": {"secret": SECRET}} if hooks else {})
    headers = {"content-type": kind, "x-wootric-signature": signature(SECRET, body) if sent is None else sent}
    inbound = WootricInbound(WootricSettings.model_validate(given))
    return inbound.receive(Posted("POST", "https://nps.acme.example/hooks/w", headers, body, NOW)).arrivals


def test_the_known_answer_of_the_signature():
    assert signature(SECRET, KNOWN) == SIGNATURE
    [told] = taken(KNOWN, SIGNATURE)
    assert (told.id, told.response, told.deleted) == ("1128", None, False)


@pytest.mark.parametrize(
    "sent", ["", "sha1=", SIGNATURE[:-1] + "3", SIGNATURE.removeprefix("sha1="), "sha1=é"]
)
def test_what_is_not_signed_by_wootric_is_refused(sent: str):
    with pytest.raises(Refused) as refused:
        taken(KNOWN, sent)
    assert (refused.value.status, refused.value.code) == (401, "bad_signature")


def test_an_answer_changed_again_is_another_arrival_and_the_same_delivery_is_not():
    first = b'{"response":{"id":1,"end_user_id":30,"survey_id":1146,"updated_at":"2016-08-04T13:57:26.558-07:00"}}'
    again = first.replace(b"26.558", b"27.112")
    [one], [two], [three] = taken(first), taken(first), taken(again)
    assert one.key == two.key != three.key
    assert (one.survey, one.about) == ("1146", {"end_user": "30"})


def test_a_form_names_the_same_answer():
    body = urlencode([("response[id]", "1128"), ("response[end_user_id]", "30"), ("event_name", "created")])
    [told] = taken(body.encode(), kind="application/x-www-form-urlencoded; charset=utf-8")
    assert (told.id, told.about) == ("1128", {"end_user": "30"})


def test_nothing_of_a_person_is_kept():
    [told] = taken(b'{"response":{"id":1,"email":"ann@acme.example","text":"bad","score":2}}')
    assert "ann" not in repr(told)
    assert "bad" not in repr(told)


def test_a_decline_is_no_answer():
    assert taken(b'{"decline":{"id":1},"event_name":"created"}') == ()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad_json"),
        (b"[]", "bad_body"),
        (b'{"response":{"score":7}}', "bad_body"),
        (b"\xff", "bad_json"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(body: bytes, code: str):
    with pytest.raises(Refused) as refused:
        taken(body)
    assert refused.value.code == code


def test_a_connection_without_hooks_takes_nothing():
    with pytest.raises(Refused) as refused:
        taken(KNOWN, SIGNATURE, hooks=False)
    assert refused.value.code == "not_configured"
