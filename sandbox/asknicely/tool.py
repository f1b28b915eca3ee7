"""The tenant: people who were asked, those of them who answered, and lists that may lie on another host."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox import deliveries
from sandbox.budgets import Budget
from sandbox.faults import Fault
from sandbox.serving import Files, Numbers, Refused, endpoint, reply, same
from sandbox.surveys import Survey, SurveyTool
from sandbox.toy import Room, Row
from sandbox.unsigned import Unsigned

KEY = "asknicely-sandbox-key-A41C"
RELATIONSHIP = Survey("nps", "Relationship", "nps")
SATISFACTION = Survey("csat", "After support", "csat")
_LARGEST = 50_000
_SENT_BEFORE = 7200  # seconds between the invitation and the answer


@dataclass
class Settings:
    """What control may switch."""

    per_10s: int = 200
    per_60s: int = 1000
    redirect_from: int = 1000  # rows of one reply; the vendor changed this before
    since: str = "by_order"  # or sent, responded: which time `since_time` compares is not documented


class AskNicely(SurveyTool):
    title = "AskNicely"
    fault_kinds = frozenset({"redirect"}) | deliveries.FAULT_KINDS
    channels = ("email", "sms", "web")

    def __init__(self, room: Room) -> None:
        super().__init__(room, (RELATIONSHIP, SATISFACTION), Settings())
        self._budgets = {"Req10s": Budget(room.clock, 10), "Req60s": Budget(room.clock, 60)}
        self._files = Files()
        self._webhook = Unsigned(room, "asknicely")
        self._submits: Counter[str] = Counter()  # of a response: the first is new, the others change it
        self.knobs |= {"ask": self._ask, "webhook": self._webhook.set}
        self.app: ASGIApp = self._build()

    def env(self, url: str) -> dict[str, str]:
        return {"ASKNICELY_URL": f"{url}/api/v1", "ASKNICELY_KEY": KEY}

    def refusal(self, fault: Fault) -> Response:
        headers = {}
        if fault.status == 429:
            headers["Retry-After"] = f"{1.0 if fault.retry_after is None else fault.retry_after:g}"
        return reply({"success": False, "msg": f"status {fault.status}"}, fault.status, headers)

    def told(self, event: str, row: Row) -> None:
        if event == "deleted" or row["score"] is None:
            return
        self._submits[row["id"]] += 1
        shown, person = self.shown(row), self.person(row) or {}
        names = {"firstname": person.get("first_name") or "", "lastname": person.get("last_name") or ""}
        who = {name: shown[name] for name in ("name", "email", "created", "segment", "customer_id_c")}
        what = {name: shown[name] for name in ("comment", "sent", "opened", "responded", "deliverymethod")}
        question = {"id": row["id"], "score": shown["answer"], "survey_template": row["survey"], **what}
        count = max(self._submits[row["id"]], 1 if event == "created" else 2)
        self._webhook.tell(
            {"count": count, "person": {"id": shown["contact_id"], **names, **who}, "question": question}
        )

    def shown(self, row: Row) -> Row:
        person, survey = self.person(row) or {}, self.surveys[row["survey"]]
        names = (person.get("first_name"), person.get("last_name"))
        answered = row["score"] is not None
        told: Row = {
            "response_id": row["id"],
            "contact_id": row["person"] or "0",
            "person_id": row["person"] or "0",
            "name": " ".join(name for name in names if name),
            "email": row["email"] or "",
            "answer": str(row["score"]) if answered else "",
            "answerlabel": _label(survey, row["score"]),
            "data": str(row["score"]) if answered else "",
            "comment": row["comment"] or "",
            "note": "",
            "status": "answered" if answered else "sent",
            "dontcontact": "0",
            "sent": str(int(row["created_at"]) - _SENT_BEFORE),
            "opened": str(int(row["created_at"]) - 60),
            "responded": str(int(row["created_at"])) if answered else "0",
            "lastemailed": str(int(row["created_at"]) - _SENT_BEFORE),
            "created": str(int(row["created_at"]) - _SENT_BEFORE),
            "segment": person.get("company") or "",
            "question_type": survey.kind,
            "published": "0",
            "publishedname": "",
            "case_closed_time": "0",
            "customer_id_c": person.get("external_id") or "",
            "deliverymethod": row["channel"],
        }
        return {**told, **row["raw"]}

    def _ask(self, given: Row) -> Row:
        """{email …}: somebody is asked and has not answered: a row without a score"""
        return self.row("responses", self.add("responses", {**given, "score": None, "finished": False}))

    # ------------------------------------------------------------ its addresses

    def _build(self) -> Starlette:
        answer = endpoint("responses", self._check, self._listed)
        path = "/api/v1/responses/{direction}/{size}/{page}/{since}/{format}"
        more = ("/{filter}", "/{sort}", "/{end}")
        paths = [path + "".join(more[:count]) for count in range(len(more) + 1)]

        async def unknown(request: Request, problem: Exception) -> Response:
            return reply({"success": False, "msg": "unknown method"}, 404)

        return Starlette(
            routes=[
                *(Route(path, answer, methods=["GET"]) for path in paths),
                Route("/files/{name}", self._files.fetched, methods=["GET"]),
            ],
            exception_handlers={404: unknown},
        )

    def _check(self, request: Request) -> Mapping[str, str]:
        if not same(request.headers.get("x-apikey", ""), KEY):
            raise Refused(401, {"success": False, "msg": "invalid api key"})
        headers, waits = {}, []
        mosts = {"Req10s": self.settings.per_10s, "Req60s": self.settings.per_60s}
        for name, budget in self._budgets.items():
            wait = budget.spend(mosts[name])
            headers[f"RateLimit-{name}-Limit"] = str(mosts[name])
            headers[f"RateLimit-{name}-Remaining"] = str(budget.left(mosts[name]))
            headers[f"RateLimit-{name}-Reset"] = str(int(budget.resets_in()) + 1)
            waits += [wait] if wait is not None else []
        if waits:
            self.room.traffic.limit_met("asknicely", "requests")
            headers["Retry-After"] = str(int(max(waits)) + 1)
            raise Refused(429, {"success": False, "msg": "too many requests"}, headers)
        return headers

    def _listed(self, request: Request) -> Any:
        asked = {"filter": "raw", "sort": "sent", "end": "", **request.path_params}
        numbers = Numbers(asked, _bad)
        page, size = numbers.whole("page", 1), numbers.whole("size", _LARGEST, most=_LARGEST)
        since, end = numbers.whole("since", 0, least=0), numbers.moment("end")
        choices = {
            "direction": ("asc", "desc"),
            "format": ("json",),
            "filter": ("answered", "raw", "published"),
            "sort": ("sent", "responded"),
        }
        for name, known in choices.items():
            if asked[name] not in known:
                raise _bad(f"{name} is one of {', '.join(known)}")
        by = asked["sort"] if self.settings.since == "by_order" else self.settings.since
        rows = [
            shown
            for shown in map(self.shown, self.rows("responses"))
            if int(shown[by]) >= since
            and (end is None or int(shown[by]) <= end)
            and (
                asked["filter"] == "raw" or (asked["filter"] == "answered" and shown["status"] == "answered")
            )
        ]
        rows.sort(key=lambda shown: int(shown[asked["sort"]]), reverse=asked["direction"] == "desc")
        page_rows = rows[(page - 1) * size : page * size]
        body = {
            "success": True,
            "total": str(len(rows)),
            "totalpages": str(-(-len(rows) // size)),
            "pagenumber": str(page),
            "pagesize": str(size),
            "since_time": str(since),
            "end_time": str(int(self.now() if end is None else end)),
            "data": page_rows,
        }
        if len(page_rows) >= self.settings.redirect_from or self.room.faults.take("redirect"):
            address = self._files.leave(request, orjson.dumps(body))
            return Response(status_code=302, headers={"Location": address})
        return body


def _bad(message: str) -> Refused:
    return Refused(400, {"success": False, "msg": message})


def _label(survey: Survey, score: int | None) -> str:
    if score is None or survey.kind != "nps":
        return ""
    return "Promoter" if score >= 9 else "Passive" if score >= 7 else "Detractor"
