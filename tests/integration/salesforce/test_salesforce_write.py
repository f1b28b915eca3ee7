"""Writing through collections: exactly one outcome per change, whatever Salesforce says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
import requests
from builders_salesforce import (
    ANN,
    BOB,
    CYD,
    Answer,
    Opened,
    batch,
    change,
    error,
    ok,
    org,
    record_id,
    refused,
    taken,
)
from fake_clock import FakeClock, MemoryInMemory

from connectors.contract import Allowance
from connectors.poison import Searching
from connectors.salesforce import composite
from connectors.salesforce.composite import Learnt
from nps.changes import Cause, Change, Deferred, Outcome, Rejected, Unknown, Written
from nps.errors import AccessError, BudgetError, ConfigError, UnavailableError

Taking = Callable[[list[dict[str, Any]]], Answer]


def many(count: int) -> list[Change]:
    return [change(record_id(number), NPS_Score__c=number % 11) for number in range(count)]


def written(opened: Opened, *changes: Change) -> list[Outcome]:
    return list(opened.salesforce.write(batch(*changes), lambda _: None))


def kinds(outcomes: Sequence[Outcome]) -> dict[str, list[str]]:
    told: dict[str, list[str]] = {}
    for outcome in outcomes:
        told.setdefault(type(outcome).__name__, []).append(outcome.record_id)
    return {kind: sorted(ids) for kind, ids in told.items()}


def test_two_hundred_records_are_one_call() -> None:
    with org() as there:
        there.writes(taken)
        outcomes = written(Opened(), *many(450))
        assert kinds(outcomes) == {"Written": [record_id(number) for number in range(450)]}
        assert [len(orjson.loads(one.body or b"")["records"]) for one in there.asked] == [200, 200, 50]


def test_one_bad_record_does_not_sink_its_batch() -> None:
    with org() as there:
        there.writes(refused("FIELD_CUSTOM_VALIDATION_EXCEPTION", BOB, fields=["NPS_Score__c"]))
        outcomes = written(Opened(), change(ANN, NPS_Score__c=9), change(BOB, NPS_Score__c=11))
        code = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
        assert outcomes == [
            Written(ANN),
            Rejected(BOB, code, f"because of {code}", "NPS_Score__c", Cause.RECORD),
        ]
        assert len(there.asked) == 1


@pytest.mark.parametrize(
    "code",
    [
        "DUPLICATES_DETECTED",
        "STRING_TOO_LONG",
        "NOT_FOUND",
        "MALFORMED_ID",
        "SOMETHING_NEW",
        "DUPLICATE_VALUE",
    ],
)
def test_a_record_that_cannot_be_written_is_rejected_with_the_vendors_code(code: str) -> None:
    with org() as there:
        there.writes(refused(code, BOB))
        [rejected] = [one for one in written(Opened(), *map(change, (ANN, BOB))) if isinstance(one, Rejected)]
        assert (rejected.record_id, rejected.code) == (BOB, code)


def test_a_record_that_was_merged_meanwhile_is_looked_up_again_by_the_next_run() -> None:
    with org() as there:
        there.writes(refused("ENTITY_IS_DELETED", BOB))
        assert kinds(written(Opened(), change(ANN), change(BOB))) == {"Written": [ANN], "Deferred": [BOB]}


def test_only_locked_records_are_tried_again_with_growing_pauses() -> None:
    locked = [3]

    def answer(records: list[dict[str, Any]]) -> Answer:
        if locked[0]:
            locked[0] -= 1
            return refused("UNABLE_TO_LOCK_ROW", BOB)(records)
        return taken(records)

    with org() as there:
        there.writes(answer)
        opened = Opened()
        assert kinds(written(opened, change(ANN), change(BOB))) == {"Written": [ANN, BOB]}
        sent = [[one["id"] for one in orjson.loads(call.body or b"")["records"]] for call in there.asked]
        assert sent == [[ANN, BOB], [BOB], [BOB], [BOB]]
        assert opened.clock.slept == [2, 4, 8]


def test_a_record_that_stays_locked_is_deferred() -> None:
    with org() as there:
        there.writes(refused("UNABLE_TO_LOCK_ROW", BOB))
        assert kinds(written(Opened(), change(ANN), change(BOB))) == {"Written": [ANN], "Deferred": [BOB]}
        assert len(there.asked) == 6


def test_locked_records_of_one_account_go_together() -> None:
    first = [True]

    def answer(records: list[dict[str, Any]]) -> Answer:
        if first.pop() if first else False:
            return refused("UNABLE_TO_LOCK_ROW")(records)
        return taken(records)

    with org() as there:
        there.writes(answer)
        written(Opened(), change(ANN, account="B"), change(BOB, account="A"), change(CYD, account="B"))
        again = [one["id"] for one in orjson.loads(there.asked[1].body or b"")["records"]]
        assert again == [BOB, ANN, CYD]


def test_an_automation_that_stumbles_over_one_record_is_isolated_within_bounds() -> None:
    """One bad record makes the org's Apex refuse all 200 of its trigger's chunk."""
    bad = record_id(77)

    def answer(records: list[dict[str, Any]]) -> Answer:
        broken = any(one["id"] == bad for one in records)
        return refused("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")(records) if broken else taken(records)

    with org() as there:
        there.writes(answer)
        outcomes = written(Opened(), *many(200))
        assert kinds(outcomes)["Rejected"] == [bad]
        assert len(outcomes) == 200
        assert len(there.asked) <= 1 + 10


def test_a_record_that_fails_alone_is_not_sent_again() -> None:
    with org() as there:
        there.writes(refused("APEX_ERROR", BOB))
        assert kinds(written(Opened(), change(BOB))) == {"Rejected": [BOB]}
        assert len(there.asked) == 1
        assert kinds(written(Opened(), change(ANN), change(BOB))) == {"Rejected": [BOB], "Written": [ANN]}
        assert len(there.asked) == 3  # together, then alone


def test_a_call_of_nothing_but_bad_records_costs_little_more_than_a_call_each() -> None:
    with org() as there:
        there.writes(refused("APEX_ERROR"))
        assert kinds(written(Opened(), *many(200))) == {
            "Rejected": [record_id(number) for number in range(200)]
        }
        assert len(there.asked) <= 225


def test_an_automation_that_refuses_call_after_call_to_the_last_record_ends_the_run() -> None:
    with org() as there:
        there.writes(refused("APEX_ERROR"))
        with pytest.raises(
            ConfigError, match="all 200 records of a call were refused for one reason, APEX_ERROR"
        ):
            written(Opened(), *many(800))
        assert len(there.asked) <= 3 * 225


@pytest.mark.parametrize("code", ["APEX_ERROR", "FIELD_CUSTOM_VALIDATION_EXCEPTION"])
def test_one_companys_people_all_refused_do_not_keep_the_others_from_being_written(code: str) -> None:
    """Records of one account stand together, so a rule about it refuses a whole call."""
    bad = {record_id(number) for number in range(200)}
    with org() as there:
        there.writes(
            lambda records: (
                refused(code, *bad, "nobody")(records) if records[0]["id"] in bad else taken(records)
            )
        )
        told = kinds(written(Opened(), *many(1_000)))
    assert told == {"Rejected": sorted(bad), "Written": [record_id(number) for number in range(200, 1_000)]}


def test_records_nobody_may_share_are_those_records_matter_once_others_were_written() -> None:
    bad = {record_id(number) for number in range(200, 400)}
    with org() as there:
        there.writes(refused("INSUFFICIENT_ACCESS_OR_READONLY", *bad))
        outcomes = written(Opened(), *many(600))
    assert {one.record_id for one in outcomes if isinstance(one, Rejected)} == bad
    assert sum(isinstance(one, Written) for one in outcomes) == 400


@pytest.mark.parametrize("column", [True, False], ids=["with the column", "with the value alone"])
def test_what_the_parser_says_leads_straight_to_the_record(column: bool) -> None:
    bad = record_id(123)

    def answer(request: requests.PreparedRequest) -> Answer:
        text = bytes(request.body or b"")  # type: ignore[arg-type]
        records = orjson.loads(text)["records"]
        if not any(one["id"] == bad for one in records):
            return taken(records)
        message = "Cannot deserialize instance of double from VALUE_STRING value n/a or request may be missing a field"
        place = f" at [line:1, column:{text.index(b'n/a')}]" if column else ""
        return error(400, "JSON_PARSER_ERROR", message + place)

    with org() as there:
        there.replies("PATCH", "composite/sobjects", answer)
        changes = [
            change(one.record_id, NPS_Score__c="n/a" if one.record_id == bad else 7) for one in many(200)
        ]
        outcomes = written(Opened(), *changes)
        assert [(one.record_id, one.cause) for one in outcomes if isinstance(one, Rejected)] == [
            (bad, Cause.MAPPING)
        ]
        assert len(there.asked) == 3  # all, the one, the others


def test_looking_for_bad_records_ends_when_the_runs_calls_for_it_are_spent() -> None:
    with org() as there:
        there.writes(refused("APEX_ERROR"))
        learnt = Learnt(Searching(calls=30))
        api, clock = Opened().salesforce._api, FakeClock()
        told = kinds(list(composite.write(api, clock, batch(*many(200)), 200, learnt)))
        assert len(there.asked) == 1 + 30
        assert len(told["Rejected"]) + len(told["Deferred"]) == 200


def test_a_value_the_parser_refuses_is_found_and_the_others_are_written() -> None:
    def answer(records: list[dict[str, Any]]) -> Answer:
        if any(one["id"] == BOB for one in records):
            return error(400, "JSON_PARSER_ERROR", "Cannot deserialize instance of double")
        return taken(records)

    with org() as there:
        there.writes(answer)
        outcomes = written(Opened(), change(ANN), change(BOB), change(CYD))
        assert kinds(outcomes) == {"Written": [ANN, CYD], "Rejected": [BOB]}


@pytest.mark.parametrize("whole", [True, False], ids=["the whole call", "every record"])
def test_a_field_that_is_gone_stops_the_run_and_is_named(whole: bool) -> None:
    answer: Taking = refused("INVALID_FIELD", fields=["NPS__c"])
    if whole:
        answer = lambda _: error(400, "INVALID_FIELD", "No such column 'NPS__c' on sobject of type Contact")  # noqa: E731
    with org() as there:
        there.writes(answer)
        with pytest.raises(ConfigError, match=r"NPS__c.*missing"):
            written(Opened(), change(ANN, NPS__c=1), change(BOB, NPS__c=1))
        assert len(there.asked) == 1


def test_what_was_written_before_the_run_stops_is_told_first() -> None:
    with org() as there:
        there.writes(refused("INVALID_FIELD_FOR_INSERT_UPDATE", BOB, fields=["NPS_Score__c"]))
        outcomes = iter(Opened().salesforce.write(batch(change(ANN), change(BOB)), lambda _: None))
        assert next(outcomes) == Written(ANN)
        with pytest.raises(ConfigError, match="__pc"):
            next(outcomes)


def test_the_same_refusal_of_every_record_is_not_the_records_fault() -> None:
    with org() as there:
        there.writes(refused("INSUFFICIENT_ACCESS_OR_READONLY"))
        with pytest.raises(AccessError, match=r"all 25 records.*npsync connect"):
            written(Opened(), *many(25))
        assert len(there.asked) == 1


def test_a_few_refusals_alike_are_still_the_records_own() -> None:
    with org() as there:
        there.writes(refused("INSUFFICIENT_ACCESS_OR_READONLY"))
        assert kinds(written(Opened(), *many(3))) == {"Rejected": [record_id(number) for number in range(3)]}


def test_a_record_that_comes_twice_is_sent_in_two_calls_in_order() -> None:
    with org() as there:
        there.writes(taken)
        written(Opened(), change(ANN, NPS_Score__c=1), change(BOB), change(ANN, NPS_Score__c=2))
        sent = [orjson.loads(one.body or b"")["records"] for one in there.asked]
        assert [[one["id"] for one in call] for call in sent] == [[ANN, BOB], [ANN]]
        assert sent[1][0]["NPS_Score__c"] == 2


@pytest.mark.parametrize(
    "answer",
    [
        ok([{"id": ANN, "success": True, "errors": []}]),
        ok([]),
        ok({"records": []}),
        ok([{"id": BOB, "success": True, "errors": []}, {"id": ANN, "success": True, "errors": []}]),
    ],
    ids=["one is missing", "nothing", "another shape", "in another order"],
)
def test_an_answer_that_does_not_fit_its_request_settles_nothing(answer: Answer) -> None:
    with org() as there:
        there.writes(lambda _: answer)
        assert kinds(written(Opened(), change(ANN), change(BOB))) == {"Unknown": [ANN, BOB]}


def test_a_lost_answer_is_asked_again_because_the_values_are_absolute() -> None:
    answers = [requests.ReadTimeout("lost"), None]

    def answer(records: list[dict[str, Any]]) -> Answer:
        if (problem := answers.pop(0)) is not None:
            raise problem
        return taken(records)

    with org() as there:
        there.writes(answer)
        assert written(Opened(), change(ANN)) == [Written(ANN)]


@pytest.mark.parametrize("number", [0, 123, 199])
def test_a_record_salesforce_stumbles_over_does_not_sink_its_call(number: int) -> None:
    bad = record_id(number)

    def answer(records: list[dict[str, Any]]) -> Answer:
        return error(500, "UNKNOWN_EXCEPTION") if bad in {one["id"] for one in records} else taken(records)

    with org() as there:
        there.writes(answer)
        outcomes = written(Opened(), *many(200))
    assert [(one.record_id, one.cause) for one in outcomes if isinstance(one, Rejected)] == [
        (bad, Cause.TRANSIENT)
    ]
    assert all(one.in_doubt for one in outcomes if isinstance(one, Rejected))
    assert sum(isinstance(one, Written) for one in outcomes) == 199


def test_an_org_that_is_down_is_not_taken_for_bad_records() -> None:
    with org() as there:
        there.writes(lambda _: error(500, "UNKNOWN_EXCEPTION"))
        told = kinds(written(Opened(), *many(200)))
        assert told == {"Unknown": [record_id(number) for number in range(200)]}  # any call may have written
        assert len(there.asked) == 3 * 5  # all and both halves, five attempts each


def test_what_a_stumble_may_have_written_is_not_told_as_unsent_when_the_credential_dies() -> None:
    """Salesforce stored the records and stumbled over its answer; the search for the culprit is refused."""

    def answer(records: list[dict[str, Any]]) -> Answer:
        return error(500, "UNKNOWN_EXCEPTION") if len(records) == 200 else error(403, "REVOKED")

    outcomes: list[Outcome] = []
    with org() as there:
        there.writes(answer)
        with pytest.raises(AccessError):
            outcomes.extend(Opened().salesforce.write(batch(*many(200)), lambda _: None))
    assert kinds(outcomes) == {"Unknown": [record_id(number) for number in range(200)]}


def test_answers_that_stay_lost_leave_the_fate_unknown() -> None:
    with org() as there:
        there.answers("PATCH", "composite/sobjects", requests.ReadTimeout("lost"))
        [outcome] = written(Opened(), change(ANN))
        assert isinstance(outcome, Unknown)


def test_a_host_that_cannot_be_reached_ends_the_writing() -> None:
    with org() as there:
        there.answers("PATCH", "composite/sobjects", requests.exceptions.ConnectTimeout("no"))
        with pytest.raises(UnavailableError, match="write 1 Contact"):
            written(Opened(), change(ANN))


# ---------------------------------------------------------------- the org's calls are everybody's


def used(calls: int, of: int = 1000) -> dict[str, str]:
    return {"Sforce-Limit-Info": f"api-usage={calls}/{of}; per-app-api-usage=1/5(appName=x)"}


def answering(usage: int) -> Taking:
    def answer(records: list[dict[str, Any]]) -> Answer:
        status, _, body = taken(records)
        return status, used(usage), body

    return answer


def test_the_share_of_others_is_left_alone() -> None:
    """Of 1,000 calls 40 % are others': ours end at 600, before one of theirs is spent."""
    with org() as there:
        there.writes(answering(599))
        opened = Opened(budget={"keep_for_others": "40%"})
        written(opened, change(ANN))
        written(opened, change(BOB))  # the 600th
    with org() as there:
        there.writes(answering(600))
        opened = Opened(budget={"keep_for_others": "40%"})
        written(opened, change(ANN))
        with pytest.raises(BudgetError, match="budget"):
            written(opened, change(BOB))
        assert len(there.asked) == 1


