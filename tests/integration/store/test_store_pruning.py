"""What served its time leaves the store, and nothing that still counts."""

from __future__ import annotations

from builders_asking import ANN, EARLY, entry, judge
from builders_store import NOON, later

from nps.asking import PastKind, Send
from nps.events import Hint, Subject
from store.sql import SqlStore


def hint(key: str) -> Hint:
    return Hint(key=key, connection="crm", kind="case_closed", subject=Subject("Case", "500A"))


def left(store: SqlStore) -> set[str]:
    return {f"{row.state} {row.number}" for row in store.arrival_rows()}


def test_settled_and_refused_arrivals_go_by_age_so_many_at_a_time(store: SqlStore):
    store.receive([hint(f"h{number}") for number in range(5)], now=NOON)
    numbers = [one.number for one in store.arrivals(10, now=NOON)]
    store.settle_arrivals(dict.fromkeys(numbers[:3], ("", "")), now=NOON)
    store.settle_arrivals({numbers[3]: ("", "")}, now=later(days=10))
    store.refuse("crm", "unsigned", "not signed", now=NOON)
    gone = [store.prune_arrivals(before=later(days=5), limit=3) for _ in range(3)]
    assert gone == [3, 1, 0]
    assert left(store) == {f"settled {numbers[3]}", f"new {numbers[4]}"}


def test_what_is_not_settled_is_kept_however_old(store: SqlStore):
    store.receive([hint("h1")], now=NOON)
    assert store.prune_arrivals(before=later(days=400), limit=10) == 0
    assert len(store.arrivals(10, now=NOON)) == 1


def test_a_delivery_is_known_until_it_is_pruned(store: SqlStore):
    store.receive([hint("h1")], now=NOON)
    [arrived] = store.arrivals(10, now=NOON)
    store.settle_arrivals({arrived.number: ("", "")}, now=NOON)
    store.prune_arrivals(before=NOON, limit=10)
    assert store.receive([hint("h1")], now=later(days=20)) == 0
    store.prune_arrivals(before=later(days=1), limit=10)
    assert store.receive([hint("h1")], now=later(days=40)) == 1


def promise(store: SqlStore, dedupe: str, days: float, keys: tuple[str, ...] = ANN) -> None:
    wish = entry(dedupe, keys=keys, what=PastKind.RESERVED, until=later(days=days))
    decided = store.reserve_for(wish, judge(NOON), account_since=EARLY, day_began=None, now=NOON)
    assert decided == Send()


def test_void_reservations_go_by_age_and_valid_or_used_ones_stay(store: SqlStore):
    promise(store, "api/marketing/1", 1, ("email:a@example.com",))
    promise(store, "api/marketing/2", 1, ("email:b@example.com",))
    promise(store, "api/marketing/3", 1, ("email:c@example.com",))
    promise(store, "api/marketing/4", 20, ("email:d@example.com",))
    store.enter([entry("api/marketing/2", keys=("email:b@example.com",))], now=later(hours=1))
    assert [store.prune_reservations(before=later(days=2), limit=1) for _ in range(3)] == [1, 1, 0]
    assert store.ledger_size() == 2
    assert len(store.past(["email:b@example.com"], since=EARLY, now=later(days=2))) == 1
    assert len(store.past(["email:d@example.com"], since=EARLY, now=later(days=2))) == 1
