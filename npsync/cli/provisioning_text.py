"""What `npsync provision` tells: for people, and for machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

from pydantic import BaseModel

from connectors.provisioning import (
    Kind,
    Missing,
    Package,
    Removal,
    Thing,
    Wanted,
    WantedField,
    WantedGrant,
)
from nps.errors import NpsyncError
from npsync.cli import output
from npsync.config import Config
from npsync.config.secrets import redact
from npsync.provisioning.carrying import Done, Removed
from npsync.provisioning.remembering import Created


def tell_plan(config: Config, name: str, missing: Missing, known: Mapping[Thing, Created]) -> None:
    output.say(f"{name} ({config.connections[name].connector.title})")
    for step in missing.steps:
        output.say_wrapped(f"{'!' if step.statement else '+'} {step.says}", indent="  ", then="      ")
        is_part = isinstance(step.wanted, WantedGrant) and step.wanted.object  # may lack one right of many
        if step.wanted.thing in known and not is_part:
            output.say(f"      npsync created it on {known[step.wanted.thing].at:%Y-%m-%d}; it is gone since")
        if step.statement:
            output.say(f"      {step.statement};")
    for one in missing.hindrances:
        output.say_wrapped(f"x {named(one.wanted)}: {one.why}", indent="  ", then="      ")
    ours = sum(_is_ours(one, known) for one in missing.there)
    if missing.there:
        told = f" ({ours} created by npsync)" if ours else ""
        output.say(f"  {len(missing.there)} there already{told}")
    if not missing.steps and not missing.hindrances:
        output.say("  Nothing to create. Next: npsync check")
    if any(step.statement for step in missing.steps):
        output.say("  npsync changes no table: somebody who may runs these statements.")


def tell_done(config: Config, name: str, missing: Missing, done: Done) -> None:
    if done.broke is not None:
        _tell_broken_off(missing, done)
    elif done.created or done.refused:
        _tell_tried(name, done)
    if done.created:
        _tell_layout(config, name, [step.wanted for step in done.created])


def _tell_broken_off(missing: Missing, done: Done) -> None:
    """The plan above told what was to come: now what of it is there."""
    _tell_refused(done)
    left = len(missing.steps) - len(done.created) - len(done.refused) - len(done.by_hand)
    output.say(f"  It broke off: {len(done.created)} created, {left} not.")
    for step in done.created:
        output.say_wrapped(f"created: {step.says}", indent="  ", then="      ")


def _tell_tried(name: str, done: Done) -> None:
    _tell_refused(done)
    again = f"Next, when that is settled: npsync provision {name} --apply"
    output.say(f"  {len(done.created)} created. {again if done.refused else 'Next: npsync check'}")


def _tell_refused(done: Done) -> None:
    for each in done.refused:
        output.say_wrapped(f"x {each.why}", indent="  ", then="      ")


def credential_hint(config: Config, name: str, command: str) -> str:
    """What to do where the everyday credential was refused, and then `command` again; "" where it was the one for this
    already."""
    settings = config.connections[name].settings
    model = type(settings).model_fields.get("provision")
    if model is None or getattr(settings, "provision", None) is not None:
        return ""
    [block] = [
        one for one in get_args(model.annotation) if isinstance(one, type) and issubclass(one, BaseModel)
    ]
    key = next(key for key, field in block.model_fields.items() if field.is_required())
    return (
        f"{name} has no credential of its own for this: give it one, `provision: {{{key}: …}}`.\n"
        f"Then again: {command}"
    )


def tell_package(config: Config, name: str, package: Package, to: Path) -> None:
    output.say(f"  Written to {to}; nothing was created. To deploy it, as an administrator:")
    output.say(f"    sf project deploy start --metadata-dir {to} --target-org ORG")
    output.say_wrapped(
        "It would overwrite fields of the same name that this credential did not see: look at what "
        "sf project deploy preview or a validation says before.",
        indent="  ",
        then="  ",
    )
    if package.left:
        output.say("  What a package cannot hold, to be done by hand then:")
        for step in package.left:
            output.say_wrapped(f"- {step.says}", indent="    ", then="      ")
    _tell_layout(config, name, [step.wanted for step in package.missing.steps])


def _tell_layout(config: Config, name: str, made: Sequence[Wanted]) -> None:
    connection = config.connections[name]
    steps = connection.connector.layout(connection.settings, made) if connection.connector.layout else ()
    if steps:
        output.say()
        output.say("  So that people see it:")
        for at, step in enumerate(steps, start=1):
            output.say_wrapped(f"{at}. {step}", indent="  ", then="     ")


def tell_removals(config: Config, name: str, removals: Sequence[Removal]) -> None:
    output.say(f"{name} ({config.connections[name].connector.title})")
    for each in (one for one in removals if one.says):
        if each.stays:
            output.say_wrapped(f"= {each.says} stays: {each.stays}", indent="  ", then="      ")
        else:
            output.say_wrapped(f"- {each.says}{': gone already' * each.is_gone}", indent="  ", then="      ")
    if not removals:
        output.say("  npsync created nothing there that it remembers; it removes nothing else.")


def tell_removed(removed: Removed) -> None:
    for each in removed.left:
        output.say_wrapped(f"x {each.removal.says}: {each.why}", indent="  ", then="      ")
    count = f"{sum(bool(each.says) for each in removed.gone)} removed"
    if removed.broke is None:
        output.say(f"  {count}.")
        return
    output.say(f"  It broke off: {count}.")
    for one in removed.gone:
        if one.says:
            output.say_wrapped(f"removed: {one.says}", indent="  ", then="      ")


def named(wanted: Wanted) -> str:
    match wanted:
        case WantedField():
            return f"{wanted.object}.{wanted.name}"
        case WantedGrant():
            return wanted.label or wanted.to
        case _:
            return wanted.thing.name or wanted.object


# ---------------------------------------------------------------- for machines


def facts(
    name: str, missing: Missing, known: Mapping[Thing, Created], done: Done | None
) -> dict[str, object]:
    created = {step.wanted for step in done.created} if done is not None else set()
    refused = {each.step.wanted: each.why for each in done.refused} if done is not None else {}
    return {
        "connection": name,
        "steps": [
            _thing(step.wanted)
            | {"says": step.says, "statement": step.statement or None, "created": step.wanted in created}
            | {"refused": refused.get(step.wanted)}
            for step in missing.steps
        ],
        "there": [_thing(one) | {"created_by_npsync": _is_ours(one, known)} for one in missing.there],
        "hindrances": [_thing(one.wanted) | {"why": one.why} for one in missing.hindrances],
        "error": _error(done.broke if done is not None else None),
    }


def facts_of_failure(name: str, error: NpsyncError) -> dict[str, object]:
    """It could not even be planned."""
    return {"connection": name, "error": _error(error)}


def _error(error: NpsyncError | None) -> str | None:
    return None if error is None else redact(str(error))


def facts_of_removals(name: str, removals: Sequence[Removal], removed: Removed | None) -> dict[str, object]:
    gone = {each.made.thing for each in removed.gone} if removed is not None else set()
    left = {each.removal.made.thing: each.why for each in removed.left} if removed is not None else {}
    return {
        "connection": name,
        "removals": [
            {
                "kind": each.made.thing.kind.value,
                "object": each.made.thing.object,
                "name": each.made.thing.name or None,
                "says": each.says,
                "stays": each.stays or left.get(each.made.thing),
                "removed": each.made.thing in gone,
            }
            for each in removals
            if each.says
        ],
        "error": _error(removed.broke if removed is not None else None),
    }


def _is_ours(one: Wanted, known: Mapping[Thing, Created]) -> bool:
    """The key of an object may have been made with it."""
    is_key = isinstance(one, WantedField) and one.unique
    return one.thing in known or (is_key and Thing(Kind.OBJECT, one.object or "") in known)


def _type(wanted: WantedField) -> str | None:
    """A record's id is carried as text, and the field is no text all the same."""
    if wanted.references:
        return "lookup"
    return wanted.type.value if wanted.type is not None else None


def _thing(wanted: Wanted) -> dict[str, object]:
    told: dict[str, object] = {"kind": wanted.thing.kind.value, "object": wanted.object or None}
    if isinstance(wanted, WantedField):
        return told | {
            "name": wanted.name,
            "field": wanted.name,
            "type": _type(wanted),
            "references": wanted.references or None,
            "options": list(wanted.options),
            "length": wanted.length,
        }
    if isinstance(wanted, WantedGrant):
        return told | {
            "to": wanted.to,
            "fields": list(wanted.fields),
            "edit": wanted.edit,
            "user": wanted.user,
        }
    return told | {"name": wanted.thing.name or None}
