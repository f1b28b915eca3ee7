"""What a machine asks for over HTTP is done by `npsync serve`, and told over HTTP: all of it real."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from cli_process import Npsync, config, stop, to_contacts, to_marketing
from sandbox_process import RunningSandbox
from serving_process import Serving, serving, until
from townspeople import Town


@dataclass(frozen=True)
class Api:
    serve: Serving
    token: str

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        url = f"http://127.0.0.1:{self.serve.port}{path}"
        allowed = {"Authorization": f"Bearer {self.token}", **headers}
        return requests.request(method, url, json=body, headers=allowed, timeout=60)

    def get(self, path: str) -> Mapping[str, Any]:
        told: Mapping[str, Any] = self.call("GET", path).json()
        return told

    def want(self, path: str, body: Any = None, **headers: str) -> str:
        """Where to look how far it is."""
        wanted = self.call("POST", f"/api/v1{path}", body, **headers)
        assert wanted.status_code == 202, wanted.text
        return wanted.headers["Location"]

    def ended(self, place: str) -> Mapping[str, Any]:
        until(lambda: self.get(place)["state"] in ("done", "failed"))
        return self.get(place)


@pytest.fixture(scope="module")
def api(sandbox: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    npsync = Npsync(tmp_path_factory.mktemp("api"), sandbox.env)
    npsync.configured(config(to_contacts(paused=True), to_marketing(paused=True)))
    scopes = [word for scope in ("read", "plan", "apply", "undo") for word in ("--scope", scope)]
    token = npsync("tokens", "create", "machine", *scopes).out.strip()
    with serving(npsync) as serve:
        yield Api(serve, token)
        assert stop(serve.process).code == 0


def test_a_run_a_verification_and_an_undo_are_done_and_what_they_came_to_is_told(api: Api, town: Town):
    ann = town.person()
    town.answers(ann, 9)

    key = {"Idempotency-Key": "monday"}
    place = api.want("/syncs/contacts/run", **key)
    assert api.want("/syncs/contacts/run", **key) == place
    ran = api.ended(place)
    assert (ran["kind"], ran["state"], ran["outcome"]["status"]) == ("run", "done", "succeeded")
    assert ran["outcome"]["writes"] == {"Contact": 1}
    assert town.in_salesforce(ann)["NPS_Score__c"] == 9
    run = api.get(f"/api/v1/runs/{ran['run']}")
    assert (run["sync"], run["status"]) == ("contacts", "succeeded")

    verified = api.ended(api.want("/syncs/contacts/verify"))
    assert (verified["state"], verified["outcome"]["records_drifted"]) == ("done", 0)
    assert verified["outcome"]["records_checked"] > 0
    planned = api.ended(api.want(f"/runs/{ran['run']}/undo", {"plan": True}))
    assert (planned["state"], planned["outcome"]["restores"]) == ("done", 1)
    assert town.in_salesforce(ann)["NPS_Score__c"] == 9
    undone = api.ended(api.want(f"/runs/{ran['run']}/undo"))
    assert (undone["state"], undone["outcome"]["status"]) == ("done", "succeeded")
    assert town.in_salesforce(ann)["NPS_Score__c"] is None


def test_what_cannot_be_done_is_told_as_failed_with_why(api: Api, sandbox: RunningSandbox):
    sandbox.fault("salesforce", "status", path="/services/oauth2/token", status=400, times=None)
    try:
        failed = api.ended(api.want("/syncs/contacts/verify"))
    finally:
        sandbox.control("DELETE", "/faults")
    assert failed["state"] == "failed"
    assert failed["outcome"]["problem"].startswith("crm: ")


def test_when_the_web_dies_what_was_wanted_is_done_and_read_through_the_next_one(api: Api, town: Town):
    bob = town.person("bob")
    town.answers(bob, 3)
    place = api.want("/syncs/contacts/run")
    os.kill(api.serve.web[-1], signal.SIGKILL)
    assert api.ended(place)["state"] == "done"
    assert town.in_salesforce(bob)["NPS_Score__c"] == 3
    assert len(api.serve.web) == 2
    assert api.serve.process.poll() is None
