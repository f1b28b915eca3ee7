"""Finding and reading records: what is asked, and what is made of the answer."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus

import pytest
from builders_salesforce import (
    ACCOUNT,
    ANN,
    BOB,
    CONTACT,
    CYD,
    Answer,
    Opened,
    Org,
    column,
    error,
    field,
    ok,
    org,
    page,
    record_id,
    row,
)
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Lookup
from connectors.salesforce.library import quote
from connectors.salesforce.matching import Asked
from connectors.salesforce.soql import LONGEST_ADDRESS, encoded_length, queries
from nps.changes import Hit, Record
from nps.errors import ConfigError
from nps.schema import FieldType


def by_email(*values: str) -> Lookup:
    return Lookup("Email", "email", values)


def by_customer(*values: str) -> Lookup:
    return Lookup("Customer_Id__c", "external_id", values)


def named(hits: list[Hit]) -> set[tuple[str, str, str]]:
    return {(hit.field, hit.value, hit.record.id) for hit in hits}


# ---------------------------------------------------------------- the query


def test_all_keys_of_all_rules_and_the_live_values_are_one_call() -> None:
    with org() as there:
        there.describes()
        there.finds(lambda soql: page([]))
        lookups = [by_customer("007"), by_email("ann@x.com", "bob@x.com")]
        Opened().salesforce.find("Contact", lookups, ["NPS_Score__c", "Name"], {})
        assert there.queries == [
            "SELECT Id, NPS_Score__c, Name, Customer_Id__c, Email FROM Contact "
            "WHERE Customer_Id__c = '007' OR Email IN ('ann@x.com','bob@x.com')"
        ]


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("o'brien@x.com", r"'o\'brien@x.com'"),
        ("back\\slash", r"'back\\slash'"),
        ("50%_off@x.com", "'50%_off@x.com'"),
        ("') OR (Name != '", r"'\') OR (Name != \''"),
        ("zoë+tag@x.com", "'zoë+tag@x.com'"),
    ],
)
def test_a_value_never_leaves_its_quotes(value: str, literal: str) -> None:
    with org() as there:
        there.describes()
        there.finds(lambda soql: page([row(ANN, Email=value.upper())]))
        hits = Opened().salesforce.find("Contact", [by_email(value)], [], {})
        assert there.queries[0].endswith(f"WHERE Email = {literal}")
        assert named(hits) == {("Email", value, ANN)}  # found by it, told as it was asked


@given(st.text())
def test_no_text_can_end_its_literal_early(text: str) -> None:
    inside = quote(text)[1:-1]
    assert "'" not in inside.replace("\\\\", "").replace("\\'", "")


@pytest.mark.parametrize(
    ("only", "condition"),
    [
        ({"HasOptedOutOfEmail": False}, "HasOptedOutOfEmail = false"),
        ({"NPS_Segment__c": ["Promoter", "Passive"]}, "NPS_Segment__c IN ('Promoter','Passive')"),
        ({"NPS_Segment__c": ["Promoter", None]}, "(NPS_Segment__c = 'Promoter' OR NPS_Segment__c = null)"),
        ({"Interests__c": "Golf"}, "Interests__c INCLUDES ('Golf')"),
        ({"NPS_Score__c": 9, "Name": "O'Brien"}, r"NPS_Score__c = 9 AND Name = 'O\'Brien'"),
        ({"NPS_Last_Survey__c": "2026-03-02"}, "NPS_Last_Survey__c = 2026-03-02"),
        ({"Account.Industry": "Retail"}, "Account.Industry = 'Retail'"),
        ({"AccountId": "001000000000001"}, "AccountId = '001000000000001AAA'"),
    ],
)
def test_only_is_pushed_down(only: dict[str, Any], condition: str) -> None:
    with org() as there:
        there.describes()
        there.describes("Account", ACCOUNT)
        there.finds(lambda soql: page([row(ANN, Email="a@x.com", Customer_Id__c=None)]))
        destination = Opened().salesforce
        destination.find("Contact", [by_email("a@x.com"), by_customer("1")], [], only)
        destination.get("Contact", [ANN], [], only)
        assert there.queries[0].endswith(f"WHERE (Email = 'a@x.com' OR Customer_Id__c = '1') AND {condition}")
        assert there.queries[1].endswith(f"WHERE Id = '{ANN}' AND {condition}")


@pytest.mark.parametrize(
    "only",
    [
        {"NPS_Score__c": "nine"},
        {"HasOptedOutOfEmail": "no"},
        {"NPS_Segment__c": []},
        {"Name": {"not": "x"}},
        {"NPS_Last_Survey__c": "yesterday"},
        {"NPS_Answered__c": "2026-03-02T12:00:00"},
        {"AccountId": "acme"},
        {"Nmae": "x"},
        {"Name = null OR Name": "x"},
    ],
)
def test_an_only_that_cannot_be_asked_is_a_config_error(only: dict[str, Any]) -> None:
    with org() as there:
        there.describes()
        with pytest.raises(ConfigError, match=next(iter(only))):
            Opened().salesforce.find("Contact", [by_email("a@x.com")], [], only)


def test_long_lists_are_cut_by_the_length_of_the_address() -> None:
    emails = [f"a.customer+{number}@some-company.example.com" for number in range(1000)]
    with org() as there:
        there.describes()
        there.finds(lambda soql: page([]))
        Opened().salesforce.find(
            "Contact", [by_email(*emails)], ["NPS_Score__c"], {"HasOptedOutOfEmail": False}
        )
        lengths = [len(str(one.url)) for one in there.asked[1:]]
        assert max(lengths) <= LONGEST_ADDRESS
        assert min(lengths[:-1]) > LONGEST_ADDRESS - 100  # and no call is wasted
        assert sum(soql.count("@") for soql in there.queries) == 1000


@given(st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=400))
def test_no_address_is_ever_too_long_and_no_value_is_left_out(values: list[str]) -> None:

    wanted = list(Asked("Customer_Id__c", column("Customer_Id__c"), values).wanted())
    made = [one.soql for one in queries("Id", "Contact", wanted, "Name = 'x'", 3000)]
    assert all(len(quote_plus(soql)) <= 3000 for soql in made)
    assert all(any(one.literal in soql for soql in made) for one in wanted)


@given(st.text())
def test_the_length_of_an_address_is_known_before_it_is_made(text: str) -> None:
    assert encoded_length(text) == len(quote_plus(text))


def test_what_a_field_cannot_hold_is_not_asked_for() -> None:
    with org() as there:
        there.describes()
        there.describes("Account", ACCOUNT)
        destination = Opened().salesforce
        assert destination.find("Contact", [by_email("", "x" * 81)], [], {}) == []
        assert destination.find("Contact", [Lookup("Id", "external_id", ["not an id"])], [], {}) == []
        assert len(there.asked) == 1


def test_a_query_salesforce_finds_too_long_is_halved() -> None:
    def answer(soql: str) -> Answer:
        return (
            (414, {}, "") if soql.count("AAA") > 2 else page([row(one) for one in (ANN, BOB) if one in soql])
        )

    with org() as there:
        there.describes()
        there.finds(answer)
        there.finds(lambda soql: page([]), "queryAll/")
        found = Opened().salesforce.get("Contact", [ANN, BOB, CYD], [], {})
        assert {one.id for one in found} == {ANN, BOB}


# ---------------------------------------------------------------- the answer


def test_hits_are_paired_as_salesforce_compares() -> None:
    with org() as there:
        there.describes()
        rows = [
            row(ANN, Email="Ann@X.com", Customer_Id__c="A1"),
            row(BOB, Email="ann@x.com", Customer_Id__c=None),
            row(CYD, Email=None, Customer_Id__c="a1"),  # another customer: this field tells case apart
        ]
        there.finds(lambda soql: page(rows))
        opened = Opened()
        hits = opened.salesforce.find("Contact", [by_customer("A1"), by_email("ann@x.com")], [], {})
        assert named(hits) == {
            ("Customer_Id__c", "A1", ANN),
            ("Email", "ann@x.com", ANN),
            ("Email", "ann@x.com", BOB),
        }
        assert opened.notices == [("salesforce_unpaired", {"object": "Contact", "records": 1})]


def test_two_spellings_that_were_asked_for_both_get_the_record() -> None:
    with org() as there:
        there.describes()
        there.finds(lambda soql: page([row(ANN, Email="ann@x.com")]))
        hits = Opened().salesforce.find("Contact", [by_email("ann@x.com", "Ann@x.com")], [], {})
        assert named(hits) == {("Email", "ann@x.com", ANN), ("Email", "Ann@x.com", ANN)}
        assert there.queries[0].count("@") == 1


def test_a_short_id_finds_its_record() -> None:
    with org() as there:
        there.describes()
        there.finds(lambda soql: page([row(ANN)]))
        hits = Opened().salesforce.find("Contact", [Lookup("Id", "external_id", [ANN[:15]])], [], {})
        assert there.queries == [f"SELECT Id FROM Contact WHERE Id = '{ANN}'"]
        assert named(hits) == {("Id", ANN[:15], ANN)}


def test_a_number_field_is_compared_by_its_number() -> None:
    with org() as there:
        there.describes()
        there.finds(lambda soql: page([row(ANN, NPS_Score__c=7.0)]))
        hits = Opened().salesforce.find("Contact", [Lookup("NPS_Score__c", "x", ["7", "seven"])], [], {})
        assert there.queries[0].endswith("WHERE NPS_Score__c = 7")
        assert named(hits) == {("NPS_Score__c", "7", ANN)}


def test_live_values_come_in_canonical_form() -> None:
    with org() as there:
        there.describes()
        there.describes("Account", ACCOUNT)
        live = row(ANN, Email="a@x.com", NPS_Score__c=9.0, NPS_Answered__c="2026-03-02T23:30:15.000+0000")
        live |= {"NPS_Comment__c": "one\r\ntwo", "Account": {"attributes": {}, "Name": " Acme "}}
        there.finds(lambda soql: page([live]))
        fields = ["NPS_Score__c", "NPS_Answered__c", "NPS_Comment__c", "Account.Name"]
        [hit] = Opened().salesforce.find("Contact", [by_email("a@x.com")], fields, {})
        assert hit.record.fields == {
            "NPS_Score__c": 9,
            "NPS_Answered__c": "2026-03-02T23:30:15.000+0000",
            "NPS_Comment__c": "one\ntwo",
            "Account.Name": "Acme",
        }


def test_a_contact_without_an_account_has_no_account_name() -> None:
    with org() as there:
        there.describes()
        there.describes("Account", ACCOUNT)
        there.finds(lambda soql: page([row(ANN, Account=None)]))
        [ann] = Opened().salesforce.get("Contact", [ANN], ["Account.Name"], {})
        assert ann.fields == {"Account.Name": None}


# ---------------------------------------------------------------- by id


def test_records_are_read_by_id_about_three_hundred_a_call() -> None:
    ids = [record_id(number) for number in range(1000)]
    with org() as there:
        there.describes()
        there.finds(lambda soql: page([row(one, Name="x") for one in ids if one in soql]))
        found = Opened().salesforce.get("Contact", ids, ["Name"], {})
        assert [one.id for one in found] == ids
        assert len(there.queries) in (3, 4)


def test_a_merged_record_comes_back_as_its_survivor_along_the_chain() -> None:
    masters = {ANN: BOB, BOB: CYD}

    def deleted(soql: str) -> Answer:
        return page([row(one, MasterRecordId=masters[one]) for one in masters if one in soql])

    with org() as there:
        there.describes()
        there.finds(lambda soql: page([row(CYD, Name="Cyd")] if CYD in soql else []))
        there.finds(deleted, "queryAll/")
        found = Opened().salesforce.get("Contact", [ANN], ["Name"], {})
        assert found == [Record("Contact", CYD, {"Name": "Cyd"}, merged=(ANN,))]


def test_a_deleted_record_is_missing() -> None:
    with org() as there:
        there.describes()
        there.finds(lambda soql: page([row(BOB)]))
        there.finds(lambda soql: page([row(ANN, MasterRecordId=None)]), "queryAll/")
        assert [one.id for one in Opened().salesforce.get("Contact", [ANN, BOB], [], {})] == [BOB]
        assert f"Id = '{ANN}' AND IsDeleted = true" in there.queries[-1]


def test_a_survivor_that_was_asked_for_itself_comes_once() -> None:
    with org() as there:
        there.describes()
        there.finds(lambda soql: page([row(BOB)]))
        there.finds(lambda soql: page([row(ANN, MasterRecordId=BOB)]), "queryAll/")
        assert Opened().salesforce.get("Contact", [ANN, BOB], [], {}) == [Record("Contact", BOB, {}, (ANN,))]


def test_nothing_asked_is_no_call() -> None:
    with org() as there:
        there.describes()
        assert Opened().salesforce.get("Contact", [], [], {}) == []
        assert Opened().salesforce.find("Contact", [by_email()], [], {}) == []
        assert there.queries == []


# ---------------------------------------------------------------- the schema


def describe(there: Org) -> Any:
    there.describes()
    there.describes("Account", ACCOUNT)
    return Opened().salesforce.describe("Contact")


def test_describe_tells_types_as_we_say_them() -> None:
    with org() as there:
        fields = describe(there).fields
    types = {name: schema.type for name, schema in fields.items()}
    assert types["NPS_Score__c"] is FieldType.INTEGER  # a Number without decimals is a double of scale 0
    assert types["NPS_Margin__c"] is FieldType.NUMBER
    assert types["NPS_Comment__c"] is FieldType.TEXT
    assert types["Interests__c"] is FieldType.MULTI
    assert fields["NPS_Segment__c"].options == ("Promoter", "Passive", "Detractor")
    assert fields["NPS_Segment__c"].restricted
    assert not fields["Interests__c"].restricted
    assert not fields["Formula__c"].writable
    assert not fields["Id"].writable
    assert fields["NPS_Comment__c"].length == 255
    assert "Nothing__c" not in fields


def test_a_field_of_a_related_record_can_be_read_but_not_written() -> None:
    with org() as there:
        fields = describe(there).fields
        assert fields["Account.Name"].type is FieldType.TEXT
        assert not fields["Account.Name"].writable
        assert "Account.Nothing" not in fields
        assert "Nothing.Name" not in fields


def test_describe_is_asked_once() -> None:
    with org() as there:
        there.describes()
        destination = Opened().salesforce
        destination.describe("Contact")
        destination.canonical("Contact", "NPS_Score__c")
        destination.describe("Contact")
        assert len(there.asked) == 1


def test_a_field_that_vanished_is_looked_for_again() -> None:
    """A renamed field gives INVALID_FIELD once; the next question sees the schema as it is now."""
    with org() as there:
        before = {"name": "Contact", "fields": CONTACT}
        after = {"name": "Contact", "fields": [one for one in CONTACT if one["name"] != "NPS_Score__c"]}
        there.answers("GET", "sobjects/Contact/describe", ok(before), ok(after))
        there.finds(
            lambda soql: error(400, "INVALID_FIELD", "No such column 'NPS_Score__c' on entity 'Contact'.")
        )
        destination = Opened().salesforce
        for _ in range(2):
            with pytest.raises(ConfigError, match='Contact has no field "NPS_Score__c"'):
                destination.get("Contact", [ANN], ["NPS_Score__c"], {})
        assert len(there.queries) == 1


def test_an_object_that_is_not_there_is_a_config_error() -> None:
    with org() as there:
        there.answers("GET", "sobjects/Nothing__c/describe", error(404, "NOT_FOUND"))
        with pytest.raises(ConfigError, match="no object Nothing__c, or it is not visible"):
            Opened().salesforce.describe("Nothing__c")


@pytest.mark.parametrize("name", ["Contact/../Account", "Contact?x=1", "Con tact", "", "Kontakt\u00e4"])
def test_a_name_that_is_none_never_reaches_an_address(name: str) -> None:
    with org() as there, pytest.raises(ConfigError, match="not a Salesforce"):
        Opened().salesforce.describe(name)
    assert there.asked == []


# ---------------------------------------------------------------- person accounts


def test_without_person_accounts_nobody_is_one() -> None:
    with org() as there:
        there.describes()
        there.finds(lambda soql: page([]))
        Opened().salesforce.find("Contact", [by_email("a@x.com")], [], {"IsPersonAccount": False})
        assert "IsPersonAccount" not in there.queries[0]


def test_an_org_without_person_accounts_still_lets_the_yaml_tell_them_apart() -> None:
    with org() as there:
        there.describes()
        assert "IsPersonAccount" in Opened().salesforce.describe("Contact").fields


def test_with_person_accounts_they_are_told_apart() -> None:
    with org() as there:
        there.describes(fields=[*CONTACT, field("IsPersonAccount", "boolean", updateable=False)])
        there.finds(lambda soql: page([]))
        Opened().salesforce.find("Contact", [by_email("a@x.com")], [], {"IsPersonAccount": False})
        assert there.queries[0].endswith("AND IsPersonAccount = false")


def test_a_person_account_is_found_and_written_on_account() -> None:
    person = [*ACCOUNT, field("PersonEmail", "email"), field("NPS_Score__pc", "double", precision=3)]
    with org() as there:
        there.describes("Account", person)
        there.finds(
            lambda soql: page([row("001000000000001AAA", PersonEmail="ann@x.com", NPS_Score__pc=3.0)])
        )
        destination = Opened().salesforce
        [hit] = destination.find(
            "Account", [Lookup("PersonEmail", "email", ["ann@x.com"])], ["NPS_Score__pc"], {}
        )
        assert hit.record == Record("Account", "001000000000001AAA", {"NPS_Score__pc": 3})
        assert destination.describe("Account").fields["NPS_Score__pc"].writable
