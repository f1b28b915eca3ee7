"""What the YAML of a Salesforce connection may say."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
from builders_salesforce import settings
from pydantic import ValidationError

from connectors.contract import Needs
from connectors.salesforce import CONNECTOR
from connectors.salesforce.settings import SalesforceSettings

TOKEN = {"flow": "access_token", "access_token": "t", "instance_url": "https://acme.my.salesforce.com"}


def test_the_usual_case_needs_a_host_and_credentials() -> None:
    usual = settings()
    assert usual.login_url == "https://acme.my.salesforce.com"
    assert usual.api_version == "64.0"
    assert usual.write.chunk_size == 200
    assert "very-secret" not in repr(usual)


def test_a_share_is_kept_for_others() -> None:
    assert settings(budget={"keep_for_others": "40%"}).budget.keep_for_others == Decimal("0.4")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"login_host": "https://acme.my.salesforce.com"}, "not a host name"),
        ({"login_host": "acme.lightning.force.com"}, "acme.my.salesforce.com"),
        ({"login_host": "acme.example.com"}, "not a Salesforce host"),
        ({"login_host": "evil.com/.my.salesforce.com"}, "not a host name"),
        ({"login_host": "login.salesforce.com"}, "My Domain"),
        ({"login_host": None}, "login_host is missing"),
        ({"api_version": "v64.0"}, "not an API version"),
        ({"api_version": "12.0"}, "not supported"),
        ({"base_url": "http://salesforce.example.com"}, "allow_http"),
        ({"base_url": "ftp://127.0.0.1"}, "address like"),
        ({"auth": {**TOKEN, "instance_url": "http://10.0.0.1"}}, "allow_http"),
        ({"auth": {"flow": "password"}}, "client_credentials"),
        ({"auth": {"flow": "jwt_bearer", "client_id": "k", "username": "u"}}, "private_key"),
        ({"write": {"chunk_size": 201}}, "200"),
        ({"write": {"bulk_threshold": 0}}, "at least 1"),
        ({"budget": {"keep_for_others": 40}}, "40%"),
        ({"batch": 200}, "Extra inputs"),
    ],
)
def test_what_cannot_work_is_refused_with_a_hint(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        settings(**changes)


def test_base_url_may_have_a_path_and_be_plain_http_on_this_machine() -> None:
    local = settings(login_host=None, base_url="http://127.0.0.1:8090/salesforce/")
    assert local.login_url == "http://127.0.0.1:8090/salesforce"


def test_plain_http_elsewhere_has_to_be_asked_for() -> None:
    assert settings(base_url="http://proxy.corp", allow_http=True).login_url == "http://proxy.corp"


def test_every_setting_says_what_it_is_for() -> None:
    schema = SalesforceSettings.model_json_schema()
    properties = [
        (name, key, value)
        for name, part in [("settings", schema), *schema["$defs"].items()]
        for key, value in part["properties"].items()
    ]
    silent = [
        (name, key) for name, key, value in properties if key != "flow" and not value.get("description")
    ]
    assert silent == []


def test_naming_the_connector_does_not_import_the_library() -> None:
    heavy = "('simple_salesforce', 'zeep', 'jwt', 'requests')"
    code = f"import sys, connectors.salesforce; print([m for m in sys.modules if m.split('.')[0] in {heavy}])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_the_rights_to_grant_are_listed_line_by_line() -> None:
    needs = Needs(
        read={"Contact": frozenset({"Email", "Name", "Account.Name"})},
        write={"Contact": frozenset({"NPS_Score__c"}), "Account": frozenset({"NPS__c"})},
    )
    lines = CONNECTOR.grants(settings(), needs)
    assert "Object Contact: Read, Edit" in lines
    assert "Field Contact.NPS_Score__c: Read, Edit" in lines
    assert "Field Contact.Email: Read" in lines
    assert "System permission: API Enabled" in lines
    assert not [line for line in lines if "Contact.Name" in line]  # there is no box to tick for it
