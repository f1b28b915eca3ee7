"""A lean toy Wootric and HubSpot for measuring: one process, raw asyncio, answers rendered once.

It knows only what the main job asks for, so that the server's own cost hardly shows. Faithfulness is the sandbox's job.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

START = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
PROPERTIES = {
    "nps_score": ("number", "number"),
    "nps_segment": ("enumeration", "select"),
    "nps_last_survey": ("date", "date"),
    "nps_comment": ("string", "text"),
    "email": ("string", "text"),
}
SEGMENTS = ("promoter", "passive", "detractor")
WORDS = [
    "the",
    "onboarding",
    "was",
    "quick",
    "and",
    "support",
    "answers",
    "but",
    "reports",
    "are",
    "slow",
    "to",
    "load",
    "on",
    "mondays",
]


@dataclass
class Toy:
    """Answers in order of creation, contacts by e-mail and id, and the traffic seen."""

    answers: int
    customers: int
    per_ten_seconds: int = 0
    created: list[int] = field(default_factory=list)
    rows: list[bytes] = field(default_factory=list)
    by_email: dict[str, str] = field(default_factory=dict)
    contacts: dict[str, dict[str, str | None]] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    recent: deque[float] = field(default_factory=deque)
    first_call: float = 0.0
    last_call: float = 0.0
    refused: int = 0
    written: int = 0

    def __post_init__(self) -> None:
        dice = random.Random(7)
        for number in range(self.customers):
            email = email_of(number)
            self.by_email[email] = str(1000 + number)
            self.contacts[str(1000 + number)] = {"email": email}
        people = list(range(self.customers))
        dice.shuffle(people)
        people += [dice.randrange(self.customers) for _ in range(self.answers - self.customers)]
        dice.shuffle(people)
        step = 200 * 86_400 / self.answers
        for number, person in enumerate(people[: self.answers]):
            at = START + int(number * step)
            self.created.append(at)
            said = " ".join(dice.choice(WORDS) for _ in range(12)) if dice.random() < 0.5 else None
            stamp = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S +0000")
            row: dict[str, Any] = {
                "id": 500_000 + number,
                "end_user_id": 1000 + person,
                "survey_id": 1146,
                "score": dice.choice((0, 3, 5, 6, 7, 8, 9, 9, 10, 10)),
                "text": said,
                "completed": True,
                "excluded_from_calculations": False,
                "ip_address": "192.0.2.1",
                "origin_url": "https://app.example.com/",
                "created_at": stamp,
                "updated_at": stamp,
                "tags": [],
                "notes": [],
                "end_user": {"email": email_of(person), "properties": {"plan": "pro"}},
            }
            self.rows.append(orjson.dumps(row))


def email_of(number: int) -> str:
    return f"person.{number * 7919 % 1_000_003:06d}.{number}@example{number % 50}.com"


Answer = tuple[int, bytes]
Answering = Callable[[str, str, bytes], Answer]  # method, path with query, body


def answer(toy: Toy, method: str, target: str, body: bytes) -> Answer:
    url = urlsplit(target)
    path = url.path
    for prefix, handle in ROUTES:
        if path.startswith(prefix):
            toy.calls[prefix] = toy.calls.get(prefix, 0) + 1
            return handle(toy, path, {key: values[0] for key, values in parse_qs(url.query).items()}, body)
    return 404, b'{"message":"not found"}'


def token(toy: Toy, path: str, query: dict[str, str], body: bytes) -> Answer:
    return 200, b'{"access_token":"bench","token_type":"bearer","expires_in":7200,"scope":"public"}'


def responses(toy: Toy, path: str, query: dict[str, str], body: bytes) -> Answer:
    low = bisect_left(toy.created, int(query.get("created[gte]", 0)))
    high = bisect_left(toy.created, int(query.get("created[lt]", 1 << 40)))
    page, size = int(query.get("page", 1)), int(query.get("per_page", 25))
    if page > 30 or size > 50:
        return 400, b'{"error":"page"}'
    start = low + (page - 1) * size
    return 200, b"[" + b",".join(toy.rows[start : min(start + size, high)]) + b"]"


def end_users(toy: Toy, path: str, query: dict[str, str], body: bytes) -> Answer:
    return 200, b"[]"


def properties(toy: Toy, path: str, query: dict[str, str], body: bytes) -> Answer:
    described = [
        {
            "name": name,
            "label": name,
            "type": kind,
            "fieldType": field_type,
            "groupName": "nps",
            "hasUniqueValue": name == "email",
            "options": [{"label": s, "value": s, "hidden": False} for s in SEGMENTS]
            if kind == "enumeration"
            else [],
            "calculated": False,
            "modificationMetadata": {"readOnlyValue": False},
        }
        for name, (kind, field_type) in PROPERTIES.items()
    ]
    return 200, orjson.dumps({"results": described})


def batch_read(toy: Toy, path: str, query: dict[str, str], body: bytes) -> Answer:
    asked = orjson.loads(body)
    names = asked["properties"]
    by_email = asked.get("idProperty") == "email"
    results = []
    missing = []
    for one in asked["inputs"]:
        record = toy.by_email.get(one["id"]) if by_email else one["id"]
        if record is None:
            missing.append(one["id"])
            continue
        shown = toy.contacts[record]
        results.append({"id": record, "properties": {name: shown.get(name) for name in names}})
    reply: dict[str, Any] = {"status": "COMPLETE", "results": results}
    if missing:
        reply |= {
            "numErrors": 1,
            "errors": [{"category": "OBJECT_NOT_FOUND", "message": "-", "context": {"ids": missing}}],
        }
    return (207 if missing else 200), orjson.dumps(reply)


def batch_update(toy: Toy, path: str, query: dict[str, str], body: bytes) -> Answer:
    results = []
    for one in orjson.loads(body)["inputs"]:
        record = toy.contacts[one["id"]]
        for name, value in one["properties"].items():
            record[name] = value or None
        toy.written += 1
        results.append({"id": one["id"], "properties": one["properties"]})
    return 200, orjson.dumps({"status": "COMPLETE", "results": results})


def stats(toy: Toy, path: str, query: dict[str, str], body: bytes) -> Answer:
    seen = {
        "calls": toy.calls,
        "refused": toy.refused,
        "written": toy.written,
        "hubspot_seconds": toy.last_call - toy.first_call,
    }
    shown = {
        record["email"]: [record.get("nps_score"), record.get("nps_last_survey")]
        for record in toy.contacts.values()
        if record.get("nps_score") is not None
    }
    return 200, orjson.dumps(seen | ({"shown": shown} if "shown" in query else {}))


def reset(toy: Toy, path: str, query: dict[str, str], body: bytes) -> Answer:
    toy.calls.clear()
    toy.refused = toy.written = 0
    toy.first_call = toy.last_call = 0.0
    if "records" in query:
        for record in toy.contacts.values():
            for name in list(record):
                if name != "email":
                    del record[name]
    return 200, b"{}"


Handler = Callable[[Toy, str, dict[str, str], bytes], Answer]
ROUTES: tuple[tuple[str, Handler], ...] = (
    ("/wootric/oauth/token", token),
    ("/wootric/v1/responses", responses),
    ("/wootric/v1/end_users", end_users),
    ("/hubspot/crm/v3/properties", properties),
    ("/hubspot/crm/v3/objects/contacts/batch/read", batch_read),
    ("/hubspot/crm/v3/objects/contacts/batch/update", batch_update),
    ("/stats", stats),
    ("/reset", reset),
)


def over_limit(toy: Toy, target: str) -> bool:
    """HubSpot's burst: a rolling window of ten seconds."""
    if not target.startswith("/hubspot"):
        return False
    now = time.monotonic()
    toy.first_call = toy.first_call or now
    toy.last_call = now
    if not toy.per_ten_seconds:
        return False
    while toy.recent and toy.recent[0] <= now - 10:
        toy.recent.popleft()
    if len(toy.recent) >= toy.per_ten_seconds:
        toy.refused += 1
        return True
    toy.recent.append(now)
    return False


