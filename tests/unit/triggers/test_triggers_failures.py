"""What becomes of a message that could not be sent, or of which nobody knows."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from builders_triggers import Desktop, asked, case

from connectors.contract import Sends
from nps.asking import Channel, InvitationState, StepState
from nps.errors import AccessError, BudgetError, ConfigError, Interrupted, UnavailableError
from nps.sending import (
    Accepted,
    FailedRetryable,
    FateUnknown,
    Message,
    SendOutcome,
)
from npsync.words.asking_text import round_lines
from triggers.closing import Closed
from triggers.following import TRIES

DAY = timedelta(days=1)


def test_what_may_work_later_is_tried_again_longer_apart_and_not_for_ever(desk: Desktop):
    asked(desk)
    tried: list[datetime] = []

    def busy(message: Message) -> SendOutcome:
        tried.append(desk.clock.now())
        return FailedRetryable("busy", "come back later")

    desk.senders["mailer"].answer = busy
    for _ in range(200):
        desk.turn()
        desk.later(minutes=30)
    pauses = [later - earlier for earlier, later in pairwise(tried)]
    assert len(tried) == TRIES
    assert pauses == sorted(pauses)
    assert desk.invitations()[0].state is InvitationState.FAILED


def test_why_messages_are_tried_again_is_told(desk: Desktop):
    asked(desk, 1)
    asked(desk, 2)
    desk.senders["mailer"].answer = lambda message: FailedRetryable("busy", "the relay is not reached")
    told = desk.turn()
    assert told.retrying == {"mailer: the relay is not reached": 2}
    assert "  tried again later (2): mailer: the relay is not reached" in list(round_lines(told))


def test_a_time_the_vendor_names_is_kept(desk: Desktop):
    ann = asked(desk)
    tomorrow = desk.clock.now() + DAY
    desk.senders["mailer"].answer = lambda message: FailedRetryable("busy", "tomorrow", after=tomorrow)
    desk.turn()
    desk.senders["mailer"].answer = lambda message: Accepted()
    desk.later(hours=23)
    desk.turn()
    assert desk.sent() == []
    desk.later(hours=1)
    desk.turn()
    assert desk.sent() == [ann]


@pytest.mark.parametrize("failure", [AccessError("mailer: refused"), ConfigError("mailer: relay denied")])
def test_a_refused_credential_stops_its_sender_for_all_and_costs_nobody_their_message(
    desk: Desktop, failure: Exception
):
    calls = 0

    def refuse(message: Message) -> SendOutcome:
        nonlocal calls
        calls += 1
        raise failure

    people = [asked(desk, number) for number in range(5)]
    desk.senders["mailer"].answer = refuse
    done = desk.turn()
    assert calls == 1
    assert done.problems == [str(failure)]
    for _ in range(20):  # hours
        desk.later(minutes=20)
        desk.turn()
    assert calls == 21
    assert {step.attempts for one in desk.invitations() for step in desk.store.steps_of(one.id)} == {0}
    desk.senders["mailer"].answer = lambda message: Accepted()
    desk.later(minutes=20)
    desk.turn()
    assert sorted(desk.sent()) == people


def test_a_reminder_is_tried_again_however_long_ago_its_event_was(desk: Desktop):
    desk.rule(remind=(3 * DAY,), stale_after=2 * DAY)
    ann = asked(desk)
    desk.turn()
    desk.senders["mailer"].answer = lambda message: FailedRetryable("421", "busy")
    desk.later(days=3)
    desk.turn()
    desk.senders["mailer"].answer = lambda message: Accepted()
    desk.later(hours=1)
    desk.turn()
    assert desk.sent() == [ann, ann]


def test_a_reminder_is_not_tried_again_once_the_invitation_would_be_over(desk: Desktop):
    desk.rule(remind=(3 * DAY,), expires=3 * DAY + timedelta(minutes=1))
    asked(desk)
    desk.turn()
    desk.senders["mailer"].answer = lambda message: FailedRetryable("421", "busy")
    desk.later(days=3)
    desk.turn()
    [_, reminder] = desk.store.steps_of(desk.invitations()[0].id)
    assert (reminder.state, reminder.reason) == (StepState.FAILED, "not sent before it was too late: busy")


def test_a_connection_without_calls_left_has_sent_nothing_and_costs_nobody_their_message(desk: Desktop):
    def spent(message: Message) -> SendOutcome:
        raise BudgetError("mailer: the daily call budget is spent")

    people = [asked(desk, number) for number in range(3)]
    desk.senders["mailer"].answer = spent
    for _ in range(72):  # a day
        told = desk.turn()
        assert told.retrying == {"mailer: mailer: the daily call budget is spent": 3}
        desk.later(minutes=20)
    assert {step.attempts for one in desk.invitations() for step in desk.store.steps_of(one.id)} == {0}
    desk.senders["mailer"].answer = lambda message: Accepted()
    desk.turn()
    assert sorted(desk.sent()) == people


def refuse(message: Message) -> SendOutcome:
    raise AccessError("mailer: wrong password")


def test_a_corrected_password_need_not_wait_for_the_hold_to_end(desk: Desktop):
    people = [asked(desk, number) for number in range(3)]
    desk.senders["mailer"].answer = refuse
    desk.turn(mark_of=lambda connection: f"{connection} 1")
    desk.senders["mailer"].answer = lambda message: Accepted()
    desk.closed = Closed()  # npsync was started anew
    desk.later(seconds=30)
    desk.turn(mark_of=lambda connection: f"{connection} 2")
    assert sorted(desk.sent()) == people


def test_an_npsync_started_anew_with_the_same_settings_knocks_no_sooner(desk: Desktop):
    asked(desk)
    desk.senders["mailer"].answer = refuse
    desk.turn(mark_of=lambda connection: "1")
    desk.senders["mailer"].answer = lambda message: Accepted()
    for _ in range(3):  # as cron does
        desk.closed = Closed()
        desk.later(minutes=1)
        desk.turn(mark_of=lambda connection: "1")
    assert desk.sent() == []
    desk.later(minutes=15)
    desk.turn(mark_of=lambda connection: "1")
    assert len(desk.sent()) == 1


def test_what_waits_for_another_reason_is_not_brought_forward(desk: Desktop):
    desk.rule(wait=timedelta(hours=2))
    asked(desk)
    desk.turn()
    desk.store.switch("refusing", {"mailer": "1"})
    desk.closed = Closed()
    desk.turn(mark_of=lambda connection: "2")
    assert desk.sent() == []


def test_a_message_that_nobody_waited_for_the_vendors_leave_with_is_put_back(desk: Desktop):
    asked(desk)
    for _ in range(2 * TRIES):  # it costs none of its tries
        stopping = threading.Event()

        def interrupted(message: Message, stopping: threading.Event = stopping) -> SendOutcome:
            stopping.set()
            raise Interrupted

        desk.senders["mailer"].answer = interrupted
        assert desk.turn(stop=stopping.is_set).problems == []
        assert stopping.is_set()
    assert [one.state for one in desk.invitations()] == [InvitationState.QUEUED]
    desk.senders["mailer"].answer = lambda message: Accepted()
    desk.turn()
    assert len(desk.sent()) == 1


def test_what_may_have_been_sent_is_never_repeated_and_counts_as_a_send(desk: Desktop):
    ann = asked(desk)
    desk.senders["mailer"].answer = lambda message: FateUnknown("no reply")
    desk.turn()
    desk.senders["mailer"].answer = lambda message: Accepted()
    desk.later(days=1)
    desk.happen(case(2, ann, days=1))
    desk.turn()
    assert desk.sent() == []
    assert [one.state for one in desk.invitations()] == [InvitationState.UNKNOWN]
    assert desk.verdicts()["rest"] == 1


def test_the_fate_of_a_message_is_asked_where_it_went_whatever_the_yaml_says_by_then(desk: Desktop):
    def end(message: Message) -> SendOutcome:
        raise SystemExit

    desk.sends["texter"] = Sends(Channel.SMS, needs="phone", can_find=True)
    desk.rule(ways=(desk.way("mailer"), desk.way("texter")))
    asked(desk, 1, phone="+12025550143", consent=True)
    desk.senders["mailer"].answer = end
    with pytest.raises(SystemExit):
        desk.turn()
    desk.rule(ways=(desk.way("texter"), desk.way("mailer")))
    [invitation] = desk.invitations()
    [step] = desk.store.steps_of(invitation.id)
    desk.senders["texter"].fates[invitation.id, step.number] = FailedRetryable(
        "none", "surely not sent by text"
    )
    desk.later(minutes=10)
    desk.turn()
    desk.later(hours=1)
    desk.turn()
    assert desk.sent("texter") == []
    assert desk.invitations()[0].state is InvitationState.UNKNOWN


def test_a_bug_while_sending_is_loud_and_the_message_is_not_repeated(desk: Desktop):
    def fail(message: Message) -> SendOutcome:
        raise ZeroDivisionError

    asked(desk)
    desk.senders["mailer"].answer = fail
    with pytest.raises(ZeroDivisionError):
        desk.turn()
    desk.senders["mailer"].answer = lambda message: Accepted()
    desk.later(days=1)
    desk.turn()
    assert desk.sent() == []
    assert desk.invitations()[0].state is InvitationState.UNKNOWN


def test_a_crm_that_cannot_be_asked_delays_the_message(desk: Desktop):
    def fail(call: str) -> None:
        raise UnavailableError("crm: busy")

    desk.rule(wait=timedelta(hours=2))
    ann = asked(desk)
    desk.turn()
    desk.crm.before_call = fail
    desk.later(hours=2)
    desk.turn()
    assert desk.sent() == []
    desk.crm.before_call = lambda call: None
    desk.later(minutes=5)
    desk.turn()
    assert desk.sent() == [ann]


def test_a_trigger_that_left_the_yaml_sends_nothing_more(desk: Desktop):
    desk.rule(wait=timedelta(hours=2))
    asked(desk)
    desk.turn()
    del desk.rules["after-support"]
    desk.later(hours=2)
    desk.turn()
    assert [(one.state, one.code) for one in desk.invitations()] == [
        (InvitationState.CANCELLED, "no_trigger")
    ]
