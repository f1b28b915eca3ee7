"""`npsync provision`: the fields a mapping writes, created where they are missing, after a plan was shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from npsync.cli.output import ConfigOption, JsonOption

if TYPE_CHECKING:
    from connectors.provisioning import Missing, WantedField
    from npsync.config import Config
    from npsync.provisioning import Created, Done
    from npsync.service import Opened
    from store.api import Store

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Go ahead without asking.")]


def provision(
    connection: Annotated[
        str | None, typer.Argument(help="Only this connection, as the YAML names it.", show_default="all")
    ] = None,
    yes: YesOption = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Create the fields your mapping writes where they are missing. Shows the plan first, then asks."""
    from npsync import logs, provisioning, service
    from npsync.cli import output
    from npsync.config import load

    loaded = load(output.config_path(config), provisioning=True)
    logs.set_up(json=json)
    names = provisioning.chosen(loaded, connection)
    if not names and not json:
        output.say(
            "No connection that the file writes to can create fields; npsync check names what is missing."
        )
    with service.open_store(loaded) as store, service.opened(loaded, store) as connections:
        codes, told = [], []
        for name in names:
            code, facts = _one(loaded, name, store, connections, yes=yes, as_json=json)
            codes.append(code)
            told.append(facts)
    if json:
        output.say_json({"connections": told})
    raise typer.Exit(output.worst(*codes) if codes else output.SUCCEEDED)


def _one(
    config: Config, name: str, store: Store, connections: Opened, *, yes: bool, as_json: bool
) -> tuple[int, dict[str, object]]:
    from npsync import provisioning
    from npsync.cli import output

    wanted = provisioning.wanted_fields(config, name)
    provisioner = connections.provisioner(name)
    missing = provisioner.missing(wanted)
    known = provisioning.created_before(store, name, wanted)
    if not as_json:
        _tell_plan(config, name, missing, known)
    here = [step for step in missing.steps if not step.statement]
    incomplete = bool(missing.hindrances) or len(here) < len(missing.steps)
    if here and not yes:
        if not _is_asked(as_json):
            output.tell(f"Nothing was created. To go ahead: npsync provision {name} --yes")
            return output.USAGE, _facts(name, missing, known, None)
        if not typer.confirm("Create them?"):
            output.say("Nothing was created.")
            return output.SUCCEEDED, _facts(name, missing, known, None)
    done = provisioning.carry_out(provisioner, here, store, name, connections.clock.now())
    if here and not as_json:
        _tell_done(done)
    code = output.PARTIAL if incomplete or done.refused else output.SUCCEEDED
    return code, _facts(name, missing, known, done)


def _is_asked(as_json: bool) -> bool:
    """A person sits before it, who can be asked."""
    import sys

    return not as_json and sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


# ---------------------------------------------------------------- for people


def _tell_plan(config: Config, name: str, missing: Missing, known: dict[WantedField, Created]) -> None:
    from npsync.cli import output

    output.say(f"{name} ({config.connections[name].connector.title})")
    for step in missing.steps:
        output.say_wrapped(f"{'!' if step.statement else '+'} {step.says}", indent="  ", then="      ")
        if step.wanted in known:
            output.say(f"      npsync created it on {known[step.wanted].at:%Y-%m-%d}; it is gone since")
        if step.statement:
            output.say(f"      {step.statement};")
    for one in missing.hindrances:
        output.say_wrapped(f"x {one.wanted.object}.{one.wanted.name}: {one.why}", indent="  ", then="      ")
    ours = sum(one in known for one in missing.there)
    if missing.there:
        told = f" ({ours} created by npsync)" if ours else ""
        output.say(f"  {len(missing.there)} there already{told}")
    if not missing.steps and not missing.hindrances:
        output.say("  Nothing to create. Next: npsync check")
    if any(step.statement for step in missing.steps):
        output.say("  npsync changes no table: somebody who may runs these statements.")


def _tell_done(done: Done) -> None:
    from npsync.cli import output

    for each in done.refused:
        output.say_wrapped(f"x {each.why}", indent="  ", then="      ")
    output.say(f"  {len(done.created)} created. Next: npsync check")


# ---------------------------------------------------------------- for machines


def _facts(
    name: str, missing: Missing, known: dict[WantedField, Created], done: Done | None
) -> dict[str, object]:
    created = {step.wanted for step in done.created} if done is not None else set()
    refused = {each.step.wanted: each.why for each in done.refused} if done is not None else {}
    return {
        "connection": name,
        "steps": [
            _field(step.wanted)
            | {"says": step.says, "statement": step.statement or None, "created": step.wanted in created}
            | {"refused": refused.get(step.wanted)}
            for step in missing.steps
        ],
        "there": [_field(one) | {"created_by_npsync": one in known} for one in missing.there],
        "hindrances": [_field(one.wanted) | {"why": one.why} for one in missing.hindrances],
    }


def _field(wanted: WantedField) -> dict[str, object]:
    return {
        "object": wanted.object,
        "field": wanted.name,
        "type": wanted.type.value if wanted.type is not None else None,
        "options": list(wanted.options),
        "length": wanted.length,
    }
