"""How a connection's calls went, told to whoever keeps its health."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from connectors.contract import Tools
from nps.errors import AccessError, UnavailableError


@contextmanager
def heard(tools: Tools) -> Iterator[None]:
    """One call: that it got through, or why not. Refusals of a row or a person are no failure of the connection."""
    try:
        yield
    except (AccessError, UnavailableError) as error:
        tools.went(error)
        raise
    tools.went(None)
