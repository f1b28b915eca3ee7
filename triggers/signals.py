"""What channels tell of messages and people: bounces, complaints, unsubscribes, STOP and START, replies."""

from __future__ import annotations

from datetime import timedelta

from nps.asking import (
    Channel,
    Invitation,
    Step,
    StepState,
    Suppression,
    SuppressionReason,
    person_keys,
)
from nps.errors import NpsyncError
from nps.events import Signal, SignalKind
from nps.keys import email_key
from nps.replies import read_score
from nps.score import SCALES
from nps.sending import Accepted
from triggers.apart import OF_ALL
from triggers.desk import Desk
from triggers.following import BOUNCED, CLOCKS_APART, NOT_DELIVERED, following, next_channel, told_of

REPLIES_WITHIN = timedelta(days=60)

Said = tuple[str, str]  # code ("" when all went well), reason
REFUSED, UNKNOWN_MESSAGE, UNKNOWN_PERSON = "refused", "unknown_message", "unknown_person"
NOT_YET: Said = ("not_yet", "it may be about a message that is being sent")

_REASONS = {
    SignalKind.BOUNCE: SuppressionReason.BOUNCE,
    SignalKind.COMPLAINT: SuppressionReason.COMPLAINT,
    SignalKind.UNSUBSCRIBE: SuppressionReason.UNSUBSCRIBE,
    SignalKind.STOP: SuppressionReason.STOP,
}
# A dead address and a STOP close one channel; who complained or unsubscribed wants no survey at all.
_OF_ONE_CHANNEL = frozenset((SignalKind.BOUNCE, SignalKind.STOP))
_ADDRESSES = {Channel.EMAIL: "email:", Channel.SMS: "phone:"}


def apply(desk: Desk, signal: Signal) -> Said:
    """What this changes is stored before it counts as settled; doing it again changes nothing more. `NOT_YET`: it may
    be about a message that is being sent, whose id is known in a moment; tell it again then."""
    sending = desk.store.is_sending(
        signal.connection
    )  # asked first: what is settled after this is found below
    invitation = _invitation(desk, signal)
    try:
        said = _applied(desk, signal, invitation)
    except OF_ALL:
        raise
    except NpsyncError as error:
        return REFUSED, str(error)
    unheard_of = signal.message is not None or said[0] in (UNKNOWN_MESSAGE, UNKNOWN_PERSON)
    return NOT_YET if sending and invitation is None and unheard_of else said


def _applied(desk: Desk, signal: Signal, invitation: Invitation | None) -> Said:
    match signal.kind:
        case SignalKind.DELIVERED:
            return _delivered(desk, signal, invitation)
        case SignalKind.FAILED:
            return _undelivered(desk, signal, invitation, NOT_DELIVERED)
        case SignalKind.SOFT_BOUNCE:
            return "", ""  # the channel tries on by itself
        case SignalKind.START:
            return _lifted(desk, signal)
        case SignalKind.REPLY:
            return _answered(desk, signal, invitation)
        case _:
            return _suppressed(desk, signal, invitation)


def _invitation(desk: Desk, signal: Signal) -> Invitation | None:
    id = signal.invitation
    if id is None and signal.message is not None:
        id = desk.store.by_message(signal.connection, signal.message)
    return None if id is None else desk.store.invitation(id)


def _delivered(desk: Desk, signal: Signal, invitation: Invitation | None) -> Said:
    """Of a message whose sending was interrupted it says that it was sent: now follows what follows a sent one."""
    step = _told_of(desk, signal, invitation)
    if invitation is None or step is None:
        return not_ours(signal)
    if step.state is StepState.SENDING:
        return NOT_YET
    rule, expires_at = desk.rules.get(invitation.trigger), invitation.expires_at
    follows: tuple[Step, ...] = ()
    if step.state is StepState.UNKNOWN and rule is not None:
        accepted, expires_at = Accepted(signal.message), expires_at or signal.at + rule.asking.expires
        follows = following(rule.asking, invitation, step, accepted, expires_at=expires_at, now=signal.at)
    desk.store.delivered(invitation.id, step.number, now=signal.at, following=follows, expires_at=expires_at)
    return "", ""


