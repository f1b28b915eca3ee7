"""What Intercom pushes: signed over the raw body, named and read again; whoever unsubscribes is believed at once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Posted, Refused
from connectors.intercom.inbound import LARGEST, IntercomInbound, signature
from connectors.intercom.settings import IntercomSettings
from nps.events import Hint, Signal, SignalKind, Subject

SECRET = "intercom-client-secret-test"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
# The vendor file's known answers: exact bytes.
CLOSED = (
    b'{"type":"notification_event","app_id":"abc123","data":{"type":"notification_event_data","item":{"type":'
    b'"conversation","id":"1911149811","state":"closed","open":false,"updated_at":1748332925}},"links":{},"id":'
    b'"notif_ccd8a4d0-f965-11e3-a367-c779cae3e1b3","topic":"conversation.admin.closed","delivery_status":"pending",'
    b'"delivery_attempts":1,"delivered_at":0,"first_sent_at":1748332926,"created_at":1748332925,"self":null}'
)
PING = '{"topic":"ping","note":"café ✓"}'.encode()


def inbound(**hooks: Any) -> IntercomInbound:
    return IntercomInbound(
        IntercomSettings.model_validate({"access_token": "t", "hooks": {"client_secret": SECRET, **hooks}})
    )


def posted(body: bytes, header: str | None = None) -> Posted:
    headers = {} if header is None else {"x-hub-signature": header}
    return Posted("POST", "https://ask.acme.example/hooks/chat", headers, body, NOW)


def signed(told: Any) -> Posted:
    body = told if isinstance(told, bytes) else orjson.dumps(told)
    return posted(body, signature(SECRET, body))


@pytest.mark.parametrize(
    ("body", "header"),
    [
        (CLOSED, "sha1=a2f5ab49fd86848bcdb2d7f23c64fa3cc8b1c0e9"),
        (PING, "sha1=29f14cb139298b9a8d12eda1021e8802757641ba"),
    ],
)
def test_the_known_answers(body: bytes, header: str) -> None:
    assert signature(SECRET, body) == header
    assert inbound().receive(posted(body, header)).reply.status == 200


def test_a_closed_conversation_is_a_hint_that_names_it_and_nobody() -> None:
    (hint,) = inbound().receive(signed(CLOSED)).arrivals
    assert hint == Hint(
        connection="",
        key="notif_ccd8a4d0-f965-11e3-a367-c779cae3e1b3",
        kind="conversation_closed",
        subject=Subject("conversations", "1911149811"),
        occurred_at=datetime.fromtimestamp(1748332925, UTC),
    )


def test_a_second_delivery_is_the_same_hint() -> None:
    again = CLOSED.replace(b'"delivery_attempts":1', b'"delivery_attempts":2')
    assert inbound().receive(signed(again)).arrivals == inbound().receive(signed(CLOSED)).arrivals


def test_whoever_unsubscribes_is_told_at_once() -> None:
    item = {"type": "contact", "id": "6762", "email": "Jo@Example.com"}
    told = {
        "id": "notif_1",
        "topic": "contact.unsubscribed",
        "created_at": 1748332925,
        "data": {"item": item},
    }
    (signal,) = inbound().receive(signed(told)).arrivals
    assert isinstance(signal, Signal)
    assert (signal.kind, signal.address) == (SignalKind.UNSUBSCRIBE, "jo@example.com")


def test_who_has_no_address_there_unsubscribes_by_their_external_id() -> None:
    item = {"type": "contact", "id": "6762", "email": None, "external_id": "0042"}
    (signal,) = (
        inbound()
        .receive(signed({"id": "n", "topic": "contact.unsubscribed", "data": {"item": item}}))
        .arrivals
    )
    assert isinstance(signal, Signal)
    assert (signal.address, signal.external_id) == (None, "0042")
    nobody = {"id": "n", "topic": "contact.unsubscribed", "data": {"item": {"id": "6762"}}}
    assert inbound().receive(signed(nobody)).arrivals == ()


@pytest.mark.parametrize("topic", ["ping", "conversation.user.created", "contact.deleted", None, 7])
def test_what_no_trigger_asks_about_is_taken_all_the_same(topic: Any) -> None:
    told = {"id": "n", "topic": topic, "data": {"item": {"id": "1"}}}
    taken = inbound().receive(signed(told))
    assert (taken.arrivals, taken.reply.status) == (
        (),
        200,
    )  # a 4xx would be tried again, a 410 end it for good


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (posted(CLOSED), 401, "bad_signature"),
        (posted(CLOSED, "sha1=" + 40 * "0"), 401, "bad_signature"),
        (posted(CLOSED + b" ", "sha1=a2f5ab49fd86848bcdb2d7f23c64fa3cc8b1c0e9"), 401, "bad_signature"),
        (posted(CLOSED, "sha1=café"), 401, "bad_signature"),
        (signed(b"{"), 400, "bad_json"),
        (signed(b"[]"), 400, "bad_body"),
        (posted(b" " * (LARGEST + 1)), 413, "too_large"),
    ],
)
def test_what_is_wrong_is_refused(request_: Posted, status: int, code: str) -> None:
    with pytest.raises(Refused) as refused:
        inbound().receive(request_)
    assert (refused.value.status, refused.value.code) == (status, code)


def test_without_hooks_nothing_is_taken() -> None:
    with pytest.raises(Refused, match="takes nothing"):
        IntercomInbound(IntercomSettings.model_validate({"access_token": "t"})).receive(signed(CLOSED))


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)


@given(
    st.dictionaries(st.sampled_from(["id", "topic", "created_at", "data"]), anything)
    | st.fixed_dictionaries(
        {"topic": st.just("conversation.admin.closed"), "data": st.fixed_dictionaries({"item": anything})}
    )
)
def test_whatever_is_signed_is_taken_or_refused(told: Any) -> None:
    try:
        body = orjson.dumps(told)
    except TypeError:  # a lone surrogate cannot be sent
        return
    inbound().receive(signed(body))
