"""A small town, what its people answer, and what is run while the process dies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.crash.processes import Copy, Town

SOURCE = "email-nps"
OVERLAP = timedelta(days=7)
SINCE = datetime.fromisoformat("2025-01-01T00:00:00-05:00")
SALESFORCE, HUBSPOT = "nps-to-contacts", "nps-to-marketing"
OBJECTS = {SALESFORCE: ("salesforce", "Contact"), HUBSPOT: ("hubspot", "contacts")}
CONNECTIONS = {SALESFORCE: "crm", HUBSPOT: "marketing"}

_ANSWERING = 22
_DAYS = 40
_COMMENTS = (
    None,
    'O\'Brien said "never again"',
    "Zoë: schön, 很好 🎉",
    "two\nlines, and a comma",
    "#N/A",
    "=1+1",
)


@dataclass(frozen=True)
class Scenario:
    """`later`: the process dies in a second run, after edits, withdrawals and new answers; `undo`: while the first run
    is taken back; else in the first one, which also makes the store. `after`: with what follows an answer; `lost`: so
    many replies to calls that give tasks get lost on the way."""

    name: str
    syncs: tuple[str, ...]
    later: bool = False
    undo: bool = False
    bulk: bool = False
    canary: int | None = None
    postgres: bool = False
    after: bool = False
    lost: int = 0

    @property
    def run(self) -> tuple[str, ...]:
        """One sync by name; several as cron runs them."""
        return ("run", self.syncs[0], "--json") if len(self.syncs) == 1 else ("run", "--json")

    @property
    def command(self) -> tuple[str, ...]:
        """What the process does that dies."""
        return ("undo", "1", "--yes", "--json") if self.undo else self.run

    @property
    def restarts(self) -> list[tuple[str, ...]]:
        """What cron and people do next. A sync whose due time was taken by a process that then died before it began is
        due again at its next time; here somebody runs it by name."""
        if len(self.syncs) == 1:
            return [self.command]
        return [self.run, *(("run", sync, "--json") for sync in self.syncs)]

    @property
    def giving_tasks(self) -> tuple[str, str]:
        """The vendor, and what the path of its calls holds that give tasks."""
        return (
            ("salesforce", "sobjects/Task") if SALESFORCE in self.syncs else ("hubspot", "tasks/batch/create")
        )

    def config(self, store: str) -> dict[str, Any]:
        breaker = {"changed_share": "100%", **({"canary": self.canary} if self.canary else {})}
        write: dict[str, Any] = {"chunk_size": 4, "bulk_threshold": 4 if self.bulk else "never"}
        named = {name: sync | {"breaker": breaker} for name, sync in _SYNCS.items() if name in self.syncs}
        if self.after:
            named = {name: sync | _AFTER[name] for name, sync in named.items()}
        crm = _CONNECTIONS["crm"] | {"write": write}
        return {**_CONFIG, "store": store, "connections": _CONNECTIONS | {"crm": crm}, "sync": named}


SCENARIOS = (
    Scenario("collections, first run", (SALESFORCE,)),
    Scenario("collections, edits and withdrawals", (SALESFORCE,), later=True),
    Scenario("collections, with a canary", (SALESFORCE,), canary=6),
    Scenario("bulk jobs, first run", (SALESFORCE,), bulk=True),
    Scenario("bulk jobs, edits and withdrawals", (SALESFORCE,), bulk=True, later=True),
    Scenario("bulk jobs after a canary of collections", (SALESFORCE,), bulk=True, canary=3),
    Scenario("HubSpot batches, first run", (HUBSPOT,)),
    Scenario("HubSpot batches, edits and withdrawals", (HUBSPOT,), later=True),
    Scenario("undo of collections", (SALESFORCE,), undo=True),
    Scenario("undo by bulk jobs", (SALESFORCE,), undo=True, bulk=True),
    Scenario("undo of HubSpot batches", (HUBSPOT,), undo=True),
    Scenario("both CRMs in one process", (SALESFORCE, HUBSPOT)),
    Scenario("both CRMs, edits and withdrawals", (SALESFORCE, HUBSPOT), later=True),
    Scenario("tasks, kept answers and campaigns", (SALESFORCE,), after=True, lost=1),
    Scenario("tasks, kept answers and campaigns, edits", (SALESFORCE,), after=True, later=True),
    Scenario("HubSpot tasks, notes and lists", (HUBSPOT,), after=True, lost=1),
    Scenario("PostgreSQL, collections", (SALESFORCE,), postgres=True),
    Scenario(
        "PostgreSQL, bulk jobs, edits and withdrawals", (SALESFORCE,), bulk=True, later=True, postgres=True
    ),
)


# ------------------------------------------------------------ the town


@dataclass
class Settled:
    """The people who came first, with their end users and answers."""

    end_users: list[int]
    answers: list[str]


def settle_in(town: Town) -> Settled:
    """People whom both CRMs know, with one or two answers each; and the awkward ones."""
    settled = Settled([], [])
    for number in range(_ANSWERING):
        email = f"person{number}@town.example"
        settled.end_users.append(_end_user(town, email, f"T-{number}" if number % 3 else None))
        _in_both(town, email, f"T-{number}" if number % 3 else None)
        days = _DAYS * (1 - number / _ANSWERING)
        settled.answers.append(_answer(town, settled.end_users[-1], number * 7 % 11, number, days + 1))
    for number in range(0, _ANSWERING, 5):  # a second answer, of which two fall into one second
        _answer(town, settled.end_users[number], number % 11, number + 1, 3.0)
    _answer(town, _end_user(town, "nobody@town.example"), 9, 0, 5)  # in no CRM: waits
    twins = _end_user(town, "twins@town.example")
    _in_both(town, "twins@town.example")
    town.add("salesforce", "Contact", LastName="Twin", Email="twins@town.example")
    _answer(town, twins, 2, 0, 6)  # two contacts: a person decides
    town.add(
        "wootric", "responses", end_user_id=settled.end_users[1], score=10, survey_id=99, created_at=_ago(2)
    )
    return settled


def live_on(town: Town, settled: Settled) -> None:
    """What happens between the first run and the second."""
    for number in range(8):
        _answer(town, settled.end_users[number], (number * 3 + 1) % 11, number + 2, 0.5)
    for number in (18, 19):  # within the source's overlap, or nobody would notice
        town.change("wootric", "responses", settled.answers[number], score=settled_score(number))
    for number in (20, 21):
        town.change("wootric", "responses", settled.answers[number], excluded_from_calculations=True)
    newcomer = "newcomer@town.example"
    _in_both(town, newcomer)
    _answer(town, _end_user(town, newcomer), 8, 1, 0.4)


def settled_score(number: int) -> int:
    """Another score than the one given at first."""
    return (number * 7 + 5) % 11


def copy_records(served: Copy, town: Town, syncs: tuple[str, ...]) -> None:
    """Let the town's records show what a run wrote to its copy."""
    for sync in syncs:
        vendor, object = OBJECTS[sync]
        shown: dict[str, dict[str, Any]] = {}
        for write in served.writes(vendor, object):
            fields = {name: new for name, (_old, new) in write["fields"].items()}
            shown.setdefault(write["id"], {}).update(fields)
        for id, fields in shown.items():
            town.change(vendor, object, id, **fields)


