"""How one request wants a page of ours, and what it brings: language, place, form, and where it comes from."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from nps.errors import UnavailableError
from nps.phrases import LANGUAGES, accepted, choose
from npsync.asking.answering import Open
from npsync.logs import notice
from npsync.web.addresses import address_of
from npsync.web.pages import Pages
from npsync.web.problems import Problem

_FIELDS = 8  # of a form of ours, with room
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]", "::1")


@dataclass(frozen=True)
class Visit:
    """How one request wants the page: its language, and whether it stands inside another page."""

    path: str
    wanted: str | None  # the language its link asks for
    accepts: tuple[str, ...]
    embedded: bool

    def language_of(self, found: Open) -> str:
        """The link's, else the browser's if the question is asked in it, else the survey's own."""
        if self.wanted in LANGUAGES:
            return str(self.wanted)
        spoken = found.survey.spoken
        return choose([*self.accepts, found.survey.language], spoken)

    @property
    def language(self) -> str:
        """Where no survey is known."""
        return choose([self.wanted, *self.accepts])

    @property
    def action(self) -> str:
        """Where its forms go: here, in the same language and place."""
        query = {"lang": self.wanted} if self.wanted in LANGUAGES else {}
        if self.embedded:
            query["embed"] = "1"
        return self.path + (f"?{urlencode(query)}" if query else "")


def friendly(pages: Pages) -> type[APIRoute]:
    """Routes that tell a customer in words, not in JSON, that the store cannot be reached just now."""

    class Friendly(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            answer = super().get_route_handler()

            async def patiently(request: Request) -> Response:
                try:
                    return await answer(request)
                except UnavailableError as error:
                    notice("page_unavailable", page=self.path, problem=str(error))
                    return pages.busy(visit_of(request, pages).language, status=503)

            return patiently

    return Friendly


def visit_of(request: Request, pages: Pages) -> Visit:
    wanted = request.query_params.get("lang")
    return Visit(
        path=pages.root + quote(request.url.path),
        wanted=None if wanted is None else choose([wanted], LANGUAGES) if _speaks(wanted) else None,
        accepts=tuple(accepted(request.headers.get("accept-language", "")[:500])),
        embedded="embed" in request.query_params and bool(pages.look.embed_in),
    )


def _speaks(tag: str) -> bool:
    return tag.replace("_", "-").partition("-")[0].lower() in LANGUAGES


async def read_form(request: Request) -> dict[str, str]:
    """The text fields of a form. What is no form has none; files are not taken."""
    try:
        async with request.form(max_fields=_FIELDS, max_files=0) as form:
            return {name: value for name, value in form.items() if isinstance(value, str)}
    except Problem:
        raise
    except HTTPException:
        raise Problem(400, "the form cannot be read", code="bad_form") from None


def may_preview(request: Request) -> bool:
    """Somebody on this very machine: neither passed on by a proxy nor led here by a page from elsewhere."""
    passed_on = any(name in request.headers for name in ("x-forwarded-for", "forwarded", "via", "x-real-ip"))
    host = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
    return not passed_on and host in _LOOPBACK_NAMES and _is_loopback(address_of(request))


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
