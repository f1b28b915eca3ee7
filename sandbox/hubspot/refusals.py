"""The ways HubSpot says no: one exception that knows its status and its JSON body."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass(eq=False)
class Refusal(Exception):
    """A whole request HubSpot turns down."""

    status: int
    category: str
    message: str
    errors: Sequence[Mapping[str, Any]] = ()
    context: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        said: dict[str, Any] = {
            "status": "error",
            "message": self.message,
            "correlationId": str(uuid.uuid4()),
        }
        if self.category:
            said["category"] = self.category
        if self.errors:
            said["errors"] = list(self.errors)
        if self.context:
            said["context"] = dict(self.context)
        return said | dict(self.more)


def invalid(message: str, **context: Any) -> Refusal:
    return Refusal(400, "VALIDATION_ERROR", message, context=context)


def malformed(reason: str) -> Refusal:
    return invalid(f"Invalid input JSON on line 1, column 1: {reason}")


def not_found(message: str = "resource not found") -> Refusal:
    return Refusal(404, "OBJECT_NOT_FOUND", message)


def unauthenticated() -> Refusal:
    return Refusal(
        401,
        "INVALID_AUTHENTICATION",
        "Authentication credentials not found. This API supports OAuth 2.0 authentication.",
    )


def expired() -> Refusal:
    return Refusal(
        401,
        "EXPIRED_AUTHENTICATION",
        "The OAuth token used to make this call expired. Please refresh the token and try again.",
    )


def missing_scopes(alternatives: Sequence[str]) -> Refusal:
    message = "This app hasn't been granted all required scopes to make this call."
    detail = {
        "message": "One or more of the following scopes are required.",
        "context": {"requiredGranularScopes": list(alternatives)},
    }
    return Refusal(403, "MISSING_SCOPES", message, errors=[detail])


def rate_limited(policy: str, headers: Mapping[str, str]) -> Refusal:
    """`policy` is TEN_SECONDLY_ROLLING, SECONDLY or DAILY. No Retry-After: the vendor often sends none."""
    more = {"errorType": "RATE_LIMIT", "policyName": policy, "requestId": uuid.uuid4().hex}
    return Refusal(429, "", f"You have reached your {policy.lower()} limit.", more=more, headers=headers)


@dataclass(frozen=True)
class InvalidValue:
    """One property value a record cannot take."""

    name: str
    message: str
    error: str

    def detail(self) -> dict[str, Any]:
        return {
            "isValid": False,
            "message": self.message,
            "error": self.error,
            "name": self.name,
            "localizedErrorMessage": self.message,
        }

    def summary(self) -> dict[str, Any]:
        return {"message": self.message, "code": self.error, "context": {"propertyName": [self.name]}}


def values_not_valid(problems: Sequence[InvalidValue]) -> Refusal:
    """JSON inside a string inside JSON, as the vendor does it."""
    listed = orjson.dumps([problem.detail() for problem in problems]).decode()
    return Refusal(
        400,
        "VALIDATION_ERROR",
        f"Property values were not valid: {listed}",
        errors=[problem.summary() for problem in problems],
    )
