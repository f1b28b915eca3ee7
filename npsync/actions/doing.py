"""What somebody asked for, done: through the same functions as on the command line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from nps.errors import NpsyncError
from nps.values import Json
from npsync import opening
from npsync.actions import deciding, foreseeing, wanting
from npsync.actions.wanting import Check, Link, Plan, Redo, Run, TakeUp, Undo, Verify
from npsync.syncing import undoing
from npsync.syncing.jobs import build_job, run_once, target_of
from npsync.syncing.rolling import roll_up_once
from npsync.syncing.verification import verify_once
from npsync.words import undo_text
from store.api import Asked
from sync.accounts.engine import Options as RollUpOptions
from sync.engine import preview
from sync.options import Options
from sync.restoring import Wanted
from sync.undoing import preview_undo, undo
from sync.verifying import SAMPLE

if TYPE_CHECKING:
    from connectors.contract import Clock
    from npsync.config import Config
    from store.api import Action, Store
    from sync.engine import Preview
    from sync.report import Report

MOST_SHOWN = 50
Outcome = dict[str, Json]


@dataclass(frozen=True)
class Doer:
    """Does actions by one configuration. What it came to names records by their ids and shows nobody's values: those
    are in the journal, and in the CRM. But a plan is nothing without: its values are kept for a day
    (`npsync.actions.foreseeing`)."""

    config: Config
    store: Store
    clock: Clock
    stop: Callable[[], bool]

    def connections(self, action: Action) -> frozenset[str]:
        """Those it may use, of which nobody else uses any meanwhile."""
        wanted = wanting.checked(self.config, self.store, action.kind, action.arguments)
        match wanted:
            case Run() | Plan():
                spec = self.config.sync[wanted.sync]
                return frozenset(
                    {target_of(self.config, spec).connection, *self.config.sources_of(spec.survey)}
                )
            case Verify() | TakeUp():
                return frozenset({target_of(self.config, self.config.sync[wanted.sync]).connection})
            case Undo() | Redo():
                return frozenset(one.connection for one in self.store.wrote(wanted.run))
            case Check():
                return frozenset(self.config.connections)
            case _:
                return frozenset(
                    target_of(self.config, spec).connection for spec in self.config.sync.values()
                )

    def do(self, action: Action) -> Outcome:
        """What it came to: `status` and, where there is one, `run`. Raises Busy while another process is at the same
        sync, and any other NpsyncError where nothing could be begun."""
        wanted = wanting.checked(self.config, self.store, action.kind, action.arguments)
        match wanted:
            case Run():
                return self._run(wanted)
            case TakeUp():
                return self._take_up(wanted)
            case Check():
                return foreseeing.check(self.config, self.store, self.clock, self.stop)
            case Link():
                return deciding.link(
                    self.config, self.store, self.clock, action.who, wanted, self._run_decided
                )
            case Plan():
                return self._plan(wanted)
            case Verify():
                return self._verify(wanted)
            case Undo() | Redo():
                if wanted.plan:
                    return self._plan_undo(wanted)
                return self._undo(wanted)
            case _:
                raise NpsyncError(f"{action.kind} is not done here")

    def _run(self, wanted: Run) -> Outcome:
        options = Options(
            everything=wanted.everything,
            full=wanted.full,
            recheck=wanted.recheck,
            accept_breaker=wanted.accept_breaker,
            stop=self.stop,
        )
        return _of_run(run_once(self.config, self.store, wanted.sync, clock=self.clock, options=options))

    def _take_up(self, wanted: TakeUp) -> Outcome:
        if wanted.roll_up:
            options = RollUpOptions(everything=False, stop=self.stop)
            rolled = roll_up_once(self.config, self.store, wanted.sync, clock=self.clock, options=options)
            return {"run": rolled.run, "status": rolled.status, "problems": list(rolled.problems)}
        taken = deciding.options_of(wanted, self.stop)
        return _of_run(run_once(self.config, self.store, wanted.sync, clock=self.clock, options=taken))

    def _run_decided(self, sync: str, asked: Asked) -> Report:
        options = Options(asked=asked, stop=self.stop)
        return run_once(self.config, self.store, sync, clock=self.clock, options=options)

    def _verify(self, wanted: Verify) -> Outcome:
        spec = self.config.sync[wanted.sync].verify
        sample = SAMPLE if spec is None else spec.sample
        found = verify_once(
            self.config, self.store, wanted.sync, sample=sample, clock=self.clock, stop=self.stop
        ).as_json()
        told = ("run", "status", "records_checked", "records_drifted", "drift", "problems")
        return {name: found[name] for name in told}

    def _plan(self, wanted: Plan) -> Outcome:
        with (
            self.store.overlay() as overlay,
            opening.opened(self.config, overlay, self.clock, books=self.store, stop=self.stop) as connections,
        ):
            job = build_job(self.config, wanted.sync, connections)
            options = Options(everything=wanted.everything, stop=self.stop)
            plan = preview(
                job, overlay, connections.clock, connections.owner, connections.calls.seen, options
            )
            return _of_plan(plan)

    def _plan_undo(self, wanted: Undo | Redo) -> Outcome:
        restores, fields, cost, left = 0, 0, Counter[str](), Counter[str]()
        conflicts, shown = list[Json](), list[Json]()
        again = isinstance(wanted, Redo)
        with (
            self.store.overlay() as overlay,
            opening.opened(self.config, overlay, self.clock, books=self.store, stop=self.stop) as connections,
        ):
            for one in self._undos(wanted):
                run = undoing.known_run(self.store, one.run)
                place = undoing.opened_place(self.config, connections, self.store, run)
                if place is None:
                    continue
                plan = preview_undo(place, overlay, connections.clock, connections.owner, one)
                restores += plan.findings.changes
                fields += plan.findings.fields
                shown += foreseeing.told(plan.changes(), MOST_SHOWN - len(shown))
                cost.update(plan.cost)
                left.update(found.why.value for found in plan.findings.left)
                conflicts += [
                    {
                        "id": found.record_id,
                        "field": found.field,
                        "why": found.why.value,
                        "said": undo_text.reason(found, redo=again),
                    }
                    for found in plan.findings.conflicts[:MOST_SHOWN]
                ]
        return {
            "status": "succeeded",
            "restores": restores,
            "fields": fields,
            "records": shown,
            "message": "" if restores or conflicts else self._nothing(wanted),
            "left": dict(left),
            "conflicts": conflicts[:MOST_SHOWN],
            "cost": dict(cost),
            "stays": sum(len(undoing.made_by(self.store, one)) for one in self._undos(wanted)),
        }

    def _undo(self, wanted: Undo | Redo) -> Outcome:
        reports: list[Outcome] = []
        with opening.opened(self.config, self.store, self.clock, stop=self.stop) as connections:
            for one in self._undos(wanted):
                run = undoing.known_run(self.store, one.run)
                place = undoing.opened_place(self.config, connections, self.store, run)
                if place is None:
                    continue
                report = undo(
                    place,
                    self.store,
                    connections.clock,
                    connections.owner,
                    connections.calls.seen,
                    one,
                    stop=self.stop,
                )
                reports.append(report.as_json())
        if not reports:
            return {"status": "succeeded", "message": self._nothing(wanted)}
        told = ("run", "sync", "status", "writes", "fields_restored", "left_alone", "not_written", "problems")
        runs: list[Json] = [{name: report[name] for name in told} for report in reports]
        worst = next((report for report in reports if report["status"] != "succeeded"), reports[-1])
        return {
            "run": reports[-1]["run"],
            "status": worst["status"],
            "problems": worst["problems"],
            "runs": runs,
        }

    def _nothing(self, wanted: Undo | Redo) -> str:
        return undoing.nothing_to_do(self.store, wanted.run, again=isinstance(wanted, Redo))

    def _undos(self, wanted: Undo | Redo) -> list[Wanted]:
        again = isinstance(wanted, Redo)
        return undoing.wanted_undos(self.store, wanted.run, again=again, records=(), fields=())


def _of_run(report: Report) -> Outcome:
    told = report.as_json()
    return {
        "run": report.run,
        "status": report.status,
        "pulled": told["pulled"],
        "states": told["states"],
        "writes": told["writes"],
        "problems": told["problems"],
    }


def _of_plan(plan: Preview) -> Outcome:
    report = plan.report.as_json()
    fields, count = Counter[str](), 0
    absent: list[Json] = [*plan.absent]
    for change in plan.changes():
        count += 1
        fields.update(change.after.keys())
    return {
        "status": plan.report.status,
        "changes": count,
        "by_field": dict(fields),
        "first_fills": plan.first_fills,
        "records": foreseeing.told(plan.changes(), MOST_SHOWN),
        "counts": report["states"],
        "pulled": report["pulled"],
        "match": report["match"],
        "cost": dict(plan.cost),
        "absent_fields": absent,
        "breaker": [
            {"check": reason.check, "text": reason.text} for reason in islice(plan.stops, MOST_SHOWN)
        ],
        "problems": report["problems"],
    }
