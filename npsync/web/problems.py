"""Errors as the web tells them: problem+json (RFC 9457), clear, and without what was sent to us."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import orjson
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from connectors.contract import Refused

TRY_AGAIN = {"Retry-After": "30"}


class Problem(HTTPException):
    """An answer that says no. `code` is a stable word for machines, `detail` a sentence for people."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        code: str,
        headers: Mapping[str, str] | None = None,
        errors: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.code = code
        self.errors = errors


def faults(errors: Mapping[str, str]) -> Problem:
    """What is wrong with a request: place → what. Never a value of it."""
    said = "; ".join(f"{at} {what}" for at, what in errors.items())
    return Problem(422, said, code="invalid", errors=errors)


def problem(
    status: int,
    detail: str,
    *,
    code: str,
    headers: Mapping[str, str] | None = None,
    errors: list[dict[str, str]] | None = None,
) -> Response:
    body: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    if errors is not None:
        body["errors"] = errors
    return Response(
        orjson.dumps(body), status, headers=dict(headers or {}), media_type="application/problem+json"
    )


async def tell_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error, Problem):
        return told(error)
    said = SAID.get(error.status_code, str(error.detail))
    code = HTTPStatus(error.status_code).name.lower()
    return problem(error.status_code, said, code=code, headers=error.headers)


SAID = {
    400: "the request cannot be read",
    404: "there is nothing at this address",
    405: "this address does not take that method; see the header Allow",
}


def told(error: Problem) -> Response:
    errors = error.errors and [{"at": at, "problem": what} for at, what in error.errors.items()]
    return problem(
        error.status_code, error.detail, code=error.code, headers=error.headers, errors=errors or None
    )


def refused(error: Refused) -> Response:
    headers = {"WWW-Authenticate": "Signature"} if error.status == HTTPStatus.UNAUTHORIZED else None
    return problem(error.status, str(error), code=error.code, headers=headers)


async def tell_invalid(request: Request, error: Exception) -> Response:
    """Where the body is not as asked, and how; never what it held."""
    assert isinstance(error, RequestValidationError)
    errors = [
        {"at": ".".join(str(step) for step in each["loc"][1:]), "problem": each["msg"]}
        for each in error.errors()
    ]
    said = "the request is not as asked; see errors"
    if not _is_json(request):
        said = "send the body as JSON, with the header Content-Type: application/json"
    return problem(422, said, code="invalid", errors=errors)


def _is_json(request: Request) -> bool:
    """As a body is read as: without this type, or one that ends in +json, it is bytes to FastAPI."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")
