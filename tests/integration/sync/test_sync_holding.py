"""Answers that look as if a program gave them: held before they reach a record, released or discarded by a person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from builders_sync import SYNC, Town, answer, counts
from fake_clock import NOON

from nps.responses import SurveyResponse
from nps.suspicion import HoldSpec
from store.api import Asked, Settled, State
from sync.inbox import kept
from sync.job import Feed


@pytest.fixture
def town(town: Town) -> Town:
    town.given = {"hold": HoldSpec()}
    return town


def mailed(id: str, score: int = 9, *, seconds: float = 3_600, **given: Any) -> SurveyResponse:
    """An answer so many seconds after its mail left, at noon of the first day."""
    given = {"channel": "email", "invited_at": NOON} | given
    return answer(id, score, days=seconds / 86_400, **given)


def people(town: Town, *names: str, domain: str = "example.com") -> None:
    for name in names:
        town.crm.add(f"{name}@{domain}")


def shown(town: Town) -> dict[str, Any]:
    """The score that everybody's contact shows."""
    return {str(one["email"]).partition("@")[0]: one["nps"] for one in town.crm.contacts.values()}


def held(town: Town) -> list[Settled]:
    return [settled for _, settled in town.store.undecided(SYNC, [State.HELD], limit=100)]


def colleagues(count: int, *, start: int = 0) -> list[SurveyResponse]:
    return [
        mailed(f"c{n}", 0, seconds=3_600 + n, email=f"c{n}@acme.example") for n in range(start, start + count)
    ]


def test_an_answer_seconds_after_the_mail_is_held_and_reaches_nobody(town: Town):
    people(town, "ann", "bob")
    town.tell(mailed("ann", 0, seconds=3), mailed("bob", 9))
    report = town.run()
    assert (counts(report), report.status) == ({"held": 1, "written": 1}, "partial")
    assert shown(town) == {"ann": None, "bob": 9}
    [settled] = held(town)
    assert (settled.code, settled.record_id) == ("too_soon", None)
    assert settled.reason.startswith("answered 3 seconds after the mail left, without a comment")


def test_a_quick_comment_is_a_persons(town: Town):
    people(town, "ann")
    town.tell(mailed("ann", 9, seconds=3, comment="Love it"))
    assert counts(town.run()) == {"written": 1}
    assert shown(town) == {"ann": 9}


def test_where_comments_are_not_kept_it_is_kept_that_there_was_one(town: Town):
    feed = Feed("mail", None, 0, keep_comment=False, keep_properties=frozenset(), holds=frozenset({"email"}))
    said, silent = mailed("ann", 9, seconds=3, comment="Love it"), mailed("bob", 9, seconds=3)
    people(town, "ann", "bob")
    town.tell(kept(feed, said), kept(feed, silent))
    assert counts(town.run()) == {"written": 1, "held": 1}
    assert shown(town) == {"ann": 9, "bob": None}
    assert kept(feed, mailed("app", comment="Nice", channel="in_app")).properties == {}


def test_an_answer_before_it_keeps_deciding_the_record(town: Town):
    people(town, "ann")
    town.tell(mailed("ann", 8, channel="web"))
    town.run()
    town.tell(
        mailed(
            "later", 0, email="ann@example.com", seconds=90_004, invited_at=NOON + timedelta(seconds=90_000)
        )
    )
    assert counts(town.run()) == {"held": 1}
    assert shown(town) == {"ann": 8}


def test_a_comment_that_comes_later_frees_the_answer(town: Town):
    people(town, "ann")
    town.tell(mailed("ann", 9, seconds=3))
    town.run()
    town.tell(mailed("ann", 9, seconds=3, comment="Really", updated_at=NOON + timedelta(minutes=9)))
    assert counts(town.run()) == {"written": 1}
    assert (shown(town), held(town)) == ({"ann": 9}, [])


def test_all_scores_of_one_mail_in_a_moment_are_held(town: Town):
    people(town, "ann", "bob")
    clicks = [mailed(f"k{n}", n, seconds=600 + n, email="ann@example.com") for n in range(4)]
    town.tell(*clicks, mailed("b1", 3, seconds=600, email="bob@example.com"))
    town.tell(mailed("b2", 9, seconds=620, email="bob@example.com"))
    assert counts(town.run()) == {"held": 4, "superseded": 1, "written": 1}
    assert {one.code for one in held(town)} == {"several_scores"}
    assert shown(town) == {"ann": None, "bob": 9}


