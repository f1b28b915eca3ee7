"""Which stages of a pipeline are closed: what HubSpot says of them, never what they are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.contract import Clock
from connectors.hubspot.account import Account
from connectors.hubspot.replies import answer_of
from nps.errors import ConfigError

_FRESH = 3 * 3600.0  # seconds


class Stages:
    """The ticket pipelines, read again every few hours, and when a ticket is in a stage that is not known."""

    def __init__(self, account: Account, clock: Clock) -> None:
        self._account = account
        self._clock = clock
        self._closed: dict[str, bool] = {}
        self._labels: dict[str, str] = {}
        self._read_at: float | None = None

    def is_closed(self, stage: str | None) -> bool:
        if stage is None:
            return False
        if self._read_at is None or self._clock.monotonic() - self._read_at > _FRESH:
            self._read()
        if stage not in self._closed:
            self._read()
            self._closed.setdefault(stage, False)  # a stage of a deleted pipeline is asked for once
        return self._closed[stage]

    def label(self, stage: str | None) -> str:
        """What people call it."""
        self.is_closed(stage)
        return self._labels.get(stage or "", stage or "")

    def _read(self) -> None:
        account = self._account
        reply = account.wire.pipelines("tickets")
        if reply.status != 200:
            reason = account.noted(reply, "pipelines of tickets")
            raise ConfigError(
                f"{account.tools.connection}: HubSpot does not tell the pipelines of tickets "
                f"({reason.code}: {reason.message})"
            )
        pipelines = answer_of(reply).get("results") or ()
        stages = [stage for pipeline in pipelines for stage in pipeline.get("stages") or ()]
        self._closed = {str(stage["id"]): _says_closed(stage.get("metadata") or {}) for stage in stages}
        self._labels = {str(stage["id"]): str(stage.get("label") or stage["id"]) for stage in stages}
        self._read_at = self._clock.monotonic()


def _says_closed(metadata: Mapping[str, Any]) -> bool:
    if state := metadata.get("ticketState"):
        return str(state).upper() == "CLOSED"
    return str(metadata.get("isClosed", "")).lower() == "true"
