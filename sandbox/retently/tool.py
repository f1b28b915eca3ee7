"""The account: campaigns of two metrics, and feedback that tells much of who gave it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox import deliveries
from sandbox.budgets import Budget
from sandbox.faults import Fault
from sandbox.moments import iso_ms
from sandbox.serving import Answer, Numbers, Refused, endpoint, same
from sandbox.surveys import Survey, SurveyTool
from sandbox.toy import Room, Row
from sandbox.unsigned import Unsigned

KEY = "retently-sandbox-key-5E70"
RELATIONSHIP = Survey("5bd0c000000000000000000a", "Relationship", "nps")
SATISFACTION = Survey("5bd0c000000000000000000b", "After support", "csat")

_FIELDS = (
    "id",
    "email",
    "customerId",
    "campaignId",
    "createdDate",
    "score",
    "comment",
    "metricsType",
    "channel",
)


@dataclass
class Settings:
    """What control may switch."""

    per_minute: int = 150
    limit: int = 20  # when the call names none
    largest: int = 1000


def _refused(status: int, message: str) -> Refused:
    return Refused(status, {"message": message, "code": status, "data": None})


def _bad(message: str) -> Refused:
    return _refused(400, message)


class Retently(SurveyTool):
    """Its own fault kind, error_inside: a 200 whose code is another one and whose data is null."""

    title = "Retently"
    fault_kinds = frozenset({"error_inside"}) | deliveries.FAULT_KINDS
    channels = ("email", "email", "in-app")

    def __init__(self, room: Room) -> None:
        super().__init__(room, (RELATIONSHIP, SATISFACTION), Settings())
        self._minute = Budget(room.clock, 60)
        self._webhook = Unsigned(room, "retently")
        self.knobs["webhook"] = self._set_webhook
        self.app: ASGIApp = self._build()

    def env(self, url: str) -> dict[str, str]:
        return {"RETENTLY_URL": f"{url}/api/v2", "RETENTLY_KEY": KEY, "RETENTLY_CAMPAIGN": RELATIONSHIP.id}

    def refusal(self, fault: Fault) -> Response:
        return _refused(fault.status, f"status {fault.status}").reply()

    def response_id(self, number: int, created: float) -> str:
        return f"{int(created):08x}{number:016x}"

    def person_id(self, number: int) -> str:
        return f"5be0{number:020x}"

    def _set_webhook(self, given: Row) -> Row:
        """{url, headers, body: {key: a field of feedback}}: its owner writes the body"""
        if unknown := set(given.get("body", {}).values()) - set(_FIELDS):
            raise ValueError(f"feedback has no {', '.join(sorted(unknown))}; it has: {', '.join(_FIELDS)}")
        return self._webhook.set(given)

    def told(self, event: str, row: Row) -> None:
        """New feedback; an edit and a removal are told to nobody."""
        if event == "created":
            shown, wanted = self.shown(row), self._webhook.given.get("body", {"id": "id"})
            self._webhook.tell({key: shown[name] for key, name in wanted.items()})

    def shown(self, row: Row) -> Row:
        person = self.person(row) or {}
        survey = self.surveys[row["survey"]]
        custom = [
            {
                "label": "Customer ID",
                "name": "customer_id",
                "type": "string",
                "value": person.get("external_id"),
            }
        ]
        told = {
            "id": row["id"],
            "customerId": row["person"],
            "email": row["email"],
            "firstName": person.get("first_name"),
            "lastName": person.get("last_name"),
            "companyName": person.get("company"),
            "companyId": None,
            "jobTitle": None,
            "country": None,
            "state": None,
            "city": None,
            "tags": [],
            "customProps": custom if person.get("external_id") else [],
            "campaignId": survey.id,
            "campaignName": survey.name,
            "createdDate": iso_ms(row["created_at"]),
            "score": row["score"],
            "comment": row["comment"] or "",
            "checkbox": None,
            "additionalQuestions": [],
            "feedbackTopics": [],
            "feedbackTags": [],
            "feedbackTagsNew": [],
            "notes": [],
            "status": "Open",
            "assigned": None,
            "ratingCategory": _category(survey, row["score"]),
            "resolved": False,
            "channel": row["channel"],
            "metricsType": survey.kind.upper(),
            "isBogus": row["excluded"],
        }
        return {**told, **row["raw"]}

    # ------------------------------------------------------------ its addresses

    def _build(self) -> Starlette:
        def get(path: str, kind: str, answer: Answer) -> Route:
            return Route(f"/api/v2{path}", endpoint(kind, self._check, answer), methods=["GET"])

        async def unknown(request: Request, problem: Exception) -> Response:
            return _refused(404, "Not found").reply()

        routes = [
            get("/feedback", "feedback", self._listed),
            get("/feedback/{id}", "feedback", self._one),
            get("/campaigns", "campaigns", self._campaigns),
        ]
        return Starlette(routes=routes, exception_handlers={404: unknown})

    def _check(self, request: Request) -> Mapping[str, str]:
        told = request.headers.get("authorization") or f"api_key={request.query_params.get('api_key', '')}"
        if not same(told, f"api_key={KEY}"):
            raise _refused(401, "Please check your API Key")
        if self._minute.spend(self.settings.per_minute) is not None:
            self.room.traffic.limit_met("retently", "per_minute")
            raise _refused(429, "Too many requests")
        if self.room.faults.take("error_inside", request.method, request.url.path):
            raise Refused(200, {"message": "Internal error.", "code": 500, "data": None})
        return {}

    def _listed(self, request: Request) -> Any:
        return self._page(request, list(self.rows("responses")))

    def _one(self, request: Request) -> Any:
        """One by its id; a campaign's id in the same place is that campaign's feedback."""
        id = request.path_params["id"]
        if id in self.surveys:
            return self._page(request, self.of_survey(id))
        if id not in self.shelves["responses"]:
            raise _refused(404, "Not found")
        return {"message": "Success.", "code": 200, "data": self.shown(self.shelves["responses"][id])}

    def _campaigns(self, request: Request) -> Any:
        rows = [{"id": one.id, "name": one.name, "metric": one.kind.upper()} for one in self.surveys.values()]
        return {"message": "Success.", "code": 200, "data": rows}

    def _page(self, request: Request, rows: list[Row]) -> Row:
        query = request.query_params
        numbers = Numbers(query, _bad)
        page = numbers.whole("page", 1)
        size = min(numbers.whole("limit", self.settings.limit), self.settings.largest)
        start, end, sort = (
            numbers.moment("startDate"),
            numbers.moment("endDate"),
            query.get("sort", "-createdDate"),
        )
        if sort not in ("createdDate", "-createdDate"):
            raise _bad("sort is createdDate or -createdDate")
        wanted = {"email": "email", "customerId": "person", "campaignId": "survey"}
        found = [
            row
            for row in rows
            if (start is None or row["created_at"] >= start)
            and (end is None or row["created_at"] <= end)
            and all(query.get(name, row[column]) == row[column] for name, column in wanted.items())
        ]
        found.sort(key=lambda row: float(row["created_at"]), reverse=sort.startswith("-"))
        data = {
            "responses": [self.shown(row) for row in found[(page - 1) * size : page * size]],
            "page": page,
            "pages": -(-len(found) // size),
            "limit": size,
            "sort": sort,
            "total": len(found),
        }
        return {"message": "Success.", "code": 200, "data": data}


def _category(survey: Survey, score: int | None) -> str | None:
    if score is None:
        return None
    if survey.kind != "nps":
        return "satisfied" if score >= 4 else "unsatisfied"
    return "promoter" if score >= 9 else "passive" if score >= 7 else "detractor"
