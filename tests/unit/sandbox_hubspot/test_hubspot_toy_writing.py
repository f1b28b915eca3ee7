"""Batch update of the toy HubSpot: whole batches refused, parts refused, and records that silently stay away."""

from __future__ import annotations

import json

import pytest


def wish(record_id: str, *, trace: str | None = None, **properties: object) -> dict[str, object]:
    asked: dict[str, object] = {"id": record_id, "properties": properties}
    return asked | ({"objectWriteTraceId": trace} if trace else {})


def test_an_update_is_stored_shown_and_counted(hubspot):
    ann = hubspot.contact(nps_score="6", nps_comment="meh")
    hubspot.sandbox.forget_traffic()
    answer = hubspot.update(wish(ann, nps_score="9.0", nps_comment="", nps_last_survey="2026-03-02"))
    assert answer.status_code == 200
    row = hubspot.shown(ann)
    assert (row["nps_score"], row["nps_comment"], row["nps_last_survey"]) == ("9", None, "2026-03-02")
    assert answer.json()["results"][0]["properties"]["nps_score"] == "9"
    assert answer.json()["results"][0]["updatedAt"] == row["lastmodifieddate"] > row["createdate"]
    seen = hubspot.sandbox.traffic("hubspot")
    assert seen["records_written"] == {"contacts": 1}
    assert seen["fields_written"]["contacts"] == {"nps_score": 1, "nps_comment": 1, "nps_last_survey": 1}
    [written] = hubspot.sandbox.control("GET", "/traffic/writes/hubspot/contacts")
    assert written["fields"]["nps_score"] == ["6", "9"]
    assert written["fields"]["nps_comment"] == ["meh", None]


def test_null_leaves_a_property_as_it_was_unless_the_account_is_told_otherwise(hubspot):
    ann = hubspot.contact(nps_comment="hello")
    hubspot.update(wish(ann, nps_comment=None))
    assert hubspot.shown(ann)["nps_comment"] == "hello"
    hubspot.do("set", null_clears=True)
    hubspot.update(wish(ann, nps_comment=None))
    assert hubspot.shown(ann)["nps_comment"] is None


@pytest.mark.parametrize("value", [9, True, ["a"], 9.5])
def test_values_that_are_not_strings_are_refused(hubspot, value):
    ann = hubspot.contact()
    assert hubspot.update(wish(ann, nps_score=value)).status_code == 400
    assert hubspot.update({"id": int(ann), "properties": {"nps_score": "9"}}).status_code == 400
    assert hubspot.shown(ann)["nps_score"] is None


def test_one_id_twice_refuses_the_whole_batch(hubspot):
    ann, ben = hubspot.contact(), hubspot.contact()
    answer = hubspot.update(wish(ann, nps_score="1"), wish(ben, nps_score="2"), wish(ann, nps_score="3"))
    assert answer.status_code == 400
    assert answer.json()["message"] == f"Duplicate IDs found in batch input: [{ann}]. IDs must be unique"
    assert answer.json()["context"] == {"ids": [ann]}
    assert hubspot.shown(ben)["nps_score"] is None


def test_more_than_a_hundred_inputs_are_refused(hubspot):
    answer = hubspot.update(*[wish(str(number), nps_score="1") for number in range(101)])
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    ("name", "code"), [("nps_scroe", "PROPERTY_DOESNT_EXIST"), ("createdate", "READ_ONLY_VALUE")]
)
def test_a_name_no_record_takes_refuses_the_batch_even_with_trace_ids(hubspot, name, code):
    ann, ben = hubspot.contact(), hubspot.contact()
    good, bad = wish(ann, trace="a", nps_score="1"), wish(ben, trace="b", **{name: "1"})
    answer = hubspot.update(good, bad)
    assert answer.status_code == 400
    inside = json.loads(answer.json()["message"].removeprefix("Property values were not valid: "))
    assert [(one["name"], one["error"]) for one in inside] == [(name, code)]
    assert hubspot.shown(ann)["nps_score"] is None


def test_without_trace_ids_one_bad_value_stops_everybody(hubspot):
    ann, ben = hubspot.contact(), hubspot.contact()
    answer = hubspot.update(wish(ann, nps_score="9"), wish(ben, nps_score="ten"))
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")
    assert answer.json()["errors"][0]["context"]["propertyName"] == ["nps_score"]
    assert hubspot.shown(ann)["nps_score"] is None


