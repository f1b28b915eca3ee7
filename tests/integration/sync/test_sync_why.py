"""Why a record shows what it shows, told from the store and one look at the CRM."""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from builders_sync import SOURCES, Town, answer
from builders_why import field, why, why_one
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nps.errors import AccessError, UnavailableError
from nps.responses import ResponseStatus, SurveyResponse
from sync.story import Because, RecordStory


def fate(record: RecordStory, id: str, version: int = 1) -> tuple[str, str]:
    one = next(one for one in record.answers if (one.id, one.version) == (id, version))
    return one.state, one.code


def test_the_answer_that_decided_its_run_and_its_line_are_told(town: Town):
    ann = town.crm.add("ann@example.com")
    town.tell(answer("r1", 3, email="Ann@Example.com", channel="sms", comment="slow"))
    run = town.run().run
    record = why_one(town, "ann@example.com")
    told = field(record)
    assert (record.id, record.exists, record.touched) == (ann, True, True)
    assert (told.because, told.shows, told.answer, told.run) == (Because.ANSWER, 3, "mail:r1", run)
    assert told.line == "town.yaml:1"
    (deciding,) = record.answers
    assert deciding.decides
    assert (deciding.score, deciding.segment, deciding.channel) == (3, "detractor", "sms")
    assert (deciding.rule, deciding.key) == ("email = email", "ann@example.com")
    (write,) = record.writes
    assert (write.fields["nps"], write.outcome, write.answer) == ((None, 3), "written", "mail:r1")


def test_a_person_is_found_by_any_key_of_an_answer_and_by_its_id(town: Town):
    ann = town.crm.add("ann@example.com")
    town.tell(answer("r1", 3, email="Ann@Example.com", external_id="C-7", phone="+12025550143"))
    town.run()
    ways = ["ann@example.com", "ANN@EXAMPLE.COM", "C-7", "+1 202 555 0143", "r1", "mail:r1", ann]
    assert [why_one(town, way).id for way in ways] == [ann] * len(ways)
    assert [why_one(town, way, offline=True).id for way in ways] == [ann] * len(ways)


def test_answers_that_lost_say_why(town: Town):
    town.crm.add("ann@example.com")
    town.tell(
        answer("old", 3, email="ann@example.com"),
        answer("new", 9, days=2, email="ann@example.com"),
        answer("odd", 11, days=3, email="ann@example.com"),
        answer("half", 5, days=4, email="ann@example.com", status=ResponseStatus.PARTIAL),
    )
    town.run()
    town.tell(answer("new", 8, days=2, email="ann@example.com"))
    town.run()
    record = why_one(town, "ann@example.com")
    assert fate(record, "old") == ("superseded", "newer_answer")
    assert fate(record, "new") == ("superseded", "edited")
    assert fate(record, "odd") == ("rejected", "score_out_of_range")
    assert fate(record, "half") == ("pending", "half_finished")
    deciding = [one for one in record.answers if one.decides]
    assert [(one.id, one.version, one.score) for one in deciding] == [("new", 2, 8)]
    by_id = {one.id: one for one in record.answers if not one.decides}
    assert by_id["old"].lost_to == "mail:new"
    assert by_id["odd"].letter == town.store.dead_letters()[0].id
    assert all(one.reason for one in record.answers if not one.decides)


def test_what_somebody_changed_or_emptied_since_is_theirs(town: Town):
    ann = town.crm.add("ann@example.com")
    town.tell(answer("r1", 3, email="ann@example.com", comment="slow"))
    run = town.run().run
    town.crm.contacts[ann] |= {"nps": 10, "comment": None}
    record = why_one(town, ann)
    changed, emptied = field(record), field(record, "comment")
    assert (changed.because, changed.shows, changed.ours, changed.run) == (Because.CHANGED, 10, 3, run)
    assert (emptied.because, emptied.shows, emptied.ours) == (Because.EMPTIED, None, "slow")
    assert field(record, "segment").because is Because.ANSWER


