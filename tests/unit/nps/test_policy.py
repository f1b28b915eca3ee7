"""Who may be asked: each rule of the contact policy by itself, then as properties of any case."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps.asking import (
    Ask,
    Channel,
    Circumstances,
    Past,
    PastKind,
    Send,
    Suppress,
    Suppression,
    SuppressionReason,
    Wait,
)
from nps.policy import CODES, ContactPolicy, closes, decide

NOW = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)  # a Wednesday, 10 o'clock in New York
NEW_YORK = ZoneInfo("America/New_York")
DAY = timedelta(days=1)
MOMENT = timedelta(microseconds=1)

NPS = Ask(trigger="half-yearly", survey="relationship", metric="nps", kind="relationship", recurring=True)
CSAT = Ask(trigger="after-support", survey="support-csat", metric="csat", kind="transactional")
ONBOARDED = Ask(trigger="onboarding", survey="onboarding", metric="nps", kind="transactional")
EMAIL = (Channel.EMAIL,)
BOTH = (Channel.EMAIL, Channel.SMS)


def asked(ask=CSAT, *, at=NOW, channels=EMAIL, policy="", **known):
    """What `decide` says; `policy` as it would stand in the YAML."""
    rules = policy if isinstance(policy, ContactPolicy) else ContactPolicy.model_validate(policy or {})
    return decide(ask, Circumstances(channels=channels, **known), rules, at, zone=NEW_YORK)


def sent(ago, *, metric="csat", kind="transactional", what=PastKind.SEND, **more):
    return Past(at=NOW - ago, what=what, metric=metric, kind=kind, **more)


def told(reason, *, channel=None, source="page"):
    return Suppression(
        key="email:jo@example.com", reason=reason, at=NOW - DAY, channel=channel, source=source
    )


def code(decision):
    return "send" if isinstance(decision, Send) else decision.code


def test_somebody_nothing_is_known_against_is_asked():
    assert asked() == Send(EMAIL)


# ---------------------------------------------------------------- rests


@pytest.mark.parametrize(
    ("ask", "past", "rest"),
    [
        (CSAT, sent(0 * DAY), 14 * DAY),
        (NPS, sent(0 * DAY, metric="nps", kind="relationship"), 180 * DAY),
        (ONBOARDED, sent(0 * DAY, metric="nps", kind="transactional"), 90 * DAY),
        (NPS, sent(0 * DAY), 7 * DAY),
        (CSAT, sent(0 * DAY, metric="nps", kind="relationship"), 7 * DAY),
        (ONBOARDED, sent(0 * DAY, metric="nps", kind="relationship"), 7 * DAY),
    ],
    ids=["csat", "relationship", "transactional", "any after csat", "any after nps", "any between kinds"],
)
def test_a_person_rests_as_long_as_the_survey_says_and_not_a_moment_less(ask, past, rest):
    early = asked(ask, at=NOW + rest - MOMENT, past=(past,))
    assert code(early) == "rest"
    assert early.until == NOW + rest
    assert asked(ask, at=NOW + rest, past=(past,)) == Send(EMAIL)


@pytest.mark.parametrize(
    ("rest", "longest"), [({}, 180), ({"nps": "300 days"}, 300), ({"ces": "1 day", "any": "200 days"}, 200)]
)
def test_the_longest_rest_is_the_longest_of_all_there_are(rest, longest):
    assert ContactPolicy.model_validate({"rest": rest}).rest.longest == longest * DAY


def test_a_metric_with_a_rest_of_its_own_goes_before_its_kind():
    rest = {"rest": {"nps": "30 days"}}
    past = sent(40 * DAY, metric="nps", kind="relationship")
    assert code(asked(NPS, past=(past,))) == "rest"
    assert asked(NPS, past=(past,), policy=rest) == Send(EMAIL)
    other = sent(20 * DAY, metric="nps", kind="transactional")
    assert code(asked(NPS, past=(other,), policy=rest)) == "rest"


def test_a_csat_of_kind_relationship_does_not_make_relationship_surveys_wait_for_half_a_year():
    assert asked(NPS, past=(sent(8 * DAY, metric="csat", kind="relationship"),)) == Send(EMAIL)


def test_what_another_tool_does_not_say_could_have_been_the_same_survey():
    assert code(asked(NPS, past=(sent(100 * DAY, metric="", kind=""),))) == "rest"
    assert code(asked(CSAT, past=(sent(10 * DAY, metric="", kind=""),))) == "rest"
    assert code(asked(NPS, past=(sent(100 * DAY, metric="nps", kind=""),))) == "rest"
    assert asked(NPS, past=(sent(100 * DAY, metric="csat", kind=""),)) == Send(EMAIL)


@pytest.mark.parametrize("what", [PastKind.SEND, PastKind.RESERVED, PastKind.ANSWER, PastKind.DECLINE])
def test_the_clock_starts_at_a_send_answered_or_not_at_a_promise_and_at_a_spontaneous_answer(what):
    assert code(asked(NPS, past=(sent(2 * DAY, what=what),))) in ("rest", "declined")


def test_the_latest_of_several_sends_counts_whatever_their_order():
    old, new = sent(20 * DAY), sent(5 * DAY)
    assert asked(past=(old, new)) == asked(past=(new, old))
    assert asked(past=(old, new)).until == new.at + 14 * DAY


def test_an_events_ask_is_dropped_and_an_audiences_deferred_until_it_is_allowed():
    past = (sent(2 * DAY, metric="nps", kind="relationship"),)
    assert isinstance(asked(past=past), Suppress)
    deferred = asked(NPS, past=past)
    assert isinstance(deferred, Wait)
    assert deferred.until == past[0].at + 180 * DAY


def test_the_yaml_may_say_what_becomes_of_too_many_asks():
    past = (sent(2 * DAY),)
    assert isinstance(asked(past=past, policy={"on_excess": "defer"}), Wait)
    assert isinstance(asked(NPS, past=past, policy={"on_excess": "drop"}), Suppress)


def test_a_reason_names_the_days_of_the_business_zone():
    late = Past(at=datetime(2026, 3, 3, 3, 0, tzinfo=UTC), what=PastKind.SEND, metric="csat")
    assert asked(past=(late,)).reason == "asked on 2026-03-02: left alone until 2026-03-16"


def test_whoever_declined_is_left_alone_by_every_survey_for_a_time_of_its_own():
    declined = sent(20 * DAY, metric="nps", kind="relationship", what=PastKind.DECLINE)
    assert code(asked(past=(declined,))) == "declined"
    assert asked(past=(declined,), policy={"after_decline": "20 days"}) == Send(EMAIL)


def test_a_decline_never_makes_the_rest_shorter():
    declined = sent(3 * DAY, what=PastKind.DECLINE)
    assert code(asked(past=(declined,), policy={"after_decline": "1 day"})) == "rest"


# ---------------------------------------------------------------- a reminder belongs to its invitation


def test_a_reminder_is_not_held_back_by_the_invitation_it_follows():
    reminder = Ask(trigger="t", survey="support-csat", metric="csat", kind="transactional", follows="inv-1")
    own = sent(3 * DAY, invitation="inv-1")
    assert asked(reminder, past=(own,)) == Send(EMAIL)
    assert code(asked(CSAT, past=(own,))) == "rest"


def test_a_reminder_is_held_back_by_everything_else():
    reminder = Ask(trigger="t", survey="support-csat", metric="csat", kind="transactional", follows="inv-1")
    own, other = sent(3 * DAY, invitation="inv-1"), sent(1 * DAY, metric="nps", invitation="inv-2")
    assert code(asked(reminder, past=(own, other))) == "rest"
    assert (
        code(asked(reminder, past=(own,), suppressions=(told(SuppressionReason.UNSUBSCRIBE),)))
        == "suppressed"
    )
    assert code(asked(reminder, past=(own,), never="record.Vip")) == "never_ask"
    assert code(asked(reminder, past=(own,), sent_today=9, policy={"daily_cap": 9})) == "daily_cap"


def test_nobody_is_reminded_of_what_they_answered_or_declined():
    reminder = Ask(trigger="t", survey="support-csat", metric="csat", kind="transactional", follows="inv-1")
    answer = sent(1 * DAY, what=PastKind.ANSWER, invitation="inv-1")
    decline = sent(1 * DAY, what=PastKind.DECLINE, invitation="inv-1")
    assert code(asked(reminder, past=(answer,))) == "answered"
    assert code(asked(reminder, past=(decline,))) == "declined"


def test_an_answer_to_another_invitation_ends_no_reminder():
    reminder = Ask(trigger="t", survey="support-csat", metric="csat", kind="transactional", follows="inv-1")
    own, answer = sent(3 * DAY, invitation="inv-1"), sent(30 * DAY, what=PastKind.ANSWER, invitation="inv-0")
    assert asked(reminder, past=(own, answer)) == Send(EMAIL)


def test_a_reminder_does_not_count_against_the_account_again():
    reminder = Ask(trigger="t", survey="support-csat", metric="csat", kind="transactional", follows="inv-1")
    cap = {"per_account": {"at_most": 1, "per": "30 days"}}
    own = sent(3 * DAY, invitation="inv-1")
    assert asked(reminder, past=(own,), account="001", account_asks=1, policy=cap) == Send(EMAIL)


def test_another_channel_after_one_that_reached_nobody_counts_against_the_account_like_any_ask():
    fallback = Ask(trigger="t", survey="support-csat", metric="csat", kind="transactional", follows="inv-1")
    cap = {"per_account": {"at_most": 1, "per": "30 days"}}
    assert code(asked(fallback, account="001", account_asks=1, policy=cap)) == "account_cap"
    assert asked(fallback, account="001", account_asks=0, policy=cap) == Send(EMAIL)


# ---------------------------------------------------------------- do we already know?


def test_a_recent_answer_to_the_same_survey_is_known_already():
    answer = sent(30 * DAY, what=PastKind.ANSWER, survey="support-csat")
    assert asked(past=(answer,)) == Send(EMAIL)
    known = asked(past=(answer,), policy={"known_for": "60 days"})
    assert code(known) == "already_known"
    assert known.until == answer.at + 60 * DAY


def test_an_answer_within_the_rest_is_told_as_known_and_not_as_asked():
    assert code(asked(past=(sent(3 * DAY, what=PastKind.ANSWER, survey="support-csat"),))) == "already_known"


def test_an_answer_to_another_survey_leaves_the_question_open():
    other = sent(30 * DAY, what=PastKind.ANSWER, survey="onboarding-csat")
    assert asked(past=(other,), policy={"known_for": "60 days"}) == Send(EMAIL)


def test_an_answer_of_a_tool_that_names_no_survey_counts_where_it_could_be_the_same():
    policy = {"known_for": "60 days"}
    assert (
        code(asked(past=(sent(30 * DAY, what=PastKind.ANSWER, survey=""),), policy=policy)) == "already_known"
    )
    nps = sent(30 * DAY, what=PastKind.ANSWER, survey="", metric="nps", kind="relationship")
    assert asked(past=(nps,), policy=policy) == Send(EMAIL)


# ---------------------------------------------------------------- suppressions and consent


@pytest.mark.parametrize(
    "reason", set(SuppressionReason) - {SuppressionReason.STOP, SuppressionReason.BOUNCE}
)
def test_whoever_wants_to_hear_nothing_is_asked_by_no_channel(reason):
    decision = asked(
        channels=tuple(Channel), consent=True, suppressions=(told(reason, channel=Channel.EMAIL),)
    )
    assert code(decision) == "suppressed"
    assert isinstance(decision, Suppress)


def test_a_stop_closes_text_messages_alone():
    assert asked(channels=BOTH, consent=True, suppressions=(told(SuppressionReason.STOP),)) == Send(EMAIL)
    alone = asked(channels=(Channel.SMS,), consent=True, suppressions=(told(SuppressionReason.STOP),))
    assert alone.reason == "this person wants no text messages (STOP)"
    without = asked(channels=(Channel.SMS,), consent=None, suppressions=(told(SuppressionReason.STOP),))
    assert without == alone  # a consent would not help


def test_a_bounce_says_nothing_about_a_consent_that_is_missing():
    bounced = asked(channels=BOTH, consent=None, suppressions=(told(SuppressionReason.BOUNCE),))
    assert code(bounced) == "no_consent"


def test_whoever_wants_to_hear_nothing_is_told_before_all_else_with_who_said_so_and_when():
    decision = asked(suppressions=(told(SuppressionReason.UNSUBSCRIBE),), never="record.Vip", consent=False)
    assert code(decision) == "suppressed"
    assert decision.reason.endswith("(page, 2026-03-03)")


def test_a_bounce_closes_e_mail_alone():
    bounced = (told(SuppressionReason.BOUNCE),)
    assert asked(channels=BOTH, consent=True, suppressions=bounced) == Send((Channel.SMS,))
    assert code(asked(suppressions=bounced)) == "suppressed"
    assert asked(channels=(Channel.IN_APP,), suppressions=bounced) == Send((Channel.IN_APP,))


def test_a_number_that_does_not_work_closes_the_channel_it_is_for():
    assert closes(told(SuppressionReason.BOUNCE, channel=Channel.SMS)) == (Channel.SMS,)
    dead = (told(SuppressionReason.BOUNCE, channel=Channel.SMS),)
    assert asked(channels=BOTH, consent=True, suppressions=dead) == Send(EMAIL)


def test_a_recurring_ask_of_a_suppressed_person_waits_for_nothing():
    assert isinstance(asked(NPS, suppressions=(told(SuppressionReason.UNSUBSCRIBE),)), Suppress)


def test_the_opt_out_flag_of_the_crm_is_a_no():
    assert code(asked(opted_out=True)) == "suppressed"
    assert asked(opted_out=False) == Send(EMAIL)


def test_an_opt_out_field_that_could_not_be_read_is_a_no():
    decision = asked(unreadable=("people.crm.opted_out",))
    assert code(decision) == "unreadable"
    assert "people.crm.opted_out" in decision.reason


def test_where_consent_is_kept_whoever_has_not_given_it_is_not_asked():
    assert code(asked(consent=False)) == "no_consent"
    assert asked(consent=True) == Send(EMAIL)
    assert asked(consent=None) == Send(EMAIL)


def test_a_text_message_needs_a_consent_on_record():
    assert asked(channels=BOTH, consent=None) == Send(EMAIL)
    assert code(asked(channels=(Channel.SMS,), consent=None)) == "no_consent"
    assert asked(channels=(Channel.SMS,), consent=True) == Send((Channel.SMS,))


def test_channels_stay_in_the_order_of_the_survey():
    assert asked(channels=(Channel.SMS, Channel.IN_APP, Channel.EMAIL), consent=True) == Send(
        (Channel.SMS, Channel.IN_APP, Channel.EMAIL)
    )


def test_somebody_no_channel_reaches_is_not_asked():
    assert code(asked(channels=())) == "no_channel"


def test_a_condition_of_never_ask_is_named():
    decision = asked(never='account.Tier__c == "Strategic"')
    assert decision == Suppress("never_ask", 'never_ask: account.Tier__c == "Strategic"')


# ---------------------------------------------------------------- how many, and whose turn


def seeds(many):
    return [
        Ask(trigger="t", survey="nps", metric="nps", kind="relationship", seed=f"person {n}")
        for n in range(many)
    ]


def test_a_sample_is_drawn_the_same_every_time_and_about_as_large_as_said():
    policy = {"sample": "30%"}
    first = [code(asked(ask, policy=policy)) for ask in seeds(2_000)]
    assert first == [code(asked(ask, policy=policy)) for ask in seeds(2_000)]
    assert 520 < first.count("send") < 680


def test_a_larger_sample_holds_the_smaller_one():
    few = {ask.seed for ask in seeds(500) if code(asked(ask, policy={"sample": "20%"})) == "send"}
    more = {ask.seed for ask in seeds(500) if code(asked(ask, policy={"sample": "60%"})) == "send"}
    assert few < more


def test_another_seed_draws_another_sample():
    one = [code(asked(ask, policy={"sample": "50%"})) for ask in seeds(200)]
    other = [code(asked(ask, policy={"sample": "50%", "sample_seed": "spring"})) for ask in seeds(200)]
    assert one != other


def test_a_sample_of_all_leaves_nobody_out_and_of_none_everybody():
    assert all(code(asked(ask)) == "send" for ask in seeds(300))
    assert all(code(asked(ask, policy={"sample": "0%"})) == "sampled_out" for ask in seeds(300))


CAP = {"per_account": {"at_most": 5, "per": "30 days"}}


def test_an_account_is_asked_so_many_times_and_no_more():
    assert asked(account="001", account_asks=4, policy=CAP) == Send(EMAIL)
    assert code(asked(account="001", account_asks=5, policy=CAP)) == "account_cap"
    assert asked(account=None, account_asks=5, policy=CAP) == Send(EMAIL)


def test_an_account_that_is_full_is_asked_again_when_it_has_room():
    free = NOW + 3 * DAY
    decision = asked(NPS, account="001", account_asks=5, account_free_at=free, policy=CAP)
    assert decision == Wait(free, "account_cap", "this account was asked 5 times in 30 days")


@pytest.mark.parametrize("free", [NOW - DAY, NOW, None], ids=["past", "now", "unknown"])
def test_an_account_that_is_full_though_it_should_have_room_is_looked_at_later(free):
    decision = asked(NPS, account="001", account_asks=5, account_free_at=free, policy=CAP)
    assert decision.until > NOW


def test_others_of_the_account_who_waited_longer_come_first():
    assert isinstance(asked(NPS, account="001", account_turn=False, policy=CAP), Wait)
    assert code(asked(account="001", account_turn=False, policy=CAP)) == "account_turn"
    assert asked(account="001", account_turn=False) == Send(EMAIL)


def test_the_daily_cap_waits_for_the_next_day_of_the_business_for_events_too():
    decision = asked(sent_today=500, policy={"daily_cap": 500})
    assert decision == Wait(
        datetime(2026, 3, 5, 5, 0, tzinfo=UTC), "daily_cap", "500 were asked today, the most for one day"
    )
    assert asked(sent_today=499, policy={"daily_cap": 500}) == Send(EMAIL)


def test_a_wait_that_would_end_at_night_ends_in_the_morning_of_the_person():
    policy = {
        "daily_cap": 500,
        "quiet_hours": {"from": "20:00", "to": "08:00"},
        "send_on": ["mon", "wed", "fri"],
    }
    decision = asked(sent_today=500, zone="Europe/Berlin", policy=policy)
    assert (decision.code, decision.until) == ("daily_cap", datetime(2026, 3, 6, 7, 0, tzinfo=UTC))


def test_after_a_full_day_events_go_first():
    policy = {"daily_cap": 500, "quiet_hours": {"from": "20:00", "to": "08:00"}}
    event, turn = asked(sent_today=500, policy=policy), asked(NPS, sent_today=500, policy=policy)
    assert event.until == datetime(2026, 3, 5, 13, 0, tzinfo=UTC)  # 8 o'clock in New York
    assert turn.until == event.until + timedelta(minutes=15)


def test_a_turn_gives_no_way_to_events_where_it_would_fall_into_the_next_quiet():
    policy = {"daily_cap": 500, "quiet_hours": {"from": "08:10", "to": "08:00"}}
    event, turn = asked(sent_today=500, policy=policy), asked(NPS, sent_today=500, policy=policy)
    assert turn.until == event.until


def test_a_new_customer_is_left_alone_at_first():
    policy = {"new_customers_wait": "30 days"}
    assert code(asked(customer_since=NOW - 29 * DAY, policy=policy)) == "new_customer"
    assert asked(NPS, customer_since=NOW - 29 * DAY, policy=policy).until == NOW + DAY
    assert asked(customer_since=NOW - 30 * DAY, policy=policy) == Send(EMAIL)
    assert asked(customer_since=None, policy=policy) == Send(EMAIL)


# ---------------------------------------------------------------- any case at all

times = st.timedeltas(timedelta(), 730 * DAY).map(lambda after: datetime(2025, 1, 1, tzinfo=UTC) + after)
pasts = st.builds(
    Past,
    at=times,
    what=st.sampled_from(PastKind),
    survey=st.sampled_from(["", "support-csat", "relationship"]),
    metric=st.sampled_from(["", "nps", "csat", "ces"]),
    kind=st.sampled_from(["", "relationship", "transactional"]),
    invitation=st.sampled_from([None, "inv-1"]),
)
suppressions = st.builds(
    Suppression,
    key=st.just("email:jo@example.com"),
    reason=st.sampled_from(SuppressionReason),
    at=times,
    channel=st.none() | st.sampled_from(Channel),
)
cases = st.builds(
    Circumstances,
    past=st.lists(pasts, max_size=5).map(tuple),
    suppressions=st.lists(suppressions, max_size=2).map(tuple),
    channels=st.lists(st.sampled_from(Channel), unique=True, min_size=1).map(tuple),
    consent=st.none() | st.booleans(),
    opted_out=st.none() | st.just(False),
    zone=st.sampled_from([None, "Australia/Lord_Howe", "Asia/Kathmandu", "no such zone"]),
    customer_since=st.none() | times,
    account=st.none() | st.just("001"),
    account_asks=st.integers(0, 6),
    account_turn=st.booleans(),
    sent_today=st.integers(0, 3),
)
asks = st.builds(
    Ask,
    trigger=st.just("t"),
    survey=st.sampled_from(["support-csat", "relationship"]),
    metric=st.sampled_from(["nps", "csat", "ces"]),
    kind=st.sampled_from(["relationship", "transactional"]),
    recurring=st.booleans(),
    seed=st.text(max_size=3),
    follows=st.sampled_from([None, "inv-1"]),
)
policies = st.builds(
    ContactPolicy.model_validate,
    st.fixed_dictionaries(
        {},
        optional={
            "sample": st.sampled_from(["0%", "50%", "100%"]),
            "daily_cap": st.just(2),
            "quiet_hours": st.just({"from": "20:00", "to": "08:00"}),
            "send_on": st.just(["mon", "tue"]),
            "new_customers_wait": st.just("30 days"),
            "known_for": st.just("200 days"),
            "per_account": st.just({"at_most": 5, "per": "30 days"}),
            "on_excess": st.sampled_from(["drop", "defer"]),
            "rest": st.just({"ces": "3 days", "any": "1 days"}),
        },
    ),
)


@given(asks, cases, policies, times)
def test_the_same_case_is_decided_the_same_and_says_one_of_the_known_codes(ask, case, policy, now):
    decision = decide(ask, case, policy, now, zone=NEW_YORK)
    assert decision == decide(ask, case, policy, now, zone=NEW_YORK)
    assert isinstance(decision, Send) or decision.code in CODES


@given(asks, cases, policies, times, suppressions)
def test_one_more_suppression_never_turns_a_no_into_a_yes_nor_opens_a_channel(ask, case, policy, now, more):
    before = decide(ask, case, policy, now, zone=NEW_YORK)
    after = decide(
        ask,
        Circumstances(**{name: getattr(case, name) for name in case.__struct_fields__ if name != "suppressions"},
                      suppressions=(*case.suppressions, more)),
        policy, now, zone=NEW_YORK,
    )  # fmt: skip
    if isinstance(after, Send):
        assert isinstance(before, Send)
        assert set(after.channels) <= set(before.channels)


@given(asks, cases, policies, times)
def test_the_order_in_which_the_past_is_told_changes_nothing(ask, case, policy, now):
    turned = Circumstances(
        **{name: getattr(case, name) for name in case.__struct_fields__ if name != "past"},
        past=case.past[::-1],
    )
    assert decide(ask, case, policy, now, zone=NEW_YORK) == decide(ask, turned, policy, now, zone=NEW_YORK)


@given(asks, cases, policies, times)
def test_a_wait_ends_later_and_then_does_not_wait_for_the_same_reason(ask, case, policy, now):
    decision = decide(ask, case, policy, now, zone=NEW_YORK)
    if not isinstance(decision, Wait):
        return
    assert decision.until > now
    if decision.code in ("account_cap", "account_turn"):
        return  # depends on others: looked at again then
    changed = {"sent_today": 0} if decision.code == "daily_cap" else {}
    then = Circumstances(**{name: getattr(case, name) for name in case.__struct_fields__} | changed)
    again = decide(ask, then, policy, decision.until, zone=NEW_YORK)
    assert isinstance(again, Send) or again.code != decision.code


@given(asks, cases, policies, times)
def test_nobody_is_asked_before_their_rests_are_over(ask, case, policy, now):
    if not isinstance(decide(ask, case, policy, now, zone=NEW_YORK), Send):
        return
    others = [each for each in case.past if not ask.follows or each.invitation != ask.follows]
    assert all(now - each.at >= policy.rest.any for each in others)
    same = [each for each in others if each.metric == ask.metric and each.kind == ask.kind]
    assert all(now - each.at >= policy.rest.between(ask.metric, ask.kind) for each in same)
    declines = [each for each in others if each.what is PastKind.DECLINE]
    assert all(now - each.at >= policy.after_decline for each in declines)