def test_our_own_limit_per_day_outlives_the_process() -> None:
    memory = MemoryInMemory()
    with org() as there:
        there.writes(taken)
        opened = Opened(memory, budget={"max_calls_per_day": 3})
        written(opened, change(ANN))
        written(opened, change(BOB))
        opened.salesforce.close()
        again = Opened(memory, budget={"max_calls_per_day": 3})
        written(again, change(CYD))
        with pytest.raises(BudgetError):
            written(again, change(ANN))
        assert len(there.asked) == 3


def test_two_processes_count_their_calls_together() -> None:
    memory = MemoryInMemory()
    with org() as there:
        there.writes(taken)
        processes = [Opened(memory, budget={"max_calls_per_day": 10}) for _ in range(2)]
        for one in processes:
            written(one, change(ANN), change(BOB))
            written(one, change(CYD))
        for one in processes:
            one.salesforce.close()
    assert memory.items == {"calls:2026-03-02": "4"}


def test_the_allowance_tells_the_orgs_numbers_and_what_is_kept_for_others() -> None:
    with org() as there:
        there.writes(answering(250))
        opened = Opened(budget={"keep_for_others": "40%"})
        assert opened.salesforce.allowance() is None  # nothing was said yet
        written(opened, change(ANN))
        assert opened.salesforce.allowance() == Allowance(left=350, used=250, limit=1000, kept=400)


