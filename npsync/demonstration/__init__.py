"""`npsync demo`: the sandbox as a subprocess, and both ways through the house: answers onto records, and an event that
asks for the next answer."""

from __future__ import annotations

import signal
import tempfile
from pathlib import Path

from npsync import logs
from npsync.cli import output
from npsync.demonstration import circle, main_job
from npsync.demonstration.toys import sandbox


def run(*, customers: int, responses: int | None, seed: int, keep: bool) -> int:
    """The exit code: 0 when both ways did what they are for."""
    logs.set_up(json=False, verbose=False)
    with (
        tempfile.TemporaryDirectory(prefix="npsync-demo-") as folder,
        sandbox(customers, responses, seed) as (url, variables),
    ):
        output.say(f"A sandbox with {customers:,} customers is at {url}: toy vendors, and an inbox.\n")
        good = main_job.show(variables, Path(folder))
        good = circle.show(variables, url, Path(folder)) and good
        _where_to_look(url, keep)
        if keep:
            _wait()
    return 0 if good else 1


def _where_to_look(url: str, keep: bool) -> None:
    if keep:
        output.say(f"\nLook at the records and the mail: {url}   (Ctrl-C ends the sandbox)")
        return
    output.say("\nWhere to look:")
    output.say("  see the records and the mail in a browser:   npsync demo --keep")
    output.say(
        "  drive it yourself:                           npsync sandbox, and the commands of the README"
    )
    output.say("  the files behind it:                         config.example.yaml")
    output.say("                                               examples/survey-after-support.yaml")


def _wait() -> None:
    try:
        signal.pause()
    except KeyboardInterrupt:
        output.say("")
