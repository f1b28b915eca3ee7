"""One bad record never sinks its batch, and is found within a bounded number of calls."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_hubspot import Said, not_found, validation_error

from connectors.hubspot.isolation import Isolation, Learnt
from connectors.hubspot.writing import Input, answer, body, inputs, reread
from connectors.poison import Searching
from connectors.replies import Reply
from connectors.wire import FateUnknown
from nps.changes import Cause, Change, Deferred, Outcome, Record, Rejected, Unknown, Written
from nps.errors import AccessError, BudgetError, ConfigError, Interrupted
from nps.values import Json


def change(record_id: str, **after: Json) -> Change:
    return Change(object="contacts", record_id=record_id, before=dict.fromkeys(after), after=after)


def batch(size: int = 100, **special: str) -> list[Input]:
    """Records r0, r1, … that all write "promoter", but for the special ones."""
    return inputs([change(f"r{n}", seg=special.get(f"r{n}", "promoter")) for n in range(size)])


def reply(said: Said) -> Reply:
    return Reply(said.status, {}, json.dumps(said.body).encode())


def complete(group: Sequence[Input]) -> Reply:
    return reply(Said({"status": "COMPLETE", "results": [{"id": one.id} for one in group]}))


def no_recheck(reason: object, group: object) -> Mapping[str, Rejected]:
    return {}


class Vendor:
    """Refuses a whole batch that holds a bad record; `says` words the refusal."""

    def __init__(self, bad: set[str], says: Callable[[list[Input]], Said] | None = None) -> None:
        self.bad = bad
        self.says = says or (
            lambda culprits: Said({"category": "VALIDATION_ERROR", "message": "no"}, status=400)
        )
        self.calls: list[list[str]] = []

    def __call__(self, group: Sequence[Input]) -> Reply:
        self.calls.append([one.id for one in group])
        culprits = [one for one in group if one.id in self.bad]
        return reply(self.says(culprits)) if culprits else complete(group)


def settle(
    vendor: Callable[[Sequence[Input]], Reply], group: list[Input], **options: Any
) -> dict[str, Outcome]:
    isolation = Isolation(vendor, options.pop("recheck", no_recheck), **options)
    isolation.run(group)
    assert not isolation.silent
    assert set(isolation.settled) == {one.id for one in group}
    return isolation.settled


def of_kind(settled: Mapping[str, Outcome], kind: type) -> set[str]:
    return {id for id, outcome in settled.items() if isinstance(outcome, kind)}


# ---------------------------------------------------------------- inputs


def test_two_changes_of_one_record_become_one_input() -> None:
    both = inputs([change("1", score="9"), change("2", score="3"), change("1", comment="good")])
    assert [(one.id, dict(one.properties)) for one in both] == [
        ("1", {"score": "9", "comment": "good"}),
        ("2", {"score": "3"}),
    ]


def test_every_input_has_a_trace_id_of_its_own() -> None:
    assert len({one.trace for one in batch(100)}) == 100


def test_the_empty_text_clears_and_everything_is_text() -> None:
    sent: Any = body(inputs([change("1", comment=None, score=9, opted=False)]))
    assert sent["inputs"][0]["properties"] == {"comment": "", "score": "9", "opted": "false"}


def test_a_type_hubspot_does_not_take_is_a_mistake_of_ours_and_loud() -> None:
    with pytest.raises(TypeError, match="canonical"):
        inputs([change("1", score=9.5)])


# ---------------------------------------------------------------- answers


def test_a_partial_answer_is_paired_by_trace_id_and_by_record_id() -> None:
    group = batch(4)
    by_trace = {
        "category": "VALIDATION_ERROR",
        "message": "bad",
        "context": {"objectWriteTraceId": [group[1].trace]},
    }
    said = answer(group, {"results": [{"id": "r3"}, {"id": "r0"}], "errors": [by_trace, not_found("r2")]})
    assert said.settled["r0"] == Written("r0")
    assert said.settled["r1"] == Rejected("r1", "VALIDATION_ERROR", "bad", cause=Cause.RECORD)
    gone = said.settled["r2"]
    assert isinstance(gone, Rejected)
    assert gone.cause is Cause.GONE
    assert said.silent == ()


def test_a_200_that_leaves_a_record_out_is_no_success_for_it() -> None:
    said = answer(batch(2), {"results": [{"id": "r0"}]})
    assert [one.id for one in said.silent] == ["r1"]


def test_a_200_without_results_wrote_nothing() -> None:
    assert len(answer(batch(3), {}).silent) == 3


def test_a_record_left_out_is_judged_by_what_it_shows() -> None:
    def record(id: str, segment: str | None, merged: tuple[str, ...] = ()) -> Record:
        return Record("contacts", id, {"seg": segment}, merged)

    there = [
        record("r0", "promoter"),
        record("r1", None),
        record("77", None, ("r2",)),
        record("78", "promoter", ("r3",)),
    ]
    found = reread(batch(5), there)
    assert found["r0"] == Written("r0")
    silent = found["r1"]
    assert isinstance(silent, Rejected)
    assert silent.cause is Cause.TRANSIENT
    assert isinstance(found["r2"], Deferred)
    assert "77" in found["r2"].reason
    assert found["r3"] == Written("r3")
    deleted = "the record was deleted or archived after it was read"
    assert found["r4"] == Rejected("r4", "OBJECT_NOT_FOUND", deleted, cause=Cause.GONE)


# ---------------------------------------------------------------- isolation


def test_a_good_batch_is_one_call() -> None:
    vendor = Vendor(set())
    assert of_kind(settle(vendor, batch()), Written) == {f"r{n}" for n in range(100)}
    assert len(vendor.calls) == 1


def test_one_bad_record_in_a_hundred_is_found_in_a_call_per_halving() -> None:
    vendor = Vendor({"r42"})
    settled = settle(vendor, batch())
    assert of_kind(settled, Rejected) == {"r42"}
    assert len(of_kind(settled, Written)) == 99
    assert len(vendor.calls) <= 1 + 9


def test_a_refusal_that_quotes_the_value_leads_straight_to_the_record() -> None:
    vendor = Vendor(
        {"r42"}, lambda culprits: validation_error("seg", '"Promotor" was not one of the options')
    )
    settled = settle(vendor, batch(r42="Promotor"))
    assert of_kind(settled, Rejected) == {"r42"}
    assert len(vendor.calls) == 3


def test_a_value_that_is_quoted_by_chance_is_not_rejected_for_it() -> None:
    vendor = Vendor({"r7"}, lambda culprits: validation_error("seg", "promoter things went wrong"))
    settled = settle(vendor, batch(20, r7="zzz"))
    assert of_kind(settled, Rejected) == {"r7"}


def test_a_refusal_that_names_the_id_costs_one_more_call() -> None:
    def says(culprits: list[Input]) -> Said:
        body = {
            "category": "VALIDATION_ERROR",
            "message": "no",
            "context": {"ids": [one.id for one in culprits]},
        }
        return Said(body, status=400)

    vendor = Vendor({"r3", "r4"}, says)
    assert of_kind(settle(vendor, batch()), Rejected) == {"r3", "r4"}
    assert len(vendor.calls) == 2


def test_ids_hubspot_calls_duplicates_are_sent_apart() -> None:
    pair = {"r3", "r4"}  # two ids of one merged record, for example

    def send(group: Sequence[Input]) -> Reply:
        if {one.id for one in group} >= pair:
            message = "Duplicate IDs found in batch input: [r3]. IDs must be unique"
            return reply(
                Said({"category": "VALIDATION_ERROR", "message": message, "context": {"ids": ["r3"]}}, 400)
            )
        return complete(group)

    assert len(of_kind(settle(send, batch()), Written)) == 100


def test_what_todays_definitions_rule_out_costs_no_call_each() -> None:
    vendor = Vendor({f"r{n}" for n in range(0, 100, 2)})

    def recheck(reason: object, group: Sequence[Input]) -> Mapping[str, Rejected]:
        return {one.id: Rejected(one.id, "INVALID_OPTION", "gone") for one in group if one.id in vendor.bad}

    settled = settle(vendor, batch(), recheck=recheck)
    assert of_kind(settled, Rejected) == vendor.bad
    assert len(vendor.calls) == 2


def test_a_batch_of_nothing_but_bad_records_costs_little_more_than_a_call_each() -> None:
    vendor = Vendor({f"r{n}" for n in range(100)})
    settled = settle(vendor, batch())
    assert of_kind(settled, Rejected) == vendor.bad
    assert len(vendor.calls) <= 125


def test_a_run_whose_calls_for_it_are_spent_leaves_the_rest_for_the_next() -> None:
    vendor = Vendor({f"r{n}" for n in range(100)})
    learnt = Learnt()
    learnt.searching = Searching(calls=30)
    settled = settle(vendor, batch(), learnt=learnt)
    assert len(vendor.calls) == 31
    assert of_kind(settled, Rejected) | of_kind(settled, Deferred) == vendor.bad


def test_a_value_refused_once_is_sent_alone_by_the_batches_that_follow() -> None:
    vendor = Vendor({"r42"}, lambda culprits: validation_error("seg", '"Promotor" is not wanted'))
    learnt = Learnt()
    for calls in (3, 2, 2):
        vendor.calls.clear()
        assert of_kind(settle(vendor, batch(r42="Promotor"), learnt=learnt), Rejected) == {"r42"}
        assert len(vendor.calls) == calls


def test_a_value_that_is_taken_after_all_is_sent_among_the_others_again() -> None:
    vendor = Vendor({"r42"}, lambda culprits: validation_error("seg", '"Promotor" is not wanted'))
    learnt = Learnt()
    settle(vendor, batch(r42="Promotor"), learnt=learnt)
    vendor.bad = set()
    for calls in (2, 1):
        vendor.calls.clear()
        assert of_kind(settle(vendor, batch(r7="Promotor"), learnt=learnt), Rejected) == set()
        assert len(vendor.calls) == calls


def test_batch_after_batch_of_nothing_but_refusals_is_not_the_records_fault() -> None:
    learnt = Learnt()
    vendor = Vendor({f"r{n}" for n in range(100)})
    for _ in range(2):
        assert of_kind(settle(vendor, batch(), learnt=learnt), Rejected) == vendor.bad
    with pytest.raises(ConfigError, match="every record for one reason"):
        settle(vendor, batch(), learnt=learnt)


def test_a_bad_batch_among_good_ones_is_those_records_matter() -> None:
    learnt = Learnt()
    settle(Vendor(set()), batch(), learnt=learnt)
    vendor = Vendor({f"r{n}" for n in range(100)})
    for _ in range(5):
        assert of_kind(settle(vendor, batch(), learnt=learnt), Rejected) == vendor.bad


def test_a_property_that_is_the_problem_itself_is_a_matter_of_the_yaml() -> None:
    says = lambda culprits: validation_error("nps_scor", "does not exist", code="PROPERTY_DOESNT_EXIST")  # noqa: E731
    vendor = Vendor({f"r{n}" for n in range(100)}, says)
    with pytest.raises(ConfigError, match="nps_scor"):
        settle(vendor, batch())
    assert len(vendor.calls) == 3


def test_the_same_said_per_record_is_a_matter_of_the_yaml_too() -> None:
    def send(group: Sequence[Input]) -> Reply:
        errors = [
            {
                "category": "VALIDATION_ERROR",
                "errors": [{"code": "PROPERTY_DOESNT_EXIST", "context": {"propertyName": ["nps_scor"]}}],
                "context": {"objectWriteTraceId": [one.trace]},
            }
            for one in group
        ]
        return reply(Said({"results": [], "errors": errors}, status=207))

    with pytest.raises(ConfigError, match="nps_scor"):
        settle(send, batch())


@given(bad=st.sets(st.integers(0, 30)), extra=st.integers(0, 80))
def test_exactly_one_outcome_per_record_whatever_is_bad(bad: set[int], extra: int) -> None:
    vendor = Vendor({f"r{n}" for n in bad})
    learnt = Learnt()
    learnt.searching = Searching(calls=extra)
    settled = settle(vendor, batch(31), learnt=learnt)
    assert of_kind(settled, Rejected) <= vendor.bad
    assert of_kind(settled, Written).isdisjoint(vendor.bad)
    assert len(vendor.calls) <= 1 + extra + len(of_kind(settled, Written))


# ---------------------------------------------------------------- failing calls


def failing_after(calls: int, error: Exception, bad: set[str]) -> Callable[[Sequence[Input]], Reply]:
    vendor = Vendor(bad)

    def send(group: Sequence[Input]) -> Reply:
        if len(vendor.calls) >= calls:
            raise error
        return vendor(group)

    return send


@pytest.mark.parametrize("error", [BudgetError("spent"), AccessError("revoked")])
def test_a_failure_before_anything_is_known_is_raised(error: Exception) -> None:
    with pytest.raises(type(error)):
        settle(failing_after(0, error, set()), batch())


def test_a_budget_spent_midway_keeps_what_is_known() -> None:
    settled = settle(failing_after(3, BudgetError("spent"), {"r99"}), batch())
    assert len(of_kind(settled, Written)) == 75  # two halvings
    assert len(of_kind(settled, Deferred)) == 25


def stumbling(bad: set[str]) -> Callable[[Sequence[Input]], Reply]:
    vendor = Vendor(bad)

    def send(group: Sequence[Input]) -> Reply:
        if bad & {one.id for one in group}:
            raise FateUnknown("status 500 (after 6 attempts)", stumbled=True)
        return vendor(group)

    return send


@pytest.mark.parametrize("bad", ["r0", "r42", "r99"])
def test_a_record_hubspot_stumbles_over_does_not_sink_its_batch(bad: str) -> None:
    settled = settle(stumbling({bad}), batch())
    assert settled[bad] == Rejected(
        bad, "SERVER_ERROR", "status 500 (after 6 attempts)", cause=Cause.TRANSIENT, in_doubt=True
    )
    assert len(of_kind(settled, Written)) == 99


def test_a_hubspot_that_is_down_is_not_taken_for_bad_records() -> None:
    calls: list[int] = []

    def send(group: Sequence[Input]) -> Reply:
        calls.append(len(group))
        raise FateUnknown("status 500 (after 6 attempts)", stumbled=True)

    settled = settle(send, batch())
    assert len(of_kind(settled, Unknown)) == 100  # the first call may have written them all
    assert calls == [100, 50, 50]


@pytest.mark.parametrize(
    "error", [AccessError("revoked"), BudgetError("spent"), ConfigError("no such property"), Interrupted()]
)
def test_what_ends_the_search_does_not_take_back_what_the_stumble_may_have_written(error: Exception) -> None:
    """HubSpot stored the batch and stumbled over its answer; then nothing more gets through."""
    answers = [FateUnknown("status 500 (after 6 attempts)", stumbled=True), error]

    def send(group: Sequence[Input]) -> Reply:
        raise answers.pop(0)

    settled = settle(send, batch())
    assert set(settled.values()) == {Unknown(id, "status 500 (after 6 attempts)") for id in settled}
    assert len(settled) == 100


def test_a_call_without_an_answer_leaves_its_records_unknown() -> None:
    settled = settle(failing_after(0, FateUnknown("no answer in time"), set()), batch(3))
    assert of_kind(settled, Unknown) == {"r0", "r1", "r2"}
