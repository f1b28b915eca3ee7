"""What a request of a webhook tells: which events, about whom, and what of it is left out, and why."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from fake_clock import fake_tools
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.contract import Posted, Refused, Taken, Watch
from connectors.webhook import CONNECTOR
from connectors.webhook.events import Track, WebhookEvents
from connectors.webhook.inbound import WebhookInbound
from connectors.webhook.settings import WebhookSettings
from nps.events import Hint, PersonKey, Subject

NOW = datetime(2026, 11, 2, 10, 20, tzinfo=UTC)
TOKEN = {"kind": "header", "value": "Bearer a-token"}
SEGMENT = {"preset": "segment", "auth": TOKEN}


def receive(body: Any, given: Mapping[str, Any] = SEGMENT, at: datetime = NOW) -> Taken:
    inbound = WebhookInbound(WebhookSettings.model_validate(given))
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return inbound.receive(
        Posted("POST", "https://a.example/hooks/p", {"authorization": "Bearer a-token"}, raw, at)
    )


def one(body: Any, given: Mapping[str, Any] = SEGMENT) -> Hint:
    [arrival] = receive(body, given).arrivals
    assert isinstance(arrival, Hint)
    return arrival


def why_not(body: Any, given: Mapping[str, Any] = SEGMENT) -> tuple[int, str]:
    with pytest.raises(Refused) as told:
        receive(body, given)
    return told.value.status, told.value.code


def track(**keys: Any) -> dict[str, Any]:
    event = {"type": "track", "event": "Feature Used", "messageId": "m-1", "userId": "u-1"}
    return {**event, "timestamp": "2026-11-02T10:15:30.000Z", **keys}


def test_a_track_event_in_full():
    hint = one(
        track(
            properties={"feature": "bulk_export", "count": 0},
            context={"traits": {"email": "Jo <Jo@Example.com>"}, "groupId": "acct-42"},
        )
    )
    assert hint.kind == "track"
    assert hint.key == "track/m-1"
    assert hint.subject == Subject("track", "m-1")
    assert hint.occurred_at == datetime(2026, 11, 2, 10, 15, 30, tzinfo=UTC)
    assert hint.person == (PersonKey("external_id", "u-1"), PersonKey("email", "jo@example.com"))
    assert hint.facts == {
        "name": "Feature Used",
        "properties": {"feature": "bulk_export", "count": 0},
        "account": "acct-42",
    }


def test_the_first_path_that_holds_something_counts():
    person = one(track(traits={"email": "a@example.com"}, properties={"email": "b@example.com"})).person
    assert PersonKey("email", "a@example.com") in person
    person = one(track(context={"traits": {"email": "none"}}, properties={"email": "b@example.com"})).person
    assert PersonKey("email", "b@example.com") in person
    assert one(track(timestamp=None, receivedAt="2026-11-02T10:00:00Z")).occurred_at == NOW.replace(minute=0)


def test_an_address_is_for_finding_the_person_and_is_kept_nowhere_else():
    facts = one(track(properties={"email": "jo@example.com", "to": ["x", {"cc": "Ann <a@b.example>"}]})).facts
    assert "@" not in str(facts)
    assert facts["properties"] == {"email": None, "to": ["x", {"cc": None}]}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-11-02T10:15:30Z", NOW.replace(minute=15, second=30)),
        ("2026-11-02T11:15:30+01:00", NOW.replace(minute=15, second=30)),
        (1793614530, NOW.replace(minute=15, second=30)),
        (1793614530500, NOW.replace(minute=15, second=30, microsecond=500_000)),
        ("1793614530", NOW.replace(minute=15, second=30)),
        (1793614530.5, NOW.replace(minute=15, second=30, microsecond=500_000)),
    ],
)
def test_a_time_in_any_usual_writing(written: Any, read: datetime):
    assert one(track(timestamp=written)).occurred_at == read


@pytest.mark.parametrize(
    "written", ["yesterday", "2026-11-02T10:15:30", True, -5, 12, {"at": 1}, 1e300, "9" * 400]
)
def test_a_time_nobody_can_read_is_refused(written: Any):
    assert why_not(track(timestamp=written)) == (422, "bad_time")


def test_what_is_long_past_or_far_in_the_future_asks_nobody():
    day, hour = timedelta(days=1), timedelta(hours=1)
    for at in (NOW - day, NOW + hour):
        assert one(track(timestamp=at.isoformat())).occurred_at == at
    second = timedelta(seconds=1)
    assert why_not(track(timestamp=(NOW - day - second).isoformat())) == (422, "too_old")
    assert why_not(track(timestamp=(NOW + hour + second).isoformat())) == (422, "in_the_future")
    longer = {**SEGMENT, "max_event_age": "3 days"}
    assert one(track(timestamp=(NOW - 2 * day).isoformat()), longer)


def test_the_same_event_again_has_the_same_key_however_it_comes():
    again = receive([track(messageId="m-0"), track(properties={"b": 1})]).arrivals
    assert again[1].key == one(track()).key
    nameless = {key: value for key, value in track().items() if key != "messageId"}
    turned = dict(reversed(nameless.items()))
    assert receive(nameless).arrivals[0].key == receive([turned]).arrivals[0].key
    assert receive(nameless).arrivals[0].key != receive({**nameless, "userId": "u-2"}).arrivals[0].key


def test_without_id_and_time_the_same_content_tomorrow_is_another_event():
    bare = {"type": "track", "event": "Feature Used", "userId": "u-1"}
    today, later = receive(bare).arrivals[0], receive(bare, at=NOW + timedelta(hours=3)).arrivals[0]
    tomorrow = receive(bare, at=NOW + timedelta(days=1)).arrivals[0]
    assert today.key == later.key != tomorrow.key


def test_a_long_id_becomes_a_short_one():
    assert len(one(track(messageId="x" * 100_000)).key) < 100
    assert one(track(messageId="x" * 100_000)).key != one(track(messageId="x" * 99_999)).key


def test_in_a_batch_good_events_do_not_suffer_from_bad_ones():
    old = track(messageId="m-2", timestamp="2025-01-01T00:00:00Z")
    taken = receive([track(), old, old, "text", track(messageId="m-3", userId=None), {"type": "page"}])
    assert [arrival.key for arrival in taken.arrivals] == ["track/m-1"]
    assert {(each.code, each.count) for each in taken.left_out} == {
        ("too_old", 2),
        ("not_an_event", 1),
        ("nobody", 1),
    }


def test_visitors_without_a_name_are_answered_and_left_alone():
    taken = receive(track(userId=None, anonymousId="507f"))
    assert taken.arrivals == ()
    assert [each.code for each in taken.left_out] == ["nobody"]
    assert taken.reply.status == 200


def test_other_kinds_of_messages_are_answered_and_left_alone():
    taken = receive([{"type": "identify", "userId": "u-1"}, {"type": "page", "userId": "u-1"}])
    assert (taken.arrivals, taken.left_out) == ((), ())


def test_a_request_to_delete_a_person_is_kept_for_somebody_to_look_at():
    hint = one({"type": "delete", "userId": "u-1", "timestamp": "2026-11-02T10:15:30Z"})
    assert (hint.kind, hint.subject, hint.person) == ("erasure_asked", Subject("person", "u-1"), ())
    [reading] = reader().read([], [hint])
    assert reading.events == ()
    assert "delete this person" in reading.why_not


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b'{"type": NaN}', "not_json"),
        (b'{"type":"track","event":"\xff"}', "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"7", "not_an_event"),
        (b'"text"', "not_an_event"),
        (b'{"type":"track","userId":"u-1"}', "nameless"),
        (b'{"type":"track","userId":"u-1","event":{"a":1}}', "nameless"),
        (orjson.dumps(track(properties={"a": "x" * 40_000})), "too_large"),
        (
            orjson.dumps(track()).replace(b"}", b',"properties":' + b'{"a":' * 30 + b"1" + b"}" * 31),
            "too_large",
        ),
    ],
)
def test_a_body_nobody_can_use_gets_a_clear_answer(body: bytes, code: str):
    status, told = why_not(body)
    assert told == code
    assert status == (400 if code == "not_json" else 422)


def test_words_of_every_language_and_none():
    hint = one(track(event="Función usada ✓", userId="Зоя\u0000", properties={"na\u0000me": "a\u0000b"}))
    assert hint.facts["name"] == "Función usada ✓"
    assert hint.person[0].value == "Зоя"
    assert hint.facts["properties"] == {"name": "ab"}


def test_leading_zeros_are_part_of_an_id():
    assert one(track(userId="0042")).person == (PersonKey("external_id", "0042"),)
    assert one(track(userId=42)).person == (PersonKey("external_id", "42"),)


COHORTS = {
    "auth": TOKEN,
    "items": "parameters.members",
    "only": {"action": "add_members"},
    "fields": {
        "event": "parameters.cohort_name",
        "id": "{parameters.cohort_id}/{distinct_id}/{received.date}",
        "external_id": "distinct_id",
        "email": "email",
    },
    "reply": {"repeat": "action", "add": {"status": "success"}},
}
MEMBER = {"email": "jo@example.com", "distinct_id": "u-1001", "first_name": "Jo"}


def cohort(action: str, *members: Any) -> dict[str, Any]:
    return {
        "action": action,
        "parameters": {
            "cohort_name": "Used export",
            "cohort_id": "99",
            "members": list(members),
        },
    }


def test_people_who_enter_a_cohort():
    taken = receive(cohort("add_members", MEMBER, {"distinct_id": "u-2"}), COHORTS)
    assert [arrival.key for arrival in taken.arrivals] == [
        "track/99/u-1001/2026-11-02",
        "track/99/u-2/2026-11-02",
    ]
    assert isinstance(taken.arrivals[0], Hint)
    assert taken.arrivals[0].facts["name"] == "Used export"
    assert orjson.loads(taken.reply.body) == {"action": "add_members", "status": "success"}


@pytest.mark.parametrize("action", ["members", "remove_members"])
def test_a_whole_cohort_and_those_who_leave_it_ask_nobody(action: str):
    taken = receive(cohort(action, MEMBER), COHORTS)
    assert taken.arrivals == ()
    assert orjson.loads(taken.reply.body) == {"action": action, "status": "success"}


def test_an_empty_call_is_answered():
    assert receive(cohort("add_members"), COHORTS).reply.status == 200
    assert receive([]).arrivals == ()


# ---------------------------------------------------------------- events


def reader() -> WebhookEvents:
    return WebhookEvents(WebhookSettings.model_validate(SEGMENT), fake_tools("product"))


def test_a_hint_is_the_event():
    hint = one(track(properties={"feature": "bulk_export"}))
    [reading] = reader().read([], [hint])
    [event] = reading.events
    assert (event.connection, event.kind, event.key) == ("product", "track", "track/m-1")
    assert (event.person, event.facts, event.occurred_at) == (hint.person, hint.facts, hint.occurred_at)


def test_there_is_nothing_to_poll():
    [page] = reader().poll([Watch("track")], None)
    assert page.events == ()
    assert list(reader().past([Watch("track")], NOW)) == []


@pytest.mark.parametrize(
    ("wanted", "means"),
    [
        ({"name": "Feature Used"}, True),
        ({"name": ["Signed Up", "Feature Used"]}, True),
        ({"name": "feature used"}, False),
        ({"name": "Feature Used", "properties": {"feature": "bulk_export"}}, True),
        ({"name": "Feature Used", "properties": {"feature": ["import", "bulk_export"]}}, True),
        ({"name": "Feature Used", "properties": {"feature": "import"}}, False),
        ({"name": "Feature Used", "properties": {"plan.name": "pro"}}, True),
        ({"name": "Feature Used", "properties": {"paid": True}}, True),
        ({"name": "Feature Used", "properties": {"paid": 1}}, False),
        ({"name": "Feature Used", "properties": {"nothing": None}}, True),
        ({"name": "Feature Used", "properties": {"feature": None}}, False),
    ],
)
def test_a_trigger_says_which_events_it_means(wanted: Mapping[str, Any], means: bool):
    properties = {"feature": "bulk_export", "plan": {"name": "pro"}, "paid": True}
    [reading] = reader().read([], [one(track(properties=properties))])
    assert Track.model_validate(wanted).mean(reading.events[0]) is means


# ---------------------------------------------------------------- settings


def test_a_preset_is_nothing_but_defaults():
    settings = WebhookSettings.model_validate(
        {"preset": "segment", "auth": {"secret": "12345678"}, "fields": {"external_id": "context.crmId"}}
    )
    assert settings.fields.external_id == ("context.crmId",)
    assert settings.fields.event == ("event",)
    [auth] = settings.auth
    assert auth.kind == "hmac"
    assert (auth.algorithm, auth.signed) == ("sha1", "first_batch_item")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "auth"),
        ({"auth": TOKEN}, "fields"),
        ({"auth": TOKEN, "fields": {"event": "a"}}, "external_id, email or phone"),
        ({"auth": [], "fields": {"event": "a", "email": "b"}}, "auth"),
        ({"auth": {"kind": "none"}, "fields": {"event": "a", "email": "b"}}, "kind"),
        ({"preset": "segment"}, "secret"),
        ({"preset": "segment", "auth": {"secret": "short"}}, "at least 8"),
        (
            {"auth": {"kind": "path", "secret": "abcdefgh"}, "fields": {"event": "a", "email": "b"}},
            "at least 20",
        ),
        ({"auth": TOKEN, "fields": {"event": "a..b", "email": "b"}}, "not a path"),
        ({"auth": TOKEN, "fields": {"event": "a", "email": "b", "id": "{a"}}, "brace"),
        ({"auth": TOKEN, "fields": {"event": "a", "email": "{b}"}}, "not a path"),
        ({**SEGMENT, "auth": {"secret": "12345678", "header": "X Sig"}}, "name of a header"),
        ({**SEGMENT, "auth": {"secret": "12345678", "signed": "timestamp_dot_body"}}, "timestamp_header"),
    ],
)
def test_settings_that_cannot_work_are_refused_with_a_word_on_why(given: Mapping[str, Any], told: str):
    with pytest.raises(ValidationError, match=told):
        WebhookSettings.model_validate(given)


def test_what_the_starter_file_shows_is_valid():
    assert CONNECTOR.inbound is not None
    assert "preset: segment" in CONNECTOR.starter


# ---------------------------------------------------------------- anything at all

KEYS = st.sampled_from(
    [
        "type",
        "event",
        "messageId",
        "userId",
        "timestamp",
        "receivedAt",
        "properties",
        "context",
        "traits",
        "email",
        "groupId",
        "action",
        "parameters",
        "members",
        "distinct_id",
        "cohort_id",
        "cohort_name",
        "phone_number",
    ]
)
many = settings(max_examples=int(os.environ.get("NPSYNC_BODIES", "150")))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=30,
)
TYPED = st.dictionaries(KEYS, JSON, max_size=8).map(
    lambda event: {"type": "track", "userId": "u", "event": "e", **event}
)


@given(st.binary(max_size=2_000))
@many
def test_any_bytes_are_taken_or_refused(body: bytes):
    clean(body, SEGMENT)


@given(JSON | st.lists(TYPED, max_size=5) | TYPED)
@many
def test_any_json_is_taken_or_refused(body: Any):
    try:
        raw = orjson.dumps(body)
    except TypeError:  # a lone surrogate or a number beyond 64 bits, which no JSON of orjson's holds
        return
    for given_settings in (SEGMENT, COHORTS):
        clean(raw, given_settings)


@given(st.binary(max_size=300), st.text(max_size=80), st.text(max_size=30))
@many
def test_any_signature_is_refused(body: bytes, signature: str, stamp: str):
    auth = {"kind": "hmac", "secret": "a-shared-secret"}
    timed = {**auth, "signed": "timestamp_dot_body", "timestamp_header": "X-Time"}
    for each in (auth, {**auth, "signed": "first_batch_item"}, timed, {**auth, "encoding": "base64"}):
        inbound = WebhookInbound(WebhookSettings.model_validate({**SEGMENT, "auth": [each]}))
        with pytest.raises(Refused):
            inbound.receive(
                Posted("POST", "https://a.example/h", {"x-signature": signature, "x-time": stamp}, body, NOW)
            )


def clean(body: bytes, given_settings: Mapping[str, Any]) -> None:
    try:
        taken = receive(body, given_settings)
    except Refused as refused:
        status = refused.status
    else:
        status = taken.reply.status
    assert status in (200, 400, 422)
    if status != 200:
        return
    for arrival in taken.arrivals:
        assert isinstance(arrival, Hint)
        assert arrival.person
        assert len(arrival.key) < 300
        [reading] = reader().read([], [arrival])
        assert reading.events
        Track(name=("e",), properties={"a.b": (1,)}).mean(reading.events[0])
