"""Whatever is answered, edited, withdrawn, refused, cut off and killed, in any order: each thing is created once, and
in the end the CRM has what the answers say."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from datetime import timedelta

from builders_aftercare import CALL, HISTORY, PROMOTERS, CaringTown
from builders_sync import answer
from fake_clock import NOON
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory_aftercare import deferred, refusal
from memory_destination import BadDay, Killed, heal

from nps.errors import UnavailableError
from nps.responses import ResponseStatus
from store.api.outbox import Kind, Stage

CASES = int(os.environ.get("NPSYNC_FOLLOWED_CASES", "12"))
PEOPLE = ("ann", "bob", "cat")

answered = st.tuples(
    st.just("answer"), st.sampled_from(PEOPLE), st.integers(0, 3), st.integers(0, 10), st.booleans()
)
steps = st.lists(
    st.one_of(
        answered,
        answered,
        st.tuples(st.just("run")),
        st.tuples(st.just("killed"), st.integers(0, 14), st.booleans()),
        st.tuples(st.just("down"), st.integers(0, 14)),
        st.tuples(st.just("mute"), st.sampled_from(PEOPLE), st.integers(0, 3)),
        st.tuples(st.just("refused"), st.sampled_from(PEOPLE), st.integers(0, 3), st.booleans()),
    ),
    min_size=3,
    max_size=14,
)


class Life:
    """A town, and beside it what was said last of every answer."""

    def __init__(self, town: CaringTown) -> None:
        self.town = town
        self.said: dict[str, tuple[str, int, int, bool]] = {}  # id → person, day, score, withdrawn
        self.ids = {name: town.contact(name) for name in PEOPLE}

    def step(self, step: tuple[object, ...]) -> None:
        town = self.town
        match step:
            case ("answer", str(person), int(day), int(score), bool(withdrawn)):
                id = f"{person}{day}"
                self.said[id] = (person, day, score, withdrawn)
                status = ResponseStatus.WITHDRAWN if withdrawn else ResponseStatus.COMPLETE
                town.tell(answer(id, score, days=day, email=f"{person}@example.com", status=status))
            case ("run",):
                self._run()
            case ("killed", int(at), bool(before)):
                town.crm.before_call = BadDay(at, Killed()) if before else (lambda call: None)
                town.crm.after_write = (lambda: None) if before else BadDay(at // 3, Killed())
                self._run()
            case ("down", int(at)):
                town.crm.before_call = BadDay(at, UnavailableError("crm: no answer"))
                self._run()
            case ("mute", str(person), int(day)):
                town.crm.mute.add(f"mail:{person}{day}")
            case ("refused", str(person), int(day), bool(later)):
                town.crm.outcome[f"mail:{person}{day}"] = deferred if later else refusal

    def _run(self) -> None:
        with contextlib.suppress(Killed):
            self.town.run()
        heal(self.town.crm)
        self.town.crm.mute.clear()
        self.town.later(minutes=7)

    def end(self) -> None:
        self.town.crm.outcome.clear()
        for _ in range(3):
            self._run()
            rejected = self.town.store.entries_like(stage=Stage.REJECTED, limit=100)
            self.town.store.retry_entries([one.id for one in rejected], now=self.town.clock.now())
        self._run()

    def counting(self, person: str) -> list[tuple[int, str, int]]:
        """(day, id, score) of those answers of a person that count, the newest last."""
        return sorted(
            (day, id, score)
            for id, (whose, day, score, withdrawn) in self.said.items()
            if whose == person and not withdrawn
        )


@settings(max_examples=CASES, suppress_health_check=list(HealthCheck))
@given(life=steps)
def test_in_the_end_the_crm_has_what_the_answers_say_and_nothing_twice(
    caring_town: Callable[..., CaringTown], life: list[tuple[object, ...]]
):
    town = caring_town(history=HISTORY, rules=[CALL, PROMOTERS], since=NOON - timedelta(days=1))
    one = Life(town)
    for step in life:
        one.step(step)
    one.end()

    assert town.twice() == [] or _only_lists(town)
    assert not [row for row in town.outbox() if row.stage in (Stage.OPEN, Stage.WANTED, Stage.UNKNOWN)]
    for person, id in one.ids.items():
        counting = one.counting(person)
        newest = counting[-1] if counting else None
        assert town.shown()[id] == (newest[2] if newest else None)
        assert (id in town.crm.lists["promoters"]) == bool(newest and newest[2] >= 9)
        if newest and newest[2] <= 6:
            assert [t for t in town.crm.tasks.values() if t.key == f"mail:{newest[1]}"], newest
        for _, answered_id, score in counting:
            assert town.crm.kept_entries[f"mail:{answered_id}"]["score"] == score
    for task in town.crm.tasks.values():
        assert task.key.removeprefix("mail:") in one.said


def _only_lists(town: CaringTown) -> bool:
    """A record that comes back to a list is put there again: what it is for."""
    return {kind for kind, _ in town.twice()} == {Kind.LIST.value}
