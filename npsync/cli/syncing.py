"""The main job: plan what would change, run it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, NamedTuple

import typer

from npsync.cli.output import ConfigOption, JsonOption

if TYPE_CHECKING:
    from nps.changes import Change
    from npsync.config import Config
    from store.api import Store
    from sync.accounts.engine import Preview as AccountsPreview
    from sync.accounts.report import RolledUp
    from sync.engine import Options, Preview
    from sync.report import Report
    from sync.what_if import WhatIf

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
        help="Instead of running the sync: work out all its accounts (account:) anew. Needs a NAME.",
    ),
]
AcceptOption = Annotated[
    bool,
    typer.Option(
        "--accept-breaker",
        help="Write although the breaker has reasons against it; the report lists them. Needs a NAME.",
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

    from npsync import logs, planfile, service
    from npsync.cli import accounts_text, output, sync_text, what_if_text
    from npsync.cli.progress import shown_progress
    from npsync.jobs import build_job, target_of
    from npsync.rolling import preview_after
    from sync.engine import Options, preview
    from sync.what_if import what_if

    loaded = output.load_config(config)
    _known(loaded, sync)
    if out is not None:
        planfile.refuse_unwritable(out)
    logs.set_up(json=json)
    options = Options(only=_who(only), limit=limit, everything=all_, full=full, adopt=adopt, recheck=recheck)
    with (
        service.open_store(loaded) as store,
        store.overlay() as overlay,
        service.opened(loaded, overlay, books=store) as connections,
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
            _print_plan(plan, accounts, told)
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
    from npsync import logs, planfile, service
    from npsync.cli import output
    from npsync.clock import SystemClock
    from npsync.stopping import stop_on_signal
    from sync.engine import Options

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
    with service.open_store(loaded) as store:
        if sync is None:
            if plan is not None:
                raise ConfigError("--plan belongs to one sync: npsync run NAME --plan FILE")
            if accept_breaker:
                raise ConfigError(
                    "--accept-breaker belongs to one sync, whose plan you have seen: npsync run NAME --accept-breaker"
                )
            if accounts:
                raise ConfigError("--accounts belongs to one sync: npsync run NAME --accounts")
            pushed = _settle_pushed(loaded, store, options)
            _gather_anonymous(loaded, store, options)
            raise typer.Exit(output.worst(pushed, _run_due(loaded, store, options, json)))
        _known(loaded, sync)
        _say_if_paused(loaded, store, sync)
        if accounts:
            if loaded.sync[sync].account is None:
                raise ConfigError(
                    f"{loaded.file}: sync.{sync} has no account:, so it has no accounts to work out"
                )
            rolled_up = _roll_up(loaded, store, sync, options, json)
            raise typer.Exit(output.code_of(rolled_up.status))
        _settle_pushed(loaded, store, options)
        if plan is not None:
            from dataclasses import replace

            expected = planfile.read(plan, loaded, sync, now=SystemClock().now())
            options = replace(options, expect=expected)
        report = _run(loaded, store, sync, options, json)
    raise typer.Exit(_code(report))


def _say_if_paused(config: Config, store: Store, sync: str) -> None:
    """Somebody who asks for a run gets it, and should know that the clock will not go on with it."""
    from npsync.cli import output
    from npsync.deciding.pausing import paused_syncs

    if config.sync[sync].paused:
        output.tell(f"{sync} is paused in {config.file}; this runs it once.")
    elif (due := paused_syncs(store).get(sync)) is not None:
        output.tell(f"{sync} is paused (by {due.paused_by}); this runs it once: npsync syncs resume {sync}")


def _gather_anonymous(config: Config, store: Store, options: Options) -> None:
    """Read the anonymous surveys, when they are due: no sync does."""
    if not config.privacy.anonymous:
        return
    from npsync.anonymous import Gathering
    from npsync.cli import output
    from npsync.clock import SystemClock

    gathered = Gathering(config, store, SystemClock(), stop=options.stop).turn()
    for survey in gathered.published:
        output.tell(f"{survey}: its figures moved on (npsync report {survey})")
    for problem in gathered.problems:
        output.tell(f"anonymous surveys: {problem}")


def _code(report: Report) -> int:
    """Of a run and of what followed on the accounts: the worse of the two."""
    from npsync.cli import output

    code = output.code_of(report.status)
    return code if report.rolled_up is None else output.worst(code, output.code_of(report.rolled_up.status))


def _roll_up(config: Config, store: Store, sync: str, options: Options, json: bool) -> RolledUp:
    """All accounts of a sync, worked out anew."""
    from npsync.cli import accounts_text, output
    from npsync.cli.progress import shown_progress
    from npsync.rolling import roll_up_once
    from sync.accounts import engine

    wanted = engine.Options(
        everything=True, accept_breaker=options.accept_breaker, adopt=options.adopt, stop=options.stop
    )
    with shown_progress(quiet=json) as progress:
        report = roll_up_once(config, store, sync, options=wanted, progress=progress)
    if json:
        output.say_json(report.as_json())
    else:
        for line in accounts_text.roll_up_lines(report):
            output.say(line)
    return report


def _run(config: Config, store: Store, sync: str, options: Options, json: bool) -> Report:
    from npsync.cli import accounts_text, output, sync_text
    from npsync.cli.progress import shown_progress
    from npsync.jobs import run_once

    with shown_progress(quiet=json) as progress:
        report = run_once(config, store, sync, options=options, progress=progress)
    if json:
        output.say_json(report.as_json())
    else:
        for line in sync_text.report_lines(report):
            output.say(line)
        if options.only is not None:
            for line in sync_text.only_lines(report):
                output.say(line)
        if report.rolled_up is not None:
            for line in accounts_text.roll_up_lines(report.rolled_up):
                output.say(line)
    return report


def _run_due(config: Config, store: Store, options: Options, json: bool) -> int:
    """Everything due, once each. The exit code is the worst one."""
    from dataclasses import replace
    from itertools import chain

    from nps.errors import NpsyncError
    from npsync.cli import output
    from npsync.clock import SystemClock
    from npsync.clockwork.claims import Claims, pushed_done
    from npsync.clockwork.rescuing import rescue, resume_killed
    from npsync.schedule import installation_of
    from store.owners import this_process
    from triggers.followed import none_is_followed

    clock = SystemClock()
    worst = output.SUCCEEDED
    ran = False
    done: set[str] = set()
    rescue(store, clock.now())
    resume_killed(config, store, clock.now(), surely=True)
    claims = Claims(config, store, this_process(), installation_of(store))
    due = chain(
        claims.runs(clock.now()),
        claims.pushes(clock.now()),
        # What is due of these after a run of the sync, that run has done.
        claims.account_nights(clock.now()),
    )
    for claim in due:
        if claim.skipped:
            continue  # noted; a cron job stays quiet about it
        if claim.pushed and claim.sync in done:
            pushed_done(store, claim)
            continue
        ran = True
        try:
            if claim.accounts:
                code = output.code_of(_roll_up(config, store, claim.sync, options, json).status)
            else:
                code = _code(_run(config, store, claim.sync, replace(options, read=not claim.pushed), json))
            pushed_done(store, claim)
        except NpsyncError as error:
            output.tell_error(error)
            code = output.exit_code(error)
        finally:
            if claim.tick is not None:
                store.end_tick(claim.tick, now=clock.now())
        if options.stop():
            store.schedule(
                claim.place, claim.due_at
            )  # due again at once, as what was not looked at yet still is
            break
        worst = output.worst(worst, code)
        done.add(claim.sync)
    told = _tell(config, store)
    ran = ran or told.said
    worst = output.worst(worst, told.code)
    if config.has_to_ask:
        asked = _ask(config, store, options, json)
        ran = ran or asked.said
        worst = output.worst(worst, asked.code)
    else:
        none_is_followed(store)
    if not ran and not json:
        output.say("Nothing is due. npsync run NAME runs a sync anyway.")
        if config.has_to_ask:
            output.say("Messages that wait: npsync invitations --state queued")
    return worst


def _settle_pushed(config: Config, store: Store, options: Options) -> int:
    """What was pushed and not taken in yet, also into a web that is gone."""
    from nps.errors import NpsyncError
    from npsync.cli import output
    from npsync.clock import SystemClock
    from npsync.pushed import PushedAnswers
    from npsync.web.intake import carry_over

    clock = SystemClock()
    try:
        carry_over(config, store, clock)
        settled = PushedAnswers(config, store, clock, stop=options.stop).settle()
    except NpsyncError as error:
        output.tell_error(error)
        return output.exit_code(error)
    for problem in settled.problems:
        output.tell(problem)
    return output.PARTIAL if settled.problems else output.SUCCEEDED


def _tell(config: Config, store: Store) -> _Asked:
    """Alerts about figures, digests that are due, and messages that could not be handed over before. A connection that
    fails makes no run fail."""
    from nps.errors import NpsyncError
    from npsync.alerting.turn import Telling, is_used
    from npsync.cli import output
    from npsync.clock import SystemClock

    if not is_used(config):
        return _Asked(output.SUCCEEDED, False)
    try:
        told = Telling(config, store, SystemClock()).turn()
    except NpsyncError as error:
        output.tell(f"alerts: {error}")
        return _Asked(output.SUCCEEDED, True)
    for problem in told.problems:
        output.tell(problem)
    return _Asked(output.SUCCEEDED, told.did_something)


class _Asked(NamedTuple):
    code: int
    said: bool  # anything, to the person who runs it


def _ask(config: Config, store: Store, options: Options, json: bool) -> _Asked:
    """What the triggers have to do now, once."""
    from nps.errors import NpsyncError
    from npsync.cli import asking_text, output
    from npsync.clock import SystemClock
    from npsync.triggering import ask_once

    clock = SystemClock()
    try:
        done = ask_once(config, store, clock, stop=options.stop)
    except NpsyncError as error:
        output.tell_error(error)
        return _Asked(output.exit_code(error), True)
    lines = list(asking_text.round_lines(done))
    if json and config.triggers:
        output.say_json({"asking": done.as_json()})
    elif not json:
        for line in lines:
            output.say(line)
    return _Asked(output.PARTIAL if done.problems else output.SUCCEEDED, bool(lines))


def _who(only: str | None) -> str | None:
    """As it was pasted from somewhere."""
    return None if only is None else only.strip()


def _known(config: Config, sync: str) -> None:
    from mapping.problems import did_you_mean
    from nps.errors import ConfigError

    if sync not in config.sync:
        raise ConfigError(f'{config.file}: there is no sync "{sync}"{did_you_mean(sync, config.sync)}')


def _print_plan(plan: Preview, accounts: AccountsPreview | None, told: WhatIf | None) -> None:
    """{"changes": […], "accounts": […], "counts": {…}, "cost": {…}}, streamed: a plan may be long."""
    import sys

    from npsync.cli import output

    if sys.stdout is None:  # closed by whoever started us
        return
    try:
        _write_plan(plan, accounts, told, sys.stdout.buffer)
    except BrokenPipeError:
        output.nobody_listens()


def _write_plan(plan: Preview, accounts: AccountsPreview | None, told: WhatIf | None, out: BinaryIO) -> None:
    import orjson

    out.write(b'{"changes":[')
    _write_changes(plan.changes(), out)
    if accounts is not None:
        out.write(b'\n],"accounts":[')
        _write_changes(accounts.changes(), out)
    report = plan.report.as_json()
    rest = {
        "counts": report["states"],
        "cost": plan.cost,
        "pulled": report["pulled"],
        "match": report["match"],
        "kept": report["kept"],
        "undone": report["undone"],
        "overwritten": report["overwritten"],
        "followed": {
            kind.value: {**tally.as_json(), "examples": list(tally.examples)}
            for kind, tally in plan.followed.tallies.items()
        },
        "absent_fields": plan.absent,
        "breaker": [{"check": reason.check, "text": reason.text} for reason in plan.stops],
        "problems": report["problems"],
    }
    if told is not None:
        rest["what_if"] = told.as_json()
    out.write(b"\n]," + orjson.dumps(rest)[1:] + b"\n")
    out.flush()


def _write_changes(changes: Iterable[Change], out: BinaryIO) -> None:
    import orjson

    for place, change in enumerate(changes):
        fields = {name: [change.before.get(name), value] for name, value in change.after.items()}
        line = {"object": change.object, "id": change.record_id, "key": change.key, "fields": fields}
        out.write((b",\n" if place else b"\n") + orjson.dumps(line))
