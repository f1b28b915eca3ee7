"""What channels tell of messages and people: bounces, unsubscribes, STOP, replies."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from builders_triggers import Desktop, asked, by_two_ways, case
from fake_clock import NOON

from nps.asking import InvitationState, StepState, Suppression, SuppressionReason
from nps.events import EventPage, Signal, SignalKind
from nps.responses import Cursor
from nps.sending import Accepted, FailedRetryable, FateUnknown, Message, SendOutcome
from triggers.rounds import turn


def told(desk: Desktop, kind: SignalKind, key: str = "s1", **given: object) -> tuple[str, str]:
    signal = Signal(
        connection=given.pop("connection", "mailer"), key=key, kind=kind, at=desk.clock.now(), **given
    )  # type: ignore[arg-type]
    desk.store.receive([signal], now=desk.clock.now())
    desk.turn(poll=False)
    row = next(row for row in desk.store.arrival_rows() if row.kind == kind)
    return row.state, row.code


def test_a_bounce_suppresses_the_address_starts_no_rest_and_lets_the_next_way_ask(desk: Desktop):
    by_two_ways(desk)
    ann = asked(desk, 1, phone="+12025550143", consent=True)
    desk.turn()
    message = desk.senders["mailer"].sent[0]
    state = told(
        desk,
        SignalKind.BOUNCE,
        message=f"m-{message.invitation}-{message.step}",
        address="p1@example.com",
    )
    assert state == ("settled", "")
    assert desk.sent("texter") == [ann]
    desk.later(days=7)  # when it would have asked anyway
    desk.turn()
    assert desk.sent("texter") == [ann]


def test_a_bounce_without_another_way_fails_the_invitation_and_frees_the_person(desk: Desktop):
    ann = asked(desk)
    desk.turn()
    [invitation] = desk.invitations()
    told(desk, SignalKind.BOUNCE, invitation=invitation.id, address="p1@example.com")
    assert desk.invitations()[0].state is InvitationState.FAILED
    desk.crm.contacts[ann]["email"] = "new@example.com"
    desk.later(hours=1)
    desk.happen(case(2, ann, days=1 / 24))
    desk.turn()
    assert [message.to.email for message in desk.senders["mailer"].sent] == [
        "p1@example.com",
        "new@example.com",
    ]


def test_who_unsubscribes_stays_away_with_a_new_address(desk: Desktop):
    ann = asked(desk)
    desk.turn()
    [invitation] = desk.invitations()
    told(desk, SignalKind.UNSUBSCRIBE, invitation=invitation.id, address="p1@example.com")
    desk.crm.contacts[ann]["email"] = "new@example.com"
    desk.later(days=100)
    desk.happen(case(2, ann, days=100))
    desk.turn()
    assert desk.sent() == [ann]
    assert desk.verdicts()["suppressed"] == 1


def test_who_is_known_by_their_id_alone_stays_away_by_it(desk: Desktop):
    assert told(desk, SignalKind.UNSUBSCRIBE, external_id="0042", connection="chat") == ("settled", "")
    desk.happen(case(1, desk.crm.add("ann@example.com", code="0042")), case(2, desk.crm.add(code="42")))
    desk.turn()
    assert desk.sent() == []
    assert desk.verdicts()["suppressed"] == 1


def test_a_bounce_is_of_the_address_and_of_the_id_only_where_there_is_none(desk: Desktop):
    told(desk, SignalKind.BOUNCE, "s1", address="old@example.com", external_id="0042", connection="chat")
    assert [one.key for one in desk.store.all_suppressions()] == ["email:old@example.com"]
    told(desk, SignalKind.BOUNCE, "s2", external_id="0043", connection="chat")
    assert [one.key for one in desk.store.all_suppressions()][:1] == ["id:0043"]


def test_an_address_is_one_however_its_sender_spells_it(desk: Desktop):
    told(desk, SignalKind.COMPLAINT, address="Jo <Jo@Bücher.example>")
    desk.happen(case(1, desk.crm.add("jo@xn--bcher-kva.example")))
    desk.turn()
    assert desk.sent() == []


def test_who_unsubscribes_stays_away_under_another_record_of_theirs(desk: Desktop):
    asked(desk, 1, phone="+12025550143")
    desk.turn()
    [invitation] = desk.invitations()
    told(desk, SignalKind.UNSUBSCRIBE, invitation=invitation.id)
    desk.later(days=400)
    desk.rule("by-text", event="used", ways=(desk.way("texter"),))
    other = desk.crm.add("else@example.com", phone="+12025550143")
    desk.happen(case(2, other, days=400, kind="used"))
    desk.turn()
    assert desk.sent("texter") == []


def test_a_bounce_that_names_only_its_message_is_of_the_address_it_went_to(desk: Desktop):
    ann = asked(desk)
    desk.turn()
    [invitation] = desk.invitations()
    told(desk, SignalKind.BOUNCE, invitation=invitation.id)
    desk.crm.contacts[ann]["email"] = "right@example.com"
    desk.happen(case(2, ann, days=0.1))
    desk.later(days=1)
    desk.turn()
    assert desk.sent() == [ann, ann]  # the address was put right


def test_stop_closes_text_messages_and_start_opens_them_again(desk: Desktop):
    desk.rule(ways=(desk.way("texter"),))
    told(desk, SignalKind.STOP, connection="texter", address="+12025550143")
    asked(desk, 1, phone="+12025550143", consent=True)
    desk.turn()
    assert desk.sent("texter") == []
    told(desk, SignalKind.START, "s2", connection="texter", address="+12025550143")
    bob = asked(desk, 2, phone="+12025550143", consent=True)
    desk.turn()
    assert desk.sent("texter") == [bob]


def test_a_start_lifts_nothing_but_a_stop(desk: Desktop):
    objected = Suppression(key="phone:+12025550143", reason=SuppressionReason.OBJECTION, at=NOON)
    desk.store.suppress([objected])
    state = told(desk, SignalKind.START, connection="texter", address="+12025550143")
    assert state == ("settled", "nothing_to_lift")
    assert len(desk.store.suppressions(["phone:+12025550143"])) == 1


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("5", (5, None)),
        ("4 - quick and friendly", (4, "quick and friendly")),
        ("3/5 meh", (3, "meh")),
        (" 5! great", (5, "great")),
    ],
)
def test_a_reply_that_begins_with_a_score_is_an_answer(
    desk: Desktop, text: str, taken: tuple[int, str | None]
):
    desk.rule(ways=(desk.way("texter"),))
    asked(desk, 1, phone="+12025550143", consent=True)
    desk.turn()
    state = told(desk, SignalKind.REPLY, connection="texter", address="+12025550143", text=text)
    assert state == ("settled", "")
    assert [(score, comment) for _, score, comment in desk.answers] == [taken]


def test_a_reply_that_is_heard_of_late_answers_what_was_asked_before_it(desk: Desktop):
    desk.rule(ways=(desk.way("texter"),))
    desk.rule("used", survey="used-csat", event="feature_used", cancel_on=(), ways=(desk.way("texter"),))
    ann = asked(desk, 1, phone="+12025550143", consent=True)
    desk.turn()
    desk.later(days=20)
    at = desk.clock.now()
    desk.later(hours=1)
    desk.happen(case(2, ann, days=20, kind="feature_used"))
    desk.turn()
    assert desk.sent("texter") == [ann, ann]
    late = Signal(
        key="s1", connection="texter", kind=SignalKind.REPLY, at=at, address="+12025550143", text="5"
    )
    desk.store.receive([late], now=desk.clock.now())
    desk.turn()
    [(id, *_)] = desk.answers
    answered = desk.store.invitation(id)
    assert answered is not None
    assert answered.survey == "support-csat"


@pytest.mark.parametrize("text", ["6", "10", "thanks", "", "55", "-1", "4th floor was cold"])
def test_any_other_reply_is_kept_where_people_find_it(desk: Desktop, text: str):
    desk.rule(ways=(desk.way("texter"),))
    asked(desk, 1, phone="+12025550143", consent=True)
    desk.turn()
    state = told(desk, SignalKind.REPLY, connection="texter", address="+12025550143", text=text)
    assert state == ("settled", "no_score")
    assert desk.answers == []


def test_a_signal_about_nothing_of_ours_says_so(desk: Desktop):
    assert told(desk, SignalKind.DELIVERED, message="unheard of") == ("settled", "unknown_message")


def test_what_was_delivered_is_noted_on_its_message(desk: Desktop):
    asked(desk)
    desk.turn()
    [invitation] = desk.invitations()
    told(desk, SignalKind.DELIVERED, invitation=invitation.id)
    assert desk.store.steps_of(invitation.id)[0].delivered_at == desk.clock.now()


# ------------------------------------------------------------ which message it is about

NUMBER = "+12025550143"
FAILURES = [SignalKind.FAILED, SignalKind.BOUNCE]


def states(desk: Desktop) -> list[StepState]:
    return [step.state for one in desk.invitations() for step in desk.store.steps_of(one.id)]


@pytest.mark.parametrize("kind", FAILURES)
def test_a_failure_told_twice_without_its_message_fails_no_earlier_one(desk: Desktop, kind: SignalKind):
    desk.rule(remind=(timedelta(days=3),))
    asked(desk)
    desk.turn()
    desk.later(days=3)
    desk.turn()
    [invitation] = desk.invitations()
    for key in ("s1", "s2"):
        told(desk, kind, key, invitation=invitation.id)
        assert states(desk) == [StepState.ACCEPTED, StepState.FAILED]
    assert desk.invitations()[0].state is InvitationState.SENT


@pytest.mark.parametrize("kind", FAILURES)
def test_a_failure_of_one_channel_fails_no_message_of_another(desk: Desktop, kind: SignalKind):
    by_two_ways(desk)
    asked(desk, 1, phone=NUMBER)
    desk.turn()
    desk.later(days=7)
    desk.turn()
    assert len(desk.sent("texter")) == 1
    told(desk, kind, invitation=desk.invitations()[0].id)
    assert states(desk) == [StepState.FAILED, StepState.ACCEPTED]
    assert desk.invitations()[0].state is InvitationState.SENT


def test_a_failure_from_before_the_reminder_left_is_of_the_ask(desk: Desktop):
    desk.rule(remind=(timedelta(days=3),))
    asked(desk)
    desk.turn()
    early = desk.clock.now() + timedelta(minutes=10)
    desk.later(days=3)
    desk.turn()
    [invitation] = desk.invitations()
    late = Signal(key="s1", connection="mailer", kind=SignalKind.FAILED, at=early, invitation=invitation.id)
    desk.store.receive([late], now=desk.clock.now())
    desk.turn(poll=False)
    assert states(desk) == [StepState.FAILED, StepState.ACCEPTED]


# ------------------------------------------------------------ told before the sending is settled


@pytest.mark.parametrize("kind", [SignalKind.DELIVERED, *FAILURES])
def test_what_is_told_before_the_sending_is_settled_waits_for_it(desk: Desktop, kind: SignalKind):
    """The channel's webhook is quicker than the reply to the call that sent the message."""
    rows = []

    def told_at_once(message: Message) -> SendOutcome:
        early = Signal(key="s1", connection="mailer", kind=kind, at=desk.clock.now(), message="<m1>")
        desk.store.receive([early], now=desk.clock.now())
        desk.turn(poll=False)  # of another process
        rows.extend((row.state, row.code) for row in desk.store.arrival_rows())
        return Accepted("<m1>")

    asked(desk)
    desk.senders["mailer"].answer = told_at_once
    desk.turn()
    assert rows == [("new", "")]
    assert states(desk) == [StepState.ACCEPTED]
    desk.later(minutes=1)
    desk.turn()
    assert [row.state for row in desk.store.arrival_rows()] == ["settled"]
    [step] = desk.store.steps_of(desk.invitations()[0].id)
    if kind is SignalKind.DELIVERED:
        assert step.delivered_at is not None
    else:
        assert step.state is StepState.FAILED