def test_edits_of_one_answer_within_seconds_are_several_scores_too(town: Town):
    people(town, "ann")
    for n in (0, 5, 10):
        town.tell(mailed("ann", n, updated_at=NOON + timedelta(seconds=3_600 + n)))
    report = town.run()
    assert report.states[State.HELD] == 1
    assert shown(town) == {"ann": None}


def test_many_people_of_one_company_at_once_are_held_and_of_a_free_mail_provider_not(town: Town):
    people(town, *(f"c{n}" for n in range(8)), domain="acme.example")
    people(town, *(f"g{n}" for n in range(8)), domain="gmail.com")
    town.tell(*colleagues(8))
    town.tell(*(mailed(f"g{n}", 9, seconds=3_600 + n, email=f"g{n}@gmail.com") for n in range(8)))
    assert counts(town.run()) == {"held": 8, "written": 8}
    assert {one.code for one in held(town)} == {"one_domain"}


def test_exports_that_tell_the_day_alone_say_nothing_about_seconds(town: Town):
    names = [f"c{n}" for n in range(12)]
    people(town, *names, domain="acme.example")
    midnight = (NOON + timedelta(days=2)).replace(hour=0)
    told = [mailed(name, 9, email=f"{name}@acme.example") for name in names]
    town.tell(*(msgspec.structs.replace(one, answered_at=midnight, invited_at=midnight) for one in told))
    assert counts(town.run()) == {"written": 12}


def test_what_was_written_before_the_burst_was_one_stays_and_all_judges_it_again(town: Town):
    people(town, *(f"c{n}" for n in range(9)), domain="acme.example")
    town.tell(*colleagues(5))
    assert counts(town.run()) == {"written": 5}
    town.tell(*colleagues(4, start=5))
    assert counts(town.run()) == {"held": 4}
    assert (
        sorted(filter(None, (str(score) for score in shown(town).values() if score is not None))) == ["0"] * 5
    )
    assert counts(town.run(everything=True)) == {"held": 9}
    assert set(shown(town).values()) == {None}


def test_what_waits_for_its_record_is_judged_again_when_it_is_taken_up_again(town: Town):
    town.tell(*colleagues(5))
    assert counts(town.run()) == {"waiting": 5}
    town.tell(*colleagues(4, start=5))
    people(town, *(f"c{n}" for n in range(9)), domain="acme.example")
    assert counts(town.run(recheck=True)) == {"held": 9}


def test_a_released_answer_is_written_and_never_held_again(town: Town):
    people(town, "ann")
    town.tell(mailed("ann", 9, seconds=3))
    town.run()
    [settled] = held(town)
    town.store.release_held([("mail", "ann")], {SYNC: [settled.number]}, now=town.clock.now())
    assert counts(town.run(asked=Asked(answers=(settled.number,)))) == {"written": 1}
    assert shown(town) == {"ann": 9}
    assert counts(town.run(everything=True)) == {"unchanged": 1}


def test_a_discarded_answer_stays_out_until_it_is_edited(town: Town):
    people(town, "ann")
    town.tell(mailed("ann", 0, seconds=3))
    town.run()
    [settled] = held(town)
    done = town.store.discard_held(
        {("mail", "ann"): {SYNC: settled.number}}, "a scanner", now=town.clock.now()
    )
    assert done == [(SYNC, "mail", "ann")]
    assert counts(town.run(everything=True)) == {}
    assert counts(town.run(job={"name": "other"})) == {"excluded": 1}
    town.later(hours=1)
    town.tell(mailed("ann", 9, seconds=3, comment="I", updated_at=NOON + timedelta(days=1)))
    assert counts(town.run()) == {"written": 1}


def test_one_person_planned_alone_is_judged_like_everybody(town: Town):
    people(town, *(f"c{n}" for n in range(8)), domain="acme.example")
    town.tell(*colleagues(8))
    report = town.run(only="c3@acme.example")
    assert report.states[State.HELD] == 1
    assert set(shown(town).values()) == {None}


def test_without_rules_nothing_is_asked_of_the_store(town: Town, monkeypatch: pytest.MonkeyPatch):
    people(town, "ann", "bob")
    for name in ("hours_of_work", "scores_of", "hold_decisions", "without_comment"):
        monkeypatch.setattr(town.store, name, None)  # whoever calls it fails
    town.tell(mailed("ann", 0, seconds=1, channel="in_app"), mailed("bob", 0, seconds=1, channel=None))
    assert counts(town.run()) == {"written": 2}
    town.tell(mailed("late", 1, seconds=2, email="ann@example.com"))
    assert counts(town.run(job={"hold": None})) == {"written": 1}
