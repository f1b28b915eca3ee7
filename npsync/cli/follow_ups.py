"""What followed the answers: tasks, kept answers, places on lists, messages; and trying again what was refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from npsync.cli.choosing import sync_named
from npsync.cli.output import MOST_NUMBER, ConfigOption, JsonOption

if TYPE_CHECKING:
    from store.api import Store
    from store.api.outbox import Kind, Outgoing, Stage

follow_ups = typer.Typer(
    help="What was created because of answers, what was refused, and trying that again.",
    no_args_is_help=True,
)

SyncOption = Annotated[str | None, typer.Option("--sync", metavar="SYNC", help="Only those of this sync.")]
KindOption = Annotated[
    str | None, typer.Option("--kind", help="Only of one kind: task, history, list or alert.")
]
IdsArgument = Annotated[
    list[int],
    typer.Argument(metavar="ID...", min=1, max=MOST_NUMBER, help="Which ones, as `list` shows them."),
]

_OPEN = "open"


@follow_ups.command("list")
def list_(
    sync: SyncOption = None,
    kind: KindOption = None,
    stage: Annotated[
        str,
        typer.Option(
            help="open (refused, or not known whether it arrived), wanted, done, rejected, unknown, void, removed "
            "or all."
        ),
    ] = _OPEN,
    run: Annotated[
        int | None, typer.Option("--run", min=1, max=MOST_NUMBER, help="Only what this run sent.")
    ] = None,
    untouched: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION", help='Tasks that are open for longer than this ("3 days"), the oldest first.'
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 50,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List what followed answers, the latest first; without an option what a person has to look at."""
    from npsync import opening
    from npsync.cli import output
    from npsync.words import followed_text

    loaded = output.load_config(config)
    with opening.open_store(loaded) as store:
        name = None if sync is None else sync_named(loaded, sync)
        if untouched is not None:
            shown = _untouched(store, [name] if name else list(loaded.sync), untouched)[:limit]
        else:
            shown = _found(store, name, _kind(kind), _stages(stage), run, limit)
        waiting = store.waiting_entries(sync=name, kind=_kind(kind))
    if json:
        output.say_json(
            {
                "follow_ups": [followed_text.facts(one) for one in shown],
                "waiting": {"count": waiting.count, "reason": waiting.reason or None},
            }
        )
        return
    is_open = stage == _OPEN and untouched is None
    if shown:
        output.table(
            ["id", "since", "sync", "what", "for", "how it is"], followed_text.rows(shown, loaded.time_zone)
        )
        for line in followed_text.next_steps(shown):
            output.say(line)
    elif is_open:
        output.say("Nothing was refused, and of nothing it is unknown whether it arrived.")
    else:
        output.say("There is none.")
    if is_open and run is None:
        for line in followed_text.waiting_lines(waiting):
            output.say_wrapped(line, then="  ")


@follow_ups.command("retry")
def retry(ids: IdsArgument, json: JsonOption = False, config: ConfigOption = None) -> None:
    """Try these again now, as the answer and the YAML say today. A message of which nobody knows whether it arrived is
    sent once more."""
    from npsync import logs, opening
    from npsync.cli import output
    from npsync.cli.progress import shown_progress
    from npsync.deciding import follow_ups as following
    from npsync.deciding.deciders import Decider
    from npsync.syncing.jobs import run_once
    from npsync.words import followed_text
    from store.api.outbox import Stage
    from sync.options import Options

    loaded = output.load_config(config)
    logs.set_up(json=json)
    with opening.open_store(loaded) as store:
        retried = following.retry(Decider.at_the_command_line(loaded, store), ids)
        again, left = list(retried.done), list(retried.left)
        for name, asked in retried.again.items():
            if name in loaded.sync:
                with shown_progress(quiet=json) as progress:
                    run_once(loaded, store, name, options=Options(asked=asked, read=False), progress=progress)
        became = store.entries(again)
    if json:
        output.say_json(
            {"retried": again, "left": left, "follow_ups": [followed_text.facts(one) for one in became]}
        )
    else:
        for line in followed_text.became_lines(became, left):
            output.say(line)
    settled = all(one.stage is Stage.DONE or one.stage is Stage.VOID for one in became)
    raise typer.Exit(output.SUCCEEDED if settled and not left else output.PARTIAL)


@follow_ups.command("discard")
def discard(
    ids: IdsArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why: kept with it.")],
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Leave these be, with a reason. Nothing is deleted in the CRM."""
    from npsync import opening
    from npsync.cli import output
    from npsync.deciding import follow_ups as following
    from npsync.deciding.deciders import Decider

    loaded = output.load_config(config)
    with opening.open_store(loaded) as store:
        discarded = following.discard(Decider.at_the_command_line(loaded, store), ids, reason)
    done, left = list(discarded.done), list(discarded.left)
    if json:
        output.say_json({"discarded": done, "left": left})
    else:
        if done:
            output.say(f"Left be: {', '.join(map(str, done))}.")
        if left:
            output.say(f"Not open (any more), so left as it is: {', '.join(map(str, left))}.")
    raise typer.Exit(output.PARTIAL if left else output.SUCCEEDED)


def _found(
    store: Store,
    sync: str | None,
    kind: Kind | None,
    stages: tuple[Stage | None, ...],
    run: int | None,
    limit: int,
) -> list[Outgoing]:
    found = [
        one
        for stage in stages
        for one in store.entries_like(sync=sync, kind=kind, stage=stage, run=run, limit=limit)
    ]
    return sorted(found, key=lambda one: -one.id)[:limit]


def _untouched(store: Store, syncs: list[str], words: str) -> list[Outgoing]:
    """The escalation list."""
    from nps.durations import duration
    from nps.errors import ConfigError
    from npsync.clock import SystemClock

    try:
        late = duration(words)
    except ValueError as error:
        raise ConfigError(f"--untouched: {error}") from None
    now = SystemClock().now()
    open_ = store.given_tasks(syncs, still_open=True)
    return store.entries([one.id for one in open_ if now - one.given_at > late])


def _stages(word: str) -> tuple[Stage | None, ...]:
    from npsync.cli.choosing import one_of
    from store.api.outbox import Stage

    if word == _OPEN:
        return (Stage.REJECTED, Stage.UNKNOWN)
    if word == "all":
        return (None,)
    known = [stage.value for stage in Stage if stage is not Stage.OPEN]
    return (Stage(one_of(word, [_OPEN, *known, "all"], "stage")),)


def _kind(word: str | None) -> Kind | None:
    from npsync.cli.choosing import one_of
    from store.api.outbox import Kind

    return None if word is None else Kind(one_of(word, [kind.value for kind in Kind], "kind"))
