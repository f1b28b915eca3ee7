"""The toy Wootric asks: surveys by e-mail, in-app flags, answers that carry what was passed, webhooks."""

import hashlib
import hmac
from urllib.parse import parse_qsl

import pytest
from post_box import post_box

from sandbox.wootric.webhooks import signature


@pytest.fixture
def box():
    with post_box() as opened:
        yield opened


def call(wootric, method, path, form=(), token=True):
    headers = {"Authorization": f"Bearer {wootric.token}"} if token else {}
    url = wootric.sandbox.env["WOOTRIC_URL"] + path
    return wootric.sandbox.session.request(method, url, data=form, headers=headers, timeout=30)


def ask(wootric, email, **more):
    form = {"emails[]": email, **more}
    reply = call(wootric, "POST", "/v1/email_survey", form)
    assert reply.status_code == 200, reply.text
    return asked(wootric, email)[-1]


def asked(wootric, email):
    return [row for row in wootric.sandbox.rows("wootric", "asked") if row["email"] == email]


def answer_of(wootric, id, score=9, **more):
    return wootric.do("answer", id=id, score=score, **more)


def test_somebody_unknown_becomes_an_end_user_and_is_asked(wootric):
    email = wootric.somebody()
    row = ask(wootric, email, **{"external_ids[]": "C-77", "subject": "How are we doing?"})
    assert (row["state"], row["external_id"], row["channel"]) == ("sent", "C-77", "email")
    assert row["told"]["subject"] == "How are we doing?"
    found = wootric.get(f"/v1/end_users/{email}", lookup_by_email="true").json()
    assert found["external_id"] == "C-77"


def test_the_answer_comes_back_with_the_properties_that_were_passed(wootric):
    email = wootric.somebody()
    passed = {"end_user[properties][npsync_invitation]": "inv-1", "end_user[properties][plan]": "pro"}
    row = ask(wootric, email, **passed)
    assert row["properties"] == {"npsync_invitation": "inv-1", "plan": "pro"}
    answer_of(wootric, row["id"], 4, text="Slow")
    (last,) = wootric.responses(sort_order="desc", per_page=1)
    assert (last["score"], last["text"]) == (4, "Slow")
    properties = last["end_user"]["properties"]
    assert "inv-1" in str(properties)
    assert asked(wootric, email)[0]["state"] == "answered"
    assert asked(wootric, email)[0]["response"] == last["id"]


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"emails[]": "nobody"},
        {"emails[]": ["a@unit.example"] * 101},
        {"emails[]": "a@unit.example", "delay": "0"},
        {"emails[]": "a@unit.example", "delay": "32"},
        {"emails[]": "a@unit.example", "survey_settings[sampling][response_throttle]": "soon"},
    ],
)
def test_a_form_the_vendor_cannot_use_is_a_400(wootric, form):
    assert call(wootric, "POST", "/v1/email_survey", form).status_code == 400


def test_the_token_goes_in_the_header_or_the_form(wootric):
    email = wootric.somebody()
    assert call(wootric, "POST", "/v1/email_survey", {"emails[]": email}, token=False).status_code == 401
    form = {"emails[]": email, "access_token": wootric.token}
    assert call(wootric, "POST", "/v1/email_survey", form, token=False).status_code == 200
    wootric.do("set", survey_token_in_body=True)
    assert call(wootric, "POST", "/v1/email_survey", {"emails[]": email}).status_code == 401
    assert call(wootric, "POST", "/v1/email_survey", form).status_code == 200
    wootric.do("set", survey_token_in_body=False)


def test_a_throttle_is_silent_and_can_be_overruled(wootric):
    email = wootric.somebody()
    answer_of(wootric, ask(wootric, email)["id"])
    throttle = {"survey_settings[sampling][response_throttle]": "180"}
    held = ask(wootric, email, **throttle)
    assert (held["state"], held["reason"]) == ("ineligible", "answered within 180 days")
    assert ask(wootric, email)["state"] == "sent"
    assert ask(wootric, email, **throttle, survey_immediately="true")["state"] == "sent"


def test_the_accounts_own_throttle_is_off_until_support_turns_it_on(wootric):
    email = wootric.somebody()
    assert [ask(wootric, email)["state"] for _ in range(2)] == ["sent", "sent"]
    wootric.do("set", email_throttle=30)
    assert ask(wootric, email)["reason"] == "asked by e-mail within 30 days"
    wootric.do("set", email_throttle=0)


def test_people_who_decline_or_opt_out_are_left_alone(wootric):
    email = wootric.somebody()
    row = ask(wootric, email)
    wootric.do("decline", id=row["id"])
    decline_throttle = {"survey_settings[sampling][decline_throttle]": "30"}
    assert ask(wootric, email, **decline_throttle)["reason"] == "declined within 30 days"
    shown = wootric.do("opt_out", id=row["end_user_id"])
    assert shown["settings"]["surveys_disabled_by_end_user"] is True
    assert ask(wootric, email, survey_immediately="true")["state"] == "ineligible"


