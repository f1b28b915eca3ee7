"""One sync, step by step: what records show and where answers are."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from builders_sync import Town, answer, counts
from fake_clock import NOON

from nps.responses import ResponseStatus


def test_the_newest_answer_is_shown_however_late_older_ones_arrive(town: Town):
    ann = town.crm.add("ann@example.com")
    town.tell(answer("new", 9, days=2, email="ann@example.com"))
    assert counts(town.run()) == {"written": 1}
    town.tell(answer("old", 3, days=1, email="ann@example.com"))
    report = town.run()
    assert (counts(report), report.writes) == ({"superseded": 1}, {"contacts": 0})
    assert town.shown() == {ann: 9}


def test_two_addresses_may_be_one_contact(town: Town):
    town.crm.add("ann@example.com", code="C-1")
    town.tell(
        answer("a", 3, days=1, email="ann@example.com"), answer("b", 9, days=2, email=None, external_id="C-1")
    )
    report = town.run(job={"match": ("external_id", "email")})
    assert (counts(report), town.crm.writes[0][1]["nps"]) == ({"written": 1, "superseded": 1}, 9)
    assert report.writes == {"contacts": 1}


@pytest.mark.parametrize("late", [False, True])
def test_an_answer_dated_in_the_future_counts_and_is_shown_as_received(town: Town, late: bool):
    town.crm.add("ann@example.com")
    wrong = answer("wrong", 2, days=4000, email="ann@example.com")
    received = town.clock.now()
    town.tell(wrong)
    assert town.run().future_dated == 1
    assert town.shown("nps", "last") == {"c1": (2, received.isoformat())}
    town.later(days=1)
    town.tell(answer("right", 8, days=101 if late else 100.5, email="ann@example.com"))
    town.run()
    assert town.shown() == {"c1": 8}


def test_a_tie_is_won_by_the_later_source_of_the_yaml(town: Town):
    town.crm.add("ann@example.com")
    town.tell(answer("z", 1, email="ann@example.com"), answer("a", 2, email="ann@example.com", source="app"))
    town.run()
    assert town.shown() == {"c1": 2}


def test_an_edit_that_moves_an_answer_plans_both_records(town: Town):
    ann, bob = town.crm.add("ann@example.com"), town.crm.add("bob@example.com")
    town.tell(answer("a", 9, email="ann@example.com"))
    town.run()
    town.tell(answer("a", 9, email="bob@example.com"))
    assert counts(town.run()) == {"written": 1}
    assert town.shown() == {ann: None, bob: 9}


@pytest.mark.parametrize("status", [ResponseStatus.WITHDRAWN, ResponseStatus.EXCLUDED])
def test_what_must_not_count_any_more_gives_way_to_the_answer_before_it(town: Town, status: ResponseStatus):
    town.crm.add("ann@example.com")
    town.tell(answer("a", 3, email="ann@example.com"), answer("b", 9, days=1, email="ann@example.com"))
    town.run()
    town.tell(answer("b", 9, days=1, email="ann@example.com", status=status))
    town.run()
    assert town.shown() == {"c1": 3}
    town.tell(answer("a", 3, email="ann@example.com", status=status))
    assert counts(town.run()) == {"excluded": 1}
    assert town.shown("nps", "segment", "last") == {"c1": (None, None, None)}


def test_clearing_leaves_what_a_person_wrote(town: Town):
    town.crm.add("ann@example.com")
    town.tell(answer("a", 3, comment="meh", email="ann@example.com"))
    town.run()
    town.crm.contacts["c1"]["comment"] = "call her"
    town.tell(answer("a", 3, email="ann@example.com", status=ResponseStatus.WITHDRAWN))
    town.run()
    assert town.shown("nps", "comment") == {"c1": (None, "call her")}


def test_a_value_somebody_else_changed_is_kept_until_adopted(town: Town):
    town.crm.add("ann@example.com")
    town.tell(answer("a", 3, email="ann@example.com"))
    town.run()
    town.crm.contacts["c1"]["nps"] = 7
    town.tell(answer("b", 9, days=1, email="ann@example.com"))
    report = town.run()
    assert (town.shown(), report.fields.kept) == ({"c1": 7}, {"nps": 1})
    town.run(everything=True, adopt=True)
    assert town.shown() == {"c1": 9}


def test_an_answer_no_field_can_hold_gives_way_to_the_one_before_it(town: Town):
    town.crm.add("ann@example.com")
    long = "x" * 41
    town.tell(
        answer("a", 3, email="ann@example.com"), answer("b", 9, days=1, comment=long, email="ann@example.com")
    )
    assert counts(town.run()) == {"written": 1, "rejected": 1}
    assert town.shown() == {"c1": 3}
    (letter,) = town.store.dead_letters()
    assert (letter.code, letter.field, letter.record_id) == ("too_long", "comment", "c1")


def test_a_mapping_that_cannot_show_an_answer_any_more_empties_no_record(town: Town):
    town.crm.add("ann@example.com")
    town.tell(answer("a", 3, email="ann@example.com"))
    town.run()
    wrong = {"nps": "score", "segment": {"from": "segment", "map": {"promoter": "Promoter"}}}

    report = town.run(everything=True, job={"fields": wrong})

    assert counts(report) == {"rejected": 1}
    assert town.shown("nps", "segment") == {"c1": (3, "detractor")}
    town.run(everything=True)
    assert [letter.status for letter in town.store.dead_letters()] == ["resolved"]


def test_what_an_answer_wrote_that_the_mapping_cannot_show_stays_whatever_happens_to_others(town: Town):
    town.crm.add("ann@example.com")
    town.tell(answer("a", 3, email="ann@example.com"))
    town.run()
    wrong = {"nps": "score", "segment": {"from": "segment", "map": {"promoter": "Promoter"}}}
    town.run(everything=True, job={"fields": wrong})

    for withdrawn in ({}, {"status": ResponseStatus.WITHDRAWN}):
        town.tell(answer("b", 5, days=1, email="ann@example.com", **withdrawn))
        town.run(job={"fields": wrong})
        assert town.shown("nps", "segment") == {"c1": (3, "detractor")}


def test_what_a_withdrawn_answer_wrote_is_cleared_beside_one_the_mapping_cannot_show(town: Town):
    town.crm.add("ann@example.com")
    promoters = {"nps": "score", "segment": {"from": "segment", "map": {"promoter": "Promoter"}}}
    town.tell(answer("a", 3, email="ann@example.com"), answer("b", 10, days=-1, email="ann@example.com"))
    town.run(job={"fields": promoters})
    assert town.shown("nps", "segment") == {"c1": (10, "Promoter")}

    town.tell(answer("b", 10, days=-1, email="ann@example.com", status=ResponseStatus.WITHDRAWN))
    town.run(job={"fields": promoters})

    assert town.shown("nps", "segment") == {"c1": (None, None)}


def test_a_refused_write_is_a_dead_letter_and_is_not_tried_again(town: Town):
    town.crm.add("ann@example.com")
    town.crm.refused.add("c1")
    town.tell(answer("a", 3, email="ann@example.com"))
    assert (town.run().status, town.run().writes) == ("partial", {"contacts": 0})
    assert [letter.code for letter in town.store.dead_letters()] == ["validation"]
    assert town.crm.calls.count("write") == 1


@pytest.mark.parametrize(
    "edit", [{"score": 8}, {"status": ResponseStatus.WITHDRAWN}, {"score": 8, "days": -1}]
)
def test_a_dead_letter_is_resolved_once_its_answer_is_fine_or_gone(town: Town, edit: dict[str, Any]):
    town.crm.add("ann@example.com")
    town.tell(answer("b", 5, email="ann@example.com"), answer("a", "eleven", email="ann@example.com"))
    town.run()
    town.tell(answer("a", score="twelve", email="ann@example.com"))
    town.run()
    assert [letter.status for letter in town.store.dead_letters()] == ["open", "retried"]
    town.tell(answer("a", **({"score": 11, "email": "ann@example.com"} | edit)))
    town.run()
    assert [letter.status for letter in town.store.dead_letters()] == ["resolved", "retried"]


def test_fields_are_cleared_once_the_answer_is_no_longer_valid(town: Town):
    town.given["valid_for"] = timedelta(days=120)
    town.crm.add("ann@example.com")
    town.tell(answer("a", 3, email="ann@example.com"))
    town.run()
    town.later(days=19)
    assert town.run().pulled == 0
    town.later(days=2)
    assert counts(town.run()) == {"excluded": 1}
    assert town.shown() == {"c1": None}
    assert town.run().calls == {}


def test_a_changed_mapping_is_planned_anew_on_request(town: Town):
    town.crm.add("ann@example.com")
    town.tell(answer("a", 3, email="ann@example.com"))
    town.run()
    changed = {"fields": {"nps": "score", "asked": {"value": "yes"}}}
    assert town.run(job=changed).pulled == 0
    assert counts(town.run(job=changed, everything=True)) == {"written": 1}
    assert town.shown("asked") == {"c1": "yes"}
    assert counts(town.run(job={"where": "score > 5"}, everything=True)) == {"excluded": 1}
    assert town.shown("nps", "asked") == {"c1": (None, "yes")}


def test_a_limited_run_leaves_the_rest_pending(town: Town):
    for n in range(5):
        town.crm.add(f"a{n}@example.com")
        town.tell(answer(f"a{n}", n))
    assert counts(town.run(limit=2)) == {"written": 2, "pending": 3}
    assert counts(town.run(only="a0@example.com"))["pending"] >= 2
    assert "pending" not in counts(town.run())
    assert town.shown() == {f"c{n + 1}": n for n in range(5)}


def test_a_limited_run_never_lets_an_older_answer_take_a_record_over(town: Town):
    """With --all everything lies in the work, also the newer answer that the limit leaves there."""
    town.crm.add("ann@example.com", code="C-1")
    town.given["match"] = ("external_id", "email")
    old = answer("old", 3, days=1, email="ann@example.com")
    town.tell(old, answer("new", 9, days=2, email="home@example.com", external_id="C-1"))
    town.run()
    for only in ("old", "new", "old"):
        town.run(everything=True, only=only)
        assert town.shown() == {"c1": 9}
    town.run()
    assert counts(town.run(everything=True)) == {"unchanged": 1, "superseded": 1}


def test_half_finished_answers_wait_for_the_rest(town: Town):
    town.crm.add("a1@example.com")
    town.tell(answer("a1", 3, status=ResponseStatus.PARTIAL))
    assert counts(town.run()) == {"pending": 1}
    town.crm.calls.clear()
    assert (counts(town.run()), town.crm.calls) == ({"pending": 1}, ["describe"])
    town.tell(answer("a1", 4))
    assert counts(town.run()) == {"written": 1, "superseded": 1}


def test_a_waiting_answer_is_looked_up_again_after_an_hour_six_and_then_daily(town: Town):
    town.tell(answer("a1", 3))
    assert counts(town.run()) == {"waiting": 1}
    looked = []
    for hours in range(1, 50):
        town.later(hours=1)
        if town.run().pulled:
            looked.append(hours)
    assert looked == [1, 6, 24, 48]
    town.crm.add("a1@example.com")
    assert town.run().pulled == 0
    assert counts(town.run(recheck=True)) == {"written": 1}


def test_a_waiting_answer_is_not_looked_up_for_ever(town: Town):
    town.tell(answer("a1", 3))
    town.run()
    town.later(days=91)
    assert town.run().pulled == 1
    town.later(days=365)
    assert town.run().pulled == 0


def test_people_who_share_an_address_are_reviewed(town: Town):
    town.crm.add("ann@example.com"), town.crm.add("ann@example.com")
    town.tell(answer("a", 3, email="ann@example.com"))
    assert counts(town.run()) == {"review": 1}
    assert town.crm.writes == []


def test_a_reviewed_answer_finds_its_record_once_the_crm_is_put_right(town: Town):
    town.crm.add("ann@example.com"), town.crm.add("ann@example.com")
    town.tell(answer("a", 3, email="ann@example.com"))
    town.run()
    town.crm.merge("c2", "c1")
    assert town.run().pulled == 0
    assert counts(town.run(recheck=True)) == {"written": 1}


def test_a_persons_decision_comes_before_every_rule(town: Town):
    town.crm.add("ann@example.com"), town.crm.add("ann@example.com")
    town.tell(answer("a", 3, email="ann@example.com"))
    town.store.link("crm.contacts", "ann@example.com", "c2", now=NOON)
    town.run()
    assert town.shown() == {"c1": None, "c2": 3}


def test_a_decision_for_a_record_that_is_gone_gives_way_to_the_rules(town: Town):
    town.crm.add("ann@example.com")
    town.tell(answer("a", 3, email="ann@example.com"))
    town.store.link("crm.contacts", "ann@example.com", "c9", now=NOON)
    town.run()
    assert town.shown() == {"c1": 3}


@pytest.mark.parametrize("tells", [False, True])
def test_a_merged_record_brings_its_answers_along(town: Town, tells: bool):
    town.crm.tells_merges = tells
    town.crm.add("home@example.com"), town.crm.add("work@example.com")
    town.tell(answer("a", 9, days=5, email="home@example.com"), answer("b", 2, email="work@example.com"))
    town.run()
    town.crm.merge("c1", "c2")
    town.tell(answer("a", 10, days=5, email="home@example.com"))  # an edit: the old id is asked for
    town.run()
    assert town.shown() == {"c2": 10}
    town.tell(answer("c", 4, days=3, email="work@example.com"))
    town.run()
    assert town.shown() == {"c2": 10}
    town.tell(answer("a", 10, days=5, email="home@example.com", status=ResponseStatus.WITHDRAWN))
    town.run()
    assert town.shown() == {"c2": 4}


def test_a_merge_seen_once_is_remembered(town: Town):
    """Only the old id tells it, and nobody asks for that again."""
    town.crm.add("home@example.com"), town.crm.add("work@example.com")
    town.tell(
        answer("new", 9, days=5, email="home@example.com"), answer("old", 2, days=1, email="home@example.com")
    )
    town.run()
    town.crm.merge("c1", "c2")
    town.tell(answer("old", 3, days=1, email="home@example.com"))
    town.run()
    assert town.shown() == {"c2": 9}
    town.tell(answer("between", 4, days=3, email="work@example.com"))
    town.run()
    assert town.shown() == {"c2": 9}


def test_what_was_written_to_a_merged_record_is_still_ours_on_its_survivor(town: Town):
    town.crm.add("home@example.com"), town.crm.add("work@example.com")
    town.tell(answer("a", 9, email="home@example.com"))
    town.run()
    town.crm.contacts["c2"]["nps"] = 9  # the merge took the value over
    town.crm.merge("c1", "c2")
    town.tell(answer("a", 9, email="home@example.com", status=ResponseStatus.WITHDRAWN))
    town.run()
    assert town.shown() == {"c2": None}


def test_a_record_reached_from_several_chunks_gets_one_change_and_the_newest_answer(town: Town):
    """People are taken up in the order of their numbers, so two addresses of a contact lie anywhere."""
    town.given["match"] = ("external_id", "email")
    town.sources["mail"].page = 1000
    town.crm.batch = 1
    for n in range(30):
        town.crm.add(f"work{n}@example.com", code=f"C{n}", nps=3 if n % 2 else 9, segment="promoter")
        town.tell(answer(f"old{n}", 3, days=1, email=f"home{n}@example.com", external_id=f"C{n}"))
        town.tell(answer(f"new{n}", 9, days=2, email=f"work{n}@example.com"))
    town.tell(*(answer(f"nobody{n}") for n in range(2100)))
    changed = {"fields": {"nps": "score"}}
    town.given.update(changed)
    assert len(town.plan()) == 15
    assert town.cost == {"crm": 15}
    assert counts(town.run()) == {"written": 15, "unchanged": 15, "superseded": 30, "waiting": 2100}
    assert set(town.shown().values()) == {9}


def test_a_merge_that_leaves_no_key_behind_is_followed(town: Town):
    town.crm.add("home@example.com"), town.crm.add("work@example.com")
    town.tell(answer("a", 9, email="home@example.com"))
    town.run()
    town.crm.merge("c1", "c2", keeps_email=False)
    town.tell(answer("a", 7, email="home@example.com"))
    assert counts(town.run()) == {"written": 1}
    assert town.shown() == {"c2": 7}


def test_a_sync_added_later_takes_up_what_was_read_before(town: Town):
    town.crm.add("a1@example.com")
    town.tell(answer("a1", 3))
    town.run()
    report = town.run(job={"name": "other", "fields": {"asked": {"value": "yes"}}})
    assert (report.pulled, report.repeated, town.shown("asked")) == (1, 0, {"c1": "yes"})


def test_an_edit_that_another_sync_pulls_meanwhile_counts_from_the_next_run(town: Town):
    """Two syncs on one source: what the other one pulls while this one plans must not take an answer away from it."""
    town.crm.add("ann@example.com")
    town.tell(answer("new", 9, days=2, email="ann@example.com"))
    town.run()

    def the_other_pulls(call: str) -> None:
        if call == "find":
            town.crm.before_call = lambda call: None
            town.tell(answer("new", 8, days=2, email="ann@example.com"))
            town.run(job={"name": "other", "fields": {"asked": {"value": "yes"}}})

    town.tell(answer("old", 3, days=1, email="ann@example.com"))
    town.crm.before_call = the_other_pulls
    town.run()
    assert town.shown("nps", "asked") == {"c1": (9, "yes")}
    town.run()
    assert town.shown() == {"c1": 8}


def test_a_source_that_left_the_survey_does_not_stop_the_rest(town: Town):
    town.crm.add("a1@example.com"), town.crm.add("b1@example.com")
    town.tell(answer("a1", 3), answer("b1", 4, source="app"))
    town.run(limit=1)
    left = town.sources.pop("app")
    report = town.run()
    assert report.status != "failed"
    town.sources["app"] = left
    town.run(everything=True)
    assert town.shown() == {"c1": 3, "c2": 4}
    del town.sources["app"]
    town.tell(answer("late", 2, days=-1, email="b1@example.com"))
    town.run()
    assert town.shown() == {"c1": 3, "c2": 2}, "what it told before does not count either"


def test_a_plan_shows_what_a_run_would_write_and_leaves_nothing(town: Town):
    town.crm.add("a1@example.com")
    town.tell(answer("a1", 3))
    before = list(town.store.dump())
    planned = town.plan()
    assert list(town.store.dump()) == before
    assert town.crm.writes == []
    town.run()
    assert town.crm.writes == planned
    assert town.plan() == []


def test_only_changes_equal_to_the_reviewed_plan_are_written(town: Town):
    town.crm.add("a1@example.com"), town.crm.add("b1@example.com")
    fields = {"fields": {"nps": "score"}}
    town.tell(answer("a1", 3), answer("b1", 4))
    report = town.run(
        job=fields, expect={"c1": ({"nps": None}, {"nps": 3}), "c2": ({"nps": None}, {"nps": 5})}
    )
    assert (town.shown(), counts(report), report.status) == (
        {"c1": 3, "c2": None},
        {"written": 1, "pending": 1},
        "partial",
    )
    assert "1 changes differ" in report.problems[0]