def test_what_is_told_of_a_message_whose_process_died_waits_for_its_fate(desk: Desktop):
    desk.rule(ways=(desk.way("texter"),))
    asked(desk, 1, phone=NUMBER)

    def end(message: Message) -> SendOutcome:
        raise SystemExit

    desk.senders["texter"].answer = end
    with pytest.raises(SystemExit):
        desk.turn()
    early = told(desk, SignalKind.REPLY, connection="texter", address=NUMBER, text="5 thanks")
    assert early == ("new", "")
    [invitation] = desk.invitations()
    desk.senders["texter"].fates[invitation.id, 1] = Accepted("sms-1")
    for _ in range(20):
        desk.later(minutes=1)
        desk.turn(poll=False)
    assert [(score, comment) for _, score, comment in desk.answers] == [(5, "thanks")]


def test_a_signal_about_nothing_of_ours_does_not_wait_for_ever(desk: Desktop):
    def end(message: Message) -> SendOutcome:
        raise SystemExit

    asked(desk)
    desk.senders["mailer"].answer = end
    with pytest.raises(SystemExit):
        desk.turn()
    assert told(desk, SignalKind.DELIVERED, message="unheard of") == ("new", "")
    desk.later(hours=7)
    desk.turn(poll=False)
    assert [(row.state, row.code) for row in desk.store.arrival_rows()] == [("settled", "unknown_message")]