def test_a_limit_of_our_own_tells_when_it_begins_anew() -> None:
    with org() as there:
        there.writes(answering(250))
        opened = Opened(budget={"max_calls_per_day": 5})
        assert opened.salesforce.allowance() == Allowance(left=5, resets_at=datetime(2026, 3, 3, tzinfo=UTC))
        written(opened, change(ANN))
        assert opened.salesforce.allowance() == Allowance(
            left=4, used=250, limit=1000, kept=200, resets_at=datetime(2026, 3, 3, tzinfo=UTC)
        )


def test_a_spent_budget_is_another_one_the_next_day() -> None:
    with org() as there:
        there.writes(taken)
        opened = Opened(budget={"max_calls_per_day": 1})
        written(opened, change(ANN))
        with pytest.raises(BudgetError):
            written(opened, change(ANN))
        opened.clock.advance(86_400)
        assert written(opened, change(ANN)) == [Written(ANN)]


def test_a_new_day_brings_new_calls() -> None:
    with org() as there:
        there.writes(taken)
        opened = Opened(budget={"max_calls_per_day": 2})
        written(opened, change(ANN))
        opened.clock.advance(86_400)
        written(opened, change(ANN))
        written(opened, change(ANN))
        with pytest.raises(BudgetError):
            written(opened, change(ANN))


