"""What somebody may do at the dashboard: rights, the roles that people have, and the scopes that tokens have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum


class May(StrEnum):
    """One right. A page or an action needs exactly one."""

    REPORTS = "reports"  # figures of groups, nobody's name or words
    VIEW = "view"  # what npsync does: syncs, runs, connections
    PEOPLE = "people"  # who said what
    OPERATE = "operate"  # run, pause, retry, review, release, stop sends
    ADMIN = "admin"  # undo, reload


class Role(StrEnum):
    """What a person is."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"
    REPORTS = "reports"


_VIEWER = frozenset({May.REPORTS, May.VIEW, May.PEOPLE})
RIGHTS: Mapping[Role, frozenset[May]] = {
    Role.REPORTS: frozenset({May.REPORTS}),
    Role.VIEWER: _VIEWER,
    Role.OPERATOR: _VIEWER | {May.OPERATE},
    Role.ADMIN: _VIEWER | {May.OPERATE, May.ADMIN},
}
# A token may here what it may through the API, and nothing beside it: one for `apply` alone sees no page.
_BY_SCOPE: Mapping[str, frozenset[May]] = {
    "reports": frozenset({May.REPORTS}),
    "read": _VIEWER,
    "apply": frozenset({May.OPERATE}),
    "undo": frozenset({May.ADMIN}),
}


def rights_of(scopes: Iterable[str]) -> frozenset[May]:
    """What a token with these scopes may do at the dashboard."""
    return frozenset().union(*(_BY_SCOPE.get(scope, frozenset()) for scope in scopes))