def test_a_delay_is_in_days(wootric):
    row = ask(wootric, wootric.somebody(), delay="2")
    assert (row["state"], row["due"] - row["at"]) == ("scheduled", 2 * 86_400)
    refused = wootric.sandbox.session.post(
        f"{wootric.sandbox.url}/control/wootric/do/answer", json={"id": row["id"], "score": 9}, timeout=10
    )
    assert refused.status_code == 400


def test_switches_and_flags_are_settings_of_the_person(wootric):
    email = wootric.somebody()
    id = ask(wootric, email)["end_user_id"]
    reply = call(wootric, "PUT", f"/v1/end_users/{id}/settings", {"email_nps": "false"})
    assert reply.json()["email_nps"] is False
    assert ask(wootric, email)["reason"] == "email_nps is off"
    call(wootric, "PUT", f"/v1/end_users/{id}/settings", {"force_web_survey": "true"})
    row = asked(wootric, email)[-1]
    assert (row["channel"], row["state"]) == ("web", "eligible")
    assert wootric.get(f"/v1/end_users/{id}").json()["settings"]["force_web_survey"] is True
    answer_of(wootric, row["id"])
    assert wootric.get(f"/v1/end_users/{id}").json()["settings"]["force_web_survey"] is None
    assert call(wootric, "PUT", "/v1/end_users/1/settings", {"email_nps": "false"}).status_code == 404


def test_an_end_user_is_made_and_changed_and_answered_with_text_properties(wootric):
    email = wootric.somebody()
    made = call(wootric, "POST", "/v1/end_users", {"email": email, "properties[plan]": "pro"})
    assert (made.status_code, made.json()["properties"]) == (201, '{"plan":"pro"}')
    id = made.json()["id"]
    changed = call(wootric, "PUT", f"/v1/end_users/{id}", {"external_id": "C-9", "properties[seats]": "3"})
    assert changed.json()["properties"] == '{"plan":"pro","seats":"3"}'
    assert wootric.get(f"/v1/end_users/{id}").json()["external_id"] == "C-9"
    assert call(wootric, "POST", "/v1/end_users", {}).status_code == 400


def test_the_webhook_signature_is_the_vendors():
    body = b'{"response":{"id":1128,"score":7},"event_name":"created"}'
    assert signature("09dfb1b73af9", body) == "sha1=77aef9d0f3b2a3aa5377ed2c41e3fab5df8b8892"


@pytest.mark.parametrize("shape", ["json", "form"])
def test_an_answer_and_its_edit_are_told_with_who_gave_it(wootric, box, shape):
    secret = wootric.do("webhook", url=f"{box.url}/hooks/nps", format=shape)["secret"]
    email = wootric.somebody()
    id = wootric.answer(email=email, score=7)
    wootric.edit(id, text="Better now")
    wootric.sandbox.control("POST", "/deliveries/settle")
    wootric.do("webhook", url=None)
    posts = box.take()
    for post in posts:
        mac = hmac.new(secret.encode(), post.body, hashlib.sha1).hexdigest()
        assert post.headers["x-wootric-signature"] == f"sha1={mac}"
    if shape == "json":
        told = [post.json() for post in posts]
        names = sorted(
            (one["event_name"], one["response"]["text"]) for one in told if one["response"]["text"]
        )
        assert names == [("updated", "Better now")]
        assert {one["response"]["email"] for one in told} == {email}
        assert {one["survey_mode"] for one in told} == {"NPS"}
    else:
        forms = [dict(parse_qsl(post.body.decode(), keep_blank_values=True)) for post in posts]
        assert {form["response[id]"] for form in forms} == {id}
        assert {form["event_name"] for form in forms} == {"created", "updated"}


def test_somebody_who_was_not_asked_answers_by_themselves(wootric):
    email = wootric.somebody()
    row = wootric.do("answer", email=email, score=3, text="Slow")
    person = wootric.get(f"/v1/end_users/{row['end_user_id']}").json()
    assert (row["score"], row["text"], person["email"]) == (3, "Slow", email)


def test_a_decline_is_told_too(wootric, box):
    wootric.do("webhook", url=f"{box.url}/hooks/nps")
    wootric.do("decline", id=ask(wootric, wootric.somebody())["id"])
    wootric.sandbox.control("POST", "/deliveries/settle")
    wootric.do("webhook", url=None)
    (post,) = box.take()
    assert "decline" in post.json()
    assert "score" not in post.json()["decline"]


def test_people_see_who_was_asked(wootric):
    email = wootric.somebody()
    ask(wootric, email)
    page = wootric.sandbox.session.get(f"{wootric.sandbox.url}/look/wootric/", timeout=10).text
    assert email in page
