"""`npsync syncs`: when each sync is due, what the clock did last, and pausing, resuming and asking for a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from npsync.cli.choosing import sync_named
from npsync.cli.output import ConfigOption, JsonOption

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from npsync.clockwork.missed import Kept
    from npsync.clockwork.standing import Standing, Underway
    from store.api import Serving

syncs = typer.Typer(help="When each sync is due; pause, resume and run it in npsync serve.")

_LATELY_HOURS = 24
_NAME = Annotated[str, typer.Argument(help="The sync, as the YAML names it.")]


@syncs.callback(invoke_without_command=True)
def list_(context: typer.Context, json: JsonOption = False, config: ConfigOption = None) -> None:
    """Say of every sync when it is due, what the clock did last, whether it runs, and who paused it.

    `pause`, `resume` and `run` tell the clock of npsync serve what to do with one of them.
    """
    from datetime import timedelta

    from npsync import opening
    from npsync.cli import output
    from npsync.clock import SystemClock
    from npsync.clockwork.missed import kept
    from npsync.clockwork.standing import standings
    from npsync.words import sync_facts

    if context.invoked_subcommand is not None:
        return
    loaded = output.load_config(config)
    now = SystemClock().now()
    with opening.open_store(loaded) as store:
        found, serving = standings(loaded, store, now), store.serving()
        due_times = kept(loaded, store, since=now - timedelta(hours=_LATELY_HOURS), now=now)
    if json:
        told = [sync_facts.standing_facts(one) for one in found]
        output.say_json(
            {
                "syncs": told,
                "serving": [sync_facts.served_facts(one) for one in serving],
                "due_times": [sync_facts.kept_facts(one) for one in due_times],
            }
        )
        return
    zone = loaded.time_zone
    if not found:
        output.say("The file has no sync.")
        return
    output.table(["sync", "runs", "next", "last due", ""], [_row(one, zone) for one in found])
    for line in (*_due_lines(due_times, zone), *serving_lines(serving, now, zone)):
        output.say(line)


@syncs.command("pause")
def pause(sync: _NAME, config: ConfigOption = None) -> None:
    """Let the clock leave a sync alone, over restarts, until `resume`. A run under way goes on."""
    from npsync import opening
    from npsync.cli import output
    from npsync.deciding.deciders import Decider
    from npsync.deciding.pausing import pause_sync

    loaded = output.load_config(config)
    sync_named(loaded, sync)
    with opening.open_store(loaded) as store:
        if pause_sync(Decider.at_the_command_line(loaded, store), sync):
            output.say(f"{sync} is paused: the clock skips it until npsync syncs resume {sync}.")
        else:
            output.say(f"{sync} is paused already; npsync syncs list says by whom.")


@syncs.command("resume")
def resume(sync: _NAME, config: ConfigOption = None) -> None:
    """Let the clock go on with a sync. What it skipped is caught up in one run."""
    from npsync import opening
    from npsync.cli import output
    from npsync.deciding.deciders import Decider
    from npsync.deciding.pausing import resume_sync

    loaded = output.load_config(config)
    sync_named(loaded, sync)
    with opening.open_store(loaded) as store:
        resumed = resume_sync(Decider.at_the_command_line(loaded, store), sync)
    if resumed is None:
        output.say(f"{sync} is not paused.")
    elif resumed.skipped:
        output.say(f"{sync} goes on. It was due {resumed.skipped} times meanwhile: it is due now, once.")
    else:
        output.say(f"{sync} goes on, as it would have come due.")


@syncs.command("run")
def run(
    sync: _NAME,
    all_: Annotated[
        bool, typer.Option("--all", help="Plan every answer anew, after the mapping changed.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Read the sources from their beginning again.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Ask npsync serve to run a sync now, also one that is paused. (`npsync run SYNC` runs it in this process.)"""
    from npsync import opening
    from npsync.actions.asking import ask_for
    from npsync.cli import output
    from npsync.clockwork.ticking import is_alive
    from npsync.deciding.deciders import Decider

    loaded = output.load_config(config)
    sync_named(loaded, sync)
    with opening.open_store(loaded) as store:
        decider = Decider.at_the_command_line(loaded, store)
        action, _ = ask_for(decider, "run", {"sync": sync, "everything": all_, "full": full})
        alive = any(is_alive(one, decider.now) for one in store.serving())
    output.say(
        f"Asked for (action {action.number}): npsync serve runs {sync} as soon as its connections are free."
    )
    if not alive:
        output.tell(f"No npsync serve runs on this store now. npsync run {sync} runs it here.")


