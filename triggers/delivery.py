"""One message: the way it goes, the last word of the policy under the lock, the handing over, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta

import msgspec

from connectors.contract import Sender
from nps.asking import (
    Channel,
    Circumstances,
    Decision,
    Past,
    Send,
    StepKind,
    StepState,
    Suppress,
    Suppression,
    SuppressionReason,
    Wait,
)
from nps.errors import (
    AccessError,
    BudgetError,
    ConfigError,
    Interrupted,
    NpsyncError,
    UnavailableError,
)
from nps.policy import decide, open_channels
from nps.sending import (
    Accepted,
    FailedPermanent,
    FailedRetryable,
    FateUnknown,
    Message,
    Recipient,
    SendOutcome,
    SuppressedByVendor,
)
from store.api import Claimed, Judge
from triggers.closing import Closed, close
from triggers.desk import Desk
from triggers.fairness import ahead_of, free_at
from triggers.following import following, is_too_late, latest_sent, may_remind, retried
from triggers.people import Found, Person
from triggers.reasons import note_reasons
from triggers.report import Round
from triggers.rule import Rule, Way
from triggers.rules import Known, ask_of, circumstances, eligible

NO_CALLS_LEFT = timedelta(minutes=15)  # then a connection whose calls were spent is tried again


def deliver(desk: Desk, rule: Rule, claimed: Claimed, person: Person, closed: Closed, told: Round) -> None:
    """Send this step's message, unless the policy says no or not now."""
    now = desk.clock.now()
    _remember_opt_out(desk, person, now)
    place = _place(desk, rule, claimed, person)
    way = rule.asking.ways[place] if place is not None else None
    if way is not None and closed.is_closed(way.connection, now):
        _wait(desk, claimed, closed.until[way.connection], way, told)
        return
    sender = None
    if way is not None:
        try:
            sender = desk.opens.sender(way.connection)
        except (AccessError, ConfigError, UnavailableError) as error:
            _tell(desk, told, way.connection, error)
            _wait(desk, claimed, close(desk, closed, way.connection), way, told)
            return
    cap = desk.policy.per_account
    decision = desk.store.reserve(
        claimed,
        person.keys,
        _judge(desk, claimed, person, way, now),
        way=claimed.step.way if place is None else place,
        via=None if way is None else way.connection,
        message=None if way is None else _called(way, claimed),
        account=person.account_id,
        account_since=now - cap.per if cap else None,
        day_began=_midnight(desk, now) if desk.policy.daily_cap else None,
        now=now,
    )
    if isinstance(decision, Suppress):
        note_reasons(desk, rule, [(person, Known(suppressions=tuple(desk.store.suppressions(person.keys))))])
    if not isinstance(decision, Send) or way is None or sender is None:
        told.steps["waits" if isinstance(decision, Wait) else _code(decision)] += 1
        return
    outcome = _handed_over(desk, rule, claimed, way, person, sender, closed, told)
    settle(desk, rule, claimed, way, person, outcome, told)


def settle(
    desk: Desk, rule: Rule, claimed: Claimed, way: Way, found: Found, outcome: SendOutcome, told: Round
) -> None:
    """What became of a message is kept, with what follows it. What the vendor knows of the address goes first: were it
    lost, the next message would go there again."""
    now, invitation = desk.clock.now(), claimed.invitation
    if isinstance(found, Person):
        _heed(desk, way, found, outcome, now)
    place = rule.asking.ways.index(way)
    expires_at = deadline(rule, claimed, now) if isinstance(outcome, Accepted | FateUnknown) else None
    step = msgspec.structs.replace(claimed.step, way=place, via=way.connection)
    desk.store.settle_step(
        claimed,
        outcome,
        via=way.connection,
        channel=way.sends.channel,
        now=now,
        following=following(rule.asking, invitation, step, outcome, expires_at=expires_at, now=now),
        expires_at=expires_at,
    )
    told.steps[_NAMES[type(outcome)]] += 1
    if isinstance(outcome, FailedRetryable) and outcome.code not in ("closed", "stopped"):
        told.retrying[f"{way.connection}: {outcome.reason}"] += 1


