"""One org, as every part of a connection sees it: its schema, described once, and queries by value."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

from connectors.calls import CallPolicy
from connectors.contract import Only, Tools
from connectors.limits import Limiter
from connectors.salesforce import soql
from connectors.salesforce.budget import CallBudget
from connectors.salesforce.errors import Refused, judge
from connectors.salesforce.library import Api, quote
from connectors.salesforce.schema import Column, Table, no_such_field, read_through, table
from connectors.salesforce.settings import SalesforceSettings
from connectors.salesforce.signin import SignIn
from nps.errors import ConfigError

PAGE = 2_000  # rows Salesforce hands over at once, at most
_MOST_HOPS = 5  # a merged record's survivor may have been merged again

Row = Mapping[str, Any]


def open_org(settings: SalesforceSettings, tools: Tools) -> Org:
    """The connection's org: the one its other parts use already, if any. `tools.shared.give_back()` closes it."""
    return tools.shared.take(lambda: Org(settings, tools))


class Org:
    """Thread-safe."""

    def __init__(self, settings: SalesforceSettings, tools: Tools) -> None:
        self.settings = settings
        self._tools = tools
        limiter = Limiter(tools)
        self.budget = CallBudget(settings.budget, limiter, tools)
        policy = CallPolicy(
            tools, limiter, judge=partial(judge, clock=tools.clock), learn=self.budget.learn, attempts=5
        )
        sign_in = SignIn(settings, tools, policy)
        self.api = Api(settings, replace(policy, token=sign_in.token), sign_in)
        self._sign_in = sign_in
        self._lock = threading.RLock()
        self._tables: dict[str, Table] = {}

    def close(self) -> None:
        self.budget.save()
        self.api.close()

    @property
    def address(self) -> str:
        """Where people reach the org, without a slash at the end."""
        host = self.settings.login_host
        return self._sign_in.address or (f"https://{host}" if host else "")

    def user(self) -> str:
        """The id of whom npsync signs in as; "" where the sign-in does not say."""
        self._sign_in.token.get()
        return self._sign_in.user

    # ------------------------------------------------------------ schema

    def table(self, object: str) -> Table:
        """What describe says about an object, asked once."""
        if (known := self._tables.get(object)) is not None:
            return known
        soql.checked_name(object)
        with self._lock:
            if object not in self._tables:
                self._tables[object] = table(self._described(object))
            return self._tables[object]

    def column(self, object: str, field: str) -> Column:
        """A field by its name, along relations if it is dotted. ConfigError if there is none."""
        soql.checked_name(field)
        relation, dot, rest = field.partition(".")
        here = self.table(object)
        if not dot:
            return here.column(field)
        lookup = here.relation(relation)
        for parent in lookup.relates_to if lookup else ():
            try:
                return read_through(self.column(parent, rest), field)
            except ConfigError:
                continue  # a lookup may lead to several objects (an owner is a user or a queue)
        raise no_such_field(object, field)

    def columns(self, object: str, fields: Iterable[str]) -> dict[str, Column]:
        return {name: self.column(object, name) for name in fields}

    def _described(self, object: str) -> Mapping[str, Any]:
        try:
            answer: Mapping[str, Any] = self.api.call(
                "GET", f"sobjects/{object}/describe", what=f"describe {object}"
            )
        except Refused as refused:
            if refused.status == 404:
                raise ConfigError(
                    f"{self._tools.connection}: Salesforce has no object {object}, or it is not "
                    "visible to the integration user"
                ) from None
            raise refused.as_error(object) from None
        return answer

    def _forget(self, object: str) -> None:
        """The schema changed under us: describe again when next asked."""
        with self._lock:
            self._tables.pop(object, None)

    # ------------------------------------------------------------ queries

    def restriction(self, object: str, only: Only) -> str:
        """`only` as a condition."""
        known = dict(only)
        if known.get("IsPersonAccount") is False and not self.table(object).person_accounts:
            del known["IsPersonAccount"]  # without Person Accounts nobody is one
        return soql.restriction(self.columns(object, known), known)

    def by_value(
        self,
        object: str,
        select: str,
        wanted: Sequence[soql.Wanted],
        restriction: str,
        *,
        what: str,
        deleted_too: bool = False,
    ) -> list[dict[str, Any]]:
        """Rows that hold any of the values, in as few queries as fit."""
        if not wanted:
            return []
        room = soql.LONGEST_ADDRESS - self.api.query_length(0)
        rows: list[dict[str, Any]] = []
        waiting = deque(soql.queries(select, object, wanted, restriction, room))
        while waiting:
            query = waiting.popleft()
            try:
                rows.extend(self._asked(query.soql, object, what, deleted_too))
            except Refused as refused:
                if not refused.is_too_long or len(query.wanted) == 1:
                    raise refused.as_error(object) from None
                half = len(query.wanted) // 2
                for part in (query.wanted[:half], query.wanted[half:]):
                    waiting.extend(soql.queries(select, object, part, restriction, room))
        return rows

    def pages(self, query: str, object: str, *, what: str) -> Iterator[list[dict[str, Any]]]:
        """The rows of a long query, a page at a time. Refused with INVALID_QUERY_LOCATOR when the vendor lost its
        place: go on behind the last row."""
        rows = self.api.query(query, what=what)
        while True:
            try:
                page = list(islice(rows, PAGE))
            except Refused as refused:
                if refused.code == "INVALID_QUERY_LOCATOR":
                    raise
                if refused.code in ("INVALID_FIELD", "INVALID_TYPE"):
                    self._forget(object)
                raise refused.as_error(object) from None
            if not page:
                return
            yield page

    def survivors(self, object: str, gone: Sequence[str]) -> dict[str, str]:
        """Merged id → the record it was merged into, along the whole chain. Deleted ones are missing."""
        masters: dict[str, str] = {}
        ask = list(gone)
        for _ in range(_MOST_HOPS):
            rows = self.by_value(
                object,
                "Id, MasterRecordId",
                [soql.Wanted("Id", quote(one)) for one in ask],
                "IsDeleted = true",
                what=f"follow merged {object}",
                deleted_too=True,
            )
            step = {row["Id"]: row["MasterRecordId"] for row in rows if row["MasterRecordId"]}
            masters.update(step)
            ask = [one for one in set(step.values()) if one not in masters]
            if not ask:
                break
        return {one: _end(masters, one) for one in gone if one in masters}

    def absorbed(self, object: str, ids: Iterable[str], select: str) -> dict[str, list[dict[str, Any]]]:
        """Record → the rows of those that were merged into it, along the whole chain."""
        found: dict[str, list[dict[str, Any]]] = {}
        ends = {one: one for one in ids}  # record → the survivor it has ended in
        ask = list(ends)
        for _ in range(_MOST_HOPS):
            rows = self.by_value(
                object,
                f"{select}, MasterRecordId",
                [soql.Wanted("MasterRecordId", quote(one)) for one in ask],
                "IsDeleted = true",
                what=f"find what was merged into {object}",
                deleted_too=True,
            )
            new = [row for row in rows if row["Id"] not in ends]
            for row in new:
                ends[row["Id"]] = ends[row["MasterRecordId"]]
                found.setdefault(ends[row["Id"]], []).append(row)
            ask = [row["Id"] for row in new]
            if not ask:
                break
        return found

    def _asked(self, query: str, object: str, what: str, deleted_too: bool) -> list[dict[str, Any]]:
        for attempt in (1, 2):
            try:
                return list(self.api.query(query, what=what, deleted_too=deleted_too))
            except Refused as refused:
                if refused.is_too_long:
                    raise
                if refused.code == "INVALID_QUERY_LOCATOR" and attempt == 1:
                    continue  # the cursor died between two pages: ask again from the start
                if refused.code in ("INVALID_FIELD", "INVALID_TYPE"):
                    self._forget(object)
                raise refused.as_error(object) from None
        raise AssertionError("the second attempt returns or raises")


def _end(masters: Mapping[str, str], merged: str) -> str:
    """The survivor at the end of a chain of merges."""
    for _ in range(_MOST_HOPS):
        if merged not in masters:
            break
        merged = masters[merged]
    return merged