def test_a_withdrawn_answer_explains_the_empty_field(town: Town):
    ann = town.crm.add("ann@example.com")
    town.tell(answer("r1", 3, email="ann@example.com"))
    town.run()
    town.tell(answer("r1", None, email=None, status=ResponseStatus.WITHDRAWN))
    run = town.run().run
    record = why_one(town, ann)
    told = field(record)
    assert (told.because, told.shows, told.run, told.answer) == (Because.CLEARED, None, run, "mail:r1")
    assert fate(record, "r1", version=2) == ("excluded", "withdrawn")


def test_the_older_answer_shows_again_when_the_newer_one_is_withdrawn(town: Town):
    ann = town.crm.add("ann@example.com")
    town.tell(answer("r1", 3, email="ann@example.com"), answer("r2", 9, days=1, email="ann@example.com"))
    town.run()
    town.tell(answer("r2", None, email=None, status=ResponseStatus.WITHDRAWN))
    run = town.run().run
    told = field(why_one(town, ann))
    assert (told.because, told.shows, told.answer, told.run) == (Because.ANSWER, 3, "mail:r1", run)


def test_a_record_that_was_never_touched_says_so(town: Town):
    bob = town.crm.add("bob@example.com", nps=4)
    town.crm.add("ann@example.com")
    town.tell(answer("r1", 3, email="ann@example.com"))
    town.run()
    for who in (bob, "bob@example.com"):
        record = why_one(town, who)
        assert (record.id, record.touched, record.writes) == (bob, False, ())
        assert field(record).because is Because.NEVER


def test_nobody_is_nobody(town: Town):
    story = why(town, "zoe@example.com")
    assert not story.found
    assert "crm contacts (id, email)" in story.looked_in


def test_two_contacts_with_one_address_are_both_told(town: Town):
    pair = {town.crm.add("ann@example.com"), town.crm.add("ann@example.com")}
    town.tell(answer("r1", 3, email="ann@example.com"))
    town.run()
    story = why(town, "ann@example.com")
    assert {one.id for one in story.records} == pair
    for record in story.records:
        assert not record.touched
        (asking,) = record.answers
        assert (asking.state, set(asking.candidates)) == ("review", pair)


def test_an_answer_that_waits_says_until_when(town: Town):
    town.tell(answer("r1", 3, email="ann@example.com"))
    town.run()
    story = why(town, "ann@example.com")
    assert story.records == ()
    (waiting,) = story.loose
    assert (waiting.state, waiting.code) == ("waiting", "no_record")
    assert waiting.look_again is not None
    assert waiting.look_again > town.clock.now()


def test_the_survivor_of_a_merge_tells_what_was_written_to_both(town: Town):
    old, new = town.crm.add("ann@example.com"), town.crm.add("ann@work.example")
    town.tell(answer("r1", 3, email="ann@example.com"))
    first = town.run().run
    town.crm.merge(old, new)
    town.crm.contacts[new]["nps"] = 3  # a merge keeps the value where the survivor has none
    town.tell(answer("r2", 9, days=1, email="ann@work.example", comment="better"))
    for who in (old, "ann@example.com"):  # the survivor alone does not tell whom it absorbed
        record = why_one(town, who)
        assert (record.id, record.absorbed) == (new, (old,))
        assert (field(record).because, field(record).run) == (Because.MERGED, first)
    town.crm.tells_merges = True
    second = town.run().run
    record = why_one(town, old)
    assert (field(record).because, field(record).run, field(record).shows) == (Because.ANSWER, second, 9)
    assert [write.record_id for write in record.writes] == [old, new]
    assert why_one(town, old, offline=True).id == new


def test_a_persons_decision_is_told_with_its_time(town: Town):
    ann = town.crm.add("ann@example.com")
    town.crm.add("ann@example.com")
    town.store.link("crm.contacts", "ann@example.com", ann, now=town.clock.now())
    town.tell(answer("r1", 3, email="ann@example.com"))
    town.run()
    record = next(one for one in why(town, "ann@example.com").records if one.id == ann)
    assert [(one.value, one.record_id, one.linked_at) for one in record.links] == [
        ("ann@example.com", ann, town.clock.now())
    ]
    assert [one.rule for one in record.answers] == ["a person's decision"]


