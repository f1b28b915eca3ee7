"""The command line. Only names are known here; a command imports what it needs when it runs."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from nps.errors import NpsyncError
from npsync.cli import output

# In the order of --help. A module imports typer and nothing heavy; bodies of commands import the rest. The
# second name is a function (a command of that name, _ as -) or a typer.Typer (a group of commands).
COMMANDS: tuple[tuple[str, str], ...] = (
    ("npsync.cli.setup", "init"),
    ("npsync.cli.setup", "schema"),
    ("npsync.cli.setup", "connectors"),
    ("npsync.cli.setup", "connect"),
    ("npsync.cli.setup", "check"),
    ("npsync.cli.setup", "test_"),
)


def application() -> typer.Typer:
    app = typer.Typer(
        name="npsync",
        help="Survey answers onto the records where people work, planned before written.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": output.WIDTH},
    )
    app.callback()(_everywhere)
    for module, name in COMMANDS:
        command = getattr(import_module(module), name)
        spoken = name.removesuffix("_").replace("_", "-")
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=spoken)
        else:
            app.command(spoken)(command)
    return app


def _everywhere(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", help="The YAML file.", show_default="NPSYNC_CONFIG, else ./npsync.yaml"
        ),
    ] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    context.obj = config
    if version:
        from importlib.metadata import version as installed

        print(installed("npsync"))
        raise typer.Exit


def main() -> None:
    """The `npsync` command: runs one command and leaves with its exit code."""
    try:
        application()()
    except NpsyncError as error:
        output.leave(error)
    except BrokenPipeError:  # `npsync runs | head` is no failure
        sys.stderr.close()
        raise SystemExit(0) from None
