"""Answers to our own invitations: the record is known, and what made us ask can be written and matched by."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from builders_asking import invitation
from builders_sync import Town, answer, counts
from builders_why import why_one
from fake_clock import NOON
from memory_destination import OBJECT

from nps.asking import INVITATION, InvitationState
from nps.events import Subject
from nps.responses import Cursor, Page, ResponseStatus, SurveyResponse
from store.api import Link
from sync.engine import run
from sync.options import Options

ID = "Zk3vQ9xT7bH2mN5pL8sR1w"


def asked(town: Town, record_id: str, id: str = ID, **others: Any) -> None:
    """We asked the person of this record, because of case 500A."""
    town.sources.setdefault("npsync", None)  # type: ignore[arg-type]
    given = {
        "survey": "relationship",
        "object": OBJECT,
        "record_id": record_id,
        "subject": Subject("Case", "500A"),
    }
    one = invitation(id, **(given | others))
    town.store.decide_event(None, [(one, None)], [], {}, now=NOON)


def answered(town: Town, score: int = 9, id: str = ID, **others: Any) -> None:
    """On our own page."""
    given = {"source": "npsync", "email": None, "properties": {INVITATION: id}} | others
    put(town, answer(id, score, **given))


def put(town: Town, response: SurveyResponse) -> None:
    town.store.append(
        response.source, Page((response,), Cursor({})), [1], received_at=town.clock.now(), durable=True
    )


def test_an_answer_goes_to_the_record_that_was_asked_whatever_its_address(town: Town):
    ann, bob = town.crm.add("ann@example.com"), town.crm.add("bob@example.com")
    asked(town, ann)
    answered(town, 9, email="bob@example.com")
    assert counts(town.run())["written"] == 1
    assert town.shown() == {ann: 9, bob: None}


def test_an_answer_without_any_key_of_its_own_finds_its_record_too(town: Town):
    ann = town.crm.add("ann@example.com")
    asked(town, ann)
    answered(town, 3)
    town.run()
    assert town.shown() == {ann: 3}


def test_a_persons_decision_comes_before_the_invitation(town: Town):
    ann, bob = town.crm.add("ann@example.com"), town.crm.add("bob@example.com")
    asked(town, ann)
    answered(town, 9)
    town.store.decide([Link(town.job().answer_scope, f"npsync:{ID}", bob)], {}, now=NOON)
    town.run()
    assert town.shown() == {ann: None, bob: 9}


def test_the_record_that_was_asked_may_have_been_merged_since(town: Town):
    ann, survivor = town.crm.add("ann@example.com"), town.crm.add("ann@new.example.com")
    asked(town, ann)
    town.crm.merge(ann, survivor)
    answered(town, 9)
    town.run()
    assert town.shown() == {survivor: 9}


def test_without_the_record_the_answers_own_keys_decide(town: Town):
    bob = town.crm.add("bob@example.com")
    asked(town, "gone")
    answered(town, 9, email="bob@example.com")
    town.run()
    assert town.shown() == {bob: 9}


def test_with_neither_record_nor_key_it_waits(town: Town):
    town.crm.add("bob@example.com")
    asked(town, "gone")
    answered(town, 9)
    assert counts(town.run()) == {"waiting": 1}


def test_another_crm_is_matched_by_the_persons_address(town: Town):
    ann = town.crm.add("ann@example.com")
    asked(town, "003A", connection="elsewhere", object="Contact")
    answered(town, 8, email="Ann@Example.com")
    town.run()
    assert town.shown() == {ann: 8}


def test_an_answer_to_another_survey_does_not_lend_its_invitation(town: Town):
    ann = town.crm.add("ann@example.com")
    asked(town, ann, survey="support")
    answered(town, 8)
    assert counts(town.run()) == {"rejected": 1}


def test_an_invitation_that_nobody_knows_is_no_key(town: Town):
    town.crm.add("ann@example.com")
    town.sources["npsync"] = None  # type: ignore[assignment]
    answered(town, 8, properties={INVITATION: "forged"})
    assert counts(town.run()) == {"rejected": 1}


def test_a_survey_tool_that_hands_the_invitation_back_is_as_good_as_our_own_page(town: Town):
    ann = town.crm.add("ann@example.com")
    asked(town, ann)
    town.tell(answer("w1", 10, email="somebody@else.example", properties={INVITATION: ID, "plan": "gold"}))
    town.run()
    assert town.shown() == {ann: 10}


@pytest.mark.parametrize(
    ("days", "status", "state"),
    [
        (1, ResponseStatus.COMPLETE, InvitationState.ANSWERED),
        (1, ResponseStatus.PARTIAL, InvitationState.SENT),
        (-1, ResponseStatus.COMPLETE, InvitationState.SENT),  # of a time before we asked
        (20, ResponseStatus.COMPLETE, InvitationState.SENT),  # long after: the tool still has our property
    ],
)
def test_an_answer_that_comes_back_through_a_survey_tool_ends_its_invitation(
    town: Town, days: float, status: ResponseStatus, state: InvitationState
):
    ann = town.crm.add("ann@example.com")
    until = NOON + timedelta(days=14)
    asked(town, ann, state=InvitationState.SENT, sent_at=NOON, expires_at=until)
    town.clock.advance(30 * 86_400)
    town.tell(answer("w1", 10, days=days, status=status, properties={INVITATION: ID}))
    town.run()
    now = town.store.invitation(ID)
    assert now is not None
    assert now.state is state
    if state is InvitationState.ANSWERED:
        assert now.answered_at == NOON + timedelta(days=days)


def test_the_inbox_keeps_what_leads_to_the_invitation_and_nothing_else_unasked(town: Town):
    ann = town.crm.add("ann@example.com")
    asked(town, ann)
    town.tell(answer("w1", 10, properties={INVITATION: ID, "plan": "gold"}))
    job = town.job()
    bare = tuple(replace(feed, keep_properties=frozenset()) for feed in job.feeds)
    run(replace(job, feeds=bare), town.store, town.clock, "test", dict, Options())
    stored = town.store.answer("mail", "w1")
    assert stored is not None
    assert stored.properties == {INVITATION: ID}
    assert town.shown() == {ann: 10}


# ---------------------------------------------------------------- event.*


def test_what_happened_can_be_written_beside_the_score(town: Town):
    ann = town.crm.add("ann@example.com")
    asked(town, ann, facts={"CaseNumber": "00017"})
    answered(town, 9)
    town.run(job={"fields": {"nps": "score", "company": "event.CaseNumber", "code": "event.id"}})
    assert town.crm.shown("nps", "company", "code") == {ann: (9, "00017", "500A")}


def test_an_answer_finds_the_case_it_is_about_by_its_id(town: Town):
    case = town.crm.add(code="500A")
    town.crm.add("ann@example.com", code="500B")
    asked(town, "003A", connection="elsewhere", object="Contact")
    answered(town, 4, email="ann@example.com")
    report = town.run(job={"match": ("event.id",)})
    assert counts(report)["written"] == 1
    assert {id: shown for id, shown in town.shown().items() if shown is not None} == {case: 4}


def test_a_condition_may_ask_what_happened(town: Town):
    ann = town.crm.add("ann@example.com")
    asked(town, ann, facts={"Priority": "Low"})
    answered(town, 9)
    report = town.run(job={"where": 'event.Priority != "Low"'})
    assert counts(report) == {"excluded": 1}


def test_answers_without_an_invitation_have_no_event(town: Town):
    ann = town.crm.add("ann@example.com")
    town.tell(answer("a1", 9, email="ann@example.com"))
    town.run(job={"fields": {"nps": "score", "company": "event.CaseNumber"}})
    assert town.crm.shown("nps", "company") == {ann: (9, None)}


# ---------------------------------------------------------------- afterwards


def test_an_edit_on_the_page_is_written_and_the_first_version_is_history(town: Town):
    ann = town.crm.add("ann@example.com")
    asked(town, ann)
    answered(town, 9)
    town.run()
    answered(town, 2, updated_at=NOON + timedelta(hours=1))
    report = town.run()
    assert town.shown() == {ann: 2}
    assert report.status == "succeeded"


def test_undo_takes_an_own_answer_back_and_redo_writes_it_again(town: Town):
    ann = town.crm.add("ann@example.com", nps=5)
    asked(town, ann)
    answered(town, 9)
    first = town.run(adopt=True)
    assert town.shown() == {ann: 9}
    town.undo(first.run)
    assert town.shown() == {ann: 5}
    town.run()
    assert town.shown() == {ann: 5}


def test_why_tells_that_it_was_our_own_invitation(town: Town):
    ann = town.crm.add("ann@example.com")
    asked(town, ann)
    answered(town, 9)
    town.run()
    [one] = why_one(town, ann).answers
    assert (one.rule, one.source, one.decides) == ("own invitation", "npsync", True)


def test_a_plan_says_the_same_as_the_run_and_leaves_nothing_behind(town: Town):
    ann = town.crm.add("ann@example.com")
    asked(town, ann)
    answered(town, 9)
    before = list(town.store.dump())
    [(record, after)] = town.plan()
    assert (record, after["nps"]) == (ann, 9)
    assert list(town.store.dump()) == before


def test_answers_of_the_page_and_of_a_tool_count_together(town: Town):
    ann = town.crm.add("ann@example.com")
    asked(town, ann)
    town.tell(answer("a1", 3, email="ann@example.com", days=1))
    answered(town, 9, days=2)
    town.run()
    assert town.shown() == {ann: 9}
    town.tell(answer("a2", 5, email="ann@example.com", days=3))
    town.run()
    assert town.shown() == {ann: 5}
