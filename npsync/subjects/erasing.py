"""Forgetting one person: a plan first, then step by step, each of which may be the last before a kill.

The order makes it safe to begin again: who the person is stays known until everything outside is done, and from the
first step on nothing of theirs is taken in any more.

    tombstones ─► CRM fields, history, tasks, lists ─► plan files ─► the store, with the receipt ─► its bytes
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from connectors.contract import Clock
from nps.errors import ConfigError
from nps.privacy import OfCrm
from nps.values import Json
from npsync.deciding.deciders import at_the_command_line
from npsync.operating.carrying_over import carry_over
from npsync.subjects import crm
from npsync.subjects.elsewhere import elsewhere, files_about, without_person
from npsync.subjects.finding import Subject
from store.api.privacy import Receipt
from store.api.subjects import Traces
from store.privacy import NO_PEPPER
from store.spool import Spool, scrub, spool_path
from sync.leasing import Busy, sync_lease

if TYPE_CHECKING:
    from npsync.config import Config
    from npsync.opening import Opened
    from store.api import Store

PATIENCE = timedelta(seconds=30)


@dataclass(frozen=True)
class ErasePlan:
    """What goes where. `held` counts the rows of the store, by what they are."""

    subject: Subject
    held: Mapping[str, int]
    crm: crm.CrmPlan
    files: tuple[Path, ...] = ()
    elsewhere: tuple[str, ...] = ()
    kept_in_crm: bool = False  # privacy.erase.crm: keep
    forgotten_before: bool = False

    @property
    def is_empty(self) -> bool:
        """Nobody by this name is known, here or in a CRM."""
        return not (self.held or not self.crm.is_empty or self.files or self.subject.records)

    def as_json(self) -> dict[str, Json]:
        return {
            "asked_for": self.subject.asked,
            "rows": dict(self.held),
            "crm": "keep" if self.kept_in_crm else "clear",
            "fields": [
                {
                    "connection": one.place.connection,
                    "object": one.place.object,
                    "record": one.place.id,
                    "fields": [*sorted(one.after)],
                }
                for one in self.crm.fields
            ],
            "made": [
                {"kind": one.kind, "connection": one.connection, "object": one.object, "id": one.id}
                for one in self.crm.made
            ],
            "shared_records": [place.id for place in self.subject.records if place.shared],
            "left": list(self.crm.left),
            "files": [str(path) for path in self.files],
            "elsewhere": list(self.elsewhere),
            "doubts": [{"name": one.text, "why": one.why} for one in self.subject.doubts],
            "problems": list(self.subject.problems),
            "forgotten_before": self.forgotten_before,
        }


@dataclass(frozen=True)
class Erased:
    """What was done. `refused`: what a CRM would not take back. Then nothing here was forgotten (`kept`): with the
    store's rows would go the knowledge of what is left there. `scrubbed` false: the bytes are still in the store's
    file, because others are using it."""

    rows: Mapping[str, int]
    fields: int
    made: int
    files: int
    refused: tuple[str, ...] = ()
    left_files: tuple[str, ...] = field(default=(), repr=False)  # exports: for whoever made them to delete
    scrubbed: bool = True
    kept: bool = False

    def as_json(self) -> dict[str, Json]:
        return {
            "rows": dict(self.rows),
            "crm_fields": self.fields,
            "crm_records": self.made,
            "files": self.files,
            "left_files": list(self.left_files),
            "refused": list(self.refused),
            "scrubbed": self.scrubbed,
            "kept": self.kept,
        }


def plan(config: Config, store: Store, subject: Subject, connections: Opened | None) -> ErasePlan:
    """Nothing is changed. Without connections no CRM is looked at: then only the store is erased."""
    if config.forgetting is None:
        raise ConfigError(f"{config.file}: {NO_PEPPER}")
    held = store.holdings(_traces(config, subject))
    keep = config.privacy.erase.crm is OfCrm.KEEP
    looked = crm.CrmPlan()
    if connections is not None and not keep:
        looked = crm.planned(config, store, subject.records, held, connections)
    return ErasePlan(
        subject=subject,
        held={name: len(rows) for name, rows in held.items()},
        crm=looked,
        files=tuple(files_about(config, subject.traces)),
        elsewhere=tuple(elsewhere(config, held)),
        kept_in_crm=keep,
        forgotten_before=bool(store.buried(subject.names)),
    )


def carry_out(
    config: Config,
    store: Store,
    subject: Subject,
    connections: Opened | None,
    clock: Clock,
    *,
    leaving: bool = False,
    stop_after: Callable[[str], None] = lambda step: None,
) -> Erased:
    """Do it, with no sync running meanwhile. The plan is made anew under their leases: what a run did since counts.
    `leaving`: forget them here also where a CRM takes something not back.

    `stop_after` is told every step that is done; a test kills it there.
    """
    owner = _owner(connections)
    with _alone(config, store, clock, owner):
        what = plan(config, store, subject, connections)
        store.bury(subject.buried, now=clock.now())
        _carried(config, store, clock)
        stop_after("tombstones")
        back = crm.TakenBack() if connections is None else crm.carried_out(what.crm, connections)
        stop_after("crm")
        if back.refused and not leaving:
            return Erased({}, back.fields, back.made, 0, back.refused, kept=True)
        cleaned = [path for path in what.files if without_person(path, subject.traces)]
        stop_after("files")
        receipt = Receipt(
            kind="erase", at=clock.now(), who=at_the_command_line(), report=_report(config, what, back)
        )
        rows = store.erase(_traces(config, subject), receipt, zone=config.time_zone, now=clock.now())
        stop_after("store")
    spool = spool_path(config.store)
    scrubbed = store.scrub() and (spool is None or scrub(spool))
    return Erased(
        rows=rows,
        fields=back.fields,
        made=back.made,
        files=len(cleaned),
        refused=back.refused,
        left_files=tuple(str(path) for path in what.files if path not in cleaned),
        scrubbed=scrubbed,
    )


def _carried(config: Config, store: Store, clock: Clock) -> None:
    """What was pushed and waits for the store, also what it once refused: of the person nothing is taken in."""
    path = spool_path(config.store)
    if path is None or not path.exists():
        return
    with closing(Spool(path)) as spool:
        spool.take_up_again()
    carry_over(config, store, clock)


def _traces(config: Config, subject: Subject) -> Traces:
    roll_ups = {name: f"{name}/account" for name, spec in config.sync.items() if spec.account is not None}
    return msgspec.structs.replace(subject.traces, roll_ups=roll_ups)


def _report(config: Config, what: ErasePlan, back: crm.TakenBack) -> dict[str, Json]:
    """Numbers and a keyed hash: the receipt outlives the person's data."""
    forgetting = config.forgetting
    assert forgetting is not None
    told: dict[str, Json] = {
        "person": forgetting.digest(sorted(what.subject.names)[0]) if what.subject.names else "",
        "names": len(what.subject.names),
        "crm": "keep" if what.kept_in_crm else "clear",
        "fields": back.fields,
        "made": back.made,
        "refused": len(back.refused),
        "files": len(what.files),
        "not_taken_over": len(what.subject.doubts),
    }
    return told


def _owner(connections: Opened | None) -> str:
    from store.owners import this_process

    return this_process() if connections is None else connections.owner


@contextmanager
def _alone(config: Config, store: Store, clock: Clock, owner: str) -> Iterator[None]:
    """No sync runs meanwhile: it would hold the person in its memory and write them down again."""
    deadline = clock.monotonic() + PATIENCE.total_seconds()
    with ExitStack() as held:
        for name in sorted(config.sync):
            while True:
                try:
                    held.enter_context(sync_lease(store, clock, name, owner))
                    break
                except Busy:
                    if clock.monotonic() > deadline:
                        raise
                    clock.sleep(1.0)
        yield
