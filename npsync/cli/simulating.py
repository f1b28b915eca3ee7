"""`npsync triggers`: what the triggers of the file would do."""

from __future__ import annotations

from typing import Annotated

import typer

from npsync.cli.output import ConfigOption, JsonOption

triggers = typer.Typer(help="What the triggers would do.", no_args_is_help=True)


@triggers.callback()
def _group() -> None:
    """What the triggers would do."""


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
    from npsync import logs, service
    from npsync.cli import output, simulation_text
    from npsync.cli.progress import shown_progress
    from npsync.clock import SystemClock
    from npsync.config.problems import did_you_mean
    from npsync.simulation import simulated

    loaded = output.load_config(config)
    if not loaded.triggers:
        raise ConfigError(f"{loaded.file} has no triggers; docs/how-to/ask-after-an-event.md shows one")
    if trigger is not None and trigger not in loaded.triggers:
        raise ConfigError(
            f'{loaded.file}: there is no trigger "{trigger}"{did_you_mean(trigger, loaded.triggers)}'
        )
    logs.set_up(json=json)
    with service.open_store(loaded) as store, shown_progress(quiet=json) as progress:
        simulation, history = simulated(
            loaded, store, SystemClock(), days=days, trigger=trigger, progress=progress
        )
    if json:
        output.say_json(simulation_text.facts(simulation, history))
        return
    for line in simulation_text.lines(simulation, history, loaded, show=show, only=trigger):
        output.say(line)
