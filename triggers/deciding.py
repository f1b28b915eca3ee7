"""Every event is looked at once by every trigger: people are read again, the rules speak, and all of it is stored."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime

from nps.asking import Invitation, Step
from nps.errors import LeaseLost, NpsyncError
from nps.events import Event
from store.api import Noted, Verdict
from triggers.desk import Desk
from triggers.fairness import free_at
from triggers.people import Found, Nobody, Person
from triggers.reasons import note_reasons
from triggers.report import Round
from triggers.rule import Rule
from triggers.rules import Known, cancels, is_from_before, is_stale, judged, taken_back

AT_A_TIME = 100
LEASE = "triggers/deciding"
LEASE_SECONDS = 120.0


def decide_events(desk: Desk, told: Round) -> None:
    """Look at every event once. One process at a time does it: another one's turn comes with the next round. What a
    CRM cannot tell now stays undecided, and holds up nothing of another one."""
    store = desk.store
    if not store.undecided_events(1):
        return
    lease = store.acquire(LEASE, desk.owner, now=desk.clock.now(), seconds=LEASE_SECONDS)
    if lease is None:
        return
    unread: set[str] = set()  # people that cannot be read in this round
    seen = 0
    try:
        while not desk.stop() and (noted := _next(desk, seen, unread)):
            found = _people_of(desk, noted, unread, told)
            for one in noted:
                if all((rule.name, one.number) in found for rule in _asked_by(desk, one)):
                    store.renew(lease, now=desk.clock.now(), seconds=LEASE_SECONDS)
                    _decide(desk, one, found, told)
            seen = noted[-1].number
    except LeaseLost:
        return  # a frozen process woke up: another one decides
    finally:
        store.release(lease)


def _next(desk: Desk, seen: int, unread: Collection[str]) -> list[Noted]:
    """The next events, but for those about people that cannot be read."""
    waiting = {
        (rule.connection, rule.watch.kind)
        for rule in desk.rules.values()
        if rule.connection is not None and rule.watch is not None and rule.people in unread
    }
    return desk.store.undecided_events(AT_A_TIME, after=seen, but=waiting)


Whom = dict[tuple[str, int], Found]  # (trigger, event) → the person


def _asked_by(desk: Desk, noted: Noted) -> list[Rule]:
    return [rule for rule in desk.rules.values() if rule.is_asked_by(noted.event)]


def _people_of(desk: Desk, noted: Sequence[Noted], unread: set[str], told: Round) -> Whom:
    """The people all these events concern, by connection in as few calls as possible. A connection that cannot be asked
    leaves its events out, and is `unread` from then on: they wait."""
    by_people: defaultdict[str, dict[int, Noted]] = defaultdict(dict)
    found: Whom = {}
    now = desk.clock.now()
    for one in noted:
        for rule in _asked_by(desk, one):
            if is_stale(rule, one, now) or is_from_before(rule, one) or rule.paused:
                found[rule.name, one.number] = _NOT_READ
            else:
                by_people[rule.people][one.number] = one
    for people, events in by_people.items():
        try:
            registry = desk.opens.registry(people)
            persons = registry.find([one.event for one in events.values()])
        except NpsyncError as error:
            told.problems.append(str(error))
            desk.notice("people_unread", connection=people, problem=str(error))
            unread.add(people)
            continue
        for one, person in zip(events.values(), persons, strict=True):
            found.update(
                ((rule.name, one.number), person) for rule in _asked_by(desk, one) if rule.people == people
            )
    return found


_NOT_READ = Nobody("stale", "")  # what happened too long ago is nobody's business any more


def _decide(desk: Desk, noted: Noted, found: Whom, told: Round) -> None:
    event, now = noted.event, desk.clock.now()
    about = desk.store.events_of([(event.connection, event.subject.object, event.subject.id)])
    invitations: list[tuple[Invitation, Step | None]] = []
    verdicts: list[Verdict] = []
    for rule in _asked_by(desk, noted):
        person = found[rule.name, noted.number]
        known = known_of(desk, person, max(now, event.occurred_at + rule.wait))
        note_reasons(desk, rule, [(person, known)])
        said = judged(
            rule,
            noted,
            person,
            known,
            policy=desk.policy,
            conditions=desk.conditions,
            opposed=about,
            zone=desk.zone,
            id=secrets.token_urlsafe(16),
            now=now,
        )
        verdicts.append(said.verdict)
        told.said[said.verdict.code] += 1
        if said.invitation is not None:
            invitations.append((said.invitation, said.step))
    cancelled = _taken_back(desk, event, about)
    gone = desk.store.decide_event(noted.number, invitations, verdicts, cancelled, now=now)
    told.said["cancelled"] += len(gone)


def known_of(desk: Desk, found: Found, at: datetime) -> Known:
    """What the ledger says at this time. Nothing that waits counts: only what was sent, answered or promised."""
    if not found.keys:
        return Known()
    suppressions = tuple(desk.store.suppressions(found.keys))
    if not isinstance(found, Person):
        return Known(suppressions=suppressions)
    return Known(
        past=desk.named(desk.store.past(found.keys, since=at - desk.memory, now=desk.clock.now())),
        suppressions=suppressions,
        account_asks=_account_asks(desk, found.account_id, at),
        account_free_at=free_at(desk.store, desk.policy, found.account_id, at, desk.clock.now()),
    )


def _account_asks(desk: Desk, account: str | None, at: datetime) -> int:
    cap = desk.policy.per_account
    if cap is None or account is None:
        return 0
    counted = desk.store.account_asks([account], since=at - cap.per, now=desk.clock.now())
    return counted.get(account, 0)


def _taken_back(desk: Desk, event: Event, about: Sequence[Event]) -> dict[str, tuple[str, str]]:
    names = cancels(desk.rules.values(), event)
    if not names:
        return {}
    waiting = desk.store.queued_about(event.connection, event.subject.object, event.subject.id)
    return taken_back(event, names, waiting, about)
