"""Somebody who was forgotten is not taken in again, by no way into the store, and is not asked any more."""

from __future__ import annotations

import pytest
from builders_store import NOON, SOURCE, Syncing, answer, page, person, receive

from nps.asking import Past, PastKind, Suppression, SuppressionReason
from nps.errors import ConfigError
from nps.events import Answered, Event, Hint, PersonKey, Subject
from nps.forgetting import Forgetting, answer_name, person_name
from store.api import LedgerEntry, Receipt, Settled, State, Verdict
from store.sql import SqlStore

PEPPER = Forgetting("suppression-pepper-test")
JO = "email:jo@example.com"


@pytest.fixture
def forgetting(store: SqlStore) -> SqlStore:
    store.database.forgetting = PEPPER
    return store


def jo(id: str = "a1", **others: object) -> object:
    return answer(id, email="Jo@Example.com", **others)


def test_an_answer_of_somebody_forgotten_is_counted_and_not_stored(forgetting: SqlStore, syncing: Syncing):
    forgetting.bury([JO], now=NOON)
    got = receive(forgetting, jo("a1"), answer("a2"), cursor=5)
    assert (got.new, got.repeated, got.forgotten) == (1, 0, 1)
    assert forgetting.answer(SOURCE, "a1") is None
    assert forgetting.cursor(SOURCE).state == {"after": 5}
    assert syncing.take_up() == 1
    assert forgetting.balance(syncing.sync, syncing.sources) == (1, 1)


def test_what_is_stored_of_somebody_forgotten_is_known_and_counts_for_no_record(
    forgetting: SqlStore, syncing: Syncing
):
    receive(forgetting, jo("a1"), answer("a2"))
    syncing.take_up()
    syncing.settle(Settled(number=number, state=State.WRITTEN, record_id="003A") for number in (1, 2))
    assert forgetting.forgotten_answers([1, 2]) == frozenset()
    forgetting.bury([JO], now=NOON)
    assert forgetting.forgotten_answers([1, 2]) == {1}
    assert [one.number for one in forgetting.counted(syncing.sync, ["003A"])] == [2]
    assert forgetting.balance(syncing.sync, syncing.sources) == (2, 2)


def test_an_answer_is_known_by_its_id_when_it_comes_without_a_person(forgetting: SqlStore):
    forgetting.bury([answer_name(SOURCE, "a1")], now=NOON)
    assert receive(forgetting, answer("a1", email=None)).forgotten == 1


def test_a_plan_in_a_copy_knows_them_too(forgetting: SqlStore):
    forgetting.bury([JO], now=NOON)
    with forgetting.overlay() as copy:
        assert receive(copy, jo()).forgotten == 1


def test_what_is_pushed_about_somebody_forgotten_is_counted_and_not_kept(forgetting: SqlStore):
    forgetting.bury([JO, answer_name("tool", "given-9"), "record:crm.Contact/003A"], now=NOON)
    pushed = [
        Answered(key="1", connection="tool", at=NOON, id="given-9"),
        Hint(key="2", connection="tool", person=(PersonKey("email", "jo@example.com"),)),
        Hint(key="3", connection="crm", subject=Subject("Contact", "003A")),
        Hint(key="4", connection="tool", person=(PersonKey("email", "ann@example.com"),)),
    ]
    assert forgetting.receive(pushed, now=NOON) == 1
    rows = forgetting.arrival_rows()
    assert {(row.connection, row.code, row.attempts) for row in rows if row.state == "refused"} == {
        ("tool", "forgotten", 2),
        ("crm", "forgotten", 1),
    }
    kept = "\n".join(forgetting.dump())
    assert not any(trace in kept for trace in ("jo@", "003A", "given-9"))


def test_an_event_about_somebody_forgotten_is_not_noted(forgetting: SqlStore):
    forgetting.bury([person_name("crm", "003A")], now=NOON)
    case = Subject("Case", "500A")

    def closed(key: str, whose: str) -> Event:
        keys = (PersonKey("record", whose),)
        return Event(connection="crm", kind="closed", key=key, subject=case, occurred_at=NOON, person=keys)

    assert forgetting.note_events([closed("1", "003A"), closed("2", "003B")], now=NOON) == 1


