"""Taking back what a run wrote, and writing it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from npsync.cli.output import MOST_NUMBER, ConfigOption, JsonOption

if TYPE_CHECKING:
    from nps.changes import Change
    from npsync.config import Config
    from store.api import RunRow, Store
    from sync.restoring import Left, Wanted
    from sync.undoing import UndoPlan, UndoReport

RunArgument = Annotated[
    int, typer.Argument(min=1, max=MOST_NUMBER, help="The run's number, as npsync runs shows it.")
]
RecordOption = Annotated[
    list[str] | None,
    typer.Option("--record", metavar="ID", help="Only this record. May be given several times."),
]
FieldOption = Annotated[
    list[str] | None,
    typer.Option("--field", metavar="NAME", help="Only this field. May be given several times."),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Go ahead without asking.")]
ShowOption = Annotated[
    int, typer.Option(min=0, help="How many records, and how many fields left alone, to print.")
]


def undo(
    run: RunArgument,
    record: RecordOption = None,
    field: FieldOption = None,
    yes: YesOption = False,
    show: ShowOption = 10,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Restore what a run changed, where the record still shows it. Shows the plan first, then asks."""
    raise typer.Exit(_take_back("undo", run, record or [], field or [], yes, show, json, config))


def redo(
    run: RunArgument,
    record: RecordOption = None,
    field: FieldOption = None,
    yes: YesOption = False,
    show: ShowOption = 10,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Write again what was undone. RUN is the undo, or the run that was undone."""
    raise typer.Exit(_take_back("redo", run, record or [], field or [], yes, show, json, config))


def _take_back(
    command: str,
    number: int,
    records: list[str],
    fields: list[str],
    yes: bool,
    show: int,
    json: bool,
    config: ConfigOption,
) -> int:
    from npsync import logs, opening
    from npsync.cli import output
    from npsync.syncing import undoing

    loaded = output.load_config(config)
    logs.set_up(json=json)
    with opening.open_store(loaded) as store:
        run = undoing.known_run(store, number)
        records = undoing.in_full(loaded, store, number, records)
        wanted = undoing.wanted_undos(store, number, again=command == "redo", records=records, fields=fields)
        if not any(store.wrote(one.run) for one in wanted):
            _say_nothing_to_do(undoing.nothing_to_do(store, number, again=command == "redo"), json)
            _say_what_stays(store, wanted, show, json)
            return output.SUCCEEDED
        asked = " ".join([f"npsync {command} {number}", *_spelled(records, fields)])
        if not yes:
            code, go_on = _shown(loaded, store, run, wanted, show, json)
            if not go_on:
                return code
            if not _is_asked(json):
                output.tell(f"Nothing was written. To go ahead: {asked} --yes")
                return output.USAGE
            if not typer.confirm("Go ahead?"):
                output.say("Nothing was written.")
                return output.SUCCEEDED
        return _done(loaded, store, run, wanted, asked, show, json, planned=not yes)


def _is_asked(json: bool) -> bool:
    """A person sits before it, who can be asked."""
    import sys

    return not json and sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


def _spelled(records: list[str], fields: list[str]) -> list[str]:
    import shlex

    options = [("--record", one) for one in records] + [("--field", one) for one in fields]
    return [f"{option} {shlex.quote(value)}" for option, value in options]


def _say_nothing_to_do(sentence: str, json: bool) -> None:
    from npsync.cli import output

    if json:
        output.say_json({"runs": [], "message": sentence})
    else:
        output.say(sentence)


def _say_what_stays(store: Store, wanted: list[Wanted], show: int, json: bool) -> None:
    from npsync.cli import output
    from npsync.syncing import undoing
    from npsync.words import undo_text

    for one in () if json else wanted:
        if made := undoing.made_by(store, one):
            for line in undo_text.made_lines(one.run, made, show):
                output.say(line)


def _shown(
    config: Config, store: Store, run: RunRow, wanted: list[Wanted], show: int, json: bool
) -> tuple[int, bool]:
    """Print the plan; the exit code if it ends here, and whether something could be restored."""
    from npsync import opening
    from npsync.cli import output
    from npsync.cli.progress import shown_progress
    from npsync.syncing import undoing
    from npsync.words import undo_text
    from sync.undoing import preview_undo

    conflicts = restorable = 0
    told: list[dict[str, object]] = []
    with store.overlay() as overlay, opening.opened(config, overlay, books=store) as connections:
        for one in wanted:
            place = undoing.opened_place(config, connections, store, undoing.known_run(store, one.run))
            if place is None:
                continue
            with shown_progress(quiet=json) as progress:
                plan = preview_undo(place, overlay, connections.clock, connections.owner, one, progress)
            conflicts += len(plan.findings.conflicts)
            restorable += plan.findings.changes
            if json:
                told.append(_plan_facts(plan) | _stays(store, one))
                continue
            where = f"{place.connection} {place.object}"
            output.say(undo_text.head(run, one.run, config.time_zone, where, again=one.redo))
            for line in undo_text.plan_lines(plan, show):
                output.say(line)
            if not one.redo:
                for line in undo_text.made_lines(one.run, undoing.made_by(store, one), show):
                    output.say(line)
    if json:
        output.say_json({"runs": told, "written": False})
    return output.PARTIAL if conflicts else output.SUCCEEDED, restorable > 0


def _done(
    config: Config,
    store: Store,
    run: RunRow,
    wanted: list[Wanted],
    asked: str,
    show: int,
    json: bool,
    *,
    planned: bool,
) -> int:
    from npsync import opening
    from npsync.cli import output
    from npsync.cli.progress import shown_progress
    from npsync.deciding.deciders import at_the_command_line
    from npsync.stopping import stop_on_signal
    from npsync.syncing import undoing
    from npsync.words import undo_text
    from sync.undoing import undo as take_back

    stop = stop_on_signal()
    told: list[dict[str, object]] = []
    worst = output.SUCCEEDED
    with opening.opened(config, store, stop=stop) as connections:
        word = "redo" if any(one.redo for one in wanted) else "undo"
        store.note_audit(at_the_command_line(), word, f"run {run.id}", now=connections.clock.now())
        for one in wanted:
            place = undoing.opened_place(config, connections, store, undoing.known_run(store, one.run))
            if place is None:
                continue
            with shown_progress(quiet=json) as progress:
                report = take_back(
                    place,
                    store,
                    connections.clock,
                    connections.owner,
                    connections.calls.seen,
                    one,
                    stop=stop,
                    progress=progress,
                )
            worst = output.worst(worst, output.code_of(report.status))
            if json:
                told.append(_report_facts(store, report) | _stays(store, one))
                continue
            if not planned:
                where = f"{place.connection} {place.object}"
                output.say(undo_text.head(run, one.run, config.time_zone, where, again=one.redo))
            changes = None if planned else store.planned(report.run)
            for line in undo_text.report_lines(report, changes, show):
                output.say(line)
            if not planned and not one.redo:
                for line in undo_text.made_lines(one.run, undoing.made_by(store, one), show):
                    output.say(line)
            if report.status == "partial" and report.problems:
                output.say(f"  no run goes on with it by itself: {asked}")
    if json:
        output.say_json({"runs": told, "written": True})
    return worst


def _stays(store: Store, wanted: Wanted) -> dict[str, object]:
    """What the run created beside the fields, which an undo lists and leaves."""
    from npsync.syncing import undoing
    from npsync.words import followed_text

    return {"stays": [followed_text.facts(one) for one in undoing.made_by(store, wanted)]}


def _plan_facts(plan: UndoPlan) -> dict[str, object]:
    return {
        "undoes": plan.wanted.run,
        "sync": plan.sync,
        "changes": [_change_facts(one) for one in plan.changes()],
        "left": [_left_facts(one, plan.wanted.redo) for one in plan.findings.left],
        "cost": dict(plan.cost),
    }


def _report_facts(store: Store, report: UndoReport) -> dict[str, object]:
    return {
        **report.as_json(),
        "refused": [
            {"id": one.change.record_id, "outcome": one.outcome, "code": one.code, "message": one.message}
            for one in report.refused
        ],
        "changes": [
            {**_change_facts(change), "outcome": outcome} for change, outcome in store.run_changes(report.run)
        ],
        "left": [_left_facts(one, report.redo) for one in report.findings.left],
    }


def _change_facts(change: Change) -> dict[str, object]:
    fields = {name: [change.before.get(name), value] for name, value in change.after.items()}
    return {"object": change.object, "id": change.record_id, "key": change.key, "fields": fields}


def _left_facts(one: Left, redo: bool) -> dict[str, object]:
    from npsync.words import undo_text

    return {
        "id": one.record_id,
        "key": one.key,
        "field": one.field,
        "why": one.why.value,
        "conflict": one.is_conflict,
        "live": one.live,
        "run": one.run,
        "into": one.into,
        "reason": undo_text.reason(one, redo=redo),
    }
