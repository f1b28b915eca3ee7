"""`npsync provision`: what a mapping needs and the vendor lacks, created after a plan was shown, or taken away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from npsync.cli.output import ConfigOption, JsonOption

if TYPE_CHECKING:
    from nps.errors import NpsyncError
    from npsync.config import Config
    from npsync.opening import Opened
    from store.api import Store

ApplyOption = Annotated[
    bool, typer.Option("--apply", help="Carry the plan out. Without it nothing is changed anywhere.")
]
RemoveOption = Annotated[
    bool,
    typer.Option(
        "--remove", help="Take away what npsync created and nobody uses: fields without a value, empty lists."
    ),
]
PackageOption = Annotated[
    Path | None,
    typer.Option(
        "--package",
        metavar="DIR|FILE.zip",
        help="Write what is missing as a package for somebody to deploy, and create nothing. Salesforce only.",
    ),
]


def provision(
    connection: Annotated[
        str | None, typer.Argument(help="Only this connection, as the YAML names it.", show_default="all")
    ] = None,
    apply: ApplyOption = False,
    remove: RemoveOption = False,
    package: PackageOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Create what your mapping needs and the CRM lacks: fields, an object for history, who may see them. Plan first."""
    from nps.errors import NpsyncError
    from npsync import logs, opening
    from npsync.cli import output, provisioning_text
    from npsync.config import load
    from npsync.provisioning import wanted

    _one_thing(apply, remove, package)
    # A package is made with whatever credential is at hand: whoever deploys it brings his own.
    loaded = load(output.config_path(config), provisioning=package is None)
    logs.set_up(json=json)
    names = wanted.chosen(loaded, connection)
    if not names and not json:
        output.say(
            "No connection that the file writes to can create fields; npsync check names what is missing."
        )
    with opening.open_store(loaded) as store, opening.opened(loaded, store) as connections:
        if package is not None and connection is None:
            names = [_the_one(names, connections)]
        if remove and connection is None:
            names = [name for name in names if _removes(connections, name)]
        codes, told = [], []
        for name in names:
            try:
                if package is not None:
                    code, facts = _package(loaded, name, connections, package, as_json=json)
                elif remove:
                    code, facts = _remove(loaded, name, store, connections, apply=apply, as_json=json)
                else:
                    code, facts = _create(loaded, name, store, connections, apply=apply, as_json=json)
            except NpsyncError as error:  # before anything was changed there
                code, facts = output.exit_code(error), provisioning_text.facts_of_failure(name, error)
                _tell_broken(loaded, name, error, remove=remove, apply=apply)
            codes.append(code)
            told.append(facts)
    if json:
        output.say_json({"connections": told})
    raise typer.Exit(output.worst(*codes) if codes else output.SUCCEEDED)


def _one_thing(apply: bool, remove: bool, package: Path | None) -> None:
    if package is not None and (apply or remove):
        raise typer.BadParameter("--package writes files alone: leave --apply and --remove out")


def _create(
    config: Config, name: str, store: Store, connections: Opened, *, apply: bool, as_json: bool
) -> tuple[int, dict[str, object]]:
    from npsync.cli import output, provisioning_text
    from npsync.provisioning import carrying, remembering, wanted

    provisioner = connections.provisioner(name)
    missing = provisioner.missing(wanted.everything(config, name))
    if apply:
        carrying.settle(store, name, missing)
    known = remembering.confirmed(remembering.known(store, name))
    if not as_json:
        provisioning_text.tell_plan(config, name, missing, known)
    here = [step for step in missing.steps if not step.statement]
    if not apply:
        if here and not as_json:
            output.say(f"  Nothing was created. To go ahead: npsync provision {name} --apply")
        code = output.PARTIAL if missing.hindrances else output.SUCCEEDED
        return code, provisioning_text.facts(name, missing, known, None)
    done = carrying.carry_out(provisioner, here, store, name, connections.clock.now())
    if not as_json:
        provisioning_text.tell_done(config, name, missing, done)
    if done.broke is not None:
        _tell_broken(config, name, done.broke, apply=True)
        return output.exit_code(done.broke), provisioning_text.facts(name, missing, known, done)
    incomplete = bool(missing.hindrances) or len(here) < len(missing.steps) or bool(done.refused)
    code = output.PARTIAL if incomplete else output.SUCCEEDED
    return code, provisioning_text.facts(name, missing, known, done)