def _undelivered(desk: Desk, signal: Signal, invitation: Invitation | None, code: str) -> Said:
    step = _told_of(desk, signal, invitation)
    if invitation is None or step is None:
        return not_ours(signal)
    if step.state is StepState.SENDING:
        return NOT_YET
    now, steps = desk.clock.now(), desk.store.steps_of(invitation.id)
    rule = desk.rules.get(invitation.trigger)
    follows = next_channel(rule.asking, invitation, step, steps, now=now) if rule else ()
    told = f"{signal.connection} could not deliver it" + (f" ({signal.code})" if signal.code else "")
    desk.store.undelivered(invitation.id, step.number, code, told, following=follows)
    return "", ""


def _told_of(desk: Desk, signal: Signal, invitation: Invitation | None) -> Step | None:
    if invitation is None:
        return None
    return told_of(desk.store.steps_of(invitation.id), signal.connection, signal.message, signal.at)


def _suppressed(desk: Desk, signal: Signal, invitation: Invitation | None) -> Said:
    keys = _keys(desk, signal, invitation)
    if not keys and invitation is None:
        return UNKNOWN_PERSON, "it names neither a person nor a message of ours"
    one_channel = desk.channels.get(signal.connection) if signal.kind in _OF_ONE_CHANNEL else None
    desk.store.suppress(
        [
            Suppression(
                key=key,
                reason=_REASONS[signal.kind],
                at=signal.at,
                channel=one_channel,
                source=signal.connection,
                detail=signal.code,
            )
            for key in keys
        ]
    )
    if signal.kind is SignalKind.BOUNCE and invitation is not None:
        return _undelivered(desk, signal, invitation, BOUNCED)
    return "", ""


def _lifted(desk: Desk, signal: Signal) -> Said:
    """START: the person's own act, so it lifts their own STOP and nothing else."""
    lifted = [
        desk.store.lift(key, SuppressionReason.STOP, by=f"START to {signal.connection}", now=signal.at)
        for key in _keys(desk, signal, None)
    ]
    return ("", "") if any(lifted) else ("nothing_to_lift", "nobody with this number had said STOP")


def _answered(desk: Desk, signal: Signal, invitation: Invitation | None) -> Said:
    """A reply that is a score is an answer; any other is kept where people find it."""
    invitation = invitation or _latest_sent(desk, signal)
    if invitation is None:
        return not_ours(signal)
    said = read_score(signal.text or "", *SCALES[invitation.metric])
    if said is None:
        return "no_score", "a reply that is no score"
    if desk.take_answer is None:
        return "no_answers", "replies are not taken as answers here"
    refused = desk.take_answer(invitation, *said)
    return ("not_taken", refused) if refused else ("", "")


def _latest_sent(desk: Desk, signal: Signal) -> Invitation | None:
    """A reply names a number and no message: it answers what this connection had sent there last by then. Of a message
    whose process died only its fate, found later, has a time: it is meant where there is no other."""
    keys = _keys(desk, signal, None)
    past = desk.store.past(keys, since=signal.at - REPLIES_WITHIN, now=desk.clock.now()) if keys else []
    sent = [one for one in past if one.invitation and one.source == signal.connection]
    by_then = [one for one in sent if one.at <= signal.at + CLOCKS_APART]
    latest = next(iter(by_then or sent), None)
    return desk.store.invitation(latest.invitation) if latest and latest.invitation else None


def _keys(desk: Desk, signal: Signal, invitation: Invitation | None) -> tuple[str, ...]:
    """The address (of what names only a message: the one it went to), and for what concerns the person all their names:
    neither a new address nor another record brings them back. Whoever has no address is known by their id."""
    keys: tuple[str, ...] = ()
    if signal.address:
        email = email_key(signal.address)
        keys = person_keys(email=email) if email else person_keys(phone=signal.address)
    if not (signal.kind in _OF_ONE_CHANNEL and keys):
        keys += person_keys(external_id=signal.external_id)
    if invitation is None or (signal.kind in _OF_ONE_CHANNEL and keys):
        return keys
    record = person_keys(
        connection=invitation.connection, object=invitation.object, record_id=invitation.record_id
    )
    names = desk.store.keys_of(invitation.id)
    if signal.kind in _OF_ONE_CHANNEL:
        prefix = _ADDRESSES.get(desk.channels.get(signal.connection, Channel.OTHER), "record:")
        return tuple(one for one in names if one.startswith(prefix))
    return tuple(dict.fromkeys((*keys, *record, *names)))


def not_ours(signal: Signal) -> Said:
    return UNKNOWN_MESSAGE, f"{signal.kind} of a message npsync did not send, or sent long ago"
