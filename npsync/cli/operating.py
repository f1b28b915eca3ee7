"""Keeping it running: the clock, the history, the store."""

from __future__ import annotations

import os
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
    """Run syncs on their schedule, follow triggers, answer hooks and pages, until stopped (SIGTERM or Ctrl-C).

    A changed file is checked and taken while it runs (SIGHUP: at once). Exit code 1: something was under way still 45
    seconds after it was told to stop, or at a second signal; the next serve finishes it.
    """
    from npsync.clockwork.freeing import share_one_heap
    from npsync.stopping import stopping_on_signals

    share_one_heap()
    stopping = stopping_on_signals()  # before what takes its time

    from nps.errors import ConfigError
    from npsync import logs, opening
    from npsync import serve as clock
    from npsync.cli import output
    from npsync.clock import SystemClock
    from npsync.clockwork.watching import Taken
    from npsync.config.load import content_of, load
    from npsync.operating.carrying_over import carry_over
    from npsync.scale.process import hands_of_serve
    from npsync.web import listening

    if listen is not None and not web:
        raise ConfigError("--listen and --no-web contradict each other; give one of them")
    file = output.config_path(config)
    content = content_of(file)
    taken = Taken(load(file, content=content), content)
    logs.set_up(json=json)
    with opening.open_store(taken.config) as store, hands_of_serve(taken.config, store) as hands:
        if web and (listen is not None or taken.config.public_url):
            place = listen or listening.DEFAULT
            with listening.beside(place, file.absolute(), content, json=json) as beside:
                in_order = clock.serve(taken, store, stopping, hands=hands, go_by=beside.go_by)
        else:
            carry_over(taken.config, store, SystemClock())
            in_order = clock.serve(taken, store, stopping, hands=hands)
    if not in_order:
        os._exit(output.FAILED)  # a thread is in the middle of something, and Python would wait for it


def worker(
    concurrency: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=64,
            help="Calls under way at a time for each run it has a hand in.",
            show_default="4",
        ),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="How many things it does side by side.")] = 4,
    json: Annotated[bool, typer.Option("--json", help="Log lines as JSON.")] = False,
    config: ConfigOption = None,
) -> None:
    """Lend `npsync serve` more hands, on this machine or another, until stopped (scale mode: PostgreSQL)."""
    from npsync.clockwork.freeing import share_one_heap
    from npsync.stopping import stopping_on_signals

    share_one_heap()
    stopping = stopping_on_signals()

    from npsync import logs, opening
    from npsync.cli import output
    from npsync.clockwork.watching import Taken
    from npsync.config.load import content_of, load
    from npsync.scale.process import work
    from npsync.scale.queue import refuse_alone

    file = output.config_path(config)
    content = content_of(file)
    taken = Taken(load(file, content=content), content)
    refuse_alone(taken.config.store)
    logs.set_up(json=json)
    with opening.open_store(taken.config) as store:
        work(taken, store, stopping, at_once=concurrency, jobs=jobs)


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
    from npsync import opening
    from npsync.cli import history, output
    from npsync.cli.choosing import sync_named

    loaded = output.load_config(config)
    zone = loaded.time_zone
    with opening.open_store(loaded) as store:
        if run is not None:
            history.show_run(store, zone, run, changes=changes, limit=limit, as_json=json)
            return
        if sync is not None and not store.runs(sync=sync, limit=1):
            sync_named(loaded, sync)
        history.show_runs(store, zone, sync=sync, limit=limit, as_json=json)