def test_a_refused_write_is_no_write(town: Town):
    ann = town.crm.add("ann@example.com")
    town.crm.refused.add(ann)
    town.tell(answer("r1", 3, email="ann@example.com"))
    town.run()
    record = why_one(town, ann)
    assert not record.touched
    assert (field(record).because, field(record).attempt) == (Because.NEVER, "rejected")
    (write,) = record.writes
    assert (write.outcome, write.code, write.message) == (
        "rejected",
        "validation",
        "the score is not wanted here",
    )


def test_a_write_whose_reply_was_lost_is_told_as_in_doubt(town: Town):
    ann = town.crm.add("ann@example.com")
    town.tell(answer("r1", 3, email="ann@example.com"))
    town.crm.after_write = lambda: _raise(UnavailableError("the line went dead"))
    run = town.run().run
    told = field(why_one(town, ann))
    assert (told.because, told.shows, told.run) == (Because.IN_DOUBT, 3, run)
    town.crm.after_write = lambda: None
    town.run()
    told = field(why_one(town, ann))
    assert (told.because, told.run, told.answer) == (Because.ANSWER, run, "mail:r1")


def test_a_deleted_record_is_told_as_gone(town: Town):
    ann = town.crm.add("ann@example.com")
    town.tell(answer("r1", 3, email="ann@example.com"))
    town.run()
    del town.crm.contacts[ann]
    record = why_one(town, ann)
    assert not record.exists
    assert (field(record).because, field(record).ours) == (Because.RECORD_GONE, 3)


def test_a_crm_that_cannot_be_reached_is_told_and_the_rest_of_the_story_stands(town: Town):
    ann = town.crm.add("ann@example.com")
    town.tell(answer("r1", 3, email="ann@example.com"))
    town.run()
    for error in (UnavailableError("down"), AccessError("the token is void")):
        town.crm.before_call = lambda call, error=error: _raise(error)
        story = why(town, ann)
        (record,) = story.records
        assert story.problems == (f"crm could not be looked at: {error}",)
        assert not record.looked
        assert (field(record).because, field(record).ours) == (Because.ANSWER, 3)


def test_what_nobody_can_look_at_is_told_by_the_journal(town: Town):
    ann = town.crm.add("ann@example.com")
    town.tell(answer("r1", 3, email="ann@example.com"))
    town.run()
    town.crm.write_only = "nobody can look. Let npsync look"
    story = why(town, ann)
    (record,) = story.records
    assert (story.problems, story.unseen) == (
        (),
        ("crm cannot be looked at: nobody can look. Let npsync look",),
    )
    assert not record.looked
    assert (field(record).because, field(record).ours) == (Because.ANSWER, 3)


def test_looking_writes_nothing(town: Town):
    town.crm.add("ann@example.com")
    town.tell(answer("r1", 3, email="ann@example.com"))
    town.run()
    before = list(town.store.dump())
    why(town, "ann@example.com")
    assert list(town.store.dump()) == before


def _raise(error: Exception) -> None:
    raise error


# ------------------------------------------------------------ every field we ever wrote has an answer


class Set(NamedTuple):
    """Who set a field last, as the world knows it: a run, or None for a person."""

    run: int | None
    value: Any


PEOPLE = ("ann", "bob")
answers = st.builds(
    answer,
    st.sampled_from(["r1", "r2", "r3"]),
    st.sampled_from([0, 3, 9, 11]),
    days=st.integers(0, 5).map(float),
    source=st.sampled_from(SOURCES),
    email=st.sampled_from([f"{one}@example.com" for one in PEOPLE]),
    comment=st.sampled_from([None, "fine", "x" * 50]),
    status=st.sampled_from([ResponseStatus.COMPLETE] * 3 + [ResponseStatus.WITHDRAWN]),
)
steps = st.lists(
    st.one_of(
        answers,
        st.tuples(st.just("edits"), st.sampled_from(PEOPLE), st.sampled_from([1, 77, None])),
        st.tuples(st.just("run"), st.sampled_from(["well", "well", "reply lost", "refused"])),
        st.tuples(st.just("later"), st.integers(1, 40)),
        st.tuples(st.just("undo"), st.integers(0, 3)),
    ),
    min_size=2,
    max_size=14,
)


