"""What follows one message: reminders, the next channel, another try. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from nps.asking import Invitation, Past, PastKind, Step, StepKind, StepState, Suppress
from nps.sending import Accepted, FailedPermanent, FailedRetryable, SendOutcome
from triggers.rule import Asking

TRIES = 6
NOT_DELIVERED, BOUNCED = "not_delivered", "bounce"  # codes of steps whose message left and reached nobody
CLOCKS_APART = timedelta(minutes=5)
_SOONEST, _LATEST = timedelta(minutes=1), timedelta(hours=4)


def following(
    asking: Asking,
    invitation: Invitation,
    step: Step,
    outcome: SendOutcome,
    *,
    expires_at: datetime | None,
    now: datetime,
) -> tuple[Step, ...]:
    """The messages to come after this one. A reminder is followed by nothing: all are planned with the first message
    that is sent."""
    if step.kind is StepKind.REMINDER:
        return ()
    place = asking.place_of(step)
    if isinstance(outcome, FailedPermanent):
        return () if place is None else _next_way(asking, invitation, place, now)
    if not isinstance(outcome, Accepted):
        return ()  # also what the vendor's own throttle refused: no other channel gets round it
    fallback = () if place is None else _fallback(asking, invitation, place, now)
    reminders = _reminders(asking, invitation, now) if invitation.sent_at is None else ()
    return tuple(one for one in (*fallback, *reminders) if expires_at is None or one.due_at < expires_at)


def next_channel(
    asking: Asking, invitation: Invitation, step: Step, steps: Iterable[Step], *, now: datetime
) -> tuple[Step, ...]:
    """The next way, at once, when the message of this step reached nobody, unless another way has asked since. What was
    planned for later stays planned, and is left out when its turn comes (`is_overtaken`)."""
    place = asking.place_of(step)
    since = (one for one in steps if one.number > step.number and one.kind is not StepKind.REMINDER)
    if place is None or any(one.state in _MAY_HAVE_LEFT for one in since):
        return ()
    return _next_way(asking, invitation, place, now)


_MAY_HAVE_LEFT = (StepState.SENDING, StepState.ACCEPTED, StepState.UNKNOWN)


def told_of(steps: Iterable[Step], via: str, message: str | None, at: datetime) -> Step | None:
    """The step that a channel tells of: that of the message it names, else the latest it was handed before `at`. One
    of which was told before that it reached nobody counts too, so that telling it again fails no earlier one."""
    left = [one for one in steps if one.via == via and (one.state in _MAY_HAVE_LEFT or _reached_nobody(one))]
    named = [one for one in left if one.message == message]
    if message is not None and named:
        return named[-1]
    # The id is not known of what is being sent, or was when npsync ended.
    left = [one for one in left if message is None or one.message is None]
    return max(
        (one for one in left if one.due_at <= at + CLOCKS_APART), key=lambda one: one.number, default=None
    )


def _reached_nobody(step: Step) -> bool:
    """Not merely refused when it was handed over."""
    return step.state is StepState.FAILED and step.code in (NOT_DELIVERED, BOUNCED)


def is_overtaken(step: Step, steps: Iterable[Step]) -> bool:
    """A fallback whose way, or a later one, has asked already."""
    sent = latest_sent(steps)
    return step.kind is StepKind.FALLBACK and sent is not None and sent.way >= step.way


def latest_sent(steps: Iterable[Step]) -> Step | None:
    """The ask or fallback that was accepted last: reminders go where it went."""
    sent = [one for one in steps if one.state is StepState.ACCEPTED and one.kind is not StepKind.REMINDER]
    return max(sent, key=lambda one: one.number, default=None)


def is_too_late(invitation: Invitation, at: datetime) -> bool:
    """An ask must not be stale; what follows it must come before the invitation expires."""
    if invitation.sent_at is None:
        return invitation.stale_at is not None and at > invitation.stale_at
    return invitation.expires_at is not None and at >= invitation.expires_at


def retried(outcome: SendOutcome, step: Step, invitation: Invitation, now: datetime) -> SendOutcome:
    """A failure that may pass is tried again, longer apart each time, a few times and not when it is too late."""
    if not isinstance(outcome, FailedRetryable):
        return outcome
    pause = min(_SOONEST * 4 ** min(step.attempts, 8), _LATEST)
    again = max(outcome.after or now, now + pause)
    if step.attempts + 1 >= TRIES:
        return FailedPermanent(outcome.code, f"given up after {TRIES} tries: {outcome.reason}")
    if is_too_late(invitation, again):
        return FailedPermanent(outcome.code, f"not sent before it was too late: {outcome.reason}")
    return msgspec.structs.replace(outcome, after=again)


def may_remind(invitation: Invitation, past: Sequence[Past]) -> Suppress | None:
    """The rule of reminders and fallbacks: only while this is what the person was asked last, and not answered. Where
    nothing of it was sent yet, there is nothing to remind of: the policy judges it as any ask."""
    if (since := invitation.sent_at) is None:
        return None
    for one in past:
        if one.invitation == invitation.id or one.at < since:
            continue
        if one.what is PastKind.ANSWER:
            return Suppress("answered", "the person has answered since")
        if one.what is PastKind.DECLINE:
            return Suppress("declined", "the person has declined since")
        return Suppress("newer_ask", "the person was asked something else since; that is not talked over")
    if any(one.invitation == invitation.id and one.what is PastKind.ANSWER for one in past):
        return Suppress("answered", "the person has answered")
    return None


def _reminders(asking: Asking, invitation: Invitation, now: datetime) -> tuple[Step, ...]:
    return tuple(
        Step(invitation=invitation.id, kind=StepKind.REMINDER, way=0, due_at=now + after)
        for after in asking.remind
    )


def _fallback(asking: Asking, invitation: Invitation, way: int, now: datetime) -> tuple[Step, ...]:
    """The next channel, for when this one was not answered in time. A way without `after` is no fallback: it is for
    those whom the ways before it are not for."""
    for place, one in enumerate(asking.ways):
        if place > way and one.after is not None:
            return (_another(asking, invitation, place, now + one.after),)
    return ()


def _next_way(asking: Asking, invitation: Invitation, way: int, now: datetime) -> tuple[Step, ...]:
    if way + 1 >= len(asking.ways):
        return ()
    return (_another(asking, invitation, way + 1, now),)


def _another(asking: Asking, invitation: Invitation, place: int, due_at: datetime) -> Step:
    via = asking.ways[place].connection
    return Step(invitation=invitation.id, kind=StepKind.FALLBACK, way=place, via=via, due_at=due_at)
