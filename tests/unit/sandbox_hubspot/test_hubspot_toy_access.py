"""Tokens, scopes, limits, definitions and companies of the toy HubSpot."""

from __future__ import annotations

import itertools

import requests

_numbers = itertools.count(1)


def new_token(hubspot, *scopes: str):
    name = f"pat-unit-{next(_numbers)}"
    hubspot.do("add_token", token=name, **({"scopes": list(scopes)} if scopes else {}))
    return hubspot.with_token(name)


def refresh(hubspot, path: str = "/oauth/2026-03/token", **changed: str) -> requests.Response:
    env = hubspot.sandbox.env
    form = {
        "grant_type": "refresh_token",
        "client_id": env["HUBSPOT_CLIENT_ID"],
        "client_secret": env["HUBSPOT_CLIENT_SECRET"],
        "refresh_token": env["HUBSPOT_REFRESH_TOKEN"],
    }
    return requests.post(env["HUBSPOT_URL"] + path, data=form | changed, timeout=30)


def test_a_token_nobody_issued_opens_nothing(hubspot):
    refused = hubspot.with_token("pat-wrong").call("GET", hubspot.objects(""))
    assert (refused.status_code, refused.json()["category"]) == (401, "INVALID_AUTHENTICATION")


def test_a_revoked_key_opens_nothing_until_it_is_granted_again(hubspot):
    hubspot.do("expire_tokens", static=True)
    assert hubspot.call("GET", hubspot.objects("")).status_code == 401
    for token in (hubspot.token, hubspot.sandbox.env["HUBSPOT_READ_ONLY_TOKEN"]):
        scopes = {"scopes": ["crm.objects.contacts.read"]} if token != hubspot.token else {}
        hubspot.do("add_token", token=token, **scopes)
    assert hubspot.call("GET", hubspot.objects("")).status_code == 200


def test_a_read_only_token_reads_and_is_told_which_scope_it_lacks(hubspot):
    reader = hubspot.with_token(hubspot.sandbox.env["HUBSPOT_READ_ONLY_TOKEN"])
    assert reader.call("GET", hubspot.objects("")).status_code == 200
    refused = reader.update({"id": "1", "properties": {"nps_score": "9"}})
    assert (refused.status_code, refused.json()["category"]) == (403, "MISSING_SCOPES")
    [detail] = refused.json()["errors"]
    assert detail["context"]["requiredGranularScopes"] == ["crm.objects.contacts.write"]


def test_an_oauth_token_is_refreshed_and_expires_on_demand(hubspot):
    for path in ("/oauth/2026-03/token", "/oauth/v1/token"):
        issued = refresh(hubspot, path).json()
        assert issued["expires_in"] == 1800
        client = hubspot.with_token(issued["access_token"])
        assert client.call("GET", hubspot.objects("")).status_code == 200
        hubspot.do("expire_tokens")
        assert client.call("GET", hubspot.objects("")).status_code == 401
    assert hubspot.call("GET", hubspot.objects("")).status_code == 200
    assert refresh(hubspot, client_secret="wrong").status_code == 400


def test_an_expired_token_in_the_middle_of_a_job_is_met_once(hubspot):
    client = hubspot.with_token(refresh(hubspot).json()["access_token"])
    hubspot.sandbox.fault("hubspot", "expired_token", after=1)
    assert client.call("GET", hubspot.objects("")).status_code == 200
    assert client.call("GET", hubspot.objects("")).status_code == 401
    fresh = hubspot.with_token(refresh(hubspot).json()["access_token"])
    assert fresh.call("GET", hubspot.objects("")).status_code == 200


