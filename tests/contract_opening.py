"""Connectors opened for a contract suite: by their registered names, with tools that never wait."""

from __future__ import annotations

from datetime import UTC, datetime

from contract_place import Given, Place, sandbox_now
from fake_clock import FakeClock, fake_tools

from connectors import registry
from connectors.contract import Destination, EventSource, Source, Tools


def contract_tools(connection: str = "contract") -> Tools:
    """A clock that starts at the real time, as the sandbox's does, and never waits."""
    return fake_tools(connection, clock=FakeClock(datetime.now(UTC)))


def sandbox_tools(place: Place, connection: str = "contract") -> Tools:
    """The same by the sandbox's clock, which other tests have moved: a tool is asked for what came until now."""
    return fake_tools(connection, clock=FakeClock(sandbox_now(place)))


def open_source(name: str, given: Given, tools: Tools | None = None) -> Source:
    connector = registry.load(name)
    assert connector.source is not None
    return connector.source(connector.settings.model_validate(given), tools or contract_tools())


def open_destination(name: str, given: Given, tools: Tools | None = None) -> Destination:
    connector = registry.load(name)
    assert connector.destination is not None
    return connector.destination(connector.settings.model_validate(given), tools or contract_tools())


def open_events(name: str, given: Given, tools: Tools) -> EventSource:
    connector = registry.load(name)
    assert connector.events is not None
    return connector.events(connector.settings.model_validate(given), tools)
