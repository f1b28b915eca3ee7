"""Mixpanel profiles: what a 200 means, what is written, and what is believed where nobody can look."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from fake_clock import FakeClock, MemoryInMemory, fake_tools
from hypothesis import given
from hypothesis import strategies as st
from played_vendor import PlayedVendor, playing
from pydantic import ValidationError

from connectors.contract import Lookup, Needs, Verdict, why_write_only
from connectors.mixpanel import CONNECTOR
from connectors.mixpanel.confirming import Failed, NotAll, Taken, Unclear, verdict
from connectors.mixpanel.destination import MixpanelProfiles
from connectors.mixpanel.properties import canonical, schema_of, typed
from connectors.mixpanel.settings import MixpanelSettings
from connectors.replies import Reply
from nps.changes import Batch, Change, Outcome, Rejected, Unknown, Written
from nps.errors import AccessError, BudgetError, ConfigError, RejectedError, UnavailableError
from nps.values import Json, Value

TOKEN = "the-projects-token"


def settings(**given: Any) -> MixpanelSettings:
    told = {"project_id": "1", "project_token": TOKEN, "distinct_id_is": "external_id"}
    return MixpanelSettings.model_validate(told | given)


def seeing(**given: Any) -> MixpanelSettings:
    return settings(service_account={"username": "npsync", "secret": "s3cret"}, **given)


def change(id: str, **after: Json) -> Change:
    return Change(object="profiles", record_id=id, before=dict.fromkeys(after), after=after)


def write(to: MixpanelProfiles, *changes: Change) -> list[Outcome]:
    return list(to.write(Batch(1, "profiles", "batch", changes), lambda handle: None))


# ---------------------------------------------------------------- what was said


def said(body: Any, status: int = 200, kind: str = "application/json") -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, {"content-type": kind}, raw)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (said({"code": 200, "status": "OK", "num_good_events": 3}), Taken),
        (said({"code": 200, "status": "OK", "num_records_imported": 3}), Taken),
        (said({"status": 1, "error": None}), Taken),
        (said({"status": 1, "error": ""}), Taken),
        (said({"code": 200, "status": "OK", "num_good_events": 2}), NotAll),
        (said({"status": 0, "error": "'token', missing or empty"}), NotAll),
        (said({"status": 1, "error": "some are wrong"}), NotAll),
        (said({"code": 400, "status": "Bad Request", "error": "some"}, 400), NotAll),
        (said({"status": "OK", "failed_records": [{"message": "no index"}]}), NotAll),
        (said({"status": "OK", "failed_records": [{"index": 3, "message": "too far"}]}), NotAll),
        (said({"status": "OK", "failed_records": "some"}), NotAll),
        (said(0), NotAll),
        (said(1), Unclear),
        (said("1"), Unclear),
        (said(True), Unclear),
        (said([]), Unclear),
        (said({}), Unclear),
        (said({"status": "queued"}), Unclear),
        (said(b"thanks", kind="text/plain"), Unclear),
    ],
)
def test_only_a_body_that_says_so_means_that_all_were_taken(reply: Reply, expected: type) -> None:
    assert isinstance(verdict(reply, 3), expected)


def test_those_that_were_refused_are_named_and_the_others_were_taken() -> None:
    reply = said({"code": 400, "failed_records": [{"index": 1, "message": "'$set' must\nbe an object"}]}, 400)
    assert verdict(reply, 3) == Failed({1: "'$set' must be an object"})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda s: st.lists(s) | st.dictionaries(st.text(), s),
    )
)
def test_no_answer_is_too_strange_to_be_judged(body: Any) -> None:
    assert isinstance(verdict(said(body), 2), Taken | Failed | NotAll | Unclear)


# ---------------------------------------------------------------- played


BASE = "https://mixpanel.test"
ENGAGE, QUERY = "/engage", "/api/query/engage"
OK = {"code": 200, "status": "OK"}


def profiles(**held: Any) -> dict[str, Any]:
    rows = [{"$distinct_id": id, "$properties": shown} for id, shown in held.items()]
    return {"page": 0, "page_size": 1000, "session_id": "s-1", "status": "ok", "results": rows}


@pytest.fixture
def vendor() -> Iterator[PlayedVendor]:
    with playing(BASE) as vendor:
        vendor.at = {ENGAGE: [(200, OK)], QUERY: [(200, profiles())]}
        yield vendor


def opened(given: MixpanelSettings, **tools: Any) -> MixpanelProfiles:
    return MixpanelProfiles(given.model_copy(update={"base_url": BASE}), fake_tools("product", **tools))


def updates(vendor: PlayedVendor) -> list[Any]:
    return [one.json for one in vendor.sent() if one.path == ENGAGE]


# ---------------------------------------------------------------- writing


def test_an_update_sets_and_takes_away_and_never_moves_the_person(vendor: PlayedVendor) -> None:
    to = opened(settings())
    assert write(to, change("u-1", **{"NPS Score": 0, "NPS Comment": None})) == [Written("u-1")]
    [asked] = vendor.sent()
    assert asked.params == {"ip": "0", "strict": "1"}
    assert "content-encoding" not in asked.headers
    whose = {"$token": TOKEN, "$distinct_id": "u-1"}
    assert asked.json == [whose | {"$set": {"NPS Score": 0}}, whose | {"$unset": ["NPS Comment"]}]


def test_those_that_were_refused_are_told_and_the_rest_is_written(vendor: PlayedVendor) -> None:
    refused = {"code": 400, "failed_records": [{"index": 2, "message": "bad $set"}]}
    vendor.at[ENGAGE] = [(400, refused)]
    clears = change("u-1", **{"NPS Score": 1, "NPS Comment": None})  # two operations
    outcomes = write(
        opened(settings()), clears, change("u-2", **{"NPS Score": 2}), change("u-3", **{"NPS Score": 3})
    )
    assert [type(one) for one in outcomes] == [Written, Rejected, Written]
    assert isinstance(outcomes[1], Rejected)
    assert outcomes[1].message == "bad $set"


def test_a_refusal_that_names_nobody_is_found_in_smaller_parts(vendor: PlayedVendor) -> None:
    vendor.at[ENGAGE] = [(200, {"status": 0, "error": "some"})] * 2 + [(200, {"status": 0, "error": "this"})]
    vendor.at[ENGAGE] += [(200, {"status": 1, "error": None})]
    changes = [change(f"u-{n}", **{"NPS Score": n}) for n in range(4)]
    outcomes = write(opened(settings(confirm="verbose")), *changes)
    assert [type(one) for one in outcomes] == [Rejected, Written, Written, Written]
    assert [len(one) for one in updates(vendor)] == [4, 2, 1, 1, 2]
    assert vendor.sent()[0].params["verbose"] == "1"


def test_a_bare_1_is_no_confirmation(vendor: PlayedVendor) -> None:
    vendor.at[ENGAGE] = [(200, 1)]
    [outcome] = write(opened(settings()), change("u-1", **{"NPS Score": 9}))
    assert isinstance(outcome, Unknown)
    assert "bare 1" in outcome.reason


def test_what_is_too_large_together_is_sent_apart(vendor: PlayedVendor) -> None:
    vendor.at[ENGAGE] = [(413, {}), (200, OK)]
    changes = [change(f"u-{n}", **{"NPS Score": n}) for n in range(2)]
    assert [type(one) for one in write(opened(settings()), *changes)] == [Written, Written]
    assert [len(one) for one in updates(vendor)] == [2, 1, 1]


def test_one_update_of_more_than_a_megabyte_is_refused_here(vendor: PlayedVendor) -> None:
    big, good = change("u-1", Comment="x" * 1_000_001), change("u-2", Comment="x")
    refused, written = write(opened(settings()), big, good)
    assert isinstance(refused, Rejected)
    assert (refused.code, written) == ("too_large", Written("u-2"))


def test_a_request_holds_two_thousand_updates_at_most(vendor: PlayedVendor) -> None:
    changes = [change(f"u-{n}", a=n, b=None) for n in range(1_500)]
    assert all(isinstance(one, Written) for one in write(opened(settings()), *changes))
    assert [len(one) for one in updates(vendor)] == [2_000, 1_000]
    assert all(len({one["$distinct_id"] for one in part}) == len(part) / 2 for part in updates(vendor))


def test_values_outside_the_yamls_list_are_refused(vendor: PlayedVendor) -> None:
    listed = settings(properties={"Segment": ["promoter", "passive"]})
    refused, written = write(
        opened(listed), change("u-1", Segment="Promoter"), change("u-2", Segment="passive")
    )
    assert isinstance(refused, Rejected)
    assert written == Written("u-2")


# ---------------------------------------------------------------- with a service account


def test_a_profile_that_is_not_there_is_never_made(vendor: PlayedVendor) -> None:
    vendor.at[QUERY] = [(200, profiles(**{"u-1": {"NPS Score": 9}}))]
    to = opened(seeing())
    gone, written = write(to, change("u-2", **{"NPS Score": 9}), change("u-1", **{"NPS Score": 9}))
    assert isinstance(gone, Rejected)
    assert written == Written("u-1")
    assert [one["$distinct_id"] for one in updates(vendor)[0]] == ["u-1"]


def test_a_thousand_people_are_one_question(vendor: PlayedVendor) -> None:
    ids = [f"u-{n}" for n in range(1_001)]
    opened(seeing()).find("profiles", [Lookup("distinct_id", "external_id", ids)], ["NPS Score"], {})
    asked = [json.loads(one.form["distinct_ids"]) for one in vendor.sent()]
    assert [len(one) for one in asked] == [1_000, 1]
    assert json.loads(vendor.sent()[0].form["output_properties"]) == ["NPS Score"]


def test_ids_that_name_many_people_are_nobodys(vendor: PlayedVendor) -> None:
    lookup = Lookup("distinct_id", "external_id", ["anonymous", "0", "$device:abc", "x" * 300])
    assert opened(seeing()).find("profiles", [lookup], [], {}) == []
    assert vendor.asked == []
    assert opened(settings()).find("profiles", [lookup], [], {}) == []


def test_the_sixty_first_question_of_an_hour_waits_over_restarts(vendor: PlayedVendor) -> None:
    memory, clock = MemoryInMemory(), FakeClock()
    for _ in range(2):
        to = opened(seeing(), memory=memory, clock=clock)
        for _ in range(30):
            to.get("profiles", ["u-1"], [], {})
    with pytest.raises(BudgetError, match="60 looks at profiles an hour"):
        opened(seeing(), memory=memory, clock=clock).get("profiles", ["u-1"], [], {})
    clock.advance(3_601)
    assert opened(seeing(), memory=memory, clock=clock).get("profiles", ["u-1"], [], {}) == []


@pytest.mark.parametrize(
    "strange",
    [
        [],
        {"status": "ok"},
        {"results": {"u-1": {}}},
        {"results": [{"distinct_id": "u-1", "properties": {}}]},
        {"results": [{"$distinct_id": None, "$properties": {}}]},
        {"results": [{"$distinct_id": "u-1", "$properties": {}}], "page_size": 1},
    ],
)
def test_profiles_told_otherwise_than_known_are_not_guessed_at(vendor: PlayedVendor, strange: Any) -> None:
    vendor.at[QUERY] = [(200, strange)]
    with pytest.raises(UnavailableError, match="nothing was taken from it"):
        opened(seeing()).get("profiles", ["u-1"], [], {})


def test_all_profiles_come_page_by_page(vendor: PlayedVendor) -> None:
    first = profiles(a={"Plan": "x"}, b={"Plan": "y"}) | {"page_size": 2}
    last = profiles(c={"Plan": "x"}) | {"page_size": 2, "page": 1}
    vendor.at[QUERY] = [(200, first), (200, last)]
    pages = opened(seeing()).records("profiles", ["Plan"], {"Plan": ["x"]})
    assert [[one.id for one in page] for page in pages] == [["a"], ["c"]]
    assert vendor.sent()[1].form["session_id"] == "s-1"
    assert vendor.sent()[1].form["page"] == "1"


def test_updates_that_are_thanked_for_and_never_show_stop_the_writing(vendor: PlayedVendor) -> None:
    """A wrong token, or a project that lives elsewhere: nothing else tells."""
    vendor.at[QUERY] = [(200, profiles(**{"u-1": {"NPS Score": 3}}))]
    to = opened(seeing(), clock=(clock := FakeClock()))
    with pytest.raises(ConfigError, match=r"none of them shows.*project_token.*residency"):
        write(to, change("u-1", **{"NPS Score": 9}))
    assert clock.slept == [2.0, 8.0, 20.0]


def test_updates_that_nobody_can_look_for_are_not_told_as_unsent(vendor: PlayedVendor) -> None:
    """Mixpanel thanked for them, and the hour's looks are spent: they may be there."""
    vendor.at[QUERY] = [(200, profiles(**{"u-1": {"NPS Score": 3}}))]
    to = opened(seeing())
    for _ in range(59):
        to.get("profiles", ["u-1"], [], {})
    outcomes: list[Outcome] = []
    with pytest.raises(BudgetError, match="60 looks at profiles an hour"):
        outcomes.extend(to.write(Batch(1, "profiles", "batch", (change("u-1", **{"NPS Score": 9}),)), print))
    assert [type(one) for one in outcomes] == [Unknown]


