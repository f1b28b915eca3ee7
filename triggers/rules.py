"""What a trigger says about one event: an invitation, or why not. Pure: `now` and all that was read are arguments.

An invitation's due time and identity come from the event alone and the policy looks at what *was* sent, never at what
else waits: so any order and any repetition of the same events gives the same invitations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from mapping.conditions import CannotTell, Conditions
from nps.asking import (
    Ask,
    Circumstances,
    Invitation,
    InvitationState,
    Past,
    Send,
    Step,
    StepKind,
    Suppress,
    Suppression,
    SuppressionReason,
    Wait,
)
from nps.events import Event
from nps.policy import ContactPolicy, decide
from nps.standing import About
from store.api import Noted, Verdict
from triggers.people import Found, Nobody, Person
from triggers.rule import Rule, Way


@dataclass(frozen=True)
class Known:
    """What the store knows about a person at one moment."""

    past: tuple[Past, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    account_asks: int = 0
    account_free_at: datetime | None = None  # when it has room again, where it has none
    sent_today: int = 0
    ahead: int = 0  # others of the account who wait for their turn and come first


@dataclass(frozen=True)
class Said:
    """A trigger's word on one event."""

    verdict: Verdict
    invitation: Invitation | None = None
    step: Step | None = None


def happened_at(noted: Noted) -> datetime:
    """Nothing happened later than we heard of it, whatever a clock ahead of ours says."""
    return min(noted.event.occurred_at, noted.at)


def is_stale(rule: Rule, noted: Noted, now: datetime) -> bool:
    return rule.stale_after is not None and now > happened_at(noted) + rule.stale_after


def is_from_before(rule: Rule, noted: Noted) -> bool:
    return rule.since is not None and happened_at(noted) < rule.since


def judged(
    rule: Rule,
    noted: Noted,
    found: Found,
    known: Known,
    *,
    policy: ContactPolicy,
    conditions: Conditions,
    opposed: Iterable[Event],
    zone: ZoneInfo,
    id: str,
    now: datetime,
) -> Said:
    """The trigger's word on its event. `opposed` are all known events about the same subject; `id` is for a new
    invitation."""
    event = noted.event
    if is_stale(rule, noted, now):
        return _no(rule, noted, None, "stale", "it happened too long ago to ask about", now)
    if is_from_before(rule, noted):
        before = "it happened before the trigger was in the YAML, or while it was not"
        return _no(rule, noted, None, "not_followed", before, now)
    if rule.paused:
        return _no(rule, noted, None, "paused", "the trigger was paused when this happened", now)
    if isinstance(found, Nobody):
        erased = any(one.reason is SuppressionReason.ERASED for one in known.suppressions)
        if erased:
            return _no(rule, noted, None, "erased", "this person asked to be forgotten", now)
        return _no(rule, noted, None, found.code, found.reason, now)
    about = found.about(event.names)
    if rule.where is not None and (why := why_not_meant(rule.where, conditions, about)) is not None:
        return _no(rule, noted, found, *why, now)
    invitation = _invitation(rule, noted, found, id, now)
    ways = [rule.asking.ways[place] for place in eligible(rule.asking.ways, found, conditions, about)]
    seen = circumstances(found, ways, known, policy, conditions, about)
    decision = decide(ask_of(invitation), seen, policy, max(invitation.due_at, now), zone=zone)
    if isinstance(decision, Suppress):
        return _no(rule, noted, found, decision.code, decision.reason, now)
    if any(rule.is_cancelled_by(one) and one.occurred_at > event.occurred_at for one in opposed):
        return _cancelled(rule, noted, found, invitation, now)
    if not rule.live:
        shadow = msgspec.structs.replace(invitation, state=InvitationState.SHADOW)
        return Said(_verdict(rule, noted, found, "shadow", _would(decision), now, id), shadow)
    step = Step(invitation=id, kind=StepKind.ASK, way=0, due_at=invitation.due_at)
    return Said(_verdict(rule, noted, found, "queued", "", now, id), invitation, step)


def ask_of(invitation: Invitation) -> Ask:
    """The wish as the policy judges it: the same when it is decided and when it is sent."""
    return Ask(
        trigger=invitation.trigger,
        survey=invitation.survey,
        metric=invitation.metric,
        kind=invitation.kind,
        recurring=invitation.recurring,
        seed=invitation.dedupe,
    )


def eligible(ways: Sequence[Way], person: Person, conditions: Conditions, about: About) -> tuple[int, ...]:
    """Places of the ways that are meant for this person and for which they have an address, in the YAML's order. A
    `when` that cannot be judged is not met."""
    return tuple(
        place
        for place, way in enumerate(ways)
        if has_address(way, person)
        and (way.when is None or why_not_meant(way.when, conditions, about) is None)
    )


