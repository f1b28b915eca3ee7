"""Calling a described API: paced as it says, authorised as it says, and its replies ruled as it says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC
from functools import partial
from typing import Any
from urllib.parse import urljoin

from connectors.authorising import Authorisation
from connectors.calls import CallPolicy
from connectors.contract import Tools
from connectors.daily import DailyCount, next_midnight
from connectors.declared.description import ByCursor, ByLastRow, Description, Query, Request, Throttle
from connectors.declared.expressions import found_in, true_of
from connectors.declared.placeholders import filled_now, filled_path, is_segment, names_in
from connectors.declared.reading import Asked
from connectors.limits import LONGEST_PAUSE, Limiter, Window
from connectors.replies import FINE, MEGABYTE, Reply, Retry, Ruling, Stop, judge, retry_after, unreadable
from nps.errors import BudgetError, ConfigError, UnavailableError
from nps.values import Json

# A message of the tool's is told when it can hardly quote a person: short, and without an address in it.
_LONGEST_MESSAGE = 160
_PATIENCE = 180.0
_GONE = frozenset({404, 410})
_KEPT_BACK = frozenset({403}) | _GONE
_WHOLE = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)


_PATIENCE_FOR_A_PERSON = 10.0  # seconds


class Calling:
    """One account of a described tool: every part of its connection calls through this. Thread-safe."""

    def __init__(self, description: Description, tools: Tools, *, signs_in_by: Sequence[str] = ()) -> None:
        """`signs_in_by`: what the YAML calls the credential, where it does not say `auth` itself."""
        self._description = description
        self._throttle = description.throttle
        pace = windows(description.throttle)
        self._limiter = Limiter(tools, {"": pace})
        self._daily = DailyCount(tools) if description.throttle.per_day is not None else None
        self._tools = tools if self._daily is None else replace(tools, count_call=self._counted(tools))
        self._ration()
        policy = CallPolicy(
            self._tools,
            self._limiter,
            judge=lambda reply: self._judge(reply, frozenset()),
            learn=self._learn,
            max_bytes=description.walls.size_cap * MEGABYTE,
            # Waiting for our own turn takes from the patience too: a slow limit must not use it up.
            patience=_PATIENCE + max((window.seconds for window in pace), default=0.0),
        )
        self._authorisation = Authorisation(
            description.auth, description.base_url, policy, allow_http=description.allow_http
        )
        headers = dict(description.request.headers)
        policy = self._authorisation.policy
        if signs_in_by:
            policy = replace(policy, advice=f"check {' and '.join(signs_in_by)} in the YAML's connection")
        self._http = self._authorisation.http(policy, headers=headers)
        people = replace(policy, judge=partial(self._judge, fine=_GONE), patience=_PATIENCE_FOR_A_PERSON)
        self._people = self._authorisation.http(people, headers=headers)
        definitions = replace(policy, judge=partial(self._judge, fine=_KEPT_BACK))
        self._definitions = self._authorisation.http(definitions, headers=headers)

    def page(self, asked: Asked, survey: str | None) -> Json:
        """One page of the listing."""
        request = self._description.request
        what = f"{request.method} {request.path}"
        if asked.link is not None:
            return self._json(request.method, self._followed(asked.link), None, None, what)
        known = dict(asked.values) if survey is None else {**asked.values, "survey": survey}
        in_path = set(names_in(request.path))
        rest = {name: value for name, value in asked.values.items() if name not in in_path}
        query = _filled(request.query, known)
        body: dict[str, Any] | None = None
        if request.method == "POST":
            body = self._body(request, known, rest)
        else:
            query |= rest
        return self._json(request.method, filled_path(request.path, known), query, body, what)

    def get(self, path: str, query: Query, known: Mapping[str, str]) -> Json:
        """Another call of the description: its path with what is known, and its query."""
        return self._json("GET", filled_path(path, known), _filled(query, known), None, f"GET {path}")

    def look_up(self, path: str, key: str) -> Json:
        """None when there is nobody. UnavailableError soon, when the tool does not answer: answers go before those who
        gave them."""
        if not is_segment(key):
            return None
        reply = self._people.request("GET", filled_path(path, {"person": key}), what=f"GET {path}")
        return None if reply.status in _GONE else reply.json()

    def definition(self, path: str, query: Query, survey: str) -> Json:
        """None when the tool does not hand it out."""
        known = {"survey": survey}
        params = list(_filled(query, known).items())
        reply = self._definitions.request(
            "GET", filled_path(path, known), params=params or None, what=f"GET {path}"
        )
        return None if reply.status in _KEPT_BACK else reply.json()

    def close(self) -> None:
        if self._daily is not None:
            self._daily.save()
        self._http.close()
        self._people.close()
        self._definitions.close()
        self._authorisation.close()

    # ------------------------------------------------------------ one call

    def _json(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None,
        body: dict[str, Any] | None,
        what: str,
    ) -> Json:
        reply = self._http.request(
            method,
            path,
            params=list((query or {}).items()) or None,
            json=body,
            what=what,
            idempotent=True,
            reads=True,
        )
        found: Json = reply.json()
        return found

    def _followed(self, link: str) -> str:
        """A link may be a whole address or a path; the client refuses another host."""
        return urljoin(f"{self._http.base_url}/", link)

    def _body(self, request: Request, known: Mapping[str, str], rest: Mapping[str, str]) -> dict[str, Any]:
        body: dict[str, Any] = {**_texts_filled(request.body or {}, known)}
        pages = self._description.pages
        token = pages.param if isinstance(pages, ByCursor | ByLastRow) else None
        for name, value in rest.items():
            *above, last = name.split(".")
            place = body
            for step in above:
                place[step] = dict(place.get(step) or {})
                place = place[step]
            place[last] = int(value) if name != token and _WHOLE.fullmatch(value) else value
        return body

    # ------------------------------------------------------------ what a reply means

    def _judge(self, reply: Reply, fine: frozenset[int]) -> Ruling:
        status = reply.status
        if 200 <= status < 300:
            return unreadable(reply) or self._failed(reply) or FINE
        if status == 429:
            return self._wait(reply)
        if status in fine:
            return FINE
        if 300 <= status < 400:
            return (
                FINE
                if reply.headers.get("location")
                else Stop(ConfigError, f"status {status}; is base_url right?")
            )
        if status in (400, 404, 405, 406, 410, 422):
            return Stop(
                ConfigError,
                f"the tool does not take this call (status {status}{self._told(reply)}); {_CHECK}",
            )
        ruling = judge(reply, self._tools.clock)
        if ruling == FINE:
            return Stop(UnavailableError, f"status {status}{self._told(reply)}")
        if isinstance(ruling, Retry) and ruling.after is not None:
            return self._patient(ruling.reason, ruling.after)
        return ruling

    def _failed(self, reply: Reply) -> Ruling | None:
        """A success that the description calls a failure."""
        if not self._description.failures or not reply.is_json:
            return None
        said = reply.json()
        for failure in self._description.failures:
            if not true_of(failure.when, said):
                continue
            told = (
                f'the tool answers "{message}"'
                if (message := _short(failure.message, said))
                else "the tool says so"
            )
            if failure.retry:
                return Retry(f"a failure with status {reply.status}: {told}")
            return Stop(UnavailableError, f"a failure with status {reply.status}: {told}")
        return None

    def _told(self, reply: Reply) -> str:
        said = reply.json() if reply.is_json else None
        for failure in self._description.failures:
            if message := _short(failure.message, said):
                return f', "{message}"'
        return ""

    def _wait(self, reply: Reply) -> Ruling:
        told = retry_after(reply, self._tools.clock)
        reset = self._until_reset(reply)
        after = told if told is not None else reset if reset is not None else self._throttle.wait
        return self._patient("status 429", after)

    def _patient(self, reason: str, after: float) -> Ruling:
        """A pause longer than a run should wait ends it cleanly: the cursor stays where the last page led."""
        if after > LONGEST_PAUSE:
            return Stop(BudgetError, f"{reason}: the tool asks to wait {after:.0f} s; the next run reads on")
        return Retry(reason, after=after)

    # ------------------------------------------------------------ budgets

    def _learn(self, reply: Reply) -> None:
        throttle, now = self._throttle, self._tools.clock.now()
        if throttle.left_header and _number(reply, throttle.left_header) == 0:
            reset = self._until_reset(reply)
            self._limiter.pause(
                throttle.wait if reset is None else reset, why="the tool's limit asks for a pause"
            )
        if throttle.daily_header and (left := _number(reply, throttle.daily_header)) is not None:
            self._limiter.allow(int(left), until=next_midnight(now, UTC))

    def _until_reset(self, reply: Reply) -> float | None:
        header = self._throttle.reset_header
        told = None if header is None else _number(reply, header)
        if told is None:
            return None
        seconds = told if self._throttle.reset_is == "seconds" else told - self._tools.clock.now().timestamp()
        return max(seconds, 1.0)

    def _counted(self, tools: Tools) -> Any:
        def count() -> None:
            tools.count_call()
            if self._daily is not None:
                self._daily.count()
                self._ration()

        return count

    def _ration(self) -> None:
        """What is left of the calls that `per_day` allows, whoever made the others."""
        if self._daily is not None and self._throttle.per_day is not None:
            left = self._throttle.per_day - self._daily.made()
            self._limiter.ration(left, self._throttle.per_day, until=self._daily.resets_at())


_CHECK = "check base_url, and the path and query of the description"


def windows(throttle: Throttle) -> list[Window]:
    own = [] if throttle.calls is None else [Window(throttle.calls, throttle.seconds)]
    return own + [Window(each.calls, each.seconds) for each in throttle.also]


def _filled(query: Query, known: Mapping[str, str]) -> dict[str, str | int]:
    return {name: filled_now(_written(value), known) for name, value in query.items()}


def _written(value: str | int | bool) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _texts_filled(data: Any, known: Mapping[str, str]) -> Any:
    if isinstance(data, str):
        return filled_now(data, known)
    if isinstance(data, Mapping):
        return {key: _texts_filled(value, known) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_texts_filled(value, known) for value in data]
    return data


def _short(text: str | None, said: Json) -> str:
    """What the tool says, as far as it can be shown."""
    if text is None:
        return ""
    found = found_in(text, said)
    if not isinstance(found, str) or len(found) > _LONGEST_MESSAGE or "@" in found:
        return ""
    return " ".join(found.split())


def _number(reply: Reply, header: str) -> float | None:
    try:
        number = float(reply.headers.get(header.lower(), ""))
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None
