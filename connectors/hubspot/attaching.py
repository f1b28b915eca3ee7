"""Attaching records to each other, after they were created: by the usual association of their two objects."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from connectors.hubspot.account import Account
from connectors.hubspot.finding import chunks
from connectors.hubspot.replies import Refusal, answer_of, refusal
from nps.errors import ConfigError
from nps.values import Json

_TOGETHER = 1_000
_FEW = 3  # refused alone, one after the other, before anything was attached: it is not the records


class Attaching:
    """Thread-safe."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._lock = threading.Lock()
        self._types: dict[tuple[str, str], Json] = {}

    def attach(self, type: str, to: str, pairs: Mapping[str, str]) -> Mapping[str, Refusal]:
        """Attach records (id → id of the other). Those that were refused, and why; twice is as good as once."""
        refused: dict[str, Refusal] = {}
        attached = False
        kind = self._type(type, to)
        waiting = [list(chunk) for chunk in chunks(list(pairs), _TOGETHER)]
        while waiting:
            group = waiting.pop()
            inputs: list[Json] = [
                {"from": {"id": id}, "to": {"id": pairs[id]}, "types": [kind]} for id in group
            ]
            reply = self._account.wire.associate(type, to, {"inputs": inputs})
            if reply.status < 300:
                attached = True
                refused |= _left_out(group, pairs, answer_of(reply))
                continue
            reason = self._account.noted(reply, f"attach {type} to {to}")
            if len(group) > 1:
                waiting += [group[len(group) // 2 :], group[: len(group) // 2]]
                continue
            refused[group[0]] = reason
            if not attached and len(refused) >= _FEW and not any(one.not_found for one in refused.values()):
                raise self._problem(f"attaches no {type} to {to} ({reason.code}: {reason.message})")
        return refused

    def _type(self, type: str, to: str) -> Json:
        """The association without a label of its own; every pair of objects that go together has one."""
        with self._lock:
            if (type, to) not in self._types:
                self._types[type, to] = self._asked(type, to)
            return self._types[type, to]

    def _asked(self, type: str, to: str) -> Json:
        version = self._account.version
        root = "/crm/v4/associations" if version == "v3" else f"/crm/associations/{version}"
        path = f"{root}/{quote(type, safe='')}/{quote(to, safe='')}/labels"
        reply = self._account.http.request("GET", path, what=f"associations of {type} with {to}")
        if reply.status != 200:
            reason = self._account.noted(reply, f"associations of {type} with {to}")
            raise self._problem(f"tells no association of {type} with {to} ({reason.code}: {reason.message})")
        plain = [one for one in answer_of(reply).get("results") or () if not one.get("label")]
        if not plain:
            raise self._problem(f"knows no association of {type} with {to}")
        return {"associationCategory": plain[0]["category"], "associationTypeId": plain[0]["typeId"]}

    def _problem(self, what: str) -> ConfigError:
        return ConfigError(
            f"{self._account.tools.connection}: HubSpot {what}; is there an association between the two? "
            "An admin creates it in HubSpot's settings of the object"
        )


def _left_out(group: Sequence[str], pairs: Mapping[str, str], said: Mapping[str, Any]) -> dict[str, Refusal]:
    """Those that a partial success does not tell of."""
    reasons = [refusal(error) for error in said.get("errors") or ()]
    if not reasons:
        return {}
    done = {frozenset(_ends(one)) for one in said.get("results") or ()}
    return {
        id: next((one for one in reasons if {id, pairs[id]} & one.ids), reasons[0])
        for id in group
        if frozenset((id, pairs[id])) not in done
    }


def _ends(one: Mapping[str, Any]) -> tuple[str, str]:
    """The two ids of a result, in either shape HubSpot has for it."""
    start, end = one.get("from"), one.get("to")
    if isinstance(start, Mapping) and isinstance(end, Mapping):
        return str(start.get("id")), str(end.get("id"))
    return str(one.get("fromObjectId")), str(one.get("toObjectId"))