def test_a_refusal_of_a_later_request_takes_no_earlier_one_back(vendor: PlayedVendor) -> None:
    vendor.at[ENGAGE] = [(200, {"code": 200, "status": "OK"}), (401, {"error": "revoked"})]
    to = opened(settings())
    changes = tuple(change(f"u-{n}", Text="x" * 900_000) for n in range(12))
    outcomes: list[Outcome] = []
    with pytest.raises(AccessError):
        outcomes.extend(to.write(Batch(1, "profiles", "batch", changes), print))
    assert {type(one) for one in outcomes} == {Written}
    assert 0 < len(outcomes) < 12


def test_one_update_that_shows_is_enough_for_a_connection(vendor: PlayedVendor) -> None:
    vendor.at[QUERY] = [(200, profiles(**{"u-1": {"NPS Score": 9}, "u-2": {"NPS Score": 1}}))]
    to = opened(seeing())
    write(to, change("u-1", **{"NPS Score": 9}), change("u-2", **{"NPS Score": 9}))
    write(to, change("u-2", **{"NPS Score": 9}))
    looks = [one for one in vendor.sent() if one.path == QUERY]
    assert len(looks) == 3  # before each write, and once after the first


# ---------------------------------------------------------------- without one


def test_without_a_service_account_it_has_to_be_said_that_ids_are_distinct_ids() -> None:
    with pytest.raises(ValidationError, match="distinct_id_is: external_id"):
        MixpanelSettings.model_validate({"project_id": "1", "project_token": TOKEN})
    assert settings().write_only
    assert not seeing().write_only