def test_somebody_forgotten_is_never_asked(forgetting: SqlStore):
    forgetting.bury([JO], now=NOON)
    [told] = forgetting.suppressions([JO, "record:crm.Contact/003A"])
    assert (told.key, told.reason) == (JO, SuppressionReason.ERASED)


def test_nothing_is_taken_in_without_the_pepper_people_were_forgotten_with(forgetting: SqlStore):
    forgetting.bury([JO], now=NOON)
    for other in (None, Forgetting("another-pepper-of-length")):
        forgetting.database.forgetting = other
        with pytest.raises(ConfigError, match=r"^pepper: people were forgotten in this store"):
            receive(forgetting, answer("a2"))
        with pytest.raises(ConfigError, match=r"^pepper:"):
            forgetting.check_pepper()
    assert forgetting.answer(SOURCE, "a2") is None


def test_the_pepper_may_change_while_nobody_is_forgotten(store: SqlStore):
    for pepper in (None, PEPPER, Forgetting("another-pepper-of-length")):
        store.database.forgetting = pepper
        store.check_pepper()
        assert receive(store, answer("a1")).forgotten == 0


def test_nobody_is_forgotten_without_a_pepper(store: SqlStore):
    with pytest.raises(ConfigError, match="openssl rand -hex 32"):
        store.bury([JO], now=NOON)


def test_burying_twice_is_once(forgetting: SqlStore):
    assert forgetting.bury([JO, "id:7"], now=NOON) == 2
    assert forgetting.bury([JO, "id:8"], now=NOON) == 1
    assert forgetting.buried([JO, "id:9"]) == {JO}


def test_while_nobody_is_forgotten_no_name_is_hashed(store: SqlStore):
    class Loud(Forgetting):
        def digest(self, name: str) -> str:
            raise AssertionError("nobody was forgotten")

    store.database.forgetting = Loud("suppression-pepper-test")
    given = [answer("a1"), answer("a2")]
    store.append(SOURCE, page(*given), [person(one) for one in given], received_at=NOON)
    assert store.suppressions([JO]) == []


def test_receipts_come_back_the_latest_first_and_by_person(store: SqlStore):
    digest = PEPPER.digest(JO)
    store.note_receipt(Receipt(kind="export", at=NOON, who="olga", report={"person": digest, "answers": 2}))
    store.note_receipt(Receipt(kind="read", at=NOON, who="sam", report={"page": "customer"}))
    assert [one.kind for one in store.receipts()] == ["read", "export"]
    [only] = store.receipts(person=digest)
    assert (only.who, only.report["answers"]) == ("olga", 2)
    assert [one.who for one in store.receipts(kind="read")] == ["sam"]


def test_what_triggers_say_of_somebody_forgotten_is_counted_without_them(forgetting: SqlStore):
    forgetting.bury(["record:crm.Contact/003A"], now=NOON)
    said = [
        Verdict(trigger="t", at=NOON, scope="crm.Contact", record_id=id, code="suppressed", reason="erased")
        for id in ("003A", "003B")
    ]
    forgetting.decide_event(None, [], said, {}, now=NOON)
    assert [one.record_id for one in forgetting.verdicts()] == ["003B", None]


def test_no_send_no_suppression_and_no_reason_brings_an_address_back(forgetting: SqlStore):
    forgetting.bury([JO], now=NOON)
    past = Past(at=NOON, what=PastKind.SEND)
    entries = [
        LedgerEntry(dedupe="1", keys=(JO, "id:7"), past=past),
        LedgerEntry(dedupe="2", keys=("email:ann@example.com",), past=past),
    ]
    assert forgetting.enter(entries, now=NOON) == 1
    opted_out = [Suppression(key=key, reason=SuppressionReason.CRM_OPT_OUT, at=NOON) for key in (JO, "id:8")]
    assert forgetting.suppress(opted_out) == 1
    forgetting.note_reasons([JO], now=NOON)
    assert not any("jo@example" in line for line in list(forgetting.dump()))


def test_no_connection_remembers_somebody_forgotten(forgetting: SqlStore):
    forgetting.bury([JO, person_name("crm", "003A")], now=NOON)
    items = {
        "person:9": '{"email":"Jo@example.com"}',
        "wrote/003A": "{}",
        "person:8": '{"email":"ann@example.com"}',
    }
    forgetting.memorize("crm", items)
    assert forgetting.recall_below("crm", "") == {"person:8": '{"email":"ann@example.com"}'}
