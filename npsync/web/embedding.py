"""The script that shows a survey inside your product, in a frame. Which one: `npsync.web.api.pending`."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from starlette.responses import Response

from npsync.web.site import Site

_KEPT = "public, max-age=3600"  # its address stays, its content may change


def router(site: Site) -> APIRouter:
    routes = APIRouter()
    script = (Path(__file__).parent / "static" / "snippet.js").read_bytes()

    @routes.api_route("/snippet.js", methods=["GET", "HEAD"], include_in_schema=False)
    async def snippet() -> Response:
        headers = {"Cache-Control": _KEPT, "Cross-Origin-Resource-Policy": "cross-origin"}
        return Response(script, media_type="text/javascript", headers=headers)

    return routes