def test_with_trace_ids_only_the_bad_record_is_refused(hubspot):
    ann, ben = hubspot.contact(), hubspot.contact()
    answer = hubspot.update(wish(ann, trace="a", nps_score="9"), wish(ben, trace="b", nps_segment="Promoter"))
    assert answer.status_code == 207
    assert [row["id"] for row in answer.json()["results"]] == [ann]
    assert [one["context"] for one in answer.json()["errors"]] == [{"objectWriteTraceId": ["b"]}]
    assert hubspot.shown(ann)["nps_score"] == "9"


@pytest.mark.parametrize("traces", [("a", "a"), ("a", None)])
def test_trace_ids_only_count_when_every_input_has_its_own(hubspot, traces):
    ann, ben = hubspot.contact(), hubspot.contact()
    inputs = [wish(ann, trace=traces[0], nps_score="9"), wish(ben, trace=traces[1], nps_score="ten")]
    assert hubspot.update(*inputs).status_code == 400


def test_an_account_may_not_know_trace_ids_for_updates(hubspot):
    hubspot.do("set", trace_ids=False)
    ann, ben = hubspot.contact(), hubspot.contact()
    inputs = [wish(ann, trace="a", nps_score="9"), wish(ben, trace="b", nps_score="ten")]
    assert hubspot.update(*inputs).status_code == 400
    assert hubspot.shown(ann)["nps_score"] is None


def test_records_that_do_not_exist_are_named_with_their_traces(hubspot):
    ann = hubspot.contact()
    answer = hubspot.update(*[wish(one, trace=f"t{one}", nps_score="9") for one in (ann, "1", "2")])
    assert answer.status_code == 207
    [error] = answer.json()["errors"]
    assert error["context"] == {"ids": ["1", "2"], "objectWriteTraceId": ["t1", "t2"]}


def test_an_absorbed_record_is_left_out_without_a_word(hubspot):
    ann, anne, ben = hubspot.contact(), hubspot.contact(), hubspot.contact()
    survivor = hubspot.merge(ann, anne)
    answer = hubspot.update(wish(anne, nps_score="9"), wish(ben, nps_score="8"))
    assert answer.status_code == 200
    assert [row["id"] for row in answer.json()["results"]] == [ben]
    assert "errors" not in answer.json()
    assert hubspot.shown(survivor)["nps_score"] is None


def test_updating_by_email_is_refused(hubspot):
    ann = hubspot.contact(email="by.email@unit.example")
    answer = hubspot.update(
        {"id": "by.email@unit.example", "idProperty": "email", "properties": {"nps_score": "9"}}
    )
    assert answer.status_code == 400
    assert "non-unique 0-1 property" in answer.json()["message"]
    assert hubspot.shown(ann)["nps_score"] is None


def test_control_can_make_one_record_refuse_what_is_written(hubspot):
    ann, ben = hubspot.contact(), hubspot.contact()
    hubspot.sandbox.fault("hubspot", "invalid_record", path=ben, times=None)
    inputs = [wish(one, trace=one, nps_score="9") for one in (ann, ben)]
    answer = hubspot.update(*inputs)
    assert [one["context"]["objectWriteTraceId"] for one in answer.json()["errors"]] == [[ben]]
    assert hubspot.shown(ben)["nps_score"] is None


def test_a_single_record_takes_a_patch(hubspot):
    ann = hubspot.contact()
    assert (
        hubspot.call("PATCH", hubspot.objects(f"/{ann}"), {"properties": {"nps_score": "9"}}).status_code
        == 200
    )
    assert hubspot.shown(ann)["nps_score"] == "9"
    taken = hubspot.call(
        "PATCH",
        hubspot.objects(f"/{ann}"),
        {"properties": {"email": hubspot.shown(hubspot.contact())["email"]}},
    )
    assert (taken.status_code, taken.json()["category"]) == (409, "CONFLICT")


def test_there_is_no_address_that_creates_a_customer(hubspot):
    before = len(hubspot.sandbox.rows("hubspot", "contacts"))
    for tail in ("", "/batch/create", "/batch/upsert"):
        assert hubspot.call("POST", hubspot.objects(tail), {"inputs": []}).status_code in (404, 405)
    assert len(hubspot.sandbox.rows("hubspot", "contacts")) == before