@contextmanager
def town_of(migrated: Path, **job: Any) -> Iterator[Town]:
    with tempfile.TemporaryDirectory(prefix="npsync-test-") as folder:
        shutil.copy(migrated, path := Path(folder) / "npsync.db")
        town = Town(f"sqlite:///{path}", **job)
        yield town
        town.close()


class World:
    """A town that remembers who set what, beside npsync."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.ids = {one: town.crm.add(f"{one}@example.com") for one in PEOPLE}
        self.told: list[SurveyResponse] = []
        self.runs: list[int] = []
        self.undos: set[int] = set()
        self.sets: defaultdict[tuple[str, str], list[Set]] = defaultdict(list)

    def take(self, step: Any) -> None:
        match step:
            case SurveyResponse():
                self.told.append(step)
                self.town.tell(step)
            case ("edits", who, value):
                id = self.ids[who]
                self.town.crm.contacts[id]["nps"] = value
                self.sets[id, "nps"].append(Set(None, value))
            case ("later", days):
                self.town.later(days=days)
            case ("run", how):
                self.run(how)
            case ("undo", place) if self.runs:
                self.undo(self.runs[-1 - place % len(self.runs)])

    def run(self, how: str) -> None:
        crm = self.town.crm
        written = len(crm.writes)
        if how == "reply lost":
            crm.after_write = lambda: _raise(UnavailableError("the line went dead"))
        if how == "refused":
            crm.refused.add(self.ids["ann"])
        run = self.town.run().run
        crm.after_write = lambda: None
        crm.refused.clear()
        self.note(run, written)

    def undo(self, run: int) -> None:
        """Also of an undo, which writes again what was undone."""
        written = len(self.town.crm.writes)
        undone = self.town.undo(run).run
        self.undos.add(undone)
        self.note(undone, written)

    def note(self, run: int, before: int) -> None:
        self.runs.append(run)
        for id, after in self.town.crm.writes[before:]:
            for name, value in after.items():
                self.sets[id, name].append(Set(run, value))


def check(world: World, record: RecordStory) -> None:
    told = {one.name: one for one in record.fields}
    live = world.town.crm.contacts[record.id]
    journal = {name for write in record.writes for name in write.fields}
    assert journal <= told.keys()
    for name in journal:
        one = told[name]
        assert one.shows == live[name]
        sets = world.sets[record.id, name]
        match one.because:
            case Because.ANSWER | Because.CLEARED | Because.PUT_BACK | Because.IN_DOUBT | Because.UNDONE:
                assert Set(one.run, one.shows) in sets
                assert sets[-1].run in (one.run, None)  # a person may have set the very same value
            case Because.CHANGED | Because.EMPTIED:
                assert sets[-1] == Set(None, one.shows)
                assert one.ours != one.shows
            case _:
                assert one.because is Because.NEVER
                assert one.attempt is not None
                assert one.attempt != "written"
                assert not sets or sets[-1].run is None
        if one.because is Because.UNDONE:
            assert one.run in world.undos
            assert one.undid not in world.undos
        if one.because in (Because.ANSWER, Because.UNDONE) and one.answer is not None and name == "nps":
            source, _, id = (one.answer or "").partition(":")
            scores = {told.score for told in world.told if (told.source, told.id) == (source, id)}
            assert one.shows in scores
        if one.because is Because.ANSWER:
            assert one.answer is not None
        if one.because is Because.CLEARED:
            assert one.shows is None
    deciding = [one for one in record.answers if one.decides]
    assert len(deciding) <= 1
    assert all(one.reason or one.lost_to or one.decides for one in record.answers)


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(steps=steps)
def test_every_field_that_was_ever_written_has_its_reason(migrated_sqlite: Path, steps: list[Any]):
    with town_of(migrated_sqlite, valid_for=timedelta(days=150)) as town:
        world = World(town)
        first = [answer(f"first-{who}", 5, email=f"{who}@example.com", comment="first") for who in PEOPLE]
        for step in [*first, ("run", "well"), *steps]:
            world.take(step)
        for id in world.ids.values():
            check(world, why_one(town, id))
        world.run("well")
        for who in PEOPLE:
            check(world, why_one(town, f"{who}@example.com"))
