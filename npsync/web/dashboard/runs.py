"""Runs: what each came to, said in words, and every field it changed."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from nps.errors import ConfigError
from npsync.config import Config
from npsync.sign_in.roles import May
from npsync.syncing.jobs import target_of
from npsync.web.dashboard import run_words
from npsync.web.dashboard.asked import asked, number
from npsync.web.dashboard.house import HEADERS, House
from npsync.web.dashboard.visitors import Visitor
from npsync.web.site import Site
from npsync.words import sync_text
from store.api import RunRow, State
from store.api.values import Wrote

RUNS, CHANGES, ANSWERS = 30, 50, 50  # a page of each
FIRST = 8  # changes shown with the run itself
NO_RUN = "npsync runs lists the runs that there are"


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()

    @routes.get("/runs")
    def runs(request: Request) -> Response:
        whose = house.visitor(request, May.VIEW)
        filters = asked(request, "sync", "kind", "status", "since", root=house.root)
        problem = ""
        try:
            since = since_of(site.config, filters["since"])
        except ConfigError as error:
            problem, since = str(error), None
        found = site.store.runs(
            sync=filters["sync"] or None,
            kind=filters["kind"] if filters["kind"] in run_words.KINDS else None,
            status=filters["status"] if filters["status"] in run_words.STATUSES else None,
            since=since,
            before=filters.before,
            limit=RUNS + 1,
        )
        return house.page(
            "runs.html",
            request,
            whose,
            status=422 if problem else 200,
            title="Runs",
            asked=filters,
            problem=problem,
            runs=found[:RUNS],
            last=found[RUNS - 1].id if len(found) > RUNS else None,
            syncs=list(site.config.sync),
            words=run_words,
        )

    @routes.get("/runs/{run}")
    def one(request: Request, run: str) -> Response:
        whose = house.visitor(request, May.VIEW)
        found = known(site, house, request, whose, run)
        wrote = site.store.wrote(found.id)
        first = site.store.journal_page(found.id, limit=FIRST) if whose.can(May.PEOPLE) else []
        note_read(site, house, whose, "changes", found.id, len(first))
        return house.page(
            "run.html",
            request,
            whose,
            title=f"Run {found.id}",
            run=found,
            words=run_words,
            sync=run_words.sync_of(found),
            is_there=run_words.sync_of(found) in site.config.sync,
            progress=site.store.progress_of(found.id) if found.status == "running" else None,
            accepted=sync_text.accepted(found),
            wrote=wrote,
            changes=first,
            undone=site.store.undone_by(found.id),
            connection=connection_of(site, found, wrote),
        )

    @routes.get("/runs/{run}/live")
    def live(request: Request, run: str) -> Response:
        """The part of the page that moves. When the run has ended, the whole page is told to load anew."""
        whose = house.visitor(request, May.VIEW)
        found = known(site, house, request, whose, run)
        if found.status != "running":
            return Response(status_code=204, headers={**HEADERS, "HX-Refresh": "true"})
        return house.part("run-live.html", run=found, progress=site.store.progress_of(found.id))

    @routes.get("/runs/{run}/changes")
    def changes(request: Request, run: str) -> Response:
        whose = house.visitor(request, May.PEOPLE)
        found = known(site, house, request, whose, run)
        filters = asked(request, "outcome", "record", "field", root=house.root)
        outcome = filters["outcome"] if filters["outcome"] in run_words.OUTCOMES else None
        listed = site.store.journal_page(
            found.id,
            outcome=outcome,
            record=filters["record"] or None,
            field=filters["field"] or None,
            after=number(request.query_params.get("after", "")) or 0,
            limit=CHANGES + 1,
        )
        note_read(site, house, whose, "changes", found.id, len(listed[:CHANGES]))
        return house.page(
            "run-changes.html",
            request,
            whose,
            title=f"Changes of run {found.id}",
            run=found,
            words=run_words,
            asked=filters,
            after=request.query_params.get("after", ""),
            changes=listed[:CHANGES],
            last=listed[CHANGES - 1].number if len(listed) > CHANGES else None,
            fields=fields_of(site.config, found),
            connection=connection_of(site, found, site.store.wrote(found.id)),
        )

    @routes.get("/runs/{run}/answers")
    def answers(request: Request, run: str) -> Response:
        whose = house.visitor(request, May.PEOPLE)
        found = known(site, house, request, whose, run)
        filters = asked(request, "state", root=house.root)
        state = State(filters["state"]) if filters["state"] in set(State) else State.WRITTEN
        listed, on = site.store.run_answers(found.id, state, before=filters.before, limit=ANSWERS)
        counted = run_words.states(found).get(state.value)
        note_read(site, house, whose, "answers", found.id, len(listed))
        return house.page(
            "run-answers.html",
            request,
            whose,
            title=f"Answers of run {found.id}",
            run=found,
            words=run_words,
            asked=filters,
            state=state.value,
            counted=counted if isinstance(counted, int) else None,
            answers=listed,
            last=on,
            connection=connection_of(site, found, site.store.wrote(found.id)),
            account_states=run_words.states(found),
        )

    return routes


def known(site: Site, house: House, request: Request, whose: Visitor, text: str) -> RunRow:
    """The run with this number. Raises Away where there is none."""
    wanted = number(text)
    found = None if wanted is None else site.store.run(wanted)
    if found is None:
        raise house.not_known(
            request, whose, f"There is no run {text[:20]}.", title="No such run", next=NO_RUN
        )
    return found


def note_read(site: Site, house: House, whose: Visitor, page: str, run: int, people: int) -> None:
    """That somebody looked at what people answered, or at their records."""
    if people:
        site.store.note_audit(whose.who, f"read {page}", f"run {run}", {"people": people}, now=house.now())


def connection_of(site: Site, run: RunRow, wrote: list[Wrote]) -> str:
    """Whose records the run wrote: as the journal has it, else as the YAML says now."""
    if wrote:
        return wrote[0].connection
    spec = site.config.sync.get(run_words.sync_of(run))
    return target_of(site.config, spec).connection if spec is not None else ""


def fields_of(config: Config, run: RunRow) -> list[str]:
    """The fields that can be filtered by: those the YAML maps now."""
    spec = config.sync.get(run_words.sync_of(run))
    if spec is None:
        return []
    if run_words.sync_of(run) != run.sync:
        return sorted(spec.account.fields) if spec.account is not None else []
    return sorted(spec.fields)


def since_of(config: Config, text: str) -> datetime | None:
    """The first moment of a day in the business zone. Raises ConfigError."""
    if not text:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d")  # noqa: DTZ007 (the zone is the next step)
    except ValueError:
        raise ConfigError("since: write a day like 2026-03-31") from None
    if day.year < 1970:
        raise ConfigError("since: npsync was not there yet")
    return day.replace(tzinfo=config.time_zone)
