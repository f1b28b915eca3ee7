"""A HubSpot that answers what a test tells it to, over real HTTP: the vendor's client uses urllib3, which mocks of
`requests` cannot see."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from fake_clock import fake_tools

from connectors.contract import Lookup, Tools
from connectors.hubspot import CONNECTOR
from connectors.hubspot.destination import HubSpot
from connectors.hubspot.settings import HubSpotSettings
from nps.changes import Batch, Change


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Said:
    """A reply to give."""

    body: object = field(default_factory=dict)  # bytes go out as they are
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    hang: bool = False  # no answer until the server closes
    drop: bool = False  # the connection ends without one


Script = Callable[[Asked], Said]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64  # sixteen threads connect at once; a full queue makes them wait a second


class ScriptedHubSpot:
    """Keeps what was asked; answers by `script`, a function of the request that a test may replace."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self.connections = 0
        self.closing = threading.Event()
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                scripted.connections += 1
                super().setup()

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

            def answer(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                asked = Asked(self.command, self.path, dict(self.headers), self.rfile.read(size))
                scripted.asked.append(asked)
                said = scripted.script(asked)
                if said.hang:
                    scripted.closing.wait(30)
                if said.hang or said.drop:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                body = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
                self.send_response(said.status)
                for name, value in {"Content-Type": "application/json", **said.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = answer

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def posts(self, ending: str) -> list[Any]:
        """The bodies of the calls whose path ends so."""
        return [one.json for one in self.asked if one.path.split("?")[0].endswith(ending)]

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def scripted_hubspot(*replies: Said | Script) -> Iterator[ScriptedHubSpot]:
    """Gives the replies in turn and repeats the last. Property definitions are answered by themselves."""
    left = list(replies)

    def script(asked: Asked) -> Said:
        if "/properties/" in asked.path:
            return Said({"results": PROPERTIES})
        reply = left.pop(0) if len(left) > 1 else left[0]
        return reply if isinstance(reply, Said) else reply(asked)

    server = ScriptedHubSpot(script)
    try:
        yield server
    finally:
        server.close()


def definition(name: str, type: str = "string", **more: object) -> dict[str, Any]:
    return {"name": name, "label": name.title(), "type": type, "fieldType": "text", **more}


def option(value: str) -> dict[str, Any]:
    return {"label": value.title(), "value": value, "hidden": False}


PROPERTIES: list[dict[str, Any]] = [
    definition("email"),
    definition("hs_object_id", "number", hasUniqueValue=True, modificationMetadata={"readOnlyValue": True}),
    definition("hs_additional_emails", "enumeration", fieldType="checkbox"),
    definition("customer_id", hasUniqueValue=True),
    definition("phone"),
    definition("nps_score", "number"),
    definition("nps_segment", "enumeration", options=[option("promoter"), option("detractor")]),
    definition("nps_comment"),
]


def row(id: str, **properties: str | None) -> dict[str, Any]:
    """A record as HubSpot answers it."""
    return {"id": id, "properties": {"hs_object_id": id, **properties}, "archived": False}


def answered(*rows: Mapping[str, Any], errors: Sequence[Mapping[str, Any]] = ()) -> Said:
    body: dict[str, Any] = {"status": "COMPLETE", "results": list(rows)}
    if errors:
        body |= {"numErrors": len(errors), "errors": list(errors)}
    return Said(body, status=207 if errors else 200)


def not_found(*ids: str) -> dict[str, Any]:
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "message": "Could not get some CONTACT objects, they may be deleted or not exist.",
        "context": {"ids": list(ids)},
    }


def validation_error(property: str, message: str, *, code: str = "INVALID_OPTION") -> Said:
    """A whole batch refused: the reason is JSON inside the message."""
    inner = [{"isValid": False, "message": message, "error": code, "name": property}]
    return Said(
        {
            "status": "error",
            "category": "VALIDATION_ERROR",
            "correlationId": "c-1",
            "message": f"Property values were not valid: {json.dumps(inner)}",
        },
        status=400,
    )


def opened(server: ScriptedHubSpot, tools: Tools | None = None, **settings: Any) -> HubSpot:
    wanted = HubSpotSettings.model_validate(
        {"token": "pat-test", "base_url": server.url, **settings}
        if "oauth" not in settings
        else {"base_url": server.url, **settings}
    )
    assert CONNECTOR.destination is not None
    destination = CONNECTOR.destination(wanted, tools or fake_tools("crm"))
    assert isinstance(destination, HubSpot)
    return destination


def by(field: str, *values: str) -> list[Lookup]:
    return [Lookup(field, "key", values)]


def found(hubspot: HubSpot, lookups: list[Lookup], **only: Any) -> list[tuple[str, str]]:
    return [(hit.value, hit.record.id) for hit in hubspot.find("contacts", lookups, ["nps_score"], only)]


def change(record_id: str, **after: str | None) -> Change:
    return Change(object="contacts", record_id=record_id, before=dict.fromkeys(after), after=after)


def write(hubspot: HubSpot, *changes: Change) -> list[object]:
    return list(hubspot.write(Batch(1, "contacts", "batch", changes), lambda handle: None))


def echo(asked: Asked) -> Said:
    """A batch read that finds every value, by the property it was asked by."""
    wanted = asked.json
    name = wanted.get("idProperty", "hs_object_id")
    return answered(*(row(str(n), **{name: one["id"]}) for n, one in enumerate(wanted["inputs"], start=1)))
