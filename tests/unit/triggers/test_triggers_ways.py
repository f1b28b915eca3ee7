"""By which way a person is asked, when the next one follows, reminders, and the end of an invitation."""

from __future__ import annotations

from datetime import timedelta

from builders_triggers import CRM, REOPENED, Desktop, asked, by_two_ways, case
from fake_clock import NOON

from nps.asking import Channel, InvitationState, StepKind, Suppression, SuppressionReason
from nps.sending import (
    FailedPermanent,
    SuppressedByVendor,
)

DAY = timedelta(days=1)


def test_each_person_is_asked_by_the_first_way_that_is_for_them(desk: Desktop):
    desk.rule(ways=(desk.way("texter", when='record.role == "Executive"'), desk.way("mailer")))
    boss = asked(desk, 1, role="Executive", phone="+12025550143", consent=True)
    clerk = asked(desk, 2, phone="+12025550144", consent=True)
    no_number = asked(desk, 3, role="Executive")
    desk.turn()
    assert desk.sent("texter") == [boss]
    assert sorted(desk.sent("mailer")) == [clerk, no_number]


def test_a_suppressed_channel_leaves_the_others(desk: Desktop):
    by_two_ways(desk)
    ann = asked(desk, 1, phone="+12025550143", consent=True)
    bounced = Suppression(
        key="email:p1@example.com", reason=SuppressionReason.BOUNCE, at=NOON, channel=Channel.EMAIL
    )
    desk.store.suppress([bounced])
    desk.turn()
    assert (desk.sent("mailer"), desk.sent("texter")) == ([], [ann])


def test_a_suppressed_channel_leaves_the_others_at_night_too(desk: Desktop):
    by_two_ways(desk)
    desk.policy_is(quiet_hours={"from": "11:00", "to": "14:00"})  # it is noon
    ann = asked(desk, 1, phone="+12025550143", consent=True)
    bounced = Suppression(
        key="email:p1@example.com", reason=SuppressionReason.BOUNCE, at=NOON, channel=Channel.EMAIL
    )
    desk.store.suppress([bounced])
    desk.turn()
    assert [one.state for one in desk.invitations()] == [InvitationState.QUEUED]
    desk.later(hours=3)
    desk.turn()
    assert (desk.sent("mailer"), desk.sent("texter")) == ([], [ann])


def test_the_next_channel_only_when_the_first_was_not_answered_in_time(desk: Desktop):
    by_two_ways(desk)
    ann = asked(desk, 1, phone="+12025550143", consent=True)
    bob = asked(desk, 2, phone="+12025550144", consent=True)
    desk.turn()
    of_bob = next(one for one in desk.invitations() if one.record_id == bob)
    desk.store.answered(of_bob.id, now=desk.clock.now())
    desk.later(days=6)
    desk.turn()
    assert desk.sent("texter") == []
    desk.later(days=1)
    desk.turn()
    assert desk.sent("texter") == [ann]


def test_a_way_without_after_is_no_fallback(desk: Desktop):
    desk.rule(ways=(desk.way("mailer"), desk.way("texter")))
    asked(desk, 1, phone="+12025550143", consent=True)
    desk.turn()
    desk.later(days=10)
    desk.turn()
    assert desk.sent("texter") == []


def test_an_address_that_does_not_work_is_suppressed_and_the_next_way_asks_at_once(desk: Desktop):
    by_two_ways(desk)
    ann = asked(desk, 1, phone="+12025550143", consent=True)
    desk.senders["mailer"].answer = lambda message: FailedPermanent("550", "no such mailbox", address=True)
    desk.turn()
    assert desk.sent("texter") == [ann]
    [closed] = desk.store.suppressions(["email:p1@example.com"])
    assert (closed.reason, closed.channel) == (SuppressionReason.BOUNCE, Channel.EMAIL)
    assert desk.invitations()[0].state is InvitationState.SENT


def test_whoever_is_asked_by_the_next_way_is_reminded_there(desk: Desktop):
    by_two_ways(desk, remind=(DAY,))
    ann = asked(desk, phone="+14155550101")
    desk.senders["mailer"].answer = lambda message: FailedPermanent("550", "no such user", address=True)
    desk.turn()
    desk.later(days=1)
    desk.turn()
    assert [message.kind for message in desk.senders["texter"].sent] == [StepKind.FALLBACK, StepKind.REMINDER]
    assert desk.sent("texter") == [ann, ann]


def test_what_was_asked_before_the_first_message_left_keeps_no_other_way_from_asking(desk: Desktop):
    by_two_ways(desk, wait=10 * DAY)
    desk.rule("feature", survey="relationship", metric="nps", event="feature_used", cancel_on=())
    ann = asked(desk, phone="+14155550101")
    desk.turn()
    desk.later(days=1)
    desk.happen(case(2, ann, days=1, kind="feature_used"))
    desk.turn()
    assert desk.sent("mailer") == [ann]
    desk.senders["mailer"].answer = lambda message: FailedPermanent("550", "no such user", address=True)
    desk.later(days=9)
    desk.turn()
    assert desk.sent("texter") == [ann]


def test_a_throttle_of_the_vendor_is_told_and_not_got_round(desk: Desktop):
    by_two_ways(desk)
    asked(desk, 1, phone="+12025550143", consent=True)
    desk.senders["mailer"].answer = lambda message: SuppressedByVendor("recent", "surveyed lately")
    desk.turn()
    desk.later(days=8)
    desk.turn()
    assert desk.sent("texter") == []
    [invitation] = desk.invitations()
    assert (invitation.state, invitation.reason) == (InvitationState.SUPPRESSED, "surveyed lately")


