"""Alerts as JSON to one address. Every request of one alert has the same webhook-id, so it may be repeated: whoever
receives it knows it again (Standard Webhooks, specification: webhook-id, webhook-timestamp, webhook-signature)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import urlsplit

import orjson

from connectors.calls import CallPolicy
from connectors.contract import Alert, Clock, Grant, Needs, Tools, Verdict
from connectors.http import Http
from connectors.limits import Limiter, Window
from connectors.outgoing_webhook.settings import OutgoingWebhookSettings, key_of
from connectors.replies import Reply, Ruling, Stop, judge
from nps.errors import AccessError, RejectedError
from nps.values import Json

_ATTEMPTS, _PATIENCE = 4, 60.0
_PERMANENT = range(400, 500)
_PASSING = frozenset({408, 425, 429})


class OutgoingWebhook:
    """Thread-safe. Nothing it raises holds the address's path or query or what an alert says."""

    def __init__(self, settings: OutgoingWebhookSettings, tools: Tools) -> None:
        self._tools = tools
        self._key = None if settings.secret is None else key_of(settings.secret)
        url = urlsplit(settings.url.get_secret_value())
        self._path = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
        policy = CallPolicy(
            tools,
            Limiter(tools, {"": [Window(settings.per_minute, 60)]}),
            judge=lambda reply: _judge(reply, tools.clock),
            attempts=_ATTEMPTS,
            patience=_PATIENCE,
            advice="check url and secret in the YAML's connection",
        )
        self._http = Http(
            f"{url.scheme}://{url.netloc}", policy, allow_http=settings.allow_http, timeouts=(10.0, 30.0)
        )

    def alert(self, alert: Alert) -> str:
        body = orjson.dumps(payload(alert))
        id = webhook_id(alert.key)
        headers = {
            "Content-Type": "application/json",
            **signed(id, int(self._tools.clock.now().timestamp()), body, self._key),
        }
        self._http.request(
            "POST", self._path, data=body, headers=headers, what="post an alert", idempotent=True
        )
        return id

    def access(self, needs: Needs) -> list[Grant]:
        detail = "only an alert would tell; npsync alerts test posts one"
        return [Grant("a POST of JSON answered with 2xx", "alerts", Verdict.UNTESTED, detail)]

    def close(self) -> None:
        self._http.close()


def payload(alert: Alert) -> Mapping[str, Json]:
    """What the program gets. Absent parts are left out; the names stay."""
    links: list[Json] = [{"name": name, "url": url} for name, url in alert.links]
    parts: dict[str, Json] = {
        "title": alert.title,
        "facts": dict(alert.facts),
        "text": alert.text,
        "comment": alert.comment,
        "links": links,
        "to": alert.to,
        "owner_email": alert.owner_email,
    }
    return {"type": "npsync.alert", "data": {name: part for name, part in parts.items() if part}}


def webhook_id(key: str) -> str:
    """The alert's key may name an answer of a vendor's in any letters; an id is short and plain."""
    return f"msg_{hashlib.blake2b(key.encode(), digest_size=15).hexdigest()}"


def signed(id: str, timestamp: int, body: bytes, key: bytes | None) -> Mapping[str, str]:
    """The three headers of Standard Webhooks; without a key the signature is left out."""
    headers = {"webhook-id": id, "webhook-timestamp": str(timestamp)}
    if key is not None:
        mac = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
        headers["webhook-signature"] = f"v1,{base64.b64encode(mac).decode()}"
    return headers


def _judge(reply: Reply, clock: Clock) -> Ruling:
    if reply.status in (401, 403, 410):
        return Stop(AccessError, f"the program refuses npsync (status {reply.status})")
    if reply.status in _PERMANENT and reply.status not in _PASSING:
        code = f"status_{reply.status}"
        return Stop(
            lambda text: RejectedError(text, code=code), f"the program refuses it (status {reply.status})"
        )
    return judge(reply, clock)
