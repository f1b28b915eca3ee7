"""Due messages go out: claimed, read again, decided again under a lock, sent once, and what became of them is kept.

A process that dies leaves a step either claimed (another one takes it up) or `sending` (its fate is asked for, or it
stays unknown): nothing is lost, and nothing is sent twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from connectors.contract import EventSource, Watch
from nps.asking import Invitation, InvitationState, Step, StepKind
from nps.errors import LeaseLost, NpsyncError
from nps.events import Event
from nps.sending import FateUnknown, SendOutcome
from store.api import Claimed
from triggers.apart import OF_ALL, asked_apart
from triggers.closing import Closed
from triggers.delivery import deliver, outcome_of_interrupted, settle
from triggers.desk import Desk
from triggers.following import is_overtaken, is_too_late, latest_sent
from triggers.ledger import why_none_is_sent
from triggers.people import Found, Nobody
from triggers.report import Round
from triggers.rule import Rule, Way

AT_A_TIME = 50
CLAIM_SECONDS = 300.0
LATER = timedelta(minutes=5)  # when a CRM could not be asked


def send_due(desk: Desk, closed: Closed, told: Round) -> bool:
    """Send what is due. True while there is more."""
    if (halted := why_none_is_sent(desk.store)) is not None:
        return _tell_halted(desk, halted, told)
    now = desk.clock.now()
    claims = desk.store.claim_steps(desk.owner, now=now, limit=AT_A_TIME, seconds=CLAIM_SECONDS)
    ready = []
    for one in claims:
        with _ours(told):
            if _is_wanted(desk, one, told):
                ready.append(one)
    found = _people_of(desk, ready, told)
    gone = _no_longer_so(desk, ready, told)
    for one in ready:
        with _ours(told):
            _send(desk, one, found.get(one.invitation.id), gone.get(one.invitation.id), closed, told)
    return bool(claims) and not desk.stop()  # what follows a failure at once is due now


@contextmanager
def _ours(told: Round) -> Iterator[None]:
    """A claim that was cancelled meanwhile, or taken over while we were frozen, is none of our business any more."""
    try:
        yield
    except LeaseLost:
        told.steps["taken_over"] += 1


class _Gone(NamedTuple):
    """Why an event is not so any more, or cannot be looked at."""

    code: str
    reason: str


_UNREAD = _Gone("unread", "what it is about could not be read")  # now; later perhaps


def _send(
    desk: Desk, one: Claimed, person: Found | None, gone: _Gone | None, closed: Closed, told: Round
) -> None:
    now = desk.clock.now()
    if desk.stop() or why_none_is_sent(desk.store) is not None:
        _put_off(desk, one, now, "stopped", "sends were stopped", told)
    elif person is None or gone == _UNREAD:
        _put_off(desk, one, now + LATER, *_UNREAD, told)
    elif gone is not None:
        _drop(desk, one, InvitationState.CANCELLED, *gone, told)
    elif isinstance(person, Nobody):
        _drop(desk, one, InvitationState.SUPPRESSED, person.code, person.reason, told)
    else:
        deliver(desk, desk.rules[one.invitation.trigger], one, person, closed, told)


def _tell_halted(desk: Desk, halted: str, told: Round) -> bool:
    """A halt that keeps nobody from anything is nobody's problem."""
    if desk.store.invitations(state=InvitationState.QUEUED, limit=1):
        told.problems.append(halted)
    return False


def _is_wanted(desk: Desk, claimed: Claimed, told: Round) -> bool:
    """What needs nobody's word: the trigger is gone or silent, it is too late, it was answered."""
    now, invitation = desk.clock.now(), claimed.invitation
    rule = desk.rules.get(invitation.trigger)
    if rule is None:
        _drop(
            desk,
            claimed,
            InvitationState.CANCELLED,
            "no_trigger",
            "the YAML has no such trigger any more",
            told,
        )
    elif rule.asking.survey != invitation.survey:
        _drop(
            desk,
            claimed,
            InvitationState.CANCELLED,
            "other_survey",
            "the trigger asks another survey now",
            told,
        )
    elif not rule.live:
        _drop(desk, claimed, InvitationState.CANCELLED, "shadow", "the trigger is in shadow mode again", told)
    elif rule.paused:
        _put_off(desk, claimed, now + LATER, "paused", "the trigger is paused", told)
    elif is_too_late(invitation, now):
        _drop(desk, claimed, InvitationState.EXPIRED, "stale", "it came too late to ask", told)
    elif invitation.answered_at is not None:
        _drop(desk, claimed, InvitationState.ANSWERED, "answered", "answered before it was sent", told)
    elif is_overtaken(claimed.step, steps := desk.store.steps_of(invitation.id)):
        _drop(desk, claimed, InvitationState.CANCELLED, "overtaken", "this way has asked already", told)
    elif claimed.step.kind is StepKind.REMINDER and latest_sent(steps) is None:
        _drop(desk, claimed, InvitationState.FAILED, "nothing_to_remind_of", "no message was accepted", told)
    elif (gone := _gone_way(rule, claimed.step, steps)) is not None:
        _drop(desk, claimed, InvitationState.SUPPRESSED, "way_gone", gone, told)
    else:
        return True
    return False


def _gone_way(rule: Rule, step: Step, steps: Sequence[Step]) -> str | None:
    """Why a message that follows another has no way to go any more: a reminder goes where the message went that it
    reminds of, a fallback where it was planned to go. Neither goes elsewhere because the YAML changed."""
    follows = latest_sent(steps) if step.kind is StepKind.REMINDER else step
    if step.kind is StepKind.ASK or follows is None or rule.asking.place_of(follows) is not None:
        return None
    named = follows.via or f"way {follows.way + 1}"
    return f"{named} is no way of {rule.asking.survey} any more"


