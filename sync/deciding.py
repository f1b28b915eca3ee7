"""Which answer decides a record, and what the record should show: pure, over frozen values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

import msgspec

from mapping.fields import SKIP, CompiledFields
from mapping.overwrite import keeps
from nps.changes import Change, Rank, Record
from nps.errors import RejectedError
from nps.newest import Answer, oldest_first
from nps.responses import SurveyResponse
from nps.score import Segment, segment_of
from nps.standing import Standing
from nps.values import Fields, Json, Value
from store.api import State


class Undone(msgspec.Struct, frozen=True):
    """A field in which a write was taken back.

    It is left alone while one of the answers `held` decides the record (None among them: while no answer does).
    `ours`: what it shows counts as written by us, because an earlier write of ours did so.
    """

    held: frozenset[int | None]
    ours: bool


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """The record side of one decision: as it is, what of it is ours or was undone, its account."""

    record: Record
    typed: Fields = {}
    ours: Mapping[str, Json] = {}
    undone: Mapping[str, Undone] = {}
    account_id: str | None = None
    account: Fields = {}


def no_event(response: SurveyResponse) -> Mapping[str, Json]:
    """`event.*` of an answer where no field reads it."""
    return {}


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What a sync's YAML says about deciding, compiled."""

    survey: str
    metric: str
    fields: CompiledFields
    canonical: Mapping[str, Callable[[Value], Json]]
    valid_for: timedelta | None = None
    adopt: bool = False
    event: Callable[[SurveyResponse], Mapping[str, Json]] = no_event


class Mark(NamedTuple):
    """The state of one answer and why: a stable word, a sentence, the field concerned."""

    state: State
    code: str = ""
    reason: str = ""
    field: str | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided about one record.

    `states` holds the mark of every answer concerned. `kept` are fields left to somebody else's value, `undone` those
    left as an undo put them; `overwritten` are written although somebody changed them since we did.
    """

    change: Change | None = None
    states: Mapping[int, Mark]
    kept: tuple[str, ...] = ()
    undone: tuple[str, ...] = ()
    overwritten: tuple[str, ...] = ()
    deciding: int | None = None


class Difference(NamedTuple):
    """What to write to one record, and the fields that are special about it (as in Verdict)."""

    after: dict[str, Json]
    kept: list[str]
    undone: list[str]
    overwritten: list[str]


_PLANNED = Mark(State.PENDING, "planned")
_UNCHANGED = Mark(State.UNCHANGED)
_UNDONE = Mark(State.UNCHANGED, "undone", "an undo took it back; a newer answer or npsync redo writes again")
_OVERTAKEN = Mark(State.SUPERSEDED, "newer_answer")


def decide(
    answers: Sequence[Answer],
    target: Target,
    rules: Rules,
    full: Callable[[int], SurveyResponse],
    *,
    now: datetime,
    key: str = "",
) -> Verdict:
    """The newest answer that counts decides; without one, what is still ours is cleared.

    `answers` are all that are matched to the record; `full` gives the whole response behind a number. An answer the
    mapping cannot turn into values is rejected and the one before it decides; `sync.moving` spares what it wrote.
    """
    states: dict[int, Mark] = {}
    counting: list[Answer] = []
    oldest = None if rules.valid_for is None else now - rules.valid_for
    for one in oldest_first(answers):
        if oldest is not None and one.at < oldest:
            states[one.number] = Mark(State.EXCLUDED, "expired", "older than valid_for")
            continue
        counting.append(one)
        # What was settled before passed `where` when it was taken up.
        if one.state is None and not _counts(counting, target, rules, full, states):
            counting.pop()
    while counting:
        newest = counting[-1]
        standing = _standing(counting, target, rules, full)
        try:
            wanted = _wanted(standing, rules)
        except RejectedError as error:
            states[newest.number] = Mark(State.REJECTED, error.code, str(error), error.field)
            counting.pop()
            continue
        differs = difference(wanted, newest.number, target, rules, standing.response.answered_at)
        for older in counting[:-1]:
            states[older.number] = _OVERTAKEN
        states[newest.number] = _PLANNED if differs.after else _UNDONE if differs.undone else _UNCHANGED
        urgent = segment_of(standing.score, standing.metric) is Segment.DETRACTOR
        return _verdict(differs, states, newest.number, target, rules, key, urgent=urgent)
    return _verdict(_clearing(target, rules), states, None, target, rules, key)


def _verdict(
    differs: Difference,
    states: Mapping[int, Mark],
    deciding: int | None,
    target: Target,
    rules: Rules,
    key: str,
    *,
    urgent: bool = False,
) -> Verdict:
    after, kept, undone, overwritten = differs
    return Verdict(
        change=change_of(target, after, deciding, rules, key, urgent=urgent) if after else None,
        states=states,
        kept=tuple(kept),
        undone=tuple(undone),
        overwritten=tuple(overwritten),
        deciding=deciding,
    )


def _standing(
    counting: Sequence[Answer], target: Target, rules: Rules, full: Callable[[int], SurveyResponse]
) -> Standing:
    """Where the person stands with the last of these answers, which are all that count until then."""
    newest = counting[-1]
    response = full(newest.number)
    if response.answered_at != newest.at:  # dated in the future: what is shown is what it counts by
        response = msgspec.structs.replace(response, answered_at=newest.at)
    return Standing(
        response=response,
        score=newest.score,
        survey=rules.survey,
        metric=rules.metric,
        previous_score=counting[-2].score if len(counting) > 1 else None,
        answers=len(counting),
        record_id=target.record.id,
        record=target.typed,
        account_id=target.account_id,
        account=target.account,
        event=rules.event(response),
    )


def _clearing(target: Target, rules: Rules) -> Difference:
    """Emptying the fields that still show what we wrote; what somebody changed since is theirs."""
    live = target.record.fields
    differs = Difference({}, [], [], [])
    for name in rules.fields.shows:
        shown, ours = live.get(name), target.ours.get(name)
        if shown is None or ours is None:
            continue
        undone = target.undone.get(name)
        if undone is not None and not undone.ours:
            continue  # the undo put back what was there before us
        empty = _empty(rules.canonical[name])
        if shown == empty:
            continue
        if shown != ours:
            differs.kept.append(name)
        elif undone is not None and None in undone.held:
            differs.undone.append(name)
        else:
            differs.after[name] = empty
    return differs


def _empty(canonical: Callable[[Value], Json]) -> Json:
    """How the vendor shows an empty field: a checkbox shows false."""
    try:
        return canonical(None)
    except RejectedError:
        return None  # it must not be empty: the vendor refuses the change, and says so


def _counts(
    counting: Sequence[Answer],
    target: Target,
    rules: Rules,
    full: Callable[[int], SurveyResponse],
    states: dict[int, Mark],
) -> bool:
    """Whether the last of these answers passes `where`; if not, its state says so."""
    if rules.fields.where is None:
        return True
    number = counting[-1].number
    try:
        if rules.fields.counts(_standing(counting, target, rules, full)):
            return True
    except RejectedError as error:
        states[number] = Mark(State.REJECTED, error.code, str(error), error.field)
        return False
    states[number] = Mark(State.EXCLUDED, "filtered", "`where` leaves it out")
    return False


def _wanted(standing: Standing, rules: Rules) -> dict[str, Json]:
    """What each field should show, in the vendor's canonical form. Raises RejectedError."""
    return {
        name: rules.canonical[name](value)
        for name, value in rules.fields.snapshot(standing).items()
        if value is not SKIP
    }


