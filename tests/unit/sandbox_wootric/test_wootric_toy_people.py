"""Tokens, end users and limits of the toy Wootric."""

from __future__ import annotations

import json
from datetime import datetime

import pytest


def test_a_token_is_issued_for_two_hours_without_a_refresh_token(wootric):
    issued = wootric.issue().json()
    assert (issued["expires_in"], issued["token_type"], issued["scope"]) == (7200, "bearer", "public")
    assert "refresh_token" not in issued


def test_a_password_gives_a_refresh_token_that_works_once(wootric):
    issued = wootric.issue(
        grant_type="password", username="revops@acme.example", password="sandbox-password"
    ).json()
    renewal = {"grant_type": "refresh_token", "refresh_token": issued["refresh_token"]}
    assert wootric.signed_in(**renewal).get("/v1/responses").status_code == 200
    assert wootric.issue(**renewal).status_code == 401


@pytest.mark.parametrize("wrong", [{"client_secret": "no"}, {"grant_type": "magic"}, {"client_id": ""}])
def test_wrong_credentials_are_refused(wootric, wrong):
    assert wootric.issue(**wrong).status_code == 401


def test_without_a_living_token_there_is_nothing_to_see(wootric):
    assert wootric.get("/v1/responses").status_code == 200
    wootric.do("expire_tokens")
    assert wootric.get("/v1/responses").status_code == 401
    assert wootric.signed_in().get("/v1/responses").status_code == 200
    wootric.sandbox.fault("wootric", "expired_token")
    client = wootric.signed_in()
    assert [client.get("/v1/responses").status_code for _ in range(2)] == [401, 401]


def test_a_login_with_two_accounts_must_say_which(wootric):
    wootric.do("set", multi_account=True)
    assert wootric.issue().status_code == 401
    first = wootric.signed_in("?account_token=" + wootric.sandbox.env["WOOTRIC_ACCOUNT_TOKEN"])
    second = wootric.signed_in("?account_token=NPS-5A1B0002")
    assert first.get("/v1/responses").json()
    assert second.get("/v1/responses").json() == []
    assert wootric.issue("?account_token=NPS-OTHER").status_code == 401


def test_a_person_is_found_by_id_address_external_id_and_phone(wootric):
    made = {"email": "o'brien+crm@unit.example", "external_id": "0017", "phone_number": "+14155554131"}
    number = wootric.sandbox.control("POST", "/wootric/end_users", made)["id"]
    found = [
        wootric.get(f"/v1/end_users/{number}"),
        wootric.get("/v1/end_users/O'Brien%2Bcrm@unit.example", lookup_by_email="true"),
        wootric.get("/v1/end_users/0017", lookup_by_external_id="true"),
        wootric.get("/v1/end_users/phone_number/+14155554131"),
    ]
    assert [str(one.json()["id"]) for one in found] == [number] * 4
    assert wootric.get("/v1/end_users/phone_number/14155554131").status_code == 404
    assert wootric.get("/v1/end_users/17", lookup_by_external_id="true").status_code == 404


def test_two_people_may_share_an_address(wootric):
    shared = wootric.somebody()
    ids = [
        wootric.sandbox.control("POST", "/wootric/end_users", {"email": shared, "external_id": external_id})[
            "id"
        ]
        for external_id in ("shared-1", "shared-2")
    ]
    assert [str(one["id"]) for one in wootric.get("/v1/end_users", email=shared).json()] == ids
    wootric.sandbox.control("DELETE", f"/wootric/end_users/{ids[0]}")
    found = wootric.get(f"/v1/end_users/{shared}", lookup_by_email="true")
    assert str(found.json()["id"]) == ids[1]


def test_a_person_shows_the_newest_answer_and_its_channel(wootric):
    giver = wootric.somebody()
    wootric.answer(email=giver, score=3, created_at=1_600_000_000)
    latest = wootric.answer(email=giver, score=8, created_at=1_600_000_100, channel="mobile:ios")
    wootric.answer(email=giver, score=5, created_at=1_600_000_050)
    shown = wootric.get(f"/v1/end_users/{giver}", lookup_by_email="true").json()
    assert shown["last_response"] == {
        "id": int(latest),
        "score": 8,
        "text": None,
        "survey": {"channel": "mobile:ios"},
    }
    assert shown["last_surveyed"] == "2020-09-13 05:28:20 -0700"