def test_what_cannot_be_read_back_says_so_everywhere(vendor: PlayedVendor) -> None:
    blind, clear = opened(settings()), opened(seeing())
    assert "service_account" in why_write_only(blind) == CONNECTOR.write_only.why(settings())
    assert why_write_only(clear) == CONNECTOR.write_only.why(seeing()) == ""
    grants = {
        one.permission: one for one in blind.access(Needs(write={"profiles": frozenset({"NPS Score"})}))
    }
    assert grants["Service account"].verdict is Verdict.UNTESTED
    assert "Add service_account" in grants["Service account"].detail
    assert {one.verdict for one in clear.access(Needs())} == {Verdict.OK, Verdict.UNTESTED}


def test_what_we_know_of_them_is_what_we_wrote(vendor: PlayedVendor) -> None:
    memory = MemoryInMemory()
    write(opened(settings(), memory=memory), change("u-1", **{"NPS Score": 9, "NPS Comment": "good"}))
    write(opened(settings(), memory=memory), change("u-1", **{"NPS Comment": None}))
    again = opened(settings(), memory=memory)
    lookup = Lookup("distinct_id", "external_id", ["u-1", "u-2"])
    hits = again.find("profiles", [lookup], ["NPS Score", "NPS Comment"], {})
    assert {hit.record.id: hit.record.fields for hit in hits} == {
        "u-1": {"NPS Score": 9, "NPS Comment": None},
        "u-2": {"NPS Score": None, "NPS Comment": None},
    }


