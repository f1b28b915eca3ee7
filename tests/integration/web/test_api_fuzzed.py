"""schemathesis against the description of the API, in this process: whatever is sent, within the rules or not, the
answer is one that the description tells of, and never that something broke here. On both databases.

`make fuzz-api` tries thousands; the suite a few of each operation.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import schemathesis
from answered import NOW, SYNC, YAML, matched, people
from api_desk import EVERY_SCOPE, ApiDesk
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core import NotSet

from npsync.web.api import described
from store import open_store
from store.api import Stand

CASES = int(os.environ.get("NPSYNC_API_CASES", "2"))  # of each operation
SCHEMA = schemathesis.openapi.from_dict(described())
OPERATIONS = {one.label: one for one in (found.ok() for found in SCHEMA.get_all_operations())}
KNOWN = {"number": "1", "name": SYNC, "survey": "relationship"}
ASKS_A_CRM = "POST /api/v1/may-ask"  # which is away here, and may be told so


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def desk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiDesk]:
    """One that has something of everything."""
    folder, yaml = tmp_path_factory.mktemp("fuzzed"), YAML
    if request.param == "postgres":
        template = request.getfixturevalue("migrated_postgres")
        url = request.getfixturevalue("postgres").new_database(template)
        yaml = yaml.replace("sqlite:///npsync.db", url)
    else:
        (folder / "npsync.db").write_bytes(request.getfixturevalue("migrated_sqlite").read_bytes())
    made = ApiDesk(folder, yaml)
    store = made.store
    for place, state in enumerate(("written", "review", "waiting", "held", "rejected", "pending")):
        matched(
            store,
            people(store, [place, 10 - place], comments=["Ünïcode", "<b>"]),
            state=state,
            account="001A",
        )
    for status in ("succeeded", "failed", "running"):
        run = store.begin_run(SYNC, "run", now=NOW, facts={})
        if status != "running":
            store.end_run(run, status, now=NOW + timedelta(seconds=1), report={"run": run, "problems": []})
    store.want_action("plan", SYNC, {"sync": SYNC, "everything": False}, who="cli:ann", key="k", now=NOW)
    action = store.claim_action("serve", now=NOW, seconds=60)
    assert action is not None
    changes = [{"id": "003A", "before": {"NPS__c": None}, "after": {"NPS__c": 9}}]
    store.end_action(
        action, "serve", Stand.DONE, now=NOW, outcome={"status": "succeeded", "records": changes}
    )
    with store.database.write() as tx:
        tx.run(
            """INSERT INTO change (run, connection, object, record_id, key, before, after, rank, account, person)
            VALUES (1, 'crm', 'Contact', '003A', 'ann@example.com', '{"NPS__c": 1}', '{"NPS__c": 2}', 1, '', 1)"""
        )
        tx.run(
            """INSERT INTO dead_letter (sync, run, response, record_id, code, reason, field, created_at, status,
                cause, attempts)
            VALUES (:sync, 1, 9, '003A', 'TOO_LONG', 'too long', 'NPS__c', 1765800000000, 'open', 'answer', 0)""",
            sync=SYNC,
        )
    yield made
    store.close()


@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_is_as_described_and_nothing_breaks(desk: ApiDesk, label: str):
    operation = OPERATIONS[label]
    # Of what is there, and of what is not; within the rules, and against them.
    named: list[dict[str, Any]] = [{"path_parameters": {**KNOWN}}, {}] if "{" in label else [{}]
    cases = st.one_of(
        operation.as_strategy(generation_mode=mode, **its)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        for its in named
    )

    @settings(
        max_examples=CASES,
        database=None,
        deadline=None,
        derandomize=CASES < 10,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def answered(case: Case) -> None:
        desk.clock.advance(30)  # nobody is slowed down
        status = asked(desk, case)
        assert status < 500 or (label == ASKS_A_CRM and status == 503)

    answered()


def asked(desk: ApiDesk, case: Case) -> int:
    """`call` fails for an answer that is not described."""
    path = case.formatted_path.removeprefix("/api/v1")
    for name, value in KNOWN.items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    query = urlencode([*_flat(case.query or {})])
    body = None if isinstance(case.body, NotSet) else _as_bytes(case.body)
    headers = {
        name: str(value)
        for name, value in (case.headers or {}).items()
        if name.lower() not in ("authorization", "content-type", "content-length", "host")
        and _fits(name, value)
    }
    replied = desk.call(case.method, f"{path}?{query}" if query else path, body, EVERY_SCOPE, headers)
    return replied.status


def _as_bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def _flat(query: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in query.items():
        for one in value if isinstance(value, list) else [value]:
            yield name, one if isinstance(one, str) else json.dumps(one)


def _fits(name: str, value: object) -> bool:
    """What a header can hold at all."""
    told = f"{name}{value}"
    return told.isascii() and told.isprintable()


def test_the_store_was_not_left_in_a_state_that_cannot_be_read(desk: ApiDesk):
    again = open_store(desk.config.store)
    assert again.is_ready()
    again.close()
    assert desk.get("/actions").status == 200