def message_of(desk: Desk, rule: Rule, claimed: Claimed, way: Way, to: Recipient, now: datetime) -> Message:
    invitation, asking = claimed.invitation, rule.asking
    said = asking.said(to.language)
    page = desk.public_url.rstrip("/")
    return Message(
        invitation=invitation.id,
        step=claimed.step.number,
        kind=claimed.step.kind,
        to=to,
        survey=asking.survey,
        metric=asking.metric,
        vendor_survey=way.vendor_survey,
        language=said.language,
        ask=said.ask,
        labels=said.labels,
        then=said.then.get("", ""),
        link=f"{page}/s/{invitation.id}" if page else "",
        unsubscribe=f"{page}/u/{invitation.id}" if page else "",
        deadline=deadline(rule, claimed, now),
        why=f"because {rule.why}" if rule.why else "",
        facts=invitation.event,
    )


def deadline(rule: Rule, claimed: Claimed, now: datetime) -> datetime:
    """Until when the invitation may be answered: counted from its first message."""
    return claimed.invitation.expires_at or now + rule.asking.expires


# ------------------------------------------------------------ the way, and the last word


def _place(desk: Desk, rule: Rule, claimed: Claimed, person: Person) -> int | None:
    """Which of the survey's ways this message takes: the first that is meant for the person, has their address and is
    not closed to them. None: there is none, and the policy will say why."""
    places = _places(desk, rule, claimed, person)
    if not places:
        return None
    ways = [rule.asking.ways[place] for place in places]
    known = Known(suppressions=tuple(desk.store.suppressions(person.keys)))
    open_to = open_channels(_seen(desk, claimed, person, ways, known))
    return next(
        (place for place, way in zip(places, ways, strict=True) if way.sends.channel in open_to), places[0]
    )


def _places(desk: Desk, rule: Rule, claimed: Claimed, person: Person) -> tuple[int, ...]:
    step, ways = claimed.step, rule.asking.ways
    open_to = eligible(ways, person, desk.conditions, person.about(claimed.invitation.event))
    if step.kind is StepKind.ASK:
        return open_to
    steps = desk.store.steps_of(claimed.invitation.id)
    if step.kind is StepKind.FALLBACK:
        begin = rule.asking.place_of(step)
        asked = {one.via for one in steps if one.state in (StepState.ACCEPTED, StepState.UNKNOWN)}
        return tuple(
            place
            for place in open_to
            if begin is not None
            and (place == begin or (place > begin and ways[place].connection not in asked))
        )
    sent = latest_sent(steps)
    there = None if sent is None else rule.asking.place_of(sent)
    return tuple(place for place in open_to if place == there and ways[place].sends.can_remind)


def _judge(desk: Desk, claimed: Claimed, person: Person, way: Way | None, now: datetime) -> Judge:
    """The policy's last word, to be asked under the lock with what the ledger says there."""
    ahead = ahead_of(desk, claimed.invitation, person.account_id, now)
    free = free_at(desk.store, desk.policy, person.account_id, now, now)

    def judge(
        past: Sequence[Past], suppressions: Sequence[Suppression], account_asks: int, sent_today: int
    ) -> Decision:
        told = desk.named(past)
        known = Known(told, tuple(suppressions), account_asks, free, sent_today, ahead)
        if claimed.step.kind is not StepKind.ASK and (no := may_remind(claimed.invitation, past)) is not None:
            return no
        decision = _decided(desk, claimed, person, [way] if way else [], known, now)
        if isinstance(decision, Wait) and is_too_late(claimed.invitation, decision.until):
            return Suppress("stale", f"it would be too late then: {decision.reason}")
        return decision

    return judge


def _decided(
    desk: Desk, claimed: Claimed, person: Person, ways: Sequence[Way], known: Known, now: datetime
) -> Decision:
    ask = ask_of(claimed.invitation)
    if claimed.step.kind is not StepKind.ASK:
        ask = msgspec.structs.replace(ask, follows=claimed.invitation.id)
    seen = _seen(desk, claimed, person, ways, known)
    return decide(ask, seen, desk.policy, now, zone=desk.zone)


def _seen(desk: Desk, claimed: Claimed, person: Person, ways: Sequence[Way], known: Known) -> Circumstances:
    about = person.about(claimed.invitation.event)
    return circumstances(person, ways, known, desk.policy, desk.conditions, about)


def _midnight(desk: Desk, now: datetime) -> datetime:
    """When the business day began."""
    return datetime.combine(now.astimezone(desk.zone).date(), time(), desk.zone)


# ------------------------------------------------------------ handing over


