"""/api/v1: who may call it, and what other tools' sends become."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from asgi_caller import Caller, Replied
from fake_clock import NOON, FakeClock

from connectors.salesforce.ids import long_id
from nps.asking import PastKind, Suppression, SuppressionReason
from npsync.config import load
from npsync.opening import open_store
from npsync.sign_in import tokens
from npsync.web.app import app
from store.api import Store

CONFIG: dict[str, Any] = {
    "phone_region": "US",
    "connections": {"hub": {"type": "hubspot", "token": "x" * 20, "base_url": "http://127.0.0.1:9"}},
    "people": {"hub": {"object": "contacts", "match": [{"response": "email", "record": "email"}]}},
    "surveys": {"relationship": {"metric": "nps", "kind": "relationship"}},
}


@dataclass
class Api:
    store: Store
    clock: FakeClock
    app: Any

    def token(self, name: str = "marketing") -> str:
        return tokens.create(self.store, name, ["events"], now=self.clock.now())

    def call(
        self, path: str, body: Any, token: str | None = None, *, address: str = "203.0.113.9"
    ) -> Replied:
        headers = {"content-type": "application/json"}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        return Caller(self.app, address, headers).post(path, json.dumps(body).encode())

    def sends(self, token: str | None, *sends: dict[str, Any]) -> Replied:
        return self.call("/api/v1/sends", {"sends": list(sends)}, token)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    (tmp_path / "npsync.yaml").write_text(json.dumps(CONFIG), encoding="utf-8")
    config, clock = load(tmp_path / "npsync.yaml"), FakeClock()
    with open_store(config) as store:
        yield Api(store, clock, app(config, store, clock))


def sent(id: str = "m-1", **keys: Any) -> dict[str, Any]:
    at = (NOON - timedelta(days=1)).isoformat()
    return {
        "id": id,
        "person": {"email": "Ann <Ann@Example.com>"},
        "at": at,
        "survey": "relationship",
        **keys,
    }


# ---------------------------------------------------------------- who may call


def test_without_a_token_nothing_is_done(api: Api):
    for token in (None, "npsync_guess", ""):
        replied = api.sends(token, sent())
        assert (replied.status, replied.json["code"]) == (401, "no_token")
        assert replied.headers["www-authenticate"] == "Bearer"
    assert api.store.ledger_is_empty()


def test_a_token_is_kept_as_a_hash_alone(api: Api):
    token = api.token()
    assert token not in "\n".join(api.store.dump())
    assert tokens.digest(token) in "\n".join(api.store.dump())


def test_a_revoked_token_stops_working_at_once_and_its_name_is_free_again(api: Api):
    first = api.token()
    assert api.sends(first, sent()).status == 200
    tokens.revoke(api.store, "marketing", now=NOON)
    assert api.sends(first, sent("m-2")).status == 401
    assert api.sends(api.token(), sent("m-2")).status == 200
    assert [one.revoked_at is None for one in api.store.tokens()] == [True, False]


def test_a_token_ends_by_itself_when_its_time_is_over(api: Api):
    token = tokens.create(api.store, "agency", ["events"], now=api.clock.now(), expires=timedelta(days=1))
    assert api.sends(token, sent()).status == 200
    api.clock.advance(86_400)
    assert api.sends(token, sent("m-2")).status == 401


def test_a_token_that_allows_something_else_is_told_so(api: Api):
    api.store.add_token("reader", tokens.digest("npsync_reader"), ["read"], now=NOON)
    replied = api.sends("npsync_reader", sent())
    assert (replied.status, replied.json["code"]) == (403, "scope")


def test_when_a_token_was_used_last_is_noted_by_the_hour(api: Api):
    token = api.token()
    assert api.store.tokens()[0].used_at is None
    api.sends(token, sent())
    api.clock.advance(600)
    api.sends(token, sent())
    assert api.store.tokens()[0].used_at == NOON
    api.clock.advance(3600)
    api.sends(token, sent())
    assert api.store.tokens()[0].used_at == NOON + timedelta(seconds=4200)


def test_an_address_that_guesses_tokens_is_slowed_down_and_nobody_else(api: Api):
    token = api.token()
    told = [api.sends("npsync_guess", sent()).status for _ in range(22)]
    assert told == [401] * 20 + [429] * 2
    assert api.sends(token, sent()).status == 200
    api.clock.advance(60)
    assert api.sends("npsync_guess", sent()).status == 401


def test_a_token_has_a_pace(api: Api):
    token = api.token()
    told = [api.sends(token, sent()) for _ in range(121)]
    assert [each.status for each in told] == [200] * 120 + [429]
    assert int(told[-1].headers["retry-after"]) > 0
    assert api.sends(api.token("support"), sent()).status == 200


# ---------------------------------------------------------------- may I ask?


@pytest.fixture
def ledger(api: Api) -> Api:
    """No CRM to look into: what the ledger knows is all there is."""
    api.store.switch("ledger", {"accepted": "a new installation"})
    config = dataclasses.replace(api.app.site.config, people={})
    return dataclasses.replace(api, app=app(config, api.store, api.clock))


ANN = {"email": "ann@example.com"}


def wish(api: Api, token: str, **keys: Any) -> Replied:
    return api.call("/api/v1/may-ask", {"person": ANN, "survey": "relationship", **keys}, token)


def test_whoever_was_not_asked_for_long_may_be_asked(ledger: Api):
    said = wish(ledger, ledger.token())
    assert said.status == 200
    assert said.json["may_ask"] is True
    assert "email" in said.json["channels"]
    assert ledger.store.ledger_is_empty()


def test_one_tools_send_keeps_the_others_away_and_says_how_long(ledger: Api):
    ledger.sends(ledger.token(), sent())
    said = wish(ledger, ledger.token("support"), person={"email": "ANN@example.com"}).json
    assert (said["may_ask"], said["code"]) == (False, "rest")
    assert said["reason"]
    assert said["from"] == (NOON + timedelta(days=179)).isoformat().replace("+00:00", "Z")


def test_a_reservation_holds_for_one_and_keeps_the_others_away(ledger: Api):
    marketing, support = ledger.token(), ledger.token("support")
    until = (NOON + timedelta(days=1)).isoformat()
    mine = wish(ledger, marketing, reserve=True, id="m-1", until=until).json
    assert (mine["may_ask"], mine["id"]) == (True, "m-1")
    again = wish(ledger, marketing, reserve=True, id="m-1", until=until).json
    assert (again["may_ask"], again["until"]) == (True, mine["until"])
    assert wish(ledger, support, reserve=True, id="m-1").json["may_ask"] is False
    ledger.clock.advance(86_401)
    assert wish(ledger, support, reserve=True, id="m-1").json["may_ask"] is True


def test_a_send_uses_its_reservation_once(ledger: Api):
    marketing = ledger.token()
    wish(ledger, marketing, reserve=True, id="m-1")
    assert ledger.store.ledger_size() == 1
    ledger.sends(marketing, sent("m-1", at=NOON.isoformat()))
    assert ledger.store.ledger_size() == 1
    [past] = ledger.store.past(["email:ann@example.com"], since=NOON - timedelta(days=1), now=NOON)
    assert past.what is PastKind.SEND


def test_a_reservation_is_given_back_by_its_owner_alone(ledger: Api):
    marketing, support = ledger.token(), ledger.token("support")
    wish(ledger, marketing, reserve=True, id="m-1")
    assert ledger.call("/api/v1/give-back", {"id": "m-1"}, support).status == 404
    assert ledger.call("/api/v1/give-back", {"id": "m-1"}, marketing).status == 204
    assert ledger.call("/api/v1/give-back", {"id": "m-1"}, marketing).status == 404
    assert wish(ledger, support).json["may_ask"] is True


def test_an_unsubscribed_person_may_not_be_asked_by_anybody(ledger: Api):
    gone = Suppression(key="email:ann@example.com", reason=SuppressionReason.UNSUBSCRIBE, at=NOON)
    ledger.store.suppress([gone])
    said = wish(ledger, ledger.token()).json
    assert (said["may_ask"], said["code"]) == (False, "suppressed")


def test_while_sends_are_stopped_nobody_may(ledger: Api):
    ledger.store.switch("sends", {"stopped": True, "why": "an incident", "by": "ann", "at": NOON.isoformat()})
    assert wish(ledger, ledger.token()).json["code"] == "stopped"


@pytest.mark.parametrize(
    ("keys", "where"),
    [
        ({"person": {"email": "secret-words"}}, "person.email"),
        ({"person": {}}, "person"),
        ({"survey": "relationshp"}, "did you mean"),
        ({"id": "m-1"}, "reserve"),
        ({"reserve": True}, "id"),
        ({"reserve": True, "id": "m", "until": "2026-01-01T00:00:00Z"}, "until"),
        ({"reserve": True, "id": "m", "until": "2026-09-01T00:00:00Z"}, "thirty days"),
    ],
)
def test_a_wrong_wish_is_refused_with_its_reason(ledger: Api, keys: dict[str, Any], where: str):
    replied = wish(ledger, ledger.token(), **keys)
    assert (replied.status, replied.json["code"]) == (422, "invalid")
    assert where in replied.body.decode()
    assert "secret-words" not in replied.body.decode()


def test_while_the_crm_cannot_be_asked_nobody_says_yes_in_the_dark(api: Api):
    api.store.switch("ledger", {"accepted": "a new installation"})
    replied = wish(api, api.token())
    assert replied.status == 503
    assert int(replied.headers["retry-after"]) > 0


# ---------------------------------------------------------------- sends of other tools


def test_a_send_of_another_tool_is_in_the_ledger_under_every_name(api: Api):
    person = {
        "email": "Ann <Ann@Example.com>",
        "phone": "(202) 555-0143",
        "external_id": "0042",
        "connection": "hub",
        "record_id": "17",
    }
    replied = api.sends(api.token(), sent(person=person, channel="email"))
    assert replied.json == {"new": 1, "known": 0}
    for key in ("email:ann@example.com", "phone:+12025550143", "id:0042", "record:hub.contacts/17"):
        [past] = api.store.past([key], since=NOON - timedelta(days=9), now=NOON)
        assert (past.what, past.metric, past.kind) == (PastKind.SEND, "nps", "relationship")
        assert (past.source, past.survey, past.at) == ("marketing", "relationship", NOON - timedelta(days=1))


def test_an_account_is_one_whether_a_tool_spells_it_with_15_or_18_characters(tmp_path: Path):
    org = {
        "type": "salesforce",
        "login_host": "acme.my.salesforce.com",
        "auth": {"flow": "client_credentials", "client_id": "x" * 20, "client_secret": "y" * 20},
    }
    people = {"crm": {"object": "Contact", "match": [{"response": "email", "record": "Email"}]}}
    file, clock = tmp_path / "npsync.yaml", FakeClock()
    file.write_text(json.dumps(CONFIG | {"connections": {"crm": org}, "people": people}), encoding="utf-8")
    config = load(file)
    with open_store(config) as store:
        api = Api(store, clock, app(config, store, clock))
        token = api.token()
        for number, account in enumerate(("0015g00000AbCdE", "0015g00000AbCdEAAV", "elsewhere-7")):
            assert api.sends(token, sent(f"m-{number}", account=account)).status == 200
        known = ["0015g00000AbCdE", "0015g00000AbCdEAAV", "elsewhere-7"]
        counted = store.account_asks(known, since=NOON - timedelta(days=2), now=NOON)
        assert counted == {long_id("0015g00000AbCdE"): 2, "elsewhere-7": 1}


def test_the_same_send_again_counts_once(api: Api):
    token = api.token()
    api.sends(token, sent("m-1"), sent("m-2"))
    assert api.sends(token, sent("m-2"), sent("m-3")).json == {"new": 1, "known": 1}
    assert api.store.ledger_size() == 3


def test_two_tools_may_use_the_same_ids(api: Api):
    api.sends(api.token(), sent("m-1"))
    assert api.sends(api.token("support"), sent("m-1")).json == {"new": 1, "known": 0}


@pytest.mark.parametrize(
    ("keys", "where"),
    [
        ({"person": {}}, "sends.1.person"),
        ({"person": {"email": "secret-words"}}, "sends.1.person.email"),
        ({"person": {"phone": "12"}}, "sends.1.person.phone"),
        ({"person": {"record_id": "1"}}, "sends.1.person"),
        ({"person": {"record_id": "1", "connection": "crm"}}, "sends.1.person.connection"),
        ({"at": "2026-03-01T00:00:00"}, "sends.1.at"),
        ({"at": "2027-03-01T00:00:00Z"}, "sends.1.at"),
        ({"survey": "unknown"}, "sends.1.survey"),
        ({"metric": "stars"}, "sends.1.metric"),
        ({"id": ""}, "sends.1.id"),
        ({"other": "secret-words"}, "sends.1.other"),
    ],
)
def test_a_wrong_send_is_refused_with_its_place_and_nothing_is_stored(
    api: Api, keys: dict[str, Any], where: str
):
    replied = api.sends(api.token(), sent("good"), {**sent(), **keys})
    assert replied.status == 422
    told = [
        replied.json["detail"].partition(" ")[0],
        *(each["at"] for each in replied.json.get("errors", ())),
    ]
    assert where in told
    assert "secret-words" not in replied.body.decode()
    assert api.store.ledger_is_empty()


@pytest.mark.parametrize("kind", [{}, {"content-type": "application/x-www-form-urlencoded"}])
def test_json_that_is_not_called_so_is_told_which_header_is_missing(api: Api, kind: dict[str, str]):
    """`curl -d` calls everything a form."""
    caller = Caller(api.app, headers={"authorization": f"Bearer {api.token()}", **kind})
    replied = caller.post("/api/v1/sends", json.dumps({"sends": [sent()]}).encode())
    assert (replied.status, replied.headers["accept"]) == (415, "application/json")
    assert "Content-Type: application/json" in replied.json["detail"]


@pytest.mark.parametrize("body", ["", "[", "[]", "null", '{"sends": []}', '{"sends": [1]}', '{"sends": {}}'])
def test_what_is_no_request_gets_a_clear_answer(api: Api, body: str):
    headers = {"authorization": f"Bearer {api.token()}", "content-type": "application/json"}
    replied = Caller(api.app, headers=headers).post("/api/v1/sends", body.encode())
    assert (replied.status, replied.json["code"]) == (422, "invalid")


def test_a_megabyte_is_enough_for_everybody(api: Api):
    headers = {"authorization": f"Bearer {api.token()}"}
    assert Caller(api.app, headers=headers).post("/api/v1/sends", b" " * 1_100_000).status == 413


def test_the_description_names_every_route_and_its_token(api: Api):
    assert Caller(api.app).get("/api/v1/openapi.json").status == 401
    caller = Caller(api.app, headers={"authorization": f"Bearer {api.token()}"})
    described = caller.get("/api/v1/openapi.json").json
    assert "/api/v1/sends" in described["paths"]
    assert all(path.startswith("/api/v1/") for path in described["paths"])
    for methods in described["paths"].values():
        for told in methods.values():
            assert told["security"]
            assert "401" in told["responses"]