def test_what_the_vendor_knows_of_an_opt_out_holds_everywhere(desk: Desktop):
    asked(desk)
    desk.senders["mailer"].answer = lambda message: SuppressedByVendor(
        "unsub", "unsubscribed", opted_out=True
    )
    desk.turn()
    assert [one.reason for one in desk.store.suppressions(["email:p1@example.com"])] == [
        SuppressionReason.UNSUBSCRIBE
    ]


def test_an_opt_out_the_vendor_tells_of_is_the_persons_and_not_the_addresses(desk: Desktop):
    ann = asked(desk, 1, phone="+12025550143", consent=True, code="0042")
    desk.senders["mailer"].answer = lambda message: SuppressedByVendor(
        "unsub", "unsubscribed", opted_out=True
    )
    desk.turn()
    desk.crm.contacts[ann]["email"] = "new@example.com"
    desk.rule("by-text", event="used", ways=(desk.way("texter"),))
    desk.happen(case(2, ann, kind="used"))
    desk.turn()
    assert desk.sent("texter") == []
    names = [f"record:crm.contacts/{ann}", "phone:+12025550143", "id:0042"]
    assert all(desk.store.suppressions([name]) for name in names)


# ------------------------------------------------------------ `through` is reordered meanwhile


def test_a_reminder_goes_where_the_message_went_however_through_is_reordered(desk: Desktop):
    ways = (desk.way("mailer"), desk.way("texter"))
    desk.rule(ways=ways, remind=(timedelta(days=3),))
    ann = asked(desk, 1, phone="+12025550143")
    desk.turn()
    desk.rule(ways=ways[::-1], remind=(timedelta(days=3),))
    desk.later(days=3)
    desk.turn()
    assert (desk.sent("mailer"), desk.sent("texter")) == ([ann, ann], [])


def test_a_reminder_whose_way_has_left_the_yaml_is_suppressed_and_says_so(desk: Desktop):
    desk.rule(ways=(desk.way("mailer"), desk.way("texter")), remind=(timedelta(days=3),))
    ann = asked(desk, 1, phone="+12025550143")
    desk.turn()
    desk.rule(ways=(desk.way("texter"),), remind=(timedelta(days=3),))
    desk.later(days=3)
    told = desk.turn()
    assert (desk.sent("mailer"), desk.sent("texter")) == ([ann], [])
    assert told.steps == {"way_gone": 1}
    [_, reminder] = desk.store.steps_of(desk.invitations()[0].id)
    assert (reminder.code, reminder.reason) == ("way_gone", "mailer is no way of support-csat any more")
    assert desk.invitations()[0].state is InvitationState.SENT


def test_a_fallback_goes_where_it_was_planned_to_go_however_through_is_reordered(desk: Desktop):
    by_two_ways(desk)
    ann = asked(desk, 1, phone="+12025550143")
    desk.turn()
    desk.rule(ways=(desk.way("texter", after=timedelta(days=7)), desk.way("mailer")))
    desk.later(days=7)
    desk.turn()
    assert (desk.sent("mailer"), desk.sent("texter")) == ([ann], [ann])


def test_a_fallback_that_cannot_be_asked_there_does_not_ask_again_where_it_was_asked(desk: Desktop):
    by_two_ways(desk)
    ann = asked(desk, 1, phone="+12025550143")
    desk.turn()
    desk.rule(ways=(desk.way("texter", after=timedelta(days=7)), desk.way("mailer")))
    desk.crm.contacts[ann]["phone"] = None
    desk.later(days=7)
    desk.turn()
    assert (desk.sent("mailer"), desk.sent("texter")) == ([ann], [])


# ------------------------------------------------------------ reminders, expiry


def test_reminders_come_in_time_until_there_is_an_answer(desk: Desktop):
    desk.rule(remind=(timedelta(days=3), timedelta(days=6)))
    ann = asked(desk)
    desk.turn()
    for day in range(1, 5):
        desk.later(days=1)
        desk.turn()
        assert len(desk.sent()) == (1 if day < 3 else 2)
    desk.store.answered(desk.invitations()[0].id, now=desk.clock.now())
    desk.later(days=5)
    desk.turn()
    assert desk.sent() == [ann, ann]
    assert {message.link for message in desk.senders["mailer"].sent} == {desk.senders["mailer"].sent[0].link}


def test_no_reminder_after_an_unsubscribe(desk: Desktop):
    desk.rule(remind=(timedelta(days=3),))
    ann = asked(desk)
    desk.turn()
    desk.store.suppress(
        [Suppression(key=f"record:{CRM}.contacts/{ann}", reason=SuppressionReason.UNSUBSCRIBE, at=NOON)]
    )
    desk.later(days=3)
    desk.turn()
    assert desk.sent() == [ann]
    assert desk.invitations()[0].state is InvitationState.SENT


def test_no_reminder_about_a_case_that_is_open_again(desk: Desktop):
    desk.rule(remind=(timedelta(days=3),))
    ann = asked(desk)
    desk.turn()
    desk.happen(case(1, ann, days=1, kind=REOPENED))
    desk.later(days=3)
    desk.turn()
    assert desk.sent() == [ann]


def test_an_invitation_that_is_not_answered_in_time_expires_with_its_reminders(desk: Desktop):
    desk.rule(remind=(timedelta(days=3), timedelta(days=20)), expires=timedelta(days=14))
    asked(desk)
    desk.turn()
    desk.later(days=15)
    assert desk.turn().expired == 1
    desk.later(days=10)
    desk.turn()
    assert len(desk.sent()) == 1
    assert desk.invitations()[0].state is InvitationState.EXPIRED