def _remove(
    config: Config, name: str, store: Store, connections: Opened, *, apply: bool, as_json: bool
) -> tuple[int, dict[str, object]]:
    from connectors.provisioning import Removes
    from nps.errors import ConfigError
    from npsync.cli import output, provisioning_text
    from npsync.provisioning import carrying, remembering

    provisioner = connections.provisioner(name)
    if not isinstance(provisioner, Removes):  # it was asked for by name
        title = config.connections[name].connector.title
        raise ConfigError(f"connection {name}: npsync removes nothing in {title}; do it there by hand")
    made = remembering.as_made(remembering.confirmed(remembering.known(store, name)))
    removals = provisioner.removals(made) if made else ()
    if not as_json:
        provisioning_text.tell_removals(config, name, removals)
    going = [each for each in removals if not each.stays]
    if not apply:
        if going and not as_json:
            output.say(f"  Nothing was removed. To go ahead: npsync provision {name} --remove --apply")
        return output.SUCCEEDED, provisioning_text.facts_of_removals(name, removals, None)
    removed = carrying.take_away(provisioner, removals, store, name)
    if going and not as_json:
        provisioning_text.tell_removed(removed)
    if removed.broke is not None:
        _tell_broken(config, name, removed.broke, remove=True, apply=True)
        return output.exit_code(removed.broke), provisioning_text.facts_of_removals(name, removals, removed)
    code = output.PARTIAL if removed.left or len(going) < len(removals) else output.SUCCEEDED
    return code, provisioning_text.facts_of_removals(name, removals, removed)


def _tell_broken(
    config: Config, name: str, error: NpsyncError, *, remove: bool = False, apply: bool = False
) -> None:
    """The error, and whose credential may be the wrong one. What was planned is planned again, what was carried out
    goes on."""
    from nps.errors import AccessError
    from npsync.cli import output, provisioning_text

    output.tell_error(error)
    again = f"npsync provision {name}{' --remove' * remove}{' --apply' * apply}"
    if isinstance(error, AccessError) and (hint := provisioning_text.credential_hint(config, name, again)):
        output.tell(hint)


def _removes(connections: Opened, name: str) -> bool:
    from connectors.provisioning import Removes

    return isinstance(connections.provisioner(name), Removes)


def _the_one(names: list[str], connections: Opened) -> str:
    """A package is one connection's."""
    from connectors.provisioning import Packages
    from nps.errors import ConfigError

    found = [name for name in names if isinstance(connections.provisioner(name), Packages)]
    if len(found) != 1:
        which = f"one of {', '.join(found)}" if found else "a Salesforce connection"
        raise ConfigError(f"--package is for {which}: npsync provision NAME --package …")
    return found[0]


def _package(
    config: Config, name: str, connections: Opened, to: Path, *, as_json: bool
) -> tuple[int, dict[str, object]]:
    from connectors.provisioning import Packages
    from nps.errors import ConfigError
    from npsync.cli import output, provisioning_text
    from npsync.provisioning import packaging, wanted

    provisioner = connections.provisioner(name)
    if not isinstance(provisioner, Packages):
        title = config.connections[name].connector.title
        raise ConfigError(f"connection {name}: there are no packages for {title}; leave --package out")
    made = provisioner.package(wanted.everything(config, name))
    if not as_json:
        provisioning_text.tell_plan(config, name, made.missing, {})
    if made.files:
        packaging.write(to, made.files)
        if not as_json:
            provisioning_text.tell_package(config, name, made, to)
    code = output.PARTIAL if made.missing.hindrances else output.SUCCEEDED
    facts = provisioning_text.facts(name, made.missing, {}, None)
    files = sorted(path.as_posix() for path in made.files)
    return code, facts | {"package": str(to) if files else None, "files": files}
