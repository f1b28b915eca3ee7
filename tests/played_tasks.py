"""A Salesforce org with tasks and a history object, played at the edge of `requests`: what it is told it keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import orjson
import requests
import responses
from builders_salesforce import ACCOUNT, CONTACT, DATA, Answer, Org, described, ok, org, page
from builders_salesforce import field as column

from connectors.contract import Entry, Priority, Task

ANN, BOB, ACME = "003000000000001AAA", "003000000000002AAA", "001000000000001AAA"
OLGA = "005000000000001AAA"
HISTORY = "NPS_Response__c"

TASK = [
    column("Id", "id"),
    column("Subject", length=255),
    column("Description", "textarea", length=32_000, filterable=False),
    column("WhoId", "reference", referenceTo=["Contact", "Lead"]),
    column("WhatId", "reference", referenceTo=["Account", "Case"]),
    column("OwnerId", "reference", referenceTo=["User", "Group"]),
    column("ActivityDate", "date"),
    column(
        "Priority",
        "picklist",
        picklistValues=[{"value": each, "active": True} for each in ("High", "Normal")],
    ),
    column("IsClosed", "boolean", updateable=False),
]
KEY_FIELD = column("NPS_Event_Id__c", length=64, externalId=True, unique=True, createable=True)
LOOKUP = {"createable": True, "length": 18}
HISTORY_FIELDS = [
    column("Id", "id"),
    column("OwnerId", "reference", referenceTo=["User"], **LOOKUP),
    column("Response_Key__c", length=80, externalId=True, unique=True, createable=True),
    column("Plain__c"),
    column("Shared__c", externalId=True),
    column("Score__c", "double", precision=2),
    column("Contact__c", "reference", referenceTo=["Contact"], **LOOKUP),
    column("Account__c", "reference", referenceTo=["Account"], **LOOKUP),
]


def task(key: str = "nps/1", **changes: Any) -> Task:
    usual: dict[str, Any] = {
        "key": key,
        "subject": "Call Ann",
        "body": "Scored 3",
        "due": date(2026, 11, 24),
        "object": "Contact",
        "record_id": ANN,
        "account": ACME,
        "owner": OLGA,
        "priority": Priority.HIGH,
    }
    return Task(**usual | changes)


def entry(key: str = "nps/1", about: Mapping[str, str] | None = None, **fields: Any) -> Entry:
    told = {"Contact": ANN, "Account": ACME} if about is None else about
    return Entry(key, {"Response_Key__c": key, "Score__c": 3, **fields}, told)


Refuse = Callable[[Mapping[str, Any]], Mapping[str, Any] | None]


@dataclass
class Played:
    """What the org keeps, and every call that changed or tried to change something: (method, path, records)."""

    there: Org
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[tuple[str, str, list[dict[str, Any]]]] = field(default_factory=list)
    refuse: Refuse = lambda record: None
    stumbles: Callable[[Mapping[str, Any]], bool] = lambda record: (
        False
    )  # an error of its own, and nothing done
    lose: int = 0  # so many replies get lost, after the call was carried out

    def creates(self, path: str, mock: responses.RequestsMock, method: str) -> None:
        mock.add_callback(method, f"{DATA}/{path}", self._take)

    @property
    def sent(self) -> list[dict[str, Any]]:
        return [record for _, _, records in self.calls for record in records]

    def _take(self, request: requests.PreparedRequest) -> Answer:
        path = str(request.url).removeprefix(f"{DATA}/")
        if request.method == "DELETE":
            return self._delete(path)
        records = orjson.loads(request.body or b"")["records"]
        self.calls.append((str(request.method), path, records))
        if any(self.stumbles(record) for record in records):
            return 500, {}, orjson.dumps([{"errorCode": "UNKNOWN_EXCEPTION", "message": "oh"}])
        key = path.split("/")[3] if path.count("/") == 3 else None
        results = [self._one(record, key) for record in records]
        if self.lose:
            self.lose -= 1
            raise requests.ConnectionError("lost")
        return ok(results)

    def _one(self, record: dict[str, Any], key: str | None) -> Mapping[str, Any]:
        if refusal := self.refuse(record):
            return {"success": False, "errors": [refusal]}
        held = [id for id, row in self.rows.items() if key and row[key] == record[key]]
        id = held[0] if held else f"00T{len(self.rows):012d}AAA"
        self.rows[id] = self.rows.get(id, {}) | record
        return {"id": id, "success": True, "errors": [], "created": not held}

    def _delete(self, path: str) -> Answer:
        ids = path.split("ids=")[1].split("&")[0].split(",")
        self.calls.append(("DELETE", "composite/sobjects", [{"id": id} for id in ids]))
        gone = {"statusCode": "ENTITY_IS_DELETED", "message": "entity is deleted", "fields": []}
        return ok(
            [
                {"id": id, "success": True, "errors": []}
                if self.rows.pop(id, None) is not None
                else {"success": False, "errors": [gone]}
                for id in ids
            ]
        )

    def found(self, soql: str) -> Answer:
        """Rows that hold any value the query quotes; it tells no fields apart, and no two values of ours are alike."""
        shown = (
            {"Description": None, "NPS_Event_Id__c": None, "Response_Key__c": None} | row | {"Id": id}
            for id, row in self.rows.items()
        )
        return page([row for row in shown if any(f"'{value}'" in soql for value in row.values())])


@contextmanager
def played(
    tasks: Sequence[Mapping[str, Any]] = TASK, **objects: Sequence[Mapping[str, Any]]
) -> Iterator[Played]:
    with org() as there:
        mock = there._mock
        one = Played(there)
        for name, fields in {
            "Contact": CONTACT,
            "Account": ACCOUNT,
            HISTORY: HISTORY_FIELDS,
            **objects,
        }.items():
            there.answers("GET", f"sobjects/{name}/describe", ok(described(name, fields, createable=True)))
        there.answers("GET", "sobjects/Task/describe", ok(described("Task", tasks, createable=True)))
        there.finds(one.found)
        one.creates("composite/sobjects", mock, "POST")
        one.creates("composite/sobjects", mock, "DELETE")
        one.creates("composite/sobjects/Task/NPS_Event_Id__c", mock, "PATCH")
        one.creates(f"composite/sobjects/{HISTORY}/Response_Key__c", mock, "PATCH")
        yield one


def refusal(code: str, *fields: str) -> Mapping[str, Any]:
    return {"statusCode": code, "message": f"because of {code}", "fields": list(fields)}
