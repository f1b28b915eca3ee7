"""A call for each of several things: what failed for all stops the rest, and nothing is called written that was not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest

from connectors.one_by_one import SILENT, all_of, updates, wanted
from connectors.wire import FateUnknown
from nps.changes import Change, Deferred, Outcome, Unknown, Written
from nps.errors import AccessError, BudgetError, ConfigError, Interrupted, NpsyncError, UnavailableError

IDS = [str(n) for n in range(9)]
DOWN = UnavailableError("no answer")


@pytest.fixture
def pool() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as opened:  # in the order given
        yield opened


class Vendor:
    """Says what it was told to, and Written to the others."""

    def __init__(self, says: Mapping[str, NpsyncError]) -> None:
        self.says, self.asked = says, list[str]()

    def update(self, id: str) -> Outcome:
        self.asked.append(id)
        if id in self.says:
            raise self.says[id]
        return Written(id)


def sent(pool: Executor, vendor: Vendor, ids: Sequence[str] = IDS) -> list[Outcome]:
    return [outcome for _, outcome in updates(pool, vendor.update, {id: id for id in ids})]


@pytest.mark.parametrize(
    "error", [AccessError("revoked"), ConfigError("no such path"), BudgetError("spent"), Interrupted()]
)
def test_what_is_refused_for_all_is_asked_once(pool: Executor, error: NpsyncError) -> None:
    vendor = Vendor({"1": error})
    came = updates(pool, vendor.update, {id: id for id in IDS})
    assert next(came) == ("0", Written("0"))
    with pytest.raises(type(error)):
        list(came)
    assert vendor.asked == ["0", "1"]
    vendor = Vendor({"1": error})
    with pytest.raises(type(error)):
        all_of(pool, vendor.update, IDS)
    assert vendor.asked == ["0", "1"]


def test_what_came_of_each_is_in_the_order_given(pool: Executor) -> None:
    assert all_of(pool, Vendor({}).update, IDS) == [Written(id) for id in IDS]
    assert all_of(pool, Vendor({}).update, []) == []


def test_after_some_silence_in_a_row_the_rest_is_put_off_untried(pool: Executor) -> None:
    vendor = Vendor(dict.fromkeys(IDS[1:], DOWN))
    first, *others = sent(pool, vendor)
    assert first == Written("0")
    assert len(vendor.asked) == 1 + SILENT
    assert [isinstance(one, Deferred) and one.tried for one in others] == [True] * SILENT + [False] * 5


def test_an_answer_between_ends_the_silence(pool: Executor) -> None:
    vendor = Vendor({id: DOWN for id in IDS if int(id) % SILENT})
    assert len(sent(pool, vendor)) == len(vendor.asked) == len(IDS)


def test_where_nothing_gets_through_the_vendor_is_down_for_all(pool: Executor) -> None:
    with pytest.raises(UnavailableError, match="no answer"):
        sent(pool, Vendor(dict.fromkeys(IDS, DOWN)))


def test_whose_fate_nobody_knows_is_told_so(pool: Executor) -> None:
    assert sent(pool, Vendor({"0": FateUnknown("cut off")}), ["0", "1"]) == [
        Unknown("0", "cut off"),
        Written("1"),
    ]


def test_several_changes_of_a_record_are_one_update_from_what_was_to_what_is_to_be() -> None:
    changes = [
        Change(object="contacts", record_id="1", before={"a": 1}, after={"a": 2}),
        Change(object="contacts", record_id="2", before={}, after={"a": 7}),
        Change(object="contacts", record_id="1", before={"a": 2, "b": 5}, after={"a": 3, "b": None}),
    ]
    assert list(wanted(changes)) == [("1", {"a": 1, "b": 5}, {"a": 3, "b": None}), ("2", {}, {"a": 7})]
