"""Pages for people: the three systems, a search, and a record as a CRM would show it."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.applications import Starlette

from sandbox.toy import House, Toy


def app(toys: Mapping[str, Toy], house: House) -> Starlette:
    return Starlette()
