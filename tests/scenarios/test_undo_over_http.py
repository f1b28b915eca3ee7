"""Undo against the toy CRMs over HTTP, with mappings, records and answers nobody thought of: a run taken back leaves
what was there before it, but for what people edited since. `make properties` tries 200 of them."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cli_process import HUBSPOT_FIELDS, SALESFORCE_FIELDS, config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sandbox_process import RunningSandbox
from townspeople import Person, Town

from npsync.config import Config, load
from npsync.opening import opened
from npsync.syncing.jobs import run_once
from npsync.syncing.undoing import known_run, opened_place
from store import open_store
from store.api import Store
from sync.options import Options
from sync.report import Report
from sync.restoring import Wanted
from sync.undoing import UndoReport, undo

CASES = int(os.environ.get("NPSYNC_CASES_OVER_HTTP", "4"))
NEW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
VALUES: Mapping[str, Mapping[str, list[Any]]] = {
    "contacts": {
        "NPS_Score__c": [None, 0, 4],
        "NPS_Segment__c": [None, "Promoter", "Detractor"],
        "NPS_Comment__c": [None, "called her", 'it\'s "fine",\nmostly'],
        "NPS_Last_Survey__c": [None, "2020-01-01"],
    },
    "marketing": {
        "nps_score": [None, "0", "4"],
        "nps_segment": [None, "promoter", "detractor"],
        "nps_comment": [None, "called her", 'it\'s "fine",\nmostly'],
        "nps_last_survey": [None, "2020-01-01"],
    },
}


@dataclass(frozen=True)
class Given:
    """One answer: who, how much, how many days after the first, which of their answers (the same again: an edit)."""

    who: int
    score: int
    comment: str | None
    days: int
    id: int


@dataclass(frozen=True)
class Case:
    sync: str
    fields: Mapping[str, Any]
    records: list[Mapping[str, Any]]
    first: list[Given]
    second: list[Given]
    edits: list[tuple[int, str, Any]]


def cases_of(sync: str) -> st.SearchStrategy[Case]:
    values = VALUES[sync]
    mapped = SALESFORCE_FIELDS if sync == "contacts" else HUBSPOT_FIELDS
    answers = st.builds(
        Given,
        st.integers(0, 2),
        st.sampled_from([0, 3, 7, 10]),
        st.sampled_from([None, "good", "O'Brien said “no”"]),
        st.integers(0, 5),
        st.integers(0, 1),
    )
    field = st.sampled_from(sorted(values))
    return st.builds(
        Case,
        st.just(sync),
        st.fixed_dictionaries(
            {},
            optional={
                name: st.sampled_from(["if_ours", "always", "if_empty"]).map(
                    lambda policy, spec=mapped[name]: {
                        **(spec if isinstance(spec, dict) else {"from": spec}),
                        "overwrite": policy,
                    }
                )
                for name in values
            },
        ).filter(bool),
        st.lists(
            st.fixed_dictionaries({name: st.sampled_from(of) for name, of in values.items()}),
            min_size=3,
            max_size=3,
        ),
        st.lists(answers, max_size=3),
        st.lists(answers, min_size=1, max_size=4),
        st.lists(
            field.flatmap(lambda f: st.tuples(st.integers(0, 2), st.just(f), st.sampled_from(values[f]))),
            max_size=3,
        ),
    )


class Story:
    """One case, with a store and a file of answers of its own."""

    def __init__(self, case: Case, town: Town, folder: Path, empty: Path) -> None:
        self.case, self.town, self.folder = case, town, folder
        shutil.copy(empty, folder / "npsync.db")
        self.config = self._configured()
        self.people = [town.person() for _ in case.records]
        for person, fields in zip(self.people, case.records, strict=True):
            self.set(person, **fields)

    def _configured(self) -> Config:
        given = config()
        given["connections"]["exports"] = {
            "type": "file",
            "path": "answers.jsonl",
            "columns": {name: name for name in ("id", "score", "answered_at", "email", "comment")},
        }
        given["surveys"]["relationship"]["at"] = ["exports"]
        given["sync"] = {self.case.sync: {**given["sync"][self.case.sync], "fields": self.case.fields}}
        (self.folder / "npsync.yaml").write_text(json.dumps(given), encoding="utf-8")
        (self.folder / "answers.jsonl").touch()
        return load(self.folder / "npsync.yaml")

    def set(self, person: Person, **fields: Any) -> None:
        if self.case.sync == "contacts":
            self.town.somebody_sets(person, **fields)
        else:
            self.town.somebody_sets_in_hubspot(person, **fields)

    def tell(self, answers: list[Given]) -> None:
        with (self.folder / "answers.jsonl").open("a", encoding="utf-8") as file:
            for one in answers:
                row = {
                    "id": f"{one.who}-{one.id}",
                    "score": one.score,
                    "comment": one.comment,
                    "email": self.people[one.who].email,
                    "answered_at": (NEW + timedelta(days=one.days)).isoformat(),
                }
                file.write(json.dumps(row) + "\n")

    def shown(self) -> dict[tuple[str, str], Any]:
        salesforce = self.case.sync == "contacts"
        rows = {
            str(one.contact if salesforce else one.lead): (
                self.town.in_salesforce(one) if salesforce else self.town.in_hubspot(one)
            )
            for one in self.people
        }
        empty = (None, "")
        return {
            (id, name): None if row.get(name) in empty else row[name]
            for id, row in rows.items()
            for name in VALUES[self.case.sync]
        }

    def run(self, store: Store, **options: Any) -> Report:
        report = run_once(self.config, store, self.case.sync, options=Options(**options))
        assert report.problems == ()
        return report

    def undo(self, store: Store, run: int) -> UndoReport:
        with opened(self.config, store) as connections:
            place = opened_place(self.config, connections, store, known_run(store, run))
            assert place is not None
            return undo(
                place, store, connections.clock, connections.owner, connections.calls.seen, Wanted(run)
            )

    def check(self) -> None:
        store = open_store(self.config.store)
        try:
            self._check(store)
        finally:
            store.close()

    def _check(self, store: Store) -> None:
        self.tell(self.case.first)
        self.run(store)
        original = self.shown()
        self.tell(self.case.second)
        run = self.run(store).run
        after = self.shown()
        written = {
            (change.record_id, name): change.after[name]
            for change, outcome in store.run_changes(run)
            for name in change.after
            if outcome == "written"
        }
        assert {place for place in after if after[place] != original[place]} == written.keys()
        if not written:
            return
        for who, field, value in self.case.edits:
            self.set(self.people[who], **{field: value})
        edited = self.shown()
        undone = {
            place: original[place] if place in written and value == after[place] else value
            for place, value in edited.items()
        }
        theirs = {place for place in written if edited[place] not in (after[place], original[place])}

        report = self.undo(store, run)

        assert self.shown() == undone
        assert {(one.record_id, one.field) for one in report.findings.conflicts} == theirs
        assert report.status == ("partial" if theirs else "succeeded")
        assert self.run(store).writes == {report.object: 0}
        self.run(store, everything=True, adopt=True)
        shown = self.shown()
        assert {p: shown[p] for p in written if edited[p] == after[p]} == {
            p: original[p] for p in written if edited[p] == after[p]
        }
        if report.written:
            again = self.undo(store, report.run)
            assert not again.findings.conflicts
            shown = self.shown()
            assert {p: shown[p] for p in written if edited[p] == after[p]} == {
                p: after[p] for p in written if edited[p] == after[p]
            }


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with our tables and nothing in them."""
    path = tmp_path_factory.mktemp("empty") / "npsync.db"
    store = open_store(f"sqlite:///{path}")
    store.migrate()
    store.close()
    return path


@pytest.fixture
def environment(sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**sandbox.env, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("environment")
@pytest.mark.timeout(0 if CASES > 100 else 120)
@pytest.mark.parametrize("sync", sorted(VALUES))
def test_undo_gives_a_crm_its_original_state_back_except_for_what_people_edited(
    sandbox: RunningSandbox, empty: Path, tmp_path: Path, sync: str
):
    @settings(max_examples=max(1, CASES // 2), suppress_health_check=list(HealthCheck), database=None)
    @given(case=cases_of(sync))
    def check(case: Case) -> None:
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            Story(case, Town(sandbox), Path(folder), empty).check()

    check()