def _end_user(town: Town, email: str, external_id: str | None = None) -> int:
    return int(town.add("wootric", "end_users", email=email, external_id=external_id))


def _in_both(town: Town, email: str, external_id: str | None = None) -> None:
    town.add("salesforce", "Contact", LastName="Adler", Email=email, Customer_Id__c=external_id)
    town.add("hubspot", "contacts", lastname="Adler", email=email)


def _answer(town: Town, end_user: int, score: int, comment: int, days_ago: float) -> str:
    return town.add(
        "wootric",
        "responses",
        end_user_id=end_user,
        score=score,
        text=_COMMENTS[comment % len(_COMMENTS)],
        created_at=_ago(days_ago),
    )


def _ago(days: float) -> str:
    return (_NOW - timedelta(days=days)).isoformat()


_NOW = datetime.now(UTC).replace(microsecond=0)


# ------------------------------------------------------------ the YAML


_CONNECTIONS: dict[str, Any] = {
    "crm": {
        "type": "salesforce",
        "login_host": "acme.my.salesforce.com",
        "base_url": "${SALESFORCE_URL}",
        "auth": {"flow": "client_credentials", "client_id": "${SF_ID}", "client_secret": "${SF_SECRET}"},
    },
    "marketing": {"type": "hubspot", "token": "${HUBSPOT_TOKEN}", "base_url": "${HUBSPOT_URL}"},
    SOURCE: {
        "type": "wootric",
        "client_id": "${WOOTRIC_ID}",
        "client_secret": "${WOOTRIC_SECRET}",
        "base_url": "${WOOTRIC_URL}",
        "overlap": f"{OVERLAP.days} days",
    },
}
_TREND = 'previous_score == null ? "new" : score > previous_score ? "up" : score < previous_score ? "down" : "same"'
_SYNCS: Mapping[str, dict[str, Any]] = {
    SALESFORCE: {
        "every": "15 minutes",
        "survey": "relationship",
        "to": "crm",
        "since": "2025-01-01",
        "fields": {
            "NPS_Score__c": "score",
            "NPS_Segment__c": {
                "from": "segment",
                "map": {"promoter": "Promoter", "passive": "Passive", "detractor": "Detractor"},
            },
            "NPS_Last_Survey__c": {"from": "answered_at", "as": "date"},
            "NPS_Comment__c": {"from": "comment", "truncate": 255},
            "NPS_Trend__c": {"expr": _TREND},
        },
    },
    HUBSPOT: {
        "every": "15 minutes",
        "survey": "relationship",
        "to": "marketing",
        "since": "2025-01-01",
        "fields": {
            "nps_score": "score",
            "nps_segment": "segment",
            "nps_last_survey": {"from": "answered_at", "as": "date"},
            "nps_comment": {"from": "comment", "truncate": 1000},
        },
    },
}
_SUBJECT = "Call: {score} of {answered_at}"


