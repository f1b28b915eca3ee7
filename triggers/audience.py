"""Recurring programmes: once a day the people of an audience whose turn comes are read, judged, and queued.

A turn goes through the same policy as an event's ask, when it is queued and again when it is sent; so neither the
rhythm nor anything else gets round a rest, and whoever an event asked lately is left alone by the audience too. What
comes too soon is deferred, to the moment when it is allowed, unless the person's next turn comes before.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import msgspec

from mapping.conditions import Conditions
from nps.asking import Invitation, InvitationState, Step, StepKind, Suppress, Wait
from nps.calling import day_began, next_day
from nps.errors import LeaseLost, NpsyncError
from nps.policy import ContactPolicy, decide
from store.api import Lease, Verdict
from triggers.deciding import known_of
from triggers.desk import Desk
from triggers.people import Found, Nobody, Person
from triggers.reasons import note_reasons
from triggers.report import Round
from triggers.rule import Audience, Rule
from triggers.rules import Known, Said, ask_of, circumstances, eligible, why_not_meant
from triggers.turns import Rhythm, Turn

AT_A_TIME = 100
LEASE_SECONDS = 300.0
_DAY = timedelta(days=1)

Called = tuple[str, Turn]  # record id, and its turn


def place_of(rule: Rule) -> str:
    """Under which name the clock remembers from when on turns of this audience were not looked at yet."""
    return f"audience/{rule.name}"


def gate_of(rule: Rule) -> str:
    """Under which name the clock remembers when this audience is called next."""
    return f"{place_of(rule)}/next"


def call_audiences(desk: Desk, told: Round) -> None:
    """Queue everybody whose turn comes until the end of the business day, for every audience that has not been called
    today. What a stopped npsync missed is made up for a day's turns a day: everybody's turn comes later by the length
    of the stop, and on no day are more people asked than on any other."""
    for rule in desk.rules.values():
        if rule.audience is not None and not desk.stop():
            _call(desk, rule, rule.audience, told)


def _call(desk: Desk, rule: Rule, audience: Audience, told: Round) -> None:
    store, now, place, gate = desk.store, desk.clock.now(), place_of(rule), gate_of(rule)
    if store.schedule_first(gate, store.schedule_first(place, now)) > now:
        return
    if (lease := store.acquire(place, desk.owner, now=now, seconds=LEASE_SECONDS)) is None:
        return
    try:
        at = store.due([place, gate])  # again, now that nobody else moves it
        begin = max(at[place].due_at, rule.since or at[place].due_at)
        if at[gate].due_at > now:
            return
        if rule.paused:  # whose turn comes meanwhile is not asked later either
            end = next_day(now, desk.zone)
        else:
            missed = max(begin, _made_up_from(rule, audience, now))
            stale = _called(desk, rule, audience, begin, missed, -_DAY)  # also those of the last hours before
            _ask(desk, rule, audience, stale, lease, told)
            end, late = window(audience.rhythm, missed, now)
            _ask(desk, rule, audience, _called(desk, rule, audience, missed, end, late), lease, told)
            if late:
                desk.notice("audience_behind", trigger=rule.name, days=late.days)
        store.schedule(place, end)
        store.schedule(gate, next_day(now, desk.zone))
    except (LeaseLost, _Stopped):
        return  # a frozen process woke up: another one calls. Or the day is called again; who was queued is known
    except NpsyncError as error:
        told.problems.append(str(error))
        desk.notice("audience_unread", trigger=rule.name, connection=rule.people, problem=str(error))
    finally:
        store.release(lease)


class _Stopped(Exception):
    pass


def _made_up_from(rule: Rule, audience: Audience, now: datetime) -> datetime:
    """Turns of earlier days are stale: the person's next one has come, or the YAML says so."""
    every = audience.rhythm.every
    most = every if rule.stale_after is None else min(every, rule.stale_after)
    return day_began(now, audience.rhythm.zone, ahead=1 - max(most.days, 1))


def window(rhythm: Rhythm, begin: datetime, now: datetime) -> tuple[datetime, timedelta]:
    """Whose turns are looked at today: from `begin` until when, and by how much they are late. Days on which nobody is
    asked neither have turns nor take those of others."""
    today, tomorrow = day_began(now, rhythm.zone), next_day(now, rhythm.zone)
    if begin < today and not rhythm.asks_on(today):
        return begin, timedelta(0)
    end = next_day(begin, rhythm.zone)
    while end < tomorrow and not rhythm.asks_on(day_began(end, rhythm.zone, ahead=-1)):
        end = next_day(end, rhythm.zone)
    return end, timedelta(
        days=(tomorrow.astimezone(rhythm.zone).date() - end.astimezone(rhythm.zone).date()).days
    )


