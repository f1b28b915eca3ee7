"""Places on lists that people made in HubSpot: manual ones, whose members are set by hand or by us."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from connectors.contract import Making
from connectors.hubspot.account import Account
from connectors.hubspot.finding import chunks, next_page, record_key
from connectors.hubspot.properties import object_type, type_id
from connectors.hubspot.replies import answer_of, payload
from connectors.replies import Reply
from connectors.wire import FateUnknown
from nps.changes import Cause, Made, Outcome, Rejected, Unknown, Written
from nps.errors import ConfigError
from nps.values import Json

_SETTABLE = ("MANUAL", "SNAPSHOT")
_TOGETHER = 10_000  # HubSpot is said to take ten times as many
_FEW = 20  # so many records are asked for one by one; for more the list is read
_PAGE = 250


class Lists:
    def __init__(self, account: Account) -> None:
        self._account = account
        version = account.version
        self._root = "/crm/v3/lists" if version == "v3" else f"/crm/lists/{version}"

    def list_id(self, name: str, object: str) -> str:
        kind = type_id(object_type(object))
        by_id = name.strip() if record_key("lists").asks(name.strip()) else ""
        path = f"/object-type-id/{quote(kind, safe='')}/name/{quote(name.strip(), safe='')}"
        reply = self._ask("GET", path, what="find a list")
        if reply.status == 404 and by_id:
            reply = self._ask("GET", f"/{by_id}", what="find a list")
        if reply.status == 404:
            raise self._problem(
                f'there is no list "{name}" of {object}; create it in HubSpot as a static list, or name another one'
            )
        found = self._said(reply, "find a list").get("list")
        told: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
        if not told.get("listId"):
            raise self._problem(f'HubSpot\'s answer about the list "{name}" does not tell its id (listId)')
        if (of := str(told.get("objectTypeId") or kind)) != kind:
            raise self._problem(f'the list "{name}" is one of {of}, not of {object}')
        if told.get("processingType") not in _SETTABLE:
            raise self._problem(
                f'HubSpot fills the list "{name}" itself, so nobody may set its members: name a static list, or let '
                "HubSpot filter by the segment's property and leave `add_to` out"
            )
        return str(told["listId"])

    def add(self, list: str, object: str, ids: Sequence[str], status: str | None) -> Iterator[Making]:
        if status is not None:
            raise self._problem("HubSpot's lists know no status: leave `status` out of `add_to`")
        for told in self._changed(list, ids, "recordIdsToAdd"):
            yield Made(told.record_id, told.record_id) if isinstance(told, Written) else told

    def drop(self, list: str, object: str, ids: Sequence[str]) -> Iterator[Outcome]:
        for told in self._changed(list, ids, "recordIdsToRemove"):
            # Somebody who is gone is on no list any more.
            gone = isinstance(told, Rejected) and told.cause is Cause.GONE
            yield Written(told.record_id) if gone else told

    def on(self, list: str, object: str, ids: Sequence[str]) -> frozenset[str]:
        asked = {id for id in ids if record_key("lists").asks(id)}
        if len(asked) > _FEW:
            return frozenset(asked & set(self._members(list)))
        kind = quote(type_id(object_type(object)), safe="")
        return frozenset(id for id in asked if list in self._lists_of(kind, id))

    # ------------------------------------------------------------ inside

    def _changed(self, list: str, ids: Sequence[str], how: str) -> Iterator[Outcome]:
        """Already a member, or never one: HubSpot passes over both."""
        asks = record_key("lists").asks
        yield from (_nobody(id) for id in dict.fromkeys(ids) if not asks(id))
        for chunk in chunks([id for id in dict.fromkeys(ids) if asks(id)], _TOGETHER):
            body: dict[str, Json] = {"recordIdsToAdd": [], "recordIdsToRemove": []} | {how: [*chunk]}
            try:
                reply = self._ask(
                    "PUT", f"/{list}/memberships/add-and-remove", what="change a list", body=body
                )
                missing = {str(id) for id in self._said(reply, "change a list").get("recordIdsMissing") or ()}
            except FateUnknown as error:
                yield from (Unknown(id, str(error)) for id in chunk)
                continue
            yield from (_nobody(id) if id in missing else Written(id) for id in chunk)

    def _members(self, list: str) -> Iterator[str]:
        for page in self._pages(f"/{list}/memberships", {"limit": str(_PAGE)}, "read a list"):
            yield from (str(row.get("recordId")) for row in page)

    def _lists_of(self, kind: str, id: str) -> set[str]:
        pages = self._pages(f"/records/{kind}/{id}/memberships", {}, "read who is on a list")
        return {str(row.get("listId")) for page in pages for row in page}

    def _pages(self, path: str, asked: Mapping[str, str], what: str) -> Iterator[Sequence[Mapping[str, Any]]]:
        after: str | None = None
        while True:
            page = {**asked} | ({"after": after} if after else {})
            reply = self._ask("GET", path, what=what, params=page)
            if reply.status == 404:
                return
            said = self._said(reply, what)
            yield said.get("results") or ()
            if (after := next_page(said)) is None:
                return

    def _ask(
        self, method: str, path: str, *, what: str, params: Mapping[str, str] | None = None, body: Json = None
    ) -> Reply:
        return self._account.http.request(method, self._root + path, params=params, json=body, what=what)

    def _said(self, reply: Reply, what: str) -> Mapping[str, Any]:
        if reply.status < 300:
            return answer_of(reply)
        reason = self._account.noted(reply, what)
        code = reason.code if payload(reply) else f"status {reply.status}"
        raise self._problem(f"HubSpot refuses to {what} ({code}: {reason.message})")

    def _problem(self, what: str) -> ConfigError:
        return ConfigError(f"{self._account.tools.connection}: {what}")


def _nobody(id: str) -> Rejected:
    return Rejected(id, "RECORD_MISSING", "HubSpot knows no such record", cause=Cause.GONE)
