"""One process of `bench.channels`: a connector alone at its work, or a script by hand doing the same.

    python -m bench.channel_work described npsync|script URL page|token
    python -m bench.channel_work sql npsync|script DATABASE COUNT
    python -m bench.channel_work pretectum npsync URL COUNT
    python -m bench.channel_work qualtrics npsync URL

It writes one line of JSON. A script imports nothing of npsync.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

Told = dict[str, Any]
SEGMENTS = ("detractor", "passive", "promoter")
AT_ONCE = 500
NOWHERE = "http://localhost"


# ------------------------------------------------------------ a survey tool's list


def described_npsync(url: str, style: str) -> Told:
    from connectors.declared.description import Description
    from connectors.declared.source import DeclaredSource

    pages: Told = {"kind": "page", "param": "page", "size_param": "per_page", "size": 100}
    if style == "token":
        pages = {"kind": "cursor", "param": "token", "next": "next"}
    description = Description.model_validate(
        {
            "base_url": f"{url or NOWHERE}/pulse",
            "auth": {"kind": "header", "header": "X-Api-Key", "value": "bench"},
            "request": {"path": "/answers"},
            "records": "rows",
            "pages": pages,
            "since": {
                "kind": "time",
                "field": "updated_at",
                "param": "updated_since",
                "format": "unix_s",
                "order": "ascending",
            },
            "walls": {"page_cap": 100_000},
            "fields": {
                "id": "id",
                "score": "score",
                "comment": "comment",
                "answered_at": "answered_at",
                "updated_at": "updated_at",
                "survey": "survey_id",
                "email": "contact.email",
                "external_id": "contact.ref",
                "properties": {"plan": "contact.traits.plan"},
            },
            "rows": {"partial": "finished == `false`"},
        }
    )
    source = DeclaredSource(description, _tools())
    return _read(source, url)


def _read(source: Any, url: str) -> Told:
    """All of a first read; each page's cursor is written as it would be stored. Without an address there is nothing to
    read: what is left is the start."""
    count, scores, cursor = 0, 0, ""
    for page in source.read(None, since=None) if url else ():
        count += len(page.responses)
        scores += sum(int(answer.score) for answer in page.responses)
        cursor = json.dumps(page.cursor.state)
    source.close()
    return {"answers": count, "scores": scores, "cursor": cursor}


def described_script(url: str, style: str) -> Told:
    import requests

    session = requests.Session()
    session.trust_env = False
    count, scores, last = 0, 0, None
    for rows in _pages_by_hand(session, f"{url}/pulse/answers", style):
        answers = [_answer_by_hand(row) for row in rows]
        count += len(answers)
        scores += sum(answer["score"] for answer in answers)
        last = answers[-1]["updated_at"] if answers else last
    return {"answers": count, "scores": scores, "cursor": str(last)}


def _pages_by_hand(session: Any, address: str, style: str) -> Iterator[list[Told]]:
    import orjson

    asked: dict[str, str] = {"updated_since": "0", "page": "1"} if style == "page" else {"updated_since": "0"}
    while True:
        reply = session.get(address, params=asked, headers={"X-Api-Key": "bench"}, timeout=60)
        reply.raise_for_status()
        body = orjson.loads(reply.content)
        yield body["rows"]
        if style == "page" and body["rows"]:
            asked["page"] = str(int(asked["page"]) + 1)
        elif style == "token" and body["next"]:
            asked["token"] = body["next"]
        else:
            return


def _answer_by_hand(row: Told) -> Told:
    contact = row["contact"]
    return {
        "id": str(row["id"]),
        "score": row["score"],
        "comment": row["comment"],
        "answered_at": datetime.fromisoformat(row["answered_at"]),
        "updated_at": datetime.fromisoformat(row["updated_at"]),
        "survey": row["survey_id"],
        "email": contact["email"],
        "external_id": contact["ref"],
        "properties": {"plan": contact["traits"]["plan"]},
        "status": "complete" if row["finished"] else "partial",
    }


# ------------------------------------------------------------ a customer master in a database


def sql_npsync(database: str, count: str) -> Told:
    """Find customers by e-mail, read what they show, write what they should."""
    from connectors.sql.destination import open_destination
    from connectors.sql.settings import SqlSettings

    settings = SqlSettings.model_validate(
        {
            "url": f"sqlite:///{database}",
            "tables": {"customer": {"match": {"email": {"expression": "exact"}}}},
        }
    )
    to = open_destination(settings, _tools())
    return {
        "written": sum(_written_by(to, "customer", "email", some) for some in _emails(int(count), AT_ONCE))
    }


def _written_by(
    to: Any, object: str, email: str, some: list[str], names: tuple[str, str] | None = None
) -> int:
    from connectors.contract import Lookup
    from nps.changes import Batch, Change, Written

    score, segment = names or ("nps_score", "nps_segment")
    hits = to.find(object, [Lookup(email, "email", some)], [score, segment], {})
    changes = [
        Change(
            id=number,
            object=object,
            record_id=hit.record.id,
            before=hit.record.fields,
            after={score: number % 11, segment: SEGMENTS[number % 3]},
            response=number,
        )
        for number, hit in enumerate(hits, start=1)
    ]
    batch = Batch(1, object, to.ways(object, len(changes))[0].api, tuple(changes))
    return sum(isinstance(one, Written) for one in to.write(batch, lambda handle: None))


def sql_script(database: str, count: str) -> Told:
    import sqlite3

    store = sqlite3.connect(database)
    written = 0
    for some in _emails(int(count), AT_ONCE):
        marks = ",".join("?" * len(some))
        query = f"select customer_key, nps_score, nps_segment from customer where email in ({marks})"
        found = store.execute(query, some).fetchall()
        wanted = [(number % 11, SEGMENTS[number % 3], row[0]) for number, row in enumerate(found, start=1)]
        update = "update customer set nps_score = ?, nps_segment = ? where customer_key = ?"
        written += store.executemany(update, wanted).rowcount
        store.commit()
    return {"written": written}


# ------------------------------------------------------------ a customer master behind an API, an export


def pretectum_npsync(url: str, count: str) -> Told:
    import time

    from connectors.rest_master.destination import RestMaster
    from connectors.rest_master.pretectum import PretectumSettings

    settings = PretectumSettings.model_validate(
        {
            "client_id": "bench",
            "client_secret": "bench",
            "scope": {"business_area": "Customer", "schema": "Individual"},
            "objects": {"customers": {"scope": {"dataset": "US"}}},
            "base_url": f"{url}/pretectum",
        }
    )
    tools = _tools()
    to = RestMaster(settings, tools)
    began = time.monotonic()
    names = "NPS Score", "NPS Segment"
    some = list(_emails(int(count), AT_ONCE))
    written = sum(_written_by(to, "customers", "Email", one, names) for one in some)
    seconds = time.monotonic() - began
    to.close()
    return {"written": written, "calls": tools.count_call.count, "seconds": seconds}


def qualtrics_npsync(url: str) -> Told:
    from connectors.qualtrics.settings import QualtricsSettings
    from connectors.qualtrics.source import Qualtrics

    settings = QualtricsSettings.model_validate(
        {
            "base_url": f"{url or NOWHERE}/qualtrics",
            "api_token": "bench",
            "surveys": {"SV_1": {"score_field": "QID1", "comment_field": "QID2_TEXT"}},
            "window": "20000 days",  # one export
        }
    )
    return _read(Qualtrics(settings, _tools()), url)


# ------------------------------------------------------------ what all of them need


def email_of(number: int) -> str:
    return f"person.{number * 7919 % 1_000_003:06d}.{number}@example{number % 50}.com"


def _emails(count: int, at_once: int) -> Iterator[list[str]]:
    for start in range(0, count, at_once):
        yield [email_of(number) for number in range(start, min(start + at_once, count))]


def _tools() -> Any:
    from connectors.contract import Tools
    from npsync.clock import SystemClock
    from npsync.connect.testing import Calls, MemoryInMemory, Notices

    return Tools("bench", MemoryInMemory(), SystemClock(), Notices(), Calls())


WORK: dict[tuple[str, str], Callable[..., Told]] = {
    ("described", "npsync"): described_npsync,
    ("described", "script"): described_script,
    ("sql", "npsync"): sql_npsync,
    ("sql", "script"): sql_script,
    ("pretectum", "npsync"): pretectum_npsync,
    ("qualtrics", "npsync"): qualtrics_npsync,
}

if __name__ == "__main__":
    kind, who, *given = sys.argv[1:]
    if who == "npsync":
        import atexit
        import gc

        gc.set_threshold(200_000, 20, 100)  # both as the command does
        atexit.register(gc.freeze)
    print(json.dumps(WORK[kind, who](*given)))
