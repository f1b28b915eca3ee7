"""/u/{id}: no more survey invitations, by one press of a button or by the mail program's own (RFC 8058).

A GET shows the button and does nothing: mail software opens the addresses it finds. A POST needs no cookie and no
reason, works as long as the invitation is remembered, and as often as it is made. Only the person's own act lifts it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from nps.asking import Suppression, SuppressionReason, person_keys
from nps.phrases import LANGUAGES
from npsync.web.answering import LINK
from npsync.web.pages import Pages
from npsync.web.site import Site
from npsync.web.throttle import Throttle
from npsync.web.visits import Visit, caller_of, read_form, visit_of

PAGE, ONE_CLICK = "page", "one_click"


def router(site: Site, pages: Pages) -> APIRouter:
    routes = APIRouter(include_in_schema=False)
    presses, misses = Throttle(20, 20), Throttle(60, 60)

    def shown(
        visit: Visit,
        heading: str,
        paragraphs: Sequence[str],
        *,
        status: int = 200,
        button: str = "",
        undo: bool = False,
        done: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        return pages.reply(
            "said.html",
            language=visit.language,
            status=status,
            headers=headers,
            heading=heading,
            paragraphs=paragraphs,
            button=button,
            undo=undo,
            done=done,
            action=visit.action,
        )

    def refused(id: str, request: Request, visit: Visit, throttle: Throttle) -> Response | None:
        words = LANGUAGES[visit.language]
        if throttle.admits(id, site.clock.monotonic()):
            return None
        return shown(visit, words.busy, [words.busy_text], status=429, headers={"Retry-After": "60"})

    def unknown(request: Request, visit: Visit) -> Response:
        words = LANGUAGES[visit.language]
        if (busy := refused(caller_of(request), request, visit, misses)) is not None:
            return busy
        return shown(visit, words.gone, [words.gone_text], status=404)

    @routes.api_route("/u/{id}", methods=["GET", "HEAD"])
    async def ask(id: str, request: Request) -> Response:
        visit = visit_of(request, pages)
        if (busy := refused(id, request, visit, presses)) is not None:
            return busy
        if await run_in_threadpool(_keys, site, id) is None:
            return unknown(request, visit)
        words = LANGUAGES[visit.language]
        text = words.unsubscribe_text.format(company=pages.company(visit.language))
        return shown(visit, words.unsubscribe_ask, [text], button=words.unsubscribe_do)

    @routes.post("/u/{id}")
    async def unsubscribe(id: str, request: Request) -> Response:
        visit = visit_of(request, pages)
        if (busy := refused(id, request, visit, presses)) is not None:
            return busy
        form = await read_form(request)
        keys = await run_in_threadpool(_keys, site, id)
        if keys is None:
            return unknown(request, visit)
        words, company = LANGUAGES[visit.language], pages.company(visit.language)
        if "mistake" in form:
            await run_in_threadpool(_lift, site, keys)
            text = words.resubscribed_text.format(company=company)
            return shown(visit, words.resubscribed, [text], done=True)
        source = ONE_CLICK if form.get("List-Unsubscribe") == "One-Click" else PAGE
        await run_in_threadpool(_suppress, site, keys, source)
        text = words.unsubscribed_text.format(company=company)
        return shown(visit, words.unsubscribed, [text], done=True, undo=True)

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
