"""What came back by mail."""

from __future__ import annotations

from typing import Annotated

import typer

from npsync.cli.output import ConfigOption, JsonOption


def bounces(
    connection: Annotated[str, typer.Argument(help="The mail connection the mails were sent through.")],
    places: Annotated[
        list[str], typer.Argument(metavar="PATH", help="A mail, a Maildir, an mbox; - for standard input.")
    ],
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Read bounces, complaints and unsubscribes that came by mail. Reading them again changes nothing."""
    from npsync import opening
    from npsync.asking import bounced
    from npsync.cli import output
    from npsync.clock import SystemClock
    from npsync.config import load

    loaded = load(output.config_path(config))
    with opening.open_store(loaded) as store:
        read = bounced.read(loaded, store, connection, places, SystemClock())
    if json:
        output.say_json({"mails": read.mails, "about_ours": read.told, "new": read.new})
        return
    output.say(
        f"{read.mails} mails read, {read.told} of them about mails of ours, {read.new} told something new."
    )
    if read.new:
        output.say("`npsync serve` acts on it at once, `npsync run` when it runs next; see npsync events.")
