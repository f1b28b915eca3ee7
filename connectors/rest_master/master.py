"""One customer master, as every part of a connection sees it: its calls, its names, its fields."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from typing import Any, TypeVar

from connectors import one_by_one
from connectors.authorising import Authorisation
from connectors.calls import CallPolicy
from connectors.contract import Tools
from connectors.declared.description import Pages
from connectors.declared.expressions import NotForThis, found_in
from connectors.declared.paging import END, Step, following, parameters
from connectors.declared.placeholders import filled_now, filled_path
from connectors.limits import Limiter, Window
from connectors.replies import Reply
from connectors.rest_master.budget import OwnBudget
from connectors.rest_master.fields import Table, table
from connectors.rest_master.replies import Easing, judge, judge_leniently, words_of
from connectors.rest_master.rows import Reader, id_of, listed, meant
from connectors.rest_master.settings import Names, RestMasterSettings
from connectors.rest_master.shelf import Shelf
from nps.changes import Deferred, Unknown
from nps.errors import ConfigError, UnavailableError

T = TypeVar("T")
R = TypeVar("R")

_MOST_PAGES = 1_000_000


def open_master(settings: RestMasterSettings, tools: Tools) -> Master:
    """The one that other parts of the connection use already, if any. `tools.shared.give_back()` closes it."""
    return tools.shared.take(lambda: Master(settings, tools))


class Master:
    """Thread-safe."""

    def __init__(self, settings: RestMasterSettings, tools: Tools) -> None:
        self.settings = settings
        self.tools = tools
        minute = settings.limits.per_minute
        limiter = Limiter(tools, {"": [Window(minute, 60.0)]} if minute else None)
        self.budget = OwnBudget(settings.budget.max_calls_per_day, limiter, tools)
        easing = Easing()
        timeouts = settings.timeouts
        policy = CallPolicy(tools, limiter, learn=self.budget.learn)
        self._authorisation = Authorisation(
            settings.auth,
            settings.base_url,
            policy,
            allow_http=settings.allow_http,
            timeouts=(timeouts.connect, timeouts.read),
            setting=settings.signs_in_at,
        )
        policy = replace(self._authorisation.policy, judge=partial(judge, easing=easing, clock=tools.clock))
        self.http = self._authorisation.http(policy)
        self.lenient = self._authorisation.http(
            replace(policy, judge=partial(judge_leniently, easing=easing, clock=tools.clock))
        )
        self.reader = Reader(settings.record, tools.connection)
        self._pool = ThreadPoolExecutor(settings.limits.parallel, thread_name_prefix="npsync-master")
        self._lock = threading.Lock()
        self._values: dict[str, Mapping[str, str]] = {}
        self._tables: dict[str, Table] = {}
        self._shelves: dict[str, Shelf] = {}

    def close(self) -> None:
        self._pool.shutdown()
        self.budget.save()
        for shelf in self._shelves.values():
            shelf.close()
        self.http.close()
        self.lenient.close()
        self._authorisation.close()

    # ------------------------------------------------------------ objects

    def values(self, object: str) -> Mapping[str, str]:
        """What placeholders stand for: the scope of this object, and the ids its names were found to have."""
        values = self._values.get(object)
        if values is None:
            with self._lock:
                values = self._values.get(object) or self._resolved(object)
                self._values[object] = values
        return values

    def table(self, object: str) -> Table:
        """The fields; asked for once."""
        known = self._tables.get(object)
        if known is None:
            values = self.values(object)
            with self._lock:
                known = self._tables.get(object) or self._described(object, values)
                self._tables[object] = known
        return known

    def shelf(self, object: str) -> Shelf:
        with self._lock:
            return self._shelves.setdefault(object, Shelf())

    def _resolved(self, object: str) -> Mapping[str, str]:
        known = self.settings.objects
        if object not in known:
            close = get_close_matches(object, known, n=1)
            hint = f'; did you mean "{close[0]}"?' if close else f"; there is {', '.join(known)}"
            raise ConfigError(f'{self.tools.connection}: no object "{object}" is configured{hint}')
        values = {"object": object, **self.settings.scope, **known[object].scope}
        for step in self.settings.names:
            if step.gives not in values:
                values[step.gives] = self._id_of(step, values)
        return values

    def _id_of(self, step: Names, values: Mapping[str, str]) -> str:
        connection = self.tools.connection
        name = values.get(step.scope)
        if name is None:
            raise ConfigError(f"{connection}: scope.{step.scope} is missing")
        kind = step.scope.replace("_", " ")
        found: dict[str, list[str]] = {}
        setting = f"names ({step.scope})"
        for page in self.pages(
            step.path, step.query, step.items, step.pages, values, setting, f"list each {kind}"
        ):
            for item in meant(page, step.only, values):
                called, id = found_in(step.name, item), id_of(found_in(step.id, item))
                if isinstance(called, str) and id is not None:
                    found.setdefault(called.strip(), []).append(id)
        ids = found.get(name.strip(), [])
        if len(ids) == 1:
            return ids[0]
        if ids:
            raise ConfigError(
                f'{connection}: {len(ids)} of them are called "{name}" (scope.{step.scope}); '
                f"give the id of the right one as scope.{step.gives}: {', '.join(ids[:5])}"
            )
        close = get_close_matches(name, found, n=1)
        hint = f'; did you mean "{close[0]}"?' if close else ""
        raise ConfigError(
            f'{connection}: scope.{step.scope}: there is no {kind} "{name}" that this credential sees{hint}'
        )

    def _described(self, object: str, values: Mapping[str, str]) -> Table:
        at = self.settings.schema_at
        definitions: list[Any] = []
        if at is not None:
            body = self.asked(at.path, {}, values, "schema_at", f"fields of {object}").json()
            definitions = listed(at.items, body, connection=self.tools.connection, setting="schema_at")
        return table(
            self.tools.connection,
            object,
            self.settings,
            [one for one in definitions if isinstance(one, dict)],
        )

    # ------------------------------------------------------------ calls

    def asked(
        self,
        path: str,
        query: Mapping[str, str | int | bool],
        values: Mapping[str, str],
        setting: str,
        what: str,
        *,
        place: Mapping[str, str] = {},
        body: Any = None,
        hidden: Iterable[str] = (),
    ) -> Reply:
        """A question; ConfigError when the master does not understand it, without the `hidden` values it may quote.
        With a `body` it is a POST. `place` are parameters as they are, whatever braces they hold."""
        filled = {filled_now(key, values): _text(value, values) for key, value in query.items()}
        address = path if path.startswith(("http://", "https://")) else filled_path(path, values)
        reply = self.http.request(
            "GET" if body is None else "POST",
            address,
            params={**filled, **place} or None,
            json=None if body is None else filled_body(body, values),
            what=what,
            idempotent=True,
            reads=True,
        )
        if 200 <= reply.status < 300:
            return reply
        told = words_of(reply, hidden)
        raise ConfigError(
            f"{reply.what}: the master answers {reply.status}{f' ({told})' if told else ''}; check {setting}"
        )

    def pages(
        self,
        path: str,
        query: Mapping[str, str | int | bool],
        items: str | Sequence[str],
        pages: Pages,
        values: Mapping[str, str],
        setting: str,
        what: str,
        *,
        body: Any = None,
        hidden: Iterable[str] = (),
        told: Callable[[Any], None] | None = None,
    ) -> Iterator[list[Any]]:
        """What a list holds, page by page. `told` sees each reply. UnavailableError when it never ends."""
        step: Step = None
        passed: set[Step] = set()
        longest = 0
        for _ in range(_MOST_PAGES):
            linked = isinstance(step, str) and pages.kind == "next_link"
            reply = self.asked(
                str(step) if linked else path,
                {} if linked else query,
                values,
                setting,
                what,
                place={} if linked else parameters(pages, step),
                body=body,
                hidden=hidden,
            )
            said = reply.json()
            rows = listed(items, said, connection=self.tools.connection, setting=setting)
            if told is not None:
                told(said)
            yield rows
            try:
                following_step = following(pages, step, rows, said, longest)
            except NotForThis as problem:
                raise ConfigError(f"{self.tools.connection}: {setting}.pages: {problem}") from None
            if following_step is END:
                return
            longest = max(longest, len(rows))
            step = following_step  # type: ignore[assignment]
            if step in passed:
                raise UnavailableError(f"{reply.what}: the list leads to a page that was shown already")
            passed.add(step)
        raise UnavailableError(f"{self.tools.connection}: {what}: the list does not end")

    def together(self, do: Callable[[T], R], each: Iterable[T]) -> Iterator[tuple[T, Future[R]]]:
        """Calls that overlap as far as `limits.parallel` allows; each with what became of it, as they end."""
        return one_by_one.together(self._pool, do, each)

    def updates(
        self, update: Callable[[T], R], waiting: Mapping[str, T]
    ) -> Iterator[tuple[str, R | Unknown | Deferred]]:
        """Updates that overlap as far as `limits.parallel` allows (`one_by_one.updates`)."""
        return one_by_one.updates(self._pool, update, waiting)

    def all(self, do: Callable[[T], R], each: Sequence[T]) -> list[R]:
        """The same where each must succeed: after the first that fails no more are made."""
        return one_by_one.all_of(self._pool, do, each)


def filled_body(data: Any, values: Mapping[str, str]) -> Any:
    """A body with its texts filled in."""
    if isinstance(data, str):
        return filled_now(data, values)
    if isinstance(data, Mapping):
        return {filled_now(str(key), values): filled_body(value, values) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [filled_body(value, values) for value in data]
    return data


def _text(value: str | int | bool, values: Mapping[str, str]) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return filled_now(value, values) if isinstance(value, str) else str(value)
