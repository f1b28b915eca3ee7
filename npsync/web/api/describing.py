"""What every operation of the API says of itself: the errors it may answer with, and the scope it needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field

from npsync.web.bearers import Needing


class Wrong(BaseModel):
    """One thing that is wrong with a request."""

    at: str = Field(description="Where: the name of a parameter, or the path to a field of the body.")
    problem: str = Field(description="What is wrong there.")


class ProblemDetails(BaseModel):
    """An error, as RFC 9457 wants it. It never repeats what was sent."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "about:blank",
                "title": "Not Found",
                "status": 404,
                "code": "not_found",
                "detail": "there is no run 999",
            }
        }
    )

    type: str = Field(description="Always about:blank: `code` says which problem it is.")
    title: str = Field(description="The name of the status.")
    status: int = Field(description="The status again.")
    code: str = Field(description="A stable word for machines.")
    detail: str = Field(description="A sentence for people.")
    errors: list[Wrong] | None = Field(None, description="Of a request that is not as asked: each fault.")


SAID: Mapping[int, str] = {
    400: "The request cannot be read.",
    401: "No token, or one that is not known, was revoked or is over.",
    403: "The token does not allow this.",
    404: "There is no such thing.",
    405: "The method is not for this address; see Allow.",
    408: "The request did not arrive in time.",
    409: "It contradicts what is there: something is under way, or settled already.",
    413: "The body is too large.",
    415: "The body is no JSON; see Accept.",
    422: "The request is not as asked; `errors` says where.",
    429: "Too many calls; see Retry-After.",
    503: "Not now; see Retry-After.",
}
OF_ALL = (401, 403, 422, 429, 503)
OF_A_BODY = (400, 408, 413, 415)


def errors(*more: int) -> dict[int | str, dict[str, Any]]:
    """What an operation may answer instead, besides what every one of them may."""
    schema = {"$ref": "#/components/schemas/ProblemDetails"}
    return {
        status: {"description": SAID[status], "content": {"application/problem+json": {"schema": schema}}}
        for status in sorted({*OF_ALL, *more})
    }


PROBLEMS = errors()
TAKING = errors(*OF_A_BODY)
"""Of an operation that takes a body."""


ACTING = errors(*OF_A_BODY, 409)
"""Of an operation that does something, once for each key."""


def scopes_of(route: APIRoute) -> tuple[str, ...]:
    """Any one of these does."""
    return next((call.any_of for call in _calls(route.dependant) if isinstance(call, Needing)), ())


def _calls(dependant: Dependant) -> Iterator[object]:
    for one in dependant.dependencies:
        yield one.call
        yield from _calls(one)


def complete(
    described: dict[str, Any], operations: Mapping[tuple[str, str], tuple[str, ...]]
) -> dict[str, Any]:
    """The description with what FastAPI cannot know: the scope of each operation, the shape of a problem, and not the
    shape of errors that are never sent."""
    schemas = described.setdefault("components", {}).setdefault("schemas", {})
    for gone in ("HTTPValidationError", "ValidationError"):
        schemas.pop(gone, None)
    told = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= told.pop("$defs") | {"ProblemDetails": told}
    for (path, method), scopes in operations.items():
        operation = described["paths"][path][method]
        words = " or ".join(f"`{scope}`" for scope in scopes) or "any"
        operation["description"] = f"{operation.get('description', '')}\n\nScope: {words}.".strip()
        operation["security"] = [{"token": []}]
        operation["x-scopes"] = list(scopes)
    return described


def phrase(status: int) -> str:
    return HTTPStatus(status).phrase
