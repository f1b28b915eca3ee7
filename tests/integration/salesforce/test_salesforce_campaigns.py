"""Members of campaigns: who is put there and taken off, and which campaigns cannot be used."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from builders_salesforce import CONTACT, Answer, Opened, field, org, page
from played_tasks import ACME, ANN, BOB, Played, refusal

from nps.changes import Cause, Made, Rejected, Unknown, Written
from nps.errors import ConfigError

PROMOTERS = "701000000000001AAA"
LEAD = "00Q000000000001AAA"


class Org(Played):
    """Campaigns by id; members are what was created."""

    campaigns: dict[str, dict[str, Any]]

    def _one(self, record: dict[str, Any], key: str | None) -> Mapping[str, Any]:
        who = {record.get("ContactId"), record.get("LeadId")} - {None}
        if any(who & {row.get("ContactId"), row.get("LeadId")} for row in self.rows.values()):
            return {"success": False, "errors": [refusal("DUPLICATE_VALUE")]}
        return super()._one(record, key)

    def found(self, soql: str) -> Answer:
        values = re.findall(r"'((?:[^'\\]|\\.)*)'", soql)
        if "FROM CampaignMemberStatus" in soql:
            return page([{"Id": "01Y", "Label": label} for label in ("Sent", "Responded")])
        if "FROM CampaignMember" in soql:
            rows = [{"Id": id, "ContactId": None, "LeadId": None} | row for id, row in self.rows.items()]
            return page([row for row in rows if {row["ContactId"], row["LeadId"]} & {*values}])
        if "FROM Account" in soql:
            return page([{"Id": ACME, "PersonContactId": ANN}] if ACME in values else [])
        rows = [{"Id": id, **row} for id, row in self.campaigns.items()]
        return page([row for row in rows if not values or {row["Id"], row["Name"]} & {*values}])


@contextmanager
def promoters(**campaigns: dict[str, Any]) -> Iterator[Org]:
    with org() as there:
        one = Org(there)
        one.campaigns = campaigns or {PROMOTERS: {"Name": "NPS promoters", "IsActive": True}}
        there.describes(fields=CONTACT)
        person = [field("Id", "id"), field("IsPersonAccount", "boolean")]
        there.describes("Account", person)
        there.finds(one.found)
        for method in ("POST", "DELETE"):
            one.creates("composite/sobjects", there._mock, method)
        yield one


@pytest.mark.parametrize("name", ["NPS promoters", PROMOTERS, PROMOTERS[:15]])
def test_a_campaign_goes_by_its_name_or_its_id(name: str) -> None:
    with promoters():
        assert Opened().salesforce.list_id(name, "Contact") == PROMOTERS


OTHER = {"Name": "NPS promoters", "IsActive": True}


@pytest.mark.parametrize(
    ("campaigns", "says"),
    [
        ({PROMOTERS: {"Name": "NPS promotors", "IsActive": True}}, 'did you mean "NPS promotors"'),
        ({PROMOTERS: {"Name": "Spring", "IsActive": True}}, "create it in Salesforce"),
        ({PROMOTERS: {"Name": "NPS promoters", "IsActive": False}}, "is not active"),
        ({PROMOTERS: OTHER, "701000000000002AAA": OTHER}, "2 campaigns are called"),
    ],
)
def test_a_campaign_that_cannot_be_used_is_a_matter_of_the_settings(
    campaigns: dict[str, Any], says: str
) -> None:
    with promoters(**campaigns), pytest.raises(ConfigError, match=says):
        Opened().salesforce.list_id("NPS promoters", "Contact")


def test_only_people_are_members() -> None:
    with promoters(), pytest.raises(ConfigError, match="not Case"):
        Opened().salesforce.list_id("NPS promoters", "Case")


def test_whoever_is_a_member_already_is_one_once() -> None:
    with promoters() as there:
        salesforce = Opened().salesforce
        [first] = salesforce.add(PROMOTERS, "Contact", [ANN], "responded")
        [second] = salesforce.add(PROMOTERS, "Contact", [ANN], None)
        assert first == second
        assert isinstance(first, Made)
        assert there.sent == [
            {
                "attributes": {"type": "CampaignMember"},
                "CampaignId": PROMOTERS,
                "ContactId": ANN,
                "Status": "Responded",
            }
        ]
        assert salesforce.on(PROMOTERS, "Contact", [ANN, BOB]) == {ANN}
        for _ in range(2):
            assert list(salesforce.drop(PROMOTERS, "Contact", [ANN])) == [Written(ANN)]
        assert not there.rows


def test_who_became_a_member_meanwhile_is_one() -> None:
    with promoters() as there:

        def meanwhile(one: Any) -> Any:
            there.rows["00v000000000001AAA"] = {"ContactId": ANN}
            return refusal("SOME_CODE_OF_ITS_OWN")

        there.refuse = meanwhile
        [made] = Opened().salesforce.add(PROMOTERS, "Contact", [ANN], None)
    assert made == Made(ANN, "00v000000000001AAA")


def test_one_refused_member_sinks_no_other() -> None:
    with promoters() as there:
        there.refuse = lambda one: (
            refusal("FIELD_CUSTOM_VALIDATION_EXCEPTION") if one["ContactId"] == BOB else None
        )
        told = {one.record_id: one for one in Opened().salesforce.add(PROMOTERS, "Contact", [ANN, BOB], None)}
    assert isinstance(told[ANN], Made)
    assert isinstance(refused := told[BOB], Rejected)
    assert refused.cause is Cause.RECORD


def test_a_member_whose_reply_was_lost_is_one() -> None:
    with promoters() as there:
        there.lose = 1
        [made] = Opened().salesforce.add(PROMOTERS, "Contact", [ANN], None)
        assert made == Made(ANN, next(iter(there.rows)))


def test_a_member_whose_every_reply_was_lost_is_asked_about() -> None:
    with promoters() as there:
        there.lose = 9
        salesforce = Opened().salesforce
        [lost] = salesforce.add(PROMOTERS, "Contact", [ANN], None)
        assert isinstance(lost, Unknown)
        assert salesforce.on(PROMOTERS, "Contact", [ANN]) == {ANN}


def test_leads_and_person_accounts_are_people_too() -> None:
    with promoters() as there:
        salesforce = Opened().salesforce
        list(salesforce.add(PROMOTERS, "Lead", [LEAD], None))
        told = list(salesforce.add(PROMOTERS, "Account", [ACME, "001000000000009AAA"], None))
        assert [one["LeadId"] for one in there.sent[:1]] == [LEAD]
        assert there.sent[1]["ContactId"] == ANN
        assert salesforce.on(PROMOTERS, "Account", [ACME]) == {ACME}
    assert {one.record_id: type(one) for one in told} == {ACME: Made, "001000000000009AAA": Rejected}


def test_a_status_the_campaign_does_not_have_is_a_matter_of_the_settings() -> None:
    with promoters() as there:
        adding = Opened().salesforce.add(PROMOTERS, "Contact", [ANN], "Adored")
        with pytest.raises(ConfigError, match='no member status "Adored"; it has "Responded", "Sent"'):
            list(adding)
    assert not there.calls
