"""A small town for the engine: a CRM, two survey tools, a clock, a store, and one sync between them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fake_clock import NOON, FakeClock
from memory_destination import OBJECT, MemoryCrm, MemorySource

from mapping.fields import compile_fields
from mapping.match import compile_match
from mapping.spec import FieldMapping, MatchRule
from nps.changes import Change
from nps.responses import SurveyResponse
from store import open_store
from store.api import Store
from sync.breaker import Reason
from sync.engine import Preview, preview, run
from sync.job import Feed, Job
from sync.options import Options
from sync.redoing import to_redo
from sync.report import Report
from sync.restoring import Restored, Wanted
from sync.sharing.dispatch import Dispatch
from sync.spec import BreakerSpec
from sync.undoing import UndoReport, undo

SYNC = "nps"
SOURCES = ("mail", "app")
MAPPING: Mapping[str, Any] = {
    "nps": "score",
    "segment": "segment",
    "comment": "comment",
    "last": "answered_at",
}


def answer(id: str = "a1", score: Any = 9, *, days: float = 0, **others: Any) -> SurveyResponse:
    """An answer `days` after noon of the first day."""
    given = {"source": "mail", "email": f"{id}@example.com"} | others
    return SurveyResponse(id=id, score=score, answered_at=NOON + timedelta(days=days), **given)


class Town:
    """Everything around one sync. `run` is one run of it by a process of its own."""

    def __init__(self, url: str, **job: Any) -> None:
        self.url = url
        self.crm = MemoryCrm()
        self.sources = {name: MemorySource() for name in SOURCES}
        self.clock = FakeClock(NOON + timedelta(days=100))
        self.store: Store = open_store(url)
        self.given = job
        self.owners = 0
        self.cost: dict[str, int] = {}  # of the last plan

    def close(self) -> None:
        self.store.close()

    def tell(self, *answers: SurveyResponse) -> None:
        for one in answers:
            self.sources[one.source].tell(one)

    def job(self, **changed: Any) -> Job:
        given = self.given | changed
        fields = given.pop("fields", MAPPING)
        match = given.pop("match", ("email",))
        where = given.pop("where", None)
        surveys = given.pop("surveys", None)
        name = given.pop("name", SYNC)
        return Job(
            name=name,
            survey="relationship",
            metric="nps",
            labelled=None,
            feeds=tuple(
                Feed(connection=name, source=source, rank=rank, surveys=surveys)
                for rank, (name, source) in enumerate(self.sources.items())
            ),
            region=None,
            connection="crm",
            object=OBJECT,
            only={},
            destination=self.crm,
            match=compile_match([MatchRule(**_rule(one)) for one in match], None),
            fields=compile_fields(
                {name: FieldMapping.model_validate(one) for name, one in fields.items()},
                where=where,
                zone=ZoneInfo("UTC"),
            ),
            **given,
        )

    def run(
        self, *, job: Mapping[str, Any] | None = None, dispatch: Dispatch | None = None, **options: Any
    ) -> Report:
        self.owners += 1
        return run(
            self.job(**(job or {})),
            self.store,
            self.clock,
            f"process-{self.owners}",
            dict,
            Options(**options),
            dispatch=dispatch,
        )

    def undo(self, run: int, **wanted: Any) -> UndoReport:
        """What `run` wrote is taken back, by a process of its own."""
        self.owners += 1
        place = Restored(wanted.pop("name", SYNC), "crm", OBJECT, self.crm, self.job())
        owner, stop = f"process-{self.owners}", wanted.pop("stop", lambda: False)
        return undo(place, self.store, self.clock, owner, dict, Wanted(run, **wanted), stop=stop)

    def redo(self, run: int, **wanted: Any) -> list[UndoReport]:
        return [
            self.undo(one.run, redo=True, latest=one.latest, **wanted)
            for one in to_redo(self.store, Wanted(run))
        ]

    def plan(self, **options: Any) -> list[tuple[str, Mapping[str, Any]]]:
        with self.store.overlay() as overlay:
            made: Preview = preview(self.job(), overlay, self.clock, "planner", dict, Options(**options))
            assert made.report.status != "failed", made.report.problems
            self.cost = dict(made.cost)
            return [(change.record_id, change.after) for change in made.changes()]

    def previewed(self, **options: Any) -> tuple[Reason, ...]:
        """Why a run of the plan would be stopped."""
        with self.store.overlay() as overlay:
            return preview(self.job(), overlay, self.clock, "planner", dict, Options(**options)).stops

    def previewed_whole(self, **options: Any) -> Preview:
        """The plan without its changes, which go with the overlay."""
        with self.store.overlay() as overlay:
            return preview(self.job(), overlay, self.clock, "planner", dict, Options(**options))

    def planned_in(self, overlay: Store, **options: Any) -> list[Change]:
        made = preview(self.job(), overlay, self.clock, "planner", dict, Options(**options))
        return list(made.changes())

    def later(self, **by: float) -> None:
        self.clock.advance(timedelta(**by).total_seconds())

    def shown(self, *names: str) -> dict[str, Any]:
        """What every contact shows; a lone field without its tuple."""
        shown = self.crm.shown(*(names or ("nps",)))
        return {id: values[0] if len(values) == 1 else values for id, values in shown.items()}


def _rule(name: str) -> dict[str, str]:
    return {"response": name, "record": {"external_id": "code", "event.id": "code"}.get(name, name)}


def breaker(**given: Any) -> BreakerSpec:
    return BreakerSpec(**given)


def counts(report: Report) -> dict[str, int]:
    return {str(state): count for state, count in report.states.items() if count}
