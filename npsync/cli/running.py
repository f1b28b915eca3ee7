"""One run of a sync or of its accounts, told while it goes on and when it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from npsync.config import Config
    from store.api import Store
    from sync.accounts.report import RolledUp
    from sync.options import Options
    from sync.report import Report


def code_of_run(report: Report) -> int:
    """Of a run and of what followed on the accounts: the worse of the two."""
    from npsync.cli import output

    code = output.code_of(report.status)
    return code if report.rolled_up is None else output.worst(code, output.code_of(report.rolled_up.status))


def roll_up_told(config: Config, store: Store, sync: str, options: Options, json: bool) -> RolledUp:
    """All accounts of a sync, worked out anew."""
    from npsync.cli import output
    from npsync.cli.progress import shown_progress
    from npsync.syncing.rolling import roll_up_once
    from npsync.words import accounts_text
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


def run_told(config: Config, store: Store, sync: str, options: Options, json: bool) -> Report:
    from npsync.cli import output
    from npsync.cli.progress import shown_progress
    from npsync.syncing.jobs import run_once
    from npsync.words import accounts_text, sync_text

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
