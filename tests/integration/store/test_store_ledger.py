"""One memory of who was asked, by every name a person goes by, over all tools; answers of the inbox count at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from builders_asking import ANN, BOB, EARLY, claim, entry, judge, queue, reserve
from builders_store import NOON, Syncing, answer, change, later, receive

from nps.asking import (
    Channel,
    Decision,
    PastKind,
    Send,
    Suppress,
    Suppression,
    SuppressionReason,
    person_keys,
)
from nps.keys import person_number
from nps.responses import Cursor, Page, ResponseStatus, SurveyResponse
from store import open_store
from store.api import Settled, State, Store
from store.sql import SqlStore

FOREVER = NOON - timedelta(days=9999)
CONTACT = person_keys(connection="crm", object="Contact", record_id="003A")


def past(store: Store, *keys: str, now: Any = NOON, since: Any = FOREVER) -> list[tuple[PastKind, str]]:
    return [(one.what, one.source) for one in store.past(keys, since=since, now=now)]


def give(store: Store, response: SurveyResponse) -> None:
    """An answer in the inbox, with the number of its person."""
    persons = [person_number(response, "US")]
    store.append(response.source, Page((response,), Cursor(state={})), persons, received_at=NOON)


def told(reason: SuppressionReason = SuppressionReason.UNSUBSCRIBE, **others: Any) -> Suppression:
    return Suppression(**({"key": ANN[1], "reason": reason, "at": NOON, "source": "page"} | others))  # type: ignore[arg-type]


# ------------------------------------------------------------ entries


def test_an_entry_is_found_by_every_name_of_its_person_and_by_no_other(store: SqlStore):
    store.enter(
        [entry("a", source="old-tool"), entry("b", keys=BOB, source="hub", at=later(days=-1))], now=NOON
    )
    for key in ANN:
        assert past(store, key) == [(PastKind.SEND, "old-tool")]
    assert past(store, *ANN, *BOB) == [(PastKind.SEND, "old-tool"), (PastKind.SEND, "hub")]
    assert past(store, "email:cyd@example.com") == []
    assert past(store, *BOB, since=NOON) == []


def test_importing_again_is_harmless(store: SqlStore):
    both = [entry("a"), entry("b", keys=BOB)]
    assert store.ledger_is_empty()
    assert store.enter(both, now=NOON) == 2
    assert store.enter([*both, entry("c"), entry("c")], now=later(days=1)) == 1
    assert (store.ledger_size(), store.ledger_is_empty()) == (3, False)


def test_a_lost_ledger_stays_empty_whatever_other_tools_tell_meanwhile(store: SqlStore):
    store.enter([entry("api/marketing/m-1")], now=NOON)
    store.enter(
        [entry("promised", what=PastKind.RESERVED), entry("an answer", what=PastKind.ANSWER)], now=NOON
    )
    assert (store.ledger_size(), store.ledger_is_empty()) == (3, True)
    store.enter([entry("import/1")], now=NOON)
    assert not store.ledger_is_empty()


def test_an_entry_comes_back_as_it_was(store: SqlStore):
    whole = entry(
        "a", what=PastKind.DECLINE, survey="relationship", metric="nps", kind="relationship", source="hub"
    )
    store.enter([whole], now=NOON)
    assert store.past(ANN, since=FOREVER, now=NOON) == [whole.past]


def test_a_name_leads_to_the_others_it_was_entered_with(store: SqlStore):
    store.enter([entry("a"), entry("b", keys=[ANN[1], "id:0042"]), entry("c", keys=BOB)], now=NOON)
    assert set(store.names_beside([ANN[1]])) == {*ANN, "id:0042"}
    assert store.names_beside(["email:nobody@example.com"]) == ("email:nobody@example.com",)
    assert store.names_beside([]) == ()


def test_when_records_were_asked_last(store: SqlStore):
    more = [entry("b", at=later(days=1)), entry("c", at=later(days=2), what=PastKind.ANSWER)]
    store.enter([entry("a"), *more, entry("d", keys=BOB, what=PastKind.DECLINE)], now=NOON)
    assert store.last_asked("crm.Contact", ["003A", "003B", "003C"]) == {"003A": later(days=1)}
    assert store.last_asked("hub.contacts", ["003A"]) == {}


def test_asks_are_counted_per_account(store: SqlStore):
    whole = [entry(f"e{n}", account="001A", at=later(days=-n)) for n in range(3)]
    store.enter([*whole, entry("x", account="001B", what=PastKind.ANSWER), entry("y")], now=NOON)
    assert store.account_asks(["001A", "001B"], since=later(days=-1.5), now=NOON) == {"001A": 2}
    assert store.account_asks(["001A"], since=later(days=-1), now=NOON) == {"001A": 1}  # a day ago is over


def test_each_ask_of_an_account_says_when_it_counts_no_more(store: SqlStore):
    month = timedelta(days=30)
    reserved = entry("r", account="001A", what=PastKind.RESERVED, at=later(days=-1), until=later(days=2))
    whole = [entry(f"e{n}", account="001A", at=later(days=-n)) for n in (0, 29, 30, 31)]
    store.enter([*whole, reserved, entry("x", account="001B")], now=NOON)
    ends = store.account_ends("001A", per=month, at=NOON, now=NOON)
    assert ends == [later(days=1), later(days=2), later(days=30)]
    assert store.account_ends("001A", per=month, at=later(days=2), now=NOON) == [later(days=30)]
    assert len(ends) == store.account_asks(["001A"], since=NOON - month, now=NOON)["001A"]


def test_many_entries_at_once(store: SqlStore):
    many = [entry(f"e{n}", keys=[f"email:{n}@example.com", "id:shared"]) for n in range(2_500)]
    assert store.enter(many, now=NOON) == 2_500
    assert store.enter(many, now=NOON) == 0
    assert past(store, "email:2499@example.com") == [(PastKind.SEND, "")]
    assert len(past(store, "id:shared")) == 1_000  # the latest of a shared name


# ------------------------------------------------------------ answers count too


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"email": " Ann O'Brien <Ann@Example.com>"}, "email:ann@example.com"),
        ({"email": None, "phone": "(202) 555-0143"}, "phone:+12025550143"),
        ({"email": "other@example.com", "phone": "+12025550143"}, "phone:+12025550143"),
        ({"email": None, "external_id": "0012"}, "id:0012"),
        ({"email": "other@example.com", "external_id": "0012"}, "id:0012"),
    ],
    ids=["e-mail", "phone", "phone beside an e-mail", "external id", "external id beside an e-mail"],
)
def test_an_answer_that_just_arrived_counts(store: SqlStore, given: dict[str, Any], key: str):
    give(store, answer("a1", **given))
    give(store, answer("a2", email="somebody@example.com"))
    assert past(store, key) == [(PastKind.ANSWER, "email-nps")]
    assert past(store, key, since=later(seconds=1)) == []


def test_an_answer_matched_to_the_record_counts_whatever_its_keys(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1", email="private@example.com"))
    syncing.take_up()
    syncing.settle([Settled(number=1, state=State.UNCHANGED, record_id="003A")])
    assert past(store, *CONTACT) == [(PastKind.ANSWER, "email-nps")]
    assert past(store, "record:crm.Contact/003B") == []
    syncing.take_up(everything=True)  # being planned anew
    assert past(store, *CONTACT) == [(PastKind.ANSWER, "email-nps")]


def test_a_record_of_the_same_id_elsewhere_is_another_one(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"))
    syncing.take_up()
    pending = Settled(number=1, state=State.PENDING, record_id="003A")
    syncing.settle([pending], changes={"003A": change("003A", response=1)})
    assert past(store, "record:crm.Contact/003A") == [(PastKind.ANSWER, "email-nps")]
    assert past(store, "record:crm.Lead/003A") == past(store, "record:hub.Contact/003A") == []


def test_edits_count_once_and_withdrawn_answers_not(store: SqlStore):
    give(store, answer("a1", 3))
    give(store, answer("a1", 9, updated_at=later(minutes=1)))
    give(store, answer("a2", email="bob@example.com", status=ResponseStatus.WITHDRAWN))
    assert past(store, "email:a1@example.com") == [(PastKind.ANSWER, "email-nps")]
    assert past(store, "email:bob@example.com") == []


def test_an_answer_says_which_of_our_invitations_it_answers(store: SqlStore):
    ours = answer("a1", source="npsync", survey="support-csat", properties={"npsync_invitation": "i1"})
    give(store, ours)
    [one] = store.past(["email:a1@example.com"], since=FOREVER, now=NOON)
    assert (one.invitation, one.survey, one.at) == ("i1", "support-csat", NOON)


# ------------------------------------------------------------ reservations of others


def reserve_for(store: SqlStore, dedupe: str, **others: Any) -> Decision:
    now = others.pop("now", NOON)
    rules = {name: others.pop(name) for name in ("per_account",) if name in others}
    wanted = entry(dedupe, **({"what": PastKind.RESERVED, "until": later(days=2), "at": now} | others))
    return store.reserve_for(wanted, judge(now, **rules), account_since=EARLY, day_began=None, now=now)


def test_another_department_reserves_and_everybody_else_is_refused(store: SqlStore):
    assert reserve_for(store, "finance/1") == Send()
    assert reserve_for(store, "sales/1") == Suppress("rest", "asked not long ago")
    assert reserve_for(store, "finance/1") == Send()  # asked again, not counted again
    assert past(store, *ANN) == [(PastKind.RESERVED, "")]


def test_a_reservation_wished_again_is_judged_by_what_happened_since(store: SqlStore):
    assert reserve_for(store, "finance/1") == Send()
    store.suppress([Suppression(key=ANN[0], reason=SuppressionReason.UNSUBSCRIBE, at=NOON)])
    assert isinstance(reserve_for(store, "finance/1"), Suppress)
    assert past(store, *ANN) == []


def test_a_reservation_wished_again_holds_as_long_as_is_said_then(store: SqlStore):
    reserve_for(store, "finance/1")
    assert reserve_for(store, "finance/1", now=later(days=1), until=later(days=9)) == Send()
    assert past(store, *ANN, now=later(days=8)) == [(PastKind.RESERVED, "")]


def test_the_reservation_of_one_is_no_yes_for_another(store: SqlStore):
    reserve_for(store, "finance/1")
    bob = reserve_for(store, "finance/1", keys=["email:bob@example.com"])
    assert bob == Suppress("used", "this id reserves somebody else already")
    assert past(store, *ANN) == [(PastKind.RESERVED, "")]


def test_a_reservation_that_is_not_used_is_void(store: SqlStore):
    reserve_for(store, "finance/1", account="001A")
    assert past(store, *ANN, now=later(days=2)) == []
    assert store.account_asks(["001A"], since=EARLY, now=later(days=2)) == {}
    assert reserve_for(store, "sales/1", now=later(days=2), until=later(days=4)) == Send()
    refused = reserve_for(store, "finance/1", now=later(days=2), until=later(days=4))
    assert isinstance(refused, Suppress)


def test_a_void_reservation_may_be_made_anew(store: SqlStore):
    reserve_for(store, "finance/1")
    assert reserve_for(store, "finance/1", now=later(days=3), until=later(days=4)) == Send()
    assert past(store, *ANN, now=later(days=3)) == [(PastKind.RESERVED, "")]


def test_a_reservation_is_used_by_the_send(store: SqlStore):
    reserve_for(store, "finance/1")
    assert store.enter([entry("finance/1", source="finance", at=later(hours=1))], now=NOON) == 1
    assert past(store, *ANN, now=later(days=9)) == [(PastKind.SEND, "finance")]
    assert reserve_for(store, "finance/1", now=later(days=400)) == Suppress(
        "used", "this reservation was used already"
    )
    assert not store.release_reservation("finance/1")


def test_a_reservation_is_taken_back(store: SqlStore):
    reserve_for(store, "finance/1")
    assert store.release_reservation("finance/1")
    assert not store.release_reservation("finance/1")
    assert past(store, *ANN) == []


def test_what_is_being_sent_by_us_nobody_else_takes_back(store: SqlStore):
    queue(store, "i1")
    [claimed] = claim(store)
    assert reserve(store, claimed) == Send()
    assert not store.release_reservation(f"step/{claimed.step.number}")
    assert past(store, *ANN) == [(PastKind.RESERVED, "")]


def test_what_is_being_sent_still_counts_as_sent_now_however_long_ago_it_was_reserved(store: SqlStore):
    """Two threads of a machine that slept for a year: one had begun to send, the other had only looked."""
    queue(store, "first", "second")
    first, second = claim(store)
    assert isinstance(reserve(store, first, own="first"), Send)
    year = later(days=366)
    assert isinstance(reserve(store, second, own="second", now=year), Suppress)
    [being_sent] = store.past(ANN, since=FOREVER, now=year)
    assert (being_sent.what, being_sent.at) == (PastKind.RESERVED, year)


def test_of_many_departments_at_once_one_is_promised(store: SqlStore):
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda n: reserve_for(store, f"d{n}"), range(24)))
    assert said.count(Send()) == 1


def test_an_accounts_cap_holds_against_many_at_once(store: SqlStore):
    def ask(n: int) -> Decision:
        return reserve_for(store, f"d{n}", keys=[f"email:{n}@example.com"], account="001A", per_account=5)

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(ask, range(24)))
    assert said.count(Send()) == 5


# ------------------------------------------------------------ suppressions and switches


def test_a_suppression_holds_until_the_person_lifts_it(store: SqlStore):
    assert store.suppress([told(), told(), told(SuppressionReason.BOUNCE, detail="550")]) == 2
    assert {one.reason for one in store.suppressions(ANN)} == {
        SuppressionReason.UNSUBSCRIBE,
        SuppressionReason.BOUNCE,
    }
    assert store.suppressions(BOB) == []
    assert store.lift(
        ANN[1], SuppressionReason.UNSUBSCRIBE, by="ann", why="subscribed again", now=later(days=1)
    )
    assert not store.lift(ANN[1], SuppressionReason.UNSUBSCRIBE, by="ann", why="again", now=later(days=1))
    assert [one.reason for one in store.suppressions(ANN)] == [SuppressionReason.BOUNCE]


def test_an_old_no_that_is_told_again_does_not_undo_what_the_person_did_later(store: SqlStore):
    store.suppress([told()])
    store.lift(ANN[1], SuppressionReason.UNSUBSCRIBE, by="ann", now=later(days=1))
    assert store.suppress([told()]) == 0
    assert store.suppressions(ANN) == []
    assert store.suppress([told(at=later(days=2))]) == 1
    assert [one.at for one in store.suppressions(ANN)] == [later(days=2)]


def test_a_suppression_of_one_channel_is_not_one_of_all(store: SqlStore):
    stop = told(SuppressionReason.STOP, key="phone:+12025550143", channel=Channel.SMS)
    assert store.suppress([stop, told(SuppressionReason.STOP, key="phone:+12025550143")]) == 2
    found = store.suppressions(["phone:+12025550143"])
    assert {one.channel for one in found} == {Channel.SMS, None}
    assert stop in found


def test_suppressions_are_listed_the_latest_first(store: SqlStore):
    store.suppress([told(at=later(days=n), key=f"email:{n}@example.com") for n in range(3)])
    store.suppress([told(SuppressionReason.COMPLAINT)])
    assert [one.at for one in store.all_suppressions(limit=2)] == [later(days=2), later(days=1)]
    assert len(store.all_suppressions(reason=SuppressionReason.COMPLAINT)) == 1


def test_switches_survive(url: str):
    store = open_store(url)
    store.switch("sends", {"stopped": True, "by": "kim", "at": "2026-03-02T12:00:00Z"})
    store.switch("ledger", "accepted")
    store.switch("ledger", None)
    store.close()
    again = open_store(url)
    assert again.switches() == {"sends": {"stopped": True, "by": "kim", "at": "2026-03-02T12:00:00Z"}}
    again.close()


# ------------------------------------------------------------ copies


def test_an_overlay_holds_the_ledger_too_and_leaves_no_trace(store: SqlStore):
    queue(store, "i1")
    store.enter([entry("a")], now=NOON)
    before = list(store.dump())
    assert any(line.startswith("ledger_key ") for line in before)
    with store.overlay() as overlay:
        assert list(overlay.dump()) == before
        assert past(overlay, *ANN) == [(PastKind.SEND, "")]
        overlay.enter([entry("b")], now=NOON)
        assert len(overlay.claim_steps("x", now=NOON, limit=9, seconds=60)) == 1
        queue(overlay, "i2")
    assert list(store.dump()) == before
