"""`npsync connectors`: what each can do, and trying how one reads answers."""

from __future__ import annotations

from typing import Annotated, Any

import typer
import typer.core

from npsync.cli.output import ConfigOption, JsonOption


class _NameOrCommand(typer.core.TyperGroup):
    """`npsync connectors wootric` is short for `npsync connectors show wootric`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = ["show", *args]
        return super().resolve_command(ctx, args)


connectors = typer.Typer(
    help="List the connectors, or tell what one can do; try how answers would be read.",
    cls=_NameOrCommand,
    invoke_without_command=True,
)


@connectors.callback()
def every(context: typer.Context, json: JsonOption = False) -> None:
    """List the connectors: `npsync connectors`. NAME tells what one can do and how it is set up."""
    from npsync.cli import catalogue

    if context.invoked_subcommand is None:
        catalogue.show(None, as_json=json)


@connectors.command("show")
def show(
    name: Annotated[str, typer.Argument(help="One connector, in detail.")], json: JsonOption = False
) -> None:
    """Tell what one connector can do and how it is set up: also `npsync connectors NAME`."""
    from npsync.cli import catalogue

    catalogue.show(name, as_json=json)


@connectors.command("try")
def try_out(
    what: Annotated[
        str, typer.Argument(metavar="FILE", help="A description's file, or the name of a connection.")
    ],
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="NAME=VALUE",
            help="A parameter of the file; repeat it. '${NAME}' in single quotes takes a variable's value.",
        ),
    ] = None,
    rows: Annotated[int, typer.Option(min=1, max=50, help="How many rows to show field by field.")] = 3,
    survey: Annotated[str | None, typer.Option(help="This survey, by its id. Default: the first.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DAY", help="From this day on, like 2026-01-31.")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Fetch one page of answers and show how each row would be read. Nothing is kept."""
    from npsync.cli import trying_answers

    raise SystemExit(
        trying_answers.show(
            what, given or [], rows=rows, survey=survey, since=since, config=config, as_json=json
        )
    )