def test_what_was_refused_or_is_unknown_is_not_remembered(vendor: PlayedVendor) -> None:
    vendor.at[ENGAGE] = [(200, 1)]
    to = opened(settings())
    write(to, change("u-1", **{"NPS Score": 9}))
    [record] = to.get("profiles", ["u-1"], ["NPS Score"], {})
    assert record.fields == {"NPS Score": None}


def test_an_audience_and_only_need_eyes(vendor: PlayedVendor) -> None:
    with pytest.raises(ConfigError, match="nobody can list the profiles"):
        list(opened(settings()).records("profiles", [], {}))
    with pytest.raises(ConfigError, match="`only` cannot be asked"):
        opened(settings()).get("profiles", ["u-1"], [], {"Plan": "x"})


# ---------------------------------------------------------------- settings and values


def test_profiles_are_matched_by_their_id_alone(vendor: PlayedVendor) -> None:
    with pytest.raises(ConfigError, match="matched by distinct_id, not by"):
        opened(settings()).find("profiles", [Lookup("$email", "email", ["a@acme.example"])], [], {})


def test_an_events_only_connection_writes_nothing(vendor: PlayedVendor) -> None:
    hooks = {"username": "npsync", "password": "a-password-of-the-sync"}
    told = MixpanelSettings.model_validate({"project_id": "1", "hooks": hooks, "base_url": BASE})
    with pytest.raises(ConfigError, match="say project_token"):
        opened(told).describe("profiles")
    assert opened(told).access(Needs()) == []


