"""Who answered: looked up at Wootric in bulk, and remembered."""

from __future__ import annotations

from typing import Any

from fake_clock import MemoryInMemory
from played_wootric import MONDAY, Vendor, answer, at, end_user, read, wootric


def anonymous(number: int, user: int, **overrides: Any) -> dict[str, Any]:
    return answer(number, end_user_id=user, end_user={"properties": {}}, **overrides)


def test_people_are_swept_up_in_bulk_when_answers_do_not_name_them(vendor: Vendor) -> None:
    vendor.answers = [anonymous(n, 9_000 + n) for n in range(1, 301)]
    vendor.end_users = [end_user(9_000 + n, MONDAY + n, external_id=f"x{n}") for n in range(1, 301)]
    found = read(wootric())
    assert [(one.email, one.external_id) for one in found] == [
        (f"u{9_000 + n}@acme.com", f"x{n}") for n in range(1, 301)
    ]
    assert not any(path.startswith("/v1/end_users/") for path, _ in vendor.asked)
    # Seven pages; how many more were asked for ahead before the end was known is a matter of threads.
    assert vendor.calls("/v1/end_users") <= 20


def test_people_are_remembered_over_runs(vendor: Vendor) -> None:
    memory = MemoryInMemory()
    vendor.answers = [anonymous(n, 9_000 + n) for n in range(1, 301)]
    vendor.end_users = [end_user(9_000 + n, MONDAY + n) for n in range(1, 301)]
    source = wootric(memory=memory)
    first = read(source)
    source.close()  # a page that was asked for ahead may still be under way
    vendor.asked.clear()
    assert read(wootric(memory=memory)) == first
    assert vendor.calls("/v1/end_users") == 2


def test_only_who_is_not_in_the_list_is_asked_for_alone_and_a_deleted_one_is_nobody(vendor: Vendor) -> None:
    memory = MemoryInMemory()
    vendor.answers = [anonymous(1, 1), anonymous(2, 2)]
    vendor.end_users = [end_user(1)]
    for _ in range(2):
        one, two = read(wootric(memory=memory))
        assert (one.email, two.email) == ("u1@acme.com", None)
    assert vendor.calls("/v1/end_users/2") == 1
    assert vendor.calls("/v1/end_users/1") == 0


def test_sweeping_is_bounded_by_what_asking_for_each_would_cost(vendor: Vendor) -> None:
    vendor.answers = [anonymous(1, 7_999)]
    vendor.end_users = [end_user(n, MONDAY + n) for n in range(1, 8_001)]
    [one] = read(wootric())
    assert one.email == "u7999@acme.com"
    assert vendor.calls("/v1/end_users") <= 30
    assert vendor.calls("/v1/end_users/7999") == 1


def test_a_changed_address_is_noticed_by_a_later_run(vendor: Vendor) -> None:
    memory = MemoryInMemory()
    vendor.answers = [anonymous(1, 1)]
    vendor.end_users = [end_user(1), end_user(2, MONDAY + 1)]
    read(wootric(memory=memory))
    vendor.end_users[0] |= {"email": "new@acme.com", "updated_at": at(MONDAY + 50)}
    assert read(wootric(memory=memory))[0].email == "new@acme.com"


def test_nobody_is_looked_up_when_the_answer_names_the_person(vendor: Vendor) -> None:
    vendor.answers = [answer(1)]
    read(wootric())
    assert vendor.calls("/v1/end_users") == 0


def test_looking_up_always_adds_phone_and_external_id(vendor: Vendor) -> None:
    vendor.answers = [answer(1, end_user_id=1)]
    vendor.end_users = [end_user(1, phone_number="+14155550100", external_id="007")]
    [one] = read(wootric(look_up="always"))
    assert (one.email, one.phone, one.external_id) == ("p1@acme.com", "+14155550100", "007")


def test_never_looking_up_makes_no_call(vendor: Vendor) -> None:
    vendor.answers = [anonymous(1, 1)]
    read(wootric(look_up="never"))
    assert vendor.calls("/v1/end_users") == 0


def last_response(number: int, channel: str) -> dict[str, Any]:
    return {"last_response": {"id": number, "score": 9, "survey": {"channel": channel}}}


def test_the_channel_is_told_by_the_persons_last_answer(vendor: Vendor) -> None:
    vendor.answers = [anonymous(1, 1), anonymous(2, 1)]
    vendor.end_users = [end_user(1, **last_response(2, "mobile:ios"))]
    one, two = read(wootric(channel="email"))
    assert (one.channel, two.channel) == ("email", "mobile")


def test_an_earlier_answer_keeps_its_channel_when_the_person_answers_again(vendor: Vendor) -> None:
    memory = MemoryInMemory()
    vendor.answers = [anonymous(1, 1)]
    vendor.end_users = [end_user(1, **last_response(1, "web"))]
    [first] = read(wootric(memory=memory))
    vendor.answers.append(anonymous(2, 1))
    vendor.end_users[0] |= {"updated_at": at(MONDAY + 9), **last_response(2, "mobile:ios")}
    again, second = read(wootric(memory=memory))
    assert again == first
    assert (again.channel, second.channel) == ("web", "mobile")