def test_the_burst_limit_is_told_and_kept_per_token(hubspot):
    hubspot.do("set", burst=3)
    client = new_token(hubspot)
    answers = [client.call("GET", hubspot.objects("")) for _ in range(4)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429]
    assert [one.headers["X-HubSpot-RateLimit-Remaining"] for one in answers] == ["2", "1", "0", "0"]
    assert answers[0].headers["X-HubSpot-RateLimit-Max"] == "3"
    assert answers[0].headers["X-HubSpot-RateLimit-Interval-Milliseconds"] == "10000"
    assert answers[3].json()["policyName"] == "TEN_SECONDLY_ROLLING"
    assert answers[3].json()["errorType"] == "RATE_LIMIT"
    assert new_token(hubspot).call("GET", hubspot.objects("")).status_code == 200


def test_a_spent_day_is_refused_for_every_static_token(hubspot):
    before = hubspot.call("GET", "/account-info/v3/api-usage/daily/private-apps").json()
    used = before["results"][0]["currentUsage"]
    hubspot.do("set", daily=used + 1)
    last = hubspot.call("GET", hubspot.objects(""))
    assert last.headers["X-HubSpot-RateLimit-Daily-Remaining"] == "0"
    refused = new_token(hubspot).call("GET", hubspot.objects(""))
    assert (refused.status_code, refused.json()["policyName"]) == (429, "DAILY")


def test_scripted_faults_speak_hubspots_words(hubspot):
    hubspot.sandbox.fault("hubspot", "status", status=477, retry_after=3600)
    moving = hubspot.call("GET", hubspot.objects(""))
    assert (moving.status_code, moving.headers["Retry-After"]) == (477, "3600")
    hubspot.sandbox.fault("hubspot", "status", status=423)
    assert hubspot.call("GET", hubspot.objects("")).json()["category"] == "LOCKED"
    hubspot.sandbox.fault("hubspot", "status", status=429, detail={"policy": "DAILY"})
    assert hubspot.call("GET", hubspot.objects("")).json()["policyName"] == "DAILY"
    hubspot.sandbox.fault("hubspot", "html", status=502)
    broken = hubspot.call("GET", hubspot.objects(""))
    assert (broken.status_code, broken.text[:6]) == (502, "<html>")


# Definitions


def test_definitions_tell_type_options_and_who_may_write(hubspot):
    listed = hubspot.call("GET", "/crm/v3/properties/contacts").json()["results"]
    found = {one["name"]: one for one in listed}
    assert found["nps_score"]["type"] == "number"
    assert [one["value"] for one in found["nps_segment"]["options"]] == ["promoter", "passive", "detractor"]
    assert found["customer_id"]["hasUniqueValue"] is True
    assert found["lastmodifieddate"]["modificationMetadata"]["readOnlyValue"] is True
    assert hubspot.call("GET", "/crm/properties/2026-09/contacts/nope").status_code == 404


def test_a_property_can_be_created_once_and_then_used(hubspot):
    wanted = {
        "name": "csat_score",
        "label": "CSAT",
        "type": "number",
        "fieldType": "number",
        "groupName": "nps",
    }
    provisioning = new_token(hubspot, "crm.schemas.contacts.write")
    assert hubspot.call("POST", "/crm/v3/properties/contacts", wanted).json()["category"] == "MISSING_SCOPES"
    assert provisioning.call("POST", "/crm/v3/properties/contacts", wanted).status_code == 201
    assert provisioning.call("POST", "/crm/v3/properties/contacts", wanted).status_code == 409
    ann = hubspot.contact()
    hubspot.update({"id": ann, "properties": {"csat_score": "4"}})
    assert hubspot.shown(ann)["csat_score"] == "4"
    hubspot.do("remove_property", object="contacts", name="csat_score")
    assert hubspot.update({"id": ann, "properties": {"csat_score": "5"}}).status_code == 400


def test_a_wrong_pair_of_types_or_an_unknown_group_is_refused(hubspot):
    provisioning = new_token(hubspot, "crm.schemas.contacts.write")
    wanted = {"name": "odd", "label": "Odd", "type": "number", "fieldType": "text", "groupName": "nps"}
    assert provisioning.call("POST", "/crm/v3/properties/contacts", wanted).status_code == 400
    elsewhere = wanted | {"fieldType": "number", "groupName": "elsewhere"}
    assert provisioning.call("POST", "/crm/v3/properties/contacts", elsewhere).status_code == 400