def _ask(
    desk: Desk, rule: Rule, audience: Audience, turns: Iterator[Called], lease: Lease, told: Round
) -> None:
    while called := list(islice(turns, AT_A_TIME)):
        _decide(desk, rule, audience, called, told)
        if desk.stop():
            raise _Stopped
        desk.store.renew(lease, now=desk.clock.now(), seconds=LEASE_SECONDS)


def _called(
    desk: Desk,
    rule: Rule,
    audience: Audience,
    begin: datetime,
    end: datetime,
    late: timedelta = timedelta(0),
) -> Iterator[Called]:
    """Everybody of the audience whose turn comes in this time, page by page: memory stays flat."""
    if begin >= end:
        return
    for ids in desk.opens.registry(rule.people).listed(audience.only):
        for id in ids:
            for turn in audience.rhythm.turns(id, begin, end):
                yield id, audience.rhythm.later(turn, late)


def _decide(desk: Desk, rule: Rule, audience: Audience, called: Sequence[Called], told: Round) -> None:
    found = desk.opens.registry(rule.people).read(id for id, _ in called)
    now = desk.clock.now()
    invitations: list[tuple[Invitation, Step | None]] = []
    verdicts: list[Verdict] = []
    decided: list[tuple[Found, Known]] = []
    for record_id, turn in called:
        person = found[record_id]
        known = known_of(desk, person, max(now, turn.at))
        decided.append((person, known))
        said = judged_turn(
            rule,
            audience,
            record_id,
            turn,
            person,
            known,
            policy=desk.policy,
            conditions=desk.conditions,
            zone=desk.zone,
            id=secrets.token_urlsafe(16),
            now=now,
        )
        told.said[said.verdict.code] += 1
        verdicts.append(said.verdict)
        if said.invitation is not None:
            invitations.append((said.invitation, said.step))
    note_reasons(desk, rule, decided)
    desk.store.decide_event(None, invitations, verdicts, {}, now=now)


def judged_turn(
    rule: Rule,
    audience: Audience,
    record_id: str,
    turn: Turn,
    found: Found,
    known: Known,
    *,
    policy: ContactPolicy,
    conditions: Conditions,
    zone: ZoneInfo,
    id: str,
    now: datetime,
) -> Said:
    """The trigger's word on one person whose turn it is. Pure."""

    def no(code: str, reason: str) -> Said:
        return Said(_verdict(rule, record_id, found, code, reason, now))

    ends = turn.at + audience.rhythm.every  # then it is this person's next turn
    too_late = min(ends, turn.at + rule.stale_after) if rule.stale_after is not None else ends
    if now > too_late:
        return no("stale", "their turn was too long ago")
    if isinstance(found, Nobody):
        return no(found.code, found.reason)
    about = found.about({})
    if rule.where is not None and (why := why_not_meant(rule.where, conditions, about)) is not None:
        return no(*why)
    invitation = _invitation(rule, found, turn, too_late, id, now)
    ways = [rule.asking.ways[place] for place in eligible(rule.asking.ways, found, conditions, about)]
    seen = circumstances(found, ways, known, policy, conditions, about)
    decision = decide(ask_of(invitation), seen, policy, max(turn.at, now), zone=zone)
    if isinstance(decision, Suppress):
        return no(decision.code, decision.reason)
    if isinstance(decision, Wait):
        if decision.until >= too_late:
            return no(decision.code, f"{decision.reason}; their next turn comes before")
        invitation = msgspec.structs.replace(invitation, due_at=decision.until)
    why_later = decision.reason if isinstance(decision, Wait) else ""
    if not rule.live:
        shadow = msgspec.structs.replace(invitation, state=InvitationState.SHADOW)
        return Said(_verdict(rule, record_id, found, "shadow", why_later, now, id), shadow)
    step = Step(invitation=id, kind=StepKind.ASK, way=0, due_at=invitation.due_at)
    return Said(_verdict(rule, record_id, found, "queued", why_later, now, id), invitation, step)


def _invitation(
    rule: Rule, person: Person, turn: Turn, stale_at: datetime, id: str, now: datetime
) -> Invitation:
    to = person.recipient
    return Invitation(
        id=id,
        dedupe=f"{rule.name}/{person.scope}/{person.record_id}/{turn.number}",
        trigger=rule.name,
        survey=rule.asking.survey,
        metric=rule.asking.metric,
        kind=rule.asking.kind,
        connection=to.connection,
        object=to.object,
        record_id=person.record_id,
        state=InvitationState.QUEUED,
        created_at=now,
        due_at=turn.at,
        stale_at=stale_at,
        recurring=True,
        account=person.account_id,
    )


def _verdict(
    rule: Rule, record_id: str, found: Found, code: str, reason: str, now: datetime, id: str | None = None
) -> Verdict:
    return Verdict(
        trigger=rule.name,
        at=now,
        scope=found.scope if isinstance(found, Person) else "",
        record_id=found.record_id if isinstance(found, Person) else record_id,
        code=code,
        reason=reason,
        invitation=id,
    )
