"""Between invitations, steps, the ledger's entries and their columns."""

from __future__ import annotations

from typing import Any

from nps.asking import (
    Channel,
    Invitation,
    InvitationState,
    Past,
    PastKind,
    Step,
    StepKind,
    StepState,
    Suppression,
    SuppressionReason,
)
from nps.events import Subject
from store.rows import (
    from_json,
    json_object,
    maybe_milliseconds,
    maybe_moment,
    milliseconds,
    moment,
    storable,
)

INVITATION = (
    "id, dedupe, trigger, survey, metric, kind, connection, object, record_id, state, created_at, due_at, stale_at, "
    "expires_at, sent_at, answered_at, recurring, account, event_connection, event_kind, event_key, subject_object, "
    "subject, facts, via, code, reason"
)
STEP = "id, invitation, kind, way, due_at, state, attempts, message, delivered_at, code, reason, via"
NEW_STEP = "invitation, kind, way, via, due_at, state, attempts, code, reason, channel, token, free_at"
PAST = "at, what, survey, metric, kind, source, invitation"
SUPPRESSION = "key, reason, at, channel, source, detail"


def invitation_row(one: Invitation) -> tuple[Any, ...]:
    subject = one.subject
    return (
        one.id,
        one.dedupe,
        one.trigger,
        one.survey,
        one.metric,
        one.kind,
        one.connection,
        one.object,
        one.record_id,
        one.state.value,
        milliseconds(one.created_at),
        milliseconds(one.due_at),
        maybe_milliseconds(one.stale_at),
        maybe_milliseconds(one.expires_at),
        maybe_milliseconds(one.sent_at),
        maybe_milliseconds(one.answered_at),
        one.recurring,
        one.account,
        one.event_connection,
        one.event_kind,
        one.event_key,
        subject and subject.object,
        subject and subject.id,
        storable(json_object(one.facts)),
        one.via,
        one.code,
        storable(one.reason),
    )


def invitation_of(row: tuple[Any, ...]) -> Invitation:
    return Invitation(
        id=row[0],
        dedupe=row[1],
        trigger=row[2],
        survey=row[3],
        metric=row[4],
        kind=row[5],
        connection=row[6],
        object=row[7],
        record_id=row[8],
        state=InvitationState(row[9]),
        created_at=moment(row[10]),
        due_at=moment(row[11]),
        stale_at=maybe_moment(row[12]),
        expires_at=maybe_moment(row[13]),
        sent_at=maybe_moment(row[14]),
        answered_at=maybe_moment(row[15]),
        recurring=bool(row[16]),
        account=row[17],
        event_connection=row[18],
        event_kind=row[19],
        event_key=row[20],
        subject=None if row[22] is None else Subject(row[21], row[22]),
        facts=from_json(row[23]),
        via=row[24],
        code=row[25],
        reason=row[26],
    )


def step_row(one: Step) -> tuple[Any, ...]:
    """The columns NEW_STEP: it is queued, whatever it says of itself."""
    due_at = milliseconds(one.due_at)
    said = (one.code, one.reason)
    return (one.invitation, one.kind.value, one.way, one.via, due_at, "queued", 0, *said, "", 0, due_at)


def step_of(row: tuple[Any, ...]) -> Step:
    return Step(
        number=row[0],
        invitation=row[1],
        kind=StepKind(row[2]),
        way=row[3],
        due_at=moment(row[4]),
        state=StepState(row[5]),
        attempts=row[6],
        message=row[7],
        delivered_at=maybe_moment(row[8]),
        code=row[9],
        reason=row[10],
        via=row[11],
    )


def past_of(row: tuple[Any, ...]) -> Past:
    return Past(
        at=moment(row[0]),
        what=PastKind(row[1]),
        survey=row[2],
        metric=row[3],
        kind=row[4],
        source=row[5],
        invitation=row[6],
    )


def suppression_of(row: tuple[Any, ...]) -> Suppression:
    return Suppression(
        key=row[0],
        reason=SuppressionReason(row[1]),
        at=moment(row[2]),
        channel=Channel(row[3]) if row[3] else None,
        source=row[4],
        detail=row[5],
    )
