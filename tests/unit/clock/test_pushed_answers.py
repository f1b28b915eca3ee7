"""Answers that were pushed: in the inbox as a poll would bring them, once, in whatever order they come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from builders_clock import due_claims, runs_due
from builders_config import config_of, yaml
from fake_clock import NOON, FakeClock

from connectors.contract import Connector, Settings
from nps.errors import NpsyncError, UnavailableError
from nps.events import Answered
from nps.responses import Cursor, Page, ResponseStatus, SurveyResponse
from npsync.clockwork.claims import pushed_done
from npsync.config import Config
from npsync.config.model import Connection
from npsync.schedule import answers_place
from npsync.syncing.pushed import PushedAnswers
from store import open_store
from store.sql import SqlStore
from sync.inbox import reading
from triggers.intake import LEASE_SECONDS, MOST_STARTS

MINUTE = timedelta(minutes=1)
SURVEYS = "surveys:\n  nps:\n    at: {mail: '77'}\n"


@dataclass
class Tool:
    """A survey tool: what it says when it is asked again."""

    says: dict[str, SurveyResponse] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    problem: NpsyncError | None = None
    list_after: timedelta = 5 * MINUTE

    def again(self, told: Sequence[Answered]) -> list[SurveyResponse | None]:
        self.asked += [str(one.id) for one in told]
        if self.problem is not None:
            raise self.problem
        return [self.says.get(str(one.id)) for one in told]

    def close(self) -> None:
        """Nothing is open."""


def answer(id: str = "1", *, score: int = 9, changed: float | None = 0, **more: Any) -> SurveyResponse:
    at = NOON - timedelta(hours=1)
    updated = None if changed is None else at + timedelta(minutes=changed)
    known: dict[str, Any] = {"source": "mail", "survey": "77", "answered_at": at, "updated_at": updated}
    return SurveyResponse(id=id, score=score, **(known | more))


def told(response: SurveyResponse | None = None, **more: Any) -> Answered:
    if response is not None:
        more = {"id": response.id, "survey": response.survey, "response": response} | more
    key = f"{more.get('id')}/{response and response.updated_at}/{len(more)}"
    return Answered(**({"key": key, "connection": "mail", "at": NOON} | more))


@dataclass
class Office:
    config: Config
    store: SqlStore
    clock: FakeClock
    tool: Tool

    def pushed(self, *arrivals: Answered) -> dict[str, int]:
        self.store.receive(arrivals, now=self.clock.now())
        return self.settled()

    def settled(self) -> dict[str, int]:
        done = PushedAnswers(self.config, self.store, self.clock).settle()
        return {word: count for word, count in done.words.items() if count}

    def polled(self, *answers: SurveyResponse) -> Any:
        return self.store.append(
            "mail", Page(answers, Cursor({"at": 1})), [1] * len(answers), received_at=self.clock.now()
        )

    def said(self) -> dict[str, str]:
        return {row.code: row.reason for row in self.store.arrival_rows()}

    def due(self) -> list[str]:
        return [claim.sync for claim in due_claims(self.config, self.store).pushes(self.clock.now())]


@pytest.fixture
def office(tmp_path: Path, sqlite_url: str) -> Iterator[Office]:
    config = config_of(yaml(sync="since: 2026-01-01\n", surveys=SURVEYS), tmp_path)
    tool = Tool()
    made = Connector(
        "tool", "Tool", Settings, grants=lambda settings, needs: (), source=lambda settings, tools: tool
    )
    mail = Connection("mail", "tool", Settings(), made)
    config = replace(config, connections={**config.connections, "mail": mail})
    store = open_store(sqlite_url)
    town = Office(config, store, FakeClock(NOON), tool)
    town.polled()  # it has been read before
    yield town
    store.close()


def test_a_whole_answer_is_in_the_inbox_and_its_sync_is_due_at_once(office: Office):
    assert office.pushed(told(answer(comment="so so"))) == {"new": 1}
    assert office.store.answer("mail", "1") == answer()  # no mapping uses the comment
    assert office.tool.asked == []
    assert office.due() == ["a"]


def test_what_was_pushed_is_known_when_a_poll_brings_it(office: Office):
    office.pushed(told(answer()))
    assert (office.polled(answer()).new, office.polled(answer()).repeated) == (0, 1)


def test_nothing_of_what_an_answer_said_stays_among_the_arrivals(office: Office):
    office.pushed(told(answer(comment="so so", email="ann@acme.example")))
    with office.store.database.read() as tx:
        assert tx.rows("SELECT what FROM arrival") == [("",)]


def test_what_was_settled_long_ago_is_forgotten(office: Office):
    office.pushed(told(answer()))
    office.clock.advance(31 * 24 * 3600)
    office.pushed(told(answer("2")))
    assert [row.subject for row in office.store.arrival_rows()] == ["2"]


def test_the_cursor_of_the_source_stays_where_it_was(office: Office):
    office.pushed(told(answer()))
    assert office.store.cursor("mail") == Cursor({"at": 1})


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_in_whatever_order_versions_come_the_latest_stays(office: Office, order: tuple[int, ...]):
    versions = [answer(score=score, changed=score) for score in range(3)]
    for place in order:
        office.pushed(told(versions[place]))
        office.pushed(told(versions[place]))
    assert office.store.answer("mail", "1") == versions[2]


def test_a_version_that_tells_no_time_of_its_change_is_not_believed_over_what_is_here(office: Office):
    office.polled(answer(score=3, changed=None))
    office.tool.says = {"1": answer(score=3, changed=None)}
    assert office.pushed(told(answer(score=8, changed=None))) == {"repeated": 1}
    assert office.tool.asked == ["1"]
    newer = office.store.answer("mail", "1")
    assert newer is not None
    assert newer.score == 3


def test_an_answer_that_is_only_named_is_read_again(office: Office):
    office.tool.says = {"1": answer()}
    assert office.pushed(told(id="1")) == {"new": 1}
    assert office.due() == ["a"]


def test_an_answer_whose_person_is_only_named_is_completed_first(office: Office):
    whole = answer(email="ann@acme.example")
    office.tool.says = {"1": whole}
    assert office.pushed(told(answer(), about={"contact": "c1"})) == {"new": 1}
    assert office.store.answer("mail", "1") == whole


def test_what_only_the_list_can_tell_makes_the_sync_read_it_soon_but_not_again_and_again(office: Office):
    [first] = runs_due(office.config, office.store, office.clock.now())
    usual = office.store.due(["a"])["a"].due_at
    number = office.store.begin_run("a", "run", now=office.clock.now(), facts={})
    office.store.end_run(number, "succeeded", now=office.clock.now(), report={})
    office.clock.advance(60)
    assert office.pushed(told(id="1")) == {"listed": 1}
    assert office.store.due(["a"])["a"].due_at == first.due_at + 5 * MINUTE < usual
    assert office.due() == []


def test_a_source_that_is_down_puts_answers_off_and_loses_none(office: Office):
    office.tool.problem = UnavailableError("mail: the vendor is down")
    assert office.pushed(told(id="1"), told(answer("2"))) == {"put_off": 2}
    assert office.settled() == {}
    office.tool.problem, office.tool.says = None, {"1": answer()}
    office.clock.advance(60)
    assert office.settled() == {"new": 2}


def test_while_a_run_reads_the_source_what_was_pushed_waits(office: Office):
    lease = reading("mail", office.store, office.clock, "another process")
    assert lease is not None
    assert office.pushed(told(answer())) == {"put_off": 1}
    office.store.release(lease)
    office.clock.advance(10)
    assert office.settled() == {"new": 1}


def test_a_deleted_answer_is_a_tombstone_that_no_older_copy_replaces(office: Office):
    office.pushed(told(answer()), told(id="1", deleted=True))
    gone = office.store.answer("mail", "1")
    assert gone is not None
    assert gone.status is ResponseStatus.WITHDRAWN
    assert office.pushed(told(answer(changed=5, score=2))) == {"repeated": 1}
    assert office.due() == ["a"]


def test_a_deletion_that_comes_before_its_answer_is_said_and_keeps_it_from_counting(office: Office):
    assert office.pushed(told(None, id="1", deleted=True, key="d")) == {"unknown": 1}
    assert office.due() == []
    assert office.pushed(told(answer())) == {"repeated": 1}
    assert office.polled(answer(changed=10)).repeated == 1
    assert status_of(office) is ResponseStatus.WITHDRAWN


def test_an_answer_that_was_given_again_after_its_deletion_counts(office: Office):
    office.pushed(told(id="1", deleted=True))
    assert office.polled(answer(changed=61, score=4)).edited == 1
    assert status_of(office) is ResponseStatus.COMPLETE


@pytest.mark.parametrize("came_before", [True, False])
def test_a_copy_that_tells_no_time_of_its_change_does_not_bring_a_deleted_answer_back(
    office: Office, came_before: bool
):
    copy = answer(changed=None)
    if came_before:
        office.polled(copy)
    office.pushed(told(id="1", deleted=True))
    assert office.pushed(told(copy)) == {"listed": 1}
    assert office.polled(copy).repeated == 1
    assert status_of(office) is ResponseStatus.WITHDRAWN


def test_a_tool_whose_clock_is_ahead_of_the_push_does_not_bring_back_what_it_deleted(office: Office):
    ahead = answer(changed=90)
    office.polled(ahead)
    office.pushed(told(id="1", deleted=True))
    assert office.polled(ahead).repeated == 1
    assert status_of(office) is ResponseStatus.WITHDRAWN


def test_a_deletion_that_is_told_twice_is_one_tombstone(office: Office):
    assert office.pushed(told(id="1", deleted=True)) == {"unknown": 1}
    assert office.pushed(told(id="1", deleted=True, key="again", at=NOON + MINUTE)) == {"repeated": 1}


def test_a_deletion_that_does_not_say_of_what_is_only_said(office: Office):
    assert office.pushed(told(deleted=True)) == {"unknown": 1}


def status_of(office: Office) -> ResponseStatus | None:
    found = office.store.answer("mail", "1")
    return None if found is None else found.status


def test_an_answer_to_a_survey_that_no_at_names_is_kept_and_said(office: Office):
    assert office.pushed(told(answer(survey="78"))) == {"new": 1, "other_survey": 1}
    assert 'no survey has "78" in its at: for mail' in office.said()["other_survey"]
    assert office.store.answer("mail", "1") is not None
    assert office.due() == []


def test_an_answer_from_before_the_syncs_begin_is_left_out_as_a_poll_would(office: Office):
    old = msgspec.structs.replace(answer(), answered_at=NOON - timedelta(days=900))
    assert office.pushed(told(old)) == {"too_old": 1}
    assert office.store.answer("mail", "1") is None


def test_answers_that_no_sync_takes_are_not_kept(office: Office):
    office.config = replace(
        office.config, connections={**office.config.connections, "spare": office.config.connections["mail"]}
    )
    spare = answer(source="spare")
    assert office.pushed(told(spare, connection="spare")) == {"not_read": 1}
    assert office.store.answer("spare", "1") is None
    assert "no survey names it in at:" in office.said()["not_read"]


def test_a_source_that_was_never_read_is_read_before_what_was_pushed_is_taken_up(office: Office):
    with office.store.database.write() as tx:
        tx.run("DELETE FROM cursor WHERE connection = 'mail'")
    assert office.pushed(told(answer())) == {"new": 1}
    assert office.due() == []


def test_killed_between_the_inbox_and_the_arrivals_nothing_is_lost_or_doubled(
    office: Office, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        patch.setattr(office.store, "settle_arrivals", _dies)
        with pytest.raises(_Killed):
            office.pushed(told(answer()))
    assert office.due() == ["a"]
    assert office.settled() == {}  # for all that is known, somebody is still at it
    office.clock.advance(LEASE_SECONDS)
    assert office.settled() == {"repeated": 1}
    assert office.store.answers_told(10, now=office.clock.now()) == []


def test_what_its_process_dies_of_is_settled_alone_and_rests_after_a_few_deaths(
    office: Office, monkeypatch: pytest.MonkeyPatch
):
    again, deaths = office.tool.again, 0

    def dies(told: Sequence[Answered]) -> list[SurveyResponse | None]:
        if any(one.id == "2" for one in told):
            raise _Killed
        return again(told)

    monkeypatch.setattr(office.tool, "again", dies, raising=False)
    office.tool.says = {id: answer(id) for id in "123"}
    office.store.receive([told(id=id, survey="77") for id in "123"], now=NOON)
    for _ in range(6):
        try:
            office.settled()
        except _Killed:
            deaths += 1
        office.clock.advance(LEASE_SECONDS)
    assert deaths == MOST_STARTS + 2  # it has rested once
    assert [office.store.answer("mail", id) is not None for id in "123"] == [True, False, True]


class _Killed(BaseException):
    pass


def _dies(*given: Any, **named: Any) -> None:
    raise _Killed


# ---------------------------------------------------------------- when syncs are due


def test_what_comes_while_its_sync_runs_has_its_turn_afterwards(office: Office):
    office.pushed(told(answer()))
    [claim] = due_claims(office.config, office.store).pushes(office.clock.now())
    office.clock.advance(1)
    office.pushed(told(answer("2")))
    pushed_done(office.store, claim)
    assert office.due() == ["a"]


def test_a_taking_up_that_was_done_is_not_due_again_and_one_that_died_is(office: Office):
    office.pushed(told(answer()))
    [claim] = due_claims(office.config, office.store).pushes(office.clock.now())
    assert office.due() == []
    office.clock.advance(601)
    [again] = due_claims(office.config, office.store).pushes(office.clock.now())
    assert again.place == claim.place == answers_place("a")
    pushed_done(office.store, again)
    office.clock.advance(10_000)
    assert office.due() == []


def test_pushes_leave_the_rhythm_in_which_a_source_is_read_alone(office: Office):
    list(runs_due(office.config, office.store, office.clock.now()))
    usual = office.store.due(["a"])["a"].due_at
    office.clock.advance(60)
    office.pushed(told(answer()))
    office.due()
    assert office.store.due(["a"])["a"].due_at == usual


def test_of_two_versions_that_come_together_and_tell_no_time_neither_is_believed_over_the_other(
    office: Office,
):
    """Pushes come in any order: the one that lies last may be the older."""
    now = answer(score=9, changed=None)
    office.tool.says["1"] = now
    office.pushed(told(now), told(answer(score=2, changed=None), key="older"))
    assert office.store.answer("mail", "1") == now
    assert office.tool.asked