def _people_of(desk: Desk, claims: Sequence[Claimed], told: Round) -> dict[str, Found]:
    """Invitation → its person, read a moment before. Those of a connection that cannot be asked are missing."""
    by_people: defaultdict[str, list[Invitation]] = defaultdict(list)
    for one in claims:
        by_people[one.invitation.connection].append(one.invitation)
    found: dict[str, Found] = {}
    for people, invitations in by_people.items():
        try:
            persons = desk.opens.registry(people).read(each.record_id for each in invitations)
        except NpsyncError as error:
            _tell(desk, "people_unread", people, error, told)
            continue
        found.update((each.id, persons[each.record_id]) for each in invitations)
    return found


def _no_longer_so(desk: Desk, claims: Sequence[Claimed], told: Round) -> dict[str, _Gone]:
    """Invitation → why its event is not so any more: what we have heard since, and what its system says now."""
    why: dict[str, _Gone] = {}
    by_connection: defaultdict[str, dict[str, Event]] = defaultdict(dict)
    own: dict[str, Event] = {}
    for one in claims:
        invitation, rule = one.invitation, desk.rules[one.invitation.trigger]
        event, opposed = _event_of(desk, rule, invitation)
        if event is None:
            continue
        if opposed is not None:
            why[invitation.id] = _Gone("no_longer_so", f"{opposed.kind.replace('_', ' ')} since")
            continue
        own[invitation.id] = event
        by_connection[event.connection][event.key] = event
    for connection, events in by_connection.items():
        said = _still(desk, connection, list(events.values()), told)
        for id, event in own.items():
            if event.connection == connection and event.key in said:
                why[id] = said[event.key]
    return why


def _event_of(desk: Desk, rule: Rule, invitation: Invitation) -> tuple[Event | None, Event | None]:
    """The event an invitation is about, and a later one that takes it back."""
    if invitation.event_connection is None or invitation.subject is None:
        return None, None
    subject = invitation.subject
    known = desk.store.events_of([(invitation.event_connection, subject.object, subject.id)])
    event = next((each for each in known if each.key == invitation.event_key), None)
    if event is None:
        return None, None
    opposed = (each for each in known if rule.is_cancelled_by(each) and each.occurred_at > event.occurred_at)
    return event, next(opposed, None)


def _still(desk: Desk, connection: str, events: Sequence[Event], told: Round) -> dict[str, _Gone]:
    """Keys of events that are not so any more, or cannot be looked at → why."""
    try:
        source = desk.opens.event_source(connection)
        if source is None:
            return {}
        said = asked_apart(events, partial(_asked_whether, source, desk.watches(connection)), _cannot_be_read)
        return {event.key: gone for event, gone in zip(events, said, strict=True) if gone is not None}
    except NpsyncError as error:
        _tell(desk, "events_unread", connection, error, told)
        return dict.fromkeys((event.key for event in events), _UNREAD)


def _asked_whether(
    source: EventSource, watches: Sequence[Watch], events: Sequence[Event]
) -> list[_Gone | None]:
    why = source.still(watches, events)
    return [_Gone("no_longer_so", why[event.key]) if event.key in why else None for event in events]


def _cannot_be_read(event: Event, error: NpsyncError) -> _Gone:
    return _Gone("unreadable", f"what it is about cannot be read: {error}")


def _drop(desk: Desk, one: Claimed, state: InvitationState, code: str, reason: str, told: Round) -> None:
    desk.store.drop_step(one, state, code, reason)
    told.steps[code] += 1


def _put_off(desk: Desk, one: Claimed, until: datetime, code: str, reason: str, told: Round) -> None:
    desk.store.put_off(one, until, code, reason)
    told.steps["put_off"] += 1


def _tell(desk: Desk, what: str, connection: str, error: NpsyncError, told: Round) -> None:
    told.problems.append(str(error))
    desk.notice(what, connection=connection, problem=str(error))


# ------------------------------------------------------------ what a process that died left behind


def settle_interrupted(desk: Desk, told: Round) -> None:
    """Messages whose process ended while sending them: their fate is asked for where the vendor can tell, and else
    stays unknown. None is sent again unless it surely was not sent."""
    left = desk.store.interrupted(desk.owner, now=desk.clock.now(), seconds=CLAIM_SECONDS)
    for one in left:
        rule = desk.rules.get(one.invitation.trigger)
        place = rule.asking.place_of(one.step) if rule is not None else None
        way = rule.asking.ways[place] if rule is not None and place is not None else None
        try:
            if rule is None or way is None:
                _unknown(desk, one, told)
                continue
            person = desk.opens.registry(one.invitation.connection).read([one.invitation.record_id])
            found = person[one.invitation.record_id]
            settle(desk, rule, one, way, found, _fate(desk, rule, one, way, found), told)
        except LeaseLost:
            told.steps["taken_over"] += 1
        except OF_ALL as error:
            # Its claim runs out, and then it is asked for again.
            _tell(desk, "fate_not_found", one.invitation.connection, error, told)


def _fate(desk: Desk, rule: Rule, one: Claimed, way: Way, found: Found) -> SendOutcome:
    try:
        return outcome_of_interrupted(desk, rule, one, way, found)
    except OF_ALL:
        raise
    except NpsyncError as error:
        return FateUnknown(f"npsync was ended while it was being sent, and its fate cannot be read: {error}")


def _unknown(desk: Desk, one: Claimed, told: Round) -> None:
    """The YAML has no such way any more, so there is nobody left to ask."""
    desk.store.settle_step(
        one,
        FateUnknown("npsync was ended while it was being sent, and its way has left the YAML since"),
        via=one.invitation.via or "",
        channel="",
        now=desk.clock.now(),
    )
    told.steps["unknown"] += 1