@pytest.mark.parametrize(
    ("residency", "ingestion", "query"),
    [
        ("us", "https://api.mixpanel.com", "https://mixpanel.com"),
        ("eu", "https://api-eu.mixpanel.com", "https://eu.mixpanel.com"),
        ("in", "https://api-in.mixpanel.com", "https://in.mixpanel.com"),
    ],
)
def test_each_residency_has_its_hosts(residency: str, ingestion: str, query: str) -> None:
    told = settings(residency=residency)
    assert (told.ingestion, told.query) == (ingestion, query)


def test_listed_properties_catch_a_typing_error_and_any_name_goes_without_a_list(
    vendor: PlayedVendor,
) -> None:
    listed = opened(settings(properties={"NPS Score": "number"}))
    with pytest.raises(ConfigError, match='`properties` has no "NPS Scroe"'):
        listed.canonical("profiles", "NPS Scroe")
    open_one = opened(settings()).describe("profiles").fields
    assert "NPS Scroe" in open_one
    assert open_one["NPS Scroe"].writable
    assert not open_one["$email"].writable
    assert "x" * 256 not in open_one


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("number", Decimal("9.0"), 9),
        ("number", 0, 0),
        ("number", Decimal("33.3"), 33.3),
        ("text", "O'Brien", "O'Brien"),
        ("boolean", False, False),
        ("date", date(2026, 3, 2), "2026-03-02"),
        ("datetime", datetime(2026, 3, 2, 10, 15, 30, 999, UTC), "2026-03-02T10:15:30"),
        ("list", ("b", "a"), ["a", "b"]),
    ],
)
def test_values_have_one_form_and_come_back(kind: str, value: Value, shown: Json) -> None:
    known = schema_of(settings(properties={"p": kind})).fields["p"]
    assert canonical(known)(value) == shown
    assert canonical(known)(typed(known)(shown)) == shown
    unlisted = schema_of(settings()).fields["p"]
    assert canonical(unlisted)(value) == shown


@pytest.mark.parametrize(
    ("kind", "value"),
    [("number", "many"), ("date", "yesterday"), ("datetime", "soon"), ("boolean", "perhaps")],
)
def test_what_a_property_does_not_hold_is_refused(kind: str, value: Value) -> None:
    known = schema_of(settings(properties={"p": kind})).fields["p"]
    with pytest.raises(RejectedError, match=r"^p takes"):
        canonical(known)(value)
