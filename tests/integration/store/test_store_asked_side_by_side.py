"""On PostgreSQL several processes ask people at the same time: what each of them notes of it stays noted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from builders_asking import ANN, EARLY, claim, entry, judge, queue, reserve
from builders_store import NOON, later
from interleaved import beside, stopped_before
from postgres_server import StoreInTurn

from nps.asking import Decision, PastKind, Send, Suppress, Suppression, SuppressionReason
from nps.sending import FateUnknown
from store import open_store
from store.sql import SqlStore

USED = Suppress("used", "this reservation was used already")


@pytest.fixture
def url(store_in_turn: StoreInTurn) -> str:
    return store_in_turn.emptied()


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    store = open_store(url)
    yield store
    store.close()


@pytest.fixture
def elsewhere(url: str) -> Iterator[SqlStore]:
    """The same store, as another process has it."""
    other = open_store(url)
    yield other
    other.close()


def reserve_for(store: SqlStore, *, days: float = 0) -> Decision:
    now = later(days=days)
    wanted = entry("finance/1", what=PastKind.RESERVED, at=now, until=later(days=days + 1))
    return store.reserve_for(wanted, judge(now), account_since=EARLY, day_began=None, now=now)


def sent(store: SqlStore) -> int:
    return store.enter([entry("finance/1", source="finance")], now=NOON)


def known(store: SqlStore) -> list[PastKind]:
    return [one.what for one in store.past(ANN, since=EARLY, now=NOON)]


def test_a_send_that_is_told_while_its_reservation_is_taken_back_is_known(
    url: str, store: SqlStore, elsewhere: SqlStore
) -> None:
    assert reserve_for(store) == Send()
    with (
        stopped_before(
            store, "DELETE FROM ledger_key", lambda: store.release_reservation("finance/1")
        ) as went_on,
        beside(url, lambda: sent(elsewhere)) as told,
    ):
        went_on()
        told.result()
    assert known(store) == [PastKind.SEND]


def test_a_send_that_is_told_while_it_is_reserved_has_used_the_reservation(
    store: SqlStore, elsewhere: SqlStore
) -> None:
    with stopped_before(store, "INSERT INTO ledger", lambda: reserve_for(store)) as went_on:
        sent(elsewhere)
        assert went_on() == USED
    assert known(store) == [PastKind.SEND]


def test_a_send_that_is_told_late_while_it_is_reserved_anew_is_known(
    store: SqlStore, elsewhere: SqlStore
) -> None:
    assert reserve_for(store) == Send()
    with stopped_before(store, "DELETE FROM ledger", lambda: reserve_for(store, days=100)) as went_on:
        sent(elsewhere)
        assert went_on() == USED
    assert known(store) == [PastKind.SEND]


def test_old_news_does_not_undo_what_is_lifted_at_this_moment(store: SqlStore, elsewhere: SqlStore) -> None:
    news = Suppression(key=ANN[1], reason=SuppressionReason.UNSUBSCRIBE, at=NOON, source="page")
    store.suppress([news])
    with stopped_before(store, "INSERT INTO suppression", lambda: store.suppress([news])) as went_on:
        elsewhere.lift(ANN[1], SuppressionReason.UNSUBSCRIBE, by="Bob", now=later(hours=1))
        assert went_on() == 0
    assert store.suppressions(ANN) == []


def test_an_old_invitation_goes_while_its_mail_is_told_of(
    url: str, store: SqlStore, elsewhere: SqlStore
) -> None:
    queue(store, "i1")
    [claimed] = claim(store)
    assert reserve(store, claimed) == Send()
    store.settle_step(claimed, FateUnknown("no reply"), via="mailer", channel="email", now=NOON)
    store.answered("i1", now=NOON)
    number = claimed.step.number
    with (
        stopped_before(
            store, "UPDATE step", lambda: store.delivered("i1", number, now=later(days=1))
        ) as went_on,
        beside(url, lambda: elsewhere.expire_asking(before=later(days=1), limit=9)) as gone,
    ):
        assert went_on()
        gone.result()
    elsewhere.expire_asking(before=later(days=1), limit=9)
    assert (store.invitation("i1"), store.steps_of("i1")) == (None, [])