def test_an_org_without_calls_left_ends_the_run_at_once() -> None:
    with org() as there:
        there.writes(lambda _: error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."))
        opened = Opened()
        for _ in range(2):
            with pytest.raises(BudgetError):
                written(opened, change(ANN))
        assert len(there.asked) == 1  # the second one was not sent


def test_too_many_calls_at_once_are_waited_for() -> None:
    busy = error(
        403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
    )
    with org() as there:
        there.answers("PATCH", "composite/sobjects", busy, ok([{"id": ANN, "success": True, "errors": []}]))
        opened = Opened()
        assert written(opened, change(ANN)) == [Written(ANN)]
        assert 5 <= sum(opened.clock.slept) <= 60


# ---------------------------------------------------------------- which way


@pytest.mark.parametrize(
    ("threshold", "count", "apis"),
    [
        ("auto", 500, ["collections"]),
        ("auto", 2_400, ["collections"]),
        ("auto", 2_401, ["collections", "bulk"]),  # cheaper, for a day on which few calls are left
        ("auto", 9_999, ["collections", "bulk"]),
        ("auto", 10_000, ["bulk", "collections"]),
        ("never", 1_000_000, ["collections"]),
        (1, 200, ["collections"]),  # it would cost calls, not save them
        (3_000, 2_999, ["collections"]),
        (3_000, 3_000, ["bulk", "collections"]),
    ],
)
def test_bulk_is_offered_where_it_saves_calls_and_used_where_it_saves_many(
    threshold: int | str, count: int, apis: list[str]
) -> None:
    ways = Opened(write={"bulk_threshold": threshold}).salesforce.ways("Contact", count)
    assert [way.api for way in ways] == apis


def test_a_deferred_record_says_why() -> None:
    with org() as there:
        there.writes(refused("UNABLE_TO_LOCK_ROW"))
        [outcome] = written(Opened(), change(ANN))
        assert isinstance(outcome, Deferred)
        assert "UNABLE_TO_LOCK_ROW" in outcome.reason
