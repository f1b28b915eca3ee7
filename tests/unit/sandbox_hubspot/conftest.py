"""One toy HubSpot for these tests; each makes its own contacts and gets the account's default settings."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
import requests
from sandbox_process import RunningSandbox, running_sandbox

DEFAULTS = {"burst": 0, "search": 0, "daily": 0}
_numbers = itertools.count(1)


@dataclass(frozen=True)
class HubSpot:
    """Calls of the API with one token, and what a person does at the account."""

    sandbox: RunningSandbox
    token: str
    version: str = "v3"

    def as_of(self, version: str) -> HubSpot:
        return replace(self, version=version)

    def with_token(self, token: str) -> HubSpot:
        return replace(self, token=token)

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> requests.Response:
        return self.sandbox.session.request(
            method,
            self.sandbox.env["HUBSPOT_URL"] + path,
            json=body,
            params=query,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=30,
        )

    def objects(self, tail: str, kind: str = "contacts") -> str:
        middle = "/v3/objects" if self.version == "v3" else f"/objects/{self.version}"
        return f"/crm{middle}/{kind}{tail}"

    def read(self, ids: list[str], *properties: str, **more: Any) -> requests.Response:
        body = {"inputs": [{"id": one} for one in ids], "properties": list(properties), **more}
        return self.call("POST", self.objects("/batch/read"), body)

    def update(self, *inputs: Mapping[str, Any]) -> requests.Response:
        return self.call("POST", self.objects("/batch/update"), {"inputs": list(inputs)})

    def search(self, *filters: Mapping[str, Any], **more: Any) -> requests.Response:
        body = {"filterGroups": [{"filters": list(filters)}], "sorts": [], "properties": [], "limit": 200}
        return self.call("POST", self.objects("/search"), body | more)

    def contact(self, **fields: Any) -> str:
        """A new contact nobody else uses."""
        email = fields.pop("email", f"person{next(_numbers)}@unit.example")
        return self.add("contacts", email=email, **fields)

    def add(self, kind: str, **fields: Any) -> str:
        made: str = self.sandbox.control("POST", f"/hubspot/{kind}", fields)["id"]
        return made

    def shown(self, record_id: str, kind: str = "contacts") -> dict[str, Any]:
        row: dict[str, Any] = self.sandbox.control("GET", f"/hubspot/{kind}/{record_id}")
        return row

    def merge(self, winner: str, loser: str) -> str:
        """The survivor's id."""
        row = self.sandbox.control("POST", f"/hubspot/contacts/{winner}/merge", {"loser": loser})
        return str(row["id"])

    def do(self, command: str, **arguments: Any) -> Any:
        return self.sandbox.control("POST", f"/hubspot/do/{command}", arguments)


@pytest.fixture(scope="session")
def hubspot_sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox("--vendor", "hubspot", customers=230, responses=0) as sandbox:
        yield sandbox


@pytest.fixture
def hubspot(hubspot_sandbox: RunningSandbox) -> Iterator[HubSpot]:
    client = HubSpot(hubspot_sandbox, hubspot_sandbox.env["HUBSPOT_TOKEN"])
    defaults = client.do("set", **DEFAULTS)
    yield client
    client.do("set", **{**defaults, **DEFAULTS})
    hubspot_sandbox.control("DELETE", "/faults")
