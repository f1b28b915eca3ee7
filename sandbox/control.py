"""The control API: look into the toys, change them as a person would, and make things go wrong.

GET    /control/                                  vendors, objects, counts, fault rules, the clock
GET    /control/{vendor}/{object}                 every record, one JSON object per line
POST   /control/{vendor}/{object}                 add one {fields} → {"id"}
GET    /control/{vendor}/{object}/{id}            one record
PATCH  /control/{vendor}/{object}/{id}            set {fields}
DELETE /control/{vendor}/{object}/{id}
POST   /control/{vendor}/{object}/{id}/merge      {"loser": id}
POST   /control/{vendor}/do/{command}             a vendor's own knob, {arguments}
GET    /control/faults   POST (a rule or a list)   DELETE (?vendor=)
POST   /control/faults/profile                     {"names": "flaky,poison"}: the rules of these profiles
GET    /control/faults/played                      how often each kind was played, per vendor
GET    /control/traffic  DELETE                    counters; start counting anew
GET    /control/traffic/calls                      the latest calls, one per line
GET    /control/traffic/writes/{vendor}/{object}   every write, one per line: id, at, {field: [old, new]}
POST   /control/clock                              {"advance": seconds} → {"now"}
GET    /control/deliveries  DELETE                 what the toys sent out, one per line; forget it
GET    /control/deliveries/{id}                    with the last request and reply
POST   /control/deliveries/settle                  wait until nothing is due; {"early": true}: retries need not wait
POST   /control/deliveries/hold                    {"vendor", "channel"}: nothing leaves until
POST   /control/deliveries/release                 {"vendor", "channel", "order": kept|reversed|shuffled, "twice"}
POST   /control/deliveries/{id}/again              the same once more
POST   /control/deliveries/route                   {"public": "https://…", "local": "http://127…"}: as DNS would
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from sandbox.deliveries import Delivery
from sandbox.faults import Kind
from sandbox.profiles import rules_of
from sandbox.toy import House, NoSuchRecord, Toy

_LINES = 500  # rows turned into text at a time: a dump of 100,000 must not stop the vendors


def app(toys: Mapping[str, Toy], house: House) -> Starlette:
    desk = _Desk(toys, house)
    return Starlette(
        routes=[
            Route("/", desk.overview, methods=["GET"]),
            Route("/clock", desk.advance, methods=["POST"]),
            Route("/faults", desk.faults, methods=["GET"]),
            Route("/faults", desk.add_faults, methods=["POST"]),
            Route("/faults", desk.clear_faults, methods=["DELETE"]),
            Route("/faults/profile", desk.add_profile, methods=["POST"]),
            Route("/faults/played", desk.played, methods=["GET"]),
            Route("/deliveries", desk.deliveries, methods=["GET"]),
            Route("/deliveries", desk.forget_deliveries, methods=["DELETE"]),
            Route("/deliveries/settle", desk.settle, methods=["POST"]),
            Route("/deliveries/hold", desk.hold, methods=["POST"]),
            Route("/deliveries/release", desk.release, methods=["POST"]),
            Route("/deliveries/route", desk.route, methods=["POST"]),
            Route("/deliveries/{id:int}", desk.delivery, methods=["GET"]),
            Route("/deliveries/{id:int}/again", desk.send_again, methods=["POST"]),
            Route("/traffic", desk.traffic, methods=["GET"]),
            Route("/traffic", desk.reset_traffic, methods=["DELETE"]),
            Route("/traffic/calls", desk.calls, methods=["GET"]),
            Route("/traffic/writes/{vendor}/{object}", desk.writes, methods=["GET"]),
            Route("/{vendor}/do/{command}", desk.command, methods=["POST"]),
            Route("/{vendor}/{object}", desk.rows, methods=["GET"]),
            Route("/{vendor}/{object}", desk.add, methods=["POST"]),
            Route("/{vendor}/{object}/{id}", desk.row, methods=["GET"]),
            Route("/{vendor}/{object}/{id}", desk.change, methods=["PATCH"]),
            Route("/{vendor}/{object}/{id}", desk.remove, methods=["DELETE"]),
            Route("/{vendor}/{object}/{id}/merge", desk.merge, methods=["POST"]),
        ],
        exception_handlers={
            NoSuchRecord: _problem(404),
            ValueError: _problem(400),
            TypeError: _problem(400),
            KeyError: _problem(400),
            HTTPException: _http_problem,
        },
    )


class _Desk:
    def __init__(self, toys: Mapping[str, Toy], house: House) -> None:
        self._toys = toys
        self._house = house

    async def overview(self, request: Request) -> Response:
        return _json(
            {
                "vendors": {name: dict(toy.objects()) for name, toy in self._toys.items()},
                "faults": [asdict(rule) for rule in self._house.faults.rules],
                "now": self._house.clock.now(),
                "seed": self._house.world.seed,
            }
        )

    async def advance(self, request: Request) -> Response:
        self._house.clock.advance(float((await _body(request))["advance"]))
        return _json({"now": self._house.clock.now()})

    async def faults(self, request: Request) -> Response:
        return _json([asdict(rule) for rule in self._house.faults.rules])

    async def add_faults(self, request: Request) -> Response:
        wanted = await _body(request)
        rules = wanted if isinstance(wanted, list) else [wanted]
        for rule in rules:
            kinds = {*Kind, *self._toy(rule.get("vendor")).fault_kinds}
            if rule.get("kind") not in kinds:
                raise ValueError(f'no fault "{rule.get("kind")}"; there are: {", ".join(sorted(kinds))}')
        return _json([asdict(self._house.faults.add(rule)) for rule in rules], 201)

    async def clear_faults(self, request: Request) -> Response:
        self._house.faults.clear(request.query_params.get("vendor"))
        return Response(status_code=204)

    async def add_profile(self, request: Request) -> Response:
        rules = list(rules_of((await _body(request))["names"]))
        return _json([asdict(self._house.faults.add(rule)) for rule in rules], 201)

    async def played(self, request: Request) -> Response:
        """{vendor: {kind: times}}, since the start."""
        counts: dict[str, dict[str, int]] = {}
        for (vendor, kind), times in sorted(self._house.faults.played.items()):
            counts.setdefault(vendor, {})[kind] = times
        return _json(counts)

    async def traffic(self, request: Request) -> Response:
        return _json(self._house.traffic.summary())

    async def reset_traffic(self, request: Request) -> Response:
        self._house.traffic.reset()
        return Response(status_code=204)

    async def calls(self, request: Request) -> Response:
        return _lines(asdict(call) for call in list(self._house.traffic.recent))

    async def writes(self, request: Request) -> Response:
        writes = self._house.traffic.writes(request.path_params["vendor"], request.path_params["object"])
        return _lines({"id": id, "at": write.at, "fields": write.fields} for id, write in list(writes))

    async def deliveries(self, request: Request) -> Response:
        return _lines(one.told() for one in self._house.deliveries.all())

    async def forget_deliveries(self, request: Request) -> Response:
        self._house.deliveries.forget()
        return Response(status_code=204)

    async def settle(self, request: Request) -> Response:
        await self._house.deliveries.settle(early=bool((await _body(request)).get("early")))
        return await self.deliveries(request)

    async def hold(self, request: Request) -> Response:
        wanted = await _body(request)
        return _json({"held": self._house.deliveries.hold(wanted.get("vendor"), wanted.get("channel"))})

    async def release(self, request: Request) -> Response:
        wanted = await _body(request)
        released = await self._house.deliveries.release(
            wanted.get("vendor"),
            wanted.get("channel"),
            wanted.get("order", "kept"),
            twice=bool(wanted.get("twice")),
            seed=int(wanted.get("seed", 0)),
        )
        return _lines(one.told() for one in released)

    async def route(self, request: Request) -> Response:
        wanted = await _body(request)
        return _json(self._house.deliveries.route(str(wanted.get("public")), str(wanted.get("local"))))

    async def delivery(self, request: Request) -> Response:
        return _json(self._delivery(request).shown())

    async def send_again(self, request: Request) -> Response:
        return _json(self._house.deliveries.again(self._delivery(request)).told(), 201)

    def _delivery(self, request: Request) -> Delivery:
        id = request.path_params["id"]
        found = next((one for one in self._house.deliveries.all() if one.id == id), None)
        if found is None:
            raise NoSuchRecord(f"no delivery {id}")
        return found

    async def rows(self, request: Request) -> Response:
        toy, object = self._toy(request.path_params["vendor"]), request.path_params["object"]
        _known(toy, object)
        return _lines(toy.rows(object))

    async def row(self, request: Request) -> Response:
        toy, object, id = self._record(request)
        return _json(toy.row(object, id))

    async def add(self, request: Request) -> Response:
        toy, object = self._toy(request.path_params["vendor"]), request.path_params["object"]
        _known(toy, object)
        return _json({"id": toy.add(object, await _fields(request))}, 201)

    async def change(self, request: Request) -> Response:
        toy, object, id = self._record(request)
        toy.change(object, id, await _fields(request))
        return _json(toy.row(object, id))

    async def remove(self, request: Request) -> Response:
        toy, object, id = self._record(request)
        toy.remove(object, id)
        return Response(status_code=204)

    async def merge(self, request: Request) -> Response:
        toy, object, id = self._record(request)
        toy.merge(object, id, (await _body(request))["loser"])
        return _json(toy.row(object, id))

    async def command(self, request: Request) -> Response:
        toy = self._toy(request.path_params["vendor"])
        return _json(toy.command(request.path_params["command"], await _fields(request)))

    def _toy(self, vendor: str | None) -> Toy:
        if vendor is None or vendor not in self._toys:
            raise NoSuchRecord(f'no vendor "{vendor}"; there are: {", ".join(self._toys)}')
        return self._toys[vendor]

    def _record(self, request: Request) -> tuple[Toy, str, str]:
        toy, object = self._toy(request.path_params["vendor"]), request.path_params["object"]
        _known(toy, object)
        return toy, object, request.path_params["id"]


def _known(toy: Toy, object: str) -> None:
    if object not in toy.objects():
        raise NoSuchRecord(f'no object "{object}"; there are: {", ".join(toy.objects())}')


async def _body(request: Request) -> Any:
    raw = await request.body()
    return orjson.loads(raw) if raw else {}


async def _fields(request: Request) -> dict[str, Any]:
    body = await _body(request)
    if not isinstance(body, dict):
        raise ValueError("the body is no object")
    return body


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value, default=str), status, media_type="application/json")


def _lines(rows: Iterable[Any]) -> Response:
    return StreamingResponse(_chunks(iter(rows)), media_type="application/x-ndjson")


async def _chunks(rows: Iterator[Any]) -> Any:
    while chunk := list(itertools.islice(rows, _LINES)):
        yield b"".join(orjson.dumps(row, default=str, option=orjson.OPT_APPEND_NEWLINE) for row in chunk)


def _problem(status: int) -> Callable[[Request, Exception], Response]:
    def answer(request: Request, problem: Exception) -> Response:
        return _json({"error": str(problem) or type(problem).__name__}, status)

    return answer


def _http_problem(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    return _json({"error": problem.detail}, problem.status_code)
