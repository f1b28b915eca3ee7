"""Whose account a record is: remembered with its answers' states, and who has to be looked at because of it."""

from __future__ import annotations

from typing import Any

import pytest
from builders_store import SYNC, Syncing, answer, change, later, receive

from nps.errors import LeaseLost
from store.api import Lease, Member, Membership, Settled, State
from store.sql import SqlStore

ROLL_UP = f"{SYNC}/account"


def belongs(record_id: str, account: str | None, **traits: str) -> Member:
    return Member(record_id=record_id, account=account, traits=dict(traits))


def note(
    syncing: Syncing, *members: Member, gone: tuple[str, ...] = (), roll_up: str | None = ROLL_UP
) -> None:
    known: dict[str, Member | None] = {one.record_id: one for one in members}
    whose = Membership(members=known | dict.fromkeys(gone), roll_up=roll_up)
    syncing.store.note_members(SYNC, whose, lease=syncing.lease, now=later())


def touched(store: SqlStore) -> list[str]:
    return store.clearings(ROLL_UP, "", 100)


def test_a_record_is_known_with_its_account_and_what_a_report_groups_it_by(
    store: SqlStore, syncing: Syncing
) -> None:
    note(syncing, belongs("003A", "001A", plan="Gold"), belongs("003B", None))
    assert store.members(SYNC, ["003A", "003B", "003C"]) == {
        "003A": belongs("003A", "001A", plan="Gold"),
        "003B": belongs("003B", None),
    }
    assert touched(store) == ["001A"]


def test_a_record_that_changes_its_account_touches_both(store: SqlStore, syncing: Syncing) -> None:
    note(syncing, belongs("003A", "001A"), roll_up=None)
    assert touched(store) == []
    note(syncing, belongs("003A", "001B"))
    assert touched(store) == ["001A", "001B"]
    assert store.members(SYNC, ["003A"])["003A"].account == "001B"


def test_a_record_that_is_gone_touches_the_account_it_belonged_to(store: SqlStore, syncing: Syncing) -> None:
    note(syncing, belongs("003A", "001A"), belongs("003B", "001B"), roll_up=None)
    note(syncing, gone=("003A", "003X"))
    assert touched(store) == ["001A"]
    assert store.members(SYNC, ["003A", "003B"]).keys() == {"003B"}


def test_members_are_kept_in_the_transaction_that_settles_a_chunk(store: SqlStore, syncing: Syncing) -> None:
    whose = Membership(members={"003A": belongs("003A", "001A")}, roll_up=ROLL_UP)
    changes = {"003A": change("003A", response=None)}
    settle: Any = {
        "lease": syncing.lease,
        "now": later(),
        "settled": [],
        "demoted": {},
        "connection": "crm",
    }
    store.settle(SYNC, syncing.run, changes=changes, whose=whose, **settle)
    assert store.members(SYNC, ["003A"]).keys() == {"003A"}
    assert store.clearings(SYNC, "", 10) == ["003A"]
    assert touched(store) == ["001A"]

    lost = Lease(name=syncing.lease.name, owner="somebody else", token=syncing.lease.token)
    with pytest.raises(LeaseLost):
        store.settle(SYNC, syncing.run, changes={}, whose=whose, **(settle | {"lease": lost}))


# ------------------------------------------------------------ accounts and their people


def test_accounts_come_in_their_order_with_those_that_nobody_belongs_to_any_more(
    store: SqlStore, syncing: Syncing
) -> None:
    note(syncing, belongs("003A", "001B"), belongs("003B", "001B"), belongs("003C", None), roll_up=None)
    note(syncing, belongs("003D", "001D"))
    store.touch_accounts(ROLL_UP, ["001C", "001C", "001D"])
    assert store.accounts(SYNC, ROLL_UP, "", 10) == ["001B", "001C", "001D"]
    assert store.accounts(SYNC, ROLL_UP, "001B", 1) == ["001C"]
    assert store.count_accounts(SYNC) == 2
    assert list(store.people_between(SYNC, "001B", "001C")) == [[("001B", "003A"), ("001B", "003B")]]
    assert store.people_of(SYNC, "001D") == ["003D"]
    assert store.people_of(SYNC, "001C") == []


def test_people_are_read_on_from_the_last_one_of_a_page(
    store: SqlStore, syncing: Syncing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.members.PAGE", 2)
    people = [belongs(f"003{n}", f"001{n % 3}") for n in range(7)]
    note(syncing, *people)
    pages = list(store.people_between(SYNC, "0010", "0012"))
    assert [len(page) for page in pages] == [2, 2, 2, 1]
    assert sorted(one for page in pages for one in page) == sorted(
        (f"001{n % 3}", f"003{n}") for n in range(7)
    )


def test_the_people_of_a_merged_account_go_with_it(store: SqlStore, syncing: Syncing) -> None:
    note(syncing, belongs("003A", "001A"), belongs("003B", "001B"), roll_up=None)
    store.move_members(SYNC, "001A", "001B", lease=syncing.lease, roll_up=ROLL_UP)
    assert store.people_of(SYNC, "001B") == ["003A", "003B"]
    assert touched(store) == ["001B"]


def test_the_latest_answer_of_an_account_and_who_answered_since(store: SqlStore, syncing: Syncing) -> None:
    receive(store, answer("a1"), answer("a2", at=later(days=-30)), answer("a3"), answer("a4"))
    syncing.take_up()
    states = (State.WRITTEN, State.SUPERSEDED, State.REJECTED, State.UNCHANGED)
    syncing.settle(
        Settled(number=number, state=state, record_id=f"003{number}")
        for number, state in enumerate(states, start=1)
    )
    note(
        syncing,
        belongs("0031", "001A"),
        belongs("0032", "001A"),
        belongs("0033", "001B"),
        belongs("0034", None),
    )
    assert store.newest_of_accounts(SYNC, ["001A", "001B", "001C"]) == {"001A": 2}
    records = store.records_answered(SYNC, "", 10)
    assert records == ["0031", "0032", "0033", "0034"]
    assert store.records_answered(SYNC, "0032", 1) == ["0033"]
    assert store.counting_since(SYNC, records, later(days=-1)) == {"0031", "0034"}
    assert {one.record_id for one in store.counted(SYNC, records, since=later(days=-1))} == {"0031", "0034"}
