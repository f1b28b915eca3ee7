"""What the tenant is known by, and how it refuses."""

from __future__ import annotations

import orjson
from starlette.responses import Response

CLIENT_ID, CLIENT_SECRET = "pretectum-sandbox-client", "pretectum-sandbox-secret"


class Refusal(Exception):
    """The shape of an error's body is not documented; `as_text` sends the bare words."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}

    def reply(self, *, as_text: bool = False) -> Response:
        if as_text:
            return Response(str(self), self.status, self.headers, media_type="text/plain")
        body = orjson.dumps({"message": str(self)})
        return Response(body, self.status, self.headers, media_type="application/json")


def bad_request(message: str) -> Refusal:
    return Refusal(400, message)


def not_found(what: str) -> Refusal:
    return Refusal(404, f"{what} not found")


def unauthorised() -> Refusal:
    return Refusal(401, "Unauthorized")
