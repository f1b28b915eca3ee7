"""A described survey tool, Qualtrics' exports and a Pretectum, for measuring: as lean as bench.server.

The survey tool makes its rows when they are asked for, so that a million of them need no memory.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import random
import re
import sys
import zipfile
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import orjson

from bench.channel_work import email_of
from bench.server import START, WORDS, Answer, serve

SPAN = 200 * 86_400  # seconds over which the answers were given
SIZE = 100
SCORES = (0, 3, 5, 6, 7, 8, 9, 9, 10, 10)
MEGABYTE = 1024 * 1024
_DICE = random.Random(7)
_SAID = [" ".join(_DICE.choice(WORDS) for _ in range(12)) for _ in range(997)]


class Listing:
    """Answers by their time, oldest first; pages by a number, or by a token that the page before holds."""

    def __init__(self, answers: int) -> None:
        self.answers = answers

    def page(self, query: dict[str, str]) -> Answer:
        since = max(int(query.get("updated_since", 0)) - START, 0)
        first = -(-since * self.answers // SPAN)
        start = first + (int(query.get("page", 1)) - 1) * SIZE
        start = int(query.get("token", start))
        end = min(start + SIZE, self.answers)
        rows = [self.row(number) for number in range(start, end)]
        following = str(end) if end < self.answers else None
        return 200, orjson.dumps({"rows": rows, "next": following})

    def row(self, number: int) -> dict[str, Any]:
        at = datetime.fromtimestamp(START + number * SPAN // self.answers, UTC).isoformat()
        return {
            "id": 500_000 + number,
            "score": SCORES[number * 7919 % 10],
            "comment": _SAID[number % 997] if number % 2 else None,
            "answered_at": at,
            "updated_at": at,
            "survey_id": "s-1",
            "finished": True,
            "contact": {"email": email_of(number), "ref": f"C-{number}", "traits": {"plan": "pro"}},
        }


class Export:
    """One export that is done as soon as it is asked for: a CSV of so many megabytes, zipped."""

    def __init__(self, megabytes: int) -> None:
        names = "ResponseId,RecordedDate,Status,Finished,RecipientEmail,ExternalReference,QID1,QID2_TEXT"
        packed, size, number = io.BytesIO(), 0, 0
        with (
            zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open("export.csv", "w", force_zip64=True) as file,
        ):
            file.write(f"{names}\n".encode())
            while size < megabytes * MEGABYTE:
                lines = "".join(self.line(one) for one in range(number, number + 1000)).encode()
                size, number = size + file.write(lines), number + 1000
        self.content = packed.getvalue()

    def line(self, number: int) -> str:
        return (
            f"R_{number:012},2026-02-10 10:00:00,0,1,{email_of(number)},C-{number},"
            f'{SCORES[number * 7919 % 10]},"{_SAID[number % 997]}, {_SAID[number * 31 % 997]}"\n'
        )

    def answer(self, method: str, path: str) -> Answer:
        if path.endswith("/file"):
            return 200, self.content
        if method == "POST":
            return 200, orjson.dumps({"result": {"progressId": "ES_1"}})
        return 200, orjson.dumps({"result": {"status": "complete", "fileId": "file-1"}})


class Pretectum:
    """One dataset: its schema, its search by phrases, its updates with a version."""

    FIELDS = (("Email", "String"), ("NPS Score", "Integer"), ("NPS Segment", "String"))

    def __init__(self, records: int) -> None:
        self.records = {f"do-{number}": self.new(number) for number in range(records)}
        self.by_email = {record["Email"]: record for record in self.records.values()}

    def new(self, number: int) -> dict[str, Any]:
        return {"_dataObjectId": f"do-{number}", "_version": 1, "_errors": [], "Email": email_of(number)}

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes) -> Answer:
        if method == "PUT":
            return self.updated(path.rpartition("/")[2], orjson.loads(body))
        fields = [{"name": name, "dataType": kind, "active": True} for name, kind in self.FIELDS]
        lists: dict[str, Any] = {
            "/oauth2/token": {"access_token": "bench", "expires_in": 7200, "token_type": "Bearer"},
            "/v1/my/businessareas": [{"businessAreaId": "ba", "name": "Customer"}],
            "/v1/businessareas/ba/schemas": {"items": [{"schemaId": "sc", "name": "Individual"}]},
            "/v1/businessareas/ba/schemas/sc": {"fields": fields},
            "/v1/businessareas/ba/schemas/sc/datasets": {"items": [{"dataSetId": "ds", "dataSetName": "US"}]},
        }
        if path == "/dataobjects/search":
            return self.searched(query["query"])
        return (200, orjson.dumps(lists[path])) if path in lists else (404, b'{"message":"not found"}')

    def searched(self, query: str) -> Answer:
        asked = re.findall(r'"([^"]*)"', query)
        hits = [self.by_email[one] for one in asked if one in self.by_email]
        return 200, orjson.dumps({"hits": hits, "total": len(hits)})

    def updated(self, id: str, body: dict[str, Any]) -> Answer:
        record = self.records[id]
        if body.pop("_version", None) != record["_version"]:
            return 400, b'{"message":"bad request"}'
        record |= body | {"_version": record["_version"] + 1}
        return 204, b""


class Toys:
    def __init__(self, answers: int, megabytes: int, records: int) -> None:
        self.listing = Listing(answers)
        self.export = Export(megabytes)
        self.pretectum = Pretectum(records)

    def answer(self, method: str, target: str, body: bytes) -> Answer:
        url = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        _, vendor, *rest = unquote(url.path).split("/")
        path = "/" + "/".join(rest)
        match vendor:
            case "pulse":
                return self.listing.page(query)
            case "qualtrics":
                return self.export.answer(method, path)
            case "pretectum":
                return self.pretectum.answer(method, path, query, body)
            case _:
                return 404, b'{"message":"not found"}'


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--answers", type=int, default=0)
    parser.add_argument("--megabytes", type=int, default=0)
    parser.add_argument("--records", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0)
    options = parser.parse_args()
    sys.setswitchinterval(0.05)
    toys = Toys(options.answers, options.megabytes, options.records)
    asyncio.run(serve(toys.answer, options.latency))
