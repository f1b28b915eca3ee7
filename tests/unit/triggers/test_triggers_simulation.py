"""What would have been: the same as what is, without a message and without a trace."""

from __future__ import annotations

from datetime import timedelta

import pytest
from builders_triggers import REOPENED, case
from fake_clock import NOON
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nps.asking import InvitationState, Past, PastKind, Suppression, SuppressionReason
from nps.policy import ContactPolicy
from store.api import LedgerEntry
from store.dump import dump
from triggers.rule import Audience
from triggers.simulating import ASKED, WAITING, simulate
from triggers.turns import Rhythm

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def simulated(town, *events, days=30, **changed):
    begin = NOON
    return simulate(town.desk(**changed), events, begin=begin, end=begin + days * DAY)


def told(simulation):
    return [(one.record_id, one.code) for one in simulation.outcomes]


@pytest.fixture
def town(desk):
    return desk


def test_whom_a_trigger_would_have_asked_when_and_how(town):
    ann = town.crm.add("ann@example.com", name="Ann O'Brien")
    town.rule(wait=2 * HOUR)
    [outcome] = simulated(town, case(1, ann, days=3)).outcomes
    assert (outcome.code, outcome.at) == (ASKED, NOON + 3 * DAY + 2 * HOUR)
    assert (outcome.trigger, outcome.record_id, outcome.name) == ("after-support", ann, "Ann O'Brien")
    assert (outcome.via, outcome.channel) == ("mailer", "email")


def test_who_would_not_have_been_asked_and_why(town):
    ann, bob = town.crm.add("ann@example.com"), town.crm.add("bob@example.com", opted_out=True)
    town.rule(where='event.Priority != "Low"', wait=HOUR)
    found = simulated(
        town,
        case(1, ann, days=1, Priority="High"),
        case(2, ann, days=2, Priority="High"),
        case(3, ann, days=3, Priority="Low"),
        case(4, bob, days=4, Priority="High"),
        case(5, ann, days=20, Priority="High"),
        case(5, ann, days=20.01, kind=REOPENED, Priority="High"),
        case(6, "nobody", days=21, Priority="High"),
        case(7, ann, days=30, Priority="High"),
    )
    assert told(found) == [
        (ann, ASKED),
        (ann, "rest"),
        (ann, "not_meant"),
        (bob, "suppressed"),
        (ann, REOPENED),
        (None, "unknown_person"),
        (ann, WAITING),
    ]


def test_no_record_shows_what_is_only_imagined(town):
    bob = town.crm.add("bob@example.com", opted_out=True)
    town.policy_is(reason_field="why_not")
    assert told(simulated(town, case(1, bob, days=1))) == [(bob, "suppressed")]
    assert town.store.reasons_due(9, now=town.clock.now() + 30 * DAY) == []


def test_a_shadow_is_simulated_as_if_it_were_on_and_a_paused_trigger_as_paused(town):
    ann = town.crm.add("ann@example.com")
    town.rule(live=False)
    assert told(simulated(town, case(1, ann, days=1))) == [(ann, ASKED)]
    town.rule(paused=True)
    assert [code for _, code in told(simulated(town, case(1, ann, days=1)))] == ["paused"]


def test_nothing_is_sent_and_nothing_is_written(town):
    people = [town.crm.add(f"p{n}@example.com") for n in range(5)]
    town.rule("half-yearly", connection=None, recurring=True, audience=audience(7), metric="nps")
    before = list(dump(town.store.database))
    found = simulated(town, *(case(n, who, days=n + 1) for n, who in enumerate(people)))
    assert any(code == ASKED for _, code in told(found))
    assert list(dump(town.store.database)) == before
    assert town.sent() == []


def audience(days):
    return Audience({}, Rhythm("half-yearly", days, NOON.tzinfo))


def test_the_ledger_counts_as_it_was_at_each_moment(town):
    """Another tool's send counts from its day on, not before."""
    ann = town.crm.add("ann@example.com")
    past = Past(at=NOON + 10 * DAY, what=PastKind.SEND, metric="csat", kind="transactional")
    town.store.enter([LedgerEntry(dedupe="other/1", keys=("email:ann@example.com",), past=past)], now=NOON)
    found = simulated(town, case(1, ann, days=9), case(2, ann, days=11), case(3, ann, days=25))
    assert told(found) == [(ann, ASKED), (ann, "rest"), (ann, ASKED)]


def test_what_the_trigger_itself_has_sent_since_is_imagined_anew(town):
    ann = town.crm.add("ann@example.com")
    town.happen(case(1, ann, days=1))
    town.later(days=1)
    town.turn()
    assert town.sent() == [ann]
    assert told(simulated(town, case(1, ann, days=1))) == [(ann, ASKED)]
    stricter = ContactPolicy.model_validate({"sample": "0%"})
    assert told(simulated(town, case(1, ann, days=1), policy=stricter)) == [(ann, "sampled_out")]


