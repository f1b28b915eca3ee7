"""What the workspace is known by, how it refuses, and how it signs."""

from __future__ import annotations

import hashlib
import hmac
import uuid

import orjson
from starlette.responses import Response

TOKEN = "intercom-sandbox-token"
APP_ID = "abc123"
CLIENT_SECRET = "intercom-sandbox-client-secret"


class Refusal(Exception):
    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}

    def reply(self) -> Response:
        body = {
            "type": "error.list",
            "request_id": uuid.uuid4().hex,
            "errors": [{"code": self.code, "message": self.message}],
        }
        return Response(orjson.dumps(body), self.status, self.headers, media_type="application/json")


def not_found(message: str = "Resource not found") -> Refusal:
    return Refusal(404, "not_found", message)


def bad_request(message: str) -> Refusal:
    return Refusal(400, "parameter_invalid", message)


def signature(secret: str, body: bytes) -> str:
    """X-Hub-Signature"""
    return "sha1=" + hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()
