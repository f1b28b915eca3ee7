"""One row per destination: how the contract suites set it up. A new destination adds a row and runs every promise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from contract_place import WRONG_SECRET, Given, Place, unique
from intercom_attributes import provide_attributes
from vendor_settings import hubspot, intercom, salesforce

from connectors.rest_master.pretectum import merged


@dataclass(frozen=True)
class DestinationRow:
    """`person` makes the fields of a new record, as the sandbox's control takes them, from an e-mail and a shared
    value; `shared` is a field that several records may hold alike, with what a response calls it. `connector` is the
    connector's name where several rows are of one. `town` names the fixture that takes the sandbox's place."""

    vendor: str
    settings: Callable[[Place], Given]
    object: str
    email: str
    shared: tuple[str, str]
    person: Callable[[str, str], Given]
    score: str
    segment: str
    date: str
    comment: str
    wrong: Callable[[Given], Given] | None
    read_only_field: str
    fields: tuple[str, ...] = field(default=())
    connector: str = ""
    town: str = ""
    kept_in: str = ""  # what the sandbox calls the object, if not `object`
    daily: bool = True  # whether the vendor counts calls per day
    told: bool = True  # whether the vendor tells what its fields are
    keys: bool = True  # whether records are found by any field, and not by `email` alone
    merges: bool = True  # whether its people merge records
    lookup_calls: int = 6  # for 300 values
    people: int = 400  # at least so many are there
    held_as: str = ""  # what the sandbox's control calls the field `email`, if not so

    def email_of(self, record: Given) -> str:
        return str(record.get(self.held_as or self.email) or "")

    @property
    def shelf(self) -> str:
        """The object, as the sandbox's control calls it."""
        return self.kept_in or self.object


def _sql(place: Place, **table: Any) -> Given:
    told = {"merges": {}, **table}
    return {"url": place.sandbox.url, "naive_times": "UTC", "tables": {"customer": told}}


def _nobody(given: Given) -> Given:
    return given | {"url": given["url"].replace("postgres@", f"nobody:{WRONG_SECRET}@")}


_SQL = DestinationRow(
    vendor="sql",
    settings=_sql,
    object="customer",
    email="email",
    shared=("mobile", "phone"),
    person=lambda email, shared: {"name": "Contract", "email": email, "mobile": shared},
    score="nps_score",
    segment="nps_segment",
    date="nps_last_survey",
    comment="nps_comment",
    wrong=None,
    read_only_field="customer_key",
    connector="sql",
    daily=False,
)


def _pretectum(place: Place) -> Given:
    env = place.sandbox.env
    return {
        "client_id": env["PRETECTUM_CLIENT_ID"],
        "client_secret": env["PRETECTUM_CLIENT_SECRET"],
        "base_url": env["PRETECTUM_URL"],
        "scope": {"business_area": "Customer", "schema": "Individual Customer", "dataset": "US Customers"},
        "budget": {"max_calls_per_day": 1_000_000},
    }


def _rest_master(place: Place) -> Given:
    """The same master with everything said, and nothing taken from its search but who it is."""
    given = _pretectum(place)
    whole = merged(given)
    for name in ("client_id", "client_secret"):
        del whole[name]
    return whole | {"find": whole["find"] | {"values": "read", "join": None, "lag": "0 minutes"}}


def _intercom_with_attributes(place: Place) -> Given:
    """An administrator has made the attributes."""
    provide_attributes(place.sandbox, "contact")
    return intercom(place)


_PRETECTUM = DestinationRow(
    vendor="pretectum",
    settings=_pretectum,
    object="US Customers",
    email="Email",
    shared=("Phone", "phone"),
    person=lambda email, shared: {"Last Name": "Contract", "Email": email, "Phone": shared},
    score="NPS Score",
    segment="NPS Segment",
    date="NPS Last Survey",
    comment="NPS Comment",
    wrong=lambda given: given | {"client_secret": WRONG_SECRET},
    read_only_field="_dataObjectId",
    kept_in="customers",
    merges=False,
)


