"""How events become invitations: in any order, however often, about whom, and why not."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from builders_triggers import CLOSED, CRM, REOPENED, Desktop, case, hint
from fake_clock import NOON
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.asking import Watch
from nps.asking import InvitationState, Suppression, SuppressionReason
from nps.errors import AccessError, UnavailableError
from nps.events import Event, Hint, PersonKey, Reading
from store.owners import this_process
from triggers.intake import MOST_STARTS
from triggers.people import Registry

GONE = this_process().replace(":", ":9", 1)  # of this machine, and no process of it has that number
Told = tuple[list[tuple[str, str | None, str, object]], list[str]]

# ------------------------------------------------------------ any order, any repetition

HAPPENED = (
    case(1, "c1", days=0.1),
    case(1, "c1", days=0.2, kind=REOPENED),
    case(1, "c1", days=0.3),
    case(2, "c2", days=0.15),
    case(3, "c2", days=0.25),
    case(4, "c3", days=0.1, kind=REOPENED),
    case(4, "c3", days=0.2),
    case(5, "c4", days=0.1),
    case(5, "c4", days=0.3, kind=REOPENED),
    case(6, None, days=0.1),
    case(7, "c999", days=0.1),
)
arrivals = st.tuples(
    st.permutations(HAPPENED),
    st.lists(st.sampled_from(HAPPENED), max_size=6),
    st.lists(st.integers(1, 4), min_size=4, max_size=12),
)


@settings(max_examples=25)
@given(arriving=arrivals)
def test_any_order_and_any_repetition_of_events_give_the_same_invitations_and_the_same_sends(
    in_order: Told,
    migrated_sqlite: Path,
    arriving: tuple[Sequence[Event], Sequence[Event], Sequence[int]],
):
    events, again, turns = arriving
    assert told_in([*events, *again], turns, migrated_sqlite) == in_order


@pytest.fixture(scope="module")
def in_order(migrated_sqlite: Path) -> Told:
    return told_in(HAPPENED, (), migrated_sqlite)


def told_in(events: Sequence[Event], turns: Sequence[int], empty: Path) -> Told:
    """What is invited and sent when events arrive in this order, so many at a time."""
    with TemporaryDirectory() as folder:
        path = shutil.copy(empty, folder)
        desk = Desktop(f"sqlite:///{path}", start=NOON + timedelta(days=0.4)).open()
        try:
            for _ in range(4):
                desk.crm.add("somebody@example.com")
            desk.rule(wait=timedelta(days=1))
            left = list(events)
            for count in [*turns, len(left)]:
                desk.store.note_events(left[:count], now=desk.clock.now())
                del left[:count]
                desk.turn(poll=False)
            desk.later(days=3)
            desk.turn(poll=False)
            return desk.shown(), sorted(desk.sent())
        finally:
            desk.close()


def test_what_was_pushed_and_what_was_polled_is_one_event(desk: Desktop):
    ann = desk.crm.add("ann@example.com")
    closed = case(1, ann)
    desk.happen(closed)
    desk.store.receive([hint(closed), hint(closed, "h2")], now=desk.clock.now())
    desk.turn()
    assert desk.sent() == [ann]
    assert len(desk.invitations()) == 1


def test_a_push_that_got_lost_is_found_by_polling(desk: Desktop):
    ann = desk.crm.add("ann@example.com")
    desk.happen(case(1, ann))
    desk.turn()
    assert desk.sent() == [ann]


def test_the_first_poll_asks_nobody_about_what_was_before(tmp_path: Path):
    desk = Desktop(f"sqlite:///{tmp_path / 'new.db'}").open()
    ann = desk.crm.add("ann@example.com")
    desk.happen(case(1, ann, days=-3))
    desk.turn()
    assert desk.invitations() == []
    desk.close()


# ------------------------------------------------------------ reopened


def test_a_case_that_is_reopened_before_its_time_is_not_asked_about(desk: Desktop):
    desk.rule(wait=timedelta(hours=2))
    ann = desk.crm.add("ann@example.com")
    desk.happen(case(1, ann))
    desk.turn()
    desk.happen(case(1, ann, days=0.01, kind=REOPENED))
    desk.later(hours=3)
    desk.turn()
    assert desk.sent() == []
    [invitation] = desk.invitations()
    assert (invitation.state, invitation.reason) == (
        InvitationState.CANCELLED,
        "case reopened before it was sent",
    )


def test_a_case_that_was_reopened_a_moment_ago_is_found_out_before_the_message_leaves(desk: Desktop):
    ann = desk.crm.add("ann@example.com")
    closed = case(1, ann)
    desk.happen(closed)
    desk.events.gone[closed.key] = "it is open again"
    desk.turn()
    assert desk.sent() == []
    assert desk.invitations()[0].reason == "it is open again"


def test_a_reopening_takes_back_nothing_that_was_closed_after_it(desk: Desktop):
    ann = desk.crm.add("ann@example.com")
    desk.happen(case(1, ann, days=0.02), case(1, ann, days=0.01, kind=REOPENED))
    desk.later(hours=1)
    desk.turn()
    assert desk.sent() == [ann]


# ------------------------------------------------------------ too late


def test_an_event_that_was_heard_of_too_late_asks_nobody(desk: Desktop):
    desk.rule(stale_after=timedelta(days=3))
    ann = desk.crm.add("ann@example.com")
    desk.later(days=10)
    desk.happen(case(1, ann))
    desk.turn()
    assert desk.invitations() == []
    assert desk.verdicts() == {"stale": 1}


def test_after_a_long_standstill_what_became_stale_is_not_sent(desk: Desktop):
    desk.rule(wait=timedelta(hours=2), stale_after=timedelta(days=3))
    ann = desk.crm.add("ann@example.com")
    desk.happen(case(1, ann))
    desk.turn()
    desk.later(days=4)
    desk.turn()
    assert desk.sent() == []
    [invitation] = desk.invitations()
    assert (invitation.state, invitation.code) == (InvitationState.EXPIRED, "stale")


def test_an_event_of_the_future_happened_when_it_was_heard_of(desk: Desktop):
    desk.rule(wait=timedelta(hours=1))
    ann = desk.crm.add("ann@example.com")
    desk.happen(case(1, ann, days=300))
    desk.turn()
    desk.later(hours=1)
    desk.turn()
    assert desk.sent() == [ann]


# ------------------------------------------------------------ about whom


def test_an_event_about_somebody_who_was_merged_asks_the_survivor(desk: Desktop):
    old, new = desk.crm.add("old@example.com"), desk.crm.add("new@example.com")
    desk.crm.merge(old, new)
    desk.happen(case(1, old))
    desk.turn()
    assert desk.sent() == [new]


def test_somebody_who_is_merged_before_the_message_leaves_is_asked_as_the_survivor_and_once(desk: Desktop):
    desk.rule(wait=timedelta(hours=2))
    old, new = desk.crm.add("old@example.com"), desk.crm.add("new@example.com")
    desk.happen(case(1, old), case(2, new))
    desk.turn()
    desk.crm.merge(old, new)
    desk.later(hours=2)
    desk.turn()
    assert desk.sent() == [new]


def test_an_event_about_an_unknown_person_leaves_an_entry_that_people_can_find(desk: Desktop):
    desk.happen(case(1, "c404"), case(2, None), case(3, PersonKey("email", "nobody@example.com")))
    desk.turn()
    assert desk.verdicts() == {"unknown_person": 2, "no_person": 1}
    assert desk.invitations() == []


def test_an_event_about_two_records_asks_neither(desk: Desktop):
    desk.crm.add("twin@example.com")
    desk.crm.add("twin@example.com")
    desk.happen(case(1, PersonKey("email", "twin@example.com")))
    desk.turn()
    assert desk.verdicts() == {"many": 1}


def test_an_event_of_another_connection_finds_its_person_by_the_match_rules(desk: Desktop):
    desk.rule(connection="product", event="track")
    ann = desk.crm.add("ann@example.com", code="0042")
    desk.crm.add("bob@example.com", code="42")
    desk.store.note_events(
        [case(1, PersonKey("external_id", "0042"), kind="track", connection="product")],
        now=desk.clock.now(),
    )
    desk.turn()
    assert desk.sent() == [ann]


def test_a_record_id_of_another_connection_names_nobody_here(desk: Desktop):
    desk.rule(connection="product", event="track")
    ann = desk.crm.add("ann@example.com")
    desk.store.note_events([case(1, ann, kind="track", connection="product")], now=desk.clock.now())
    desk.turn()
    assert desk.verdicts() == {"unknown_person": 1}


def test_an_event_about_somebody_who_was_erased_says_so(desk: Desktop):
    ann = desk.crm.add("ann@example.com")
    desk.store.suppress(
        [Suppression(key="email:ann@example.com", reason=SuppressionReason.ERASED, at=desk.clock.now())]
    )
    desk.happen(case(1, ann), case(2, PersonKey("email", "ann@example.com"), days=0.01))
    desk.crm.contacts.pop(ann)
    desk.turn()
    assert desk.sent() == []
    assert desk.verdicts() == {"unknown_person": 1, "erased": 1}


# ------------------------------------------------------------ conditions and mode


def test_an_event_that_is_not_meant_says_which_condition(desk: Desktop):
    desk.rule(where='event.Priority != "Low" && record.role == "Executive"')
    ann = desk.crm.add("ann@example.com", role="Executive")
    bob = desk.crm.add("bob@example.com", role="Clerk")
    desk.happen(case(1, ann, Priority="High"), case(2, ann, Priority="Low"), case(3, bob, Priority="High"))
    desk.turn()
    assert desk.sent() == [ann]
    assert desk.verdicts() == {"queued": 1, "not_meant": 2}


def test_in_shadow_mode_everything_is_decided_and_nothing_is_sent(desk: Desktop):
    desk.rule(live=False)
    ann = desk.crm.add("ann@example.com")
    desk.happen(case(1, ann))
    desk.turn()
    desk.later(days=30)
    desk.turn()
    assert desk.sent() == []
    assert [one.state for one in desk.invitations()] == [InvitationState.SHADOW]
    assert desk.verdicts() == {"shadow": 1}


def test_what_happens_while_a_trigger_is_paused_asks_nobody_later(desk: Desktop):
    desk.rule(paused=True)
    ann = desk.crm.add("ann@example.com")
    desk.happen(case(1, ann))
    desk.turn()
    desk.rule(paused=False)
    desk.turn()
    assert desk.sent() == []
    assert desk.verdicts() == {"paused": 1}


def test_two_triggers_of_one_event_ask_a_person_once(desk: Desktop):
    desk.rule("second", survey="other")
    ann = desk.crm.add("ann@example.com")
    desk.happen(case(1, ann))
    desk.turn()
    assert desk.sent() == [ann]


# ------------------------------------------------------------ bad days


@pytest.mark.parametrize("call", ["poll", "page", "read", "still"])
@pytest.mark.parametrize("failure", [UnavailableError("busy"), AccessError("refused")])
def test_a_system_that_cannot_be_asked_delays_its_events_and_loses_none(
    desk: Desktop, call: str, failure: Exception
):
    def fail(called: str) -> None:
        if called == call:
            raise failure

    ann, bob = desk.crm.add("ann@example.com"), desk.crm.add("bob@example.com")
    pushed = case(9, bob)
    desk.events.before_call = fail
    desk.happen(case(1, ann))
    desk.store.receive([hint(pushed)], now=desk.clock.now())
    done = desk.turn()
    assert done.problems
    desk.events.told.append(pushed)
    desk.events.before_call = lambda call: None
    desk.later(minutes=10)
    desk.turn()
    assert sorted(desk.sent()) == [ann, bob]


class Killed(BaseException):
    """As if the process ended here."""


def test_what_its_processes_die_of_is_read_alone_and_given_up_and_keeps_nobody_from_being_asked(
    desk: Desktop, monkeypatch: pytest.MonkeyPatch
):
    pushed = [case(number, desk.crm.add(f"p{number}@example.com")) for number in range(5)]
    desk.events.told += pushed
    desk.store.receive([hint(one, one.key) for one in pushed], now=desk.clock.now())
    read, deaths = desk.events.read, 0

    def dies(watches: Sequence[Watch], hints: Sequence[Hint]) -> Sequence[Reading]:
        if any(one.key == pushed[2].key for one in hints):
            raise Killed
        return read(watches, hints)

    monkeypatch.setattr(desk.events, "read", dies)
    for _ in range(10):
        try:
            desk.turn(poll=False, owner=GONE)
        except Killed:
            deaths += 1
    desk.later(minutes=30)
    desk.turn(poll=False)
    assert deaths == MOST_STARTS
    assert len(desk.sent()) == 4
    [given_up] = [row for row in desk.store.arrival_rows() if row.code]
    assert given_up.code == "deadly"
    assert f"{MOST_STARTS} times npsync ended" in given_up.reason


def test_what_a_process_elsewhere_reads_is_read_by_nobody_else_until_its_time_is_over(
    desk: Desktop, monkeypatch: pytest.MonkeyPatch
):
    ann = desk.crm.add("ann@example.com")
    desk.events.told.append(case(1, ann))
    desk.store.receive([hint(case(1, ann))], now=desk.clock.now())
    read = desk.events.read

    def dies(watches: Sequence[Watch], hints: Sequence[Hint]) -> Sequence[Reading]:
        raise Killed

    monkeypatch.setattr(desk.events, "read", dies)
    with pytest.raises(Killed):
        desk.turn(poll=False)
    monkeypatch.setattr(desk.events, "read", read)
    assert not desk.turn(poll=False).arrivals
    desk.later(minutes=3)
    assert desk.turn(poll=False).arrivals == {"read": 1}


def test_a_crm_that_cannot_be_asked_delays_the_decision(desk: Desktop):
    def fail(call: str) -> None:
        raise UnavailableError("crm: busy")

    ann = desk.crm.add("ann@example.com")
    desk.happen(case(1, ann))
    desk.crm.before_call = fail
    assert desk.turn().problems == ["crm: busy"]
    desk.crm.before_call = lambda call: None
    desk.turn()
    assert desk.sent() == [ann]


def test_a_crm_that_cannot_be_asked_holds_up_no_event_of_another(desk: Desktop):
    """However many of its events wait, in front and in between."""

    def registry(people: str) -> Registry:
        if people == "other":
            raise UnavailableError("other: busy")
        return desk.registry(people)

    desk.rule("theirs", people="other", connection="other")
    ann, bob = desk.crm.add("ann@example.com"), desk.crm.add("bob@example.com")
    stuck = [case(number, "x", connection="other") for number in range(250)]
    events = [*stuck[:120], case(1, ann), *stuck[120:], case(2, bob)]
    desk.store.note_events(events, now=desk.clock.now())
    down = Opening(desk, registry)
    told = desk.turn(poll=False, opens=down)
    assert sorted(desk.sent()) == sorted([ann, bob])
    assert told.problems == ["other: busy"]  # it was asked once
    assert len(desk.store.undecided_events(1000)) == 250


class Opening:
    """The desk's connections, but for its people."""

    def __init__(self, desk: Desktop, registry: Callable[[str], Registry]) -> None:
        self.event_source, self.sender, self.registry = desk.event_source, desk.sender, registry


