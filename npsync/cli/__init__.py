"""The command line. Only names are known here; a command imports what it needs when it runs."""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from nps.errors import NpsyncError
from npsync.cli import output
from npsync.words import WIDTH

# In the order of --help. A module imports typer and nothing heavy; bodies of commands import the rest. What a
# command names in its module is a function, or a typer.Typer (a group of commands).
COMMANDS: tuple[tuple[str, str, str], ...] = (  # command, module, name in it
    ("demo", "npsync.cli.trying", "demo"),
    ("sandbox", "npsync.cli.trying", "sandbox"),
    ("init", "npsync.cli.setup", "init"),
    ("schema", "npsync.cli.setup", "schema"),
    ("connectors", "npsync.cli.connectors", "connectors"),
    ("connect", "npsync.cli.setup", "connect"),
    ("check", "npsync.cli.setup", "check"),
    ("provision", "npsync.cli.provisioning", "provision"),
    ("test", "npsync.cli.setup", "run_tests"),
    ("plan", "npsync.cli.syncing", "plan"),
    ("run", "npsync.cli.syncing", "run"),
    ("undo", "npsync.cli.undoing", "undo"),
    ("redo", "npsync.cli.undoing", "redo"),
    ("serve", "npsync.cli.operating", "serve"),
    ("worker", "npsync.cli.operating", "worker"),
    ("syncs", "npsync.cli.syncs", "syncs"),
    ("health", "npsync.cli.health", "health"),
    ("runs", "npsync.cli.operating", "runs"),
    ("why", "npsync.cli.why", "why"),
    ("report", "npsync.cli.reporting", "report"),
    ("invitations", "npsync.cli.asking", "invitations"),
    ("events", "npsync.cli.asking", "events"),
    ("bounces", "npsync.cli.bounces", "bounces"),
    ("sends", "npsync.cli.sends", "sends"),
    ("may-ask", "npsync.cli.gatekeeping", "may_ask"),
    ("suppressions", "npsync.cli.suppressing", "suppressions"),
    ("subject", "npsync.cli.subjects", "subject"),
    ("verify", "npsync.cli.verifying", "verify"),
    ("review", "npsync.cli.review_undo", "review"),
    ("dead-letters", "npsync.cli.dead_letters", "dead_letters"),
    ("alerts", "npsync.cli.alerts", "alerts"),
    ("follow-ups", "npsync.cli.follow_ups", "follow_ups"),
    ("triggers", "npsync.cli.simulating", "triggers"),
    ("quota", "npsync.cli.quota", "quota"),
    ("tokens", "npsync.cli.tokens", "tokens"),
    ("users", "npsync.cli.users", "users"),
    ("sessions", "npsync.cli.sessions", "sessions"),
    ("audit", "npsync.cli.audit", "audit"),
    ("db", "npsync.cli.database", "db"),
)


def application() -> typer.Typer:
    app = typer.Typer(
        name="npsync",
        help="Survey answers onto the records where people work, planned before written.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": WIDTH},
    )
    app.callback()(_everywhere)
    for command, module, name in COMMANDS:
        found = getattr(import_module(module), name)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=command)
        else:
            app.command(command)(found)
    return app


def _tell_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version as installed

        print(installed("npsync"))
        raise typer.Exit


def _everywhere(
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", help="The YAML file.", show_default="NPSYNC_CONFIG, else ./npsync.yaml"
        ),
    ] = None,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and stop.", is_eager=True, callback=_tell_version),
    ] = False,
) -> None:
    output.remember_config(config)


def main(arguments: Sequence[str] | None = None) -> None:
    """The `npsync` command: runs one command and leaves with its exit code."""
    sys.excepthook = output.tell_bug
    output.prepare_output()
    # Answers and records are plain values without cycles; looking for some after every 700 of them, as Python does
    # by default, costs a quarter of a long run.
    gc.set_threshold(200_000, 20, 100)
    # Before it exits, Python looks through everything that was imported for cycles to free: the system frees it all.
    atexit.register(gc.freeze)
    try:
        application()(arguments)
    except NpsyncError as error:
        output.leave(error)
    finally:
        output.finish_output()
