"""Undo on towns nobody thought of: whatever the mapping, the records and the answers, a run taken back leaves what was
there before it, but for what people edited since. `make properties` tries 10,000 of them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from builders_sync import SOURCES, Town, answer
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from memory_destination import BadDay, Killed, heal

from nps.responses import ResponseStatus, SurveyResponse
from sync.undoing import UndoReport

CASES = int(os.environ.get("NPSYNC_CASES", "150"))
MEMORY = (
    "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
)  # a store in memory, where there is such a folder
PEOPLE = ("ann", "bob", "cyd")
SHOWS: Mapping[str, str] = {"nps": "score", "segment": "segment", "comment": "comment", "last": "answered_at"}
VALUES: Mapping[str, list[Any]] = {
    "nps": [None, 0, 4, 9],
    "segment": [None, "promoter", "vip"],
    "comment": [None, "fine", "called her"],
    "last": [None, "2020-01-01T00:00:00+00:00"],
}

Place = tuple[str, str]  # record, field


# ------------------------------------------------------------ what may happen


@dataclass(frozen=True)
class Edit:
    who: int
    field: str
    value: Any


@dataclass(frozen=True)
class Step:
    """Answers arrive, people edit, then a run comes by."""

    answers: list[SurveyResponse]
    edits: list[Edit]
    options: Mapping[str, bool]


@dataclass(frozen=True)
class Case:
    fields: Mapping[str, Mapping[str, Any]]
    records: list[Mapping[str, Any]]
    before: list[Step]
    run: Step
    edits: list[Edit]  # between the run and its undo
    jobs: bool


edits = st.sampled_from(sorted(VALUES)).flatmap(
    lambda field: st.builds(Edit, st.integers(0, 2), st.just(field), st.sampled_from(VALUES[field]))
)
answers = st.builds(
    answer,
    st.sampled_from([f"r{n}" for n in range(5)]),
    st.sampled_from([0, 3, 6, 7, 9, 10, "eleven"]),
    days=st.integers(0, 6).map(lambda n: n * 10),
    source=st.sampled_from(SOURCES),
    email=st.sampled_from([f"{one}@example.com" for one in PEOPLE]),
    comment=st.sampled_from([None, "fine", "x" * 50]),
    status=st.sampled_from([ResponseStatus.COMPLETE] * 5 + [ResponseStatus.WITHDRAWN]),
)
options = st.fixed_dictionaries({"everything": st.booleans(), "adopt": st.booleans()})
mappings = st.fixed_dictionaries(
    {},
    optional={
        name: st.builds(
            lambda policy, empty, name=name: {
                "from": SHOWS[name],
                "overwrite": policy,
                "when_empty": empty,
                **({"newer_than": "last"} if policy == "if_newer" else {}),
            },
            st.sampled_from(["if_ours", "if_ours", "if_empty", "always", "if_newer"]),
            st.sampled_from(["clear", "clear", "skip"]),
        )
        for name in SHOWS
    },
).filter(bool)
cases = st.builds(
    Case,
    fields=mappings,
    records=st.lists(
        st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()}),
        min_size=3,
        max_size=3,
    ),
    before=st.lists(
        st.builds(Step, st.lists(answers, max_size=4), st.lists(edits, max_size=1), options), max_size=2
    ),
    run=st.builds(Step, st.lists(answers, min_size=1, max_size=5), st.lists(edits, max_size=1), options),
    edits=st.lists(edits, max_size=3),
    jobs=st.booleans(),
)


def examples(share: int) -> Any:
    """So many of a hundred cases. Nothing is shrunk in a long search: the case is small as it is."""
    return settings(
        max_examples=max(1, CASES * share // 100),
        suppress_health_check=list(HealthCheck),
        database=None,
        phases=(Phase.generate, Phase.shrink),
    )


# ------------------------------------------------------------ a case as it goes


class Story:
    """A town in which one case happens, and what its records showed on the way."""

    def __init__(self, town: Town, case: Case) -> None:
        self.town, self.case = town, case
        town.crm.jobs = {} if case.jobs else None
        self.ids = [
            town.crm.add(f"{one}@example.com", **fields)
            for one, fields in zip(PEOPLE, case.records, strict=True)
        ]
        self.runs: list[tuple[int, dict[Place, Any]]] = []  # each with what was shown before it
        for step in case.before:
            self.step(step)
        self.wrote = self.step(case.run)
        self.number, self.original = self.runs[-1]
        self.edit(case.edits)
        self.edited = self.shown()

    def shown(self) -> dict[Place, Any]:
        return {(id, name): fields[name] for id, fields in self.town.crm.contacts.items() for name in SHOWS}

    def edit(self, edits: list[Edit]) -> None:
        for one in edits:
            self.town.crm.contacts[self.ids[one.who]][one.field] = one.value

    def step(self, step: Step) -> dict[Place, Any]:
        """One run; what it wrote."""
        self.town.tell(*step.answers)
        self.edit(step.edits)
        before, known = self.shown(), len(self.town.crm.writes)
        self.runs.append((self.town.run(**step.options).run, before))
        return {
            (id, name): value for id, after in self.town.crm.writes[known:] for name, value in after.items()
        }

    @property
    def restorable(self) -> set[Place]:
        """What the run wrote and nobody touched since (or set to the same)."""
        return {place for place, value in self.wrote.items() if self.edited[place] == value}

    @property
    def undone(self) -> dict[Place, Any]:
        """The original state, except for what people edited."""
        return {
            place: self.original[place] if place in self.restorable else value
            for place, value in self.edited.items()
        }

    def check_undone(self, report: UndoReport) -> None:
        assert self.shown() == self.undone
        theirs = {
            place
            for place in self.wrote.keys() - self.restorable
            if self.edited[place] != self.original[place]
        }
        assert {(one.record_id, one.field) for one in report.findings.conflicts} == theirs
        assert report.status == ("partial" if theirs else "succeeded")
        assert report.problems == ()


@contextmanager
def story_of(migrated: Path, case: Case) -> Iterator[Story]:
    with tempfile.TemporaryDirectory(prefix="npsync-test-", dir=MEMORY) as folder:
        shutil.copy(migrated, path := Path(folder) / "npsync.db")
        town = Town(f"sqlite:///{path}", fields=case.fields)
        try:
            yield Story(town, case)
        finally:
            town.close()


# ------------------------------------------------------------ what always holds


@pytest.mark.timeout(0 if CASES > 1000 else 120)
@examples(45)
@given(case=cases, record=st.none() | st.integers(0, 2))
def test_undo_gives_the_original_state_back_except_for_what_people_edited_and_it_lasts(
    migrated_sqlite: Path, case: Case, record: int | None
):
    with story_of(migrated_sqlite, case) as story:
        if record is not None:  # in two parts
            story.town.undo(story.number, records=(story.ids[record],))
        story.check_undone(story.town.undo(story.number))

        assert story.town.run().writes == {"contacts": 0}
        assert story.shown() == story.undone
        for flags in ({"everything": True}, {"everything": True, "adopt": True, "recheck": True}):
            story.town.run(**flags)
            shown = story.shown()
            assert {place: shown[place] for place in story.restorable} == {
                place: story.original[place] for place in story.restorable
            }


@pytest.mark.timeout(0 if CASES > 1000 else 120)
@examples(15)
@given(case=cases, who=st.integers(0, 2), score=st.sampled_from([1, 8]))
def test_a_newer_answer_releases_what_an_undo_holds(migrated_sqlite: Path, case: Case, who: int, score: int):
    always = {"overwrite": "always"}
    fields = {name: {"from": SHOWS[name], **always} for name in {"nps", *case.fields}}
    case = Case(fields, case.records, case.before, case.run, case.edits, case.jobs)
    with story_of(migrated_sqlite, case) as story:
        story.town.undo(story.number)
        others = {place: value for place, value in story.shown().items() if place[0] != story.ids[who]}
        story.town.tell(answer("new", score, email=f"{PEOPLE[who]}@example.com", days=99))
        story.town.run()
        shown = story.shown()
        assert shown[story.ids[who], "nps"] == score
        assert {place: value for place, value in shown.items() if place in others} == others


@pytest.mark.timeout(0 if CASES > 1000 else 120)
@examples(15)
@given(case=cases, twice=st.booleans())
def test_redo_writes_again_what_was_undone_and_can_be_undone(migrated_sqlite: Path, case: Case, twice: bool):
    with story_of(migrated_sqlite, case) as story:
        undo = story.town.undo(story.number)
        redone = story.town.redo(story.number if twice else undo.run)
        assert story.shown() == story.edited
        assert not any(one.findings.conflicts for one in redone)
        assert story.town.run(everything=True).fields.undone == {}
        if redone:
            story.town.undo(redone[0].run)
            shown = story.shown()  # with --all fields may have changed that the run did not write
            assert {place: shown[place] for place in story.restorable} == {
                place: story.original[place] for place in story.restorable
            }


@pytest.mark.timeout(0 if CASES > 1000 else 120)
@examples(10)
@given(case=cases)
def test_runs_undone_from_the_last_to_the_first_lead_back_step_by_step(migrated_sqlite: Path, case: Case):
    def quiet(step: Step) -> Step:
        return Step(step.answers, [], step.options)

    case = Case(
        case.fields, case.records, [quiet(one) for one in case.before], quiet(case.run), [], case.jobs
    )
    with story_of(migrated_sqlite, case) as story:
        last = story.shown()
        for run, before in reversed(story.runs):
            story.town.undo(run)
            assert story.shown() == before
        assert story.town.run(everything=True).writes == {"contacts": 0}
        for run, before in story.runs:
            assert story.shown() == before
            story.town.redo(run)
        assert story.shown() == last


@pytest.mark.timeout(0 if CASES > 1000 else 120)
@examples(15)
@given(
    case=cases,
    knob=st.sampled_from(["before_call", "after_write"]),
    after=st.integers(0, 4),
    run_between=st.booleans(),
)
def test_an_undo_killed_anywhere_and_begun_again_ends_where_one_does(
    migrated_sqlite: Path, case: Case, knob: str, after: int, run_between: bool
):
    with story_of(migrated_sqlite, case) as story:
        crm, known = story.town.crm, len(story.town.crm.writes)
        crm.batch = 1  # every record a call of its own
        setattr(crm, knob, BadDay(after, Killed()))
        try:
            story.town.undo(story.number)
        except Killed:
            story.town.later(minutes=5)  # until the lease of the dead is free
        heal(crm)
        if run_between:
            story.town.run()
        story.check_undone(story.town.undo(story.number))
        assert all(count == 1 for count in Counter(id for id, _ in crm.writes[known:]).values())
        assert story.town.run().writes == {"contacts": 0}
