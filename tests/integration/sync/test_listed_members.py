"""`follow_up:` with a list: membership follows the record's answer, and only ours is ever taken away."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from builders_aftercare import PROMOTERS, CaringTown, followed
from builders_sync import answer
from memory_aftercare import deferred

from nps.responses import ResponseStatus
from store.api.outbox import Kind, Stage

Build = Callable[..., CaringTown]


@pytest.fixture
def town(caring_town: Build) -> CaringTown:
    return caring_town(rules=[PROMOTERS])


def listed(town: CaringTown) -> set[str]:
    return set(town.crm.lists["promoters"])


def test_membership_follows_the_segment(town: CaringTown):
    ann = town.contact("ann")
    town.contact("bob")
    town.tell(answer("a", 9, email="ann@example.com"), answer("b", 3, email="bob@example.com"))
    assert followed(town.run(), Kind.LIST) == {"created": 1}
    assert listed(town) == {ann}
    town.tell(answer("a2", 5, days=1, email="ann@example.com"))
    assert followed(town.run(), Kind.LIST) == {"removed": 1}
    assert (listed(town), town.stages(Kind.LIST)) == (set(), {ann: Stage.REMOVED})
    town.tell(answer("a3", 10, days=2, email="ann@example.com"))
    assert followed(town.run(), Kind.LIST) == {"created": 1}
    assert listed(town) == {ann}


def test_a_place_that_was_given_up_stays_so_and_is_counted_once(town: CaringTown):
    ann = town.contact("ann")
    town.tell(answer("a", 9, email="ann@example.com"))
    town.run()
    town.tell(answer("a2", 5, days=1, email="ann@example.com"))
    assert followed(town.run(), Kind.LIST) == {"removed": 1}
    [given_up] = town.outbox(Kind.LIST)
    for number in (3, 4):
        town.tell(answer(f"a{number}", 4, days=number, email="ann@example.com"))
        assert followed(town.run(), Kind.LIST) == {}
        [entry] = town.outbox(Kind.LIST)
        assert (entry.stage, entry.code, entry.reason) == (Stage.REMOVED, "", "")
        assert (entry.settled_at, entry.run) == (given_up.settled_at, given_up.run)
    town.tell(answer("a5", 10, days=5, email="ann@example.com"))
    assert followed(town.run(), Kind.LIST) == {"created": 1}
    assert listed(town) == {ann}


def test_somebody_elses_members_are_left_alone(town: CaringTown):
    ann = town.contact("ann")
    town.crm.lists["promoters"][ann] = "by hand"
    town.tell(answer("a", 9, email="ann@example.com"))
    assert followed(town.run(), Kind.LIST) == {"void": 1}
    town.tell(answer("a2", 3, days=1, email="ann@example.com"))
    town.run()
    assert town.crm.lists["promoters"] == {ann: "by hand"}


def test_whom_somebody_took_off_stays_off(town: CaringTown):
    ann = town.contact("ann")
    town.tell(answer("a", 9, email="ann@example.com"))
    town.run()
    del town.crm.lists["promoters"][ann]
    town.tell(answer("a2", 10, days=1, email="ann@example.com"))
    town.run()
    assert listed(town) == set()


def test_a_withdrawn_answer_gives_its_place_up(town: CaringTown):
    town.contact("ann")
    town.tell(answer("a", 9, email="ann@example.com"))
    town.run()
    town.tell(answer("a", 9, email="ann@example.com", status=ResponseStatus.WITHDRAWN))
    town.run()
    assert listed(town) == set()


def test_an_answer_that_moves_to_another_record_takes_its_place_along(town: CaringTown):
    town.contact("ann")
    bob = town.contact("bob")
    town.tell(answer("a", 9, email="ann@example.com"))
    town.run()
    town.tell(answer("a", 9, email="bob@example.com"))
    town.run()
    assert listed(town) == {bob}


def test_the_place_of_a_merged_record_is_ours_at_its_survivor(town: CaringTown):
    town.crm.tells_merges = True
    ann, survivor = town.contact("ann"), town.contact("anna")
    town.tell(answer("a", 9, email="ann@example.com"))
    town.run()
    town.crm.merge(ann, survivor)
    town.crm.lists["promoters"] = {survivor: None}  # the CRM moves it along
    town.tell(answer("a2", 3, days=1, email="ann@example.com"))
    town.run()
    assert listed(town) == set()


def test_the_first_rule_that_is_met_gives_the_status(caring_town: Build):
    rules = [
        {"where": "score == 10", "add_to": {"list": "promoters", "status": "Champion"}},
        {"where": "score >= 9", "add_to": {"list": "promoters", "status": "Promoter"}},
    ]
    town = caring_town(rules=rules)
    ann, bob = town.contact("ann"), town.contact("bob")
    town.tell(answer("a", 10, email="ann@example.com"), answer("b", 9, email="bob@example.com"))
    town.run()
    assert town.crm.lists["promoters"] == {ann: "Champion", bob: "Promoter"}


def test_old_answers_are_listed_only_as_follow_up_since_says(caring_town: Build):
    town = caring_town(rules=[PROMOTERS], since=None)
    town.contact("ann")
    town.tell(answer("a", 9, email="ann@example.com"))
    town.run()
    assert (listed(town), town.outbox()) == (set(), [])


@pytest.mark.parametrize("score", [9, 3])
def test_a_lost_reply_is_looked_up(town: CaringTown, score: int):
    ann = town.contact("ann")
    if score == 3:
        town.tell(answer("before", 9, days=-0.5, email="ann@example.com"))
        town.run()

    def lost() -> None:
        from nps.errors import UnavailableError

        if town.crm.calls[-1] in ("add", "drop"):
            raise UnavailableError("crm: no answer")

    town.crm.after_write = lost
    town.tell(answer("a", score, email="ann@example.com"))
    town.run()
    town.crm.after_write = lambda: None
    assert town.run().status == "succeeded"
    assert listed(town) == ({ann} if score == 9 else set())
    assert town.twice() == []
    (entry,) = town.outbox(Kind.LIST)
    assert entry.stage is (Stage.DONE if score == 9 else Stage.WANTED) or entry.vendor_id is None


def test_a_member_that_is_put_off_is_added_by_the_next_run(town: CaringTown):
    ann = town.contact("ann")
    town.crm.outcome[ann] = deferred
    town.tell(answer("a", 9, email="ann@example.com"))
    assert followed(town.run(), Kind.LIST) == {"left": 1}
    assert followed(town.run(), Kind.LIST) == {"created": 1}
