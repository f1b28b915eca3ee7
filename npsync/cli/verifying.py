"""Whether records still show what npsync left there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from npsync.cli.output import ConfigOption, JsonOption

if TYPE_CHECKING:
    from npsync.config import Config
    from store.api import Store


def verify(
    sync: Annotated[str | None, typer.Argument(help="The sync. Without it: every sync of the file.")] = None,
    sample: Annotated[
        int | None,
        typer.Option(min=1, help="How many records to look at; other ones every day.", show_default="1000"),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Look at every record npsync ever wrote.")] = False,
    replan: Annotated[
        bool,
        typer.Option("--replan", help="Then run the sync for the records that differ: `overwrite:` decides."),
    ] = False,
    show: Annotated[int, typer.Option(min=0, help="How many fields that differ to print.")] = 10,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Compare records with what npsync left there: what was changed, emptied, deleted or merged since."""
    from npsync import logs, opening
    from npsync.cli import output
    from npsync.cli.choosing import sync_named
    from sync.job import roll_up_of

    loaded = output.load_config(config)
    if sync is not None:
        sync_named(loaded, sync)
    if all_ and sample is not None:
        raise typer.BadParameter("--all looks at every record; --sample N at some")
    logs.set_up(json=json)
    names = [
        name
        for each in (list(loaded.sync) if sync is None else [sync])
        for name in (each, *([roll_up_of(each)] if loaded.sync[each].account is not None else []))
    ]
    with opening.open_store(loaded) as store:
        codes, facts = [], []
        for name in names:
            size = _size(sample, all_)
            code, found = _verify(loaded, store, name, size, replan=replan, show=show, json=json)
            codes.append(code)
            facts += found
    if json:
        output.say_json(_of_one(facts) if sync is not None and facts else {"syncs": facts})
    raise typer.Exit(output.worst(*codes))


def _of_one(facts: list[dict[str, Any]]) -> dict[str, Any]:
    """What --json tells of one sync, its accounts below it."""
    return facts[0] | {"accounts": facts[1]} if len(facts) > 1 else facts[0]


def _size(sample: int | None, everything: bool) -> int | None:
    from sync.verifying import SAMPLE

    return None if everything else sample or SAMPLE


def _verify(
    config: Config, store: Store, name: str, sample: int | None, *, replan: bool, show: int, json: bool
) -> tuple[int, list[dict[str, Any]]]:
    """The exit code of one sync (3: something differs, 1: that could not be found out), and what --json tells."""
    from nps.errors import NpsyncError
    from npsync.cli import output
    from npsync.cli.progress import shown_progress
    from npsync.syncing.verification import plan_again, verify_once
    from npsync.words import accounts_text, sync_text, verify_text
    from sync.accounts.report import RolledUp

    try:
        with shown_progress(quiet=json) as progress:
            verified = verify_once(config, store, name, sample=sample, progress=progress)
        report = None
        if not json:
            for line in verify_text.lines(verified, show, replan=replan):
                output.say(line)
        if replan and verified.compared.drifting:
            with shown_progress(quiet=json) as progress:
                report = plan_again(config, store, verified, progress=progress)
            if not json and report is None:
                output.say("No answer decides these records any more: nothing to plan again.")
            elif not json and report is not None:
                told = (
                    accounts_text.roll_up_lines(report)
                    if isinstance(report, RolledUp)
                    else sync_text.report_lines(report)
                )
                for line in told:
                    output.say(line)
    except NpsyncError as error:
        output.tell_error(error)
        return output.exit_code(error), []
    code = output.code_of(verified.status)
    if report is not None:
        code = output.worst(code, output.code_of(report.status))
    return code, [verified.as_json() | {"replanned": None if report is None else report.as_json()}]
