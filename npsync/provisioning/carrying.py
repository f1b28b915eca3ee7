"""Carrying out a plan: step by step, each noted before it is tried and remembered as soon as it is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from connectors.provisioning import Missing, Provisioner, Removal, Removes, Step, Wanted, WantedObject
from connectors.wire import FateUnknown
from nps.errors import NpsyncError, RejectedError
from npsync.provisioning.remembering import Created, forget, known, remember
from store.api import Store


@dataclass(frozen=True)
class Refusal:
    step: Step
    why: str


@dataclass(frozen=True)
class Done:
    """What became of a plan's steps; `by_hand` are those that somebody else carries out. `broke` ended it before all of
    them were tried."""

    created: Sequence[Step] = ()
    refused: Sequence[Refusal] = ()
    by_hand: Sequence[Step] = field(default=())
    broke: NpsyncError | None = None


def carry_out(
    provisioner: Provisioner, steps: Sequence[Step], store: Store, connection: str, now: datetime
) -> Done:
    """Create what can be created, one by one. A refusal stops nothing but its own step and what belongs to it; any
    other error is the connection's and stops the rest."""
    created: list[Step] = []
    refused: list[Refusal] = []
    by_hand: list[Step] = []
    for step in steps:
        if step.statement:
            by_hand.append(step)
            continue
        try:
            why = _depends(step, refused) or _create(provisioner, step, store, connection, now)
        except NpsyncError as error:
            return Done(created, refused, by_hand, broke=error)
        if why:
            refused.append(Refusal(step, why))
        else:
            created.append(step)
    return Done(created, refused, by_hand)


def _create(provisioner: Provisioner, step: Step, store: Store, connection: str, now: datetime) -> str:
    """Why not; "" when it is there."""
    text = getattr(step.wanted, "help", "")
    intent = Created(now, step.says, confirmed=False, text=text)
    remember(store, connection, step.wanted, intent)
    try:
        id = provisioner.create(step)
    except RejectedError as error:
        forget(store, connection, [step.wanted.thing])
        return str(error)
    except FateUnknown as error:
        if step.wanted not in provisioner.missing([step.wanted]).there:
            return str(error)
        id = ""
    remember(store, connection, step.wanted, msgspec.structs.replace(intent, id=id, confirmed=True))
    return ""


def _depends(step: Step, refused: Sequence[Refusal]) -> str:
    """A field of an object that was not made cannot be made either."""
    object = getattr(step.wanted, "object", "")
    lacking = [each for each in refused if isinstance(each.step.wanted, WantedObject)]
    if any(each.step.wanted.thing.object == object for each in lacking):
        return f"{object} was not created, so this was not tried"
    return ""


def settle(store: Store, connection: str, missing: Missing) -> None:
    """What npsync set out to create and never heard of again: it is ours where it is there as we would have made it,
    and forgotten where it is not there. What is there otherwise belongs to somebody else."""
    there: dict[object, Wanted] = {one.thing: one for one in missing.there}
    absent = {step.wanted.thing for step in missing.steps}
    for thing, created in known(store, connection).items():
        if created.confirmed:
            continue
        if thing in there and thing in missing.signed:
            remember(store, connection, there[thing], msgspec.structs.replace(created, confirmed=True))
        elif thing in there or thing in absent:
            forget(store, connection, [thing])


# ---------------------------------------------------------------- taking away


@dataclass(frozen=True)
class Left:
    """What was to go and did not."""

    removal: Removal
    why: str


@dataclass(frozen=True)
class Removed:
    gone: Sequence[Removal] = ()
    left: Sequence[Left] = ()
    broke: NpsyncError | None = None  # it ended before all was tried


def take_away(provisioner: Removes, removals: Sequence[Removal], store: Store, connection: str) -> Removed:
    """Remove what is empty, one by one; each is forgotten as soon as it is gone."""
    gone: list[Removal] = []
    left: list[Left] = []
    for each in removals:
        if each.stays:
            continue
        try:
            if not each.is_gone:
                provisioner.remove(each)
        except (RejectedError, FateUnknown) as error:
            left.append(Left(each, str(error)))
            continue
        except NpsyncError as error:
            return Removed(gone, left, broke=error)
        forget(store, connection, [each.made.thing])
        gone.append(each)
    return Removed(gone, left)
