"""Fields that are written for people who may not read them."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.contract import Destination
from connectors.provisioning import KnowsReaders
from npsync.checking.access import needs_of
from npsync.checking.findings import Finding
from npsync.config import Config
from npsync.config.problems import Path
from npsync.syncing.jobs import target_of

NOT_READ, NOT_KNOWN = "not_read_by_account_managers", "account_managers_not_known"
WARNINGS = frozenset({NOT_READ, NOT_KNOWN})
"""Codes of what works, and that nobody sees: they fail nothing."""


def readers(config: Config, connection: str, destination: Destination) -> Iterator[Finding]:
    if not isinstance(destination, KnowsReaders):
        return
    shown = dict(_shown(config, connection))
    needs = needs_of(config, connection)
    written = {object: sorted(names) for object, names in {**needs.write, **needs.history}.items()}
    path: Path = ("connections", connection)
    unread = destination.unread(written)
    if unread is None:
        return
    if unread.unknown:
        message = f"whether account managers see the fields is not known: {unread.unknown}"
        yield Finding((*path, "account_managers"), NOT_KNOWN, message)
        return
    for object, names in unread.fields.items():
        for name in names:
            message = (
                f"{object}.{name} is written, but not readable by account managers ({unread.who}); to grant it: "
                f"npsync provision {connection}"
            )
            yield Finding(shown.get((object, name), path), NOT_READ, message)


def _shown(config: Config, connection: str) -> Iterator[tuple[tuple[str, str], Path]]:
    """Where the file says that a field is written."""
    for sync, spec in config.sync.items():
        target = target_of(config, spec)
        if target.connection != connection:
            continue
        path: Path = ("sync", sync)
        yield from (((target.object, name), (*path, "fields", name)) for name in spec.fields)
        if spec.history is not None:
            kept, at = spec.history.object, (*path, "history", "fields")
            yield from (((kept, name), (*at, name)) for name in spec.history.fields)
        link = config.people[spec.to].account if isinstance(spec.to, str) else None
        if spec.account is not None and link is not None:
            at = (*path, "account", "fields")
            yield from (((link.object, name), (*at, name)) for name in spec.account.fields)