@pytest.mark.parametrize("when", ["while nobody knows its fate", "after it was given up"])
def test_a_bounce_of_a_message_whose_process_died_finds_it_by_the_id_we_gave_it(desk: Desktop, when: str):
    desk.sends["mailer"] = replace(
        desk.sends["mailer"], called=lambda invitation, step: f"{invitation}.{step}"
    )
    by_two_ways(desk)
    ann = asked(desk, 1, phone=NUMBER)

    def end(message: Message) -> SendOutcome:
        raise SystemExit

    desk.senders["mailer"].answer = end
    with pytest.raises(SystemExit):
        desk.turn()
    [invitation] = desk.invitations()
    [step] = desk.store.steps_of(invitation.id)
    assert step.message == f"{invitation.id}.{step.number}"
    if when == "after it was given up":
        desk.later(hours=1)
        desk.turn()
        assert states(desk) == [StepState.UNKNOWN]
    told(desk, SignalKind.BOUNCE, message=step.message)
    desk.later(hours=1)
    desk.turn()
    assert [(row.state, row.code) for row in desk.store.arrival_rows() if row.kind == "bounce"] == [
        ("settled", "")
    ]
    assert "email:p1@example.com" in {one.key for one in desk.store.all_suppressions()}
    assert desk.sent("texter") == [ann]  # the next way asks


