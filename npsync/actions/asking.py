"""Asking for what takes long, at a page, through the API or on the command line: remembered, and noted once."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from npsync.actions.wanting import want

if TYPE_CHECKING:
    from npsync.deciding.deciders import Decider
    from store.api import Action

_TOLD_BY_ITS_SUBJECT = ("sync", "run", "answer")


def ask_for(
    decider: Decider, kind: str, arguments: Mapping[str, Any], *, key: str = ""
) -> tuple[Action, bool]:
    """The action, and whether it is new: with the same `key` it is the same. Raises ConfigError for what cannot be
    asked for."""
    given = key or secrets.token_urlsafe(16)
    facts = {name: value for name, value in arguments.items() if value and name not in _TOLD_BY_ITS_SUBJECT}
    return want(
        decider.config,
        decider.store,
        kind,
        arguments,
        who=decider.who,
        key=given,
        now=decider.now,
        noted=facts,
    )
