"""The inbox for people: a list, and each mail with both of its bodies."""

from __future__ import annotations

from typing import Protocol

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from sandbox.mail.message import Mail
from sandbox.toy import NoSuchRecord, Show

_MOST_LISTED = 200
# A stranger's HTML: it may show itself and open its links in another tab, nothing else.
_CAGED = {
    "Content-Security-Policy": "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "style-src 'unsafe-inline'; img-src data:",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Mails(Protocol):
    def mails(self) -> list[Mail]: ...

    def mail(self, id: str) -> Mail: ...


def routes(inbox: Mails, show: Show) -> list[Route]:
    def one(request: Request) -> Mail:
        try:
            return inbox.mail(request.path_params["id"])
        except NoSuchRecord:
            raise HTTPException(404) from None

    async def listed(request: Request) -> Response:
        return show("mails.html", mails=inbox.mails()[: -_MOST_LISTED - 1 : -1])

    async def mail(request: Request) -> Response:
        found = one(request)
        return show(
            "mail.html", mail=found, text=found.part("plain"), html=found.part("html"), links=found.links()
        )

    async def html(request: Request) -> Response:
        body = one(request).part("html") or ""
        return HTMLResponse(f'<base target="_blank">{body}', headers=_CAGED)

    async def raw(request: Request) -> Response:
        return PlainTextResponse(one(request).raw.decode("utf-8", "replace"), headers=_CAGED)

    return [
        Route("/", listed),
        Route("/{id}", mail),
        Route("/{id}/html", html),
        Route("/{id}/raw", raw),
    ]
