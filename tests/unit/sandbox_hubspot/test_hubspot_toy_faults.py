"""Faults of HubSpot's batches, its day and its fields."""

from __future__ import annotations

import itertools

import pytest

_NUMBERS = itertools.count(1)


def wishes(*ids):
    return [{"id": one, "objectWriteTraceId": one, "properties": {"nps_score": "9"}} for one in ids]


def test_without_trace_ids_one_bad_record_refuses_them_all(hubspot):
    ann, ben = hubspot.contact(), hubspot.contact()
    hubspot.sandbox.fault("hubspot", "invalid_record", path=ben, times=None)
    hubspot.sandbox.fault("hubspot", "all_or_nothing", times=None)

    answer = hubspot.update(*wishes(ann, ben))

    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")
    assert ben not in answer.text
    assert hubspot.shown(ann)["nps_score"] is None
    assert hubspot.update(*wishes(ann)).status_code == 200


def test_errors_can_stand_inside_a_200(hubspot):
    ann, ben = hubspot.contact(), hubspot.contact()
    hubspot.sandbox.fault("hubspot", "invalid_record", path=ben)
    hubspot.sandbox.fault("hubspot", "quiet_partial")

    answer = hubspot.update(*wishes(ann, ben))

    assert answer.status_code == 200
    assert [one["context"]["objectWriteTraceId"] for one in answer.json()["errors"]] == [[ben]]


def test_a_missing_row_is_neither_written_nor_mentioned(hubspot):
    ann, ben = hubspot.contact(), hubspot.contact()
    hubspot.sandbox.fault("hubspot", "missing_row", path=ben)

    answer = hubspot.update(*wishes(ann, ben))

    assert (answer.status_code, [row["id"] for row in answer.json()["results"]]) == (200, [ann])
    assert "errors" not in answer.json()
    assert hubspot.shown(ben)["nps_score"] is None


def test_a_days_calls_that_others_spent_come_back_at_midnight(hubspot):
    hubspot.do("set", daily=1000)
    hubspot.sandbox.forget_traffic()
    hubspot.sandbox.fault("hubspot", "quota_spent")

    spent = hubspot.read([hubspot.contact()])

    assert (spent.status_code, spent.json()["policyName"]) == (429, "DAILY")
    assert hubspot.sandbox.traffic("hubspot")["limits_met"] == {"daily": 1}
    hubspot.sandbox.control("POST", "/clock", {"advance": 24 * 3600 + 1})
    assert hubspot.read([hubspot.contact()]).status_code == 200


def test_only_a_limit_that_was_really_reached_counts_as_met(hubspot):
    hubspot.sandbox.forget_traffic()
    hubspot.sandbox.fault("hubspot", "status", status=429)
    hubspot.do("set", burst=1)

    statuses = [hubspot.read([]).status_code for _ in range(3)]

    assert statuses == [429, 200, 429]
    assert hubspot.sandbox.traffic("hubspot")["limits_met"] == {"TEN_SECONDLY_ROLLING": 1}


@pytest.mark.parametrize(("change", "left"), [("delete", []), ("rename", ["_old"]), ("read_only", [""])])
def test_a_property_changes_between_two_looks_at_it(hubspot, change, left):
    name = f"drifting_{next(_NUMBERS)}"
    definition = {"label": "Drifts", "type": "string", "fieldType": "text", "groupName": "contactinformation"}
    hubspot.do("define_property", object="contacts", name=name, **definition)
    drift = {"object": "contacts", "field": name, "change": change}
    hubspot.sandbox.fault("hubspot", "schema_drift", after=1, detail=drift)

    def listed():
        found = hubspot.call("GET", "/crm/v3/properties/contacts").json()["results"]
        return {one["name"]: one for one in found if one["name"].startswith(name)}

    assert list(listed()) == [name]
    after = listed()
    assert list(after) == [name + ending for ending in left]
    if change == "read_only":
        assert after[name]["modificationMetadata"]["readOnlyValue"]