def test_a_message_that_goes_another_way_after_all_is_not_known_by_the_first_ones_id(desk: Desktop):
    desk.sends["mailer"] = replace(desk.sends["mailer"], called=lambda invitation, step: "mail-1")
    desk.rule(ways=(desk.way("mailer"),))
    asked(desk, 1, phone=NUMBER)
    desk.senders["mailer"].answer = lambda message: FailedRetryable("busy", "come back later")
    desk.turn()
    desk.rule(ways=(desk.way("texter"),))
    desk.senders["texter"].answer = lambda message: FateUnknown("no reply")
    desk.later(hours=1)
    desk.turn()
    [step] = desk.store.steps_of(desk.invitations()[0].id)
    assert (step.via, step.message) == ("texter", None)


# ------------------------------------------------------------ unknown, and then it arrived


def unknown_then(desk: Desktop, kind: SignalKind, *, message: str | None) -> None:
    desk.senders["mailer"].answer = lambda _: FateUnknown("no reply", message)
    asked(desk, 1, phone=NUMBER)
    desk.turn()
    assert states(desk) == [StepState.UNKNOWN]
    desk.senders["mailer"].answer = lambda _: Accepted()
    if message is None:
        told(desk, kind, invitation=desk.invitations()[0].id)
    else:
        told(desk, kind, message=message)


@pytest.mark.parametrize("message", [None, "<m1>"])
def test_what_was_unknown_and_arrived_is_followed_like_any_other(desk: Desktop, message: str | None):
    desk.rule(
        ways=(desk.way("mailer"), desk.way("texter", after=timedelta(days=5))), remind=(timedelta(days=3),)
    )
    unknown_then(desk, SignalKind.DELIVERED, message=message)
    assert states(desk) == [StepState.ACCEPTED, StepState.QUEUED, StepState.QUEUED]
    desk.later(days=3)
    desk.turn()
    assert len(desk.sent("mailer")) == 1  # the reminder; the ask's own reply was lost
    desk.later(days=2)
    desk.turn()
    assert len(desk.sent("texter")) == 1
    desk.later(days=30)
    desk.turn()
    assert desk.invitations()[0].state is InvitationState.EXPIRED


def test_what_was_unknown_and_reached_nobody_lets_the_next_way_ask(desk: Desktop):
    by_two_ways(desk)
    unknown_then(desk, SignalKind.FAILED, message="<m1>")
    assert states(desk) == [StepState.FAILED, StepState.ACCEPTED]
    assert len(desk.sent("texter")) == 1


# ------------------------------------------------------------ asked for, where nothing is pushed


def test_what_people_texted_is_heard_without_a_push_and_known_when_it_is_pushed_too(desk: Desktop):
    def text(key: str, kind: SignalKind, minutes: int) -> Signal:
        at = desk.clock.now() + timedelta(minutes=minutes)
        return Signal(key=key, connection="texter", kind=kind, at=at, address=NUMBER)

    stop, start = text("SM9", SignalKind.STOP, 1), text("SM1", SignalKind.START, 2)
    heard = [EventPage((), Cursor({"n": 1}), (stop,)), EventPage((), Cursor({"n": 2}), (stop, start))]
    cursors = []

    def hear(cursor: Cursor | None) -> list[EventPage]:
        cursors.append(cursor)
        return [heard.pop(0)]

    desk.senders["texter"].heard = hear  # type: ignore[attr-defined]
    desk.store.receive([stop], now=desk.clock.now())
    turn(desk.desk(hearing=("texter",)), desk.closed, poll_now=("texter",))
    assert len(desk.store.arrival_rows()) == 1
    assert len(desk.store.suppressions([f"phone:{NUMBER}"])) == 1
    turn(desk.desk(hearing=("texter",)), desk.closed, poll_now=("texter",))
    assert desk.store.suppressions([f"phone:{NUMBER}"]) == []
    assert cursors == [None, Cursor({"n": 1})]
