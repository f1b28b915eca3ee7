"""What Mixpanel pushes: pages of a cohort's sync, behind a login, answered as Mixpanel wants to be answered."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from builders_mixpanel import JO, NOW, hints, login, page, posted, settings
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Refused, Taken
from connectors.mixpanel.inbound import LARGEST, MixpanelInbound
from connectors.mixpanel.settings import MixpanelSettings
from nps.events import PersonKey, Subject


def received(told: Any, **hooks: Any) -> Taken:
    return MixpanelInbound(settings(**hooks)).receive(posted(told))


def test_who_came_in_is_named_with_what_leads_to_the_person() -> None:
    told, jo = hints(received(page("add_members", JO)))
    assert told.subject == Subject("cohort", "99")
    assert jo.subject == Subject("person", "u-1001")
    assert jo.person == (PersonKey("external_id", "u-1001"), PersonKey("email", "jo@example.com"))
    assert jo.facts["cohort"] == "Used export"
    assert jo.occurred_at == NOW


@pytest.mark.parametrize("action", ["members", "add_members", "remove_members"])
def test_the_reply_says_success_of_the_same_action(action: str) -> None:
    reply = received(page(action)).reply
    assert (reply.status, orjson.loads(reply.body)) == (200, {"action": action, "status": "success"})


@pytest.mark.parametrize("action", ["members", "remove_members"])
def test_of_who_is_not_asked_no_address_is_kept(action: str) -> None:
    _, jo = hints(received(page(action, JO)))
    assert jo.person == ()


def test_an_address_that_serves_as_an_id_is_no_subject() -> None:
    _, jo = hints(received(page("add_members", {"mixpanel_distinct_id": "jo@example.com"})))
    assert jo.subject is not None
    assert "jo" not in jo.subject.id
    assert PersonKey("email", "jo@example.com") in jo.person


def test_the_same_delivery_again_is_the_same_hint_and_another_session_another() -> None:
    def keys(session: str) -> list[str]:
        return [hint.key for hint in hints(received(page("add_members", JO, session=session)))]

    assert keys("s-1") == keys("s-1")
    assert not set(keys("s-1")) & set(keys("s-2"))


@pytest.mark.parametrize(
    "member", [{}, None, 7, {"mixpanel_distinct_id": ""}, {"mixpanel_distinct_id": "anonymous"}]
)
def test_a_member_that_names_nobody_is_left_out_and_counted(member: Any) -> None:
    taken = received(page("add_members", member, JO))
    assert len(taken.arrivals) == 2
    assert [(one.code, one.count) for one in taken.left_out] == [("nobody", 1)]


@pytest.mark.parametrize(
    "header",
    ["", "Basic", "Basic ???", "Bearer x", "Basic café", login("npsync", "guess"), login("x"), login() + "x"],
)
def test_without_the_login_nothing_is_taken(header: str) -> None:
    with pytest.raises(Refused) as refused:
        MixpanelInbound(settings()).receive(posted(page("add_members", JO), header))
    assert (refused.value.status, refused.value.code) == (401, "bad_login")


@pytest.mark.parametrize(
    "told",
    [b"{", b"[]", b"null", {"action": "members"}, page("other"), {**page("members"), "action": ["members"]}],
)
def test_what_cannot_be_read_stops_no_sync(told: Any) -> None:
    with pytest.raises(Refused) as refused:
        received(told)
    assert refused.value.status == 503  # a 400 would pause it until somebody resumes it


def test_too_much_is_refused_before_it_is_read() -> None:
    with pytest.raises(Refused) as refused:
        received(b" " * (LARGEST + 1))
    assert refused.value.status == 413


def test_without_hooks_nothing_is_taken() -> None:
    account = {"username": "npsync", "secret": "s"}
    polled = MixpanelSettings.model_validate({"project_id": "1", "service_account": account})
    with pytest.raises(Refused, match="takes nothing"):
        MixpanelInbound(polled).receive(posted(page("members")))


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)
parameters = st.fixed_dictionaries(
    {"mixpanel_cohort_id": st.just("99") | anything, "members": st.lists(anything) | anything},
    optional={"mixpanel_session_id": anything, "page_info": anything, "mixpanel_cohort_name": anything},
)


@given(
    st.dictionaries(st.sampled_from(["action", "parameters"]), anything)
    | st.fixed_dictionaries({"action": st.just("add_members"), "parameters": parameters})
    | st.just(page("members", JO))
)
def test_whoever_logged_in_is_taken_or_asked_to_come_again(told: Any) -> None:
    try:
        body = orjson.dumps(told)
    except TypeError:  # a lone surrogate cannot be sent
        return
    try:
        status = received(body).reply.status
    except Refused as refused:
        status = refused.status
    assert status in (200, 503)
