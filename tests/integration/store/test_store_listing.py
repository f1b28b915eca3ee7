"""What waits for people and who was asked, page by page, and from an index however much is stored."""

from __future__ import annotations

from datetime import timedelta

from builders_asking import claim, invitation, queue, reserve, step
from builders_store import NOON, SYNC, Syncing, answer, later, receive

from nps.asking import InvitationState, StepKind, Suppression, SuppressionReason
from nps.changes import Cause, Rejected
from nps.sending import Accepted
from store.api import Link, Settled, State, Verdict, Wanted
from store.api.figures import AskedSince, Refused
from store.api.outbox import Kind, Opening, Settling, Stage
from store.sql import SqlStore

AGES_AGO = NOON - timedelta(days=9999)


def waiting(store: SqlStore, syncing: Syncing, *codes: str, state: State = State.REVIEW) -> None:
    """One answer for each of these reasons."""
    first = 1 + len(store.answers_page(limit=10_000))
    receive(store, *(answer(f"a{first + n}") for n in range(len(codes))), cursor=first)
    syncing.take_up()
    work = sorted(syncing.work(), key=lambda one: one.number)
    syncing.settle(
        Settled(number=one.number, state=state, code=code, candidates=("003A", "003B"))
        for one, code in zip(work, codes, strict=True)
    )


def test_answers_that_wait_are_counted_by_their_reason(store: SqlStore, syncing: Syncing) -> None:
    waiting(store, syncing, "many", "conflict", "many")
    waiting(store, syncing, "too_soon", state=State.HELD)
    found = store.patterns([SYNC, "other"], [State.REVIEW, State.HELD])
    assert [(one.state, one.code, one.answers) for one in found] == [
        (State.REVIEW, "many", 2),
        (State.REVIEW, "conflict", 1),
        (State.HELD, "too_soon", 1),
    ]
    assert store.patterns([SYNC], [State.WAITING]) == []


def test_answers_that_wait_come_a_page_at_a_time_and_each_once(store: SqlStore, syncing: Syncing) -> None:
    waiting(store, syncing, "many", "many", "conflict", "many", "many")
    seen, before = [], None
    while some := store.waiting_page([SYNC], [State.REVIEW], before=before, limit=2):
        seen += [(stored.response.id, its[SYNC].candidates) for stored, its in some]
        before = some[-1][0].number
    assert seen == [(f"a{n}", ("003A", "003B")) for n in (5, 4, 3, 2, 1)]
    [(one, _)] = store.waiting_page([SYNC], [State.REVIEW], code="conflict")
    assert one.response.id == "a3"


def test_answers_that_were_left_out_come_a_page_at_a_time_until_they_are_taken_back(
    store: SqlStore, syncing: Syncing
) -> None:
    waiting(store, syncing, *["many"] * 5)
    numbers = [answer.number for answer, _ in store.waiting_page([SYNC], [State.REVIEW])]
    for number in numbers[:4]:
        assert store.ignore(SYNC, number, "nobody's")
    store.ask_again(SYNC, numbers[:1])
    pages = [store.left_out([SYNC], limit=2, offset=offset) for offset in (0, 2, 4)]
    assert [[answer.number for answer, _ in page] for page in pages] == [numbers[1:3], numbers[3:4], []]
    assert {by[SYNC].reason for page in pages for _, by in page} == {"nobody's"}
    assert store.left_out(["another"]) == []


def test_answers_come_newest_version_first_by_arrival(store: SqlStore) -> None:
    receive(store, answer("a1"), answer("a2"))
    receive(store, answer("a1", 3, updated_at=later(days=1)), cursor=2)
    assert [(one.response.id, one.response.score) for one in store.answers_page()] == [("a1", 3), ("a2", 9)]
    [first] = store.answers_page(limit=1)
    assert [one.response.id for one in store.answers_page(before=first.number)] == ["a2"]
    assert store.answers_page(source="elsewhere") == []


def test_letters_are_grouped_by_what_settles_them(store: SqlStore, syncing: Syncing) -> None:
    receive(store, answer("a1"), answer("a2"), answer("a3"))
    syncing.plan()
    syncing.write(
        lambda change: Rejected(
            change.record_id,
            "not_an_option" if change.response == 1 else "locked",
            f"no {change.response}",
            cause=Cause.MAPPING if change.response == 1 else Cause.RECORD,
        )
    )
    found = store.letter_groups()
    assert [(one.cause, one.code, one.letters) for one in found] == [
        (Cause.RECORD, "locked", 2),
        (Cause.MAPPING, "not_an_option", 1),
    ]
    assert found[0].latest.response in (2, 3)
    assert store.letter_groups(sync="other") == []


def test_what_was_refused_after_an_answer_and_tasks_nobody_closed_are_found(
    store: SqlStore, syncing: Syncing
) -> None:
    receive(store, answer("a1"))
    some = [
        Wanted(kind=Kind.TASK, subject=f"mail:a{n}", response=1, record_id="003A", connection="crm",
               object="Task", key=str(n))
        for n in range(4)
    ]  # fmt: skip
    syncing.store.settle(
        SYNC, syncing.run, lease=syncing.lease, now=NOON, settled=[], demoted={}, changes={},
        connection="crm", wanted=some,
    )  # fmt: skip
    first, second, third, _ = store.wanted_entries(SYNC, Kind.TASK, now=NOON)
    opening = [Opening(id, None, "003A") for id in (first, second, third)]
    store.open_entries(syncing.run, opening, lease=syncing.lease, now=NOON)
    done = Settling(id=first, stage=Stage.DONE, vendor_id="00T1")
    refused = Settling(id=second, stage=Stage.REJECTED, code="no_owner")
    lost = Settling(id=third, stage=Stage.UNKNOWN)
    store.settle_entries([done, refused, lost], lease=syncing.lease, now=NOON)
    assert [one.id for one in store.refused_page()] == [third, second]
    assert [one.id for one in store.refused_page(before=third)] == [second]
    assert store.count_refused() == 2
    assert [one.id for one in store.late_tasks(given_before=later(days=1))] == [first]
    assert store.count_late_tasks(given_before=NOON) == 0


