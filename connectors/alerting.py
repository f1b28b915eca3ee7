"""Telling somebody at once, where a connector can: a channel, a mailbox, an address of a program.

Part of the contract (`connectors.contract` re-exports it).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Alert:
    """One message to people. Everything in it is plain text and may hold what a customer wrote: a connector escapes it
    as its vendor needs it. `key` is the same for the same occasion, for vendors that know duplicates.

    `comment` is there only where the YAML says share_comments. `to` is a channel or an address, "" for the
    connection's own; `owner_email` is whom it concerns, for vendors that can mention people.
    """

    key: str
    title: str = field(repr=False)
    facts: Sequence[tuple[str, str]] = field(default=(), repr=False)  # (name, value): "Account", "Acme"
    text: str = field(default="", repr=False)
    comment: str = field(default="", repr=False)
    links: Sequence[tuple[str, str]] = field(default=(), repr=False)  # (what it is, URL)
    to: str = field(default="", repr=False)
    owner_email: str | None = field(default=None, repr=False)


class Alerter(Protocol):
    def alert(self, alert: Alert) -> str:
        """Hand it over; the vendor's id of it, or "". RejectedError when the vendor refuses it as it is, AccessError,
        ConfigError, UnavailableError or BudgetError when it was not taken, FateUnknown (connectors.calls) when nobody
        knows: such an alert is not repeated."""
        ...

    def close(self) -> None: ...
