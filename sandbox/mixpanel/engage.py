"""Writing profiles (`/engage`, `/groups`), where 200 says little, and asking for them (`/api/query/engage`)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.mixpanel.access import TOKEN, Rate, Refused, admit
from sandbox.mixpanel.people import GROUP_KEY, People, Profile, problem
from sandbox.mixpanel.where import compiled
from sandbox.toy import Room, Row, name_call

if TYPE_CHECKING:
    from sandbox.mixpanel.project import Settings

MOST_UPDATES, LARGEST_UPDATE, PAGE = 2_000, 1_000_000, 1_000
_MOST_SESSIONS = 20
_NAMES = frozenset({"$token", "$distinct_id", "$group_key", "$group_id", "$ip", "$ignore_time", "$time"})
_OUR_LOCATION = {"$city": "Ashburn", "$country_code": "US", "$region": "Virginia"}
STRICT_SHAPES = ("failed_records", "verbose", "plain")


class Engage:
    """Its own fault kinds, whose path is the distinct id: dropped (an update counts as taken and is not), refused (it
    is not valid)."""

    def __init__(
        self,
        room: Room,
        people: People,
        settings: Callable[[], Settings],
        members: Callable[[str], frozenset[str]],
    ) -> None:
        self._room = room
        self._people = people
        self._settings = settings
        self._members = members  # distinct ids of a cohort
        self._rate = Rate(room, "query")
        self._sessions: dict[str, list[Profile]] = {}
        self._numbers = itertools.count(1)

    def routes(self) -> list[Route]:
        async def people(request: Request) -> Response:
            return await self._written(request, "profiles")

        async def groups(request: Request) -> Response:
            return await self._written(request, "groups")

        return [
            Route("/engage", people, methods=["POST"]),
            Route("/groups", groups, methods=["POST"]),
            Route("/api/query/engage", self._asked, methods=["POST"]),
        ]

    # ------------------------------------------------------------ writing

    async def _written(self, request: Request, object: str) -> Response:
        name_call(request.scope, "engage" if object == "profiles" else "groups")
        try:
            updates = _updates(request, await request.body())
        except Refused as refused:
            return refused.reply()
        problems = {at: why for at, one in enumerate(updates) if (why := self._problem(one, object))}
        for at, update in enumerate(updates):
            if at not in problems:
                self._take(update, object, located=request.query_params.get("ip") == "0")
        return _answer(request, len(updates), problems, self._settings())

    def _problem(self, update: Any, object: str) -> tuple[str, str] | None:
        found = _problem(update, object)
        if (
            found is None
            and self._room.faults
            and self._room.faults.take("refused", text=_id(update, object))
        ):
            return "$set", "the update is invalid"
        return found

    def _take(self, update: Row, object: str, *, located: bool) -> None:
        """A token that is not the project's, or a project that lives in another region: nobody says so."""
        if update["$token"] != TOKEN or self._settings().lives_elsewhere:
            return
        id = _id(update, object)
        if self._room.faults.take("dropped", "POST", id):
            return
        # Without ip=0 the person is where the caller's server is.
        nowhere = object == "groups" or located or update.get("$ip") in (0, "0")
        operations = {name: given for name, given in update.items() if name not in _NAMES}
        changes = self._people.apply(object, id, operations, {} if nowhere else _OUR_LOCATION)
        if changes:
            self._room.traffic.wrote("mixpanel", object, id, changes, at=self._room.clock.time())

    # ------------------------------------------------------------ asking

    async def _asked(self, request: Request) -> Response:
        name_call(request.scope, "query")
        try:
            admit(request)
            self._rate.count(
                per_hour=self._settings().queries_per_hour, per_second=self._settings().per_second
            )
            if self._settings().lives_elsewhere:
                raise Refused(400, "the project does not exist in this region")
            form = {name: given[-1] for name, given in parse_qs((await request.body()).decode()).items()}
            told = self._page(form)
        except Refused as refused:
            return refused.reply()
        except (ValueError, TypeError) as unreadable:
            return Refused(400, f"Invalid parameter: {unreadable}").reply()
        return Response(orjson.dumps(told), media_type="application/json")

    def _page(self, form: Mapping[str, str]) -> Row:
        """Later pages are of the people that the first found, whatever happened since."""
        session, page = form.get("session_id"), int(form.get("page", 0))
        if session is None:
            session = f"{1_600_000_000 + next(self._numbers)}-sandbox"
            self._sessions[session] = self._found(form)
            while len(self._sessions) > _MOST_SESSIONS:
                del self._sessions[next(iter(self._sessions))]
        elif session not in self._sessions:
            raise Refused(400, "session_id is unknown or has expired")
        found = self._sessions[session]
        wanted = orjson.loads(form["output_properties"]) if "output_properties" in form else None
        return {
            "page": page,
            "page_size": PAGE,
            "session_id": session,
            "status": "ok",
            "total": len(found),
            "results": [_shown(one, wanted) for one in found[page * PAGE : (page + 1) * PAGE]],
        }

    def _found(self, form: Mapping[str, str]) -> list[Profile]:
        profiles = self._people.profiles
        ids: list[str] | None = None
        if "distinct_ids" in form:
            ids = [str(one) for one in orjson.loads(form["distinct_ids"])]
        elif "distinct_id" in form:
            ids = [form["distinct_id"]]
        found = list(profiles.values()) if ids is None else [profiles[id] for id in ids if id in profiles]
        if "filter_by_cohort" in form:
            members = self._members(str(orjson.loads(form["filter_by_cohort"])["id"]))
            found = [one for one in found if one.id in members]
        if form.get("where"):
            holds = compiled(form["where"])
            found = [one for one in found if holds({**one.properties, "$distinct_id": one.id})]
        return found


