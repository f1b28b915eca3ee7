"""A Salesforce org at the edge of `requests`, for tests about the wire; the sandbox is for everything else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import requests
import responses
from fake_clock import Calls, FakeClock, MemoryInMemory, Notices, fake_tools

from connectors.salesforce.destination import SalesforceDestination
from connectors.salesforce.schema import Column, table
from connectors.salesforce.settings import SalesforceSettings
from nps.changes import Batch, Change
from nps.values import Json

HOST = "https://acme.my.salesforce.com"
DATA = f"{HOST}/services/data/v64.0"
ANN, BOB, CYD = "003000000000001AAA", "003000000000002AAA", "003000000000003AAA"

Answer = tuple[int, Mapping[str, str], str | bytes]


def field(name: str, type: str = "string", **more: Any) -> dict[str, Any]:
    """One field of a describe answer."""
    defaults = {
        "string": {"length": 255},
        "email": {"length": 80},
        "double": {"precision": 18, "scale": 0},
        "id": {"length": 18, "updateable": False, "nillable": False},
    }
    plain = {
        "name": name,
        "label": name,
        "type": type,
        "updateable": True,
        "nillable": True,
        "filterable": True,
    }
    return {**plain, **defaults.get(type, {}), **more}


def options(*values: str) -> list[dict[str, Any]]:
    return [{"value": value, "label": value, "active": True} for value in values]


CONTACT = [
    field("Id", "id"),
    field("Name", updateable=False),
    field("Email", "email"),
    field("Customer_Id__c", externalId=True, unique=True, caseSensitive=True, length=40),
    field("Number__c"),
    field("AccountId", "reference", referenceTo=["Account"], relationshipName="Account", length=18),
    field("MasterRecordId", "reference", referenceTo=["Contact"], updateable=False, length=18),
    field("HasOptedOutOfEmail", "boolean", nillable=False),
    field("NPS_Score__c", "double", precision=3, scale=0),
    field("NPS_Margin__c", "double", precision=5, scale=2),
    field(
        "NPS_Segment__c",
        "picklist",
        restrictedPicklist=True,
        picklistValues=options("Promoter", "Passive", "Detractor"),
    ),
    field("Interests__c", "multipicklist", picklistValues=options("Golf", "Tennis", "Chess")),
    field("NPS_Last_Survey__c", "date"),
    field("NPS_Answered__c", "datetime"),
    field("NPS_Comment__c", "textarea", length=255),
    field("Formula__c", calculated=True),
]
ACCOUNT = [field("Id", "id"), field("Name"), field("Industry", "picklist", picklistValues=options("Retail"))]


def described(name: str, fields: Sequence[Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    plain = {"name": name, "label": name, "updateable": True, "createable": False, "deletable": False}
    return {**plain, "fields": list(fields), **more}


def column(name: str) -> Column:
    """A field of the Contact above, as the connector reads it."""
    return table(described("Contact", CONTACT)).column(name)


def settings(**changes: Any) -> SalesforceSettings:
    auth = {"flow": "client_credentials", "client_id": "key", "client_secret": "very-secret"}
    return SalesforceSettings.model_validate(
        {"login_host": "acme.my.salesforce.com", "auth": auth, **changes}
    )


def change(record_id: str, /, account: str = "", **after: Json) -> Change:
    return Change(
        object="Contact", record_id=record_id, before=dict.fromkeys(after), after=after, account=account
    )


def batch(*changes: Change, api: str = "collections") -> Batch:
    return Batch(id=1, object="Contact", api=api, changes=changes)


def record_id(number: int) -> str:
    return f"003000000{number:06d}AAA"


def error(status: int, code: str, message: str = "no", fields: Sequence[str] = ()) -> Answer:
    return status, {}, orjson.dumps([{"message": message, "errorCode": code, "fields": list(fields)}])


def ok(body: object, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, named, orjson.dumps(body)


def page(rows: Sequence[Mapping[str, Any]], following: str | None = None) -> Answer:
    body: dict[str, Any] = {"totalSize": len(rows), "done": following is None, "records": list(rows)}
    if following is not None:
        body["nextRecordsUrl"] = following
    return ok(body)


def row(id: str, **fields: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Contact", "url": "…"}, "Id": id, **fields}


class Org:
    """What the tests say the org answers, and what it was asked."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self._mock = mock
        self.tokens = 0
        self.queries: list[str] = []
        self.asked: list[requests.PreparedRequest] = []
        mock.add_callback(responses.POST, f"{HOST}/services/oauth2/token", self._token)

    def _token(self, request: requests.PreparedRequest) -> Answer:
        self.tokens += 1
        return ok({"access_token": f"token-{self.tokens}", "instance_url": HOST, "token_type": "Bearer"})

    def describes(
        self, name: str = "Contact", fields: Sequence[Mapping[str, Any]] = CONTACT, **more: Any
    ) -> None:
        self.answers("GET", f"sobjects/{name}/describe", ok(described(name, fields, **more)))

    def answers(self, method: str, path: str, *answers: Answer | Exception) -> None:
        """These one after the other; the last one for good."""
        left = list(answers)

        def answer(request: requests.PreparedRequest) -> Answer:
            given = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(given, Exception):
                self.asked.append(request)
                raise given
            return given

        self.replies(method, path, answer)

    def replies(self, method: str, path: str, answer: Callable[[requests.PreparedRequest], Answer]) -> None:
        """Whatever `answer(request)` says."""

        def noted(request: requests.PreparedRequest) -> Answer:
            reply = answer(request)
            self.asked.append(request)
            return reply

        self._mock.add_callback(method, f"{DATA}/{path}", noted)

    def finds(self, answer: Callable[[str], Answer], path: str = "query/") -> None:
        """Queries are answered by `answer(soql)`."""

        def reply(request: requests.PreparedRequest) -> Answer:
            soql = parse_qs(urlsplit(str(request.url)).query)["q"][0]
            self.queries.append(soql)
            return answer(soql)

        self.replies("GET", path, reply)

    def writes(self, answer: Callable[[list[dict[str, Any]]], Answer]) -> None:
        """Collections are answered by `answer(records)`."""

        self.replies(
            "PATCH",
            "composite/sobjects",
            lambda request: answer(orjson.loads(request.body or b"")["records"]),
        )


def taken(records: list[dict[str, Any]]) -> Answer:
    """Every record was written."""
    return ok([{"id": one["id"], "success": True, "errors": []} for one in records])


def refused(code: str, *ids: str, fields: Sequence[str] = ()) -> Callable[[list[dict[str, Any]]], Answer]:
    """Some records (all, when none is named) are refused with a code."""

    def answer(records: list[dict[str, Any]]) -> Answer:
        problem = {"statusCode": code, "message": f"because of {code}", "fields": list(fields)}
        return ok(
            [
                {"success": False, "errors": [problem]}
                if not ids or one["id"] in ids
                else {"id": one["id"], "success": True, "errors": []}
                for one in records
            ]
        )

    return answer


class Opened:
    """A destination with everything a test may look at."""

    def __init__(self, memory: MemoryInMemory | None = None, **changes: Any) -> None:
        self.clock, self.notices, self.calls = FakeClock(), Notices(), Calls()
        self.memory = memory or MemoryInMemory()
        tools = fake_tools(
            "crm", clock=self.clock, memory=self.memory, notice=self.notices, count_call=self.calls
        )
        self.salesforce = SalesforceDestination(settings(**changes), tools)


@contextmanager
def org() -> Iterator[Org]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Org(mock)
