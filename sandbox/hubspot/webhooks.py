"""App webhooks: up to a hundred events in one signed request, at least once, in no promised order."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from sandbox.deliveries import HOUR, MINUTE, Channel, Manner, Post
from sandbox.hubspot import signatures
from sandbox.hubspot.account import CLIENT_SECRET, PORTAL_ID, Account
from sandbox.hubspot.records import Happening
from sandbox.toy import Row

# Ten more times over a day; the real ones jitter.
_MANNER = Manner(
    gaps=(*(minutes * MINUTE for minutes in (1, 3, 10, 30)), *(hours * HOUR for hours in (1, 2, 3, 4, 6, 7))),
    timeout=5,
)
CHANNEL = "app-webhooks"
APP_ID = 1_160_452
_VERSIONS = ("v1", "v2", "v3")


@dataclass(frozen=True)
class Subscription:
    id: int
    type: str  # ticket.propertyChange
    property: str | None = None

    def wants(self, happening: Happening) -> bool:
        word, _, what = self.type.partition(".")
        kind = happening.table.kind
        return (
            word in (kind.singular.lower(), "object")
            and what == happening.what
            and self.property in (None, happening.name)
        )


@dataclass(frozen=True)
class App:
    """What its developer set, and what a test may want otherwise."""

    url: str
    subscriptions: tuple[Subscription, ...]
    secret: str = CLIENT_SECRET
    signed: tuple[str, ...] = ("v3",)
    signed_url: str | None = None  # the address the app is known by, where that is not the one called
    generic: bool = False  # object.* with an objectTypeId
    type_key: str = "subscriptionType"
    portal_id: int = PORTAL_ID
    clock_off: float = 0.0  # seconds the timestamp is wrong by


class Webhooks:
    def __init__(self, account: Account) -> None:
        self._account = account
        self._numbers = itertools.count(3_816_279_340)
        self._app: App | None = None
        self._channel: Channel | None = None

    def set(self, given: Row) -> Row:
        """{url, subscriptions: [{subscriptionType, propertyName}], signed: [v1, v2, v3], secret, signed_url, generic,
        type_key, portal_id, clock_off}; url null ends it"""
        for table in self._account.tables:
            if self._tell in table.watchers:
                table.watchers.remove(self._tell)
        if given.get("url") is None:
            self._app = self._channel = None
            self._account.room.deliveries.close("hubspot", CHANNEL)
            return {"subscriptions": 0}
        wanted = given.get("subscriptions") or [
            {"subscriptionType": "ticket.propertyChange", "propertyName": "hs_pipeline_stage"}
        ]
        subscriptions = tuple(
            Subscription(number, one["subscriptionType"], one.get("propertyName"))
            for number, one in enumerate(wanted, start=25)
        )
        signed = tuple(given.get("signed", ("v3",)))
        if unknown := set(signed) - set(_VERSIONS):
            raise ValueError(f"no signature {', '.join(unknown)}; there are: {', '.join(_VERSIONS)}")
        app = App(**{**given, "subscriptions": subscriptions, "signed": signed})
        self._app = app
        self._channel = self._account.room.deliveries.channel(
            "hubspot",
            CHANNEL,
            app.url,
            lambda events, attempt: self._post(app, events, attempt),
            _MANNER,
            most=100,
        )
        for table in self._account.tables:
            table.watchers.append(self._tell)
        return {"subscriptions": len(subscriptions)}

    def _tell(self, happening: Happening) -> None:
        if self._app is None or self._channel is None:
            return
        for subscription in self._app.subscriptions:
            if subscription.wants(happening):
                self._channel.put(self._event(self._app, subscription, happening))

    def _event(self, app: App, subscription: Subscription, happening: Happening) -> dict[str, Any]:
        kind = happening.table.kind
        word = "object" if app.generic else kind.singular.lower()
        event: dict[str, Any] = {
            "eventId": next(self._numbers),
            "subscriptionId": subscription.id,
            "portalId": app.portal_id,
            "appId": APP_ID,
            "occurredAt": int(happening.at.timestamp() * 1000),
            app.type_key: f"{word}.{happening.what}",
            "attemptNumber": 0,
            "objectId": int(happening.id),
            "changeSource": happening.source,
            **happening.more,
        }
        if app.generic:
            event["objectTypeId"] = kind.type_id
        if happening.name is not None:
            event |= {"propertyName": happening.name, "propertyValue": happening.value or ""}
        return event

    def _post(self, app: App, events: Sequence[Mapping[str, Any]], attempt: int) -> Post:
        body = orjson.dumps([{**event, "attemptNumber": attempt} for event in events])
        seconds = self._account.room.clock.time() + app.clock_off
        return Post(app.url, body, {"Content-Type": "application/json", **_signed(app, body, seconds)})


def _signed(app: App, body: bytes, seconds: float) -> dict[str, str]:
    uri = app.signed_url or app.url
    headers: dict[str, str] = {}
    if "v3" in app.signed:
        timestamp = str(int(seconds * 1000))
        headers["X-HubSpot-Request-Timestamp"] = timestamp
        headers["X-HubSpot-Signature-v3"] = signatures.v3(app.secret, "POST", uri, body, timestamp)
    if "v1" in app.signed:
        headers["X-HubSpot-Signature"] = signatures.v1(app.secret, body)
        headers["X-HubSpot-Signature-Version"] = "v1"
    elif "v2" in app.signed:
        headers["X-HubSpot-Signature"] = signatures.v2(app.secret, "POST", uri, body)
        headers["X-HubSpot-Signature-Version"] = "v2"
    return headers
