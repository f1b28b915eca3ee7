"""A report's groups, called differently by each CRM."""

from __future__ import annotations

from mapping.reporting import ReportSpec

SPEC = ReportSpec.model_validate(
    {
        "by": {
            "plan": {"crm": "account.Plan__c", "marketing": "account.plan"},
            "region": "record.Region__c",
            "product": "properties.product",
        },
        "amount": {"crm": "account.AnnualRevenue"},
    }
)


def test_each_connection_is_read_by_its_own_names_and_by_those_that_all_share() -> None:
    assert SPEC.traits("crm", "OwnerId") == {
        "owner": "record.OwnerId",
        "plan": "account.Plan__c",
        "region": "record.Region__c",
        "amount": "account.AnnualRevenue",
    }
    assert SPEC.traits("marketing") == {"plan": "account.plan", "region": "record.Region__c"}
    assert SPEC.traits("elsewhere") == {"region": "record.Region__c"}


def test_a_property_of_the_answer_is_kept_with_the_answer() -> None:
    assert SPEC.properties == {"product"}
