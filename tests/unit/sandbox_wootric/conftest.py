"""One toy Wootric for these tests; each gets a token and the account's default settings."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import requests
from sandbox_process import RunningSandbox, running_sandbox

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Wootric:
    """Calls of the API with one token, and what happens at the account."""

    sandbox: RunningSandbox
    token: str = ""

    def issue(self, query: str = "", **changed: str) -> requests.Response:
        env = self.sandbox.env
        form = {
            "grant_type": "client_credentials",
            "client_id": env["WOOTRIC_ID"],
            "client_secret": env["WOOTRIC_SECRET"],
        }
        url = env["WOOTRIC_URL"] + "/oauth/token" + query
        return self.sandbox.session.post(url, data=form | changed, timeout=30)

    def signed_in(self, query: str = "", **changed: str) -> Wootric:
        return replace(self, token=self.issue(query, **changed).json()["access_token"])

    def get(self, path: str, **query: Any) -> requests.Response:
        return self.sandbox.session.get(
            self.sandbox.env["WOOTRIC_URL"] + path,
            params=query,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=30,
        )

    def responses(self, start: int | None = None, **query: Any) -> list[dict[str, Any]]:
        """One page, oldest first, from a UNIX second on."""
        window = {} if start is None else {"created[gte]": start}
        answer = self.get("/v1/responses", **{"sort_order": "asc", "per_page": 50, **window, **query})
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()
        return rows

    def answer(self, **fields: Any) -> str:
        """Somebody new answers, unless the fields say who."""
        if not fields.keys() & {"email", "external_id", "end_user_id"}:
            fields["email"] = self.somebody()
        made: str = self.sandbox.control("POST", "/wootric/responses", {"score": 9, **fields})["id"]
        return made

    def somebody(self) -> str:
        return f"person{next(_numbers)}@unit.example"

    def edit(self, answer: str, **fields: Any) -> None:
        self.sandbox.control("PATCH", f"/wootric/responses/{answer}", fields)

    def do(self, command: str, **arguments: Any) -> Any:
        return self.sandbox.control("POST", f"/wootric/do/{command}", arguments)


@pytest.fixture(scope="session")
def wootric_sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox("--vendor", "wootric", customers=300, responses=2000) as sandbox:
        yield sandbox


@pytest.fixture
def wootric(wootric_sandbox: RunningSandbox) -> Iterator[Wootric]:
    client = Wootric(wootric_sandbox)
    defaults = client.do("set")
    yield client.signed_in()
    client.do("set", **defaults)
    wootric_sandbox.control("DELETE", "/faults")
