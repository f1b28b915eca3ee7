"""One HubSpot account, as every part of a connection sees it: its calls, and its properties, asked for once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches

from connectors.calls import Reply
from connectors.contract import Tools
from connectors.hubspot.access import Prober
from connectors.hubspot.budget import DailyCalls
from connectors.hubspot.finding import SEARCH_PAGE, Row
from connectors.hubspot.properties import Properties, properties
from connectors.hubspot.replies import Refusal, answer_of, payload, refusal
from connectors.hubspot.wire import Wire
from nps.errors import ConfigError
from nps.values import Json


class Account:
    """Thread-safe."""

    def __init__(
        self, wire: Wire, prober: Prober, tools: Tools, daily: DailyCalls, close: Callable[[], None]
    ) -> None:
        self.wire = wire
        self.prober = prober
        self.tools = tools
        self.daily = daily
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
