"""`npsync suppressions`: who must not be asked, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from npsync.cli.output import ConfigOption, JsonOption

if TYPE_CHECKING:
    from nps.asking import SuppressionReason

suppressions = typer.Typer(help="Who must not be asked, and why: shown, added, lifted.", no_args_is_help=True)

_WHO = Annotated[
    str, typer.Argument(help="An e-mail address, phone number with +, record id or external id.")
]
_REASON = Annotated[
    str, typer.Option(help="unsubscribe, stop, objection, bounce, complaint, crm_opt_out or erased.")
]


@suppressions.command("list")
def show(
    who: Annotated[str | None, typer.Argument(help="One person; without it the latest of all.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only those with this reason.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 50,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show the suppressions in force, the latest first: of one person under every name that the ledger knows."""
    from npsync import opening
    from npsync.asking import gatekeeper
    from npsync.cli import output

    loaded = output.load_config(config)
    wanted = _named(reason) if reason is not None else None
    with opening.open_store(loaded) as store:
        if who is None:
            found = store.all_suppressions(reason=wanted, limit=limit)
        else:
            keys = store.names_beside(gatekeeper.keys_of(loaded, gatekeeper.named_by(loaded, who)))
            found = [one for one in store.suppressions(keys) if wanted in (None, one.reason)]
    if json:
        output.say_json({"suppressions": [gatekeeper.suppression_as_json(one) for one in found]})
        return
    if not found:
        output.say("Nobody is suppressed." if who is None else "This person is not suppressed.")
        return
    rows = [
        (
            one.key,
            one.reason.value,
            one.channel.value if one.channel else "all",
            f"{one.at.astimezone(loaded.time_zone):%Y-%m-%d}",
            " ".join(filter(None, (one.source, one.detail))),
        )
        for one in found
    ]
    output.table(("who", "why", "channel", "since", "said by"), rows)


@suppressions.command("add")
def add(
    who: _WHO,
    reason: _REASON = "objection",
    detail: Annotated[str, typer.Option(help="What was said, for those who look later.")] = "",
    config: ConfigOption = None,
) -> None:
    """Never ask this person again."""
    from npsync import opening
    from npsync.asking import gatekeeper
    from npsync.cli import output
    from npsync.deciding import suppressions as suppressing
    from npsync.deciding.deciders import Decider

    loaded = output.load_config(config)
    named = _named(reason)
    keys = gatekeeper.keys_of(loaded, gatekeeper.named_by(loaded, who))
    with opening.open_store(loaded) as store:
        new = suppressing.add(Decider.at_the_command_line(loaded, store), keys, named, detail)
    output.say("Suppressed: this person is not asked any more." if new else "Suppressed already.")


@suppressions.command("lift")
def lift(
    who: _WHO,
    by: Annotated[str, typer.Option(help="Whose act lifts it: only the person's own does.")],
    why: Annotated[str, typer.Option(help="What the person did, like: subscribed again by phone.")],
    reason: _REASON = "objection",
    offline: Annotated[
        bool, typer.Option("--offline", help="Under this name alone: ask no CRM for the person's others.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Take one back, because the person wants it, under every name of theirs. The trail stays."""
    from npsync import opening
    from npsync.asking import gatekeeper
    from npsync.cli import output
    from npsync.config import load
    from npsync.deciding import suppressions as suppressing
    from npsync.deciding.deciders import Decider

    loaded = load(output.config_path(config), without_variables=offline)
    named = _named(reason)
    person = gatekeeper.named_by(loaded, who)
    with opening.open_store(loaded) as store:
        decider = Decider.at_the_command_line(loaded, store)
        if offline:
            keys = gatekeeper.keys_of(loaded, person)
        else:
            with opening.opened(loaded, store) as connections:
                keys = gatekeeper.names_of(loaded, store, person, connections, decider.now)
        lifted = suppressing.lift(decider, keys, named, by=by, why=why)
        left = store.suppressions(keys)
    output.say(f"Lifted: {', '.join(lifted)}.")
    for told in dict.fromkeys(f"{one.reason.value} ({one.source})" for one in left):
        output.say(f"  still suppressed: {told}")


def _named(reason: str) -> SuppressionReason:
    from mapping.problems import did_you_mean
    from nps.asking import SuppressionReason
    from nps.errors import ConfigError

    known = [one.value for one in SuppressionReason]
    if reason not in known:
        raise ConfigError(f'"{reason}" is no reason{did_you_mean(reason, known)}; known: {", ".join(known)}')
    return SuppressionReason(reason)
