"""A store as it is after two years: a million answers, their records, accounts, runs, letters and invitations.

Rows are loaded in bulk, shaped as the engines leave them; nothing of it went over HTTP.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from nps.keys import key_number
from store.database import Transaction
from store.rows import milliseconds, to_json
from store.sql import SqlStore

SYNC, SOURCE, SURVEY = "nps", "email", "1146"
TOGETHER = 50_000
DAY = 86_400_000
RUNS = 2_000
_WORDS = (
    "quick",
    "slow",
    "friendly",
    "helpful",
    "expensive",
    "support",
    "billing",
    "broken",
    "love",
    "price",
)

_RESPONSE = (
    "id, source, source_id, version, newest, person, survey, score, answered_at, received_at, email, channel, comment, "
    "status, properties, digest"
)
_STATE = "sync, person, response, state, record_id, rule, code, reason, run, candidates"
_CHANGE = (
    "id, run, batch, connection, object, record_id, key, before, after, response, rank, account, person, outcome, "
    "code, message"
)
_LETTER = "sync, run, response, record_id, code, reason, field, created_at, status"
_INVITATION = (
    "id, dedupe, trigger, survey, metric, kind, connection, object, record_id, state, created_at, due_at, sent_at, "
    "answered_at, recurring, account, facts, via, code, reason"
)
_STEP = (
    "invitation, kind, way, due_at, state, attempts, message, delivered_at, code, reason, via, channel, token, "
    "free_at"
)
_LEDGER = "id, dedupe, at, what, survey, metric, kind, source, channel, invitation, account, entered_at"
_VERDICT = "trigger, event, at, scope, record_id, code, reason, invitation"
_OUTBOX = (
    "sync, kind, slot, subject, response, connection, object, record_id, key, state, vendor_id, run, wanted_at, "
    "settled_at, closed_at, attempts, code, reason"
)


class Town:
    """Who lives there: `answers` answers of four tenths as many people, eight of them in an account."""

    def __init__(self, answers: int, now: datetime) -> None:
        self.answers, self.people, self.accounts = answers, answers * 4 // 10, answers // 20
        self.now = milliseconds(now)
        self._draw = random.Random(6)
        self.numbers = [key_number("email", f"p{n}@example.com") for n in range(self.people)]
        whose = [n if n < self.people else self._draw.randrange(self.people) for n in range(answers)]
        self._draw.shuffle(whose)
        self.whose = whose  # by answer, in the order of arrival
        span = 730 * DAY
        self.at = [self.now - span + span * n // answers for n in range(answers)]

    def record(self, person: int) -> str:
        return f"{1_000_000 + person}"

    def account(self, person: int) -> str:
        return f"{9_000_000 + person % self.accounts}"

    def run(self, answer: int) -> int:
        return answer * RUNS // self.answers + 1

    def state(self, answer: int) -> str:
        """The last of each person decides; a few of the latest wait for somebody."""
        match answer % 1000:
            case 1:
                return "review" if answer % 2000 == 1 else "held"
            case 2:
                return "rejected" if answer % 4000 == 2 else "waiting"
        return "superseded" if answer % 5 < 3 else "written"


def fill(store: SqlStore, answers: int, now: datetime | None = None) -> Town:
    town = Town(answers, now or datetime.now(UTC) - timedelta(minutes=5))
    draw = random.Random(7)

    def load(table: str, columns: str, rows: int, row: Callable[[int], tuple[Any, ...] | None]) -> None:
        for start in range(0, rows, TOGETHER):
            with store.database.write() as tx:
                made = (row(n) for n in range(start, min(rows, start + TOGETHER)))
                tx.load(table, columns, [one for one in made if one is not None])

    load("run", "id, sync, kind, status, started_at, ended_at, facts, report", RUNS, lambda n: _run(town, n))
    load(
        "batch",
        "id, run, position, sync, connection, object, api, state, settled_at",
        RUNS,
        lambda n: _batch(town, n),
    )
    load("response", _RESPONSE, answers, lambda n: _response(town, draw, n))
    load("answer_state", _STATE, answers, lambda n: _state(town, n))
    load("member", "sync, record_id, account, traits, seen_at", town.people, lambda n: _member(town, n))
    load("change", _CHANGE, answers, lambda n: _change(town, n))
    load("dead_letter", _LETTER, answers // 200, lambda n: _letter(town, n))
    asked = answers * 3 // 10
    load("invitation", _INVITATION, asked, lambda n: _invitation(town, draw, n))
    load("step", _STEP, asked, lambda n: _step(town, n))
    load("ledger", _LEDGER, asked, lambda n: _entry(town, n))
    load("ledger_key", "key, entry", asked, lambda n: (f"email:p{n}@example.com", n + 1))
    load("verdict", _VERDICT, asked, lambda n: _verdict(town, n))
    load("outbox", _OUTBOX, answers // 10, lambda n: _task(town, n))
    load(
        "receipt",
        "kind, at, who, report",
        answers // 50,
        lambda n: ("read", town.now - n * 1000, "token me", "{}"),
    )
    with store.database.write() as tx:
        _settle(tx, town)
    return town


def _settle(tx: Transaction, town: Town) -> None:
    tx.run(
        "INSERT INTO watermark (sync, source, response) VALUES (:sync, :source, :top)",
        sync=SYNC,
        source=SOURCE,
        top=town.answers,
    )
    far = town.now + 300 * DAY
    for place in (SYNC, f"verify/{SYNC}", f"accounts/{SYNC}"):
        tx.run(
            "INSERT INTO schedule (sync, due_at, paused) VALUES (:place, :far, FALSE)", place=place, far=far
        )
    if tx.postgres:
        for table in ("response", "run", "batch", "change", "ledger"):
            tx.rows(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")
        tx.run("ANALYZE")  # as PostgreSQL does by itself within minutes, of what came over years


def _response(town: Town, draw: random.Random, n: int) -> tuple[Any, ...]:
    person, at = town.whose[n], town.at[n]
    score = draw.choices(range(11), (4, 1, 1, 2, 2, 4, 6, 12, 18, 25, 25))[0]
    said = " ".join(draw.choices(_WORDS, k=8)) if draw.random() < 0.3 else None
    return (
        *(n + 1, SOURCE, f"a{n}", 1, True, town.numbers[person], SURVEY, score, at, at + 60_000),
        *(f"p{person}@example.com", ("email", "sms", "in_app")[n % 3], said, "complete"),
        *(f'{{"product":"Product {n % 4}"}}', n),
    )


def _state(town: Town, n: int) -> tuple[Any, ...]:
    person, state = town.whose[n], town.state(n)
    matched = state not in ("waiting", "review")
    candidates = to_json([town.record(person), town.record(person + 1)]) if state == "review" else None
    return (
        *(SYNC, town.numbers[person], n + 1, state, town.record(person) if matched else None),
        *("email", "" if matched else "none", "", town.run(n), candidates),
    )


def _member(town: Town, person: int) -> tuple[Any, ...]:
    account = person % town.accounts
    traits = (
        f'{{"plan":"Plan {person % 5}","owner":"{100 + account % 300}","account":"Company {account}",'
        f'"amount":{1000 + account % 5000}}}'
    )
    return (SYNC, town.record(person), town.account(person), traits, town.now)


def _change(town: Town, n: int) -> tuple[Any, ...] | None:
    state, person, run = town.state(n), town.whose[n], town.run(n)
    if state in ("review", "held", "waiting"):
        return None
    refused = (
        ("rejected", "VALIDATION_ERROR", "Score must be 0-10") if state == "rejected" else (None, None, None)
    )
    return (
        *(n + 1, run, run, "crm", "contacts", town.record(person), f"p{person}@example.com"),
        *('{"nps_score":3,"nps_segment":"detractor"}', '{"nps_score":9,"nps_segment":"promoter"}'),
        *(n + 1, 0, town.account(person), town.numbers[person], *refused),
    )


def _run(town: Town, n: int) -> tuple[Any, ...]:
    began = town.now - 730 * DAY + 730 * DAY * (n + 1) // RUNS
    each = town.answers // RUNS
    report = {"pulled": each, "written": each * 2 // 5, "unchanged": 0, "superseded": each * 3 // 5}
    return (n + 1, SYNC, "run", "succeeded", began, began + 120_000, "{}", to_json(report))


def _batch(town: Town, n: int) -> tuple[Any, ...]:
    return (n + 1, n + 1, 0, SYNC, "crm", "contacts", "batch", "settled", town.now)


def _letter(town: Town, n: int) -> tuple[Any, ...]:
    answer = n * 200 + 2
    status = "open" if n % 20 == 0 else "resolved"
    its = (town.run(answer), answer + 1, town.record(town.whose[answer]))
    return (SYNC, *its, "VALIDATION_ERROR", "Score must be 0-10", "nps_score", town.at[answer], status)


def _invitation(town: Town, draw: random.Random, n: int) -> tuple[Any, ...]:
    at = town.now - 365 * DAY + 365 * DAY * n // (town.answers * 3 // 10)
    state = draw.choices(("answered", "sent", "expired", "cancelled", "failed"), (30, 30, 30, 5, 5))[0]
    answered = at + DAY if state == "answered" else None
    return (
        *(
            f"i{n}",
            f"d{n}",
            "yearly",
            "relationship",
            "nps",
            "relationship",
            "crm",
            "contacts",
            town.record(n),
        ),
        *(state, at, at, at, answered, True, town.account(n), "{}", "mailer", "", ""),
    )


def _step(town: Town, n: int) -> tuple[Any, ...]:
    at = town.now - 365 * DAY + 365 * DAY * n // (town.answers * 3 // 10)
    return (f"i{n}", "ask", 0, at, "accepted", 1, f"m{n}", at, "", "", "mailer", "email", 1, at)


def _entry(town: Town, n: int) -> tuple[Any, ...]:
    at = town.now - 365 * DAY + 365 * DAY * n // (town.answers * 3 // 10)
    return (
        *(n + 1, f"s{n}", at, "send", "relationship", "nps", "relationship", "npsync", "email", f"i{n}"),
        *(town.account(n), at),
    )


def _verdict(town: Town, n: int) -> tuple[Any, ...]:
    at = town.now - 365 * DAY + 365 * DAY * n // (town.answers * 3 // 10)
    code = ("invited", "resting", "per_account", "never_ask")[n % 4]
    return (
        "yearly",
        None,
        at,
        "crm/contacts",
        town.record(n),
        code,
        "",
        f"i{n}" if code == "invited" else None,
    )


def _task(town: Town, n: int) -> tuple[Any, ...]:
    answer = n * 10
    its = (answer + 1, "crm", "tasks", town.record(town.whose[answer]), f"k{n}")
    at = town.at[answer]
    return (
        *(SYNC, "task", "0", f"{SOURCE}/a{answer}", *its, "done", f"t{n}", town.run(answer), at, at),
        *(at + DAY if n % 3 else None, 1, "", ""),
    )


def people(town: Town, many: int) -> Iterator[int]:
    """Some of them, always the same."""
    draw = random.Random(8)
    return (draw.randrange(town.people) for _ in range(many))
