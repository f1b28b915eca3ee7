"""What each page, form and operation of the API takes: a new one is here, or the test says so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from dashboard_desk import Desk
from every_route import Route, routes
from peopled import YAML, Peopled, fill

from npsync.sign_in import tokens
from npsync.sign_in.roles import RIGHTS, May, Role

PAGES = {
    May.REPORTS: "/ /accounts /me /report /report.csv /report.json /report/comments",
    May.VIEW: "/actions/{action} /actions/{action}/live /activity /config /connections /connections/{name} "
    "/invitations /runs /runs/{run} /runs/{run}/live /syncs /syncs/{name}",
    May.PEOPLE: "/accounts/{connection}/{object_}/{record} /customers /customers/{connection}/{object_}/{record} "
    "/customers/{connection}/{record} /dead-letters /dead-letters/{letter} /decisions /follow-ups /held "
    "/invitations/asked /invitations/due /invitations/may-ask /invitations/not-asked /review /review/answers/{number} "
    "/review/doing /runs/{run}/answers /runs/{run}/changes /suppressions /waiting",
    May.OPERATE: "/invitations/sends /review/all",
    May.ADMIN: "/runs/{run}/undo",
}
FORMS = {
    May.REPORTS: "/sign-out",
    May.PEOPLE: "/customers /find /invitations/may-ask",
    May.OPERATE: "/connections/check /dead-letters/discard /dead-letters/retry /decisions/links /follow-ups/{act} "
    "/invitations/cancel /invitations/resume /invitations/stop /review/all /review/answers/{number}/link "
    "/review/answers/{number}/undo /review/answers/{number}/{act} /review/ticked /syncs/{name}/pause "
    "/syncs/{name}/plan /syncs/{name}/resume /syncs/{name}/run /syncs/{name}/verify",
    May.ADMIN: "/config/reload /runs/{run}/undo /runs/{run}/undo-plan /sessions/end",
}
READING = {
    "reports read": "/accounts /reports /reports/{survey}",
    "read": "/actions /config /connections /dead-letters /dead-letters/{number} /held /invitations /review /runs "
    "/runs/{number} /runs/{number}/changes /sending /suppressions /syncs /syncs/{name}",
    "read plan": "/actions/{number}/changes",
    "read plan apply undo": "/actions/{number}",
    "audit": "/audit",
}
WRITING = {
    "read": "/why",
    "apply": "/dead-letters/discard /dead-letters/retry /held/discard /held/release /invitations/{invitation}/cancel "
    "/review/ignore /review/link /sending/resume /sending/stop /syncs/{name}/pause /syncs/{name}/resume "
    "/syncs/{name}/run",
    "plan apply": "/syncs/{name}/plan /syncs/{name}/verify",
    "undo": "/runs/{number}/redo /runs/{number}/undo",
    "events": "/give-back /may-ask /sends",
    "surveys": "/pending",
}
API = "/api/v1"
ROLES = (Role.REPORTS, Role.VIEWER, Role.OPERATOR, Role.ADMIN)  # each may what the one before it may
FOR_ALL = {"/sign-in", "/sign-in/oidc", "/sign-in/oidc/back"}
APART = ("/api/", "/s/", "/u/", "/health", "/metrics", "/snippet.js", "/-/")
NOBODY = {"contact": rb"\b003[0-9A-Za-z]{12}", "address": rb"example\.com", "words": rb"Slow, but"}


def listed(table: dict[str, str] | dict[May, str], method: str, prefix: str = "") -> dict[Route, str]:
    return {
        Route(method, prefix + template): str(needs)
        for needs, templates in table.items()
        for template in templates.split()
    }


PAGE_NEEDS = listed(PAGES, "GET") | listed(FORMS, "POST")
OPERATION_NEEDS = listed(READING, "GET", API) | listed(WRITING, "POST", API)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("allowed")
    fill(Peopled(folder, migrated=migrated_sqlite)).store.close()
    made = Desk(folder, YAML)
    yield made
    made.store.close()


def test_every_page_and_form_is_listed_here_with_the_right_it_takes(desk: Desk):
    there = {
        one
        for one in routes(desk.web)
        if one.method != "HEAD" and one.template not in FOR_ALL and not one.template.startswith(APART)
    }
    assert there == PAGE_NEEDS.keys()


def test_every_operation_is_listed_here_with_the_scopes_it_takes(desk: Desk):
    there = {one for one in routes(desk.web) if one.template.startswith(API)}
    assert there == OPERATION_NEEDS.keys() | {Route("GET", f"{API}/openapi.json")}


@pytest.mark.parametrize("role", ROLES, ids=str)
def test_a_role_is_refused_what_it_has_no_right_to_and_nothing_else(desk: Desk, role: Role):
    desk.clock.advance(3600)
    desk.user(role, role)
    assert desk.enter(role).status == 303
    proof = desk.csrf("/me")
    lower = RIGHTS[ROLES[ROLES.index(role) - 1]] if role is not ROLES[0] else frozenset()
    for route, needs in PAGE_NEEDS.items():
        refused = needs not in RIGHTS[role]
        if needs in lower or (route.method == "POST" and not refused):
            continue  # a lower role showed it; what a form does is the matter of other tests
        form = {"csrf": proof, "reason": "x"}
        replied = desk.get(route.path) if route.method == "GET" else desk.post(route.path, form)
        assert (replied.status == 403) is refused, (route, replied.status)
    assert desk.store.actions() == []


@pytest.mark.parametrize("scope", tokens.SCOPES, ids=str)
def test_a_token_of_one_scope_opens_what_that_scope_is_for_and_nothing_else(desk: Desk, scope: str):
    desk.clock.advance(3600)
    headers = {
        "authorization": f"Bearer {desk.token(scope, name=f'one-{scope}')}",
        "content-type": "application/json",
    }
    for route, needs in OPERATION_NEEDS.items():
        replied = desk.caller.call(
            route.method, route.path, [b'{"nonsense": 1}'] * (route.method == "POST"), headers
        )
        assert (replied.status == 403) is (scope not in needs.split()), (route, replied.status)
    assert desk.store.actions() == []


def test_a_token_that_may_do_things_and_see_nobody_sees_nobody(desk: Desk):
    """Roles grow one out of another, scopes do not: this one may operate and undo without the right to look."""
    desk.clock.advance(3600)
    desk.cookies = {}
    assert desk.sign_in(desk.token("reports", "apply", "undo", name="blind")).status == 303
    for route, needs in PAGE_NEEDS.items():
        if route.method == "GET":
            replied = desk.get(route.path)
            assert (replied.status == 403) is (needs in (May.VIEW, May.PEOPLE)), route
            for what, looks in NOBODY.items():
                assert re.search(looks, replied.body) is None, (route, what)
