"""The main job: plan what would change, run it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from npsync.cli.choosing import sync_named
from npsync.cli.due import gather_anonymous, run_due, settle_pushed
from npsync.cli.output import ConfigOption, JsonOption
from npsync.cli.plan_json import print_plan
from npsync.cli.running import code_of_run, roll_up_told, run_told

if TYPE_CHECKING:
    from npsync.config import Config
    from store.api import Store

OnlyOption = Annotated[
    str | None,
    typer.Option("--only", metavar="WHO", help="One person: e-mail, external id, record id or answer id."),
]
LimitOption = Annotated[
    int | None,
    typer.Option(
        min=1, help="About so many answers (one person's are taken together); the rest stays pending."
    ),
]
AllOption = Annotated[bool, typer.Option("--all", help="Plan every answer anew, after the mapping changed.")]
FullOption = Annotated[bool, typer.Option("--full", help="Read the sources from their beginning again.")]
AdoptOption = Annotated[
    bool, typer.Option("--adopt", help="Take over values that somebody else left in fields of ours.")
]
RecheckOption = Annotated[
    bool,
    typer.Option(
        "--recheck",
        help="Look up every answer again that waits or is in review, not only those that are due.",
    ),
]
AccountsOption = Annotated[
    bool,
    typer.Option(
        "--accounts",
        help="Instead of running the sync: work out all its accounts (account:) anew. Needs a SYNC.",
    ),
]
AcceptOption = Annotated[
    bool,
    typer.Option(
        "--accept-breaker",
        help="Write although the breaker has reasons against it; the report lists them. Needs a SYNC.",
    ),
]


def plan(
    sync: Annotated[str, typer.Argument(help="The sync, as the YAML names it.")],
    out: Annotated[Path | None, typer.Option(help="Keep the plan in this file, for `run --plan`.")] = None,
    show: Annotated[int, typer.Option(min=0, help="How many changes to print.")] = 10,
    only: OnlyOption = None,
    limit: LimitOption = None,
    all_: AllOption = False,
    full: FullOption = False,
    adopt: AdoptOption = False,
    recheck: RecheckOption = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show what a run would change, field by field. Writes nothing anywhere."""
    from itertools import chain

    from npsync import logs, opening
    from npsync.cli import output
    from npsync.cli.progress import shown_progress
    from npsync.syncing import planfile
    from npsync.syncing.jobs import build_job, target_of
    from npsync.syncing.rolling import preview_after
    from npsync.words import accounts_text, sync_text, what_if_text
    from sync.engine import preview
    from sync.options import Options
    from sync.what_if import what_if

    loaded = output.load_config(config)
    sync_named(loaded, sync)
    if out is not None:
        planfile.refuse_unwritable(out)
    logs.set_up(json=json)
    options = Options(only=_who(only), limit=limit, everything=all_, full=full, adopt=adopt, recheck=recheck)
    with (
        opening.open_store(loaded) as store,
        store.overlay() as overlay,
        opening.opened(loaded, overlay, books=store) as connections,
    ):
        before = overlay.standings(sync) if all_ else ()
        with shown_progress(quiet=json) as progress:
            job = build_job(loaded, sync, connections)
            plan = preview(
                job,
                overlay,
                connections.clock,
                connections.owner,
                connections.calls.seen,
                options,
                progress,
            )
            accounts = None
            if plan.report.status != "failed":
                accounts = preview_after(loaded, overlay, job, connections, progress)
        told = None
        if all_ and plan.report.status != "failed":
            told = what_if(job, plan.changes(), overlay, before)
        if out is not None:
            planfile.write(out, loaded, sync, plan.changes(), now=connections.clock.now())
        if json:
            print_plan(plan, accounts, told)
        else:
            target = target_of(loaded, loaded.sync[sync])
            followed = accounts_text.preview_lines(accounts, show) if accounts is not None else ()
            to = f"{target.connection} {target.object}"
            if told is not None:
                followed = chain(what_if_text.lines(told), followed)
            for line in sync_text.plan_lines(plan, sync, to, show, followed):
                output.say(line)
            if only is not None:
                for line in sync_text.only_lines(plan.report):
                    output.say(line)
            if out is not None:
                output.say(f"Kept in {out}, for 24 hours: npsync run {sync} --plan {out}")
    if plan.report.status == "failed":
        raise typer.Exit(output.FAILED)
    unplanned = accounts is not None and bool(accounts.report.problems)
    if plan.report.problems or unplanned:  # somebody could not be asked: this is not the whole plan
        raise typer.Exit(output.PARTIAL)


def run(
    sync: Annotated[
        str | None, typer.Argument(help="The sync. Without it: everything that is due, once.")
    ] = None,
    plan: Annotated[Path | None, typer.Option(help="Write only changes equal to this reviewed plan.")] = None,
    only: OnlyOption = None,
    limit: LimitOption = None,
    all_: AllOption = False,
    full: FullOption = False,
    adopt: AdoptOption = False,
    recheck: RecheckOption = False,
    accounts: AccountsOption = False,
    accept_breaker: AcceptOption = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Pull, plan and write. Without a name: everything that is due, once, then exit (for cron and CI)."""
    from nps.errors import ConfigError
    from npsync import logs, opening
    from npsync.cli import output
    from npsync.clock import SystemClock
    from npsync.stopping import stop_on_signal
    from npsync.syncing import planfile
    from sync.options import Options

    loaded = output.load_config(config)
    logs.set_up(json=json)
    stop = stop_on_signal()
    options = Options(
        only=_who(only),
        limit=limit,
        everything=all_,
        full=full,
        adopt=adopt,
        recheck=recheck,
        accept_breaker=accept_breaker,
        stop=stop,
    )
    with opening.open_store(loaded) as store:
        if sync is None:
            if plan is not None:
                raise ConfigError("--plan belongs to one sync: npsync run SYNC --plan FILE")
            if accept_breaker:
                raise ConfigError(
                    "--accept-breaker belongs to one sync, whose plan you have seen: npsync run SYNC --accept-breaker"
                )
            if accounts:
                raise ConfigError("--accounts belongs to one sync: npsync run SYNC --accounts")
            pushed = settle_pushed(loaded, store, options)
            gather_anonymous(loaded, store, options)
            raise typer.Exit(output.worst(pushed, run_due(loaded, store, options, json)))
        sync_named(loaded, sync)
        _say_if_paused(loaded, store, sync)
        if accounts:
            if loaded.sync[sync].account is None:
                raise ConfigError(
                    f"{loaded.file}: sync.{sync} has no account:, so it has no accounts to work out"
                )
            rolled_up = roll_up_told(loaded, store, sync, options, json)
            raise typer.Exit(output.code_of(rolled_up.status))
        settle_pushed(loaded, store, options)
        if plan is not None:
            from dataclasses import replace

            expected = planfile.read(plan, loaded, sync, now=SystemClock().now())
            options = replace(options, expect=expected)
        report = run_told(loaded, store, sync, options, json)
    raise typer.Exit(code_of_run(report))


def _say_if_paused(config: Config, store: Store, sync: str) -> None:
    """Somebody who asks for a run gets it, and should know that the clock will not go on with it."""
    from npsync.cli import output
    from npsync.pauses import paused_syncs

    if config.sync[sync].paused:
        output.tell(f"{sync} is paused in {config.file}; this runs it once.")
    elif (due := paused_syncs(store).get(sync)) is not None:
        output.tell(f"{sync} is paused (by {due.paused_by}); this runs it once: npsync syncs resume {sync}")


def _who(only: str | None) -> str | None:
    """As it was pasted from somewhere."""
    return None if only is None else only.strip()
