"""What HubSpot's answers mean: for the call policy, and for the records a refused batch held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from connectors.contract import Clock
from connectors.limits import LONGEST_PAUSE
from connectors.replies import FINE, Fine, Renew, Reply, Retry, Ruling, Stop, retry_after
from connectors.wire import FateUnknown
from nps.changes import Cause
from nps.errors import AccessError, BudgetError, UnavailableError

MISSING_SCOPES = "MISSING_SCOPES"
_PATIENT_STATUSES = (500, 502, 503, 504, 520, 521, 523, 524)
_ABOUT_RECORDS = (400, 404, 409, 422)
_SCHEMA_CODES = ("DOESNT_EXIST", "DOES_NOT_EXIST", "READ_ONLY", "READONLY", "CALCULATED")
_LONGEST_MESSAGE = 300
TO_GRANT = "; see `npsync connect` for the scopes to grant"

# What stands behind a refusal, by its code; the vendor's list is not complete, so parts of codes are looked for.
# First hit wins.
_CAUSES: tuple[tuple[tuple[str, ...], Cause], ...] = (
    (("OBJECT_NOT_FOUND", "MERGED", "ARCHIVED", "DELETED"), Cause.GONE),
    (("MISSING_SCOPES", "FORBIDDEN", "PERMISSION", "UNAUTHORIZED"), Cause.PERMISSION),
    (("RATE_LIMIT", "INTERNAL", "TIMEOUT", "LOCKED", "UNAVAILABLE", "MIGRATION"), Cause.TRANSIENT),
    ((*_SCHEMA_CODES, "INVALID_OPTION", "INVALID_INTEGER", "INVALID_LONG", "INVALID_NUMBER"), Cause.MAPPING),
    (("INVALID_DATE", "INVALID_BOOLEAN", "INVALID_EMAIL", "INVALID_PHONE", "TOO_LONG"), Cause.MAPPING),
    (("VALIDATION_ERROR", "INVALID_VALUE", "CONFLICT", "REQUIRED"), Cause.RECORD),
)


def judge(reply: Reply, clock: Clock) -> Ruling:
    """HubSpot's table of statuses. A 400, 404 or 409 is the caller's: it may concern one of many records."""
    status = reply.status
    if 200 <= status < 300:
        return _judge_success(reply)
    if status == 401:
        return Renew("HubSpot does not accept the token (401)")
    if status == 403:
        return Stop(AccessError, _no_access(payload(reply)))
    if status == 530:
        return Stop(AccessError, "HubSpot cannot read the token (530); is it complete?")
    if status == 423:
        # A record is locked by another write; all threads slow down for a moment.
        return Retry("a record is locked (423)", after=max(retry_after(reply, clock) or 0.0, 2.0))
    if status == 429:
        return _judge_too_many(reply, clock)
    if status == 477:
        return _judge_migration(reply, clock)
    if status == 408 or status in _PATIENT_STATUSES:
        return Retry(f"status {status}", after=retry_after(reply, clock), unknown=True)
    if status >= 500:
        return Retry(f"status {status}")
    if 300 <= status < 400:
        return Stop(UnavailableError, f"HubSpot redirected the call ({status}); check base_url")
    if status in _ABOUT_RECORDS:
        return FINE if reply.body[:1] == b"{" else Stop(UnavailableError, _not_hubspot(status))
    return Stop(UnavailableError, f"an answer npsync does not know what to do with ({status})")


def judge_leniently(reply: Reply, clock: Clock) -> Ruling:
    """The same, but a 403 is the caller's to read: for testing what a credential may do."""
    return FINE if reply.status == 403 else judge(reply, clock)


def payload(reply: Reply) -> Mapping[str, Any]:
    """A refusal's JSON object; empty when it is none, a proxy's page for example."""
    found = reply.json() if reply.is_json else None
    return found if isinstance(found, dict) else {}


def _not_hubspot(status: int) -> str:
    return f"status {status} came without a word of HubSpot's; does base_url lead to HubSpot?"


def answer_of(reply: Reply) -> Mapping[str, Any]:
    """A success's JSON object. One that cannot be read is no success: what HubSpot did is not known."""
    said = payload(reply)
    if not said:
        raise FateUnknown(f"{reply.what}: the answer (status {reply.status}) is cut off or is not JSON")
    return said


def _judge_success(reply: Reply) -> Ruling:
    if reply.status != 204 and not (reply.is_json and isinstance(reply.json(), dict)):
        return Retry(f"the answer (status {reply.status}) is cut off or is not JSON", unknown=True)
    return Fine()


