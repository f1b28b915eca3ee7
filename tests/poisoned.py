"""Ten thousand records of which a few are refused: what finding them costs, against vendors that refuse in every way
they know. `PYTHONPATH=.:tests python -m poisoned` measures all of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from builders_salesforce import Answer, Opened, Org, error, ok, org, record_id
from scripted_hubspot import PROPERTIES, Asked, Said, ScriptedHubSpot, opened, option

from connectors.contract import Destination
from nps.changes import Batch, Change, Outcome
from nps.values import JsonFields

TOTAL, BAD = 10_000, 100


def evenly(total: int = TOTAL) -> list[int]:
    """One in every hundred."""
    return list(range(37, total, 100))


def in_tens(total: int = TOTAL) -> list[int]:
    """Ten neighbours in every thousand: the people of one company."""
    return [start + place for start in range(430, total, 1000) for place in range(10)]


def alternating(total: int = TOTAL) -> list[int]:
    """Every second one of the first two hundred per ten thousand."""
    return [start + place for start in range(0, total, 10_000) for place in range(0, 200, 2)]


def in_a_block(total: int = TOTAL) -> list[int]:
    """A hundred in a row, from the very first record on."""
    return [start + place for start in range(0, total, 10_000) for place in range(100)]


PATTERNS: Mapping[str, Callable[[int], list[int]]] = {
    "evenly": evenly,
    "in tens": in_tens,
    "alternating": alternating,
    "in a block": in_a_block,
}


@dataclass(frozen=True)
class Cost:
    """What the vendor was asked, beyond the calls that the good records alone would have cost."""

    extra: int
    bad: int
    outcomes: Mapping[str, int]
    wrong: int  # good records that were not written, bad ones that were not rejected

    @property
    def per_bad_record(self) -> float:
        return self.extra / self.bad


def _cost(bad: set[str], outcomes: Sequence[Outcome], calls: int, usual: int) -> Cost:
    kinds = Counter(type(one).__name__ for one in outcomes)
    wrong = sum((type(one).__name__ == "Rejected") != (one.record_id in bad) for one in outcomes)
    wrong += sum(
        type(one).__name__ not in ("Written", "Rejected") for one in outcomes if one.record_id not in bad
    )
    return Cost(calls - usual, len(bad), kinds, wrong)


def _written(
    destination: Destination, object: str, api: str, size: int, rows: Sequence[tuple[str, JsonFields]]
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for start in range(0, len(rows), size):
        changes = tuple(
            Change(object=object, record_id=id, before=dict.fromkeys(fields), after=fields)
            for id, fields in rows[start : start + size]
        )
        outcomes += destination.write(Batch(1, object, api, changes), lambda handle: None)
    return outcomes


# ---------------------------------------------------------------- HubSpot

GOOD_WORDS, BAD_WORDS = "fine", "bad words 4711"


def _reason(**context: Any) -> dict[str, Any]:
    return {"status": "error", "category": "VALIDATION_ERROR", "message": "Not valid", "context": context}


def _inner(name: str, message: str) -> dict[str, Any]:
    inner = [{"isValid": False, "message": message, "error": "INVALID_VALUE", "name": name}]
    return {
        "status": "error",
        "category": "VALIDATION_ERROR",
        "message": f"Property values were not valid: {json.dumps(inner)}",
    }


Says = Callable[[Sequence[Mapping[str, Any]]], Mapping[str, Any]]

HUBSPOT_REFUSALS: Mapping[str, Says] = {
    "ids": lambda culprits: _reason(ids=[one["id"] for one in culprits]),
    "first id": lambda culprits: _reason(ids=[culprits[0]["id"]]),
    "value": lambda culprits: _inner("nps_comment", f'"{BAD_WORDS}" is not wanted'),
    "property": lambda culprits: _inner("nps_comment", "not wanted"),
    "option gone": lambda culprits: _inner("nps_segment", "not one of the options"),
    "nothing": lambda culprits: _reason(),
}


def hubspot(how: str, places: Sequence[int], total: int = TOTAL) -> Cost:
    """Whole batches refused for one bad record, in the words of `how`; "per record": the bad ones alone (207)."""
    bad = {f"9{place:05}" for place in places}
    definitions = [one for one in PROPERTIES if one["name"] != "nps_segment"]
    options = {"before": ["promoter", "detractor", "gone"], "now": ["promoter", "detractor"]}
    state = {"segment": "before"}

    def script(asked: Asked) -> Said:
        if asked.method == "GET":
            segment = {
                "name": "nps_segment",
                "label": "Segment",
                "type": "enumeration",
                "fieldType": "select",
                "options": [option(one) for one in options[state["segment"]]],
            }
            return Said({"results": [*definitions, segment]})
        inputs = asked.json["inputs"]
        culprits = [one for one in inputs if one["id"] in bad]
        if how == "per record":
            errors = [
                {**_reason(objectWriteTraceId=[one["objectWriteTraceId"]]), "errors": []} for one in culprits
            ]
            good = [{"id": one["id"]} for one in inputs if one["id"] not in bad]
            return Said({"status": "COMPLETE", "results": good, "errors": errors}, 207)
        if culprits:
            return Said(HUBSPOT_REFUSALS[how](culprits), 400)
        return Said({"status": "COMPLETE", "results": [{"id": one["id"]} for one in inputs]})

    rows: list[tuple[str, JsonFields]] = []
    for place in range(total):
        id = f"9{place:05}"
        ill = id in bad
        rows.append(
            (
                id,
                {
                    "nps_score": str(place % 11),
                    "nps_comment": BAD_WORDS if ill else GOOD_WORDS,
                    "nps_segment": "gone" if ill and how == "option gone" else "promoter",
                },
            )
        )
    server = ScriptedHubSpot(script)
    try:
        destination = opened(server, limits={"per_10_seconds": 1000})
        destination.describe("contacts")
        state["segment"] = "now"
        outcomes = _written(destination, "contacts", "batch", 100, rows)
        destination.close()
    finally:
        server.close()
    return _cost(bad, outcomes, len(server.asked), 1 + -(-total // 100))


# ---------------------------------------------------------------- Salesforce


def _parser(body: bytes, culprit: Mapping[str, Any], *, place: bool) -> Answer:
    message = (
        "Cannot deserialize instance of double from VALUE_STRING value bad or request may be missing a field"
    )
    if place:
        column = (
            body.index(culprit["id"].encode())
            + body[body.index(culprit["id"].encode()) :].index(b'"bad"')
            + 1
        )
        message += f" at [line:1, column:{column}]"
    return error(400, "JSON_PARSER_ERROR", message)


def _rows(records: Sequence[Mapping[str, Any]], refused: Sequence[Mapping[str, Any]], code: str) -> Answer:
    out = {one["id"] for one in refused}
    problem = {"statusCode": code, "message": f"because of {code}", "fields": []}
    return ok(
        [
            {"success": False, "errors": [problem]}
            if one["id"] in out
            else {"id": one["id"], "success": True, "errors": []}
            for one in records
        ]
    )


def salesforce(how: str, places: Sequence[int], total: int = TOTAL) -> Cost:
    """`how`: "row" (each bad record by itself), "apex" (an automation refuses all rows of a call with a bad one),
    "position" and "parser" (the call is refused as a whole, with and without the place in it)."""
    bad = {record_id(place) for place in places}
    calls = Counter[str]()

    def answers(there: Org) -> None:
        def reply(request: Any) -> Answer:
            calls["write"] += 1
            records = orjson.loads(request.body)["records"]
            culprits = [one for one in records if one["id"] in bad]
            if how == "row" or not culprits:
                return _rows(records, culprits, "FIELD_CUSTOM_VALIDATION_EXCEPTION")
            if how == "apex":
                return _rows(records, records, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")
            return _parser(request.body, culprits[0], place=how == "position")

        there.replies("PATCH", "composite/sobjects", reply)

    rows: list[tuple[str, JsonFields]] = [
        (record_id(place), {"NPS_Score__c": "bad" if record_id(place) in bad else place % 11})
        for place in range(total)
    ]
    with org() as there:
        answers(there)
        outcomes = _written(Opened().salesforce, "Contact", "collections", 200, rows)
    return _cost(bad, outcomes, calls["write"], -(-total // 200))


WAYS = {
    "hubspot": ("per record", *HUBSPOT_REFUSALS),
    "salesforce": ("row", "apex", "position", "parser"),
}


def main() -> None:
    print(f"{'vendor':11}{'how it refuses':16}{'pattern':13}{'extra':>6}{'per bad record':>16}{'wrong':>7}")
    for vendor, ways in WAYS.items():
        measure = hubspot if vendor == "hubspot" else salesforce
        for how in ways:
            for name, pattern in PATTERNS.items():
                cost = measure(how, pattern(TOTAL))
                print(f"{vendor:11}{how:16}{name:13}{cost.extra:6}{cost.per_bad_record:16.2f}{cost.wrong:7}")


if __name__ == "__main__":
    main()
