"""HubSpot as a Destination where the vendor answers oddly: what the toy HubSpot does not do by itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from fake_clock import FakeClock, MemoryInMemory, fake_tools
from scripted_hubspot import (
    PROPERTIES,
    Asked,
    Said,
    answered,
    definition,
    not_found,
    opened,
    option,
    row,
    scripted_hubspot,
    validation_error,
)

from connectors.contract import Allowance, Grant, Lookup, Needs, RemembersMerges, Verdict
from connectors.hubspot import CONNECTOR
from connectors.hubspot.budget import paced
from connectors.hubspot.destination import HubSpot
from connectors.hubspot.settings import HubSpotSettings
from mapping.match import compile_match
from mapping.spec import MatchRule
from nps.changes import Batch, Change, Deferred, Rejected, Unknown, Written
from nps.errors import BudgetError, ConfigError, UnavailableError
from triggers.people import People, Registry


def by(field: str, *values: str) -> list[Lookup]:
    return [Lookup(field, "key", values)]


def found(hubspot: HubSpot, lookups: list[Lookup], **only: Any) -> list[tuple[str, str]]:
    return [(hit.value, hit.record.id) for hit in hubspot.find("contacts", lookups, ["nps_score"], only)]


def change(record_id: str, **after: str | None) -> Change:
    return Change(object="contacts", record_id=record_id, before=dict.fromkeys(after), after=after)


def write(hubspot: HubSpot, *changes: Change) -> list[object]:
    return list(hubspot.write(Batch(1, "contacts", "batch", changes), lambda handle: None))


def echo(asked: Asked) -> Said:
    """A batch read that finds every value, by the property it was asked by."""
    wanted = asked.json
    name = wanted.get("idProperty", "hs_object_id")
    return answered(*(row(str(n), **{name: one["id"]}) for n, one in enumerate(wanted["inputs"], start=1)))


# ---------------------------------------------------------------- reading


def test_a_hundred_values_are_one_call_and_one_more_is_two() -> None:
    with scripted_hubspot(echo) as server:
        hubspot = opened(server)
        assert len(found(hubspot, by("customer_id", *(f"c-{n}" for n in range(101))))) == 101
        assert [len(one["inputs"]) for one in server.posts("/batch/read")] == [100, 1]


def test_a_value_asked_twice_is_sent_once_and_answered_twice() -> None:
    ann = answered(row("1", email="ann@x.test"))
    with scripted_hubspot(ann) as server:
        assert found(opened(server), by("email", "ann@x.test", "Ann@X.test")) == [
            ("ann@x.test", "1"),
            ("Ann@X.test", "1"),
        ]
        assert [one["id"] for one in server.posts("/batch/read")[0]["inputs"]] == ["ann@x.test"]


def test_the_email_of_a_record_found_by_its_id_costs_no_further_call() -> None:
    ann = row("1", customer_id="C-1", email="ann@x.test", hs_additional_emails="a@old.test")
    lookups = [*by("customer_id", "C-1"), *by("email", "A@old.test", "ann@x.test")]
    with scripted_hubspot(answered(ann)) as server:
        assert found(opened(server), lookups) == [("C-1", "1"), ("A@old.test", "1"), ("ann@x.test", "1")]
        assert len(server.posts("/batch/read")) == 1


def test_whom_others_were_merged_into_goes_by_their_addresses_too() -> None:
    ann = row("1", email="ann@x.test", hs_additional_emails="a@old.test; ann@old.test")
    bob = row("2", email="bob@x.test", hs_additional_emails=None)
    with scripted_hubspot(answered(ann, bob)) as server:
        hubspot = opened(server)
        assert isinstance(hubspot, RemembersMerges)
        absorbed = hubspot.absorbed("contacts", ["1", "2"], ["email", "phone"])
        assert {id: [dict(one.fields) for one in known] for id, known in absorbed.items()} == {
            "1": [{"email": "a@old.test", "phone": None}, {"email": "ann@old.test", "phone": None}]
        }
        assert "hs_additional_emails" in server.posts("/batch/read")[0]["properties"]
        assert hubspot.absorbed("contacts", ["1"], ["phone"]) == {}
        assert len(server.posts("/batch/read")) == 1


def test_a_person_to_be_asked_is_known_by_every_address_they_ever_had() -> None:
    """Whoever unsubscribed under the address of a contact that was merged away stays unsubscribed."""
    match = compile_match([MatchRule(response="email", record="email")], None)
    people = People(connection="marketing", object="contacts", match=match, email="email")
    ann = row("1", email="ann@x.test", hs_additional_emails="a@old.test", hs_merged_object_ids="7")
    with scripted_hubspot(answered(ann)) as server:
        person = Registry(people, opened(server)).read(["1"])["1"]
    assert {"email:ann@x.test", "email:a@old.test", "record:marketing.contacts/7"} <= set(person.keys)


def test_no_value_is_not_the_email_of_a_record_without_one() -> None:
    lookups = [*by("customer_id", "C-1"), *by("email", "", " ")]
    with scripted_hubspot(answered(row("1", customer_id="C-1", email=None))) as server:
        assert found(opened(server), lookups) == [("C-1", "1")]


def test_an_email_that_names_another_record_than_the_id_is_looked_up() -> None:
    def script(asked: Asked) -> Said:
        if asked.json["idProperty"] == "customer_id":
            return answered(row("1", customer_id="C-1", email="ann@x.test"))
        return answered(row("2", customer_id="C-2", email="bob@x.test"))

    lookups = [*by("customer_id", "C-1"), *by("email", "bob@x.test", "ann@x.test")]
    with scripted_hubspot(script) as server:
        assert found(opened(server), lookups) == [("C-1", "1"), ("bob@x.test", "2"), ("ann@x.test", "1")]
        assert [one["id"] for one in server.posts("/batch/read")[1]["inputs"]] == ["bob@x.test"]


def test_what_names_no_record_is_no_hit() -> None:
    said = answered(row("1", email="ann@x.test"), errors=[not_found("b@x.test", "c@x.test")])
    with scripted_hubspot(said) as server:
        assert found(opened(server), by("email", "b@x.test", "ann@x.test", "c@x.test")) == [
            ("ann@x.test", "1")
        ]
        assert len(server.posts("/batch/read")) == 1


def test_records_that_do_not_say_which_address_they_answer_are_asked_for_alone() -> None:
    new = {"a@x.test": row("7", email="a2@x.test"), "b@x.test": row("8", email="b2@x.test")}

    def script(asked: Asked) -> Said:
        return answered(*(new[one["id"]] for one in reversed(asked.json["inputs"])))

    with scripted_hubspot(script) as server:
        assert found(opened(server), by("email", "a@x.test", "b@x.test")) == [
            ("a@x.test", "7"),
            ("b@x.test", "8"),
        ]
        assert len(server.posts("/batch/read")) == 3


def test_one_value_hubspot_cannot_read_does_not_sink_the_others() -> None:
    def script(asked: Asked) -> Said:
        if any(one["id"] == "odd" for one in asked.json["inputs"]):
            return Said({"category": "VALIDATION_ERROR", "message": "cannot read an id"}, status=400)
        return echo(asked)

    values = [f"c-{n}" for n in range(30)]
    with scripted_hubspot(script) as server:
        assert len(found(opened(server), by("customer_id", *values, "odd"))) == 30


def test_a_read_that_is_refused_whatever_is_asked_ends_in_few_calls() -> None:
    with scripted_hubspot(Said({"category": "VALIDATION_ERROR", "message": "no"}, status=400)) as server:
        with pytest.raises(ConfigError, match="customer_id"):
            found(opened(server), by("customer_id", *(f"c-{n}" for n in range(100))))
        assert len(server.asked) < 40


def test_a_merged_record_comes_back_as_its_survivor() -> None:
    survivor = row("9", hs_merged_object_ids="1;2", nps_score="7")
    with scripted_hubspot(answered(survivor)) as server:
        hubspot = opened(server)
        (record,) = hubspot.get("contacts", ["1", "9"], ["nps_score"], {})
        assert (record.id, record.merged, record.fields) == ("9", ("1", "2"), {"nps_score": "7"})
        (hit,) = hubspot.find("contacts", by("hs_object_id", "1"), [], {})
        assert (hit.value, hit.record.id, hit.record.merged) == ("1", "9", ("1", "2"))


def test_gone_records_are_missing() -> None:
    with scripted_hubspot(answered(row("1"), errors=[not_found("2")])) as server:
        assert [one.id for one in opened(server).get("contacts", ["1", "2"], [], {})] == ["1"]


def test_an_id_that_is_no_id_is_never_sent() -> None:
    with scripted_hubspot(answered()) as server:
        assert opened(server).get("contacts", ["'; drop", "", "abc"], [], {}) == []
        assert server.posts("/batch/read") == []


def test_only_is_checked_on_what_was_read() -> None:
    said = answered(row("1", email="a@x.test", nps_segment="promoter"), row("2", email="b@x.test"))
    with scripted_hubspot(said) as server:
        assert found(opened(server), by("email", "a@x.test", "b@x.test"), nps_segment="promoter") == [
            ("a@x.test", "1")
        ]
        assert "nps_segment" in server.posts("/batch/read")[0]["properties"]


def test_two_contacts_with_one_phone_are_two_hits() -> None:
    said = answered(row("1", phone="+1 555 0100"), row("2", phone="+1 555 0100"))
    with scripted_hubspot(said) as server:
        assert found(opened(server), by("phone", "+1 555 0100")) == [
            ("+1 555 0100", "1"),
            ("+1 555 0100", "2"),
        ]
        (asked,) = server.posts("/search")
        assert asked["filterGroups"][0]["filters"][0] == {
            "propertyName": "phone",
            "operator": "IN",
            "values": ["+1 555 0100"],
        }


def test_a_search_sends_lower_case_and_answers_the_value_as_asked() -> None:
    with scripted_hubspot(answered(row("1", phone="EXT-7"))) as server:
        assert found(opened(server), by("phone", "Ext-7")) == [("Ext-7", "1")]
        assert server.posts("/search")[0]["filterGroups"][0]["filters"][0]["values"] == ["ext-7"]


def test_a_search_reads_every_page() -> None:
    def script(asked: Asked) -> Said:
        filters = asked.json["filterGroups"][0]["filters"]
        start = int(filters[-1]["value"]) if filters[-1]["operator"] == "GT" else 0
        return answered(*(row(str(n), phone="1") for n in range(start + 1, min(start + 200, 450) + 1)))

    with scripted_hubspot(script) as server:
        assert len(found(opened(server), by("phone", "1"))) == 450
        assert len(server.posts("/search")) == 3


def test_a_property_thousands_share_is_no_key() -> None:
    def script(asked: Asked) -> Said:
        filters = asked.json["filterGroups"][0]["filters"]
        start = int(filters[-1]["value"]) if filters[-1]["operator"] == "GT" else 0
        return answered(*(row(str(start + n), phone="1") for n in range(1, 201)))

    with scripted_hubspot(script) as server, pytest.raises(ConfigError, match="no key"):
        found(opened(server), by("phone", "1"))


def test_a_typo_in_a_property_is_told_with_a_suggestion() -> None:
    with scripted_hubspot(answered()) as server:
        hubspot = opened(server)
        with pytest.raises(ConfigError, match='did you mean "nps_score"'):
            hubspot.find("contacts", by("email", "a@x.test"), ["nps_scor"], {})
        with pytest.raises(ConfigError, match="nps_colour"):
            hubspot.canonical("contacts", "nps_colour")
        assert server.posts("/batch/read") == []


def test_an_object_that_does_not_exist_is_told() -> None:
    with scripted_hubspot(answered()) as server:
        server.script = lambda asked: Said({"category": "OBJECT_NOT_FOUND"}, status=404)
        with pytest.raises(ConfigError, match='no object "persons"'):
            opened(server).describe("persons")


def test_definitions_are_read_once() -> None:
    with scripted_hubspot(echo) as server:
        hubspot = opened(server)
        for _ in range(3):
            hubspot.describe("contacts")
            hubspot.canonical("contacts", "nps_score")
        assert len(server.asked) == 1


# ---------------------------------------------------------------- companies


def test_the_primary_company_of_many_is_one_call_and_its_pages_are_read() -> None:
    plain = {"category": "HUBSPOT_DEFINED", "typeId": 279}
    primary = {"category": "HUBSPOT_DEFINED", "typeId": 1}

    def script(asked: Asked) -> Said:
        if asked.path.endswith("/batch/read") and "/associations/" not in asked.path:
            return echo(asked)
        if asked.json["inputs"][0].get("after"):
            to = [{"toObjectId": 700, "associationTypes": [primary]}]
            return Said({"results": [{"from": {"id": "2"}, "to": to}]})
        return Said(
            {
                "results": [
                    {"from": {"id": "1"}, "to": [{"toObjectId": 555, "associationTypes": [plain, primary]}]},
                    {
                        "from": {"id": "2"},
                        "to": [{"toObjectId": 556, "associationTypes": [plain]}],
                        "paging": {"next": {"after": "x"}},
                    },
                ],
                "errors": [{"category": "OBJECT_NOT_FOUND", "context": {"fromObjectId": ["3"]}}],
            },
            status=207,
        )

    with scripted_hubspot(script) as server:
        hits = opened(server).find("contacts", by("customer_id", "a", "b", "c"), ["primary_company"], {})
        assert [hit.record.fields["primary_company"] for hit in hits] == ["555", "700", None]
        assert "primary_company" not in server.posts("/contacts/batch/read")[0]["properties"]
        assert server.asked[-1].path == "/crm/v4/associations/contacts/companies/batch/read"


# ---------------------------------------------------------------- writing


def test_a_merge_between_reading_and_writing_waits_for_the_next_run() -> None:
    def script(asked: Asked) -> Said:
        if asked.path.endswith("/update"):
            return answered(row("1"))  # 200, and nothing about record 2
        return answered(row("9", hs_merged_object_ids="2"))

    with scripted_hubspot(script) as server:
        first, second = write(opened(server), change("1", nps_score="9"), change("2", nps_score="9"))
    assert first == Written("1")
    assert isinstance(second, Deferred)
    assert "9" in second.reason


def test_a_deletion_between_reading_and_writing_is_a_rejection() -> None:
    def script(asked: Asked) -> Said:
        if asked.path.endswith("/update"):
            return answered(row("1"))
        return answered(errors=[not_found("2")])

    with scripted_hubspot(script) as server:
        outcomes = write(opened(server), change("1", nps_score="9"), change("2", nps_score="9"))
    assert [type(one) for one in outcomes] == [Written, Rejected]


def test_when_the_rereading_fails_too_what_is_known_is_kept() -> None:
    def script(asked: Asked) -> Said:
        return answered(row("1")) if asked.path.endswith("/update") else Said({}, status=403)

    with scripted_hubspot(script) as server:
        outcomes = write(opened(server), change("1", nps_score="9"), change("2", nps_score="9"))
    assert [type(one) for one in outcomes] == [Written, Unknown]


def test_an_option_removed_overnight_rejects_its_records_and_spares_the_others() -> None:
    definitions = list(PROPERTIES)

    def script(asked: Asked) -> Said:
        if "/properties/" in asked.path:
            return Said({"results": definitions})
        if any(one["properties"].get("nps_segment") == "detractor" for one in asked.json["inputs"]):
            return validation_error("nps_segment", "detractor was not one of the options")
        return answered(*(row(one["id"]) for one in asked.json["inputs"]))

    with scripted_hubspot(answered()) as server:
        server.script = script
        hubspot = opened(server)
        hubspot.describe("contacts")
        definitions[6] = definition("nps_segment", "enumeration", options=[option("promoter")])
        wanted = [
            change(str(n), nps_segment="detractor" if n % 10 == 0 else "promoter") for n in range(1, 101)
        ]
        outcomes = write(hubspot, *wanted)
        assert sum(isinstance(one, Rejected) for one in outcomes) == 10
        assert sum(isinstance(one, Written) for one in outcomes) == 90
        assert len(server.posts("/batch/update")) == 2


def test_a_property_deleted_overnight_stops_the_run_with_its_name() -> None:
    definitions = list(PROPERTIES)

    def script(asked: Asked) -> Said:
        if "/properties/" in asked.path:
            return Said({"results": definitions})
        return validation_error("nps_comment", "does not exist", code="SOMETHING_NEW")

    with scripted_hubspot(answered()) as server:
        server.script = script
        hubspot = opened(server)
        hubspot.describe("contacts")
        del definitions[-1]
        with pytest.raises(ConfigError, match="nps_comment"):
            write(hubspot, *(change(str(n), nps_comment="x") for n in range(1, 101)))
        assert len(server.posts("/batch/update")) == 1


def test_two_changes_of_one_record_are_one_input_and_two_outcomes() -> None:
    with scripted_hubspot(answered(row("1"))) as server:
        outcomes = write(opened(server), change("1", nps_score="9"), change("1", nps_comment="good"))
        assert outcomes == [Written("1"), Written("1")]
        (sent,) = server.posts("/batch/update")[0]["inputs"]
        assert sent["properties"] == {"nps_score": "9", "nps_comment": "good"}


def test_a_clearing_is_the_empty_text() -> None:
    with scripted_hubspot(answered(row("1"))) as server:
        write(opened(server), change("1", nps_comment=None))
        assert server.posts("/batch/update")[0]["inputs"][0]["properties"] == {"nps_comment": ""}


def test_a_batch_is_one_call_and_leaves_no_handle() -> None:
    remembered: list[str] = []
    with scripted_hubspot(answered(row("1"))) as server:
        hubspot = opened(server)
        batch = Batch(1, "contacts", "batch", (change("1", nps_score="9"),))
        list(hubspot.write(batch, remembered.append))
        assert remembered == []
        assert hubspot.resume(batch, "anything") is None
        (way,) = hubspot.ways("contacts", 250)
        assert (way.api, way.batch, way.cost(250), way.cost(200)) == ("batch", 100, 3, 2)


# ---------------------------------------------------------------- limits


def limit(**headers: str) -> Said:
    named = {f"X-HubSpot-RateLimit-{name.replace('_', '-')}": value for name, value in headers.items()}
    return Said(answered(row("1")).body, headers=named)


def test_the_limit_hubspot_tells_is_kept() -> None:
    clock = FakeClock()
    with scripted_hubspot(limit(Max="10", Interval_Milliseconds="10000")) as server:
        hubspot = opened(server, fake_tools(clock=clock))
        for _ in range(21):
            hubspot.get("contacts", ["1"], [], {})
    assert clock.monotonic() >= 10


def test_what_another_process_used_of_the_window_is_counted_before_hubspot_has_to_refuse() -> None:
    clock = FakeClock()
    told = {"Max": "190", "Interval_Milliseconds": "10000", "Remaining": "3"}
    with scripted_hubspot(limit()) as server:
        server.script = lambda asked: limit(**told)
        hubspot = opened(server, fake_tools(clock=clock))
        hubspot.describe("contacts")
        for _ in range(3):
            hubspot.get("contacts", ["1"], [], {})
        assert clock.slept == []
        hubspot.get("contacts", ["1"], [], {})
    assert sum(clock.slept) >= 10


def test_calls_under_way_at_the_edge_of_a_window_have_room() -> None:
    assert (paced(190), paced(100), paced(10)) == (183, 96, 10)
    clock = FakeClock()
    with scripted_hubspot(limit(Max="190", Interval_Milliseconds="10000")) as server:
        hubspot = opened(server, fake_tools(clock=clock))
        for _ in range(182):
            hubspot.get("contacts", ["1"], [], {})  # and the definitions
        assert clock.slept == []
        hubspot.get("contacts", ["1"], [], {})
    assert sum(clock.slept) >= 10


def test_searches_keep_to_five_a_second() -> None:
    clock = FakeClock()
    with scripted_hubspot(answered(row("1", phone="1"))) as server:
        hubspot = opened(server, fake_tools(clock=clock))
        for _ in range(11):
            found(hubspot, by("phone", "1"))
    assert 2 <= clock.monotonic() < 3


def test_the_allowance_tells_the_accounts_numbers_and_its_midnight() -> None:
    with scripted_hubspot(limit(Daily="1000", Daily_Remaining="500")) as server:
        hubspot = opened(
            server, fake_tools("crm", time_zone="America/New_York"), budget={"keep_for_others": "40%"}
        )
        assert hubspot.allowance() is None
        hubspot.get("contacts", ["1"], [], {})
        assert hubspot.allowance() == Allowance(
            left=100, used=500, limit=1000, kept=400, resets_at=datetime(2026, 3, 3, 5, tzinfo=UTC)
        )
        server.script = lambda asked: limit()  # a search does not tell, and counts all the same
        hubspot.get("contacts", ["1"], [], {})
        after = hubspot.allowance()
        assert after is not None
        assert (after.left, after.used) == (99, 501)


def test_the_share_of_the_day_kept_for_others_is_not_touched() -> None:
    told = limit(Daily="1000", Daily_Remaining="402")
    with scripted_hubspot(told) as server:
        hubspot = opened(server, budget={"keep_for_others": "40%"})
        hubspot.get("contacts", ["1"], [], {})
        server.script = lambda asked: limit()
        for _ in range(2):
            hubspot.get("contacts", ["1"], [], {})
        with pytest.raises(BudgetError):
            hubspot.get("contacts", ["1"], [], {})


def test_our_own_daily_calls_are_counted_over_restarts_and_begin_anew_at_midnight() -> None:
    memory = MemoryInMemory()
    clock = FakeClock(datetime(2026, 3, 2, 20, 0, tzinfo=UTC))
    tools = fake_tools(clock=clock, memory=memory)
    with scripted_hubspot(answered(row("1"))) as server:
        first = opened(server, tools, budget={"max_calls_per_day": 3})
        first.get("contacts", ["1"], [], {})  # and the definitions
        first.close()
        second = opened(server, tools, budget={"max_calls_per_day": 3})
        second.describe("contacts")
        with pytest.raises(BudgetError):
            second.get("contacts", ["1"], [], {})
        second.close()
        clock.advance(5 * 3600)
        third = opened(server, tools, budget={"max_calls_per_day": 3})
        assert third.get("contacts", ["1"], [], {})


def test_a_spent_day_is_a_spent_budget() -> None:
    spent = Said({"status": "error", "policyName": "DAILY", "message": "limit"}, status=429)
    with scripted_hubspot(spent) as server, pytest.raises(BudgetError):
        write(opened(server), change("1", nps_score="9"))


def test_a_vendor_that_stays_down_is_unavailable() -> None:
    with scripted_hubspot(Said({}, status=423)) as server, pytest.raises(UnavailableError):
        write(opened(server), change("1", nps_score="9"))


# ---------------------------------------------------------------- settings and access


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"token": ""},
        {"token": "t", "oauth": {"client_id": "a", "client_secret": "b", "refresh_token": "c"}},
        {"token": "t", "base_url": "http://api.example.com"},
        {"token": "t", "api_version": "v4"},
        {"token": "t", "limits": {"per_10_seconds": 0}},
        {"token": "t", "tokn": "x"},
        {"token": "t", "budget": {"keep_for_others": "140%"}},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        HubSpotSettings.model_validate(wrong)


def test_every_setting_is_described() -> None:
    schema = HubSpotSettings.model_json_schema()
    models = [schema, *schema["$defs"].values()]
    fields = {name: field for model in models for name, field in model.get("properties", {}).items()}
    assert [name for name, field in fields.items() if not field.get("description")] == []


def test_a_token_is_never_shown() -> None:
    assert "pat-secret" not in repr(HubSpotSettings.model_validate({"token": "pat-secret"}))


NEEDS = Needs(
    read={"contacts": frozenset({"email", "primary_company"})}, write={"contacts": frozenset({"nps_score"})}
)


def test_the_exact_scopes_are_listed_without_a_call() -> None:
    settings = HubSpotSettings.model_validate({"token": "t"})
    assert list(CONNECTOR.grants(settings, NEEDS)) == [
        "crm.objects.companies.read",
        "crm.objects.contacts.read",
        "crm.objects.contacts.write",
    ]
    tickets = Needs(read={"tickets": frozenset()}, write={"tickets": frozenset({"nps_score"})})
    assert list(CONNECTOR.grants(settings, tickets)) == ["tickets"]


def missing(scope: str) -> Said:
    body = {"category": "MISSING_SCOPES", "errors": [{"context": {"requiredGranularScopes": [scope]}}]}
    return Said(body, status=403)


def access(refused: dict[str, Said], otherwise: Said) -> tuple[list[Grant], list[Asked]]:
    def script(asked: Asked) -> Said:
        return next((said for part, said in refused.items() if part in asked.path), otherwise)

    with scripted_hubspot(otherwise) as server:
        server.script = script
        grants = opened(server).access(NEEDS)
    return grants, server.asked


def test_access_tells_a_missing_scope_from_one_that_is_there() -> None:
    nobody = answered(errors=[not_found("0")])
    refused = {
        "contacts/batch/update": missing("crm.objects.contacts.write"),
        "companies": missing("crm.objects.companies.read"),
        "deals": missing("crm.objects.deals.read"),
        "account-info": Said({}, status=403),
    }
    grants, _ = access(refused, nobody)
    assert {one.permission: one.verdict for one in grants} == {
        "crm.objects.contacts.read": Verdict.OK,
        "crm.objects.companies.read": Verdict.MISSING,
        "crm.objects.contacts.write": Verdict.MISSING,
        "tickets": Verdict.EXCESS,
    }


def test_an_answer_that_proves_nothing_is_untested() -> None:
    grants, _ = access({}, answered())
    assert {one.verdict for one in grants} == {Verdict.UNTESTED}


def test_testing_access_writes_nothing() -> None:
    _, asked = access({}, answered(errors=[not_found("0")]))
    updates = [one.json["inputs"] for one in asked if one.path.endswith("/batch/update")]
    assert updates
    assert all(inputs == [{"id": "0", "properties": {}}] for inputs in updates)
