"""Whom an event concerns: a distinct id, which is the customer's own id where the project follows the rules."""

from __future__ import annotations

from hashlib import sha256

import orjson

from connectors.mixpanel.kinds import PERSON
from nps.events import PersonKey, Subject
from nps.keys import email_key

# Of people who have not signed in; the others Mixpanel refuses itself, for many people share them.
_ANONYMOUS = "$device:"
_NOBODY = frozenset(
    {"anon", "anonymous", "null", "none", "nil", "0", "-1", "undefined", "unknown", "false", "true"}
    | {"00000000-0000-0000-0000-000000000000"}
)
LONGEST_ID = 255


def names_somebody(distinct_id: str) -> bool:
    known = distinct_id.strip().lower()
    return bool(known) and known not in _NOBODY and not distinct_id.startswith(_ANONYMOUS)


def subject(distinct_id: str) -> Subject:
    """An address is for finding the person and is kept nowhere else."""
    named = distinct_id if "@" not in distinct_id else digest(distinct_id)[:24]
    return Subject(PERSON, named.replace("\x00", ""))


def keys(distinct_id: str, email: str | None = None) -> tuple[PersonKey, ...]:
    found = [PersonKey("external_id", distinct_id.replace("\x00", ""))]
    address = email_key(email) or (email_key(distinct_id) if "@" in distinct_id else None)
    return tuple(found if address is None else [*found, PersonKey("email", address)])


def digest(*parts: object) -> str:
    """The same for the same parts, in this order; no part can be read from it."""
    return sha256(orjson.dumps([str(part) for part in parts])).hexdigest()[:40]