def shown_by(
    counting: Sequence[Answer], target: Target, rules: Rules, full: Callable[[int], SurveyResponse]
) -> dict[str, Json]:
    """What each field should show of the last of these answers, which are all that count until then, whatever it
    shows now. Raises RejectedError."""
    return _wanted(_standing(counting, target, rules, full), rules)


def difference(
    wanted: Mapping[str, Json], number: int, target: Target, rules: Rules, answered_at: datetime
) -> Difference:
    """What to write so that the answer `number` is shown, given at `answered_at`. A held field stays as it is, whatever
    `overwrite` says."""
    live, ours = target.record.fields, target.ours
    differs = Difference({}, [], [], [])
    for name, value in wanted.items():
        shown = live.get(name)
        if shown == value:
            continue
        if target.undone and (undone := target.undone.get(name)) is not None and number in undone.held:
            differs.undone.append(name)
        # An empty field is nobody's.
        elif shown is not None and _keeps(name, shown, value, answered_at, target, rules):
            differs.kept.append(name)
        else:
            differs.after[name] = value
            if name in ours and ours[name] != shown:
                differs.overwritten.append(name)
    return differs


def _keeps(name: str, live: Json, wanted: Json, answered_at: datetime, target: Target, rules: Rules) -> bool:
    overwrite = rules.fields.overwrites[name]
    if rules.adopt and overwrite.policy == "if_ours":
        return False
    newer_than = target.typed.get(overwrite.newer_than) if overwrite.newer_than else None
    return keeps(
        overwrite.policy,
        live=live,
        wanted=wanted,
        ours=target.ours.get(name),
        wrote_before=name in target.ours,
        answered_at=answered_at,
        newer_than_live=newer_than if isinstance(newer_than, date) else None,
        zone=rules.fields.zone,
    )


def change_of(
    target: Target, after: Mapping[str, Json], number: int | None, rules: Rules, key: str, *, urgent: bool
) -> Change:
    live = target.record.fields
    before = {name: live.get(name) for name in after}
    return Change(
        object=target.record.object,
        record_id=target.record.id,
        key=key,
        before=before,
        after=after,
        response=number,
        rank=Rank.DETRACTOR if urgent else _rank(before, rules),
        account=target.account_id or "",
    )


def _rank(before: Mapping[str, Json], rules: Rules) -> Rank:
    """Of what is not urgent: a record that shows nothing yet comes before one that shows something older."""
    if list(before.values()).count(None) == len(before):
        return Rank.FIRST_FILL
    return Rank.REST if rules.fields.segments.keys().isdisjoint(before) else Rank.CHANGED
