"""The script somebody would write by hand: no journal, no states, no review, no undo. It is the yardstick.

requests, orjson, a cursor in SQLite, 100 records per batch, read by e-mail, then update by id. Newer answers win by
comparing dates, and what is right already is left alone.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import requests

ZONE = ZoneInfo("America/New_York")
Row = dict[str, Any]


def main(url: str, database: str) -> None:
    store = sqlite3.connect(database)
    store.execute("create table if not exists cursor (name text primary key, value integer)")
    found = store.execute("select value from cursor where name = 'wootric'").fetchone()
    session = requests.Session()
    session.trust_env = False
    token = session.post(f"{url}/wootric/oauth/token", data={"grant_type": "client_credentials"}, timeout=60)
    wootric = {"Authorization": f"Bearer {token.json()['access_token']}"}
    hubspot = {"Authorization": "Bearer bench", "Content-Type": "application/json"}
    batch: list[Row] = []
    for row, last in pages(session, url, wootric, found[0] if found else 0):
        batch.append(row)
        if len(batch) == 100:
            write(session, url, hubspot, batch)
            store.execute("insert or replace into cursor values ('wootric', ?)", (last,))
            store.commit()
            batch = []
    if batch:
        write(session, url, hubspot, batch)
        store.execute("insert or replace into cursor values ('wootric', ?)", (last,))
        store.commit()


def pages(
    session: requests.Session, url: str, headers: dict[str, str], since: int
) -> Iterator[tuple[Row, int]]:
    start, seen = since, set[int]()
    while True:
        for page in range(1, 31):
            parameters: dict[str, str | int] = {
                "created[gte]": start,
                "sort_order": "asc",
                "sort_key": "created_at",
                "page": page,
                "per_page": 50,
            }
            reply = session.get(f"{url}/wootric/v1/responses", params=parameters, headers=headers, timeout=60)
            reply.raise_for_status()
            rows = orjson.loads(reply.content)
            for row in rows:
                created = int(datetime.strptime(row["created_at"], "%Y-%m-%d %H:%M:%S %z").timestamp())
                if row["id"] not in seen:
                    seen.add(row["id"])
                    yield row, created
            if len(rows) < 50:
                return
        start, seen = created, {row["id"] for row in rows}


def write(session: requests.Session, url: str, headers: dict[str, str], rows: list[Row]) -> None:
    newest = {row["end_user"]["email"]: row for row in rows}  # in order of time: the last one wins
    asked = {
        "inputs": [{"id": email} for email in newest],
        "idProperty": "email",
        "properties": ["email", "nps_score", "nps_segment", "nps_last_survey", "nps_comment"],
        "propertiesWithHistory": [],
    }
    reply = session.post(
        f"{url}/hubspot/crm/v3/objects/contacts/batch/read",
        data=orjson.dumps(asked),
        headers=headers,
        timeout=60,
    )
    reply.raise_for_status()
    inputs = []
    for record in orjson.loads(reply.content)["results"]:
        shown = record["properties"]
        wanted = fields(newest[shown["email"]])
        if (shown["nps_last_survey"] or "") > wanted["nps_last_survey"]:
            continue
        changed = {name: value for name, value in wanted.items() if (shown[name] or "") != value}
        if changed:
            inputs.append({"id": record["id"], "properties": changed})
    if inputs:
        reply = session.post(
            f"{url}/hubspot/crm/v3/objects/contacts/batch/update",
            data=orjson.dumps({"inputs": inputs}),
            headers=headers,
            timeout=60,
        )
        reply.raise_for_status()


def fields(row: Row) -> dict[str, str]:
    score = row["score"]
    at = datetime.strptime(row["created_at"], "%Y-%m-%d %H:%M:%S %z").astimezone(ZONE)
    return {
        "nps_score": str(score),
        "nps_segment": "promoter" if score >= 9 else "passive" if score >= 7 else "detractor",
        "nps_last_survey": at.date().isoformat(),
        "nps_comment": (row["text"] or "")[:255],
    }


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
