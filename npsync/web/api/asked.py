"""What every operation of the API checks of a request before it does anything: the site it is for, and that nothing is
in it that nobody reads. A misspelt filter that was ignored would answer another question than was asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, cast

from fastapi import Depends, Path, Query, Request
from fastapi.dependencies.models import Dependant
from pydantic import AwareDatetime, StringConstraints

from npsync.web.bearers import needing
from npsync.web.problems import Problem, faults
from npsync.web.site import Site
from store.api import TokenRow

MOST_NUMBER = 2**63 - 1  # what a database keeps of a number
SHOWN, MOST_SHOWN = 50, 200
NO_CONTROL = r"^[^\x00-\x1f\x7f]*$"  # PostgreSQL keeps no NUL, and no name has any of the others

JSON_TYPES = "application/json"


def here(request: Request) -> Site:
    return cast(Site, request.app.state.site)


def strict(request: Request) -> None:
    """Raises Problem for a parameter that is not known, or given twice, and for a body that is no JSON."""
    known = set(_query(request.scope["route"].dependant))
    given = [name for name, _ in request.query_params.multi_items()]
    wrong = {name: "is not known here" for name in given if name not in known}
    wrong |= {name: "is given more than once" for name in known if given.count(name) > 1}
    if wrong:
        # A name that is not known is the caller's own text: it is told back only where it looks like a name.
        raise faults({name if _is_name(name) else "?": said for name, said in wrong.items()})
    if request.method in ("POST", "PUT", "PATCH") and _has_body(request) and not _is_json(request):
        raise Problem(
            415,
            "send the body as JSON, with the header Content-Type: application/json",
            code="not_json",
            headers={"Accept": JSON_TYPES},
        )


def _query(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for one in dependant.dependencies:
        yield from _query(one)


def _is_name(text: str) -> bool:
    return len(text) <= 40 and text.isascii() and text.replace("_", "").isalnum()


def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == JSON_TYPES or kind.endswith("+json")


Here = Annotated[Site, Depends(here)]
Reader = Annotated[TokenRow, Depends(needing("read"))]

Limit = Annotated[int, Query(ge=1, le=MOST_SHOWN, description="How many to show at most.", examples=[SHOWN])]
From = Annotated[
    str | None,
    Query(
        alias="cursor",
        max_length=500,
        description="Where to go on: the `cursor` in the `next` of the page before. Take it as it is.",
    ),
]
Since = Annotated[
    AwareDatetime | None,
    Query(description="Not earlier than this: a time with a zone.", examples=["2026-03-02T00:00:00Z"]),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_CONTROL)]
OfSync = Annotated[
    Name | None, Query(alias="sync", description="Only of this sync.", examples=["nps-to-contacts"])
]
SyncName = Annotated[
    Name, Path(alias="name", description="The sync, as the YAML names it.", examples=["nps-to-contacts"])
]
Number = Annotated[int, Path(ge=1, le=MOST_NUMBER, description="Its number.", examples=[41])]