def test_people_are_listed_by_address_unless_a_sort_key_says_otherwise(wootric):
    addresses = [one["email"] for one in wootric.get("/v1/end_users", per_page=50).json()]
    assert addresses == sorted(addresses)
    newest = wootric.get("/v1/end_users", sort_key="created_at", sort_order="desc", per_page=50).json()
    oldest = wootric.get("/v1/end_users", sort_key="created_at", per_page=50).json()
    assert oldest[0]["created_at"] != newest[0]["created_at"]
    assert wootric.get("/v1/end_users", sort_key="score").status_code == 400


def test_only_changed_people_show_after_a_moment(wootric):
    number = wootric.sandbox.control("POST", "/wootric/end_users", {"email": wootric.somebody()})["id"]
    later = wootric.sandbox.control("POST", "/clock", {"advance": 100})["now"]
    since = int(datetime.fromisoformat(later).timestamp())
    wootric.sandbox.control("PATCH", f"/wootric/end_users/{number}", {"email": "moved@unit.example"})
    for key in ("updated_at", "email"):
        query = {"updated[gte]": since, "sort_key": key, "email": "moved@unit.example"}
        assert [str(one["id"]) for one in wootric.get("/v1/end_users", **query).json()] == [number]
    assert wootric.get("/v1/end_users", **{"updated[gte]": since + 10_000_000}).json() == []


def test_an_answer_touches_its_giver_only_where_the_account_does(wootric):
    giver = wootric.somebody()
    answer = wootric.answer(email=giver, created_at=1_500_000_000)
    path, by_email = f"/v1/end_users/{giver}", {"lookup_by_email": "true"}
    before = wootric.get(path, **by_email).json()["updated_at"]
    wootric.edit(answer, score=1)
    assert wootric.get(path, **by_email).json()["updated_at"] == before
    wootric.do("set", answers_touch_people=True)
    wootric.edit(answer, score=2)
    assert wootric.get(path, **by_email).json()["updated_at"] != before


def test_properties_of_some_people_come_as_a_string(wootric):
    people = wootric.sandbox.rows("wootric", "end_users")
    strings = [one["properties"] for one in people if isinstance(one["properties"], str)]
    assert 0 < len(strings) < len(people) / 10
    assert json.loads(strings[0])["plan"]
    wootric.do("set", text_properties_every=0)
    assert not [
        one for one in wootric.sandbox.rows("wootric", "end_users") if isinstance(one["properties"], str)
    ]


def test_a_forgotten_person_takes_the_answers_along(wootric):
    giver = wootric.somebody()
    answer = wootric.answer(email=giver)
    person = wootric.get(f"/v1/end_users/{giver}", lookup_by_email="true").json()["id"]
    wootric.sandbox.control("DELETE", f"/wootric/end_users/{person}")
    assert wootric.get(f"/v1/end_users/{person}").status_code == 404
    assert answer not in {str(row["id"]) for row in wootric.responses(sort_order="desc")}


def test_an_account_without_a_limit_says_nothing_of_limits(wootric):
    assert not [name for name in wootric.get("/v1/responses").headers if name.startswith("X-Rate")]


def test_a_used_up_minute_is_refused_until_its_reset_without_retry_after(wootric):
    wootric.do("set", per_minute=2)
    client = wootric.signed_in()
    answers = [client.get("/v1/responses") for _ in range(8)]
    refused = [one for one in answers if one.status_code == 429]
    # A minute may turn in between; the second one is used up all the same.
    assert refused
    assert refused[-1].headers["X-Rate-Limit-Limit"] == "2"
    assert refused[-1].headers["X-Rate-Limit-Remaining"] == "0"
    assert int(refused[-1].headers["X-Rate-Limit-Reset"]) % 60 == 0
    assert "Retry-After" not in refused[-1].headers
    wootric.sandbox.control("POST", "/clock", {"advance": 61})
    assert client.get("/v1/responses").status_code == 200
