"""`npsync sends`: stop and go on, and where the ledger of who was asked comes from."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from npsync.cli.output import ConfigOption, JsonOption

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

sends = typer.Typer(help="Stop sending, go on, and say who was asked before.", no_args_is_help=True)

_REASON = Annotated[str, typer.Option(help="Why, for those who look later.")]


@sends.command("status")
def status(json: JsonOption = False, config: ConfigOption = None) -> None:
    """Say whether npsync sends, and if not, why. Exit code 4 when it does not."""
    from npsync import opening
    from npsync.cli import output
    from triggers.ledger import LEDGER, SENDS, why_none_is_sent

    loaded = output.load_config(config)
    with opening.open_store(loaded) as store:
        halted, switches, size = why_none_is_sent(store), store.switches(), store.ledger_size()
    if json:
        facts = {"sends": halted is None, "why_not": halted, "ledger_entries": size}
        output.say_json(facts | {"stopped": switches.get(SENDS), "ledger": switches.get(LEDGER)})
    else:
        output.say_wrapped("Sends go out." if halted is None else f"Nothing is sent: {halted}.")
        zone = loaded.time_zone
        for text in (_told("stopped", switches.get(SENDS), zone), _ledger_told(switches.get(LEDGER), zone)):
            output.say_wrapped(text, indent="  ", then="    ")
        output.say(f"  the ledger holds {size:,} entr{'y' if size == 1 else 'ies'}")
    if halted is not None:
        raise typer.Exit(output.STOPPED)


@sends.command("stop")
def stop(reason: _REASON = "", config: ConfigOption = None) -> None:
    """Stop everything at once, also in processes that run. It holds over restarts, until `resume`."""
    from npsync import opening
    from npsync.cli import output
    from npsync.deciding import sends as sending
    from npsync.deciding.deciders import Decider

    loaded = output.load_config(config)
    with opening.open_store(loaded) as store:
        if sending.stop(Decider.at_the_command_line(loaded, store), reason):
            output.say("Stopped. Nothing is sent until npsync sends resume; what falls due meanwhile waits.")
        else:
            output.say("Sends are stopped already; npsync sends status says by whom.")


@sends.command("resume")
def resume(config: ConfigOption = None) -> None:
    """Go on. What became too late meanwhile is not sent."""
    from npsync import opening
    from npsync.cli import output
    from npsync.deciding import sends as sending
    from npsync.deciding.deciders import Decider
    from triggers.ledger import why_none_is_sent

    loaded = output.load_config(config)
    with opening.open_store(loaded) as store:
        stopped = sending.resume(Decider.at_the_command_line(loaded, store))
        halted = why_none_is_sent(store)
    output.say("Sends go out again." if stopped else "Sends were not stopped.")
    if halted is not None:
        output.say_wrapped(f"But nothing is sent: {halted}.")
        raise typer.Exit(output.STOPPED)


@sends.command("accept-empty-ledger")
def accept_empty_ledger(reason: _REASON = "", config: ConfigOption = None) -> None:
    """Send although the ledger is empty: nobody was asked before, or it does not matter."""
    from npsync import opening
    from npsync.cli import output
    from npsync.deciding import sends as sending
    from npsync.deciding.deciders import Decider

    loaded = output.load_config(config)
    with opening.open_store(loaded) as store:
        sending.accept_empty_ledger(Decider.at_the_command_line(loaded, store), reason)
    output.say("Accepted: people may be asked although nothing is known of who was asked before.")


@sends.command("rebuild")
def rebuild(json: JsonOption = False, config: ConfigOption = None) -> None:
    """Fill the ledger from contact_policy.ledger_field of everybody's record."""
    from nps.errors import ConfigError
    from npsync import opening
    from npsync.asking.triggering import Compiled, Connected
    from npsync.cli import output
    from npsync.deciding import sends as sending
    from npsync.deciding.deciders import Decider

    loaded = output.load_config(config)
    name = loaded.contact_policy.ledger_field
    if name is None:
        raise ConfigError(
            f"{loaded.file}: contact_policy.ledger_field names no field, so there is nothing to rebuild the ledger "
            "from. Import what was sent (npsync sends import FILE) or accept that it is empty "
            "(npsync sends accept-empty-ledger)"
        )
    with opening.open_store(loaded) as store, opening.opened(loaded, store) as connections:
        connected = Connected(Compiled(loaded), connections)
        registries = [connected.registry(people) for people in loaded.people]
        decider = Decider.at_the_command_line(loaded, store)
        read, new = sending.rebuild_ledger(decider, registries, name)
    if json:
        output.say_json({"read": read, "new": new})
    else:
        output.say(f"{read:,} people read; {name} says of {new:,} what the ledger did not know.")


@sends.command("import")
def bring_in(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV: email, phone or external_id; date; and if known tool, survey, metric, kind."
        ),
    ],
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Enter what other tools sent. The same row again counts once; bad rows are told and left out."""
    from npsync import opening
    from npsync.cli import output
    from npsync.deciding import sends as sending
    from npsync.deciding.deciders import Decider

    loaded = output.load_config(config)
    with opening.open_store(loaded) as store:
        done = sending.import_sends(Decider.at_the_command_line(loaded, store), file)
    if json:
        output.say_json(
            {
                "rows": done.rows,
                "new": done.new,
                "known": done.known,
                "refused": done.refused,
                "bad": done.bad,
            }
        )
    else:
        output.say(f"{done.rows:,} rows: {done.new:,} new, {done.known:,} known, {done.refused:,} refused.")
        for text in done.bad:
            output.tell(text)
        if done.refused > len(done.bad):
            output.tell(f"… and {done.refused - len(done.bad):,} more")
    if done.refused:
        raise typer.Exit(output.PARTIAL)


def _told(done: str, switch: Any, zone: ZoneInfo) -> str:
    if not isinstance(switch, dict):
        return ""
    at = datetime.fromisoformat(switch["at"]).astimezone(zone)
    why = f": {switch['why']}" if switch.get("why") else ""
    return f"{done} by {switch['by']} on {at:%Y-%m-%d %H:%M %Z}{why}"


def _ledger_told(switch: Any, zone: ZoneInfo) -> str:
    if isinstance(switch, dict) and "rebuilt" in switch:
        done = f"ledger rebuilt from {switch['read']:,} records ({switch['rebuilt']:,} new)"
        return _told(done, switch, zone)
    return _told("empty ledger accepted", switch, zone)
