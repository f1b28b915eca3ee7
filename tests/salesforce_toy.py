"""A toy Salesforce in this process, and somebody who is signed in to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from asgi_caller import Replied
from toy_caller import ToyCaller

V = "/services/data/v64.0"


class SignedIn:
    """`SignedIn(customers=60).create("Task", Subject="Call")`; `sees` are the variables of the credentials used."""

    def __init__(
        self, toy: ToyCaller | None = None, sees: tuple[str, str] = ("SF_ID", "SF_SECRET"), **of: Any
    ) -> None:
        self.toy = toy or ToyCaller("salesforce", **of)
        id, secret = (self.toy.env[name] for name in sees)
        form = f"grant_type=client_credentials&client_id={id}&client_secret={secret}"
        plain = {"content-type": "application/x-www-form-urlencoded"}
        told = self.toy.call("POST", "/services/oauth2/token", raw=form.encode(), headers=plain).json
        self.headers = {"authorization": f"Bearer {told['access_token']}"}

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Replied:
        return self.toy.call(method, f"{V}{path}", body, headers=self.headers, **query)

    def query(self, soql: str) -> list[dict[str, Any]]:
        reply = self.call("GET", f"/query/?q={quote(soql)}")
        assert reply.status == 200, reply.body
        rows: list[dict[str, Any]] = reply.json["records"]
        return [{name: value for name, value in row.items() if name != "attributes"} for row in rows]

    def create(self, object: str, **fields: Any) -> Replied:
        return self.call("POST", f"/sobjects/{object}", fields)

    def made(self, object: str, **fields: Any) -> str:
        reply = self.create(object, **fields)
        assert reply.status == 201, reply.body
        return str(reply.json["id"])

    def many(self, method: str, object: str, *records: Mapping[str, Any], to: str = "") -> list[str | None]:
        """Per record: the statusCode, or None for success."""
        typed = [{"attributes": {"type": object}, **record} for record in records]
        reply = self.call(method, f"/composite/sobjects{to}", {"allOrNone": False, "records": typed})
        return codes(reply)

    def some(self, object: str, where: str = "Id != null", fields: str = "Id") -> dict[str, Any]:
        return self.query(f"SELECT {fields} FROM {object} WHERE {where} ORDER BY Id LIMIT 1")[0]


def codes(reply: Replied) -> list[str | None]:
    assert reply.status == 200, reply.body
    return [None if result["success"] else result["errors"][0]["statusCode"] for result in reply.json]


def error(reply: Replied) -> tuple[int, str]:
    (problem,) = reply.json
    return reply.status, problem["errorCode"]
