"""What HubSpot pushes to us: an app's webhooks (arrays of events) and a workflow's "Send a webhook".

Both only name records; what is true of them is read again. No address of a person is taken from them. HubSpot sends
again whatever it hears a 4xx for, so what we choose to ignore is answered like the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import orjson

from connectors.asking import Posted, Refused, Reply, Taken
from connectors.hubspot import signatures
from connectors.hubspot.kinds import KINDS
from connectors.hubspot.properties import object_type
from connectors.hubspot.settings import Hooks, HubSpotSettings
from connectors.proving import is_same, of_the_address
from nps.events import Hint, Subject

LARGEST = 5_000_000  # an enrolled record with all its properties and their history is large
MOST = 100

_STORED = Reply(204, b"", "application/json")
_KINDS = frozenset(kind.name for kind in KINDS)
_TOLD = frozenset({"propertyChange", "creation", "restore", "merge"})  # events that name a record to look at
# What a workflow's author may call the record's id, and whose id that is.
_NAMED = {
    "ticketid": "tickets",
    "contactid": "contacts",
    "companyid": "companies",
    "dealid": "deals",
    "vid": "contacts",
}


class HubSpotInbound:
    """Fulfils `connectors.contract.Inbound`."""

    def __init__(self, settings: HubSpotSettings) -> None:
        self._hooks = settings.hooks

    def receive(self, posted: Posted) -> Taken:
        if self._hooks is None:
            raise Refused(403, "this connection takes nothing that is pushed", code="not_configured")
        if len(posted.body) > LARGEST:
            raise Refused(413, f"more than {LARGEST:,} bytes", code="too_large")
        _prove(posted, self._hooks)
        said = _read(posted.body)
        if isinstance(said, list):
            return Taken(tuple(_events(said, self._hooks.portal_id)), _STORED)
        return Taken((_called(said, posted),), _STORED)


# ---------------------------------------------------------------- is it HubSpot?


def _prove(posted: Posted, hooks: Hooks) -> None:
    """Raises Refused. The strongest proof a request carries is the one that counts: a wrong one is not made up for
    by a weaker one."""
    headers = posted.headers
    if hooks.client_secret is not None:
        secret = hooks.client_secret.get_secret_value()
        if (given := headers.get("x-hubspot-signature-v3")) is not None:
            _insist(signatures.by_v3(posted, secret, given))
            return
        if (given := headers.get("x-hubspot-signature")) is not None:
            version = headers.get("x-hubspot-signature-version", "").strip().lower()
            if version == "v2":
                wanted = signatures.v2(secret, posted.method, posted.url, posted.body)
            elif version == "v1" and hooks.accept_v1:
                wanted = signatures.v1(secret, posted.body)
            else:
                raise Refused(401, "a signature of this version is not taken", code="version")
            _insist("" if signatures.is_same(given, wanted) else "bad_signature")
            return
    if hooks.api_key is not None:
        given = headers.get(hooks.header.lower()) or of_the_address(posted, (hooks.header,))
        if given is not None and is_same(given.removeprefix("Bearer "), hooks.api_key.get_secret_value()):
            return
    raise Refused(401, "the signature or the API key is missing or wrong", code="unsigned")


def _insist(wrong: str) -> None:
    if wrong == "stale":
        raise Refused(401, "the request's timestamp is missing, too old, or of the future", code="stale")
    if wrong:
        raise Refused(401, "the signature is wrong", code=wrong)


# ---------------------------------------------------------------- what it says


def _read(body: bytes) -> list[Mapping[str, Any]] | Mapping[str, Any]:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refused(400, "the JSON cannot be read", code="unreadable") from None
    if isinstance(said, dict):
        return said
    if not isinstance(said, list) or len(said) > MOST or not all(isinstance(one, dict) for one in said):
        raise Refused(400, f"an object, or a list of up to {MOST} events", code="unreadable")
    return said


def _events(told: list[Mapping[str, Any]], portal: str | None) -> list[Hint]:
    """The events of an app's webhook that name a record. One app may serve several accounts: others' are left out."""
    mine = [one for one in told if portal is None or str(one.get("portalId")) == portal]
    return [hint for one in mine if (hint := _event(one)) is not None]


def _event(event: Mapping[str, Any]) -> Hint | None:
    object, _, what = str(event.get("subscriptionType") or event.get("eventType") or "").partition(".")
    id = event.get("newObjectId") if what == "merge" else event.get("objectId")
    if what not in _TOLD or id is None:
        return None
    if object == "object":
        object = str(event.get("objectTypeId") or "")
    identity = ("portalId", "subscriptionId", "objectId", "propertyName", "occurredAt", "eventId")
    return Hint(
        connection="",
        key="webhook/" + "/".join(str(event.get(name, "")) for name in identity),
        subject=Subject(object_type(object), str(id)) if object else None,
        occurred_at=_moment(event.get("occurredAt")),
    )


def _called(said: Mapping[str, Any], posted: Posted) -> Hint:
    """What a workflow sends: what its author chose, or the enrolled record with all its properties."""
    event = {name.replace("_", "").lower(): value for name, value in said.items()}
    subject = _subject(event)
    if subject is None:
        raise Refused(400, "no record: send ticket_id or contact_id, or object and id", code="no_record")
    kind = event.get("event") or event.get("kind")
    digest = blake2b(orjson.dumps(event, option=orjson.OPT_SORT_KEYS), digest_size=12).hexdigest()
    # A record may be enrolled again with the same words. One read twice is the same event twice, which is harmless.
    second = posted.at.astimezone(UTC).replace(microsecond=0)
    return Hint(
        connection="",
        key=f"workflow/{digest}/{second.isoformat()}",
        kind=kind if isinstance(kind, str) and kind in _KINDS else None,
        subject=subject,
    )


def _subject(event: Mapping[str, Any]) -> Subject | None:
    for name, object in _NAMED.items():
        if id := _id(event.get(name)):
            return Subject(object, id)
    properties = event.get("properties")
    id = _id(event.get("objectid")) or _id(event.get("hsobjectid")) or _id(event.get("id"))
    if id is None and isinstance(properties, dict):
        id = _id(properties.get("hs_object_id"))
    said = event.get("object") or event.get("objecttype") or event.get("objecttypeid")
    whose = said if isinstance(said, str) and said else _by_properties(event, properties)
    return Subject(object_type(whose), id) if id and whose else None


def _by_properties(event: Mapping[str, Any], properties: object) -> str | None:
    """Whose record it is, where only its properties are sent."""
    names = set(event)
    if isinstance(properties, dict):
        names |= {str(name).replace("_", "").lower() for name in properties}
    if "hspipelinestage" in names:
        return "tickets"
    return "contacts" if "email" in names else None


def _id(value: object) -> str | None:
    """An id as text; the shape with all properties wraps values: {"value": "101"}."""
    if isinstance(value, dict):
        value = value.get("value")
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text if text.isascii() and text.isdigit() and len(text) <= 20 else None


def _moment(milliseconds: object) -> datetime | None:
    if not isinstance(milliseconds, int) or isinstance(milliseconds, bool):
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None
