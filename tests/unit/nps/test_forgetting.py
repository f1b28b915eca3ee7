"""Who was forgotten is known again by keyed hashes of normalised names, whatever they come with."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nps.events import Answered, Event, Hint, PersonKey, Signal, SignalKind, Subject
from nps.forgetting import Forgetting, answer_name, person_name
from nps.responses import SurveyResponse

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
JO = "0e35d008ab5fef6d9368f3eb263a97ff8e64a5a789082cfb1761b00f3d59a3fa"
FORGETTING = Forgetting("suppression-pepper-test", "US")


def answer(**given: str) -> SurveyResponse:
    return SurveyResponse(source="mail", id="a1", answered_at=NOON, **given)


def hashes(names: tuple[str, ...]) -> set[str]:
    return {FORGETTING.digest(name) for name in names}


def test_the_known_address_has_the_known_hash():
    assert FORGETTING.digest("email:jo@example.com") == JO


@pytest.mark.parametrize(
    "spelt", ["Jo@Example.COM", " jo@example.com ", "Jo <jo@EXAMPLE.com>", "mailto:jo@example.com"]
)
def test_every_spelling_of_an_address_has_the_same_hash(spelt):
    assert JO in hashes(FORGETTING.of_answer(answer(email=spelt)))


def test_a_phone_number_is_hashed_as_e164():
    [number] = {FORGETTING.digest("phone:+12025550143")}
    assert number in hashes(FORGETTING.of_answer(answer(phone="(202) 555-0143")))


def test_an_id_is_hashed_exactly_and_never_taken_for_an_address():
    assert FORGETTING.digest("id:007") in hashes(FORGETTING.of_answer(answer(external_id="007")))
    assert FORGETTING.digest("id:7") not in hashes(FORGETTING.of_answer(answer(external_id="007")))
    assert FORGETTING.digest("id:jo@example.com") != JO


def test_an_answer_is_known_by_its_id_alone():
    assert FORGETTING.of_answer(answer()) == (answer_name("mail", "a1"),)


def test_another_pepper_gives_other_hashes_and_another_check():
    other = Forgetting("another-pepper-of-length")
    assert other.digest("email:jo@example.com") != JO
    assert other.check != FORGETTING.check


def test_a_pushed_answer_is_known_whether_it_came_whole_or_by_its_id():
    by_id = Answered(key="k", connection="mail", at=NOON, id="a1")
    whole = Answered(key="k", connection="mail", at=NOON, response=answer(email="jo@example.com"))
    assert FORGETTING.of_arrival(by_id) == (answer_name("mail", "a1"),)
    assert JO in hashes(FORGETTING.of_arrival(whole))


def test_a_hint_an_event_and_a_signal_are_known_by_whom_they_name():
    keys = (PersonKey("record", "003A"), PersonKey("email", "Jo@example.com"))
    case = Subject("Case", "500A")
    hint = Hint(key="k", connection="crm", subject=case, person=keys)
    event = Event(connection="crm", kind="closed", key="k", subject=case, occurred_at=NOON, person=keys)
    for named in (FORGETTING.of_arrival(hint), FORGETTING.of_event(event)):
        assert {person_name("crm", "003A"), "email:jo@example.com", "record:crm.Case/500A"} == set(named)
    signal = Signal(key="k", connection="mailer", kind=SignalKind.BOUNCE, at=NOON, address="jo@example.com")
    assert FORGETTING.of_arrival(signal) == ("email:jo@example.com",)


def test_a_wish_to_be_erased_names_its_person_by_the_senders_id():
    hint = Hint(key="k", connection="shop", kind="erasure_asked", subject=Subject("person", "C-7"))
    assert "id:C-7" in FORGETTING.of_arrival(hint)


def test_a_key_of_any_kind_names_its_person():
    keys = (PersonKey("phone", "(202) 555-0143"), PersonKey("external_id", "007"))
    hint = Hint(key="k", connection="crm", person=keys)
    assert set(FORGETTING.of_arrival(hint)) == {"phone:+12025550143", "id:007"}


def test_a_pushed_answer_without_an_id_is_known_by_what_it_carries():
    given = answer(email="jo@example.com")
    whole = Answered(key="k", connection="mail", at=NOON, response=given)
    assert set(FORGETTING.of_arrival(whole)) == {"email:jo@example.com", answer_name("mail", "a1")}


def test_what_a_connection_remembers_is_known_by_all_it_may_name():
    """By what its key ends in, addresses, numbers that say they are some, and whatever is long enough for an id."""
    of_key = {person_name("crm", "003A"), "id:003A"}
    assert set(FORGETTING.of_memory("crm", "case:people/003A", [])) == of_key
    for value, named in (
        ("Jo@Example.com", {"email:jo@example.com", "id:Jo@Example.com"}),
        ("+1 202 555 0143", {"phone:+12025550143", "id:+1 202 555 0143"}),
        ("2025550143", {"id:2025550143"}),
        ("cust-7", {"id:cust-7"}),
        ("12345", set()),
    ):
        assert set(FORGETTING.of_memory("crm", "case:people/003A", [value])) == of_key | named, value
