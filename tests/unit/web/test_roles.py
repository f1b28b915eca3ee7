"""What roles and scopes allow at the dashboard."""

from __future__ import annotations

from itertools import pairwise

from npsync.sign_in.roles import RIGHTS, May, Role, rights_of


def test_every_role_may_what_the_one_below_it_may():
    order = [Role.REPORTS, Role.VIEWER, Role.OPERATOR, Role.ADMIN]
    for lower, higher in pairwise(order):
        assert RIGHTS[lower] < RIGHTS[higher]
    assert RIGHTS[Role.ADMIN] == frozenset(May)


def test_figures_alone_are_for_reports():
    assert RIGHTS[Role.REPORTS] == rights_of(["reports"]) == {May.REPORTS}


def test_a_token_may_what_its_scopes_say_and_nothing_beside():
    assert rights_of(["read"]) == RIGHTS[Role.VIEWER]
    assert rights_of(["apply"]) == {May.OPERATE}
    assert rights_of(["read", "apply", "undo"]) == RIGHTS[Role.ADMIN]
    assert rights_of(["events", "surveys", "plan", "nonsense"]) == frozenset()
