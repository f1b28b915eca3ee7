"""The project: its campaigns, and responses in the shape its webhook documents."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox import deliveries
from sandbox.faults import Fault
from sandbox.moments import iso_ms
from sandbox.serving import Answer, Numbers, Refused, basic, endpoint, reply, same
from sandbox.surveys import Survey, SurveyTool
from sandbox.toy import Room, Row
from sandbox.unsigned import Unsigned

KEY = "satismeter-sandbox-key-63BF"
PROJECT = "5c9a0000000000000000beef"
RELATIONSHIP = Survey("5c9b00000000000000000001", "Relationship", "nps")
SATISFACTION = Survey("5c9b00000000000000000002", "After support", "csat")
_METHODS = {"web": "In-app", "mobile": "Mobile", "email": "Email"}
_DAYS_BACK, _LARGEST = 30, 100


@dataclass
class Settings:
    """What control may switch: the names the vendor's documents leave open."""

    size_param: str = "pageSize"
    cursor_param: str = "pageCursor"
    cursor_field: str = "cursor"  # of `page`


class SatisMeter(SurveyTool):
    title = "SatisMeter"
    fault_kinds = deliveries.FAULT_KINDS
    channels = ("web", "mobile", "email")

    def __init__(self, room: Room) -> None:
        super().__init__(room, (RELATIONSHIP, SATISFACTION), Settings())
        self._webhook = Unsigned(room, "satismeter")
        self.knobs["webhook"] = self._webhook.set
        self.app: ASGIApp = self._build()

    def env(self, url: str) -> dict[str, str]:
        return {
            "SATISMETER_URL": url,
            "SATISMETER_KEY": KEY,
            "SATISMETER_PROJECT": PROJECT,
            "SATISMETER_CAMPAIGN": RELATIONSHIP.id,
        }

    def refusal(self, fault: Fault) -> Response:
        headers = {"Retry-After": f"{fault.retry_after:g}"} if fault.retry_after is not None else {}
        return reply({"error": {"message": f"status {fault.status}"}}, fault.status, headers)

    def response_id(self, number: int, created: float) -> str:
        return f"{int(created):08x}{number:016x}"

    def told(self, event: str, row: Row) -> None:
        """Once somebody is done, or closes the survey; nothing of an edit or a removal."""
        if event == "created":
            done = "completed" if row["finished"] else "dismissed"
            self._webhook.tell({"response": self.shown(row), "event": done})

    def shown(self, row: Row) -> Row:
        person, survey, score = self.person(row) or {}, self.surveys[row["survey"]], row["score"]
        nps = survey.kind == "nps"
        answers = [] if row["comment"] is None else [{"id": "why", "label": "Why?", "value": row["comment"]}]
        if not nps:  # a rating of another kind is an answer among others
            answers.insert(0, {"id": "rating", "label": survey.name, "value": score})
        name = " ".join(part for part in (person.get("first_name"), person.get("last_name")) if part)
        traits = {"company": person["company"]} if person.get("company") else {}
        told = {
            "id": row["id"],
            "rating": score if nps else None,
            "category": _category(score) if nps else None,
            "score": _score(score) if nps else None,
            "feedback": row["comment"],
            "answers": answers,
            "completed": row["finished"],
            "created": iso_ms(row["created_at"]),
            "method": _METHODS.get(row["channel"], row["channel"]),
            "referrer": "https://app.acme.example/",
            "project": PROJECT,
            "campaign": survey.id,
            "ip": "192.0.2.7",
            "location": {"country": "Germany", "city": "Berlin"},
            "user": {
                "name": name or None,
                "email": row["email"],
                "userId": person.get("external_id"),
                "traits": traits,
            },
        }
        return {**told, **row["raw"]}

    # ------------------------------------------------------------ its addresses

    def _build(self) -> Starlette:
        def get(path: str, kind: str, answer: Answer) -> Route:
            return Route(path, endpoint(kind, self._check, answer), methods=["GET"])

        project = "/api/v3/projects/{project}"
        return Starlette(
            routes=[
                get(f"{project}/responses", "responses", self._listed),
                get(f"{project}/campaigns", "campaigns", self._campaigns),
                get(f"{project}/campaigns/{{campaign}}/responses", "responses", self._listed),
                get(f"{project}/campaigns/{{campaign}}/statistics", "statistics", self._statistics),
                Route(
                    "/api/responses", endpoint("legacy", self._check_legacy, self._legacy), methods=["GET"]
                ),
            ]
        )

    def _check(self, request: Request) -> Mapping[str, str]:
        if not same(request.headers.get("authorization", ""), f"Bearer {KEY}"):
            raise _refused(401, "Unauthorized")
        if request.path_params.get("project") != PROJECT:
            raise _refused(404, "Project not found")
        if request.path_params.get("campaign", RELATIONSHIP.id) not in self.surveys:
            raise _refused(404, "Campaign not found")
        return {}

    def _check_legacy(self, request: Request) -> Mapping[str, str]:
        if not same(request.headers.get("authkey", ""), KEY) and not same(basic(request)[0], KEY):
            raise _refused(401, "Unauthorized")
        if request.query_params.get("project") != PROJECT:
            raise _refused(404, "Project not found")
        return {}

    def _between(self, request: Request) -> list[Row]:
        """Newest first. Without dates: the last thirty days."""
        numbers = Numbers(request.query_params, _bad)
        start, end = numbers.moment("startDate"), numbers.moment("endDate")
        start = self.now() - _DAYS_BACK * 86_400 if start is None else start
        campaign = request.path_params.get("campaign")
        rows = self.of_survey(campaign) if campaign else list(self.rows("responses"))
        found = [
            row for row in rows if row["created_at"] >= start and (end is None or row["created_at"] <= end)
        ]
        return sorted(found, key=lambda row: (row["created_at"], row["id"]), reverse=True)

    def _listed(self, request: Request) -> Any:
        query, settings = request.query_params, self.settings
        size = Numbers(query, _bad).whole(settings.size_param, 50, most=_LARGEST)
        rows = self._between(request)
        if word := query.get(settings.cursor_param):
            created, id = _place(word)
            rows = [row for row in rows if (row["created_at"], row["id"]) < (created, id)]
        more = len(rows) > size
        page: Row = {"size": size, settings.cursor_field: _word(rows[size - 1]) if more else None}
        return {"data": [self.shown(row) for row in rows[:size]], "page": page}

    def _legacy(self, request: Request) -> Any:
        return {"responses": [self.shown(row) for row in self._between(request)]}

    def _campaigns(self, request: Request) -> Any:
        rows = [{"id": one.id, "name": one.name, "type": one.kind.upper()} for one in self.surveys.values()]
        return {"data": rows, "page": {"size": len(rows), self.settings.cursor_field: None}}

    def _statistics(self, request: Request) -> Any:
        scores = [row["score"] for row in self._between(request) if row["score"] is not None]
        return {"data": {"responses": len(scores), "average": sum(scores) / len(scores) if scores else None}}


def _refused(status: int, message: str) -> Refused:
    return Refused(status, {"error": {"message": message}})


def _bad(message: str) -> Refused:
    return _refused(400, message)


def _category(score: int | None) -> str | None:
    if score is None:
        return None
    return "promoter" if score >= 9 else "passive" if score >= 7 else "detractor"


def _score(score: int | None) -> int | None:
    """What the answer adds to the NPS."""
    return None if score is None else 100 if score >= 9 else 0 if score >= 7 else -100


def _word(row: Row) -> str:
    return base64.urlsafe_b64encode(f"{row['created_at']} {row['id']}".encode()).decode()


def _place(word: str) -> tuple[float, str]:
    try:
        created, _, id = base64.urlsafe_b64decode(word.encode()).decode().partition(" ")
        return float(created), id
    except ValueError:
        raise _bad("the cursor is not one of ours") from None