# ------------------------------------------------------------ as text


_LAST = {
    "started": "on time",
    "caught_up": "caught up",
    "skipped_overlap": "skipped as it ran still",
    "skipped_paused": "skipped as paused",
    "handed_back": "handed back as npsync serve ended",
}


def _row(one: Standing, zone: ZoneInfo) -> list[str]:
    from npsync.words.sync_text import moment_text

    last = "never" if one.last is None else moment_text(one.last.noted_at, zone)
    if one.last is not None and one.last.outcome != "started":
        last = f"{last} ({_LAST[one.last.outcome]})"
    due = "when npsync serve runs" if one.due_at is None else moment_text(one.due_at, zone)
    return [one.sync, one.rhythm, due, last, _state(one, zone)]


def _state(one: Standing, zone: ZoneInfo) -> str:
    from npsync.words.sync_text import moment_text

    parts = [] if one.under_way is None else [_running(one.under_way)]
    if one.paused_in_file:
        parts.append("paused in the file")
    if one.paused_at is not None:
        parts.append(f"paused since {moment_text(one.paused_at, zone)} by {one.paused_by}")
    elif one.late and one.under_way is None and not one.paused:
        parts.append("late: is npsync serve running?")
    return " · ".join(parts)


def _running(run: Underway) -> str:
    from npsync.words.sync_text import progress_text

    if run.died:
        return f"run {run.run} died; it is taken up again"
    return f"run {run.run}: {progress_text(run.progress)}" if run.progress else f"run {run.run}"


def _due_lines(due_times: list[Kept], zone: ZoneInfo) -> list[str]:
    from collections import Counter

    from npsync.words.sync_text import moment_text

    noted = sum((Counter(one.outcomes) for one in due_times), Counter())
    if not noted:
        return []
    told = ", ".join(f"{noted[outcome]:,} {said}" for outcome, said in _LAST.items() if noted[outcome])
    lines = [f"\nDue times since yesterday: {told}; none was missed."]
    if missed := [(one.place, at) for one in due_times for at in one.missed]:
        lines[0] = f"\nDue times since yesterday: {told}; missed, which should not happen:"
        lines += [f"  {place} of {moment_text(at, zone)}" for place, at in missed]
    return lines


def serving_lines(serving: list[Serving], now: datetime, zone: ZoneInfo) -> list[str]:
    from npsync.clockwork.rescuing import FORGOTTEN_AFTER
    from npsync.clockwork.ticking import is_alive
    from store.owners import is_gone

    alive = [one for one in serving if is_alive(one, now)]
    silent = [
        f"\n{_named(one)} was last seen {_ago(one, now)}."
        for one in serving
        if one not in alive and not is_gone(one.owner) and now - one.seen_at < FORGOTTEN_AFTER
    ]
    if not any(one.kind == "serve" for one in alive):
        return ["\nNo npsync serve runs on this store: nothing is done by the clock.", *silent]
    return [line for one in alive for line in _alive_lines(one, now, zone)] + silent


def _alive_lines(one: Serving, now: datetime, zone: ZoneInfo) -> list[str]:
    from npsync.clockwork.ticking import SEEN_EVERY
    from npsync.words.sync_text import moment_text

    line = f"\n{_named(one)} goes by the file of {moment_text(one.config_at, zone)}"
    if (now - one.seen_at).total_seconds() > 3 * SEEN_EVERY:  # killed on another machine, or very busy
        line += f", last seen {_ago(one, now)}"
    if one.problem is None:
        return [f"{line}."]
    return [
        f"{line}; the file as it is now was not taken:",
        *(f"  {each}" for each in one.problem.splitlines()),
    ]


def _named(one: Serving) -> str:
    return f"npsync {one.kind} ({one.owner.split(':')[0]})"


def _ago(one: Serving, now: datetime) -> str:
    seconds = int((now - one.seen_at).total_seconds())
    for size, unit in ((3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} seconds ago"