def test_creating_a_property_needs_more_than_writing_contacts(hubspot):
    writer = new_token(hubspot, "crm.objects.contacts.read", "crm.objects.contacts.write")
    refused = writer.call("POST", "/crm/v3/properties/contacts", {})
    assert refused.json()["errors"][0]["context"]["requiredGranularScopes"] == ["crm.schemas.contacts.write"]


# Companies


def companies_of(hubspot, *ids: str, after: str | None = None) -> dict[str, object]:
    inputs = [{"id": one, **({"after": after} if after else {})} for one in ids]
    path = "/crm/v4/associations/contacts/companies/batch/read"
    answer = hubspot.call("POST", path, {"inputs": inputs})
    assert answer.status_code in (200, 207)
    body: dict[str, object] = answer.json()
    return body


def test_a_contact_names_its_companies_the_primary_by_type_1(hubspot):
    ann, acme, umbra = (
        hubspot.contact(),
        hubspot.add("companies", name="Acme"),
        hubspot.add("companies", name="Umbra"),
    )
    hubspot.do("associate", contact=ann, company=umbra, primary=True)
    hubspot.do("associate", contact=ann, company=acme, primary=True)
    [row] = companies_of(hubspot, ann)["results"]
    types = {to["toObjectId"]: [one["typeId"] for one in to["associationTypes"]] for to in row["to"]}
    assert types == {int(acme): [1, 279], int(umbra): [279]}


def test_associations_come_in_pages(hubspot):
    hubspot.do("set", association_page=1, numeric_association_ids=False)
    ann, acme, umbra = (
        hubspot.contact(),
        hubspot.add("companies", name="A"),
        hubspot.add("companies", name="U"),
    )
    hubspot.do("associate", contact=ann, company=acme)
    hubspot.do("associate", contact=ann, company=umbra, primary=False)
    [first] = companies_of(hubspot, ann)["results"]
    [second] = companies_of(hubspot, ann, after=first["paging"]["next"]["after"])["results"]
    assert [row["to"][0]["toObjectId"] for row in (first, second)] == [acme, umbra]
    assert "paging" not in second


def test_a_contact_without_a_company_is_an_error_or_just_missing(hubspot):
    ann = hubspot.contact()
    assert companies_of(hubspot, ann)["errors"][0]["context"]["fromObjectId"] == [ann]
    hubspot.do("set", unassociated_is_error=False)
    assert companies_of(hubspot, ann)["results"] == []
    assert "errors" not in companies_of(hubspot, ann)


def test_a_thousand_contacts_may_be_asked_about_at_once(hubspot):
    path = "/crm/associations/2026-09/contacts/companies/batch/read"
    inputs = [{"id": str(number)} for number in range(1001)]
    assert hubspot.call("POST", path, {"inputs": inputs}).status_code == 400
    assert hubspot.call("POST", path, {"inputs": inputs[:1000]}).status_code == 200


def test_companies_are_read_and_written_like_contacts(hubspot):
    acme = hubspot.add("companies", name="Acme")
    body = {"inputs": [{"id": acme, "properties": {"nps": "33.0"}}]}
    assert hubspot.call("POST", hubspot.objects("/batch/update", "companies"), body).status_code == 200
    assert hubspot.shown(acme, "companies")["nps"] == "33"


def test_who_unsubscribed_is_told_in_both_ways(hubspot):
    hubspot.contact(email="no@unit.example", hs_email_optout="true")
    told = hubspot.call("GET", "/communication-preferences/v3/status/email/no@unit.example").json()
    assert told["subscriptionStatuses"][0]["status"] == "NOT_SUBSCRIBED"
    wide = "/communication-preferences/v4/statuses/{}/unsubscribe-all"
    assert hubspot.call("GET", wide.format("no@unit.example")).json()["results"]
    assert hubspot.call("GET", wide.format("yes@unit.example")).json()["results"] == []
