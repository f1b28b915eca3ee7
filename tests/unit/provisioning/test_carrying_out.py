"""A plan is carried out step by step. Whatever happens in between, the next one knows what npsync made and what it did
not, and goes on from there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from connectors.provisioning import (
    Kind,
    Made,
    Missing,
    Removal,
    Step,
    Thing,
    Wanted,
    WantedField,
    WantedList,
    WantedObject,
)
from connectors.wire import FateUnknown
from nps.errors import AccessError, RejectedError
from nps.schema import FieldType
from npsync.provisioning.carrying import carry_out, settle, take_away
from npsync.provisioning.remembering import as_made, confirmed, known
from store import open_store
from store.api import Store

NOW = datetime(2026, 3, 2, tzinfo=UTC)
SCORE = WantedField("Contact", "NPS_Score__c", FieldType.INTEGER, help="Score. Written by npsync.")
SEGMENT = WantedField("Contact", "NPS_Segment__c", FieldType.CHOICE, help="Segment. Written by npsync.")
OBJECT = WantedObject("NPS_Response__c", "NPS response", "NPS responses")
INSIDE = WantedField("NPS_Response__c", "Score__c", FieldType.INTEGER)
LIST = WantedList("contacts", "NPS promoters")


class Killed(BaseException):
    """The process dies."""


@dataclass
class Crm:
    """Something with fields; `happens` to the creation of one thing, before or after it was made."""

    there: dict[Thing, str] = field(default_factory=dict)  # thing → its help text
    before: dict[Wanted, Exception | type[BaseException]] = field(default_factory=dict)
    after: dict[Wanted, Exception | type[BaseException]] = field(default_factory=dict)
    asked: list[Wanted] = field(default_factory=list)

    def missing(self, wanted: Sequence[Wanted]) -> Missing:
        signed = {one.thing for one in wanted if self.there.get(one.thing) == getattr(one, "help", None)}
        return Missing(
            there=[one for one in wanted if one.thing in self.there],
            steps=[Step(one, str(one.thing)) for one in wanted if one.thing not in self.there],
            signed=frozenset(signed),
        )

    def create(self, step: Step) -> str:
        self.asked.append(step.wanted)
        self._happens(self.before, step.wanted)
        self.there[step.wanted.thing] = getattr(step.wanted, "help", "")
        self._happens(self.after, step.wanted)
        return "id-1"

    def removals(self, made: Sequence[Made]) -> Sequence[Removal]:
        return [Removal(one, str(one.thing), is_gone=one.thing not in self.there) for one in made]

    def remove(self, removal: Removal) -> None:
        del self.there[removal.made.thing]

    def close(self) -> None: ...

    def _happens(self, when: dict[Wanted, Exception | type[BaseException]], one: Wanted) -> None:
        if one in when:
            raise when.pop(one)


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    opened = open_store(sqlite_url)
    yield opened
    opened.close()


@pytest.fixture
def apply(store: Store) -> Callable[..., Missing]:
    def applied(crm: Crm, *wanted: Wanted) -> Missing:
        missing = crm.missing(wanted)
        settle(store, "crm", missing)
        carry_out(crm, missing.steps, store, "crm", NOW)
        return missing

    return applied


def ours(store: Store) -> set[Thing]:
    return set(confirmed(known(store, "crm")))


Apply = Callable[..., Missing]


def test_what_was_made_is_remembered_and_made_once(apply: Apply, store: Store) -> None:
    crm = Crm()
    apply(crm, OBJECT, INSIDE, SCORE, LIST)
    assert ours(store) == {OBJECT.thing, INSIDE.thing, SCORE.thing, LIST.thing}
    assert {one.id for one in as_made(known(store, "crm"))} == {"id-1"}
    assert apply(crm, OBJECT, INSIDE, SCORE, LIST).steps == []
    assert len(crm.asked) == 4


def test_what_was_there_before_is_never_ours(apply: Apply, store: Store) -> None:
    apply(Crm(there={SCORE.thing: "made by hand"}), SCORE)
    assert ours(store) == set()


def test_a_refusal_stops_its_own_step_and_what_belongs_to_it(store: Store) -> None:
    crm = Crm(before={OBJECT: RejectedError("no", code="NO")})
    done = carry_out(crm, crm.missing([OBJECT, INSIDE, SCORE]).steps, store, "crm", NOW)
    assert [step.wanted for step in done.created] == [SCORE]
    assert [each.why for each in done.refused] == [
        "no",
        "NPS_Response__c was not created, so this was not tried",
    ]
    assert crm.asked == [OBJECT, SCORE]
    assert ours(store) == {SCORE.thing}
    assert set(known(store, "crm")) == {SCORE.thing}


@pytest.mark.parametrize("arrived", [True, False])
def test_a_lost_reply_is_looked_after_and_nothing_is_sent_twice(
    apply: Apply, store: Store, arrived: bool
) -> None:
    happens = {SCORE: FateUnknown("no answer")}
    crm = Crm(after=happens) if arrived else Crm(before=happens)
    apply(crm, SCORE, SEGMENT)
    assert crm.asked == [SCORE, SEGMENT]
    assert ours(store) == ({SCORE.thing, SEGMENT.thing} if arrived else {SEGMENT.thing})
    apply(crm, SCORE, SEGMENT)
    assert len(crm.asked) == (2 if arrived else 3)
    assert ours(store) == {SCORE.thing, SEGMENT.thing}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_anywhere_leaves_what_the_next_one_completes(apply: Apply, store: Store, when: str) -> None:
    crm = replace(Crm(), **{when: {SCORE: Killed}})
    with pytest.raises(Killed):
        apply(crm, SCORE, SEGMENT)
    assert ours(store) == set()
    apply(crm, SCORE, SEGMENT)
    assert crm.there.keys() == {SCORE.thing, SEGMENT.thing} == ours(store)


def test_what_somebody_else_made_meanwhile_is_not_ours(apply: Apply, store: Store) -> None:
    crm = Crm(before={SCORE: Killed})
    with pytest.raises(Killed):
        apply(crm, SCORE)
    crm.there[SCORE.thing] = "Ann's own field"
    apply(crm, SCORE)
    assert known(store, "crm") == {}


def test_a_right_that_is_missing_stops_everything_and_loses_nothing(apply: Apply, store: Store) -> None:
    crm = Crm(before={SEGMENT: AccessError("not you")})
    done = carry_out(crm, crm.missing([SCORE, SEGMENT, LIST]).steps, store, "crm", NOW)
    assert [step.wanted for step in done.created] == [SCORE]
    assert str(done.broke) == "not you"
    assert crm.asked == [SCORE, SEGMENT]
    assert ours(store) == {SCORE.thing}
    apply(crm, SCORE, SEGMENT)
    assert ours(store) == {SCORE.thing, SEGMENT.thing}


def test_taking_away_that_breaks_off_tells_what_is_gone(apply: Apply, store: Store) -> None:
    crm = Crm()
    apply(crm, SCORE, SEGMENT)
    first, second = crm.removals(as_made(confirmed(known(store, "crm"))))

    def remove(removal: Removal) -> None:
        if removal == second:
            raise AccessError("not you")

    crm.remove = remove  # type: ignore[method-assign]
    removed = take_away(crm, [first, second], store, "crm")
    assert (list(removed.gone), str(removed.broke)) == ([first], "not you")
    assert ours(store) == {second.made.thing}


def test_what_is_taken_away_is_forgotten_one_by_one(apply: Apply, store: Store) -> None:
    crm = Crm()
    apply(crm, SCORE, SEGMENT, LIST)
    del crm.there[SEGMENT.thing]  # by hand
    removals = [
        replace(each, stays="1 record holds a value" if each.made.thing == LIST.thing else "")
        for each in crm.removals(as_made(confirmed(known(store, "crm"))))
    ]
    removed = take_away(crm, removals, store, "crm")
    assert {each.made.thing for each in removed.gone} == {SCORE.thing, SEGMENT.thing}
    assert ours(store) == {LIST.thing}
    assert crm.there.keys() == {LIST.thing}


def test_what_earlier_versions_remembered_is_read(store: Store) -> None:
    store.memorize(
        "crm", {"provisioned/Contact/NPS__c": '{"at":"2026-01-01T00:00:00Z","says":"field","id":"7"}'}
    )
    assert ours(store) == {Thing(Kind.FIELD, "Contact", "NPS__c")}
