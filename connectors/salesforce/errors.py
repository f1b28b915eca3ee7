"""What Salesforce's refusals come to: of whole calls, of records in a collection, of rows in a bulk job."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from connectors.contract import Clock
from connectors.replies import FINE, Renew, Reply, Retry, Ruling, Stop, retry_after, unreadable
from connectors.salesforce.codes import Meaning, cause, meaning
from nps.changes import Cause, Deferred, Outcome, Rejected
from nps.errors import AccessError, BudgetError, ConfigError, NpsyncError, UnavailableError
from nps.masking import without
from nps.values import JsonFields

_NO_COLUMN = re.compile(r"No such column '([\w.]+)' on (?:entity|sobject of type) '?(\w+)", re.IGNORECASE)
_NO_RELATION = re.compile(r"Didn't understand relationship '(\w+)'", re.IGNORECASE)
_NO_TYPE = re.compile(r"sObject type '(\w+)' is not supported", re.IGNORECASE)

LONGEST_MESSAGE = 300
TO_GRANT = "; see `npsync connect` for what to grant"


class Refused(NpsyncError):
    """Salesforce refused a whole call. The text holds its code but not its message: that repeats our query,
    and with it people's addresses."""

    def __init__(self, status: int, code: str, message: str, fields: tuple[str, ...], what: str) -> None:
        super().__init__(
            f"{what}: Salesforce refused the call ({code or f'status {status}'}){_safe_detail(message)}"
        )
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields
        self.what = what

    @property
    def is_too_long(self) -> bool:
        """The query does not fit: ask with fewer values."""
        return self.status in (414, 431) or self.code in ("QUERY_TOO_COMPLICATED", "OPERATION_TOO_LARGE")

    def as_error(self, object: str = "") -> NpsyncError:
        """The error of the tree that says what to do about it."""
        match meaning(self.code, self.message):
            case Meaning.SETTINGS:
                return ConfigError(_settings_advice(self, object))
            case Meaning.ACCESS:
                return AccessError(str(self))
            case Meaning.LOCKED | Meaning.BUSY:
                return UnavailableError(str(self))
        if self.status == 404:
            return ConfigError(
                f"{self}: {object or 'this'} does not exist, or is not visible to the integration user"
            )
        return UnavailableError(str(self))


def _safe_detail(message: str) -> str:
    for pattern, words in (
        (_NO_COLUMN, "no field {0}"),
        (_NO_RELATION, "no relation {0}"),
        (_NO_TYPE, "no object {0}"),
    ):
        if found := pattern.search(message):
            return ": " + words.format(*found.groups())
    return ""


def _settings_advice(refused: Refused, object: str) -> str:
    if found := _NO_COLUMN.search(refused.message):
        field, entity = found.groups()
        return (
            f'{entity} has no field "{field}": it is missing, or not visible to the integration user '
            f"({refused.code})"
        )
    named = ", ".join(f'"{field}"' for field in refused.fields)
    if named:
        return (
            f"{object or refused.what}: Salesforce does not accept {named}: missing, not visible or not "
            f"writable for the integration user ({refused.code})"
        )
    return (
        f"{refused}: a field or object the YAML names is missing, or not visible to the integration user; "
        "`npsync check` tells which"
    )


# ---------------------------------------------------------------- whole calls


def judge(reply: Reply, clock: Clock) -> Ruling:
    """What a reply means for the call policy. What is fine here may still be a refusal the caller reads."""
    status = reply.status
    if status < 300:
        return unreadable(reply) or FINE
    code, message, _ = first_error(reply.body)
    if status == 401 or code in ("INVALID_SESSION_ID", "InvalidSessionId"):
        return Renew("the session is not accepted any more (INVALID_SESSION_ID)")
    if code == "REQUEST_LIMIT_EXCEEDED":
        if "concurrent" in message.lower():
            return Retry("too many long calls at once (REQUEST_LIMIT_EXCEEDED)", after=5.0)
        return Stop(BudgetError, "the org's daily API calls are used up (REQUEST_LIMIT_EXCEEDED)")
    if status in (502, 503) or code == "SERVER_UNAVAILABLE":
        return Retry(f"status {status}", unknown=True)
    if status >= 500:
        return Retry(f"status {status}{f' ({code})' if code else ''}", unknown=True)
    if status == 429 or code == "UNABLE_TO_LOCK_ROW":
        return Retry(code or "status 429", after=retry_after(reply, clock))
    if status == 403:
        return Stop(
            AccessError,
            f"access was refused ({code or 'status 403'}){TO_GRANT}",
        )
    if status == 410 or code in ("UNSUPPORTED_API_VERSION", "InvalidVersion"):
        return Stop(
            ConfigError, "this API version is not available; set api_version in the YAML's connection"
        )
    if status == 420:
        return Stop(
            ConfigError,
            "no Salesforce org answers at this address; check login_host in the YAML's connection",
        )
    if status in (301, 302, 303, 307, 308):
        return Stop(
            UnavailableError,
            "the address redirects elsewhere; not followed. Is login_host the org's My Domain?",
        )
    return FINE


