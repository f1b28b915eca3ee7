"""Reading from a HubSpot that answers oddly: what the toy HubSpot does not do by itself."""

from __future__ import annotations

import pytest
from scripted_hubspot import Asked, Said, answered, by, echo, found, not_found, opened, row, scripted_hubspot

from connectors.contract import RemembersMerges
from mapping.match import compile_match
from mapping.spec import MatchRule
from nps.errors import ConfigError
from triggers.people import People, Registry


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
