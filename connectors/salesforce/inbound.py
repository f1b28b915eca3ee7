"""What Salesforce pushes to us: a Flow's HTTP callout (JSON), and Outbound Messages (SOAP).

Both only name a record; what is true of it is read again. No address of a person is taken from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import orjson
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from connectors.asking import Posted, Refused, Reply, Taken
from connectors.proving import is_same, is_signed, of_the_address
from connectors.salesforce.ids import long_id
from connectors.salesforce.kinds import KINDS
from connectors.salesforce.settings import Hooks, SalesforceSettings
from nps.events import Hint, Subject

LARGEST = 1_000_000
MOST = 100  # notifications in one message

_ACCEPTED = Reply(202, b'{"status":"accepted"}')
_OUTBOUND = "{http://soap.sforce.com/2005/09/outbound}"
_ENVELOPE = "{http://schemas.xmlsoap.org/soap/envelope/}"
_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_ACK = Reply(
    200,
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    b'<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack>'
    b"</notificationsResponse></soapenv:Body></soapenv:Envelope>",
    "text/xml; charset=utf-8",
)
_KINDS = frozenset(kind.name for kind in KINDS)
# The first three characters of an id say its object, for the objects every org has.
_PREFIXES = {"500": "Case", "003": "Contact", "001": "Account", "00Q": "Lead", "006": "Opportunity"}
_NAMED = (
    "caseid",
    "contactid",
    "accountid",
    "leadid",
    "opportunityid",
)  # what a flow may call the record's id


class SalesforceInbound:
    """Fulfils `connectors.contract.Inbound`."""

    def __init__(self, settings: SalesforceSettings) -> None:
        self._hooks = settings.hooks

    def receive(self, posted: Posted) -> Taken:
        if self._hooks is None:
            raise Refused(403, "this connection takes nothing that is pushed", code="not_configured")
        if len(posted.body) > LARGEST:
            raise Refused(413, f"more than {LARGEST:,} bytes", code="too_large")
        if posted.body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
            return self._message(posted, self._hooks)
        return self._callout(posted, self._hooks)

    # ------------------------------------------------------------ a flow

    def _callout(self, posted: Posted, hooks: Hooks) -> Taken:
        if hooks.token is None:
            raise Refused(403, "no flow may call here", code="not_configured")
        if not is_same(posted.headers.get(hooks.header.lower()), hooks.token.get_secret_value()):
            raise Refused(401, "the secret header is missing or wrong", code="unsigned")
        if hooks.hmac_secret is not None:
            given = posted.headers.get(hooks.hmac_header.lower())
            if not is_signed(given, hooks.hmac_secret.get_secret_value(), posted.body):
                raise Refused(401, "the signature is missing or wrong", code="bad_signature")
        told = [_plain(one) for one in _told(posted.body)]
        for one in told:
            self._from_here(hooks, _text(one, "orgid", "organizationid"), required=False)
        return Taken(tuple(_hint(one, posted) for one in told), _ACCEPTED)

    def _from_here(self, hooks: Hooks, org: str | None, *, required: bool) -> None:
        if hooks.org_id is None or (org is None and not required):
            return
        if org is None or org.strip()[:15] != hooks.org_id[:15]:
            raise Refused(403, "this is not the org that npsync works with", code="other_org")

    # ------------------------------------------------------------ an outbound message

    def _message(self, posted: Posted, hooks: Hooks) -> Taken:
        if hooks.url_secret is None:
            raise Refused(403, "no outbound message may call here", code="not_configured")
        if not is_same(of_the_address(posted, ("secret",)), hooks.url_secret.get_secret_value()):
            raise Refused(401, "the secret in the address is missing or wrong", code="unsigned")
        body = _parsed(posted.body).find(f"{_ENVELOPE}Body")
        said = body.find(f"{_OUTBOUND}notifications") if body is not None else None
        if said is None:
            raise Refused(400, "this is no outbound message", code="unreadable")
        self._from_here(hooks, said.findtext(f"{_OUTBOUND}OrganizationId"), required=True)
        notifications = said.findall(f"{_OUTBOUND}Notification")
        if not 1 <= len(notifications) <= MOST:
            raise Refused(400, f"an outbound message holds 1 to {MOST} notifications", code="unreadable")
        return Taken(tuple(_notified(notifications)), _ACK)


def _parsed(body: bytes) -> Element:
    try:
        root: Element = fromstring(body, forbid_dtd=True)
    except DefusedXmlException:
        raise Refused(400, "a document type or entities are not taken", code="unreadable") from None
    except (ParseError, ValueError, LookupError):
        raise Refused(400, "the XML cannot be read", code="unreadable") from None
    return root


def _notified(notifications: list[Element]) -> Iterator[Hint]:
    """One hint each. One that cannot be read is kept too, for people to find."""
    for one in notifications:
        record = one.find(f"{_OUTBOUND}sObject")
        object = record.get(_TYPE, "").rpartition(":")[2] if record is not None else ""
        fields = (
            {child.tag.rpartition("}")[2]: child.text or "" for child in record} if record is not None else {}
        )
        id = long_id(fields.get("Id", ""))
        number = (one.findtext(f"{_OUTBOUND}Id") or "").strip()
        yield Hint(
            connection="",
            key=f"outbound/{number[:15] or f'{object}/{id}'}",
            subject=Subject(object, id) if object and id else None,
        )


# ---------------------------------------------------------------- JSON


def _told(body: bytes) -> list[Mapping[str, Any]]:
    """The body of a flow is whatever its author made of it: an object, a list of them, or a list in one."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refused(400, "the JSON cannot be read", code="unreadable") from None
    if isinstance(said, dict) and isinstance(said.get("events"), list):
        said = said["events"]
    found = said if isinstance(said, list) else [said]
    if not 1 <= len(found) <= MOST or not all(isinstance(one, dict) for one in found):
        raise Refused(400, f"one event as an object, or a list of up to {MOST}", code="unreadable")
    return found


def _plain(event: Mapping[str, Any]) -> dict[str, Any]:
    """caseId, case_id and CaseId are one name."""
    return {name.replace("_", "").lower(): value for name, value in event.items()}


def _hint(event: Mapping[str, Any], posted: Posted) -> Hint:
    kind = _text(event, "event", "kind")
    at = _moment(_text(event, "closedat", "occurredat", "changedat", "at"))
    subject = _subject(event)
    digest = blake2b(orjson.dumps(event, option=orjson.OPT_SORT_KEYS), digest_size=12).hexdigest()
    # Two that say no time may be two events: those of another second are read again, which is harmless.
    said_at = "" if at is not None else f"/{posted.at.replace(microsecond=0).astimezone(UTC).isoformat()}"
    return Hint(
        connection="",
        key=f"flow/{digest}{said_at}",
        kind=kind if kind in _KINDS else None,
        subject=subject,
        occurred_at=at,
    )


def _subject(event: Mapping[str, Any]) -> Subject:
    given = _text(event, "recordid", "id") or _text(event, *_NAMED)
    id = long_id(given or "")
    if id is None:
        raise Refused(400, "no record id: send caseId, or object and recordId", code="no_record")
    named = next((name for name in _NAMED if _text(event, name) == given), None)
    object = _text(event, "object", "sobjecttype") or _PREFIXES.get(id[:3])
    if object is None and named is not None:
        object = named.removesuffix("id").title()
    if object is None:
        raise Refused(400, "the record's object is not said: send object beside recordId", code="no_object")
    return Subject(object, id)


def _text(event: Mapping[str, Any], *names: str) -> str | None:
    for name in names:
        value = event.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return None


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