def _rules(**task: Any) -> dict[str, Any]:
    return {
        "follow_up_since": "2025-01-01",
        "follow_up": [
            {"where": 'segment == "detractor"', "task": {"subject": _SUBJECT, **task}},
            {"where": 'segment == "promoter"', "add_to": {"list": "NPS promoters"}},
        ],
    }


_AFTER: Mapping[str, dict[str, Any]] = {
    SALESFORCE: {
        **_rules(),
        "history": {
            "object": "NPS_Response__c",
            "key": "Response_Key__c",
            "fields": {"Contact__c": "record.id", "Score__c": "score", "Comment__c": "comment"},
        },
    },
    HUBSPOT: {
        **_rules(otherwise=["alex@acme.example"]),
        "history": {
            "object": "notes",
            "fields": {"hs_note_body": {"template": "{score} {comment}"}, "hs_timestamp": "answered_at"},
        },
    },
}
_CONFIG: dict[str, Any] = {
    "time_zone": "America/New_York",
    "phone_region": "US",
    "people": {
        "crm": {
            "object": "Contact",
            "only": {"IsPersonAccount": False},
            "match": [
                {"response": "external_id", "record": "Customer_Id__c"},
                {"response": "email", "record": "Email"},
            ],
            "owner": "OwnerId",
        },
        "marketing": {
            "object": "contacts",
            "match": [{"response": "email", "record": "email"}],
            "owner": "hubspot_owner_id",
        },
    },
    "surveys": {"relationship": {"metric": "nps", "kind": "relationship", "at": {SOURCE: "1146"}}},
}


def write_config(scenario: Scenario, folder: Path, store: str) -> None:
    """JSON is YAML."""
    text = json.dumps(scenario.config(store), indent=1)
    (folder / "npsync.yaml").write_text(text, encoding="utf-8")
