"""Syncs: how each goes, when it runs next, what it writes, and the buttons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from starlette.responses import Response

from npsync.sign_in.roles import May
from npsync.syncing.jobs import target_of
from npsync.web.dashboard import mapping_words, run_words
from npsync.web.dashboard.house import House
from npsync.web.dashboard.needs import SEEN
from npsync.web.dashboard.visitors import Visitor
from npsync.web.site import Site
from store.api import Action, Due, RunRow
from store.api.scheduling import Serving
from sync.job import roll_up_of

RECENT = 24  # runs of a sync's chart
LATE = timedelta(minutes=5)  # so long after its due time a sync is late


@dataclass(frozen=True)
class Glance:
    """One sync as a line: its word, its last run, when it is due, and what it leaves to people."""

    name: str
    word: str
    kind: str  # of the word: good, asks, failed, busy, quiet
    target: str
    schedule: str
    last: RunRow | None
    due: Due | None
    paused: bool
    late: bool
    left: Mapping[str, int]

    @property
    def due_at(self) -> datetime | None:
        return None if self.due is None or self.paused else self.due.due_at


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()

    @routes.get("/syncs")
    def syncs(request: Request) -> Response:
        whose = house.visitor(request, May.VIEW)
        return house.page(
            "syncs.html",
            request,
            whose,
            title="Syncs",
            glances=glances(site, house.now()),
            words=run_words,
            served=served(site, house.now()),
        )

    @routes.get("/syncs/{name}")
    def one(request: Request, name: str) -> Response:
        whose = house.visitor(request, May.VIEW)
        known_sync(site, house, request, whose, name)
        spec = site.config.sync[name]
        [glance] = glances(site, house.now(), [name])
        return house.page(
            "sync.html",
            request,
            whose,
            title=name,
            name=name,
            glance=glance,
            words=run_words,
            runs=site.store.runs(sync=name, kind="run", limit=RECENT),
            others=others(site, name),
            actions=under_way(site, name),
            served=served(site, house.now()),
            mapping=mapping_words.shown(site.config, name),
            rules=mapping_words.rules(site.config, name),
            conditions=mapping_words.conditions(site.config, name),
            connection=target_of(site.config, spec).connection,
            sources=list(site.config.sources_of(spec.survey)),
            survey=spec.survey,
            file=site.config.file.name,
            line=site.config.place(("sync", name)).line,
            by_yaml=spec.paused,
        )

    return routes


def known_sync(site: Site, house: House, request: Request, whose: Visitor, name: str) -> None:
    """Raises Away where the YAML has no such sync."""
    if name not in site.config.sync:
        raise house.not_known(
            request, whose, f'The YAML has no sync "{name[:80]}".', title="No such sync", next="npsync check"
        )


def glances(site: Site, now: datetime, names: Sequence[str] | None = None) -> list[Glance]:
    wanted = list(site.config.sync) if names is None else list(names)
    due = site.store.due(wanted)
    left: dict[str, dict[str, int]] = {name: {} for name in wanted}
    for each in site.store.left_to_people(wanted):
        left[each.sync][each.state] = each.answers
    return [_glance(site, name, due.get(name), left[name], now) for name in wanted]


def _glance(site: Site, name: str, due: Due | None, left: Mapping[str, int], now: datetime) -> Glance:
    spec = site.config.sync[name]
    target = target_of(site.config, spec)
    last = next(iter(site.store.runs(sync=name, kind="run", limit=1)), None)
    paused = spec.paused or (due is not None and due.paused)
    late = not paused and due is not None and now - due.taken_at > LATE
    word, kind = _word(last, paused, late)
    return Glance(
        name=name,
        word=word,
        kind=kind,
        target=f"{target.connection} {target.object}",
        schedule=mapping_words.schedule(spec),
        last=last,
        due=due,
        paused=paused,
        late=late,
        left=left,
    )


def _word(last: RunRow | None, paused: bool, late: bool) -> tuple[str, str]:
    if last is not None and last.status == "running":
        return "running", "busy"
    if paused:
        return "paused", "asks"
    if last is not None and last.status in ("failed", "stopped"):
        return last.status, "failed"
    if late:
        return "late", "asks"
    if last is None:
        return "never ran", "quiet"
    return ("needs a look", "asks") if last.status == "partial" else ("fine", "good")


def others(site: Site, name: str) -> list[RunRow]:
    """The latest that was done beside the runs themselves: accounts, undos, verifications."""
    beside = [
        one for kind in ("undo", "redo", "verify") for one in site.store.runs(sync=name, kind=kind, limit=3)
    ]
    beside += site.store.runs(sync=roll_up_of(name), limit=3)
    return sorted(beside, key=lambda run: run.id, reverse=True)[:5]


def under_way(site: Site, name: str) -> list[Action]:
    """What people asked of this sync and was not done yet, and what was done last."""
    return site.store.actions(about=name, limit=3)


def served(site: Site, now: datetime) -> Sequence[Serving]:
    """The processes that do what is due and what is asked for, as far as they were seen lately."""
    return [one for one in site.store.serving() if now - one.seen_at < SEEN]
