"""Invitations from queued to answered: stored once, claimed by one, decided again, settled, cancelled, expired."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from builders_asking import ANN, BOB, claim, invitation, queue, reserve, step
from builders_store import NOON, later

from nps.asking import (
    Invitation,
    InvitationState,
    PastKind,
    Send,
    StepKind,
    StepState,
    Suppress,
    Wait,
)
from nps.errors import LeaseLost
from nps.events import Event, Subject
from nps.sending import (
    Accepted,
    FailedPermanent,
    FailedRetryable,
    FateUnknown,
    SendOutcome,
    SuppressedByVendor,
)
from store.api import Claimed, Verdict
from store.sql import SqlStore

FOREVER = NOON - timedelta(days=9999)


def state(store: SqlStore, id: str = "i1") -> InvitationState:
    found = store.invitation(id)
    assert found is not None
    return found.state


def steps(store: SqlStore, id: str = "i1") -> list[StepState]:
    return [one.state for one in store.steps_of(id)]


def number(store: SqlStore, place: int = 0, id: str = "i1") -> int:
    return store.steps_of(id)[place].number


def asked(store: SqlStore, now: Any = None) -> list[PastKind]:
    return [one.what for one in store.past(ANN, since=FOREVER, now=now or later(days=400))]


def sending(store: SqlStore, id: str = "i1") -> Claimed:
    """An invitation whose first step is on its way."""
    queue(store, id)
    [claimed] = claim(store)
    assert reserve(store, claimed) == Send()
    return claimed


def settle(store: SqlStore, claimed: Claimed, outcome: SendOutcome, **others: Any) -> None:
    store.settle_step(claimed, outcome, **({"via": "mailer", "channel": "email", "now": NOON} | others))


def sent(store: SqlStore, id: str = "i1", **others: Any) -> Claimed:
    claimed = sending(store, id)
    settle(store, claimed, Accepted("<m1>"), **others)
    return claimed


# ------------------------------------------------------------ deciding about events


def noted(store: SqlStore, key: str = "e1") -> int:
    event = Event(
        connection="crm", kind="case_closed", key=key, subject=Subject("Case", "500A"), occurred_at=NOON
    )
    store.note_events([event], now=NOON)
    return store.undecided_events(9)[-1].number


def verdict(code: str = "queued", **others: Any) -> Verdict:
    return Verdict(
        **({"trigger": "after-support", "at": NOON, "code": code, "reason": ""} | others)  # type: ignore[arg-type]
    )


def test_an_invitation_comes_back_as_it_was(store: SqlStore):
    whole = invitation(
        stale_at=later(days=3),
        expires_at=later(days=14),
        account="001A",
        recurring=True,
        code="x",
        reason="y",
    )
    bare = invitation("i2", event_connection=None, event_kind=None, event_key=None, subject=None, facts={})
    store.decide_event(None, [(whole, step()), (bare, None)], [], {}, now=NOON)
    assert store.invitation("i1") == whole
    assert store.invitation("i2") == bare
    assert store.invitation("i3") is None
    assert [(one.invitation, one.due_at, one.state) for one in store.steps_of("i1")] == [
        ("i1", NOON, StepState.QUEUED)
    ]
    assert store.steps_of("i2") == []


def test_the_same_event_and_trigger_never_give_two(store: SqlStore):
    first, again = invitation("i1", dedupe="one"), invitation("i2", dedupe="one")
    for one in (first, again):
        said = [verdict(invitation=one.id), verdict("not_meant", trigger="other")]
        store.decide_event(None, [(one, step(one.id))], said, {}, now=NOON)
    assert [one.id for one in store.invitations()] == ["i1"]
    assert store.steps_of("i2") == []
    assert [one.invitation for one in store.verdicts(trigger="after-support")] == ["i1"]


def test_an_event_is_decided_once_with_everything_that_was_said(store: SqlStore):
    number = noted(store)
    said = [verdict(event=number, invitation="i1"), verdict("rest", trigger="other", event=number)]
    store.decide_event(number, [(invitation(), step())], said, {}, now=NOON)
    assert store.undecided_events(9) == []
    more = [verdict("rest", trigger="other", event=number)]
    assert store.decide_event(number, [(invitation("i2"), step("i2"))], more, {}, now=NOON) == []
    assert [one.id for one in store.invitations()] == ["i1"]
    assert [one.code for one in store.verdicts()] == ["rest", "queued"]


def test_an_event_cancels_what_waits_and_nothing_else(store: SqlStore):
    queue(store, "i1")
    store.decide_event(None, [(invitation("i2", state=InvitationState.SHADOW), None)], [], {}, now=NOON)
    why = dict.fromkeys(("i1", "i2", "nobody"), ("reopened", "the case was reopened"))
    assert store.decide_event(noted(store), [], [], why, now=NOON) == ["i1", "i2"]
    assert state(store, "i1") is state(store, "i2") is InvitationState.CANCELLED
    assert steps(store) == [StepState.CANCELLED]
    assert store.cancel_invitations(["i1"], "again", "again") == []
    found = store.invitation("i1")
    assert found is not None
    assert (found.code, found.reason) == ("reopened", "the case was reopened")


def test_what_was_sent_or_is_on_its_way_cannot_be_cancelled(store: SqlStore):
    sent(store, "i1")
    queue(store, "i2", record_id="003B")
    [claimed] = claim(store)
    assert reserve(store, claimed, BOB) == Send()
    assert store.cancel_invitations(["i1", "i2"], "stopped", "by hand") == []
    settle(store, claimed, Accepted("<m2>"))
    assert state(store, "i2") is InvitationState.SENT


def test_a_cancelled_step_that_somebody_holds_is_not_sent(store: SqlStore):
    queue(store, "i1")
    [claimed] = claim(store)
    assert store.cancel_invitations(["i1"], "reopened", "reopened") == ["i1"]
    with pytest.raises(LeaseLost, match=r"taken over, cancelled or settled"):
        reserve(store, claimed)
    assert asked(store) == []


def test_what_waits_because_of_a_subject_is_found(store: SqlStore):
    queue(store, "i1")
    queue(store, "i2", subject=Subject("Case", "500B"))
    store.decide_event(None, [(invitation("i3", state=InvitationState.SHADOW), None)], [], {}, now=NOON)
    assert [one.id for one in store.queued_about("crm", "Case", "500A")] == ["i1", "i3"]
    store.cancel_invitations(["i1"], "reopened", "")
    assert [one.id for one in store.queued_about("crm", "Case", "500A")] == ["i3"]
    assert store.queued_about("other", "Case", "500A") == []


# ------------------------------------------------------------ sending


def test_a_step_is_sent_once_it_was_reserved_and_the_ledger_knows_it_before(store: SqlStore):
    claimed = sending(store)
    assert steps(store) == [StepState.SENDING]
    assert state(store) is InvitationState.QUEUED
    assert asked(store) == [PastKind.RESERVED]
    settle(store, claimed, Accepted("<m1>"), expires_at=later(days=14), now=later(minutes=1))
    found = store.invitation("i1")
    assert found is not None
    assert (found.state, found.sent_at, found.expires_at, found.via) == (
        InvitationState.SENT,
        later(minutes=1),
        later(days=14),
        "mailer",
    )
    [past] = store.past(ANN, since=FOREVER, now=NOON)
    assert (past.what, past.at, past.survey, past.metric, past.kind, past.source, past.invitation) == (
        PastKind.SEND,
        later(minutes=1),
        "support-csat",
        "csat",
        "transactional",
        "mailer",
        "i1",
    )
    assert store.keys_of("i1") == tuple(sorted(ANN))
    assert store.keys_of("i2") == ()
    assert store.by_message("mailer", "<m1>") == "i1"
    assert store.by_message("mailer", "<m2>") is store.by_message("twilio", "<m1>") is None


@pytest.mark.parametrize(
    ("outcome", "one", "all", "ledger"),
    [
        (Accepted("<m1>"), StepState.ACCEPTED, InvitationState.SENT, [PastKind.SEND]),
        (FateUnknown("no reply"), StepState.UNKNOWN, InvitationState.UNKNOWN, [PastKind.SEND]),
        (FailedPermanent("550", "no such user"), StepState.FAILED, InvitationState.FAILED, []),
        (
            SuppressedByVendor("throttle", "its own rest"),
            StepState.SUPPRESSED,
            InvitationState.SUPPRESSED,
            [],
        ),
        (FailedRetryable("421", "busy"), StepState.QUEUED, InvitationState.QUEUED, []),
    ],
)
def test_every_outcome_has_its_states_and_uses_or_releases_the_reservation(
    store: SqlStore, outcome: SendOutcome, one: StepState, all: InvitationState, ledger: list[PastKind]
):
    settle(store, sending(store), outcome)
    assert (steps(store), state(store), asked(store)) == ([one], all, ledger)


def test_what_may_work_later_is_due_again_then(store: SqlStore):
    settle(store, sending(store), FailedRetryable("421", "busy", after=later(minutes=30)))
    assert claim(store, now=later(minutes=29)) == []
    [claimed] = claim(store, now=later(minutes=30))
    assert (claimed.step.attempts, claimed.step.code, claimed.step.reason) == (1, "421", "busy")
    assert reserve(store, claimed, now=later(minutes=30)) == Send()
    assert store.steps_of("i1")[0].attempts == 2


def test_nobody_settles_twice_or_after_it_was_taken_over(store: SqlStore):
    claimed = sending(store)
    [taken] = store.interrupted("another", now=later(hours=1), seconds=60)
    with pytest.raises(LeaseLost):
        settle(store, claimed, Accepted("<m1>"))
    settle(store, taken, FateUnknown("its process died"))
    with pytest.raises(LeaseLost):
        settle(store, taken, Accepted("<m1>"))
    assert (steps(store), asked(store)) == ([StepState.UNKNOWN], [PastKind.SEND])


def test_a_no_at_the_last_moment_is_stored_with_its_reason(store: SqlStore):
    sent(store, "i1")
    queue(store, "i2")
    [claimed] = claim(store)
    assert reserve(store, claimed) == Suppress("rest", "asked not long ago")
    found = store.invitation("i2")
    assert found is not None
    assert (found.state, found.code, found.reason) == (
        InvitationState.SUPPRESSED,
        "rest",
        "asked not long ago",
    )
    assert asked(store) == [PastKind.SEND]


def test_not_now_but_then(store: SqlStore):
    queue(store, "i1")
    [claimed] = claim(store)
    night = Wait(later(hours=12), "quiet_hours", "it is night there")
    decision = store.reserve(
        claimed,
        ANN,
        lambda *_: night,
        way=0,
        account=None,
        account_since=NOON,
        day_began=None,
        now=NOON,
    )
    assert decision == night
    assert claim(store, now=later(hours=11)) == asked(store) == []
    [again] = claim(store, now=later(hours=12))
    assert (again.step.code, again.step.attempts) == ("quiet_hours", 0)


def test_the_caps_count_what_was_sent_and_what_is_being_sent(store: SqlStore):
    queue(store, "i1", "i2", "i3")
    first, second, third = claim(store)
    assert reserve(store, first, ANN, account="001A", per_account=1) == Send()
    told = reserve(store, second, BOB, account="001A", per_account=1)
    assert isinstance(told, Suppress)
    assert told.code == "account"
    told = reserve(store, third, BOB, a_day=1)
    assert isinstance(told, Suppress)
    assert told.code == "daily_cap"
    assert store.account_asks(["001A", "001B"], since=FOREVER, now=NOON) == {"001A": 1}


def test_reminders_are_no_further_asks_to_an_account(store: SqlStore):
    queue(store, "i1")
    [first] = claim(store)
    assert reserve(store, first, account="001A") == Send()
    settle(store, first, Accepted(), following=[step("i1", StepKind.REMINDER)])
    [reminder] = claim(store)
    assert reserve(store, reminder, account="001A", per_account=1, rest=timedelta()) == Send()
    settle(store, reminder, Accepted())
    assert store.account_asks(["001A"], since=FOREVER, now=NOON) == {"001A": 1}


def test_the_way_it_left_is_known_while_it_is_sending(store: SqlStore):
    queue(store, "i1")
    [claimed] = claim(store)
    reserve(store, claimed, way=2)
    [interrupted] = store.interrupted("x", now=later(hours=1), seconds=60)
    assert interrupted.step.way == 2


def test_the_next_channel_waits_in_the_place_of_the_first(store: SqlStore):
    claimed = sending(store)
    fallback = step("i1", StepKind.FALLBACK, way=1)
    settle(store, claimed, SuppressedByVendor("throttle", "its own rest"), following=[fallback])
    assert state(store) is InvitationState.QUEUED
    [second] = claim(store)
    assert (second.step.kind, second.step.way) == (StepKind.FALLBACK, 1)
    assert reserve(store, second) == Send()
    settle(store, second, FailedPermanent("550", "no such user", address=True))
    assert state(store) is InvitationState.FAILED


@pytest.mark.parametrize(
    "outcome", [FailedPermanent("550", "no"), FateUnknown("?"), SuppressedByVendor("x", "y")]
)
def test_what_becomes_of_a_reminder_does_not_unsend_the_invitation(store: SqlStore, outcome: SendOutcome):
    sent(store, following=[step("i1", StepKind.REMINDER)])
    [reminder] = claim(store)
    assert reserve(store, reminder, rest=timedelta()) == Send()
    settle(store, reminder, outcome)
    assert state(store) is InvitationState.SENT


def test_a_reminder_that_could_go_later_does_not_after_the_answer(store: SqlStore):
    sent(store, following=[step("i1", StepKind.REMINDER)])
    [reminder] = claim(store)
    assert reserve(store, reminder, rest=timedelta()) == Send()
    store.answered("i1", now=NOON)
    settle(store, reminder, FailedRetryable("421", "busy"))
    assert steps(store) == [StepState.ACCEPTED, StepState.FAILED]
    assert asked(store) == [PastKind.ANSWER, PastKind.SEND]


def test_when_the_first_message_bounces_the_reminder_on_its_way_decides(store: SqlStore):
    sent(store, following=[step("i1", StepKind.REMINDER)])
    [reminder] = claim(store)
    assert reserve(store, reminder, rest=timedelta()) == Send()
    assert store.undelivered("i1", number(store), "550", "no such user")
    assert state(store) is InvitationState.SENT
    settle(store, reminder, FailedPermanent("550", "no such user"))
    assert (state(store), asked(store)) == (InvitationState.FAILED, [])


def test_a_step_that_is_not_sent_after_all_ends_an_unsent_invitation(store: SqlStore):
    queue(store, "i1")
    [claimed] = claim(store)
    store.drop_step(claimed, InvitationState.EXPIRED, "stale", "too late to ask")
    assert (state(store), steps(store)) == (InvitationState.EXPIRED, [StepState.CANCELLED])
    with pytest.raises(LeaseLost):
        store.drop_step(claimed, InvitationState.FAILED, "stale", "too late to ask")


def test_a_dropped_reminder_leaves_the_invitation_as_it_is(store: SqlStore):
    sent(store, following=[step("i1", StepKind.REMINDER)])
    [reminder] = claim(store)
    store.drop_step(reminder, InvitationState.CANCELLED, "reopened", "the case was reopened")
    assert (state(store), steps(store)) == (InvitationState.SENT, [StepState.ACCEPTED, StepState.CANCELLED])


def test_what_is_put_off_is_somebody_elses_then(store: SqlStore):
    queue(store, "i1")
    [before] = claim(store)
    store.put_off(before, later(hours=1), "unreadable", "the record cannot be read just now")
    with pytest.raises(LeaseLost):
        reserve(store, before)
    assert claim(store, now=later(minutes=59)) == []
    [after] = claim(store, "somebody else", now=later(hours=1))
    assert (after.step.code, state(store)) == ("unreadable", InvitationState.QUEUED)


# ------------------------------------------------------------ what people and channels did


def test_an_answer_ends_what_is_queued_and_enters_the_ledger(store: SqlStore):
    sent(store, following=[step("i1", StepKind.REMINDER, due=later(days=3))])
    store.answered("i1", now=later(hours=2))
    store.answered("i1", now=later(hours=3))
    found: Invitation | None = store.invitation("i1")
    assert found is not None
    assert (found.state, found.answered_at) == (InvitationState.ANSWERED, later(hours=2))
    assert steps(store) == [StepState.ACCEPTED, StepState.CANCELLED]
    assert asked(store) == [PastKind.ANSWER, PastKind.SEND]
    assert [one.what for one in store.past(["email:ann@example.com"], since=FOREVER, now=NOON)] == asked(
        store
    )


def test_an_answer_while_a_reminder_is_on_its_way_stays_an_answer(store: SqlStore):
    sent(store, following=[step("i1", StepKind.REMINDER)])
    [reminder] = claim(store)
    assert reserve(store, reminder, rest=timedelta()) == Send()
    store.answered("i1", now=NOON)
    settle(store, reminder, Accepted("<m2>"), following=[step("i1", StepKind.REMINDER)])
    assert state(store) is InvitationState.ANSWERED
    assert steps(store) == [StepState.ACCEPTED, StepState.ACCEPTED]


def test_time_to_answer_ends(store: SqlStore):
    sent(store, expires_at=later(days=14), following=[step("i1", StepKind.REMINDER, due=later(days=20))])
    assert store.expire(now=later(days=13), limit=100) == 0
    assert store.expire(now=later(days=14), limit=100) == 1
    assert store.expire(now=later(days=15), limit=100) == 0
    assert (state(store), steps(store)) == (
        InvitationState.EXPIRED,
        [StepState.ACCEPTED, StepState.CANCELLED],
    )


def test_time_ends_for_so_many_at_once_and_the_rest_comes_after(store: SqlStore):
    ids = [f"i{number}" for number in range(5)]
    for id in ids:
        queue(store, id, record_id=id)
        [claimed] = claim(store)
        assert reserve(store, claimed, keys=(f"email:{id}@example.com",)) == Send()
        settle(store, claimed, Accepted(f"<{id}>"), expires_at=later(days=14))
    assert [store.expire(now=later(days=14), limit=2) for _ in range(4)] == [2, 2, 1, 0]
    assert {state(store, id) for id in ids} == {InvitationState.EXPIRED}


def test_one_whose_reminder_is_on_its_way_keeps_nobody_else_from_being_over(store: SqlStore):
    sent(store, expires_at=later(days=1), following=[step("i1", StepKind.REMINDER)])
    [reminder] = claim(store)
    assert reserve(store, reminder, rest=timedelta()) == Send()
    queue(store, "i2", record_id="other")
    [claimed] = claim(store)
    assert reserve(store, claimed, keys=BOB) == Send()
    settle(store, claimed, Accepted("<m2>"), expires_at=later(days=2))
    assert [store.expire(now=later(days=14), limit=1) for _ in range(2)] == [1, 0]
    assert (state(store, "i1"), state(store, "i2")) == (InvitationState.SENT, InvitationState.EXPIRED)


def test_a_channel_says_that_it_arrived(store: SqlStore):
    sent(store)
    assert store.delivered("i1", number(store), now=later(minutes=1))
    assert store.delivered("i1", number(store), now=later(minutes=2))
    assert store.steps_of("i1")[0].delivered_at == later(minutes=1)
    assert not store.delivered("i1", 99, now=NOON)
    assert not store.delivered("nobody", number(store), now=NOON)


def test_what_was_unknown_and_arrived_was_sent(store: SqlStore):
    settle(store, sending(store), FateUnknown("no reply"))
    later_on = [step("i1", StepKind.REMINDER, due=later(days=3))]
    over = later(days=14)
    for _ in range(2):  # told again it changes nothing more
        assert store.delivered("i1", number(store), now=later(minutes=1), following=later_on, expires_at=over)
    assert (state(store), steps(store)) == (InvitationState.SENT, [StepState.ACCEPTED, StepState.QUEUED])
    found = store.invitation("i1")
    assert found is not None
    assert (found.sent_at, found.expires_at) == (later(minutes=1), over)


def test_what_was_answered_before_it_is_known_to_have_arrived_is_followed_by_nothing(store: SqlStore):
    settle(store, sending(store), FateUnknown("no reply"))
    store.answered("i1", now=NOON)
    assert store.delivered("i1", number(store), now=NOON, following=[step("i1", StepKind.REMINDER)])
    assert (state(store), steps(store)) == (InvitationState.ANSWERED, [StepState.ACCEPTED])


def test_an_unknown_message_is_found_by_the_id_its_sender_chose(store: SqlStore):
    settle(store, sending(store), FateUnknown("no reply", "<m1>"))
    assert store.by_message("mailer", "<m1>") == "i1"


def test_whether_a_message_is_on_its_way_is_known_by_its_connection(store: SqlStore):
    assert not store.is_sending("mailer")
    queue(store, "i1")
    [claimed] = claim(store)
    assert reserve(store, claimed, via="mailer") == Send()
    assert store.is_sending("mailer")
    assert not store.is_sending("twilio")
    settle(store, claimed, Accepted("<m1>"))
    assert not store.is_sending("mailer")


def test_a_bounce_starts_no_rest(store: SqlStore):
    sent(store, following=[step("i1", StepKind.REMINDER, due=later(days=3))])
    assert store.undelivered("i1", number(store), "550", "no such user")
    assert (state(store), steps(store), asked(store)) == (
        InvitationState.FAILED,
        [StepState.FAILED, StepState.CANCELLED],
        [],
    )
    assert not store.undelivered("i1", number(store), "550", "no such user")


def test_after_a_bounce_another_channel_is_tried(store: SqlStore):
    sent(store)
    other = [step("i1", StepKind.FALLBACK, way=1)]
    assert store.undelivered("i1", number(store), "550", "no such user", following=other)
    assert state(store) is InvitationState.QUEUED
    [claimed] = claim(store)
    assert reserve(store, claimed) == Send()


def test_a_bounced_reminder_leaves_what_arrived(store: SqlStore):
    sent(store, following=[step("i1", StepKind.REMINDER)])
    [reminder] = claim(store)
    assert reserve(store, reminder, rest=timedelta()) == Send()
    settle(store, reminder, Accepted("<m2>"))
    assert store.undelivered("i1", number(store, 1), "452", "mailbox full")
    assert (state(store), asked(store)) == (InvitationState.SENT, [PastKind.SEND])


# ------------------------------------------------------------ looking


def test_invitations_and_verdicts_are_found_and_counted(store: SqlStore):
    queue(store, "i1")
    queue(store, "i2", trigger="half-yearly", record_id="003B", created_at=later(hours=1))
    said = [verdict("rest", scope="crm.Contact", record_id="003C"), verdict("queued", invitation="i1")]
    store.decide_event(None, [], said, {}, now=NOON)
    assert [one.id for one in store.invitations()] == ["i2", "i1"]
    assert [one.id for one in store.invitations(limit=1)] == ["i2"]
    assert [one.id for one in store.invitations(trigger="half-yearly")] == ["i2"]
    assert [one.id for one in store.invitations(scope="crm.Contact", record_id="003A")] == ["i1"]
    assert store.invitations(scope="hub.contacts") == store.invitations(state=InvitationState.SENT) == []
    assert [one.id for one in store.invitations(ids=["i1", "nobody"])] == ["i1"]
    assert [one.code for one in store.verdicts(record_id="003C")] == ["rest"]
    assert store.funnel(since=NOON) == {
        ("after-support", "queued"): 1,
        ("half-yearly", "queued"): 1,
        ("after-support", "rest"): 1,
    }
    assert store.funnel(since=later(minutes=1)) == {("half-yearly", "queued"): 1}
