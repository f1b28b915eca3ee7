"""Connections: how each is, what is left of its calls, what it is used for, and what its credential may do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from connectors.paced import Standing, standing
from nps.values import Json
from npsync.actions.asking import ask_for
from npsync.checking import access
from npsync.config import Config
from npsync.config.shown import as_read
from npsync.operating.calls import Quota, quotas
from npsync.operating.connection_health import ACCESS, BUDGET, Health, health_of
from npsync.sign_in.roles import May
from npsync.syncing.jobs import target_of
from npsync.web.dashboard import bars
from npsync.web.dashboard.house import HEADERS, House
from npsync.web.dashboard.syncs import served
from npsync.web.dashboard.tree import in_one_piece, rows
from npsync.web.dashboard.visitors import form_of
from npsync.web.site import Site
from store.api import Action

_FIRST = {"missing": 0, "untested": 1, "excess": 2}
LOOKED = 50  # latest actions among which the last check is found


@dataclass(frozen=True)
class Connected:
    """One connection as a page shows it."""

    name: str
    title: str
    word: str
    kind: str  # of the word: good, asks, failed, quiet
    health: Health
    quota: Quota
    uses: tuple[tuple[str, str], ...]  # (what for, address of its page or "")
    tested: Mapping[str, Json]  # what the last check said of its credential

    @property
    def grants(self) -> list[Mapping[str, Json]]:
        """What the last check said of each permission, what needs somebody first."""
        found = self.tested.get("grants")
        told = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
        return sorted(told, key=lambda one: _FIRST.get(str(one.get("verdict")), len(_FIRST)))

    @property
    def missing(self) -> int:
        """Permissions the last check found missing."""
        return sum(one.get("verdict") == "missing" for one in self.grants)


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()

    @routes.get("/connections")
    def connections(request: Request) -> Response:
        whose = house.visitor(request, May.VIEW)
        checked = last_check(site)
        return house.page(
            "connections.html",
            request,
            whose,
            title="Connections",
            connected=connected(site, house.now(), checked),
            checked=checked,
        )

    @routes.get("/connections/{name}")
    def one(request: Request, name: str) -> Response:
        whose = house.visitor(request, May.VIEW)
        if name not in site.config.connections:
            said = f'The YAML has no connection "{name[:80]}".'
            raise house.not_known(request, whose, said, title="No such connection", next="npsync check")
        checked = last_check(site)
        [found] = [each for each in connected(site, house.now(), checked) if each.name == name]
        told = in_one_piece(as_read(site.config)["connections"][name])
        return house.page(
            "connection.html",
            request,
            whose,
            title=name,
            one=found,
            checked=checked,
            to_grant=access.to_grant(site.config, name),
            settings=rows(site.config, told, ("connections", name)),
            calls=bars.days_chart(found.quota.days),
            paces=paces_of(site, name, house.now()),
            served=served(site, house.now()),
            file=site.config.file.name,
            line=site.config.place(("connections", name)).line,
        )

    @routes.post("/connections/check")
    def check(request: Request) -> Response:
        whose = house.acting(request, May.OPERATE)
        action, _ = ask_for(house.decider(whose), "check", {}, key=form_of(request).get("key", "")[:80])
        return RedirectResponse(f"{house.root}/actions/{action.number}", 303, headers=HEADERS)

    return routes


def paces_of(site: Site, name: str, now: datetime) -> list[tuple[str, Standing]]:
    """What binds its calls, of all processes together: (for which calls, how it stands)."""
    found = ((each, standing(state, now)) for each, state in site.store.paces_of(name).items())
    return [(each.partition("/")[2], one) for each, one in found if one.binds]


def connected(site: Site, now: datetime, checked: Action | None) -> list[Connected]:
    health = health_of(site.store, list(site.config.connections), now)
    outcome = (checked.outcome or {}) if checked is not None else {}
    granted = outcome.get("granted")
    tested = granted if isinstance(granted, dict) else {}
    made = []
    for quota in quotas(site.config, site.store, now):
        name = quota.connection
        word, kind = health_said(health[name], quota, now)
        said = tested.get(name)
        made.append(
            Connected(
                name=name,
                title=site.config.connections[name].connector.title,
                word=word,
                kind=kind,
                health=health[name],
                quota=quota,
                uses=tuple(uses(site.config, name)),
                tested=said if isinstance(said, dict) else {},
            )
        )
    return made


def health_said(health: Health, quota: Quota, now: datetime) -> tuple[str, str]:
    """How a connection is, in a word or two, and which kind of word."""
    if health.refused(now) is not None:
        return "credential refused", "failed"
    trouble = health.trouble
    if trouble is not None:
        return {ACCESS: "credential refused", BUDGET: "calls spent"}.get(trouble.kind, "does not answer"), (
            "asks" if trouble.kind == BUDGET else "failed"
        )
    if quota.told is not None and quota.told.allowance.left <= 0 and now - quota.told.at < bars.A_DAY:
        return "calls spent", "asks"
    return ("works", "good") if health.fine_at is not None else ("never called", "quiet")


def uses(config: Config, name: str) -> Sequence[tuple[str, str]]:
    """What a connection is for: (in words, the page of it)."""
    found: list[tuple[str, str]] = []
    for sync, spec in config.sync.items():
        if name in config.sources_of(spec.survey):
            found.append((f"answers for {sync}", f"/syncs/{sync}"))
        if target_of(config, spec).connection == name:
            found.append((f"records of {sync}", f"/syncs/{sync}"))
    for survey, given in config.surveys.items():
        if any(way.use == name for way in given.through):
            found.append((f"asks {survey}", "/invitations"))
    for trigger, rule in config.triggers.items():
        if rule.event is not None and rule.event.connection == name:
            found.append((f"events for {trigger}", "/invitations"))
        if rule.audience is not None and rule.audience.connection == name:
            found.append((f"people of {trigger}", "/invitations"))
    found += [("alerts", "") for alert in config.alerts if alert.connection == name]
    return list(dict.fromkeys(found))


def last_check(site: Site) -> Action | None:
    """The last check of the live systems that somebody asked for and that was done."""
    found = site.store.actions(about="", limit=LOOKED)
    return next((one for one in found if one.kind == "check" and (one.outcome or {}).get("granted")), None)