def test_defect_16_a_trigger_that_was_acknowledged_is_never_dropped(desk: Desktop):
    """Seen elsewhere: the webhook is answered, and what it told vanishes in a queue."""
    ann = desk.crm.add("ann@example.com")
    desk.happen(case(1, ann), case(2, ann, days=0.01), case(3, "c404"))
    pushed = [hint(one, f"h{number}") for number, one in enumerate(desk.events.told)]
    pushed.append(hint(case(8, ann), "of a case that is gone"))
    assert desk.store.receive(pushed, now=desk.clock.now()) == 4
    desk.turn(poll=False)
    rows = desk.store.arrival_rows(connection=CRM)
    assert sorted((row.state, row.code) for row in rows) == [("settled", "")] * 3 + [
        ("settled", "nothing_found")
    ]
    decided = desk.store.verdicts(limit=100)
    assert {one.event for one in decided} == {1, 2, 3}
    assert all(one.code == "queued" or one.reason for one in decided)
    assert desk.sent() == [ann]


def test_a_kind_no_trigger_watches_is_told_so(desk: Desktop):
    desk.store.receive([hint(case(1, "c1", connection="other"))], now=desk.clock.now())
    desk.turn()
    [row] = desk.store.arrival_rows(connection="other")
    assert (row.state, row.code) == ("settled", "not_watched")


def test_watches_tell_every_kind_once_with_all_their_facts(desk: Desktop):
    desk.rule("one", facts=("Priority",))
    desk.rule("two", facts=("Origin",), cancel_on=())
    kinds = {watch.kind: watch.facts for watch in desk.desk().watches(CRM)}
    assert kinds[CLOSED] == ("Origin", "Priority")
    assert set(kinds) == {CLOSED, REOPENED}
