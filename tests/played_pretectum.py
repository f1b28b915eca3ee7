"""A tiny Pretectum in this process: its documented behaviour for a handful of records, and replies put in between."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson
import requests
import responses
from fake_clock import FakeClock, MemoryInMemory, fake_tools

from connectors.contract import Tools
from connectors.rest_master.destination import RestMaster
from connectors.rest_master.pretectum import PretectumSettings

BASE = "https://master.example"
AREA = "/v1/businessareas/ba-1"
SCHEMA = f"{AREA}/schemas/sc-1"
RECORDS = f"{SCHEMA}/datasets/ds-1/dataobjects"
SECRET = "cl1ent-s3cret"

Reply = tuple[int, Any] | tuple[int, Any, Mapping[str, str]] | Exception


def field_of(name: str, type: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "dataType": type, "active": True} | more


FIELDS = [
    field_of("Customer Id", "String", isPrimaryKey=True, min=1, max=500),
    field_of("Email", "String", isPII=True, min=1, max=254),
    field_of("Phone", "String", min=1, max=32),
    field_of("Last Name", "String", isRequired=True, min=1, max=500),
    field_of("NPS Score", "Integer", min=0, max=10),
    field_of("NPS Segment", "Picklist", staticPicklist=[{"code": "promoter"}, {"code": "detractor"}]),
    field_of("NPS Last Survey", "Date", dateFormat="DDMMYYYY", dateSeparator="-"),
    field_of("NPS Comment", "String", min=1, max=20),
    field_of("Old", "String", active=False),
]


@dataclass
class Played:
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    fields: list[dict[str, Any]] = field(default_factory=lambda: [dict(one) for one in FIELDS])
    page: int = 2
    step: int = 1  # what a version grows by
    shown: Callable[[dict[str, Any]], dict[str, Any]] = lambda record: {
        name: value for name, value in record.items() if name != "_version"
    }  # of a record, in a search
    most_hits: int = 100
    by_id: bool = False
    areas: Any = field(default_factory=lambda: [{"businessAreaId": "ba-1", "name": "Customer"}])
    datasets: list[dict[str, Any]] = field(
        default_factory=lambda: [{"dataSetId": "ds-1", "dataSetName": "US Customers"}]
    )
    asked: list[tuple[str, str]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    between: list[tuple[str, str, Reply]] = field(default_factory=list)  # method, path, reply: each once
    before: Callable[[str, str], None] = lambda method, path: None  # somebody else at work
    tokens: int = 0

    def add(self, id: str, **fields: Any) -> None:
        given = {name.replace("_", " "): value for name, value in fields.items()}
        self.records[id] = {"_dataObjectId": id, "_version": 1, "_errors": [], "Last Name": "Adler"} | given

    def edit(self, id: str, **fields: Any) -> None:
        """As somebody else does."""
        given = {name.replace("_", " "): value for name, value in fields.items()}
        self.records[id] |= given | {"_version": self.records[id]["_version"] + self.step}

    def next(self, method: str, path: str, *replies: Reply) -> None:
        """What the next calls of this kind get, each once; then it is as ever."""
        self.between += [(method, path, reply) for reply in replies]

    def calls(self, method: str, path: str = "") -> int:
        return sum(one == method and path in where for one, where in self.asked)

    # ------------------------------------------------------------ inside

    def answer(self, request: requests.PreparedRequest) -> tuple[int, Mapping[str, str], bytes]:
        method, parts = str(request.method), urlsplit(str(request.url))
        path, query = unquote(parts.path), dict(parse_qsl(parts.query))
        self.asked.append((method, path))
        self.headers.append({name.lower(): str(value) for name, value in request.headers.items()})
        self.before(method, path)
        reply = self._between(method, path) or self._usual(method, path, query, request)
        if isinstance(reply, Exception):
            raise reply
        status, body, *more = reply
        headers = {"Content-Type": "application/json", **(more[0] if more else {})}
        return status, headers, b"" if body is None else orjson.dumps(body)

    def _between(self, method: str, path: str) -> Reply | None:
        for at, (wanted, where, reply) in enumerate(self.between):
            if wanted == method and where in path:
                del self.between[at]
                return reply
        return None

    def _usual(self, method: str, path: str, query: Mapping[str, str], request: Any) -> Reply:
        if path == "/oauth2/token":
            self.tokens += 1
            return 200, {"access_token": f"t-{self.tokens}", "expires_in": 3600, "token_type": "Bearer"}
        if request.headers.get("Authorization") != f"t-{self.tokens}":
            return 401, {"message": "no"}
        if method == "PUT":
            return self._updated(path.rpartition("/")[2], orjson.loads(request.body))
        if path == "/dataobjects/search":
            return self._searched(query["query"])
        if path == RECORDS:
            return self._listed(query.get("pageKey"))
        if path.startswith(f"{RECORDS}/"):
            record = self.records.get(path.rpartition("/")[2]) if self.by_id else None
            return (200, record) if record else (404, {"message": "not found"})
        lists = {
            "/v1/my/businessareas": self.areas,
            f"{AREA}/schemas": {"items": [{"schemaId": "sc-1", "name": "Individual Customer"}]},
            f"{SCHEMA}/datasets": {"items": self.datasets, "nextPageKey": None},
            SCHEMA: {"fields": self.fields},
        }
        return (200, lists[path]) if path in lists else (404, {"message": "not found"})

    def _updated(self, id: str, body: dict[str, Any]) -> Reply:
        record = self.records.get(id)
        if record is None:
            return 404, {"message": "not found"}
        if body.pop("_version", None) != record["_version"]:
            return 400, {"message": "bad request"}
        record |= body | {"_version": record["_version"] + self.step}
        return 204, None

    def _searched(self, query: str) -> Reply:
        """Full text: whoever holds one of the phrases anywhere, or a part of it."""
        phrases = [phrase.lower() for phrase in re.findall(r'"([^"]*)"', query)]
        hits = [
            self.shown(record)
            for record in self.records.values()
            if not record.get("deleted") and any(one in str(record).lower() for one in phrases)
        ]
        return 200, {"hits": hits[: self.most_hits], "total": len(hits)}

    def _listed(self, key: str | None) -> Reply:
        records = [one for one in self.records.values() if not one.get("deleted")]
        start = int(key or 0)
        more = str(start + self.page) if start + self.page < len(records) else None
        return 200, {"items": records[start : start + self.page], "nextPageKey": more}


@contextmanager
def playing_pretectum() -> Iterator[Played]:
    played = Played()
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        for method in (responses.GET, responses.POST, responses.PUT):
            mock.add_callback(method, re.compile(re.escape(BASE) + ".*"), callback=played.answer)
        yield played


GIVEN: dict[str, Any] = {
    "client_id": "c-1",
    "client_secret": SECRET,
    "base_url": BASE,
    "scope": {"business_area": "Customer", "schema": "Individual Customer", "dataset": "US Customers"},
    "limits": {"parallel": 1},
}


def opened(tools: Tools | None = None, **over: Any) -> RestMaster:
    return RestMaster(PretectumSettings.model_validate(GIVEN | over), tools or fake_tools("master"))


def tools(memory: MemoryInMemory | None = None, clock: FakeClock | None = None) -> Tools:
    return fake_tools("master", memory=memory, clock=clock)
