"""What people ask of npsync at a page, and what became of it: a run now, a plan, a verification, an undo.

What takes long or asks a vendor is wanted here and done by `npsync serve`; a page shows that it waits, and what it came
to. What is quick is done at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from nps.errors import ConfigError
from npsync.actions.asking import ask_for
from npsync.sign_in.roles import May
from npsync.syncing.jobs import target_of
from npsync.web.dashboard import action_words, audit_words, run_words
from npsync.web.dashboard.asked import number
from npsync.web.dashboard.house import HEADERS, House
from npsync.web.dashboard.runs import connection_of, known
from npsync.web.dashboard.syncs import known_sync, served
from npsync.web.dashboard.visitors import Visitor, form_of
from npsync.web.site import Site
from store.api import Action

LONGEST_KEY = 80
_FLAGS = ("everything", "full", "recheck", "accept_breaker")


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()

    def wanted(
        request: Request, whose: Visitor, kind: str, arguments: Mapping[str, Any], back: str
    ) -> Response:
        """Remember what somebody wants; to its page. The key of the form makes a second press the same wish."""
        key = form_of(request).get("key", "")[:LONGEST_KEY]
        try:
            action, _ = ask_for(house.decider(whose), kind, arguments, key=key)
        except ConfigError as error:
            return house.back(whose, back, str(error), failed=True)
        house.changed()
        return RedirectResponse(f"{house.root}/actions/{action.number}", 303, headers=HEADERS)

    # ------------------------------------------------------------ of a sync

    @routes.post("/syncs/{name}/run")
    def run(request: Request, name: str) -> Response:
        whose = house.acting(request, May.OPERATE)
        known_sync(site, house, request, whose, name)
        form, at = form_of(request), f"/syncs/{quote(name, safe='')}"
        flags = {flag: True for flag in _FLAGS if form.get(flag) == "1"}
        if flags.get("accept_breaker") and form.get("typed", "").strip() != name:
            return house.back(whose, at, "The name was not typed as it is. Nothing was done.", failed=True)
        return wanted(request, whose, "run", {"sync": name, **flags}, at)

    @routes.post("/syncs/{name}/plan")
    def plan(request: Request, name: str) -> Response:
        whose = house.acting(request, May.OPERATE)
        known_sync(site, house, request, whose, name)
        flags = {"everything": True} if form_of(request).get("everything") == "1" else {}
        return wanted(request, whose, "plan", {"sync": name, **flags}, f"/syncs/{quote(name, safe='')}")

    @routes.post("/syncs/{name}/verify")
    def verify(request: Request, name: str) -> Response:
        whose = house.acting(request, May.OPERATE)
        known_sync(site, house, request, whose, name)
        return wanted(request, whose, "verify", {"sync": name}, f"/syncs/{quote(name, safe='')}")

    @routes.post("/config/reload")
    def reload(request: Request) -> Response:
        whose = house.acting(request, May.ADMIN)
        return wanted(request, whose, "reload", {}, "/config")

    # ------------------------------------------------------------ of a run

    @routes.get("/runs/{run}/undo")
    def look(request: Request, run: str) -> Response:
        whose = house.visitor(request, May.ADMIN)
        found = known(site, house, request, whose, run)
        kind = "redo" if found.kind == "undo" else "undo"
        foreseen = next(
            (
                one
                for one in site.store.actions(about=f"run {found.id}", limit=10)
                if one.kind == kind and one.arguments.get("plan") and not (one.outcome or {}).get("expired")
            ),
            None,
        )
        if foreseen is not None:
            note_foreseen(house, whose, foreseen)
        return house.page(
            "undo.html",
            request,
            whose,
            title=f"{'Redo' if found.kind == 'undo' else 'Undo'} run {found.id}",
            run=found,
            words=run_words,
            action=foreseen,
            connection=connection_of(site, found, site.store.wrote(found.id)),
            outcome=(foreseen.outcome or {}) if foreseen is not None else {},
            wrong=request.query_params.get("wrong") == "1",
            undone=site.store.undone_by(found.id),
            served=served(site, house.now()),
        )

    @routes.post("/runs/{run}/undo-plan")
    def undo_plan(request: Request, run: str) -> Response:
        whose = house.acting(request, May.ADMIN)
        found = known(site, house, request, whose, run)
        kind = "redo" if found.kind == "undo" else "undo"
        replied = wanted(request, whose, kind, {"run": found.id, "plan": True}, f"/runs/{found.id}/undo")
        to = f"{house.root}/runs/{found.id}/undo"
        return (
            RedirectResponse(to, 303, headers=HEADERS)
            if "/actions/" in replied.headers["location"]
            else replied
        )

    @routes.post("/runs/{run}/undo")
    def undo(request: Request, run: str) -> Response:
        whose = house.acting(request, May.ADMIN)
        found = known(site, house, request, whose, run)
        if form_of(request).get("typed", "").strip() != str(found.id):
            to = f"{house.root}/runs/{found.id}/undo?wrong=1#go"
            return RedirectResponse(to, 303, headers=HEADERS)
        kind = "redo" if found.kind == "undo" else "undo"
        return wanted(request, whose, kind, {"run": found.id}, f"/runs/{found.id}")

    # ------------------------------------------------------------ what became of it

    @routes.get("/actions/{action}")
    def one(request: Request, action: str) -> Response:
        whose = house.visitor(request, May.VIEW)
        found = known_action(site, house, request, whose, action)
        outcome = found.outcome or {}
        note_foreseen(house, whose, found)
        return house.page(
            "action.html",
            request,
            whose,
            title=action_words.title(found),
            action=found,
            outcome=outcome,
            words=run_words,
            said=action_words,
            connection=_connection(site, found),
            run=site.store.run(found.run) if found.run is not None else None,
            served=served(site, house.now()),
        )

    @routes.get("/actions/{action}/live")
    def live(request: Request, action: str) -> Response:
        """The line that moves while it waits or is done; then the whole page is told to load anew."""
        whose = house.visitor(request, May.VIEW)
        found = known_action(site, house, request, whose, action)
        if found.stand not in action_words.UNFINISHED:
            return Response(status_code=204, headers={**HEADERS, "HX-Refresh": "true"})
        return house.part("action-line.html", action=found)

    return routes


def note_foreseen(house: House, whose: Visitor, action: Action) -> None:
    """That somebody read the values which a plan, also that of an undo, would write or leave alone."""
    outcome = action.outcome or {}
    foresees = action.kind == "plan" or action.arguments.get("plan")
    if foresees and (outcome.get("records") or outcome.get("conflicts")) and whose.can(May.PEOPLE):
        house.noted(whose, audit_words.READ_PLAN, action.about, action=action.number)


def _connection(site: Site, action: Action) -> str:
    """Whose records a sync's plan names."""
    spec = site.config.sync.get(action.about)
    return target_of(site.config, spec).connection if spec is not None else ""


def known_action(site: Site, house: House, request: Request, whose: Visitor, text: str) -> Action:
    """The action with this number. Raises Away where there is none."""
    wanted = number(text)
    found = None if wanted is None else site.store.action(wanted)
    if found is None:
        raise house.not_known(
            request, whose, f"Nobody asked for anything under the number {text[:20]}.", title="No such action"
        )
    return found
