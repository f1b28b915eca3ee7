"""What retention takes away, as a sync and an undo see it."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from builders_sync import SOURCES, SYNC, Town, answer, counts

from store.sql import SqlStore
from sync.restoring import Why

ANN = "ann@example.com"


def kept(town: Town) -> SqlStore:
    assert isinstance(town.store, SqlStore)
    return town.store


def test_an_undo_whose_before_values_are_gone_says_expired_and_changes_nothing(town: Town):
    ann = town.crm.add(ANN, nps=4)
    town.tell(answer("a", 9, email=ANN))
    run = town.run().run
    town.later(days=40)
    assert kept(town).expire_before_values(before=town.clock.now() - timedelta(days=30), limit=10) == 1
    undone = town.undo(run)
    assert {one.why for one in undone.findings.left} == {Why.EXPIRED}
    assert town.shown() == {ann: 9}


def test_a_colleagues_edit_is_still_told_from_our_own_value(town: Town):
    ann = town.crm.add(ANN)
    town.tell(answer("a", 9, email=ANN))
    town.run()
    town.later(days=40)
    kept(town).expire_before_values(before=town.clock.now(), limit=10)
    town.crm.contacts[ann]["nps"] = 1
    town.tell(answer("b", 7, days=120, email=ANN))
    town.run()
    assert town.shown() == {ann: 1}, "somebody set it"


def test_old_answers_go_and_the_newest_one_still_decides(town: Town):
    ann = town.crm.add(ANN)
    town.tell(answer("old", 2, email=ANN), answer("new", 9, days=90, email=ANN))
    town.run()
    cutoff = town.clock.now() - timedelta(days=50)
    assert kept(town).expire_answers(before=cutoff, zone=ZoneInfo("UTC"), limit=10) == 1
    kept(town).database.keeps_answers = timedelta(days=50)
    report = town.run(full=True)
    assert (report.too_old, counts(report)) == (1, {})
    assert town.shown() == {ann: 9}
    assert town.store.balance(SYNC, SOURCES) == (1, 1)
    town.tell(answer("newer", 1, days=120, email=ANN))
    town.later(days=30)
    town.run()
    assert town.shown() == {ann: 1}
