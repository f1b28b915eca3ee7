"""Wootric as a connection: signing in, pacing, settings and access."""

from __future__ import annotations

import json
from typing import Any

import pytest
import responses
from fake_clock import FakeClock
from played_wootric import BASE, SECRET, Vendor, answer, read, wootric
from pydantic import ValidationError

from connectors.contract import Needs, Verdict
from connectors.wootric import CONNECTOR
from connectors.wootric.settings import WootricSettings
from nps.errors import AccessError


def test_signing_in_asks_for_client_credentials_once(vendor: Vendor) -> None:
    vendor.answers = [answer(n) for n in range(1, 500)]
    read(wootric())
    [(_, form)] = [asked for asked in vendor.asked if asked[0] == "/oauth/token"]
    assert form == {"grant_type": "client_credentials", "client_id": "id", "client_secret": SECRET}


def test_signing_in_by_login_asks_for_the_password_grant(vendor: Vendor) -> None:
    read(wootric(client_id=None, client_secret=None, username="ops@acme.com", password=SECRET))
    assert vendor.asked[0][1] == {"grant_type": "password", "username": "ops@acme.com", "password": SECRET}


def test_the_token_is_renewed_before_its_two_hours_end(vendor: Vendor) -> None:
    clock = FakeClock()
    source = wootric(clock)
    read(source)
    clock.advance(7_141)
    read(source)
    assert vendor.tokens == 2


def test_a_revoked_token_is_renewed_once_for_all_threads(vendor: Vendor) -> None:
    source = wootric()
    vendor.answers = [answer(n) for n in range(1, 1_000)]
    read(source)
    vendor.revoked = 1
    assert len(read(source)) == 999
    assert vendor.tokens == 2


@pytest.mark.parametrize("status", [400, 401, 403])
def test_refused_credentials_are_lost_access_and_are_not_shown(vendor: Vendor, status: int) -> None:
    vendor.sign_in = (status, {}, json.dumps({"error": SECRET}))
    with pytest.raises(AccessError, match="inmoment: sign in: Wootric refuses these credentials") as caught:
        read(wootric())
    assert SECRET not in str(caught.value)
    assert vendor.calls("/oauth/token") == 1


def test_the_rate_headers_pace_all_calls(vendor: Vendor) -> None:
    clock = FakeClock()
    vendor.headers = {"X-Rate-Limit-Limit": "20"}
    vendor.answers = [answer(n) for n in range(1, 40 * 50)]
    read(wootric(clock))
    assert 60 <= clock.monotonic() <= 200  # two windows at least; how many calls were under way varies


def test_a_spent_minute_waits_for_its_reset(vendor: Vendor) -> None:
    clock = FakeClock()
    reset = int(clock.now().timestamp()) + 40
    vendor.headers = {"X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": str(reset)}
    source = wootric(clock)
    read(source)
    vendor.headers = {}
    read(source)
    assert 40 <= clock.monotonic() < 45


def test_a_reset_on_another_clock_never_stops_us_for_long(vendor: Vendor) -> None:
    clock = FakeClock()
    vendor.headers = {"X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": "99999999999"}
    source = wootric(clock)
    read(source)
    vendor.headers = {}
    read(source)
    assert clock.monotonic() <= 190


@pytest.mark.parametrize(
    ("account", "host"),
    [
        (None, "https://api.wootric.com"),
        ("NPS-1234", "https://api.wootric.com"),
        ("NPS-EU-1234", "https://api.wootric.eu"),
        ("NPS-AU-1234", "https://api.wootric.au"),
    ],
)
def test_the_account_token_chooses_the_region(account: str | None, host: str) -> None:
    settings = WootricSettings.model_validate(
        {"client_id": "x", "client_secret": "y", "account_token": account}
    )
    assert settings.address == host


def test_a_base_url_overrides_the_region() -> None:
    settings = WootricSettings.model_validate(
        {
            "client_id": "x",
            "client_secret": "y",
            "account_token": "NPS-EU-1",
            "base_url": "http://127.0.0.1:5/w",
        }
    )
    assert settings.address == "http://127.0.0.1:5/w"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "needs client_id"),
        ({"client_id": "x"}, "needs client_id"),
        ({"client_id": "x", "client_secret": "y", "username": "z"}, "not both"),
        ({"client_id": "x", "client_secret": "y", "base_url": "http://evil.example"}, "https"),
        ({"client_id": "x", "client_secret": "y", "overlap": "7"}, "not a duration"),
        ({"client_id": "x", "client_secret": "y", "look_up": "sometimes"}, "when_needed"),
        ({"client_id": "x", "client_secret": "y", "clientid": "z"}, "clientid"),
    ],
)
def test_wrong_settings_say_what_is_wrong(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        WootricSettings.model_validate(settings)


def test_access_is_tried_and_what_the_key_can_do_besides_is_named(vendor: Vendor) -> None:
    grants = {grant.permission: grant.verdict for grant in wootric().access(Needs(answers=True))}
    assert grants["read responses"] is Verdict.OK
    assert grants["read end users"] is Verdict.OK
    assert grants["write access"] is Verdict.EXCESS


def test_a_refused_list_is_a_missing_permission(vendor: Vendor) -> None:
    with responses.RequestsMock() as mock:
        mock.add_callback(responses.POST, f"{BASE}/oauth/token", callback=vendor.token)
        mock.get(f"{BASE}/v1/responses", json=[])
        mock.get(f"{BASE}/v1/end_users", status=403)
        grants = {grant.permission: grant.verdict for grant in wootric().access(Needs(answers=True))}
    assert grants["read end users"] is Verdict.MISSING


def test_it_closes_cleanly_in_the_middle_of_a_read(vendor: Vendor) -> None:
    vendor.answers = [answer(n) for n in range(1, 3_000)]
    source = wootric()
    pages = source.read(None, since=None)
    next(pages)
    pages.close()  # type: ignore[attr-defined]
    source.close()


def test_the_connector_declares_itself() -> None:
    assert CONNECTOR.name == "wootric"
    assert CONNECTOR.source is not None
    assert CONNECTOR.destination is None
