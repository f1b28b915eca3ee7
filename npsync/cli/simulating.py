"""`npsync triggers`: what the triggers of the file would do, and letting one rest."""

from __future__ import annotations

from typing import Annotated

import typer

from npsync.cli.choosing import trigger_named
from npsync.cli.output import ConfigOption, JsonOption

triggers = typer.Typer(help="What the triggers would do; pause one, and resume it.", no_args_is_help=True)

_NAME = Annotated[str, typer.Argument(help="The trigger, as the YAML names it.")]


@triggers.callback()
def _group() -> None:
    """What the triggers would do; pause one, and resume it."""


@triggers.command()
def simulate(
    days: Annotated[int, typer.Option(min=1, max=3650, help="How far back to begin.")] = 90,
    trigger: Annotated[
        str | None, typer.Option(help="Only this trigger, even if it is paused. Without it: all.")
    ] = None,
    show: Annotated[int, typer.Option(min=0, help="How many people to print, of each kind.")] = 20,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Follow the triggers over the past days: who would have been asked, when and how, and who not and why.

    Sends nothing, writes nothing. Events are those npsync recorded and those the vendors still tell.
    """
    from nps.errors import ConfigError
    from npsync import logs, opening
    from npsync.asking.simulation import simulated
    from npsync.cli import output
    from npsync.cli.progress import shown_progress
    from npsync.clock import SystemClock
    from npsync.words import simulation_text

    loaded = output.load_config(config)
    if not loaded.triggers:
        raise ConfigError(f"{loaded.file} has no triggers; docs/how-to/ask-after-an-event.md shows one")
    if trigger is not None:
        trigger_named(loaded, trigger)
    logs.set_up(json=json)
    with opening.open_store(loaded) as store, shown_progress(quiet=json) as progress:
        simulation, history = simulated(
            loaded, store, SystemClock(), days=days, trigger=trigger, progress=progress
        )
    if json:
        output.say_json(simulation_text.facts(simulation, history))
        return
    for line in simulation_text.lines(simulation, history, loaded, show=show, only=trigger):
        output.say(line)


@triggers.command()
def pause(trigger: _NAME, config: ConfigOption = None) -> None:
    """Let a trigger rest, over restarts, until `resume`: what happens meanwhile asks nobody, not even later."""
    from npsync import opening
    from npsync.cli import output
    from npsync.deciding.deciders import Decider
    from npsync.deciding.pausing import pause_trigger

    loaded = output.load_config(config)
    trigger_named(loaded, trigger)
    with opening.open_store(loaded) as store:
        if pause_trigger(Decider.at_the_command_line(loaded, store), trigger):
            output.say(
                f"{trigger} is paused until npsync triggers resume {trigger}; it asks nobody meanwhile."
            )
            output.say("Invitations that wait already wait on: npsync invitations --state queued")
        else:
            output.say(f"{trigger} is paused already.")


@triggers.command()
def resume(trigger: _NAME, config: ConfigOption = None) -> None:
    """Let a trigger go on. What happened while it was paused asks nobody."""
    from npsync import opening
    from npsync.cli import output
    from npsync.deciding.deciders import Decider
    from npsync.deciding.pausing import resume_trigger

    loaded = output.load_config(config)
    trigger_named(loaded, trigger)
    with opening.open_store(loaded) as store:
        resumed = resume_trigger(Decider.at_the_command_line(loaded, store), trigger)
    output.say(f"{trigger} {'is not paused' if resumed is None else 'goes on'}.")