def test_decisions_are_listed_and_a_link_taken_back_asks_for_its_answers(
    store: SqlStore, syncing: Syncing
) -> None:
    waiting(store, syncing, "many")
    store.decide([Link("crm.Contact", "a1@example.com", "003A")], {}, now=NOON)
    store.release_held([("mail", "a1")], {}, now=NOON)
    [link] = store.manual_links()
    assert (link.value, link.record_id, link.linked_at) == ("a1@example.com", "003A", NOON)
    [held] = store.held_decisions()
    assert (held.source, held.id, held.released) == ("mail", "a1", True)
    assert store.unlink("crm.Contact", "a1@example.com", {SYNC: [1]})
    assert not store.unlink("crm.Contact", "a1@example.com", {SYNC: [1]})
    assert store.forget_hold_decision("mail", "a1", {})
    assert not store.forget_hold_decision("mail", "a1", {})
    assert (store.manual_links(), store.held_decisions()) == ([], [])
    assert syncing.take_up() == 1  # what was linked is looked at again


def test_the_funnel_tells_how_far_invitations_got(store: SqlStore) -> None:
    queue(store, "i1", "i2", "i3")
    for claimed in claim(store, limit=2):
        reserve(store, claimed, keys=(f"email:{claimed.invitation.id}@example.com",))
        store.settle_step(
            claimed, Accepted(message=claimed.invitation.id), via="mailer", channel="email", now=NOON
        )
    sent = [one for one in store.invitations() if one.sent_at is not None]
    [first] = store.steps_of(sent[0].id)
    assert store.delivered(sent[0].id, first.number, now=NOON)
    store.answered(sent[0].id, now=later(hours=1))
    [since_ever, since_tomorrow] = store.asked_since([AGES_AGO, later(days=1)])
    told = {one.state: one for one in since_ever.funnel}
    assert {state: one.invitations for state, one in told.items()} == {
        InvitationState.QUEUED: 1,
        InvitationState.SENT: 1,
        InvitationState.ANSWERED: 1,
    }
    answered = told[InvitationState.ANSWERED]
    assert (answered.sent, answered.delivered, answered.answered) == (1, 1, 1)
    assert since_tomorrow == AskedSince([], [])


def test_who_was_asked_who_was_not_and_what_is_due_come_a_page_at_a_time(store: SqlStore) -> None:
    for n in range(3):
        queue(store, f"i{n}", due=later(hours=3 - n), created_at=later(minutes=n))
    said = [
        Verdict(
            trigger="after-support", at=NOON, scope="crm.Contact", record_id="003A", code=code, reason=code
        )
        for code in ("rest", "sampled_out", "rest")
    ]
    store.decide_event(None, [], said, {}, now=NOON)
    [newest, *_] = store.invitations_page(limit=1)
    assert newest.id == "i2"
    assert [one.id for one in store.invitations_page(before=(newest.created_at, newest.id))] == ["i1", "i0"]
    assert store.invitations_page(state=InvitationState.SENT) == []
    [last, *rest] = store.not_asked_page(since=AGES_AGO, code="rest")
    assert [one.number for one in rest] == [
        one.number for one in store.not_asked_page(since=AGES_AGO, code="rest", before=last.number)
    ]
    assert store.asked_since([AGES_AGO])[0].refused == [
        Refused("after-support", "rest", 2),
        Refused("after-support", "sampled_out", 1),
    ]
    [soon, *_] = store.coming_page(limit=1)
    assert (soon.invitation.id, soon.at) == ("i2", later(hours=1))
    behind = store.coming_page(after=(soon.at, soon.step.number))
    assert [one.invitation.id for one in behind] == ["i1", "i0"]
    assert (store.count_coming(), store.count_coming(until=later(hours=1))) == (3, 1)


def test_a_shadow_invitation_sends_nothing_and_is_told_apart(store: SqlStore) -> None:
    one = invitation("s1", state=InvitationState.SHADOW)
    store.decide_event(None, [(one, None), (invitation("i1"), step("i1", StepKind.ASK))], [], {}, now=NOON)
    assert {told.state for told in store.asked_since([AGES_AGO])[0].funnel} == {
        InvitationState.SHADOW,
        InvitationState.QUEUED,
    }


def test_suppressions_are_counted_by_their_reason(store: SqlStore) -> None:
    told = [
        Suppression(key=f"email:{n}@example.com", reason=SuppressionReason.BOUNCE, at=NOON) for n in range(2)
    ]
    store.suppress(
        [*told, Suppression(key="email:0@example.com", reason=SuppressionReason.UNSUBSCRIBE, at=NOON)]
    )
    store.lift("email:1@example.com", SuppressionReason.BOUNCE, by="them", now=NOON)
    assert store.suppressed_counts() == {SuppressionReason.BOUNCE: 1, SuppressionReason.UNSUBSCRIBE: 1}
    [one] = store.suppressions_page(reason=SuppressionReason.BOUNCE)
    assert one.suppression.key == "email:0@example.com"
    assert [each.number for each in store.suppressions_page()] == [one.number + 1, one.number]
    assert store.suppressions_page(before=one.number) == []
