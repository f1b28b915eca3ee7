"""Trying it without an account: the sandbox, and the main job end to end against it."""

from __future__ import annotations

from typing import Annotated

import typer

CustomersOption = Annotated[int, typer.Option(min=1, help="How many customers the toy vendors know.")]
ResponsesOption = Annotated[int | None, typer.Option(min=0, help="How many answers the toy survey tool has.")]
SeedOption = Annotated[int, typer.Option(help="Another seed, other people.")]


def demo(
    customers: CustomersOption = 1000,
    responses: ResponsesOption = None,
    seed: SeedOption = 7,
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Leave the sandbox running afterwards, to look at its record pages."),
    ] = False,
) -> None:
    """Go both ways against the sandbox: answers onto records, and a closed case that asks by mail."""
    from npsync import demonstration

    raise typer.Exit(demonstration.run(customers=customers, responses=responses, seed=seed, keep=keep))


def sandbox(
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 8900,
    smtp_port: Annotated[int, typer.Option(help="Of the inbox; 0 takes a free one.")] = 0,
    customers: CustomersOption = 1000,
    responses: ResponsesOption = None,
    seed: SeedOption = 7,
    faults: Annotated[
        str | None,
        typer.Option(
            help="What goes wrong, to see npsync cope; several with commas: flaky (a little of everything), storm, "
            "lost-replies, slow, shuffled, html, throttled, throttled-silently, quota, old-tokens, field-gone, "
            "field-renamed, field-read-only, locked, slow-bulk, poison, poison-quiet, poison-unnamed, missing-rows "
            "or soak. docs/how-to/make-things-go-wrong.md says what each does."
        ),
    ] = None,
) -> None:
    """Start toy vendors (CRMs, survey tools, an inbox, text messages, product events), and print their variables."""
    import subprocess
    import sys

    # It ends when its standard input does: whatever stops us stops it too.
    command = [sys.executable, "-m", "sandbox", "--with-parent", "--port", str(port)]
    command += ["--smtp-port", str(smtp_port), "--customers", str(customers), "--seed", str(seed)]
    if responses is not None:
        command += ["--responses", str(responses)]
    if faults is not None:
        command += ["--faults", faults]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        code = process.wait()
    except KeyboardInterrupt:  # it was interrupted as well, and stops gracefully
        process.wait()
        code = 0
    raise typer.Exit(code)
