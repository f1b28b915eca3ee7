"""/u/{id}: no more survey invitations, by one press of a button or by the mail program's own (RFC 8058).

A GET shows the button and does nothing: mail software opens the addresses it finds. A POST needs no cookie and no
reason, works as long as the invitation is remembered, and as often as it is made. Only the person's own act lifts it.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from nps.asking import Suppression, SuppressionReason, person_keys
from nps.phrases import LANGUAGES
from npsync.asking.answering import LINK
from npsync.web.addresses import place_of
from npsync.web.pages import Pages
from npsync.web.site import Site
from npsync.web.throttle import Throttle
from npsync.web.visits import Visit, friendly, read_form, visit_of

PAGE, ONE_CLICK = "page", "one_click"


def router(site: Site, pages: Pages) -> APIRouter:
    routes = APIRouter(include_in_schema=False, route_class=friendly(pages))
    presses, misses = Throttle(20, 20), Throttle(60, 60)

    def unknown(request: Request, visit: Visit) -> Response:
        if not misses.admits(place_of(request), site.clock.monotonic()):
            return pages.busy(visit.language)
        return pages.gone(visit.language, 404)

    @routes.api_route("/u/{id}", methods=["GET", "HEAD"])
    async def ask(id: str, request: Request) -> Response:
        visit = visit_of(request, pages)
        if not presses.admits(id, site.clock.monotonic()):
            return pages.busy(visit.language)
        if await run_in_threadpool(_keys, site, id) is None:
            return unknown(request, visit)
        words = LANGUAGES[visit.language]
        text = words.unsubscribe_text.format(company=pages.company(visit.language))
        return pages.said(
            words.unsubscribe_ask,
            [text],
            language=visit.language,
            button=words.unsubscribe_do,
            action=visit.action,
        )

    @routes.post("/u/{id}")
    async def unsubscribe(id: str, request: Request) -> Response:
        visit = visit_of(request, pages)
        if not presses.admits(id, site.clock.monotonic()):
            return pages.busy(visit.language)
        form = await read_form(request)
        keys = await run_in_threadpool(_keys, site, id)
        if keys is None:
            return unknown(request, visit)
        words, company = LANGUAGES[visit.language], pages.company(visit.language)
        if "mistake" in form:
            await run_in_threadpool(_lift, site, keys)
            text = words.resubscribed_text.format(company=company)
            return pages.said(words.resubscribed, [text], language=visit.language, done=True)
        source = ONE_CLICK if form.get("List-Unsubscribe") == "One-Click" else PAGE
        await run_in_threadpool(_suppress, site, keys, source)
        text = words.unsubscribed_text.format(company=company)
        return pages.said(
            words.unsubscribed,
            [text],
            language=visit.language,
            done=True,
            undo=True,
            action=visit.action,
        )

    return routes


def _keys(site: Site, id: str) -> tuple[str, ...] | None:
    """All names of the person this link was sent to."""
    invitation = site.store.invitation(id) if LINK.fullmatch(id) else None
    if invitation is None:
        return None
    record = person_keys(
        connection=invitation.connection, object=invitation.object, record_id=invitation.record_id
    )
    return tuple(dict.fromkeys((*record, *site.store.keys_of(id))))


def _suppress(site: Site, keys: Sequence[str], source: str) -> None:
    now = site.clock.now()
    site.store.suppress(
        [Suppression(key=key, reason=SuppressionReason.UNSUBSCRIBE, at=now, source=source) for key in keys]
    )


def _lift(site: Site, keys: Sequence[str]) -> None:
    """What was pressed on this page, and nothing that somebody else said."""
    now = site.clock.now()
    for one in site.store.suppressions(keys):
        if one.reason is SuppressionReason.UNSUBSCRIBE and one.source in (PAGE, ONE_CLICK):
            site.store.lift(one.key, one.reason, by="the person, on the page", now=now)