def judge_soap(reply: Reply) -> Ruling:
    """The Metadata API tells a refusal as a fault, with status 500: the caller reads it."""
    if reply.status == 200 or b"faultcode" in reply.body:
        return FINE
    if reply.status in (429, 502, 503) or reply.status >= 500:
        return Retry(f"status {reply.status}", unknown=True)
    if reply.status in (401, 403):
        return Stop(AccessError, f"access was refused (status {reply.status})")
    return Stop(UnavailableError, f"status {reply.status} came where the Metadata API was expected")


def first_error(body: bytes) -> tuple[str, str, tuple[str, ...]]:
    """(code, message, fields) of an error answer in any of Salesforce's shapes; empty where it is something
    else."""

    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "", "", ()
    first: Any = content[0] if isinstance(content, list) and content else content
    if not isinstance(first, dict):
        return "", "", ()
    code = first.get("errorCode") or first.get("exceptionCode") or first.get("error") or ""
    message = first.get("message") or first.get("exceptionMessage") or first.get("error_description") or ""
    return str(code), str(message), tuple(str(field) for field in first.get("fields") or ())


# ---------------------------------------------------------------- single records

_HINTS = {
    "CANNOT_UPDATE_CONVERTED_LEAD": "the person is a contact now: match contacts, "
    "and keep converted leads out with only: {IsConverted: false}",
}


@dataclass(frozen=True)
class RowError:
    """Why one record of a collection or bulk job was not written."""

    code: str
    message: str
    fields: tuple[str, ...] = ()
    whole_call: bool = (
        False  # none of the call's records was taken, and the answer does not say which one is at fault
    )

    @property
    def meaning(self) -> Meaning:
        return Meaning.ORG_CODE if self.whole_call else meaning(self.code, self.message)

    @property
    def cause(self) -> Cause:
        return cause(self.code, self.message)

    def outcome(self, record_id: str) -> Outcome:
        """What becomes of the change when nothing more is tried."""
        if self.meaning in (Meaning.LOCKED, Meaning.BUSY):
            return Deferred(record_id, f"{self.code}: {self.message[:LONGEST_MESSAGE]}")
        if self.code == "ENTITY_IS_DELETED":
            # It was there when it was read. If it was merged, the next run finds the survivor.
            return Deferred(record_id, "ENTITY_IS_DELETED: deleted or merged since it was read")
        return Rejected(
            record_id,
            code=self.code,
            message=f"{self.message[:LONGEST_MESSAGE]}{self._hint}",
            field=self.fields[0] if self.fields else None,
            cause=self.cause,
        )

    def as_error(self, object: str, count: int, sent: JsonFields) -> NpsyncError:
        """The error that stops the run when this is not one record's matter. `sent` are the values it refuses, which
        its message may repeat."""
        fields = f" ({', '.join(self.fields)})" if self.fields else ""
        if self.meaning is Meaning.SETTINGS:
            hint = ""
            if object == "Contact" and self.code == "INVALID_FIELD_FOR_INSERT_UPDATE":
                hint = "; a person account's fields are written on Account, where they end in __pc"
            return ConfigError(
                f"{object}{fields}: Salesforce does not take the field, it is missing, not visible or not "
                f"writable for the integration user ({self.code}){hint}"
            )
        text = f"{object}{fields}: all {count} records of a call were refused for one reason, {self.code}"
        if self.cause is Cause.PERMISSION:
            return AccessError(f"{text}{TO_GRANT}")
        return ConfigError(f"{text}: {without(self.message, sent.values())[:LONGEST_MESSAGE]}{self._hint}")

    @property
    def _hint(self) -> str:
        """What Salesforce's words leave out."""
        return f"; {_HINTS[self.code]}" if self.code in _HINTS else ""


def row_error(result: Mapping[str, Any]) -> RowError:
    """The first error of one collection result. (Inside collections the code is called statusCode.)"""
    errors = result.get("errors") or [{}]
    first = errors[0] if isinstance(errors[0], dict) else {}
    return RowError(
        str(first.get("statusCode") or first.get("errorCode") or "UNKNOWN_ERROR"),
        str(first.get("message") or "Salesforce gave no reason"),
        tuple(str(field) for field in first.get("fields") or ()),
    )


_BULK_ERROR = re.compile(
    r"(?P<code>[A-Za-z_]+)\s?:(?P<message>.*?)(?::(?P<fields>[\w., ]*?))?\s*--\s*", re.DOTALL
)


def bulk_row_error(text: str) -> RowError:
    """An `sf__Error` cell: `CODE:message:field --`."""
    if not (found := _BULK_ERROR.fullmatch(text)):
        code, _, message = text.partition(":")
        return RowError(code.strip() or "UNKNOWN_ERROR", message.strip() or text.strip())
    fields = tuple(field.strip() for field in (found["fields"] or "").split(",") if field.strip())
    return RowError(found["code"], found["message"], fields)
