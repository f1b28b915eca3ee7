"""What was posted, by the name at the end of the address: /hooks/alerts."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.faults import Fault
from sandbox.shelves import Shelves
from sandbox.switches import switched
from sandbox.toy import Room, Row, name_call

SECRET = "whsec_cmVjZWl2ZXItc2FuZGJveC1zZWNyZXQtNDEtYW5kLW1vcmU="
_COLUMNS = {"posts": ("received_at", "hook", "status", "signed", "body")}


@dataclass(frozen=True)
class Settings:
    """What control may switch."""

    status: int = 200  # of every reply
    text: str = "ok"
    retry_after: int = 0  # seconds; 0: the reply does not say


class Inbox(Shelves):
    """Refused posts are kept as well: the status says what the sender was told."""

    title = "Webhook receiver"

    def __init__(self, room: Room) -> None:
        super().__init__(room, _COLUMNS)
        self._settings = Settings()
        self.knobs |= {"set": self._set, "clear": self._clear}
        methods = ["POST", "PUT", "PATCH"]
        self.app: ASGIApp = Starlette(routes=[Route("/hooks/{hook}", self._taken, methods=methods)])

    def env(self, url: str) -> dict[str, str]:
        return {"RECEIVER_URL": f"{url}/hooks/alerts", "RECEIVER_SECRET": SECRET}

    def refusal(self, fault: Fault) -> Response:
        headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        return PlainTextResponse(f"status {fault.status}", fault.status, headers)

    async def _taken(self, request: Request) -> Response:
        name_call(request.scope, "post")
        raw, told, now = await request.body(), self._settings, self.room.clock.time()
        number = self.next_number()
        row = {
            "id": str(number),
            "received_at": now,
            "hook": request.path_params["hook"],
            "method": request.method,
            "status": told.status,
            "headers": dict(request.headers),
            "body": raw.decode(errors="replace"),
            "json": _json(raw),
            "signed": _signed_by(request, raw),
        }
        self.put("posts", str(number), row)
        headers = {"Retry-After": str(told.retry_after)} if told.retry_after else {}
        return PlainTextResponse(told.text, told.status, headers)

    def _set(self, given: Row) -> Row:
        """{status, text, retry_after}"""
        self._settings = switched(self._settings, given)
        return asdict(self._settings)

    def _clear(self, given: Row) -> Row:
        self.shelves["posts"].clear()
        return {}


def _json(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None


def _signed_by(request: Request, raw: bytes) -> str:
    """The header that holds the body's HMAC-SHA256 under our secret, whatever it is called, or a signature as Standard
    Webhooks asks for; empty if none does."""
    wanted = hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
    for name, value in request.headers.items():
        if wanted in value.lower() or (
            name == "webhook-signature" and _standard(request, raw) in value.split()
        ):
            return name
    return ""


def _standard(request: Request, raw: bytes) -> str:
    said = f"{request.headers.get('webhook-id', '')}.{request.headers.get('webhook-timestamp', '')}."
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    return f"v1,{base64.b64encode(hmac.new(key, said.encode() + raw, hashlib.sha256).digest()).decode()}"
