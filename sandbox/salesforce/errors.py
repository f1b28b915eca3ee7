"""Refusals in the vendor's words: of a whole request, and of one record."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response


class ApiError(Exception):
    """A whole request is refused: `[{"message", "errorCode"}]`."""

    def __init__(self, status: int, code: str, message: str, fields: tuple[str, ...] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields

    def reply(self) -> Response:
        problem: dict[str, Any] = {"message": self.message, "errorCode": self.code}
        if self.fields is not None:
            problem["fields"] = list(self.fields)
        return json_reply([problem], self.status)


class RecordError(Exception):
    """One record cannot be written."""

    def __init__(self, code: str, message: str, *fields: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.fields = fields

    def in_collection(self) -> dict[str, Any]:
        """The key is `statusCode` here, and `errorCode` where one record is written alone."""
        problem = {"statusCode": self.code, "message": self.message, "fields": list(self.fields)}
        return {"success": False, "errors": [problem]}

    def alone(self) -> ApiError:
        addressed = self.fields in ((), ("Id",))  # else it is a record that a field points to
        missing = addressed and self.code in ("ENTITY_IS_DELETED", "NOT_FOUND", "MALFORMED_ID")
        status = 404 if missing else 400
        return ApiError(status, self.code, self.message, self.fields)

    def in_csv(self) -> str:
        return f"{self.code}:{self.message}:{' '.join(self.fields)} --"


def json_reply(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(value), status, headers, media_type="application/json;charset=UTF-8")
