"""Since when each trigger is followed: while it was not in the YAML its events and turns asked nobody, not even later.

A stop of npsync itself is something else: what happened meanwhile is caught up with. Both look alike to a cursor, so
the triggers of each round are remembered, and one that was not there the last time begins now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from store.api.ledger import Ledger
from triggers.desk import Desk
from triggers.report import Round

FOLLOWED = "followed"  # the name under which the store remembers: trigger → since when, "" for always


def followed(desk: Desk, told: Round) -> Desk:
    """The desk with triggers that know since when they are followed. Those that begin now are told."""
    now = desk.clock.now()
    known = _known(desk.store)
    since = {name: "" if known is None else known.get(name, now.isoformat()) for name in desk.rules}
    if since != known:
        begin = set() if known is None else since.keys() - known.keys()
        _forget_where_nobody_watched(desk, begin)
        desk.store.switch(FOLLOWED, {**since})
        for name in sorted(begin):
            told.begun.append(name)
            desk.notice("trigger_begins", trigger=name, since=since[name])
    # Whole seconds: many vendors stamp no finer, and what happens in the second a trigger begins is its business.
    moments = {name: datetime.fromisoformat(at).replace(microsecond=0) for name, at in since.items() if at}
    rules = {name: replace(rule, since=moments.get(name)) for name, rule in desk.rules.items()}
    return replace(desk, rules=rules)


def none_is_followed(store: Ledger) -> None:
    """The YAML has no trigger (any more): should one come back, it begins then."""
    if _known(store):
        store.switch(FOLLOWED, {})


def _known(store: Ledger) -> Mapping[str, str] | None:
    """None: npsync never followed any."""
    known = store.switches().get(FOLLOWED)
    return {str(name): str(at) for name, at in known.items()} if isinstance(known, dict) else None


def _forget_where_nobody_watched(desk: Desk, begin: set[str]) -> None:
    """A connection that only triggers watch which begin now is polled from now on, as if for the first time: what
    happened there while nobody watched is not even read."""
    for connection in desk.watched:
        if {rule.name for rule in desk.rules.values() if rule.connection == connection} <= begin:
            desk.store.forget_event_cursor(connection)
