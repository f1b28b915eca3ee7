"""Which connectors there are: whatever is registered under the entry point group, and nothing else."""

from __future__ import annotations

from contextlib import suppress
from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from connectors.contract import Connector
from nps.errors import ConfigError

GROUP = "npsync.connectors"


def names() -> tuple[str, ...]:
    """Every `type:` a connection may have, sorted. Imports no connector."""
    return tuple(sorted(_registered()))


def tellers() -> tuple[str, ...]:
    """The types that can tell people something, for who chose another. One that cannot be loaded is none of them; who
    uses it is told why."""
    found = []
    for name in names():
        with suppress(ConfigError):
            if load(name).alerter is not None:
                found.append(name)
    return tuple(found)


@cache
def load(name: str) -> Connector:
    """Import the connector behind a `type:`; ConfigError with a suggestion when there is none."""
    entry = _registered().get(name)
    if entry is None:
        raise ConfigError(f'there is no connector "{name}"; {_suggestion(name)}')
    try:
        connector = entry.load()
    except (ImportError, AttributeError) as error:
        package = entry.dist.name if entry.dist else entry.value
        raise ConfigError(f'the connector "{name}" of {package} cannot be loaded: {error}') from error
    if not isinstance(connector, Connector) or connector.name != name:
        raise ConfigError(
            f'the entry point "{name}" ({entry.value}) does not name a connector called "{name}"'
        )
    return connector


@cache
def _registered() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def _suggestion(name: str) -> str:
    close = get_close_matches(name, names(), n=1)
    if close:
        return f'did you mean "{close[0]}"?'
    return f"known types are {', '.join(names())}"
