"""The report page and its files: what was asked for stands in the address."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from nps.errors import ConfigError
from nps.periods import Every
from nps.score import Segment
from npsync.reports import Compare, Report, Wish, exporting, nps_surveys, wish
from npsync.reports.comments import LONGEST, search
from npsync.reports.remarks import counting_of, least_said, themes_of
from npsync.reports.themes import Themes
from npsync.reports.wish import dimensions, guarded
from npsync.sign_in.roles import May
from npsync.syncing.jobs import target_of
from npsync.web.dashboard.asked import page_in
from npsync.web.dashboard.audit import looked_at_some
from npsync.web.dashboard.house import HEADERS, House
from npsync.web.dashboard.visitors import Visitor
from npsync.web.site import Site

_LATER = "These figures are being counted. Ask again in a few seconds."
_AGAIN = {**HEADERS, "Retry-After": "5"}


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()

    @routes.get("/report")
    def page(request: Request) -> Response:
        whose = house.visitor(request)
        asked = _asked(request)
        problem, shown = "", None
        try:
            wanted = wanted_of(site, asked, whose)
            shown = house.figures.report(wanted) if wanted is not None else None
        except ConfigError as error:
            problem = str(error)
        return house.page(
            "report.html",
            request,
            whose,
            status=422 if problem else 200,
            title="Report",
            shown=shown,
            report=shown.value if shown is not None else None,
            problem=problem,
            asked=asked,
            query=urlencode({name: value for name, value in asked.items() if value}),
            surveys=nps_surveys(site.config),
            dimensions=[name for name in dimensions(site.config) if name != "segment"],
            everies=[each.value for each in Every],
            compares={"previous": "the time right before", "year": "a year before", "none": "nothing"},
            zone=site.config.time_zone,
            now=house.now(),
        )

    @routes.get("/report/comments")
    def remarks(request: Request) -> Response:
        whose = house.visitor(request)
        asked, words = _asked(request), request.query_params.get("q", "").strip()[:LONGEST]
        segment = request.query_params.get("segment", "")
        wanted, problem, found, hits, missing = None, "", None, None, ""
        try:
            wanted = wanted_of(site, asked, whose)
        except ConfigError as error:
            problem = str(error)
        if wanted is not None:
            found, missing = house.kept(("themes", wanted), lambda: _themes(site, wanted))
        if wanted is not None and whose.can(May.PEOPLE):
            hits = search(
                site.store,
                counting_of(site.config, site.store, wanted),
                words,
                segment=Segment(segment) if segment in set(Segment) else None,
                page=page_in(request.query_params.get("page", "")),
            )
            looked_at_some(site, whose, "comments", len(hits.shown))
        link = {name: value for name, value in {**asked, "q": words, "segment": segment}.items() if value}
        return house.page(
            "comments.html",
            request,
            whose,
            status=422 if problem else 200,
            title="Comments",
            wanted=wanted,
            problem=problem,
            missing=missing,
            found=found,
            hits=hits,
            words=words,
            segment=segment,
            asked=asked,
            least=least_said(site.config, wanted) if wanted is not None else 0,
            connections={
                name: target_of(site.config, sync).connection for name, sync in site.config.sync.items()
            },
            query=urlencode({name: value for name, value in asked.items() if value}),
            link=lambda page: "?" + urlencode({**link, "page": page}),
            zone=site.config.time_zone,
            now=house.now(),
        )

    @routes.get("/report.csv")
    def as_csv(request: Request) -> Response:
        report = _for_file(request, house.visitor(request))
        if isinstance(report, Response):
            return report
        text = exporting.csv_text(exporting.COLUMNS, exporting.rows(report), bom=True)
        return _file(text.encode(), "text/csv; charset=utf-8", f"nps-{report.survey}.csv")

    @routes.get("/report.json")
    def as_json(request: Request) -> Response:
        report = _for_file(request, house.visitor(request))
        if isinstance(report, Response):
            return report
        return _file(orjson.dumps(exporting.as_json(report)), "application/json", f"nps-{report.survey}.json")

    def _for_file(request: Request, whose: Visitor) -> Report | Response:
        try:
            wanted = wanted_of(site, _asked(request), whose)
        except ConfigError as error:
            return Response(str(error), 422, media_type="text/plain", headers=HEADERS)
        if wanted is None:
            return Response("no survey measures an NPS", 404, media_type="text/plain", headers=HEADERS)
        report = house.figures.report(wanted).value
        return (
            report if report is not None else Response(_LATER, 503, media_type="text/plain", headers=_AGAIN)
        )

    return routes


def _themes(site: Site, wanted: Wish) -> tuple[Themes | None, str]:
    """The themes, or what is missing for them."""
    try:
        return themes_of(site.config, site.store, wanted), ""
    except ConfigError as error:
        return None, str(error)


def wanted_of(site: Site, asked: Mapping[str, str], whose: Visitor) -> Wish | None:
    """What the address asks for, as far as they may be told; None where there is no survey to ask about. Raises
    ConfigError."""
    surveys = nps_surveys(site.config)
    if not surveys:
        return None
    survey = asked["survey"] or surveys[0]
    today = site.clock.now().astimezone(site.config.time_zone).date()
    if not whose.can(May.PEOPLE):
        return guarded(site.config, survey, today=today, by=asked["by"] or None)
    return wish(
        site.config,
        survey,
        today=today,
        since=_day(asked["since"], "since"),
        until=_day(asked["until"], "until"),
        every=Every(asked["every"]) if asked["every"] in set(Every) else Every.MONTH,
        by=asked["by"] or None,
        compare=Compare(asked["compare"]) if asked["compare"] in set(Compare) else Compare.PREVIOUS,
    )


def _asked(request: Request) -> dict[str, str]:
    names = ("survey", "by", "since", "until", "every", "compare")
    return {name: request.query_params.get(name, "")[:200] for name in names}


def _day(text: str, name: str) -> date | None:
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 (a day has no zone)
    except ValueError:
        raise ConfigError(f"{name}: write a day like 2026-03-31") from None


def _file(body: bytes, kind: str, name: str) -> Response:
    named = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(body, media_type=kind, headers={**HEADERS, **named})
