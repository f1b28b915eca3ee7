"""Updates: one call each, only what changes, nothing created; what Intercom refuses is told with its cause."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from played_intercom import OWN, Office, change, contact, office, refused

from connectors.contract import Needs, Verdict
from nps.changes import Cause, Change, Deferred, Rejected, Unknown, Written
from nps.errors import AccessError, UnavailableError

AT = "/contacts/a1"


@pytest.fixture
def chat() -> Iterator[Office]:
    with office() as opened:
        yield opened


def puts(chat: Office) -> list[Any]:
    return [each.json for each in chat.vendor.sent("PUT")]


def test_only_what_changes_is_sent(chat: Office) -> None:
    chat.says(AT, (200, contact(name="Jo", own_nps_score=9, own_nps_comment=None, own_vip=True)))
    both = Change(
        object="contacts",
        record_id="a1",
        before={"name": None, f"{OWN}nps_score": 3, f"{OWN}nps_comment": "bad"},
        after={"name": "Jo", f"{OWN}nps_score": 9, f"{OWN}nps_comment": None},
    )
    assert chat.write(both) == [Written("a1")]
    assert puts(chat) == [{"name": "Jo", "custom_attributes": {"nps_score": 9, "nps_comment": None}}]


def test_two_changes_of_one_contact_are_one_call(chat: Office) -> None:
    chat.says(AT, (200, contact(own_nps_score=9, own_nps_comment="fine")))
    assert chat.write(change(nps_score=9), change(nps_comment="fine")) == [Written("a1")]
    assert puts(chat) == [{"custom_attributes": {"nps_score": 9, "nps_comment": "fine"}}]


@pytest.mark.parametrize("status", [404, 410])
def test_whoever_was_deleted_or_merged_is_gone(chat: Office, status: int) -> None:
    chat.says(AT, (status, refused("not_found")))
    [outcome] = chat.write(change(nps_score=9))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.cause) == ("gone", Cause.GONE)


def test_a_refusal_names_the_field_the_cause_and_the_request_and_nothing_of_the_customer(
    chat: Office,
) -> None:
    message = "Custom attribute 'nps_comment' does not exist: got 'my private words' of a1"
    chat.says(AT, (400, refused("parameter_invalid", message)))
    [outcome] = chat.write(change(nps_comment="my private words"))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.field, outcome.cause) == (
        "parameter_invalid",
        f"{OWN}nps_comment",
        Cause.MAPPING,
    )
    assert "does not exist" in outcome.message
    assert "request_id req-1" in outcome.message
    assert "private" not in outcome.message


@pytest.mark.parametrize(
    ("after", "code"),
    [({"nps_segment": "fan"}, "not_an_option"), ({"plan": "gold"}, "read_only")],
)
def test_what_would_be_refused_is_told_before_it_is_sent(
    chat: Office, after: dict[str, str], code: str
) -> None:
    [outcome] = chat.write(change(**after))
    assert isinstance(outcome, Rejected)
    assert outcome.code == code
    assert puts(chat) == []


def test_a_value_that_was_cut_is_not_called_written(chat: Office) -> None:
    chat.says(AT, (200, contact(own_nps_comment="my priv")))
    [outcome] = chat.write(change(nps_comment="my private words"))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "stored_otherwise"
    assert outcome.in_doubt  # what else the update held is there
    assert "7 of 16 characters; add `truncate: 7`" in outcome.message
    assert "priv" not in outcome.message


def test_an_answer_about_somebody_else_is_not_believed(chat: Office) -> None:
    chat.says(AT, (200, contact("b2", own_nps_score=9)))
    [outcome] = chat.write(change(nps_score=9))
    assert isinstance(outcome, Unknown)


def test_one_that_is_refused_does_not_stop_the_others(chat: Office) -> None:
    chat.says(AT, (200, contact(own_nps_score=9)))
    chat.says("/contacts/b2", (422, refused("invalid", "no")))
    chat.says("/contacts/c3", (200, contact("c3", own_nps_score=9)))
    outcomes = chat.write(*(change(id, nps_score=9) for id in ("a1", "b2", "c3")))
    assert [type(one) for one in outcomes] == [Written, Rejected, Written]


def test_when_nobody_answers_the_rest_is_not_tried(chat: Office) -> None:
    chat.says(AT, (200, contact(own_nps_score=9)))
    chat.vendor.says = [(503, refused("server_error"))]
    others = [f"x{n}" for n in range(9)]
    outcomes = chat.write(*(change(id, nps_score=9) for id in ("a1", *others)))
    assert outcomes[0] == Written("a1")
    assert [one.record_id for one in outcomes[1:]] == others
    assert all(isinstance(one, Deferred) for one in outcomes[1:])
    assert [one.tried for one in outcomes[1:] if isinstance(one, Deferred)] == [True] * 3 + [False] * 6


def test_when_nothing_got_through_intercom_is_down(chat: Office) -> None:
    chat.crm.describe("contacts")
    chat.vendor.says = [(503, refused("server_error"))]
    with pytest.raises(UnavailableError):
        chat.write(change("x", nps_score=9))


def test_a_call_without_an_answer_is_of_unknown_fate(chat: Office) -> None:
    chat.says(AT, requests.ConnectionError("reset"))
    [outcome] = chat.write(change(nps_score=9))
    assert isinstance(outcome, Unknown)


def test_a_token_that_may_no_longer_write_stops_the_run(chat: Office) -> None:
    chat.says(AT, (403, refused("forbidden")))
    with pytest.raises(AccessError, match="npsync connect"):
        chat.write(change(nps_score=9))


# ---------------------------------------------------------------- companies


def test_a_company_is_updated_by_its_id_in_one_call(chat: Office) -> None:
    row = {"type": "company", "id": "c1", "company_id": "A-1", "custom_attributes": {"nps_score": 9}}
    chat.says("/companies/c1", (200, row))
    assert chat.write(change("c1", "companies", nps_score=9)) == [Written("c1")]
    [sent] = chat.vendor.sent("PUT")
    assert sent.json == {"custom_attributes": {"nps_score": 9}}


def test_a_company_that_is_gone_is_not_made_again(chat: Office) -> None:
    [outcome] = chat.write(change("c1", "companies", nps_score=9))
    assert isinstance(outcome, Rejected)
    assert outcome.cause is Cause.GONE
    assert chat.vendor.sent("POST") == []


# ---------------------------------------------------------------- pace


def limits(chat: Office, remaining: int, seconds: float) -> dict[str, str]:
    reset = chat.clock.now().timestamp() + seconds
    return {
        "X-RateLimit-Limit": "1666",
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": str(int(reset)),
    }


def test_the_last_call_of_a_window_is_followed_by_a_pause_until_the_next(chat: Office) -> None:
    chat.crm.describe("contacts")
    chat.says(AT, (200, contact(own_nps_score=9), limits(chat, 0, 8)))
    began = chat.clock.monotonic()
    chat.write(change(nps_score=9))
    assert chat.clock.monotonic() == began
    chat.write(change(nps_score=9))
    assert 8 <= chat.clock.monotonic() - began <= 10


def test_too_many_calls_are_waited_for_until_the_reset(chat: Office) -> None:
    chat.crm.describe("contacts")
    chat.says(
        AT,
        (429, refused("rate_limit_exceeded"), limits(chat, 0, 7)),
        (200, contact(own_nps_score=9), limits(chat, 1_000, 10)),
    )
    began = chat.clock.monotonic()
    assert chat.write(change(nps_score=9)) == [Written("a1")]
    assert 7 <= chat.clock.monotonic() - began <= 9


def test_a_clock_that_is_wrong_by_hours_does_not_stop_everything(chat: Office) -> None:
    chat.crm.describe("contacts")
    chat.says(
        AT,
        (429, refused("rate_limit_exceeded"), limits(chat, 0, 50_000)),
        (200, contact(own_nps_score=9)),
    )
    began = chat.clock.monotonic()
    assert chat.write(change(nps_score=9)) == [Written("a1")]
    assert chat.clock.monotonic() - began <= 31


# ---------------------------------------------------------------- permissions


def verdicts(chat: Office, needs: Needs) -> dict[str, Verdict]:
    return {grant.permission: grant.verdict for grant in chat.crm.access(needs)}


def test_what_may_not_be_written_is_missing(chat: Office) -> None:
    needs = Needs(read={"contacts": frozenset({"email"})}, write={"contacts": frozenset({"name"})})
    chat.says("/contacts/search", (200, {"data": []}))
    chat.says("/contacts/npsync-tests-its-permission", (403, refused("forbidden")))
    assert verdicts(chat, needs)["update contacts"] is Verdict.MISSING
    chat.says("/contacts/npsync-tests-its-permission", (404, refused("not_found")))
    assert set(verdicts(chat, needs).values()) == {Verdict.OK}


def test_updating_companies_is_tried_on_one_that_is_not_there(chat: Office) -> None:
    needs = Needs(write={"companies": frozenset({"name"})})
    chat.says("/companies/npsync-tests-its-permission", (404, refused("not_found")))
    assert verdicts(chat, needs)["update companies"] is Verdict.OK
    assert chat.vendor.sent("POST") == []


def test_who_only_hears_of_conversations_needs_only_those(chat: Office) -> None:
    chat.says("/conversations/search", (200, {"conversations": []}))
    needs = Needs(events=frozenset({"conversation_closed"}), read={"conversations": frozenset()})
    assert verdicts(chat, needs) == {"search conversations": Verdict.OK}
