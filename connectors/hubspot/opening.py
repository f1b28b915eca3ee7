"""Puts a HubSpot connection together: credential, limiter, policy, wire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.addresses import checked_base_url
from connectors.calls import CallPolicy
from connectors.contract import Tools
from connectors.http import Http
from connectors.hubspot.access import Prober
from connectors.hubspot.account import Account
from connectors.hubspot.budget import DailyCalls, paced
from connectors.hubspot.client import ClientWire
from connectors.hubspot.destination import HubSpot
from connectors.hubspot.replies import judge, judge_leniently, payload
from connectors.hubspot.settings import HubSpotSettings, OAuth
from connectors.hubspot.wire import SEARCH, DatedWire, Wire
from connectors.limits import Limiter, Window
from connectors.replies import Fine, Reply, Ruling, Stop, unreadable
from connectors.replies import judge as usual_judge
from connectors.tokens import Credential, Token
from nps.errors import AccessError

_TOKEN_PATH = "/oauth/2026-03/token"
_TOKEN_EARLY = 120.0  # HubSpot's tokens live 30 minutes


def open_account(settings: HubSpotSettings, tools: Tools) -> Account:
    """The connection's account: the one its other parts use already, if any. `tools.shared.give_back()` closes it."""
    return tools.shared.take(lambda: _opened(settings, tools))


def separate_account(settings: HubSpotSettings, tools: Tools) -> Account:
    """The account under another credential: it shares nothing with the connection's other parts."""
    return _opened(settings, tools)


def open_destination(settings: HubSpotSettings, tools: Tools) -> HubSpot:
    return HubSpot(open_account(settings, tools), settings)


def _opened(settings: HubSpotSettings, tools: Tools) -> Account:
    limits = settings.limits
    windows = {
        "": [Window(paced(limits.per_10_seconds), 10.0)],
        SEARCH: [Window(limits.search_per_second, 1.0)],
    }
    limiter = Limiter(tools, windows)
    zone = _zone(tools)
    daily = DailyCalls(settings, limiter, tools, zone)
    daily.start()
    plain = CallPolicy(tools, limiter, judge=partial(judge, clock=tools.clock), learn=daily.learn)
    https: list[Http] = []
    token = _token(settings, plain, tools)
    policy = replace(plain, token=token if settings.oauth is not None else None)
    lenient = replace(policy, judge=partial(judge_leniently, clock=tools.clock))

    def http(under: CallPolicy) -> Http:
        # An OAuth token comes from the policy; a fixed one is a header like any other.
        fixed = {} if under.token is not None else {"Authorization": f"Bearer {token.get()}"}
        made = _http(settings, under, fixed)
        https.append(made)
        return made

    def wire(under: CallPolicy) -> Wire:
        if settings.api_version != "v3":
            return DatedWire(http(under), settings.api_version)
        base_url = checked_base_url(settings.base_url, allow_http=settings.allow_http)
        return ClientWire(base_url, under, bearer=token.get, timeouts=_timeouts(settings))

    wires = [wire(policy), wire(lenient)]

    def close() -> None:
        for open_wire in wires:
            open_wire.close()
        for client in https:
            client.close()

    prober = Prober(wires[1], http(lenient))
    return Account(wires[0], http(policy), prober, tools, daily, zone, settings.api_version, close)


def _http(settings: HubSpotSettings, policy: CallPolicy, headers: dict[str, str]) -> Http:
    return Http(
        settings.base_url,
        policy,
        allow_http=settings.allow_http,
        headers={"Accept": "application/json", **headers},
        timeouts=_timeouts(settings),
    )


def _timeouts(settings: HubSpotSettings) -> tuple[float, float]:
    return settings.timeouts.connect, settings.timeouts.read


def _zone(tools: Tools) -> ZoneInfo:
    try:
        return ZoneInfo(tools.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


# ---------------------------------------------------------------- credentials


def _token(settings: HubSpotSettings, policy: CallPolicy, tools: Tools) -> Token:
    if settings.oauth is not None:
        fetch = _refresher(
            settings.oauth, _http(settings, replace(policy, judge=partial(_judge_token, tools)), {})
        )
        return Token(fetch, tools.clock, early=_TOKEN_EARLY)
    assert settings.token is not None  # the settings demand one of the two
    fixed = settings.token.get_secret_value().strip()
    return Token(lambda: Credential(fixed), tools.clock)


def _refresher(oauth: OAuth, http: Http) -> Callable[[], Credential]:
    """Fetches access tokens. HubSpot may hand out a new refresh token with one; it is used from then on."""
    refresh_token = oauth.refresh_token.get_secret_value()

    def fetch() -> Credential:
        nonlocal refresh_token
        reply = http.request(
            "POST",
            _TOKEN_PATH,
            form={
                "grant_type": "refresh_token",
                "client_id": oauth.client_id,
                "client_secret": oauth.client_secret.get_secret_value(),
                "refresh_token": refresh_token,
            },
            what="fetch an access token",
            idempotent=True,
            reads=True,
        )
        said = payload(reply)
        if not said.get("access_token"):
            raise AccessError(
                f"{http.policy.tools.connection}: HubSpot's answer to the refresh token holds no token"
            )
        refresh_token = str(said.get("refresh_token") or refresh_token)
        return Credential(str(said["access_token"]), float(said.get("expires_in") or 1800))

    return fetch


def _judge_token(tools: Tools, reply: Reply) -> Ruling:
    if reply.status in (400, 401, 403, 404):
        return Stop(
            AccessError,
            f"HubSpot refuses the refresh token ({reply.status}); check client_id, client_secret, "
            "refresh_token, and that the app is still installed",
        )
    ruling = usual_judge(reply, tools.clock)
    return ruling if reply.status >= 300 else unreadable(reply) or Fine()
