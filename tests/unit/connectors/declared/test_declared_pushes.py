"""What described tools push: the known answers of their signatures, who is believed, and when a row is the whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from connectors.contract import Posted, Refused, Taken
from connectors.declared.description import Description
from connectors.declared.expressions import roots
from connectors.declared.inbound import inbound_of
from connectors.declared.preset import Preset

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
AT = 1704547200
STANDARD = {
    "kind": "hmac",
    "header": "webhook-signature",
    "encoding": "base64",
    "prefix": "v1,",
    "several": True,
    "secret_is": "base64",
    "secret_prefix": "whsec_",
    "signed": "id_dot_timestamp_dot_body",
    "id_header": "webhook-id",
    "timestamp_header": "webhook-timestamp",
}
TYPEFORM = {"kind": "hmac", "header": "Typeform-Signature", "encoding": "base64", "prefix": "sha256="}
SURVEYMONKEY = {"kind": "hmac", "header": "Sm-Signature", "encoding": "base64", "algorithm": "sha1"}
DELIGHTED = {"kind": "hmac", "header": "X-Delighted-Webhook-Signature", "prefix": "sha256="}
WOOTRIC = {"kind": "hmac", "header": "X-Wootric-Signature", "prefix": "sha1=", "algorithm": "sha1"}
FORMBRICKS_BODY = b'{"event":"responseFinished"}'
FORMBRICKS_SIGNED = {
    "webhook-id": "msg_1",
    "webhook-timestamp": str(AT),
    "webhook-signature": "v1,0wbPxlXZU1/vnsL6s4jqqs0VdGOqE33N7e78J024Juo=",
}
VECTORS = {
    "wootric": (
        WOOTRIC | {"secret": "09dfb1b73af9"},
        b'{"response":{"id":1128,"score":7},"event_name":"created"}',
        {"x-wootric-signature": "sha1=77aef9d0f3b2a3aa5377ed2c41e3fab5df8b8892"},
    ),
    "delighted": (
        DELIGHTED | {"secret": "test_key"},
        b'{"event_type":"survey_response.created","event_id":"e1"}',
        {
            "x-delighted-webhook-signature": (
                "sha256=560e6870081780d9e3d9e9c6e0fa0aa8dfb6122ac46e5c83a74d89e964d3b5f2"
            )
        },
    ),
    "typeform": (
        TYPEFORM | {"secret": "test_secret"},
        b'{"event_id":"LtWXD3crgy","event_type":"form_response"}',
        {"typeform-signature": "sha256=n3nfN41Qq3tAGvfd97TwHHlMUZlM7+84CSrPo4257Tk="},
    ),
    "surveymonkey": (
        SURVEYMONKEY | {"secret": "CLIENT&SECRET"},
        b'{"event_type":"response_completed","object_id":"123456"}',
        {"sm-signature": "7HJk0YUGpxVaoCqK6Undr3tLC6w="},
    ),
    "formbricks": (
        STANDARD | {"secret": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="},
        FORMBRICKS_BODY,
        FORMBRICKS_SIGNED,
    ),
}
PATH_SECRET = "5f1c0c8f3a2b4d6e8f90"


def described(push: dict[str, Any], **more: Any) -> Description:
    return Description.model_validate(
        {
            "base_url": "https://api.pulse.example",
            "request": {"path": "/answers"},
            "fields": {"id": "id", "answered_at": "at", "updated_at": "changed", "score": "answers[0].n"},
            "push": {"id": "id || object_id || response.id || event", **push},
        }
        | more
    )


def taken(description: Description, body: bytes, headers: dict[str, str], at: datetime = NOW) -> Taken:
    inbound = inbound_of(description)
    assert inbound is not None
    return inbound.receive(
        Posted("POST", f"https://nps.acme.example/hooks/p/{PATH_SECRET}", headers, body, at)
    )


def by_header(body: Any, push: dict[str, Any], **more: Any) -> Taken:
    auth = {"kind": "header", "name": "X-Secret", "value": "0123456789"}
    return taken(described({"auth": auth} | push, **more), orjson.dumps(body), {"x-secret": "0123456789"})


def signed(body: Any, push: dict[str, Any], **more: Any) -> Taken:
    """With a signature that is right."""
    import base64
    import hashlib
    import hmac

    sent = orjson.dumps(body)
    digest = hmac.new(b"test_secret", sent, hashlib.sha256).digest()
    headers = {"typeform-signature": "sha256=" + base64.b64encode(digest).decode()}
    return taken(described({"auth": TYPEFORM | {"secret": "test_secret"}} | push, **more), sent, headers)


@pytest.mark.parametrize("vendor", VECTORS)
def test_the_known_answers_of_signatures(vendor: str):
    auth, body, headers = VECTORS[vendor]
    at = datetime.fromtimestamp(AT, UTC)
    description = described({"auth": auth, "id": "event_id || object_id || event || to_string(response.id)"})
    assert len(taken(description, body, headers, at).arrivals) == 1
    for wrong in (body + b" ", body.replace(b"e", b"E", 1)):
        with pytest.raises(Refused) as refused:
            taken(description, wrong, headers, at)
        assert refused.value.status == 401
    with pytest.raises(Refused):
        taken(description, body, {}, at)


def test_of_several_signatures_one_has_to_be_right():
    auth, body, headers = VECTORS["formbricks"]
    description, at = described({"auth": auth}), datetime.fromtimestamp(AT, UTC)
    right = headers["webhook-signature"]
    wrong = "v1,AAAAxlXZU1/vnsL6s4jqqs0VdGOqE33N7e78J024Juo="
    for sent in (f"{wrong} {right}", f"v1a,{right[3:]} {right}"):
        assert taken(description, body, headers | {"webhook-signature": sent}, at).arrivals
    for sent in (
        f"{wrong} {wrong}",
        right.removeprefix("v1,"),
        f"v2,{right[3:]}",
        " ".join([wrong] * 50 + [right]),
    ):
        with pytest.raises(Refused):
            taken(description, body, headers | {"webhook-signature": sent}, at)


@pytest.mark.parametrize(("off", "code"), [(299, None), (-299, None), (301, "replayed"), (-301, "replayed")])
def test_a_signed_time_may_be_five_minutes_off(off: int, code: str | None):
    auth, body, headers = VECTORS["formbricks"]
    description, at = described({"auth": auth}), datetime.fromtimestamp(AT, UTC) + timedelta(seconds=off)
    if code is None:
        assert taken(description, body, headers, at).arrivals
        return
    with pytest.raises(Refused) as refused:
        taken(description, body, headers, at)
    assert refused.value.code == code


ROW = {"id": "7", "at": "2026-11-22T11:00:00Z", "changed": "2026-11-22T11:01:00Z", "answers": [{"n": 9}]}
WHOLE = {"row": "data", "same": ["id", "at", "changed", "answers"], "id": None}


def test_a_signed_row_that_holds_all_the_list_would_is_the_whole_answer():
    [told] = signed({"data": ROW}, WHOLE).arrivals
    assert told.id == "7"
    assert (told.response.score, told.response.updated_at.minute) == (9, 1)


@pytest.mark.parametrize(
    "more",
    [
        {
            "fields": {
                "id": "id",
                "answered_at": "at",
                "score": "answers[0].n",
                "properties": {"b": "meta.browser"},
            }
        },
        {"fields": {"id": "id", "answered_at": "at", "score": "answers[0].n", "all_properties": "@"}},
        {"look_up": {"key": "who", "path": "/people/{person}", "fields": {"email": "email"}}},
        {"rows": {"partial": "!finished"}},
    ],
    ids=["a property", "the row itself", "a person looked up", "a state"],
)
def test_a_row_that_lacks_what_the_list_has_is_read_again(more: dict[str, Any]):
    [told] = signed({"data": ROW}, WHOLE, **more).arrivals
    assert (told.id, told.response) == ("7", None)


def test_what_a_survey_says_of_its_questions_is_known_where_it_is_read_or_given():
    fields = {"id": "id", "answered_at": "at", "score": "answers[?q=='{score}'] | [0].n"}
    surveys = {"path": "/surveys", "values": {"score": "questions[0].id"}}
    row = ROW | {"answers": [{"q": "q1", "n": 3}]}
    [told] = signed(
        {"data": row, "s": "s1"}, WHOLE | {"survey": "s"}, fields=fields, surveys=surveys
    ).arrivals
    assert told.response is None
    given = surveys | {"given": {"s1": {"score": "q1"}}}
    [told] = signed({"data": row, "s": "s1"}, WHOLE | {"survey": "s"}, fields=fields, surveys=given).arrivals
    assert (told.response.score, told.response.survey) == (3, "s1")


def test_a_row_that_cannot_be_read_is_left_to_the_list():
    [told] = signed({"data": ROW | {"at": "yesterday"}}, WHOLE).arrivals
    assert told.response is None


def test_a_signed_deletion_is_believed_and_an_unsigned_one_is_looked_into():
    push = {"deleted": "type == 'deleted'", "id": "id"}
    [believed] = signed({"type": "deleted", "id": "7"}, push).arrivals
    [doubted] = by_header({"type": "deleted", "id": "7"}, push).arrivals
    assert (believed.deleted, doubted.deleted) == (True, False)


def test_who_only_knows_a_secret_address_says_that_there_is_something_to_read():
    auth = {"kind": "path", "secret": PATH_SECRET}
    body = orjson.dumps({"response": {"id": "7", "rating": 10}, "event": "completed"})
    [told] = taken(described({"auth": auth, "id": "response.id"}), body, {}).arrivals
    assert (told.id, told.response) == ("7", None)


def test_events_of_another_kind_are_answered_and_left_alone():
    done = by_header({"count": 1, "event": "dismissed", "id": 4}, {"only": "event == 'completed'"})
    assert (done.arrivals, done.reply.status) == ((), 200)


def test_a_list_of_events_is_as_many_arrivals_and_what_names_nothing_is_counted():
    done = signed({"events": [{"id": 1}, {"id": 2}, {"no": 3}]}, {"events": "events", "id": "id"})
    assert [one.id for one in done.arrivals] == ["1", "2"]
    assert [(one.code, one.count) for one in done.left_out] == [("no_id", 1)]


def test_an_answer_to_a_survey_that_is_not_read_is_left_out_visibly():
    surveys = {"named": ["s1"]}
    request = {"request": {"path": "/surveys/{survey}/answers"}, "surveys": surveys}
    done = signed({"id": 1, "s": "s2"}, {"id": "id", "survey": "s"}, **request)
    assert [one.code for one in done.left_out] == ["other_survey"]


def test_the_same_event_has_the_same_key_and_another_content_another():
    [one] = by_header({"id": 1, "score": 3}, {"id": "id"}).arrivals
    [same] = by_header({"score": 3, "id": 1}, {"id": "id"}).arrivals
    [other] = by_header({"id": 1, "score": 4}, {"id": "id"}).arrivals
    assert one.key == same.key != other.key


@pytest.mark.parametrize("body", [b"", b"\xff", b"{", b"nonsense"])
def test_what_is_no_json_is_refused_in_words(body: bytes):
    auth = {"kind": "path", "secret": PATH_SECRET}
    with pytest.raises(Refused) as refused:
        taken(described({"auth": auth}), body, {})
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("push", "why"),
    [
        ({"auth": {"kind": "path", "secret": PATH_SECRET}, "row": "@", "same": ["id"]}, "never believed"),
        (
            {
                "auth": TYPEFORM | {"secret": "test_secret", "signed": "first_batch_item"},
                "row": "@",
                "same": ["id"],
            },
            "whole body",
        ),
        ({"auth": TYPEFORM | {"secret": "test_secret"}, "row": "@"}, "row and same belong together"),
        ({"auth": STANDARD | {"secret": "whsec_no base64!"}}, "copy all of it"),
        ({"auth": TYPEFORM | {"secret": "test_secret", "id_header": "x"}}, "belong together"),
        ({"auth": {"kind": "path", "secret": "short"}}, "at least 20"),
        ({"auth": {"kind": "path", "secret": PATH_SECRET}, "only": "a ="}, "no JMESPath"),
    ],
)
def test_what_could_not_work_is_said_when_the_file_is_loaded(push: dict[str, Any], why: str):
    with pytest.raises(ValidationError, match=why):
        described(push)


def test_a_preset_whose_secret_is_not_given_takes_nothing():
    preset = Preset.of(
        {
            "parameters": {"hook_secret": {"about": "x", "secret": True, "required": False}},
            "base_url": "https://api.pulse.example",
            "request": {"path": "/answers"},
            "fields": {"id": "id", "answered_at": "at"},
            "push": {"auth": TYPEFORM | {"secret": "{hook_secret}"}, "id": "id"},
        }
    )
    assert preset.described(preset.values({})).push is None
    assert preset.described(preset.values({"hook_secret": "test_secret"})).push is not None


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("hidden.email", {"hidden"}),
        ("answers[?field.type=='nps'] | [0].number", {"answers"}),
        ("max([a, b][?@])", {"a", "b"}),
        ("a || b.c", {"a", "b"}),
        ("sort_by(rows, &at)[0].v", {"rows"}),
        ("@", None),
        ("keys(@)", None),
        ("*.a", None),
    ],
)
def test_which_keys_of_a_row_an_expression_looks_into(text: str, keys: set[str] | None):
    assert roots(text) == keys
