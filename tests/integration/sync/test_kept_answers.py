"""`history:`: each answer as a record of its own, once, and up to date."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from builders_aftercare import HISTORY, CaringTown, followed
from builders_sync import answer
from memory_aftercare import deferred, refusal
from memory_destination import Killed, heal

from nps.changes import Cause, Rejected
from nps.errors import AccessError, BudgetError, UnavailableError
from nps.responses import ResponseStatus
from store.api.outbox import Kind, Stage

Build = Callable[..., CaringTown]


@pytest.fixture
def town(caring_town: Build) -> CaringTown:
    return caring_town(history=HISTORY)


def kept(town: CaringTown, *names: str) -> dict[str, tuple[object, ...]]:
    return {
        key: tuple(fields[name] for name in names or ("score",))
        for key, fields in town.crm.kept_entries.items()
    }


def test_every_answer_is_kept_once_also_the_older_ones(town: CaringTown):
    ann = town.contact("ann")
    town.tell(
        answer("a", 3, days=1, email="ann@example.com"), answer("b", 9, days=2, email="ann@example.com")
    )
    report = town.run()
    assert kept(town, "score", "before", "of", "our_key") == {
        "mail:a": (3, None, ann, "mail:a"),
        "mail:b": (9, 3, ann, "mail:b"),
    }
    assert town.crm.kept_about["mail:a"] == {"contacts": ann}
    assert followed(report, Kind.HISTORY) == {"created": 2}
    assert report.as_json()["followed"] == {"history": {"created": 2}}
    assert report.status == "succeeded"


def test_a_run_without_anything_new_makes_no_call(town: CaringTown):
    town.contact("ann")
    town.tell(answer("a", 3, email="ann@example.com"))
    town.run()
    town.crm.calls.clear()
    assert followed(town.run(), Kind.HISTORY) == {}
    assert "keep" not in town.crm.calls
    assert "get" not in town.crm.calls


def test_an_edit_updates_the_same_record(town: CaringTown):
    town.contact("ann")
    town.tell(answer("a", 3, email="ann@example.com"))
    town.run()
    town.tell(answer("a", 8, comment="better now", email="ann@example.com"))
    report = town.run()
    assert kept(town, "score", "said") == {"mail:a": (8, "better now")}
    assert followed(report, Kind.HISTORY) == {"updated": 1}
    assert town.twice() == []


def test_an_answer_that_belongs_to_somebody_else_now_is_moved(town: CaringTown):
    town.contact("ann")
    bob = town.contact("bob")
    town.tell(answer("a", 3, email="ann@example.com"))
    town.run()
    town.tell(answer("a", 3, email="bob@example.com"))
    town.run()
    assert kept(town, "of") == {"mail:a": (bob,)}
    assert town.crm.kept_about["mail:a"] == {"contacts": bob}


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_note_of_an_answer_that_belongs_to_somebody_else_now_is_taken_away_from_the_first(
    caring_town: Build, is_killed: bool
):
    """Notes have no key: one is only found at its record, so the second record gets one of its own."""
    town = caring_town(history={"object": "notes", "fields": {"body": "comment"}})
    notes = town.crm.keep_notes()
    ann, bob = town.contact("ann"), town.contact("bob")
    town.tell(answer("ann", 3, comment="mine"))
    town.run()
    assert list(notes.values()) == [(ann, "mine")]
    town.tell(answer("ann", 3, email="bob@example.com", comment="mine"))
    if is_killed:

        def die(call: str) -> None:
            if call == "keep":
                raise Killed

        town.crm.before_call = die
        with pytest.raises(Killed):
            town.run()
        heal(town.crm)
        town.later(minutes=5)
    town.run()
    assert list(notes.values()) == [(bob, "mine")]


def test_what_is_kept_follows_the_survivor_of_a_merge(town: CaringTown):
    ann, survivor = town.contact("ann"), town.contact("anna")
    town.crm.outcome["mail:a"] = deferred
    town.tell(answer("a", 3, email="ann@example.com"))
    town.run()
    town.crm.merge(ann, survivor)
    town.run()
    assert kept(town, "of") == {"mail:a": (survivor,)}


def test_a_withdrawn_answer_stays_as_it_was(town: CaringTown):
    town.contact("ann")
    town.tell(answer("a", 3, email="ann@example.com"))
    town.run()
    town.tell(answer("a", 3, email="ann@example.com", status=ResponseStatus.WITHDRAWN))
    assert followed(town.run(), Kind.HISTORY) == {"unchanged": 1}
    assert kept(town) == {"mail:a": (3,)}


def test_a_withdrawn_answer_is_marked_as_the_mapping_says(caring_town: Build):
    town = caring_town(history={**HISTORY, "withdrawn": {"gone": True}})
    town.contact("ann")
    town.tell(answer("a", 3, email="ann@example.com"))
    town.run()
    town.tell(answer("a", 3, email="ann@example.com", status=ResponseStatus.WITHDRAWN))
    town.tell(answer("never", 3, email="ann@example.com", status=ResponseStatus.WITHDRAWN))
    town.run()
    assert kept(town, "score", "gone") == {"mail:a": (3, True)}


def test_history_turned_on_later_is_filled_by_a_run_of_everything(caring_town: Build):
    town = caring_town()
    town.contact("ann")
    town.tell(answer("a", 3, email="ann@example.com"), answer("b", 9, days=1, email="ann@example.com"))
    town.run()
    town.history = HISTORY
    assert followed(town.run(), Kind.HISTORY) == {}
    assert followed(town.run(everything=True), Kind.HISTORY) == {"created": 2}
    assert kept(town) == {"mail:a": (3,), "mail:b": (9,)}
    assert followed(town.run(everything=True), Kind.HISTORY) == {"unchanged": 2}


def test_a_changed_mapping_reaches_what_was_kept_by_a_run_of_everything(town: CaringTown):
    town.contact("ann")
    town.tell(answer("a", 3, email="ann@example.com"))
    town.run()
    town.history = {**HISTORY, "fields": {"score": {"value": 77}}}
    assert followed(town.run(everything=True), Kind.HISTORY) == {"updated": 1}
    assert kept(town) == {"mail:a": (77,)}


def test_an_answer_without_a_record_is_kept_once_it_has_one(town: CaringTown):
    town.tell(answer("a", 3, email="ann@example.com"))
    assert followed(town.run(), Kind.HISTORY) == {}
    town.contact("ann")
    assert followed(town.run(recheck=True), Kind.HISTORY) == {"created": 1}


def test_an_answer_older_than_valid_for_is_kept_all_the_same(caring_town: Build):
    from datetime import timedelta

    town = caring_town(history=HISTORY, valid_for=timedelta(days=10))
    town.contact("ann")
    town.tell(answer("old", 3, email="ann@example.com"))
    assert followed(town.run(), Kind.HISTORY) == {"created": 1}
    assert town.shown() == {"c1": None}


def test_a_refused_entry_is_told_and_can_be_retried(town: CaringTown):
    town.contact("ann")
    town.crm.outcome["mail:a"] = refusal
    town.tell(answer("a", 3, email="ann@example.com"))
    report = town.run()
    assert (followed(report, Kind.HISTORY), report.status) == ({"rejected": 1}, "partial")
    assert town.shown() == {"c1": 3}
    (entry,) = town.outbox()
    assert (entry.stage, entry.code) == (Stage.REJECTED, "validation")
    assert town.run().status == "succeeded"
    assert kept(town) == {}
    town.store.retry_entries([entry.id], now=town.clock.now())
    assert followed(town.run(), Kind.HISTORY) == {"created": 1}


def test_what_the_vendor_stumbled_over_is_tried_again_by_itself(town: CaringTown):
    town.contact("ann")
    town.crm.outcome["mail:a"] = lambda key: Rejected(key, "busy", "row lock", cause=Cause.TRANSIENT)
    town.tell(answer("a", 3, email="ann@example.com"))
    assert followed(town.run(), Kind.HISTORY) == {"left": 1}
    assert followed(town.run(), Kind.HISTORY) == {}
    town.later(minutes=6)
    assert followed(town.run(), Kind.HISTORY) == {"created": 1}


def test_what_is_put_off_again_and_again_is_left_to_a_person(town: CaringTown):
    town.contact("ann")
    for score in range(7):  # what went well before does not count
        town.tell(answer("a", score, email="ann@example.com"))
        town.run()
    town.tell(answer("a", 9, email="ann@example.com"))
    for _ in range(4):
        town.crm.outcome["mail:a"] = deferred
        assert followed(town.run(), Kind.HISTORY) == {"left": 1}
    town.crm.outcome["mail:a"] = deferred
    assert followed(town.run(), Kind.HISTORY) == {"rejected": 1}
    assert town.outbox()[0].reason == "put off 5 times: somebody has it open"


def test_a_value_the_object_cannot_hold_is_refused_without_a_call(town: CaringTown):
    town.contact("ann")
    town.contact("bob")
    town.tell(
        answer("a", 3, comment="x" * 50, email="ann@example.com"), answer("b", 9, email="bob@example.com")
    )
    report = town.run(job={"fields": {"nps": "score"}})
    assert followed(report, Kind.HISTORY) == {"rejected": 1, "created": 1}
    assert kept(town) == {"mail:b": (9,)}
    assert "said holds 40 characters" in town.outbox()[0].reason


@pytest.mark.parametrize("error", [AccessError("no"), BudgetError("spent"), UnavailableError("down")])
def test_a_crm_that_takes_no_history_fails_no_score(town: CaringTown, error: Exception):
    town.contact("ann")
    town.tell(answer("a", 3, email="ann@example.com"))

    def fails(call: str) -> None:
        if call == "keep":
            raise error

    town.crm.before_call = fails
    report = town.run()
    assert (report.status, town.shown()) == ("partial", {"c1": 3})
    assert any(str(error) in problem for problem in report.problems)
    town.crm.before_call = lambda call: None
    assert town.run().status == "succeeded"
    assert kept(town) == {"mail:a": (3,)}
    assert town.twice() == []


def test_an_entry_nobody_answered_for_is_looked_up_before_it_is_sent_again(town: CaringTown):
    town.contact("ann")
    town.crm.mute.add("mail:a")
    town.tell(answer("a", 3, email="ann@example.com"))
    report = town.run()
    assert (followed(report, Kind.HISTORY), report.status) == ({"unknown": 1}, "partial")
    town.crm.mute.clear()
    town.crm.calls.clear()
    assert followed(town.run(), Kind.HISTORY) == {"updated": 1}
    assert town.crm.calls.index("kept") < town.crm.calls.index("keep")
    assert town.twice() == []


def test_a_plan_shows_what_would_be_kept_and_writes_nothing(town: CaringTown):
    town.contact("ann")
    town.tell(answer("a", 3, email="ann@example.com"))
    before = list(town.store.dump())
    made = town.previewed_whole()
    assert made.followed.as_json() == {"history": {"created": 1}}
    assert made.followed.tallies[Kind.HISTORY].examples == ["mail:a: 3"]
    assert made.cost == {"crm": 2}
    assert town.crm.kept_entries == {}
    assert list(town.store.dump()) == before


def test_a_run_for_one_person_keeps_only_theirs(town: CaringTown):
    town.contact("ann")
    town.contact("bob")
    for name in ("ann", "bob"):
        town.crm.outcome[f"mail:{name}"] = deferred
    town.tell(answer("ann", 3, email="ann@example.com"), answer("bob", 9, email="bob@example.com"))
    town.run()
    town.later(minutes=1)
    town.tell(answer("ann", 4, email="ann@example.com"))
    town.run(only="ann@example.com")
    assert kept(town) == {"mail:ann": (4,)}
    town.run()
    assert kept(town) == {"mail:ann": (4,), "mail:bob": (9,)}
