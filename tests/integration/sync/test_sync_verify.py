"""Whether records still show what npsync left there."""

from __future__ import annotations

from typing import Any

import pytest
from builders_sync import SYNC, Town, answer
from builders_why import view_of

from nps.errors import ConfigError, UnavailableError
from store.api import Asked
from sync.engine import run
from sync.judging import runs_before
from sync.leasing import Busy, sync_lease
from sync.verifying import Compared, Drift, Verified, to_plan_again, verify


def verified(town: Town, **options: Any) -> Verified:
    return verify(view_of(town), town.crm, town.store, town.clock, "verifier", dict, **options)


def peopled(town: Town, *names: str, score: int = 3) -> dict[str, str]:
    ids = {name: town.crm.add(f"{name}@example.com") for name in names}
    town.tell(*(answer(name, score, comment="slow") for name in names))
    town.run()
    return ids


def told(found: Compared) -> list[tuple[str, str, Drift]]:
    return [(one.record_id, one.field, one.kind) for one in found.examples]


def test_records_that_show_what_was_written_are_all_well(town: Town):
    peopled(town, "ann", "bob")
    report = verified(town)
    assert (report.status, report.compared.records, report.compared.fields) == ("succeeded", 2, 8)
    assert report.as_json()["drift"] == {}


def test_each_kind_of_drift_is_named_with_its_field_and_both_values(town: Town):
    ids = peopled(town, "ann", "bob", "cyd", "dee")
    town.crm.contacts[ids["ann"]]["nps"] = 10
    town.crm.contacts[ids["bob"]]["comment"] = None
    del town.crm.contacts[ids["cyd"]]
    other = town.crm.add("dee@work.example")
    town.crm.merge(ids["dee"], other)
    report = verified(town)
    assert report.status == "partial"
    assert told(report.compared)[:2] == [
        (ids["ann"], "nps", Drift.CHANGED),
        (ids["bob"], "comment", Drift.EMPTIED),
    ]
    assert (report.compared.examples[0].ours, report.compared.examples[0].live) == (3, 10)
    assert report.compared.kinds == {
        Drift.CHANGED: 1,
        Drift.EMPTIED: 1,
        Drift.RECORD_GONE: 4,
        Drift.MERGED: 4,
    }
    assert {one.into for one in report.compared.examples if one.kind is Drift.MERGED} == {other}
    assert report.compared.drifting == sorted(ids.values())


def test_a_field_npsync_never_wrote_is_no_drift_when_its_record_is_gone(town: Town):
    gone, other = town.crm.add("ann@example.com"), town.crm.add("bob@example.com")
    merged = town.crm.add("cyd@example.com")
    town.tell(answer("ann", 3), answer("cyd", 3))  # no comment: nothing to write there
    town.run()
    written = [name for one in town.store.journal_of([gone]) for name in one.change.after]
    assert "comment" not in written
    del town.crm.contacts[gone]
    town.crm.merge(merged, other)
    found = verified(town).compared
    assert {name: dict(counted) for name, counted in found.drift.items()} == {
        name: {Drift.RECORD_GONE: 1, Drift.MERGED: 1} for name in written
    }


def test_a_report_kept_in_the_history_holds_no_value_of_a_customer(town: Town):
    ids = peopled(town, "ann")
    town.crm.contacts[ids["ann"]]["comment"] = "my private words"
    report = verified(town)
    kept = town.store.run(report.run)
    assert kept is not None
    assert (kept.kind, kept.status) == ("verify", "partial")
    assert kept.report["drift_by_field"] == {"comment": {"changed": 1}}
    assert "private" not in str(kept.report)
    assert "slow" not in str(kept.report)


def test_a_merge_that_a_run_followed_is_no_drift_any_more(town: Town):
    town.crm.tells_merges = True
    ids = peopled(town, "ann")
    other = town.crm.add("ann@work.example")
    town.crm.merge(ids["ann"], other)
    town.tell(answer("later", 9, days=1, email="ann@example.com"))
    town.run()
    report = verified(town)
    assert (report.status, report.compared.records) == ("succeeded", 1)


def test_a_sample_is_the_same_all_day_and_another_one_tomorrow(town: Town):
    ids = peopled(town, *(f"p{n}" for n in range(40)))
    for id in ids.values():
        town.crm.contacts[id]["nps"] = 10
    first, again = verified(town, sample=10), verified(town, sample=10)
    assert first.compared.drifting == again.compared.drifting
    assert (len(first.compared.drifting), first.compared.written) == (10, 40)
    town.later(days=1)
    assert verified(town, sample=10).compared.drifting != first.compared.drifting
    assert len(verified(town, sample=None).compared.drifting) == 40


def test_a_sync_that_is_running_is_not_verified_beside_itself(town: Town):
    peopled(town, "ann")
    with sync_lease(town.store, town.clock, SYNC, "somebody else"), pytest.raises(Busy):
        verified(town)


def test_a_crm_that_is_down_fails_the_verification_and_the_history_says_so(town: Town):
    peopled(town, "ann")

    def down(call: str) -> None:
        raise UnavailableError("crm: down for maintenance")

    town.crm.before_call = down
    report = verified(town)
    assert (report.status, report.problems) == ("failed", ("crm: down for maintenance",))
    kept = town.store.run(report.run)
    assert kept is not None
    assert kept.status == "failed"


def test_where_nothing_can_be_read_back_there_is_nothing_to_verify(town: Town):
    town.crm.write_only = "nobody can look. Let npsync look"
    with pytest.raises(ConfigError, match=r"cannot be verified: nobody can look\. Let npsync look"):
        verified(town)


def test_verifying_writes_nothing_to_the_crm_and_moves_no_state(town: Town):
    ids = peopled(town, "ann")
    town.crm.contacts[ids["ann"]]["nps"] = 10
    written, states = len(town.crm.writes), town.store.fates([1])
    verified(town)
    assert len(town.crm.writes) == written
    assert town.store.fates([1]) == states


@pytest.mark.parametrize(("policy", "shown"), [("if_ours", 10), ("always", 3)])
def test_planned_again_overwrite_decides_about_what_somebody_set(town: Town, policy: str, shown: int):
    town.given = {"fields": {"nps": {"from": "score", "overwrite": policy}, "comment": "comment"}}
    ids = peopled(town, "ann", "bob")
    ann = town.crm.contacts[ids["ann"]]
    ann |= {"nps": 10, "comment": None}
    report = verified(town)
    answers = to_plan_again(town.store, SYNC, report.compared.drifting)
    town.store.ask_again(SYNC, answers)
    again = town.run(asked=Asked(tuple(answers)))
    assert again.pulled == len(answers) == 1
    assert (ann["nps"], ann["comment"]) == (shown, "slow")


def test_the_breaker_still_knows_the_runs_behind_many_verifications(town: Town):
    peopled(town, "ann")
    (run_before,) = town.store.runs(kind="run")
    for _ in range(10):
        verified(town)
    assert [one.id for one in runs_before(town.store, SYNC, run=0)] == [run_before.id]


def test_a_run_that_died_while_verifying_is_ended_by_the_next(town: Town):
    peopled(town, "ann")
    dead = town.store.begin_run(SYNC, "verify", now=town.clock.now(), facts={})
    run(town.job(), town.store, town.clock, "next", dict)
    ended = town.store.run(dead)
    assert ended is not None
    assert ended.status == "failed"