def _id(update: Row, object: str) -> str:
    return str(update["$distinct_id" if object == "profiles" else "$group_id"])


def _updates(request: Request, raw: bytes) -> list[Any]:
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Refused(400, "compressed bodies are not taken here")
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise Refused(400, "the body must be application/json")
    try:
        updates = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise Refused(400, "the body is not JSON") from None
    if not isinstance(updates, list) or not 1 <= len(updates) <= MOST_UPDATES:
        raise Refused(400, f"the body is a list of 1 to {MOST_UPDATES} updates")
    return updates


def _problem(update: Any, object: str) -> tuple[str, str] | None:
    """The field and what is wrong with it."""
    if not isinstance(update, dict):
        return "", "an update is an object"
    named = ("$token", "$distinct_id") if object == "profiles" else ("$token", "$group_key", "$group_id")
    for name in named:
        if not isinstance(update.get(name), str) or not update[name]:
            return name, f"{name} is missing or not a string"
    if object == "groups" and update["$group_key"] != GROUP_KEY:
        return "$group_key", f"the project has no group key {update['$group_key']}"
    if len(orjson.dumps(update)) > LARGEST_UPDATE:
        return "", "an update is at most 1 MB"
    wrong = problem({name: given for name, given in update.items() if name not in _NAMES})
    return (wrong.partition(" ")[0], wrong) if wrong else None


def _answer(
    request: Request, sent: int, problems: Mapping[int, tuple[str, str]], settings: Settings
) -> Response:
    """1: at least one update was valid. It says nothing about the others, nor about the token."""
    good = sent - len(problems)
    asked = {name for name in ("strict", "verbose") if request.query_params.get(name) == "1"}
    shape = settings.strict_shape if "strict" in asked else "verbose" if "verbose" in asked else "plain"
    if shape == "plain":
        return Response(b"1" if good else b"0", media_type="application/json")
    if shape == "verbose":
        said = "; ".join(f"{at}: {why}" for at, (_, why) in problems.items()) or None
        told: Row = {"status": 1 if good else 0, "error": None if good else said}
        return Response(orjson.dumps(told), media_type="application/json")
    failed = [{"index": at, "field": name, "message": why} for at, (name, why) in problems.items()]
    status = settings.strict_status if failed else 200
    words = "Bad Request" if failed else "OK"
    told = {"code": status, "num_records_imported": good, "status": words, "failed_records": failed}
    return Response(orjson.dumps(told), status, media_type="application/json")


def _shown(profile: Profile, wanted: Any) -> Row:
    properties = profile.properties
    if wanted is not None:
        properties = {name: properties[name] for name in wanted if name in properties}
    return {"$distinct_id": profile.id, "$properties": properties}