TOO_MANY = orjson.dumps(
    {"status": "error", "errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING", "message": "-"}
)


def answered(toy: Toy, method: str, target: str, body: bytes) -> Answer:
    return (429, TOO_MANY) if over_limit(toy, target) else answer(toy, method, target, body)


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, just enough of it."""

    def __init__(self, answering: Answering, latency: float) -> None:
        self.answering = answering
        self.latency = latency
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].decode("latin-1")
            line, *headers = head.split("\r\n")
            length = next((int(h[15:]) for h in headers if h[:15].lower() == "content-length:"), 0)
            if len(self.buffer) < end + 4 + length:
                return
            body = self.buffer[end + 4 : end + 4 + length]
            self.buffer = self.buffer[end + 4 + length :]
            method, target, _ = line.split(" ")
            if self.latency:
                asyncio.get_running_loop().call_later(self.latency, self.reply, method, target, body)
            else:
                self.reply(method, target, body)

    def reply(self, method: str, target: str, body: bytes) -> None:
        status, content = self.answering(method, target, body)
        head = (
            f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        if not self.transport.is_closing():
            self.transport.write(head.encode() + content)


async def serve(answering: Answering, latency: float) -> None:
    """Until the process is killed. The first line on standard output tells the address."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(answering, latency), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print(orjson.dumps({"url": f"http://127.0.0.1:{port}"}).decode(), flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--answers", type=int, required=True)
    parser.add_argument("--customers", type=int, required=True)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--per-ten-seconds", type=int, default=0)
    options = parser.parse_args()
    sys.setswitchinterval(0.05)
    toy = Toy(options.answers, options.customers, options.per_ten_seconds)
    asyncio.run(serve(partial(answered, toy), options.latency))
