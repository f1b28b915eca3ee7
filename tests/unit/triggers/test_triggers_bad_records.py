"""One bad record holds up nobody else: it becomes a refusal that says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from builders_triggers import Desktop, MemoryEvents, asked, case, hint

from connectors.contract import Only, Watch
from nps.asking import InvitationState, SuppressionReason
from nps.changes import Record
from nps.errors import LeaseLost, NpsyncError, RejectedError, UnavailableError
from nps.events import Event, Hint, Reading, Signal, SignalKind
from triggers.apart import asked_apart
from triggers.rule import Audience
from triggers.turns import Rhythm

REFUSED = RejectedError("crm: its owner is a robot", code="odd_owner")


def spoilt_by(desk: Desktop, *bad: str) -> None:
    """The CRM refuses every call about these records, whoever else it is about."""
    get = desk.crm.get

    def picky(object: str, ids: Sequence[str], fields: Sequence[str], only: Only) -> list[Record]:
        if set(bad) & set(ids):
            raise REFUSED
        return get(object, ids, fields, only)

    desk.crm.get = picky  # type: ignore[method-assign]


class PickyEvents(MemoryEvents):
    """Refuses whole calls because of one case."""

    bad = "2"

    def read(self, watches: Sequence[Watch], hints: Sequence[Hint]) -> Sequence[Reading]:
        if any(one.subject is not None and one.subject.id == self.bad for one in hints):
            raise REFUSED
        return super().read(watches, hints)

    def still(self, watches: Sequence[Watch], events: Sequence[Event]) -> Mapping[str, str]:
        if any(one.subject.id == self.bad for one in events):
            raise REFUSED
        return super().still(watches, events)


def test_who_cannot_be_read_is_not_asked_and_the_others_are(desk: Desktop):
    ann, bad, cleo = (asked(desk, number) for number in (1, 2, 3))
    spoilt_by(desk, bad)
    told = desk.turn()
    assert desk.sent() == [ann, cleo]
    assert told.said["unreadable"] == 1
    [verdict] = desk.store.verdicts(code="unreadable")
    assert "its owner is a robot" in verdict.reason
    assert desk.store.undecided_events(10) == []


def test_who_cannot_be_read_when_the_message_is_due_is_suppressed_with_the_reason(desk: Desktop):
    desk.rule(wait=timedelta(hours=2))
    ann, bad, cleo = (asked(desk, number) for number in (1, 2, 3))
    desk.turn()
    spoilt_by(desk, bad)
    desk.later(hours=2)
    desk.turn()
    assert desk.sent() == [ann, cleo]
    [dropped] = desk.invitations(InvitationState.SUPPRESSED)
    assert (dropped.record_id, dropped.code) == (bad, "unreadable")
    assert "its owner is a robot" in dropped.reason


def test_a_hint_that_cannot_be_read_again_is_settled_with_its_reason(desk: Desktop):
    desk.events = PickyEvents()
    cases = [case(number, desk.crm.add(f"p{number}@example.com")) for number in (1, 2, 3)]
    desk.happen(*cases)
    desk.store.receive([hint(one, f"h{place}") for place, one in enumerate(cases)], now=desk.clock.now())
    desk.turn(poll=False)
    assert len(desk.sent()) == 2
    codes = {row.subject: (row.state, row.code) for row in desk.store.arrival_rows()}
    assert codes["case/2"] == ("settled", "unreadable")
    assert codes["case/1"] == codes["case/3"] == ("settled", "")


def test_a_case_that_cannot_be_looked_at_when_its_message_is_due_holds_up_no_other(desk: Desktop):
    desk.rule(wait=timedelta(hours=2))
    ann, _, cleo = (asked(desk, number) for number in (1, 2, 3))
    desk.turn()
    desk.events = _with_the_same(desk.events, PickyEvents())
    desk.later(hours=2)
    desk.turn()
    assert desk.sent() == [ann, cleo]
    [dropped] = desk.invitations(InvitationState.CANCELLED)
    assert dropped.code == "unreadable"


def _with_the_same(one: MemoryEvents, other: MemoryEvents) -> MemoryEvents:
    other.told = one.told
    return other


def test_a_system_that_cannot_be_polled_is_told_and_everything_else_goes_on(desk: Desktop):
    ann = asked(desk)
    desk.turn()
    assert desk.sent() == [ann]

    def refuse(call: str) -> None:
        if call == "poll":
            raise REFUSED

    desk.events.before_call = refuse
    bob = desk.crm.add("bob@example.com")
    desk.later(hours=1)
    pushed = case(2, bob, days=1 / 24)
    desk.happen(pushed)
    desk.store.receive([hint(pushed)], now=desk.clock.now())
    told = desk.turn()
    assert told.problems == [str(REFUSED)]
    assert desk.sent() == [ann, bob]


def test_a_reply_that_is_refused_holds_up_no_other_signal(desk: Desktop):
    desk.rule(ways=(desk.way("texter"),))
    asked(desk, 1, phone="+12025550143")
    desk.turn()

    def refuse(*given: object) -> None:
        raise RejectedError("the answer's survey has left the YAML", code="no_survey")

    now = desk.clock.now()
    reply = Signal(
        key="r1", connection="texter", kind=SignalKind.REPLY, at=now, address="+12025550143", text="5"
    )
    stop = Signal(key="r2", connection="texter", kind=SignalKind.STOP, at=now, address="+12025550144")
    desk.store.receive([reply, stop], now=now)
    desk.turn(poll=False, take_answer=refuse)
    assert {(row.kind, row.code) for row in desk.store.arrival_rows()} == {("reply", "refused"), ("stop", "")}
    assert [one.reason for one in desk.store.suppressions(["phone:+12025550144"])] == [SuppressionReason.STOP]


def test_an_audience_leaves_out_whom_it_cannot_read(desk: Desktop):
    rhythm = Rhythm("all", 1, desk.zone)
    made = replace(
        desk.rule("all"), watch=None, connection=None, recurring=True, audience=Audience({}, rhythm)
    )
    desk.rules = {"all": made}
    good = [desk.crm.add(f"p{number}@example.com") for number in range(4)]
    bad = desk.crm.add("bad@example.com")
    spoilt_by(desk, bad)
    desk.turn()
    desk.later(days=1)
    told = desk.turn()
    assert told.problems == []
    assert {one.record_id for one in desk.invitations()} == set(good)
    assert {one.record_id for one in desk.store.verdicts(code="unreadable")} == {bad}


def test_the_date_on_the_others_is_written_where_one_record_refuses_it(desk: Desktop):
    desk.policy_is(ledger_field="last_invited")
    ann, bad, cleo = (asked(desk, number) for number in (1, 2, 3))
    desk.turn(policy=desk.policy.model_copy(update={"ledger_field": None}))
    spoilt_by(desk, bad)
    told = desk.turn()
    shown = {id: fields["last_invited"] for id, fields in desk.crm.contacts.items()}
    assert [id for id, date in shown.items() if date is None] == [bad]
    assert {ann, cleo} < set(shown)
    assert [bad in problem for problem in told.problems] == [True]


# ------------------------------------------------------------ the search


def test_each_that_spoils_a_question_is_found_and_all_others_are_answered():
    calls = []

    def ask(some: Sequence[int]) -> list[str]:
        calls.append(list(some))
        if {3, 70} & set(some):
            raise REFUSED
        return [f"fine {one}" for one in some]

    said = asked_apart(range(100), ask, lambda one, error: f"bad {one}")
    assert said == [f"{'bad' if one in (3, 70) else 'fine'} {one}" for one in range(100)]
    assert len(calls) <= 15


@pytest.mark.parametrize("error", [UnavailableError("down"), LeaseLost("gone")])
def test_what_is_no_records_fault_is_raised_at_once(error: NpsyncError):
    calls = []

    def ask(some: Sequence[int]) -> list[int]:
        calls.append(some)
        raise error

    with pytest.raises(type(error)):
        asked_apart([1, 2, 3], ask, lambda one, error: one)
    assert len(calls) == 1
