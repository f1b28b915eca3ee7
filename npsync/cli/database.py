"""`npsync db`: the store's schema, its copies, and what is kept no longer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from npsync.cli.output import ConfigOption, JsonOption

db = typer.Typer(help="The store: its schema, its copies.", no_args_is_help=True)


@db.command("upgrade")
def upgrade(config: ConfigOption = None) -> None:
    """Bring the store to this version's schema. Every command does so by itself; this one only does that."""
    from npsync import opening
    from npsync.cli import output

    loaded = output.load_config(config)
    with opening.open_store(loaded) as store:
        output.say(f"The store is at revision {store.revision()}.")


@db.command("backup")
def backup(
    to: Annotated[Path, typer.Argument(help="The file to write: SQLite, whatever the store is.")],
    config: ConfigOption = None,
) -> None:
    """Copy the store as of now while it is in use. `npsync db restore` reads the copy, into either kind of store."""
    from nps.errors import ConfigError
    from npsync import opening
    from npsync.cli import output
    from npsync.cli.progress import counted

    loaded = output.load_config(config)
    with opening.open_store(loaded) as store, counted("copying") as told:
        try:
            store.backup(to, told)
        except OSError as error:
            raise ConfigError(f"cannot write {to}: {error.strerror}") from None
    output.say(f"Wrote {to}. It holds customer data: only its owner may read it.")


@db.command("restore")
def restore(
    file: Annotated[Path, typer.Argument(help="What npsync db backup wrote.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="What the store holds now is gone then.")
    ] = False,
    moved: Annotated[
        bool,
        typer.Option("--moved", help="Nothing happened since the backup was made: the store only moves."),
    ] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Make a backup the store, also one of the other kind of database. Nothing else may use the store meanwhile."""
    from npsync import opening
    from npsync.cli import output
    from npsync.cli.progress import counted
    from npsync.clock import SystemClock
    from npsync.operating import restoring

    loaded = output.load_config(config)
    with opening.open_store(loaded) as store, counted("copying") as told:
        done = restoring.restore(
            loaded, store, file, replace=replace, moved=moved, now=SystemClock().now(), told=told
        )
    if json:
        latest = None if done.latest is None else done.latest.isoformat()
        output.say_json({"rows": done.rows, "latest_run": latest, "sends_stopped": done.stopped})
        return
    output.say(f"Restored {done.rows:,} rows.")
    if done.latest is not None:
        at = done.latest.astimezone(loaded.time_zone)
        output.say(f"The latest run it knows of ended on {at:%Y-%m-%d %H:%M %Z}.")
    if moved:
        return
    output.say_wrapped("What happened since the backup was made it does not know:")
    for text in _next_steps(stopped=done.stopped):
        output.say_wrapped(text, indent="  - ", then="    ")


def _next_steps(*, stopped: bool) -> list[str]:
    steps = [
        "npsync run --full reads answers since then again; records that show them already are left as they are, and "
        "npsync plan SYNC shows the rest first",
        "people who were erased since are in it again: repeat npsync subject erase for every request since then",
        "tasks and messages made since are made again for answers it does not know: set follow_up_since to today first",
    ]
    if stopped:
        steps.insert(
            0,
            "nothing is sent (npsync sends status): fill the ledger with npsync sends rebuild or npsync sends import, "
            "then npsync sends resume",
        )
    return steps


@db.command("prune")
def prune(json: JsonOption = False, config: ConfigOption = None) -> None:
    """Delete what was kept for its time (`retention:`), as `npsync serve` does every night."""
    from npsync import opening
    from npsync.cli import output
    from npsync.clock import SystemClock
    from npsync.operating import retention

    loaded = output.load_config(config)
    with opening.open_store(loaded) as store:
        pruned = retention.prune(loaded, store, SystemClock().now())
        still_there = store.scrubbing_due()
    if json:
        output.say_json(pruned.as_json())
    elif not loaded.retention.is_set and not pruned.scrubbed and not pruned.did_something:
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
    from npsync import opening
    from npsync.cli import output

    loaded = output.load_config(config)
    with opening.open_store(loaded) as store:
        for line in store.dump():
            output.say(line)


@db.command("figures")
def figures(
    check: Annotated[
        bool, typer.Option("--check", help="Only compare them with counting from scratch.")
    ] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Count the figures of the dashboard again. They follow from the rest of the store: nothing is lost."""
    from npsync import opening
    from npsync.cli import output
    from npsync.clock import SystemClock
    from npsync.figures import checking

    loaded = output.load_config(config)
    with opening.open_store(loaded) as store:
        if not check:
            counted = checking.count_again(loaded, store, SystemClock())
            if json:
                output.say_json(counted.as_json())
            else:
                output.say(f"Counted {counted.figures} figures in {counted.seconds:.1f} s.")
            return
        checked = checking.check(loaded, store)
    if json:
        output.say_json(checked.as_json())
    else:
        right, wrong, old = len(checked.right), len(checked.wrong), len(checked.old)
        output.say(f"{right} figures say what counting from scratch says, {wrong} do not, {old} are old.")
        for name in checked.wrong:
            output.say(f"  wrong: {name}")
    if checked.wrong:
        output.tell("Count them again: npsync db figures")
        raise typer.Exit(output.FAILED)