def _handed_over(
    desk: Desk,
    rule: Rule,
    claimed: Claimed,
    way: Way,
    person: Person,
    sender: Sender,
    closed: Closed,
    told: Round,
) -> SendOutcome:
    message = message_of(desk, rule, claimed, way, person.recipient, desk.clock.now())
    try:
        outcome = sender.send(message)
    except (AccessError, ConfigError) as error:
        # Not this person's fault: the sender is closed for all, and the step waits without losing a try.
        _tell(desk, told, way.connection, error)
        again = close(desk, closed, way.connection)
        return FailedRetryable("closed", str(error), after=again, tried=False)
    except BudgetError as error:
        # Nothing left, nor would anything of the next one: the step waits without losing a try.
        return FailedRetryable("budget", str(error), after=desk.clock.now() + NO_CALLS_LEFT, tried=False)
    except Interrupted as error:
        return FailedRetryable("stopped", str(error), after=desk.clock.now(), tried=False)
    except NpsyncError as error:
        return FateUnknown(str(error))
    except Exception:
        # A bug, and nobody can say how far the message got. It is told, and the message is not repeated.
        settle(desk, rule, claimed, way, person, FateUnknown("npsync failed while sending it"), told)
        raise
    return retried(outcome, claimed.step, claimed.invitation, desk.clock.now())


def _remember_opt_out(desk: Desk, person: Person, now: datetime) -> None:
    """What the CRM's flag says holds under every name of the person, also once another tool knows them anew."""
    if person.opted_out:
        source = person.recipient.connection
        desk.store.suppress(
            [
                Suppression(key=key, reason=SuppressionReason.CRM_OPT_OUT, at=now, source=source)
                for key in person.keys
            ]
        )


def _heed(desk: Desk, way: Way, person: Person, outcome: SendOutcome, now: datetime) -> None:
    """What the vendor knows of a person or an address holds for us too: an opt-out under every name of the person, a
    STOP of the number and a bounce of the address alone."""
    channel = way.sends.channel
    prefix = {Channel.EMAIL: "email:", Channel.SMS: "phone:"}.get(channel, "record:")
    if isinstance(outcome, SuppressedByVendor) and outcome.opted_out:
        is_stop = channel is Channel.SMS
        reason = SuppressionReason.STOP if is_stop else SuppressionReason.UNSUBSCRIBE
        only: Channel | None = channel if is_stop else None
    elif isinstance(outcome, FailedPermanent) and outcome.address:
        reason, only = SuppressionReason.BOUNCE, channel
    else:
        return
    desk.store.suppress(
        [
            Suppression(
                key=key, reason=reason, at=now, channel=only, source=way.connection, detail=outcome.code
            )
            for key in person.keys
            if only is None or key.startswith(prefix)
        ]
    )


def _wait(desk: Desk, claimed: Claimed, until: datetime, way: Way, told: Round) -> None:
    desk.store.put_off(claimed, until, "closed", f"{way.connection} refuses to send at present")
    told.steps["put_off"] += 1


def _called(way: Way, claimed: Claimed) -> str | None:
    """The message's id, where it is known before it is sent."""
    name = way.sends.called
    return None if name is None else name(claimed.invitation.id, claimed.step.number)


def _tell(desk: Desk, told: Round, connection: str, error: NpsyncError) -> None:
    told.problems.append(str(error))
    desk.notice("sender_closed", connection=connection, problem=str(error))


def _code(decision: Decision) -> str:
    return decision.code if isinstance(decision, Suppress) else "no_channel"


_NAMES: dict[type, str] = {
    Accepted: "accepted",
    SuppressedByVendor: "suppressed_by_vendor",
    FailedPermanent: "failed",
    FailedRetryable: "retried",
    FateUnknown: "unknown",
}


def outcome_of_interrupted(desk: Desk, rule: Rule, claimed: Claimed, way: Way, found: Found) -> SendOutcome:
    """The fate of a message whose process died while sending it. Raises what `find` raises."""
    if not way.sends.can_find:
        return FateUnknown("npsync was ended while it was being sent; whether it left is not known")
    invitation = claimed.invitation
    gone = Recipient(
        connection=invitation.connection, object=invitation.object, record_id=invitation.record_id
    )
    to = found.recipient if isinstance(found, Person) else gone
    message = message_of(desk, rule, claimed, way, to, desk.clock.now())
    outcome = desk.opens.sender(way.connection).find(message)
    if outcome is None:
        return FateUnknown(f"npsync was ended while it was being sent, and {way.connection} cannot tell")
    return retried(outcome, claimed.step, claimed.invitation, desk.clock.now())
