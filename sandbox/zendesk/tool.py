"""The account: tickets were solved, their requesters were asked, and rated them good or bad, or not at all."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.budgets import Budget
from sandbox.faults import Fault
from sandbox.moments import iso
from sandbox.serving import Answer, Numbers, Refused, basic, endpoint, reply, same
from sandbox.surveys import Survey, SurveyTool
from sandbox.toy import Room, Row

USER, KEY, OAUTH = "admin@acme.example", "zendesk-sandbox-key-88E2", "zendesk-sandbox-oauth-token"
RATINGS = Survey("csat", "How would you rate the support you received?", "csat")
_GOOD = 7  # of ten
_LARGEST = 100
_SCORES: dict[str, Callable[[Row], bool]] = {
    "offered": lambda row: row["score"] is None,
    "unoffered": lambda row: False,
    "received": lambda row: row["score"] is not None,
    "received_with_comment": lambda row: row["score"] is not None and bool(row["comment"]),
    "received_without_comment": lambda row: row["score"] is not None and not row["comment"],
    "good": lambda row: row["score"] == 1,
    "good_with_comment": lambda row: row["score"] == 1 and bool(row["comment"]),
    "good_without_comment": lambda row: row["score"] == 1 and not row["comment"],
    "bad": lambda row: row["score"] == 0,
    "bad_with_comment": lambda row: row["score"] == 0 and bool(row["comment"]),
    "bad_without_comment": lambda row: row["score"] == 0 and not row["comment"],
}


@dataclass
class Settings:
    """What control may switch."""

    per_minute: int = 700
    offset_pages: int = 100  # then 400: who reads on must use the cursor
    compares: str = "created_at"  # or updated_at: which one start_time means is not documented


class Zendesk(SurveyTool):
    """A rating is a response whose score is 1 (good), 0 (bad) or none (offered)."""

    title = "Zendesk"

    def __init__(self, room: Room) -> None:
        super().__init__(room, (RATINGS,), Settings())
        self._minute = Budget(room.clock, 60)
        self.app: ASGIApp = self._build()

    def env(self, url: str) -> dict[str, str]:
        return {
            "ZENDESK_URL": f"{url}/api/v2",
            "ZENDESK_EMAIL": USER,
            "ZENDESK_TOKEN": KEY,
            "ZENDESK_OAUTH_TOKEN": OAUTH,
        }

    def refusal(self, fault: Fault) -> Response:
        headers = {}
        if fault.status == 429:
            headers["Retry-After"] = f"{1.0 if fault.retry_after is None else fault.retry_after:g}"
        return reply({"error": "Error", "description": f"status {fault.status}"}, fault.status, headers)

    def score_in(self, survey: Survey, score: int) -> int:
        return int(score >= _GOOD)

    def response_id(self, number: int, created: float) -> str:
        return str(360_000_100_000 + number)

    def person_id(self, number: int) -> str:
        return str(370_000_200_000 + number)

    def shown(self, row: Row) -> Row:
        number = int(row["id"]) - 360_000_100_000
        told = {
            "id": int(row["id"]),
            "url": f"https://acme.zendesk.example/api/v2/satisfaction_ratings/{row['id']}.json",
            "assignee_id": 380_000_000_001,
            "group_id": 390_000_000_001,
            "requester_id": self._requester(row),
            "ticket_id": 40_000 + number,
            "score": {1: "good", 0: "bad"}.get(row["score"], "offered"),
            "comment": row["comment"] if row["score"] is not None else None,
            "reason": "Some other reason" if row["score"] == 0 else "No reason provided",
            "reason_id": 1000 if row["score"] == 0 else 0,
            "created_at": iso(row["created_at"]),
            "updated_at": iso(row["updated_at"]),
        }
        return {**told, **row["raw"]}

    def _requester(self, row: Row) -> int:
        """Every ticket has one, though nobody may know more of them than a number."""
        return int(row["person"]) if row["person"] else int(row["id"]) + 10_000_000_000

    def _user(self, id: int) -> Row | None:
        person = self.shelves["people"].get(str(id))
        if person is not None:
            names = (person["first_name"], person["last_name"])
            known = {name: person[name] for name in ("email", "phone", "external_id")}
            name = " ".join(part for part in names if part)
            return {
                "id": id,
                "name": name,
                **known,
                "organization_id": None,
                "role": "end-user",
                "active": True,
            }
        row = self.shelves["responses"].get(str(id - 10_000_000_000))
        if row is None or row["person"] is not None:
            return None
        nobody = {"email": None, "phone": None, "external_id": None, "organization_id": None}
        return {"id": id, "name": "Visitor", **nobody, "role": "end-user", "active": True}

    # ------------------------------------------------------------ its addresses

    def _build(self) -> Starlette:
        def get(path: str, kind: str, answer: Answer) -> list[Route]:
            made = endpoint(kind, self._check, answer)
            return [Route(f"/api/v2{path}{end}", made, methods=["GET"]) for end in (".json", "")]

        async def unknown(request: Request, problem: Exception) -> Response:
            return reply({"error": "InvalidEndpoint", "description": "Not found"}, 404)

        return Starlette(
            routes=[
                *get("/satisfaction_ratings", "ratings", self._listed),
                *get("/satisfaction_ratings/{id:int}", "rating", self._one),
                *get("/users/show_many", "users", self._many),
                *get("/users/{id:int}", "user", self._one_user),
            ],
            exception_handlers={404: unknown},
        )

    def _check(self, request: Request) -> Mapping[str, str]:
        user, password = basic(request)
        by_key = same(user, f"{USER}/token") and same(password, KEY)
        if not by_key and not same(request.headers.get("authorization", ""), f"Bearer {OAUTH}"):
            raise Refused(401, {"error": "Couldn't authenticate you"})
        most = self.settings.per_minute
        if (wait := self._minute.spend(most)) is not None:
            self.room.traffic.limit_met("zendesk", "per_minute")
            raise Refused(429, {"error": "TooManyRequests"}, {"Retry-After": str(int(wait) + 1)})
        return (
            {"X-Rate-Limit": str(most), "X-Rate-Limit-Remaining": str(self._minute.left(most))}
            if most
            else {}
        )

    def _listed(self, request: Request) -> Any:
        query = request.query_params
        rows = self._wanted(query)
        by_cursor = any(name.startswith("page[") for name in query)
        shown, told = (self._by_cursor if by_cursor else self._by_offset)(request, rows)
        body: Row = {"satisfaction_ratings": [self.shown(row) for row in shown]}
        if "users" in query.get("include", "").split(","):
            requesters = dict.fromkeys(map(self._requester, shown))
            body["users"] = [user for user in map(self._user, requesters) if user is not None]
        return {**body, **told}

    def _wanted(self, query: Mapping[str, str]) -> list[Row]:
        numbers, score, by = Numbers(query, _bad), query.get("score"), self.settings.compares
        start, end = numbers.moment("start_time"), numbers.moment("end_time")
        if score is not None and score not in _SCORES:
            raise _bad(f"score is one of {', '.join(_SCORES)}")
        found = [
            row
            for row in self.rows("responses")
            if (score is None or _SCORES[score](row))
            and (start is None or row[by] >= start)
            and (end is None or row[by] <= end)
        ]
        return sorted(found, key=lambda row: int(row["id"]))

    def _by_cursor(self, request: Request, rows: Sequence[Row]) -> tuple[Sequence[Row], Row]:
        query = request.query_params
        size = Numbers(query, _bad).whole("page[size]", _LARGEST, most=_LARGEST)
        if word := query.get("page[after]"):
            after = _id_of(word)
            rows = [row for row in rows if int(row["id"]) > after]
        shown, more = rows[:size], len(rows) > size
        last = _word_of(shown[-1]["id"]) if shown else None
        meta = {
            "has_more": more,
            "after_cursor": last,
            "before_cursor": _word_of(shown[0]["id"]) if shown else None,
        }
        link = _link(request, {"page[size]": size, "page[after]": last}) if more else None
        return shown, {"meta": meta, "links": {"next": link, "prev": None}}

    def _by_offset(self, request: Request, rows: Sequence[Row]) -> tuple[Sequence[Row], Row]:
        numbers = Numbers(request.query_params, _bad)
        page, size = numbers.whole("page", 1), numbers.whole("per_page", _LARGEST, most=_LARGEST)
        if page > self.settings.offset_pages:
            most = self.settings.offset_pages * _LARGEST
            raise _bad(f"Number of requested resources goes beyond the {most} limit, use cursor pagination")
        link = _link(request, {"page": page + 1}) if page * size < len(rows) else None
        back = _link(request, {"page": page - 1}) if page > 1 else None
        told = {"count": len(rows), "next_page": link, "previous_page": back}
        return rows[(page - 1) * size : page * size], told

    def _one(self, request: Request) -> Any:
        row = self.shelves["responses"].get(str(request.path_params["id"]))
        if row is None:
            raise _unknown()
        return {"satisfaction_rating": self.shown(row)}

    def _one_user(self, request: Request) -> Any:
        user = self._user(request.path_params["id"])
        if user is None:
            raise _unknown()
        return {"user": user}

    def _many(self, request: Request) -> Any:
        ids = request.query_params.get("ids", "").split(",")
        if len(ids) > _LARGEST or not all(id.isdigit() for id in ids):
            raise _bad(f"ids are numbers with commas between, {_LARGEST} at most")
        found = [user for user in (self._user(int(id)) for id in ids) if user is not None]
        return {"users": found, "count": len(found), "next_page": None, "previous_page": None}


def _bad(message: str) -> Refused:
    return Refused(400, {"error": "InvalidValue", "description": message})


def _unknown() -> Refused:
    return Refused(404, {"error": "RecordNotFound", "description": "Not found"})


def _link(request: Request, changed: Mapping[str, Any]) -> str:
    return f"{str(request.url).partition('?')[0]}?{urlencode({**request.query_params, **changed})}"


def _word_of(id: str) -> str:
    return base64.urlsafe_b64encode(f"after {id}".encode()).decode()


def _id_of(word: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(word.encode()).decode().removeprefix("after "))
    except ValueError:
        raise _bad("page[after] is not one of ours") from None
