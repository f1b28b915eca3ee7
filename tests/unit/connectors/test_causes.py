"""Every refusal carries who can do something about it, derived from the vendor's own code."""

from __future__ import annotations

import pytest

from connectors.hubspot.replies import refusal
from connectors.salesforce.errors import RowError, bulk_row_error, row_error
from nps.changes import Cause, Rejected


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", Cause.RECORD),
        ("REQUIRED_FIELD_MISSING", Cause.RECORD),
        ("DUPLICATES_DETECTED", Cause.RECORD),
        ("CANNOT_UPDATE_CONVERTED_LEAD", Cause.RECORD),
        ("STRING_TOO_LONG", Cause.MAPPING),
        ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", Cause.MAPPING),
        ("NUMBER_OUTSIDE_VALID_RANGE", Cause.MAPPING),
        ("MALFORMED_ID", Cause.MAPPING),
        ("INSUFFICIENT_ACCESS_OR_READONLY", Cause.PERMISSION),
        ("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", Cause.PERMISSION),
        ("NOT_FOUND", Cause.GONE),
        ("INVALID_CROSS_REFERENCE_KEY", Cause.GONE),
        ("UNABLE_TO_LOCK_ROW", Cause.TRANSIENT),
        ("UNKNOWN_EXCEPTION", Cause.TRANSIENT),
        ("SOMETHING_NEW", Cause.UNKNOWN),
    ],
)
def test_salesforce_codes_tell_the_cause_in_collections_and_bulk_rows_alike(code: str, cause: Cause) -> None:
    assert row_error({"success": False, "errors": [{"statusCode": code, "message": "no"}]}).cause is cause
    assert bulk_row_error(f"{code}:no:NPS_Score__c --").cause is cause


@pytest.mark.parametrize(
    "message",
    ["System.LimitException: Too many SOQL queries: 101", "Apex CPU time limit exceeded"],
)
@pytest.mark.parametrize("code", ["CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "CANNOT_EXECUTE_FLOW_TRIGGER"])
def test_an_automation_that_ran_into_a_limit_is_worth_another_try(code: str, message: str) -> None:
    outcome = RowError(code, message).outcome("003")
    assert isinstance(outcome, Rejected)
    assert outcome.cause is Cause.TRANSIENT


def test_an_automation_that_says_no_is_a_rule_of_the_crm() -> None:
    assert RowError("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "NullPointerException").cause is Cause.RECORD


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ({"category": "OBJECT_NOT_FOUND"}, Cause.GONE),
        ({"category": "CONFLICT", "message": "Contact already exists. Existing ID: 7"}, Cause.RECORD),
        ({"category": "VALIDATION_ERROR"}, Cause.RECORD),
        ({"category": "VALIDATION_ERROR", "errors": [{"code": "INVALID_INTEGER"}]}, Cause.MAPPING),
        ({"category": "VALIDATION_ERROR", "errors": [{"code": "INVALID_OPTION"}]}, Cause.MAPPING),
        ({"category": "VALIDATION_ERROR", "errors": [{"code": "PROPERTY_DOESNT_EXIST"}]}, Cause.MAPPING),
        ({"category": "VALIDATION_ERROR", "errors": [{"code": "READ_ONLY_VALUE"}]}, Cause.MAPPING),
        ({"category": "MISSING_SCOPES"}, Cause.PERMISSION),
        ({"category": "INTERNAL_ERROR"}, Cause.TRANSIENT),
        ({"category": "RATE_LIMITS"}, Cause.TRANSIENT),
        ({}, Cause.UNKNOWN),
    ],
)
def test_hubspot_codes_tell_the_cause(said: dict[str, object], cause: Cause) -> None:
    assert refusal(said).cause is cause
