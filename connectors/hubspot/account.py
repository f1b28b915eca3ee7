"""One HubSpot account, as every part of a connection sees it: its calls, and its properties, asked for once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import tzinfo
from difflib import get_close_matches
from typing import Any

from connectors.contract import Tools
from connectors.http import Http
from connectors.hubspot.access import Prober
from connectors.hubspot.budget import DailyCalls
from connectors.hubspot.finding import ASSOCIATION_BATCH, SEARCH_PAGE, Key, Row, next_page, read_body
from connectors.hubspot.properties import Properties, properties
from connectors.hubspot.replies import Refusal, answer_of, payload, refusal
from connectors.hubspot.wire import Wire
from connectors.replies import Reply
from nps.errors import ConfigError
from nps.values import Json

# Calls a refused batch read may cost beyond its first, while the values HubSpot cannot read are told apart.
_EXTRA_READS = 32


class Account:
    """Thread-safe."""

    def __init__(
        self,
        wire: Wire,
        http: Http,
        prober: Prober,
        tools: Tools,
        daily: DailyCalls,
        zone: tzinfo,
        version: str,
        close: Callable[[], None],
    ) -> None:
        self.wire = wire
        self.http = http  # for what `wire` does not carry: owners, lists
        self.prober = prober
        self.tools = tools
        self.daily = daily
        self.zone = zone  # the business's
        self.version = version
        self._close = close
        self._lock = threading.Lock()
        self._properties: dict[str, Properties] = {}

    def close(self) -> None:
        self.daily.save()
        self._close()

    # ------------------------------------------------------------ properties

    def known(self, object: str) -> Properties:
        known = self._properties.get(object)
        if known is None:
            with self._lock:
                known = self._properties.get(object) or self._described(object)
                self._properties[object] = known
        return known

    def read_again(self, object: str) -> Properties:
        """Definitions as they are now, for everything from here on."""
        now = self._described(object)
        with self._lock:
            self._properties[object] = now
        return now

    def check(self, known: Properties, names: Iterable[str]) -> None:
        """HubSpot passes over names it does not know: a typo would read as empty for ever."""
        for name in names:
            if name not in known:
                close = get_close_matches(name, known.schema.fields, n=1)
                hint = f'; did you mean "{close[0]}"?' if close else ""
                raise ConfigError(
                    f'{self.tools.connection}: {known.schema.name} has no property "{name}" '
                    f"that this credential can see{hint}"
                )

    def _described(self, object: str) -> Properties:
        known = properties(object, ())
        reply = self.wire.properties(known.object_type)
        if reply.status != 200:
            raise ConfigError(
                f'{self.tools.connection}: HubSpot shows us no object "{object}" ({reply.status}); '
                "objects are contacts, companies, tickets, deals, or a custom object's name"
            )
        return properties(object, answer_of(reply).get("results") or ())

    # ------------------------------------------------------------ answers

    def read(
        self,
        known: Properties,
        key: Key,
        asked: Sequence[str],
        reads: Sequence[str],
        history: Sequence[str] = (),
    ) -> tuple[list[Row], list[str]]:
        """Rows, and the values HubSpot says name nothing. One it cannot read does not sink the others."""
        rows: list[Row] = []
        missing: list[str] = []
        waiting = [list(asked)]
        calls = 0
        while waiting:
            group = waiting.pop()
            body = read_body(key, group, reads) | {"propertiesWithHistory": list(history)}
            reply = self.wire.read(known.object_type, body)
            calls += 1
            if 200 <= reply.status < 300:
                said = answer_of(reply)
                rows += said.get("results") or ()
                missing += [id for error in said.get("errors") or () for id in refusal(error).ids]
                continue
            reason = self.noted(reply, f"read {known.object_type}")
            if reason.schema or calls > _EXTRA_READS:
                raise ConfigError(
                    f"{self.tools.connection}: HubSpot refuses to read {known.schema.name}"
                    f"{f' by {key.name}' if key.name else ''} ({reason.code}: {reason.message})"
                )
            if len(group) == 1:
                missing += group
            else:
                middle = len(group) // 2
                waiting += [group[:middle], group[middle:]]
        return rows, missing

    def associated(
        self, known: Properties, to: str, ids: Sequence[str], *, enough: Callable[[Mapping[str, Any]], bool]
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """(record, association answer), 1,000 records per call; a long answer is read on until it is `enough`."""
        waiting: list[dict[str, Json]] = [{"id": id} for id in ids]
        while waiting:
            chunk, waiting = waiting[:ASSOCIATION_BATCH], waiting[ASSOCIATION_BATCH:]
            reply = self.wire.associations(known.object_type, to, {"inputs": list(chunk)})
            if not 200 <= reply.status < 300:
                reason = self.noted(reply, f"{to} of {known.object_type}")
                raise ConfigError(
                    f"{self.tools.connection}: HubSpot refuses to tell the {to} of {known.schema.name} "
                    f"({reason.code}: {reason.message})"
                )
            for association in answer_of(reply).get("results") or ():
                record = str(association["from"]["id"])
                yield record, association
                if not enough(association) and (after := next_page(association)):
                    waiting.append({"id": record, "after": after})

    def searched(self, known: Properties, body: Mapping[str, Json], *, by: str) -> list[Row]:
        """One page of a search."""
        reply = self.wire.search(known.object_type, body)
        if reply.status != 200:
            reason = self.noted(reply, f"search {known.object_type}")
            raise ConfigError(
                f"{self.tools.connection}: HubSpot refuses to search {known.schema.name} "
                f"by {by} ({reason.code}: {reason.message})"
            )
        return list(answer_of(reply).get("results") or ())

    def noted(self, reply: Reply, what: str) -> Refusal:
        """Why HubSpot refused, told in the log too."""
        said = payload(reply)
        reason = refusal(said)
        self.tools.notice(
            "hubspot_refused",
            what=what,
            status=reply.status,
            code=reason.code,
            correlation_id=said.get("correlationId") or reply.headers.get("x-hubspot-correlation-id"),
        )
        return reason

    def everything(
        self, known: Properties, body: Callable[[str | None], dict[str, Json]]
    ) -> Iterator[list[Row]]:
        """All pages of a search that goes on behind a record's id: `body(last id)`."""
        last: str | None = None
        while True:
            rows = self.searched(known, body(last), by="id")
            if rows:
                yield rows
            if len(rows) < SEARCH_PAGE:
                return
            last = str(rows[-1]["id"])
