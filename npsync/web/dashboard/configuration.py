"""The configuration as it was read, with what a check of the file says about it now. Secrets are hidden."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from nps.errors import ConfigError
from npsync.config import Config, ConfigProblems, load
from npsync.config.secrets import redact
from npsync.config.shown import as_read
from npsync.sign_in.roles import May
from npsync.web.dashboard.connections import last_check
from npsync.web.dashboard.house import House
from npsync.web.dashboard.syncs import served
from npsync.web.dashboard.tree import as_in_the_file, rows
from npsync.web.site import Site

CHECKED_FOR = 10.0  # seconds that a look at the file is good for


@dataclass(frozen=True)
class Looked:
    """The file as it is now: its fingerprint, when it was written, and what is wrong with it."""

    mark: str
    changed_at: datetime | None
    problems: Sequence[str]
    warnings: Sequence[str]


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()

    @routes.get("/config")
    def configuration(request: Request) -> Response:
        whose = house.visitor(request, May.VIEW)
        defaults = request.query_params.get("defaults") == "1"
        return house.page(
            "config.html",
            request,
            whose,
            title="Configuration",
            lines=rows(site.config, as_in_the_file(as_read(site.config)), defaults=defaults),
            defaults=defaults,
            file=str(site.config.file),
            name=site.config.file.name,
            looked=house.kept("the file", lambda: looked_at(site.config), CHECKED_FOR),
            served=served(site, house.now()),
            checked=last_check(site),
        )

    return routes


def looked_at(config: Config) -> Looked:
    """Read the file again, as `npsync check --offline` does."""
    try:
        found = config.file.read_bytes()
        changed = datetime.fromtimestamp(config.file.stat().st_mtime, UTC)
    except OSError as error:
        return Looked("", None, (f"{config.file}: {error.strerror}",), ())
    mark = hashlib.sha256(found).hexdigest()[:16]
    try:
        read = load(config.file)
    except ConfigProblems as wrong:
        return Looked(mark, changed, [redact(str(one)) for one in wrong.problems], ())
    except ConfigError as wrong:
        return Looked(mark, changed, [redact(str(wrong))], ())
    return Looked(mark, changed, (), [redact(str(one)) for one in read.warnings])