def _judge_too_many(reply: Reply, clock: Clock) -> Ruling:
    said = payload(reply)
    which = f"{said.get('policyName') or ''} {said.get('message') or ''}".upper()
    asked = retry_after(reply, clock)
    if "DAILY" in which:
        return Stop(BudgetError, "the account's daily calls are spent; they start again at its midnight")
    if "TEN_SECONDLY" not in which and "SECONDLY" in which:
        return Retry("too many calls per second (429)", after=asked or 1.0)
    interval = _number(reply.headers.get("x-hubspot-ratelimit-interval-milliseconds"), 10_000) / 1000
    return Retry("too many calls (429)", after=asked or interval)


def _judge_migration(reply: Reply, clock: Clock) -> Ruling:
    wait = retry_after(reply, clock)
    if wait is not None and wait > LONGEST_PAUSE:
        return Stop(BudgetError, f"HubSpot is moving the account (477) and asks to come back in {wait:.0f} s")
    return Retry("HubSpot is moving the account (477)", after=wait or 10.0)


def _no_access(said: Mapping[str, Any]) -> str:
    wanted = scopes(said)
    if wanted:
        return f"HubSpot asks for the scope {' or '.join(wanted)} (403); add it to the service key or app"
    return f"HubSpot refuses access (403){TO_GRANT}"


def scopes(said: Mapping[str, Any]) -> tuple[str, ...]:
    """The scopes a 403 names."""
    found: dict[str, None] = {}
    for error in _errors(said):
        context = error.get("context")
        if isinstance(context, Mapping):
            for name in _texts(context.get("requiredGranularScopes")) + _texts(context.get("requiredScopes")):
                found[name] = None
    return tuple(found)


# ---------------------------------------------------------------- refusals


@dataclass(frozen=True)
class Refusal:
    """Why HubSpot did not take a record or a batch, and whom it blames, as far as it says."""

    code: str
    message: str
    properties: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    traces: frozenset[str] = frozenset()

    @property
    def field(self) -> str | None:
        return next(iter(self.properties)) if len(self.properties) == 1 else None

    @property
    def schema(self) -> bool:
        """Whether the property itself is the problem, not a value."""
        return any(word in self.code for word in _SCHEMA_CODES)

    @property
    def cause(self) -> Cause:
        """Who can do something about it, as far as the code says."""
        return next(
            (cause for words, cause in _CAUSES if any(one in self.code for one in words)), Cause.UNKNOWN
        )

    @property
    def duplicates(self) -> bool:
        return "duplicate id" in self.message.lower()

    @property
    def not_found(self) -> bool:
        return self.code == "OBJECT_NOT_FOUND"


def refusal(said: Mapping[str, Any]) -> Refusal:
    """What an error object says: the outer one of a refused call, or one of `errors` in a partial success.

    Every part is optional, and the most useful one may be JSON inside the message.
    """
    message = str(said.get("message") or "")
    nested = [*_errors(said), *_inside(message)]
    contexts = [error.get("context") for error in (said, *nested)]
    found = [context for context in contexts if isinstance(context, Mapping)]
    names = {name for context in found for name in _texts(context.get("propertyName"))}
    names |= {str(error["name"]) for error in nested if error.get("name")}
    reasons = [str(error["message"]) for error in nested if error.get("message")]
    codes = [str(code) for error in nested if (code := error.get("error") or error.get("code"))]
    code = codes[0] if codes else str(said.get("subCategory") or said.get("category") or "REFUSED")
    return Refusal(
        code=code,
        message=(reasons[0] if reasons else message or "HubSpot gave no reason")[:_LONGEST_MESSAGE],
        properties=frozenset(names),
        ids=frozenset(one for context in found for one in _texts(context.get("ids"))),
        traces=frozenset(one for context in found for one in _texts(context.get("objectWriteTraceId"))),
    )


def _errors(said: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    listed = said.get("errors")
    return [error for error in listed if isinstance(error, Mapping)] if isinstance(listed, list) else []


def _inside(message: str) -> list[Mapping[str, Any]]:
    """The JSON list HubSpot puts behind "Property values were not valid:"."""
    start = message.find("[{")
    if start < 0:
        return []
    try:
        found = orjson.loads(message[start:])
    except orjson.JSONDecodeError:
        return []
    return [error for error in found if isinstance(error, Mapping)] if isinstance(found, list) else []


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(str(one) for one in value)
    return () if value is None else (str(value),)


def _number(text: str | None, otherwise: float) -> float:
    try:
        return float(text or "")
    except ValueError:
        return otherwise