def test_a_suppression_counts_from_its_day_on(town):
    ann = town.crm.add("ann@example.com")
    town.store.suppress(
        [Suppression(key="email:ann@example.com", reason=SuppressionReason.UNSUBSCRIBE, at=NOON + 5 * DAY)]
    )
    assert told(simulated(town, case(1, ann, days=1), case(2, ann, days=20))) == [
        (ann, ASKED),
        (ann, "suppressed"),
    ]


def test_an_account_is_capped_in_a_simulation_too(town):
    people = [town.crm.add(f"p{n}@example.com", account="001") for n in range(3)]
    policy = ContactPolicy.model_validate({"per_account": {"at_most": 2, "per": "10 days"}})
    events = [case(n, who, days=1 + n / 10) for n, who in enumerate(people)]
    late = case(9, people[2], days=12)
    found = simulated(town, *events, late, policy=policy)
    assert [code for _, code in told(found)] == [ASKED, ASKED, "account_cap", ASKED]


def test_quiet_hours_and_the_daily_cap_make_them_wait(town):
    people = [town.crm.add(f"p{n}@example.com") for n in range(3)]
    policy = ContactPolicy.model_validate({"daily_cap": 2, "quiet_hours": {"from": "10:00", "to": "13:00"}})
    found = simulated(town, *(case(n, who, days=1) for n, who in enumerate(people)), policy=policy)
    assert sorted(one.at for one in found.outcomes) == [
        NOON + DAY + HOUR,
        NOON + DAY + HOUR,
        NOON + DAY + 12 * HOUR,
    ]


def test_an_audience_is_simulated_turn_by_turn(town):
    people = {town.crm.add(f"p{n}@example.com") for n in range(10)}
    town.rules.clear()
    town.rule(
        "half-yearly", connection=None, recurring=True, audience=audience(90), metric="nps", kind="relationship",
        survey="relationship",
    )  # fmt: skip
    found = simulated(town, days=90)
    assert {one.record_id for one in found.outcomes if one.code == ASKED} == people
    assert len({one.at.date() for one in found.outcomes}) > 5


def test_people_are_read_in_batches_and_not_one_by_one(town):
    people = [town.crm.add(f"p{n}@example.com") for n in range(150)]
    calls = []
    town.crm.before_call = calls.append
    found = simulated(town, *(case(n, who, days=1 + n / 10) for n, who in enumerate(people)))
    assert len([1 for _, code in told(found) if code == ASKED]) == 150
    assert len(calls) < 8


cases = st.lists(
    st.tuples(
        st.integers(0, 3),  # whose
        st.integers(1, 6),  # which case
        st.integers(1, 10 * 24),  # hours
        st.sampled_from(["case_closed", REOPENED]),
    ),
    max_size=8,
)


CAPPED = {"per_account": {"at_most": 1, "per": "3 days"}, "on_excess": "defer"}


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cases, st.sampled_from([None, "1 days", "4 days"]), st.sampled_from([{}, CAPPED]))
def test_simulation_and_reality_are_the_same(tmp_path_factory, given_cases, wait, capped):
    from builders_triggers import Desktop

    town = Desktop(f"sqlite:///{tmp_path_factory.mktemp('reality') / 'npsync.db'}").open()
    try:
        town.turn()
        town.rule(wait=timedelta(days=int(wait[0])) if wait else timedelta(0))
        town.policy_is(quiet_hours={"from": "20:00", "to": "08:00"}, daily_cap=2, **capped)
        people = [town.crm.add(f"p{n}@example.com", account=f"00{n % 2}") for n in range(4)]
        events = sorted(
            {
                (each.kind, each.key): each
                for who, number, hours, kind in given_cases
                for each in [case(number, people[who], days=hours / 24, kind=kind)]
            }.values(),
            key=lambda each: (each.occurred_at, each.key),
        )
        imagined = simulate(town.desk(), events, begin=NOON, end=NOON + 18 * DAY)
        hours = {
            0,
            8,
            *(each.occurred_at.hour for each in events),
        }  # days begin, nights end, cases and their asks
        for hour in range(1, 18 * 24):
            at = NOON + hour * HOUR
            happened = [each for each in events if each.occurred_at == at]
            town.happen(*happened)
            town.clock.advance(3600)
            if at.hour in hours:
                town.turn()
        asked = [(one.trigger, one.record_id) for one in town.invitations() if one.sent_at]
        in_mind = [one for one in imagined.outcomes if one.code == ASKED]
        assert len(in_mind) == len(asked)
        assert sorted((one.trigger, one.record_id) for one in in_mind) == sorted(asked)
        cancelled = [one for one in town.invitations() if one.state is InvitationState.CANCELLED]
        assert len(cancelled) == sum(one.code == REOPENED for one in imagined.outcomes)
    finally:
        town.close()
