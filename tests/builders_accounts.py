"""A town whose companies show what their people answered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from builders_sync import Town
from memory_destination import COMPANIES

from mapping.fields import compile_fields
from store.api import Store
from sync.accounts import engine
from sync.accounts.place import RollUp
from sync.accounts.report import RolledUp
from sync.accounts.spec import AccountSpec
from sync.redoing import to_redo
from sync.restoring import Restored, Wanted
from sync.undoing import UndoReport, undo

SHOWN: Mapping[str, Any] = {
    "nps": "nps",
    "responses": "responses",
    "promoters": "promoters",
    "passives": "passives",
    "detractors": "detractors",
    "margin": "margin",
    "coverage": "coverage",
    "before": "previous_nps",
    "last": "last_answered_at",
    "lowest": "lowest_score",
}


class CompanyTown(Town):
    """`roll_up` is one roll-up by a process of its own; `account` what the YAML says below that key."""

    def __init__(self, url: str, account: Mapping[str, Any] | None = None, **job: Any) -> None:
        super().__init__(
            url, account_by="company", account_object=COMPANIES, rolled_up=True, **({"breaker": None} | job)
        )
        self.account: dict[str, Any] = {"fields": SHOWN} | dict(account or {})

    def hire(self, company: str, *people: str) -> list[str]:
        """People of a company, by the first part of their e-mail."""
        if company not in self.crm.companies:
            self.crm.found(company)
        return [self.crm.add(f"{one}@example.com", company=company) for one in people]

    def place(self) -> RollUp:
        spec = AccountSpec.model_validate(self.account)
        return RollUp(
            job=self.job(),
            object=COMPANIES,
            by="company",
            spec=spec,
            fields=compile_fields(spec.fields, zone=ZoneInfo("UTC")),
        )

    def roll_up(self, **options: Any) -> RolledUp:
        self.owners += 1
        return engine.run(
            self.place(),
            self.store,
            self.clock,
            f"process-{self.owners}",
            dict,
            engine.Options(**options),
        )

    def run_and_roll_up(self, **options: Any) -> RolledUp:
        self.run()
        return self.roll_up(**options)

    def would_roll_up(self, overlay: Store, **options: Any) -> dict[str, Mapping[str, Any]]:
        made = engine.preview(self.place(), overlay, self.clock, "planner", dict, engine.Options(**options))
        assert made.report.status != "failed", made.report.problems
        return {change.record_id: change.after for change in made.changes()}

    def take_back(self, run: int, *, again: bool = False) -> UndoReport:
        """What a roll-up wrote is restored, or, `again`, written once more after that."""
        self.owners += 1
        place = Restored(f"{self.job().name}/account", "crm", COMPANIES, self.crm)
        wanted = to_redo(self.store, Wanted(run))[0] if again else Wanted(run)
        return undo(place, self.store, self.clock, f"process-{self.owners}", dict, wanted)

    def company(self, name: str, *fields: str) -> Any:
        """What a company shows; a lone field without its tuple."""
        shown = tuple(self.crm.companies[name][field] for field in fields)
        return shown[0] if len(shown) == 1 else shown

    def days(self, count: float) -> None:
        self.clock.advance(timedelta(days=count).total_seconds())
