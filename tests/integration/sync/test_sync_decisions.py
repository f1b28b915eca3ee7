"""A person's decision outranks every rule, is remembered, follows merges, and puts a wrong match right again."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from builders_sync import SYNC, Town, answer, counts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory_destination import OBJECT, BadDay, Killed

from nps.responses import ResponseStatus, SurveyResponse
from store.api import Asked, Link, State
from sync.report import Report

SCOPE = f"crm.{OBJECT}"
NOTE = "an old note"


def decide(
    town: Town, value: str, record: str, numbers: Iterable[int], *, scope: str = SCOPE, runs: bool = True
) -> Report | None:
    """As `npsync review link` does it: remembered and asked for in one step, then run."""
    again = tuple(numbers)
    town.store.decide([Link(scope, value, record)], {SYNC: again}, now=town.clock.now())
    return town.run(asked=Asked(again)) if runs else None


def test_a_decision_outranks_the_rules_for_this_answer_and_the_next(town: Town):
    one, other = town.crm.add("ann@example.com"), town.crm.add("ann@example.com")
    town.tell(answer("a1", 4, email="ann@example.com"))
    assert counts(town.run()) == {"review": 1}

    decide(town, "ann@example.com", other, [1])
    assert town.shown() == {one: None, other: 4}

    town.tell(answer("a2", 9, email="Ann@Example.com", days=1))
    town.run()
    assert town.shown() == {one: None, other: 9}
    assert town.store.states(SYNC, [2])[2].rule == "a person's decision"


def test_a_decision_for_one_answer_outranks_what_was_decided_for_its_key(town: Town):
    one, other = town.crm.add("ann@example.com"), town.crm.add("ann@example.com")
    town.tell(answer("a1", 4, email="ann@example.com"), answer("a2", 8, email="ann@example.com", days=1))
    town.run()
    decide(town, "ann@example.com", one, [1, 2])
    assert town.shown() == {one: 8, other: None}

    decide(town, "mail:a2", other, [2], scope=f"answer/{SCOPE}")
    assert town.shown() == {one: 4, other: 8}


def test_a_decision_whose_run_died_is_acted_on_by_the_next_run(town: Town):
    town.crm.add("ann@example.com")
    other = town.crm.add("ann@example.com")
    town.tell(answer("a1", 4, email="ann@example.com"))
    town.run()
    decide(town, "ann@example.com", other, [1], runs=False)
    town.run()
    assert town.shown()[other] == 4


def test_a_decision_follows_merges_and_is_brought_up_to_date(town: Town):
    town.crm.add("ann@example.com")
    other, survivor = town.crm.add("ann@example.com"), town.crm.add("new@example.com")
    town.tell(answer("a1", 4, email="ann@example.com"))
    town.run()
    decide(town, "ann@example.com", other, [1])
    town.crm.merge(other, survivor)

    town.tell(answer("a2", 9, email="ann@example.com", days=1))
    town.run()

    assert town.shown()[survivor] == 9
    assert town.store.links(SCOPE, ["ann@example.com"]) == {"ann@example.com": survivor}


def test_a_decision_for_a_record_that_is_gone_leaves_it_to_the_rules(town: Town):
    one, other = town.crm.add("ann@example.com"), town.crm.add("ann@example.com")
    town.tell(answer("a1", 4, email="ann@example.com"))
    town.run()
    decide(town, "ann@example.com", other, [1])
    del town.crm.contacts[other]
    town.tell(answer("a2", 9, email="ann@example.com", days=1))
    town.run()
    assert town.shown() == {one: 9}


# ------------------------------------------------------------ a wrong match, corrected


def wrongly_written(town: Town) -> tuple[str, str]:
    """An answer was written over a note on a record it does not belong to."""
    wrong, right = town.crm.add("ann@example.com", comment=NOTE), town.crm.add("right@example.com")
    town.tell(answer("a1", 9, email="ann@example.com", comment="great"))
    town.run()
    assert town.shown("nps", "comment")[wrong] == (9, "great")
    return wrong, right


def test_relinking_restores_the_wrong_record_and_writes_the_right_one(town: Town):
    wrong, right = wrongly_written(town)

    decide(town, "ann@example.com", right, [1])

    assert town.shown("nps", "comment", "segment") == {
        wrong: (None, NOTE, None),
        right: (9, "great", "promoter"),
    }
    assert town.plan(everything=True) == []
    assert town.run(everything=True).writes == {OBJECT: 0}


def test_what_somebody_changed_on_the_wrong_record_since_is_theirs(town: Town):
    wrong, right = wrongly_written(town)
    town.crm.contacts[wrong]["comment"] = "called him"
    decide(town, "ann@example.com", right, [1])
    assert town.shown("nps", "comment")[wrong] == (None, "called him")


def test_relinking_moves_every_answer_of_the_key_and_gives_the_place_back_to_others(town: Town):
    wrong, right = town.crm.add("ann@example.com"), town.crm.add("right@example.com")
    town.crm.aliases["ann2@example.com"] = wrong  # another address of hers
    town.tell(
        answer("hers", 3, email="ann2@example.com"),
        answer("a1", 9, email="ann@example.com", days=1),
        answer("a2", 8, email="ann@example.com", days=2),
    )
    town.run()
    assert town.shown()[wrong] == 8

    numbers = [n for n in (1, 2, 3) if town.store.responses([n])[n].id != "hers"]
    decide(town, "ann@example.com", right, numbers)

    assert town.shown() == {wrong: 3, right: 8}
    states = town.store.states(SYNC, [1, 2, 3])
    assert sorted((one.record_id, one.state.value) for one in states.values()) == sorted(
        [(wrong, "written"), (right, "superseded"), (right, "written")]
    )


def test_linking_back_and_forth_ends_where_it_began(town: Town):
    wrong, right = wrongly_written(town)
    decide(town, "ann@example.com", right, [1])
    decide(town, "ann@example.com", wrong, [1])
    assert town.shown("nps", "comment") == {wrong: (9, "great"), right: (None, None)}
    decide(town, "ann@example.com", right, [1])
    assert town.shown("nps", "comment") == {wrong: (None, NOTE), right: (9, "great")}


def test_an_answer_that_was_right_and_is_withdrawn_leaves_an_empty_field_not_a_stale_note(town: Town):
    ann = town.crm.add("ann@example.com", comment=NOTE)
    town.tell(answer("a1", 9, email="ann@example.com", comment="great"))
    town.run()
    town.tell(answer("a1", None, email="ann@example.com", status=ResponseStatus.WITHDRAWN))
    town.run()
    assert town.shown("nps", "comment") == {ann: (None, None)}


@pytest.mark.parametrize("lost_reply", [False, True])
@pytest.mark.parametrize("after", range(8))
def test_a_relink_killed_anywhere_comes_to_the_same(town: Town, after: int, lost_reply: bool):
    town.crm.batch = 1  # the wrong and the right record are two calls
    wrong, right = wrongly_written(town)
    day = BadDay(after, Killed())
    setattr(town.crm, "after_write" if lost_reply else "before_call", day)
    try:
        decide(town, "ann@example.com", right, [1])
    except Killed:
        town.later(hours=1)
    town.crm.before_call = lambda call: None
    town.crm.after_write = lambda: None
    town.run()
    assert town.shown("nps", "comment") == {wrong: (None, NOTE), right: (9, "great")}
    writes = [(id, after_["comment"]) for id, after_ in town.crm.writes if "comment" in after_]
    assert sorted(writes) == sorted([(wrong, "great"), (wrong, NOTE), (right, "great")])  # each once


# ------------------------------------------------------------ properties


answers = st.lists(
    st.builds(
        lambda id, score, days, who: answer(id, score, days=days, email=f"{who}@example.com"),
        st.sampled_from(["r1", "r2", "r3", "r4"]),
        st.integers(0, 10),
        st.integers(0, 9),
        st.sampled_from(["ann", "bob"]),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda one: one.id,
)


@settings(max_examples=20, suppress_health_check=list(HealthCheck), deadline=None)
@given(told=answers, decided=st.lists(st.sampled_from(["c1", "c2", "c3"]), min_size=1, max_size=4))
def test_wherever_answers_are_linked_records_show_exactly_what_belongs_to_them(
    fresh_town: Callable[[], Town], told: list[SurveyResponse], decided: list[str]
):
    town = fresh_town()
    for name in ("ann", "bob", "cyd"):
        town.crm.add(f"{name}@example.com", comment=NOTE)
    town.tell(*told)
    town.run()
    anns = [n for n, one in town.store.responses(range(1, 7)).items() if one.email == "ann@example.com"]
    for record in decided:
        decide(town, "ann@example.com", record, anns)

    home = {"ann@example.com": decided[-1], "bob@example.com": "c2"}
    newest = {}
    for one in sorted(told, key=lambda one: (one.answered_at, one.id)):
        newest[home[one.email]] = one.score
    assert town.shown() == {id: newest.get(id) for id in ("c1", "c2", "c3")}
    for id in ("c1", "c2", "c3"):
        touched = id in newest
        assert (town.shown("comment")[id] == NOTE) == (not touched)
    assert town.plan(everything=True) == []
    state = town.store.states(SYNC, anns)
    assert all(one.record_id == decided[-1] for one in state.values())
    assert {one.state for one in state.values()} <= {State.WRITTEN, State.UNCHANGED, State.SUPERSEDED}