def why_not_meant(source: str, conditions: Conditions, about: About) -> tuple[str, str] | None:
    """Why a condition is not met, as code and sentence."""
    try:
        return None if conditions.holds(source, about) else ("not_meant", f"not so: {source}")
    except CannotTell as why:
        return "cannot_tell", f"{source} cannot be judged: {why}"


def has_address(way: Way, person: Person) -> bool:
    to = person.recipient
    has = {"email": to.email, "phone": to.phone, "external_id": to.external_id}
    return way.sends.needs not in has or has[way.sends.needs] is not None


def circumstances(
    person: Person,
    ways: Sequence[Way],
    known: Known,
    policy: ContactPolicy,
    conditions: Conditions,
    about: About,
) -> Circumstances:
    """What the policy is told about a person as they were just read; `ways` are those open to them."""
    return Circumstances(
        past=known.past,
        suppressions=known.suppressions,
        channels=tuple(dict.fromkeys(way.sends.channel for way in ways)),
        consent=person.consent,
        opted_out=person.opted_out,
        unreadable=person.unreadable,
        never=conditions.first_that_forbids(policy.never_ask, about),
        zone=person.zone,
        customer_since=person.customer_since,
        account=person.account_id,
        account_asks=known.account_asks,
        account_free_at=known.account_free_at,
        account_turn=policy.per_account is None
        or known.ahead < policy.per_account.at_most - known.account_asks,
        sent_today=known.sent_today,
    )


def cancels(rules: Iterable[Rule], event: Event) -> frozenset[str]:
    """The triggers whose waiting invitations an event takes back."""
    return frozenset(rule.name for rule in rules if rule.is_cancelled_by(event))


def taken_back(
    event: Event, names: frozenset[str], waiting: Iterable[Invitation], events: Iterable[Event]
) -> dict[str, tuple[str, str]]:
    """The waiting invitations (of the triggers with these names) that this event cancels: those whose own event is
    older. Invitation → (code, reason)."""
    happened = {one.key: one.occurred_at for one in events}
    return {
        one.id: (event.kind, f"{event.kind.replace('_', ' ')} before it was sent")
        for one in waiting
        if one.trigger in names
        and one.event_key is not None
        and one.event_key in happened
        and happened[one.event_key] < event.occurred_at
    }


def _invitation(rule: Rule, noted: Noted, person: Person, id: str, now: datetime) -> Invitation:
    event, happened = noted.event, happened_at(noted)
    return Invitation(
        id=id,
        dedupe=f"{rule.name}/{event.connection}/{event.key}",
        trigger=rule.name,
        survey=rule.asking.survey,
        metric=rule.asking.metric,
        kind=rule.asking.kind,
        connection=person.recipient.connection,
        object=person.recipient.object,
        record_id=person.record_id,
        state=InvitationState.QUEUED,
        created_at=now,
        due_at=happened + rule.wait,
        stale_at=None if rule.stale_after is None else happened + rule.stale_after,
        account=person.account_id,
        event_connection=event.connection,
        event_kind=event.kind,
        event_key=event.key,
        subject=event.subject,
        facts=event.facts,
    )


def _cancelled(rule: Rule, noted: Noted, person: Person, invitation: Invitation, now: datetime) -> Said:
    """The opposite happened later and was heard of earlier: it ends as it would have the other way round."""
    kinds = sorted({watch.kind for watch in rule.cancel_on})
    why = f"{' or '.join(kinds).replace('_', ' ')} since"
    cancelled = msgspec.structs.replace(
        invitation, state=InvitationState.CANCELLED, code="cancelled", reason=why
    )
    return Said(_verdict(rule, noted, person, "cancelled", why, now, invitation.id), cancelled)


def _would(decision: Send | Wait) -> str:
    return "" if isinstance(decision, Send) else f"it would wait: {decision.reason}"


def _no(rule: Rule, noted: Noted, person: Person | None, code: str, reason: str, now: datetime) -> Said:
    return Said(_verdict(rule, noted, person, code, reason, now))


def _verdict(
    rule: Rule,
    noted: Noted,
    person: Person | None,
    code: str,
    reason: str,
    now: datetime,
    id: str | None = None,
) -> Verdict:
    return Verdict(
        trigger=rule.name,
        event=noted.number,
        at=now,
        scope=person.scope if person else "",
        record_id=person.record_id if person else None,
        code=code,
        reason=reason,
        invitation=id,
    )
