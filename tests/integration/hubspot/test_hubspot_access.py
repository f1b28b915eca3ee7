"""HubSpot's settings, the scopes it needs, and how it is found out which of them are granted."""

from __future__ import annotations

from typing import Any

import pytest
from scripted_hubspot import Asked, Said, answered, not_found, opened, scripted_hubspot

from connectors.contract import Creates, Grant, Needs, Verdict
from connectors.hubspot import CONNECTOR
from connectors.hubspot.settings import HubSpotSettings


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


EVERYTHING = Needs(
    read={"contacts": frozenset({"email"})},
    write={"contacts": frozenset({"nps_score"})},
    creates=frozenset(Creates),
    history={"notes": frozenset({"hs_note_body"}), "answers": frozenset({"answer_key"})},
)


def test_what_is_created_has_scopes_of_its_own() -> None:
    settings = HubSpotSettings.model_validate({"token": "t"})
    assert list(CONNECTOR.grants(settings, EVERYTHING)) == [
        "crm.objects.custom.read",
        "crm.objects.contacts.read",
        "tickets",
        "crm.objects.custom.write",
        "crm.objects.contacts.write",
        "crm.objects.owners.read",
        "crm.lists.read",
        "crm.lists.write",
    ]


@pytest.mark.parametrize("granted", [True, False])
def test_access_tests_what_is_created_and_creates_nothing(granted: bool) -> None:
    nobody = answered(errors=[not_found("0")])

    def script(asked: Asked) -> Said:
        if "account-info" in asked.path:
            return Said({"portalId": 1})
        if not granted:
            return missing("crm.of.your.choice")
        return Said({"results": []}) if "/owners" in asked.path else nobody

    with scripted_hubspot(nobody) as server:
        server.script = script
        told = {one.permission: one.verdict for one in opened(server).access(EVERYTHING)}
    assert told.pop("crm.lists.write") is Verdict.UNTESTED
    wanted = {
        "crm.objects.custom.read",
        "crm.objects.custom.write",
        "crm.objects.contacts.read",
        "crm.objects.contacts.write",
        "crm.objects.owners.read",
        "crm.lists.read",
        "tickets",
    }
    assert {one for one, verdict in told.items() if verdict is not Verdict.EXCESS} == wanted
    assert {told[one] for one in wanted} == {Verdict.OK if granted else Verdict.MISSING}
    assert not [one for one in server.asked if "create" in one.path or one.method == "PUT"]
