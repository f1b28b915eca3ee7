"""Salesforce's error codes: what to do about each, and what stands behind it. The one table, for whole calls,
collections and bulk rows alike."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum

from nps.changes import Cause


class Meaning(Enum):
    """What to do about a code."""

    LOCKED = "another process holds the record: try it again, later"
    BUSY = "the vendor is busy: the next run tries again"
    ORG_CODE = "the org's own automation failed, perhaps because of its neighbours in the call: try it alone"
    SETTINGS = "a person has to change the YAML or the org"
    ACCESS = "the credential does not work (any more)"
    RECORD = "this record cannot be written as it is"


_CODES: Mapping[str, tuple[Meaning, Cause]] = {
    # The vendor stumbled; the record is fine.
    "UNABLE_TO_LOCK_ROW": (Meaning.LOCKED, Cause.TRANSIENT),
    "SERVER_UNAVAILABLE": (Meaning.BUSY, Cause.TRANSIENT),
    "UNKNOWN_EXCEPTION": (Meaning.BUSY, Cause.TRANSIENT),
    "QUERY_TIMEOUT": (Meaning.BUSY, Cause.TRANSIENT),
    # The org's own code: its rules speak against the record, unless it ran into a limit (_LIMIT_WORDS).
    "APEX_ERROR": (Meaning.ORG_CODE, Cause.RECORD),
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": (Meaning.ORG_CODE, Cause.RECORD),
    "CANNOT_EXECUTE_FLOW_TRIGGER": (Meaning.RECORD, Cause.RECORD),
    # What the YAML names is not there, or not visible.
    "INVALID_FIELD": (Meaning.SETTINGS, Cause.MAPPING),
    "INVALID_FIELD_FOR_INSERT_UPDATE": (Meaning.SETTINGS, Cause.MAPPING),
    "INVALID_TYPE": (Meaning.SETTINGS, Cause.MAPPING),
    "MALFORMED_QUERY": (Meaning.SETTINGS, Cause.MAPPING),
    "InvalidBatch": (Meaning.SETTINGS, Cause.MAPPING),
    "UNSUPPORTED_API_VERSION": (Meaning.SETTINGS, Cause.MAPPING),
    "InvalidVersion": (Meaning.SETTINGS, Cause.MAPPING),
    # The credential.
    "API_DISABLED_FOR_ORG": (Meaning.ACCESS, Cause.PERMISSION),
    "API_CURRENTLY_DISABLED": (Meaning.ACCESS, Cause.PERMISSION),
    "INVALID_SESSION_ID": (Meaning.ACCESS, Cause.PERMISSION),
    "InvalidSessionId": (Meaning.ACCESS, Cause.PERMISSION),
    "invalid_grant": (Meaning.ACCESS, Cause.PERMISSION),
    "inactive_user": (Meaning.ACCESS, Cause.PERMISSION),
    "inactive_org": (Meaning.ACCESS, Cause.PERMISSION),
    "invalid_client_id": (Meaning.ACCESS, Cause.PERMISSION),
    # One refused record is that record's matter (sharing); a whole call of them is the credential's.
    "INSUFFICIENT_ACCESS_OR_READONLY": (Meaning.RECORD, Cause.PERMISSION),
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": (Meaning.RECORD, Cause.PERMISSION),
    # The value does not fit the field.
    "STRING_TOO_LONG": (Meaning.RECORD, Cause.MAPPING),
    "NUMBER_OUTSIDE_VALID_RANGE": (Meaning.RECORD, Cause.MAPPING),
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": (Meaning.RECORD, Cause.MAPPING),
    "INVALID_EMAIL_ADDRESS": (Meaning.RECORD, Cause.MAPPING),
    "INVALID_TYPE_ON_FIELD_IN_RECORD": (Meaning.RECORD, Cause.MAPPING),
    "JSON_PARSER_ERROR": (Meaning.RECORD, Cause.MAPPING),
    "MALFORMED_ID": (Meaning.RECORD, Cause.MAPPING),
    "INVALID_ID_FIELD": (Meaning.RECORD, Cause.MAPPING),
    # A rule of the CRM speaks against the record as it is.
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": (Meaning.RECORD, Cause.RECORD),
    "REQUIRED_FIELD_MISSING": (Meaning.RECORD, Cause.RECORD),
    "DUPLICATES_DETECTED": (Meaning.RECORD, Cause.RECORD),
    "DUPLICATE_VALUE": (Meaning.RECORD, Cause.RECORD),
    "DUPLICATE_EXTERNAL_ID": (Meaning.RECORD, Cause.RECORD),
    "CANNOT_UPDATE_CONVERTED_LEAD": (Meaning.RECORD, Cause.RECORD),
    "OPERATION_WITH_INACTIVE_OWNER": (Meaning.RECORD, Cause.RECORD),
    # Deleted or merged since it was read.
    "ENTITY_IS_DELETED": (Meaning.RECORD, Cause.GONE),
    "NOT_FOUND": (Meaning.RECORD, Cause.GONE),
    "INVALID_CROSS_REFERENCE_KEY": (Meaning.RECORD, Cause.GONE),
}
_UNLISTED = (Meaning.RECORD, Cause.UNKNOWN)  # taken as one record's matter

_LIMIT_WORDS = re.compile(r"too many (SOQL|DML|query)|CPU time limit|System\.LimitException", re.IGNORECASE)


def meaning(code: str, message: str) -> Meaning:
    found = _CODES.get(code, _UNLISTED)[0]
    return Meaning.ORG_CODE if found is Meaning.RECORD and _LIMIT_WORDS.search(message) else found


def cause(code: str, message: str) -> Cause:
    """An automation that ran into one of Salesforce's limits may get through next time."""
    found = _CODES.get(code, _UNLISTED)[1]
    return Cause.TRANSIENT if _LIMIT_WORDS.search(message) else found
