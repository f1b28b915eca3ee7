"""Keeping it running: the clock, the history, the store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from npsync.cli.output import MOST_NUMBER, ConfigOption, JsonOption


def serve(
    config: ConfigOption = None,
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Where the web listens.",
            show_default="127.0.0.1:8642 where the file has a public_url, else nowhere",
        ),
    ] = None,
    web: Annotated[bool, typer.Option("--web/--no-web", help="Answer hooks, the API and pages.")] = True,
    json: Annotated[bool, typer.Option("--json", help="Log lines as JSON.")] = False,
) -> None:
    """Run syncs on their schedule, follow triggers, answer hooks and pages, until stopped (SIGTERM or Ctrl-C)."""
    from npsync.stopping import stopping_on_signals

    stopping = stopping_on_signals()  # before what takes its time

    from nps.errors import ConfigError
    from npsync import logs, service
    from npsync import serve as clock
    from npsync.cli import output
    from npsync.clock import SystemClock
    from npsync.web import listening
    from npsync.web.intake import carry_over

    if listen is not None and not web:
        raise ConfigError("--listen and --no-web contradict each other; give one of them")
    loaded = output.load_config(config)
    logs.set_up(json=json)
    with service.open_store(loaded) as store:
        if web and (listen is not None or loaded.public_url):
            file = output.config_path(config).absolute()
            with listening.beside(listen or listening.DEFAULT, file, json=json):
                clock.serve(loaded, store, stopping)
        else:
            carry_over(loaded, store, SystemClock())
            clock.serve(loaded, store, stopping)


def runs(
    run: Annotated[
        int | None, typer.Argument(min=1, max=MOST_NUMBER, help="One run: what became of its answers.")
    ] = None,
    sync: Annotated[str | None, typer.Option(help="Only runs of this sync.")] = None,
    changes: Annotated[bool, typer.Option("--changes", help="With a run: every change it made.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many runs (or lines) to show.")] = 20,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show the latest runs, or one run with what was refused and what it changed."""
    from mapping.problems import did_you_mean
    from nps.errors import ConfigError
    from npsync import service
    from npsync.cli import history, output

    loaded = output.load_config(config)
    zone = loaded.time_zone
    with service.open_store(loaded) as store:
        if run is not None:
            history.show_run(store, zone, run, changes=changes, limit=limit, as_json=json)
            return
        if sync is not None and sync not in loaded.sync and not store.runs(sync=sync, limit=1):
            raise ConfigError(f'{loaded.file}: there is no sync "{sync}"{did_you_mean(sync, loaded.sync)}')
        history.show_runs(store, zone, sync=sync, limit=limit, as_json=json)


db = typer.Typer(help="The store: its schema, its copies.", no_args_is_help=True)


@db.command("upgrade")
def upgrade(config: ConfigOption = None) -> None:
    """Bring the store to this version's schema. Every command does so by itself; this one only does that."""
    from npsync import service
    from npsync.cli import output

    loaded = output.load_config(config)
    with service.open_store(loaded) as store:
        output.say(f"The store is at revision {store.revision()}.")


@db.command("backup")
def backup(
    to: Annotated[Path, typer.Argument(help="The copy to write (SQLite).")], config: ConfigOption = None
) -> None:
    """Copy a SQLite store while it is in use. For PostgreSQL use pg_dump."""
    from nps.errors import ConfigError
    from npsync import service
    from npsync.cli import output

    loaded = output.load_config(config)
    with service.open_store(loaded) as store:
        try:
            store.backup(to)
        except OSError as error:
            raise ConfigError(f"cannot write {to}: {error.strerror}") from None
    output.say(f"Wrote {to}. It holds customer data: only its owner may read it.")


@db.command("prune")
def prune(json: JsonOption = False, config: ConfigOption = None) -> None:
    """Delete what was kept for its time (`retention:`), as `npsync serve` does every night."""
    from npsync import retention, service
    from npsync.cli import output
    from npsync.clock import SystemClock

    loaded = output.load_config(config)
    with service.open_store(loaded) as store:
        pruned = retention.prune(loaded, store, SystemClock().now())
        still_there = store.scrubbing_due()
    if json:
        output.say_json(pruned.as_json())
    elif not loaded.retention.is_set and not pruned.scrubbed:
        output.say("Nothing is deleted: the YAML has no retention:.")
    else:
        words = {"answers": "answers (they are monthly counts now)", "before_values": "values before writes"}
        for name, count in pruned.counts.items():
            output.say(f"  {count:,} {words.get(name, name)}")
        if not pruned.did_something:
            output.say("Nothing is older than it may be.")
        if pruned.scrubbed:
            output.say("  what was erased before is gone from the store's file")
    if still_there:
        output.tell("Bytes of somebody who was erased are still in the store's file: others are using it.")
        raise typer.Exit(output.PARTIAL)


@db.command("dump")
def dump(config: ConfigOption = None) -> None:
    """Print every table and row in a stable order: two equal dumps are two equal stores."""
    from npsync import service
    from npsync.cli import output

    loaded = output.load_config(config)
    with service.open_store(loaded) as store:
        for line in store.dump():
            output.say(line)
