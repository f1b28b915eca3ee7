"""/s/preview/{survey}/mail: the mail of a survey as it would be sent, to look at. Nothing is recorded or sent."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from connectors.mail.rendering import Rendered, Templates, example, render
from connectors.mail.settings import MailSettings
from nps.asking import StepKind
from npsync.web.pages import Pages
from npsync.web.site import Site
from npsync.web.visits import may_preview, visit_of

# The mail's own inline styles, which mail programs need, and nothing else; pictures as in a mail.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src https:; base-uri 'none'; frame-ancestors 'none'"
)


def router(site: Site, pages: Pages) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.api_route("/s/preview/{survey}/mail", methods=["GET", "HEAD"])
    async def mail(survey: str, request: Request) -> Response:
        """`?lang=de`, `?reminder`, and `?text` for the plain text part with its subject."""
        spec = site.config.surveys.get(survey)
        visit = visit_of(request, pages)
        if spec is None or not spec.ask or not may_preview(request):
            return pages.gone(visit.language, 404)
        place = f"http://{request.headers['host']}{pages.root}"
        kind = StepKind.REMINDER if "reminder" in request.query_params else StepKind.ASK
        made = await run_in_threadpool(_mail, site, survey, visit.wanted, kind, place)
        if "text" in request.query_params:
            return Response(f"Subject: {made.subject}\n\n{made.text}", media_type="text/plain")
        return Response(made.html, media_type="text/html", headers={"Content-Security-Policy": _POLICY})

    return routes


def _mail(site: Site, name: str, language: str | None, kind: StepKind, place: str) -> Rendered:
    """To a person who does not exist. Raises ConfigError for a template that needs a fact of a real event."""
    survey = site.config.surveys[name]
    said = survey.said(language)
    message = example(
        kind=kind,
        survey=name,
        metric=survey.metric.value,
        language=said.language,
        ask=said.ask,
        labels=said.labels,
        link=f"{place}/s/preview/{name}",
        unsubscribe=f"{place}/u/preview",
        deadline=site.clock.now() + survey.expires if survey.expires else None,
    )
    templates = _templates(site, name)
    return render(message, site.config.branding, templates=templates, zone=site.config.time_zone)


def _templates(site: Site, name: str) -> Templates:
    """Those of the first mail connection it goes through, else ours."""
    for way in site.config.surveys[name].through:
        settings = site.config.connections[way.use].settings
        if isinstance(settings, MailSettings):
            return Templates.of(settings.templates, site.config.file.absolute().parent)
    return Templates.ours()
