"""A bare caller of the toy Salesforce: what a test needs and no client library."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from sandbox_process import RunningSandbox


@dataclass
class Caller:
    sandbox: RunningSandbox
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.trust_env = False
        self.log_in()

    @property
    def base(self) -> str:
        return self.sandbox.env["SALESFORCE_URL"]

    def ask_token(self, form: Mapping[str, str], **options: Any) -> requests.Response:
        return self.session.post(f"{self.base}/services/oauth2/token", data=form, timeout=30, **options)

    def log_in(self) -> None:
        env = self.sandbox.env
        given = {
            "grant_type": "client_credentials",
            "client_id": env["SF_ID"],
            "client_secret": env["SF_SECRET"],
        }
        self.use(self.ask_token(given).json()["access_token"])

    def use(self, token: str) -> None:
        self.session.headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        options.setdefault("timeout", 30)
        return self.session.request(method, f"{self.base}/services/data/v64.0{path}", **options)

    def query(self, soql: str, **options: Any) -> Any:
        reply = self.call("GET", "/query/", params={"q": soql}, **options)
        assert reply.ok, reply.text
        return reply.json()

    def rows(self, soql: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.query(soql)["records"]
        return [{name: value for name, value in row.items() if name != "attributes"} for row in rows]

    def update(self, *records: Mapping[str, Any], **flags: Any) -> requests.Response:
        typed = [{"attributes": {"type": "Contact"}, **record} for record in records]
        return self.call("PATCH", "/composite/sobjects", json={"records": typed, **flags})

    def contact(self, id: str) -> dict[str, Any]:
        row: dict[str, Any] = self.sandbox.control("GET", f"/salesforce/Contact/{id}")
        return row

    def new_contact(self, **fields: Any) -> str:
        given = {"LastName": "Test", **fields}
        return str(self.sandbox.control("POST", "/salesforce/Contact", given)["id"])

    def knob(self, name: str, **arguments: Any) -> Any:
        return self.sandbox.control("POST", f"/salesforce/do/{name}", arguments)

    # ------------------------------------------------------------ bulk

    def new_job(self, operation: str = "update", **settings: Any) -> str:
        wanted = {"object": "Contact", "operation": operation, **settings}
        return str(self.call("POST", "/jobs/ingest", json=wanted).json()["id"])

    def upload(self, job: str, text: str | bytes) -> requests.Response:
        body = text.encode() if isinstance(text, str) else text
        headers = {"Content-Type": "text/csv; charset=UTF-8"}
        return self.call("PUT", f"/jobs/ingest/{job}/batches", data=body, headers=headers)

    def finish(self, job: str) -> dict[str, Any]:
        assert self.call("PATCH", f"/jobs/ingest/{job}", json={"state": "UploadComplete"}).ok
        for _ in range(20):
            info: dict[str, Any] = self.call("GET", f"/jobs/ingest/{job}").json()
            if info["state"] in ("JobComplete", "Failed", "Aborted"):
                return info
        raise AssertionError("the job never ends")

    def results(self, job: str, which: str) -> list[dict[str, str]]:
        reply = self.call("GET", f"/jobs/ingest/{job}/{which}/")
        assert reply.ok, reply.text
        return list(csv.DictReader(io.StringIO(reply.content.decode("utf-8"), newline="")))
