"""`npsync subject`: what is owed to one person: everything about them told, or forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from npsync.cli.output import ConfigOption, JsonOption

subject = typer.Typer(
    help="Answer one person's request: everything about them told, or forgotten.", no_args_is_help=True
)

_WHO = Annotated[
    str,
    typer.Argument(
        help="An e-mail address, phone number, record id, external id, or an answer (connection:id)."
    ),
]
_ALSO = Annotated[
    list[str] | None,
    typer.Option("--also", help="Another name that is theirs, too: one of those listed as in doubt."),
]
_OFFLINE = Annotated[bool, typer.Option("--offline", help="Ask no CRM: only what is stored here.")]


@subject.command("export")
def export(
    who: _WHO,
    out: Annotated[
        Path | None, typer.Option(help="A new file, for its owner's eyes alone; without it to the screen.")
    ] = None,
    also: _ALSO = None,
    offline: _OFFLINE = False,
    config: ConfigOption = None,
) -> None:
    """Everything npsync holds about one person, as JSON."""
    from npsync import opening
    from npsync.cli import output
    from npsync.clock import SystemClock
    from npsync.config import load
    from npsync.subjects import exporting, receipts
    from npsync.subjects.finding import find

    loaded = load(output.config_path(config), without_variables=offline)
    now = SystemClock().now()
    with opening.open_store(loaded) as store, opening.opened(loaded, store) as connections:
        found = find(loaded, store, who, also=also or (), look=None if offline else connections.destination)
        told = exporting.exported(loaded, store, found, now=now)
        if out is not None:
            exporting.write(out, told)
        receipts.exported(loaded, store, found, told, now=now)
    if out is None:
        output.say_json(told)
    else:
        held = told["held"]
        assert isinstance(held, dict)
        count = sum(len(rows) for rows in held.values() if isinstance(rows, list))
        output.say(f"Wrote {out}: {count} rows. It holds personal data: only its owner may read it.")
    if exporting.is_empty(told):
        before = ": they were forgotten here before" if told["forgotten_before"] else ""
        output.tell(f'Nothing is known under "{who}"{before}.')
    for one in found.doubts:
        output.tell(f"In doubt, not in it: {one.text} ({one.why}). If it is theirs: --also {one.text}")
    for problem in found.problems:
        output.tell(problem)
    if found.problems:
        raise typer.Exit(output.PARTIAL)


@subject.command("erase")
def erase(
    who: _WHO,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Go ahead without asking; what is in doubt is left.")
    ] = False,
    also: _ALSO = None,
    leave_refused: Annotated[
        bool,
        typer.Option(
            "--leave-refused", help="Forget them here also where a CRM refuses to take something back."
        ),
    ] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Forget one person: shows what goes where, asks, then does it. Begun again, it does what is left."""
    import sys

    from npsync import opening
    from npsync.cli import output
    from npsync.subjects import erasing
    from npsync.subjects.finding import find
    from npsync.words import subjects_text

    loaded = output.load_config(config)
    with opening.open_store(loaded) as store, opening.opened(loaded, store) as connections:
        found = find(loaded, store, who, also=also or (), look=connections.destination)
        if found.problems and not yes:
            for problem in found.problems:
                output.tell(problem)
        planned = erasing.plan(loaded, store, found, connections)
        if not yes or not json:
            _show(planned.as_json() if json else None, subjects_text.lines(planned))
        if not yes:
            terminal = not json and sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
            if not terminal:
                output.tell("Nothing was erased. To go ahead, name them again with --yes.")
                raise typer.Exit(output.USAGE)
            if typer.prompt(f"To forget them, type {who}").strip() != who.strip():
                output.say("Nothing was erased.")
                raise typer.Exit(output.SUCCEEDED)
        done = erasing.carry_out(loaded, store, found, connections, connections.clock, leaving=leave_refused)
    _show(done.as_json() if json else None, subjects_text.done(done))
    raise typer.Exit(output.PARTIAL if done.refused or not done.scrubbed or done.left_files else 0)


@subject.command("requests")
def requests(json: JsonOption = False, config: ConfigOption = None) -> None:
    """Who asked to be forgotten, as webhooks told: nothing is erased before somebody does it here."""
    from npsync import opening
    from npsync.cli import output
    from npsync.subjects.receipts import requested

    loaded = output.load_config(config)
    with opening.open_store(loaded) as store:
        asked = requested(store)
    if json:
        output.say_json({"requests": asked})
        return
    if not asked:
        output.say("Nobody asked to be forgotten.")
        return
    rows = [(one["at"][:10], one["connection"], one["who"] or "(names nobody)") for one in asked]
    output.table(("asked", "through", "who"), rows)
    output.say("\nWhat would be erased: npsync subject erase WHO")


@subject.command("receipts")
def receipts(
    who: Annotated[str | None, typer.Argument(help="Only of this person (needs the pepper).")] = None,
    kind: Annotated[str | None, typer.Option(help="read, export or erase.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 50,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Who read, exported or erased a person's data, and when: numbers and keyed hashes, no names."""
    from npsync import opening
    from npsync.cli import output
    from npsync.subjects.receipts import known, receipt_as_json, summary

    loaded = output.load_config(config)
    with opening.open_store(loaded) as store:
        found = known(loaded, store, who=who, kind=kind, limit=limit)
    if json:
        output.say_json({"receipts": [receipt_as_json(one) for one in found]})
        return
    if not found:
        output.say("There is no such receipt.")
        return
    rows = [
        (
            str(one.id),
            f"{one.at.astimezone(loaded.time_zone):%Y-%m-%d %H:%M}",
            one.kind,
            one.who,
            summary(one),
        )
        for one in found
    ]
    output.table(("receipt", "at", "what", "by", "with"), rows)


def _show(told: object, lines: list[str]) -> None:
    from npsync.cli import output
    from npsync.words import WIDTH

    if told is not None:
        output.say_json(told)
        return
    for line in lines:
        output.say_wrapped(line, then="    ") if len(line) > WIDTH else output.say(line)
