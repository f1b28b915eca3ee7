"""Settings of working connections to the sandbox's vendors that are tried in more than one role."""

from __future__ import annotations

from contract_place import Given, Place


def salesforce(place: Place) -> Given:
    env = place.sandbox.env
    auth = {"flow": "client_credentials", "client_id": env["SF_ID"], "client_secret": env["SF_SECRET"]}
    return {"login_host": "acme.my.salesforce.com", "base_url": env["SALESFORCE_URL"], "auth": auth}


def hubspot(place: Place) -> Given:
    return {"token": place.sandbox.env["HUBSPOT_TOKEN"], "base_url": place.sandbox.env["HUBSPOT_URL"]}


def intercom(place: Place) -> Given:
    return {
        "access_token": place.sandbox.env["INTERCOM_TOKEN"],
        "base_url": place.sandbox.env["INTERCOM_URL"],
    }


def promoter(place: Place) -> Given:
    return {"api_key": place.sandbox.env["PROMOTER_KEY"], "base_url": place.sandbox.env["PROMOTER_URL"]}


def wootric(place: Place) -> Given:
    env = place.sandbox.env
    return {
        "client_id": env["WOOTRIC_ID"],
        "client_secret": env["WOOTRIC_SECRET"],
        "account_token": env["WOOTRIC_ACCOUNT_TOKEN"],
        "base_url": env["WOOTRIC_URL"],
    }