def _mixpanel_profiles(place: Place) -> Given:
    place.sandbox.control("POST", "/mixpanel/do/set", {"queries_per_hour": 10**6, "per_second": 10**6})
    env = place.sandbox.env
    return {
        "project_id": env["MIXPANEL_PROJECT"],
        "project_token": env["MIXPANEL_TOKEN"],
        "service_account": {"username": env["MIXPANEL_USER"], "secret": env["MIXPANEL_SECRET"]},
        "base_url": env["MIXPANEL_URL"],
        "properties": {
            "NPS Score": "number",
            "NPS Segment": ["promoter", "passive", "detractor"],
            "NPS Last Survey": "date",
            "NPS Comment": "text",
            "Plan": "text",
        },
    }


DESTINATIONS: Mapping[str, DestinationRow] = {
    "mixpanel": DestinationRow(
        vendor="mixpanel",
        settings=_mixpanel_profiles,
        object="profiles",
        email="distinct_id",
        shared=("Plan", "text"),
        person=lambda email, shared: {"id": email, "properties": {"Plan": shared}},
        score="NPS Score",
        segment="NPS Segment",
        date="NPS Last Survey",
        comment="NPS Comment",
        wrong=lambda given: given | {"service_account": {"username": "npsync", "secret": WRONG_SECRET}},
        read_only_field="distinct_id",
        daily=False,
        told=False,
        keys=False,
        merges=False,
        people=200,
        held_as="id",
    ),
    "sql on PostgreSQL": replace(_SQL, town="wide_on_postgres", wrong=_nobody),
    "sql on SQLite": replace(_SQL, town="wide_on_sqlite"),
    "sql with a table of ours": replace(
        _SQL, town="satellite_on_sqlite", settings=lambda place: _sql(place, mode="satellite")
    ),
    "intercom": DestinationRow(
        vendor="intercom",
        settings=_intercom_with_attributes,
        object="contacts",
        email="email",
        shared=("phone", "phone"),
        person=lambda email, shared: {
            "name": "Contract",
            "email": email,
            "phone": shared,
            "external_id": unique("C-"),
        },
        score="custom_attributes.nps_score",
        segment="custom_attributes.nps_segment",
        date="custom_attributes.nps_last_survey_at",
        comment="custom_attributes.nps_comment",
        wrong=lambda given: given | {"access_token": WRONG_SECRET},
        read_only_field="has_hard_bounced",
        daily=False,
    ),
    "pretectum": _PRETECTUM,
    "rest_master": replace(
        _PRETECTUM,
        settings=_rest_master,
        wrong=lambda given: given | {"auth": given["auth"] | {"client_secret": WRONG_SECRET}},
        lookup_calls=320,
    ),
    "salesforce": DestinationRow(
        vendor="salesforce",
        settings=salesforce,
        object="Contact",
        email="Email",
        shared=("MobilePhone", "phone"),
        person=lambda email, shared: {"LastName": "Contract", "Email": email, "MobilePhone": shared},
        score="NPS_Score__c",
        segment="NPS_Segment__c",
        date="NPS_Last_Survey__c",
        comment="NPS_Comment__c",
        wrong=lambda given: given | {"auth": given["auth"] | {"client_secret": WRONG_SECRET}},
        read_only_field="SystemModstamp",
    ),
    "hubspot": DestinationRow(
        vendor="hubspot",
        settings=hubspot,
        object="contacts",
        email="email",
        shared=("mobilephone", "phone"),
        person=lambda email, shared: {"lastname": "Contract", "email": email, "mobilephone": shared},
        score="nps_score",
        segment="nps_segment",
        date="nps_last_survey",
        comment="nps_comment",
        wrong=lambda given: given | {"token": WRONG_SECRET},
        read_only_field="hs_object_id",
    ),
}
