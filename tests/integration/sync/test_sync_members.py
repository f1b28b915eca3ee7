"""Whose account a contact is, learned while its answers are planned: two companies and the people in them."""

from __future__ import annotations

import pytest
from builders_sync import SYNC, Town, answer

from store.api import Member

ROLLED_UP = {"account_by": "company", "account_object": "companies", "rolled_up": True}


@pytest.fixture
def town(town: Town) -> Town:
    town.given = dict(ROLLED_UP)
    return town


def members(town: Town) -> dict[str, str | None]:
    with town.store.database.read() as tx:
        return dict(tx.rows("SELECT record_id, account FROM member WHERE sync = :sync", sync=SYNC))


def touched(town: Town) -> list[str]:
    """The accounts that a roll-up has to look at; from here on it has."""
    name = f"{SYNC}/account"
    found = town.store.clearings(name, "", 100)
    lease = town.store.acquire(name, "test", now=town.clock.now(), seconds=60)
    assert lease is not None
    number = town.store.begin_run(name, "run", now=town.clock.now(), facts={})
    town.store.settle(
        name,
        number,
        lease=lease,
        now=town.clock.now(),
        settled=[],
        demoted={},
        changes=dict.fromkeys(found),
        connection="crm",
    )
    town.store.release(lease)
    return found


def test_a_sync_without_roll_up_and_report_keeps_no_members(town: Town) -> None:
    town.given = {"account_by": "company", "account_object": "companies"}
    town.crm.add("a1@example.com", company="acme")
    town.tell(answer())
    town.run()
    assert members(town) == {}
    assert touched(town) == []


def test_an_answer_touches_the_account_of_its_contact(town: Town) -> None:
    acme, alone = town.crm.add("a1@example.com", company="acme"), town.crm.add("a2@example.com")
    town.crm.add("a3@example.com", company="beta")
    town.tell(answer("a1"), answer("a2"))
    town.run()
    assert members(town) == {acme: "acme", alone: None}
    assert touched(town) == ["acme"]
    town.run()
    assert touched(town) == []


def test_a_contact_that_changed_companies_touches_both_with_its_next_answer(town: Town) -> None:
    ann = town.crm.add("a1@example.com", company="acme")
    town.tell(answer())
    town.run()
    touched(town)
    town.crm.contacts[ann]["company"] = "beta"
    town.tell(answer("later", days=1, email="a1@example.com"))
    town.run()
    assert members(town) == {ann: "beta"}
    assert touched(town) == ["acme", "beta"]


def test_an_answer_that_moves_to_another_contact_touches_both_companies(town: Town) -> None:
    ann = town.crm.add("a1@example.com", company="acme")
    bob = town.crm.add("bob@example.com", company="beta")
    town.tell(answer())
    town.run()
    touched(town)
    town.tell(answer(email="bob@example.com", updated_at=town.clock.now()))
    town.run()
    assert members(town) == {ann: "acme", bob: "beta"}
    assert touched(town) == ["acme", "beta"]


def test_a_contact_that_is_gone_touches_the_company_it_belonged_to(town: Town) -> None:
    ann = town.crm.add("a1@example.com", company="acme")
    town.tell(answer())
    town.run()
    touched(town)
    del town.crm.contacts[ann]
    town.run(everything=True)
    assert members(town) == {}
    assert touched(town) == ["acme"]


def test_what_was_merged_counts_for_the_company_of_the_survivor(town: Town) -> None:
    ann = town.crm.add("a1@example.com", company="acme")
    bob = town.crm.add("bob@example.com", company="beta")
    town.tell(answer())
    town.run()
    touched(town)
    town.crm.merge(ann, bob)
    town.tell(answer("next", days=1, email="bob@example.com"))
    town.crm.tells_merges = True
    town.run()
    assert members(town) == {ann: "beta", bob: "beta"}
    assert touched(town) == ["acme", "beta"]


def test_what_a_report_groups_by_is_kept_with_the_contact(town: Town) -> None:
    town.given = {"traits": {"owner": "record.code", "who": "record.id"}}
    ann = town.crm.add("a1@example.com", code="007")
    town.tell(answer())
    town.run()
    assert town.store.members(SYNC, [ann])[ann] == Member(record_id=ann, traits={"owner": "007", "who": ann})
    assert touched(town) == []
