"""What is over is put away, so much at a time."""

from __future__ import annotations

from datetime import timedelta

from builders_triggers import Desktop, asked, case, hint

from nps.asking import InvitationState
from store.sql import SqlStore
from triggers import tidying
from triggers.tidying import KEPT


def test_however_many_are_over_at_once_no_transaction_ends_them_all(desk: Desktop, monkeypatch):
    monkeypatch.setattr(tidying, "AT_A_TIME", 2)
    for number in range(5):
        asked(desk, number)
    desk.turn()
    ended = []
    real = SqlStore.expire

    def counted(store: SqlStore, **given: object) -> int:
        ended.append(real(store, **given))  # type: ignore[arg-type]
        return ended[-1]

    monkeypatch.setattr(SqlStore, "expire", counted)
    desk.later(days=15)
    assert desk.turn().expired == 5
    assert ended == [2, 2, 1, 0]
    assert {one.state for one in desk.invitations()} == {InvitationState.EXPIRED}


def test_what_was_pushed_is_forgotten_after_a_month_and_known_until_then(desk: Desktop):
    closed = case(1, desk.crm.add("ann@example.com"))
    desk.happen(closed)
    desk.store.receive([hint(closed)], now=desk.clock.now())
    desk.turn()
    desk.later(days=KEPT.days - 1)
    desk.turn()
    assert desk.store.receive([hint(closed)], now=desk.clock.now()) == 0
    desk.later(days=2)
    notices = []
    desk.turn(notice=lambda event, **facts: notices.append((event, facts)))
    assert desk.store.arrival_rows() == []
    assert ("tidied", {"arrivals": 1, "reservations": 0}) in notices


def test_pushed_again_after_that_it_asks_nobody_again(desk: Desktop):
    closed = case(1, desk.crm.add("ann@example.com"))
    desk.happen(closed)
    desk.store.receive([hint(closed)], now=desk.clock.now())
    desk.turn()
    desk.later(days=100)
    desk.turn()
    assert desk.store.receive([hint(closed)], now=desk.clock.now()) == 1
    desk.later(days=100)
    desk.turn()
    assert len(desk.sent()) == 1


def test_the_store_is_tidied_once_a_day(desk: Desktop, monkeypatch):
    looked = []
    real = SqlStore.prune_arrivals

    def counted(store: SqlStore, **given: object) -> int:
        looked.append(desk.clock.now())
        return real(store, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(SqlStore, "prune_arrivals", counted)
    for _ in range(49):
        desk.turn()
        desk.later(hours=1)
    assert len(looked) == 2


def test_what_vendors_repeat_is_well_within_what_is_kept():
    assert timedelta(days=5) < KEPT
