"""Objects of the CRMs that stand beside contacts: the promises of a destination that depend on the object are tried on
them as well. What depends on the connector alone is tried on contacts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from destination_table import DESTINATIONS, DestinationRow

_SALESFORCE = replace(DESTINATIONS["salesforce"], connector="salesforce")
_Promise = TypeVar("_Promise")

OBJECTS: Mapping[str, DestinationRow] = {
    "leads of salesforce": replace(
        _SALESFORCE,
        object="Lead",
        person=lambda email, shared: {
            "LastName": "Contract",
            "Company": "Acme",
            "Email": email,
            "MobilePhone": shared,
        },
    ),
    "person accounts of salesforce": replace(
        _SALESFORCE,
        object="Account",
        email="PersonEmail",
        shared=("PersonMobilePhone", "phone"),
        person=lambda email, shared: {
            "LastName": "Contract",
            "PersonEmail": email,
            "PersonMobilePhone": shared,
        },
        score="NPS_Score__pc",
        segment="NPS_Segment__pc",
        date="NPS_Last_Survey__pc",
        comment="NPS_Comment__pc",
    ),
    "an own object of salesforce": replace(
        _SALESFORCE,
        object="Subscription__c",
        email="Billing_Email__c",
        shared=("Billing_Phone__c", "phone"),
        person=lambda email, shared: {
            "Name": "Contract",
            "Billing_Email__c": email,
            "Billing_Phone__c": shared,
        },
        merges=False,
    ),
    "companies of hubspot": replace(
        DESTINATIONS["hubspot"],
        connector="hubspot",
        object="companies",
        email="billing_email",
        shared=("phone", "phone"),
        person=lambda email, shared: {"name": "Contract", "billing_email": email, "phone": shared},
    ),
}


def of_every_object(promise: _Promise) -> _Promise:
    """This promise is tried on the objects here, too."""
    promise.of_every_object = True  # type: ignore[attr-defined]
    return promise
