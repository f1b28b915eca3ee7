"""What somebody asked for here and that is being done: decisions that a vendor has to be asked about, or written."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence

from fastapi import APIRouter, Request
from starlette.responses import Response

from npsync.actions.wanting import want
from npsync.roles import May
from npsync.web.dashboard.house import House
from npsync.web.dashboard.under_way import under_way
from npsync.web.dashboard.visitors import Visitor
from npsync.web.site import Site
from store.api import Action
from sync.job import rolled_up_sync

_MOST = 500  # answers named one by one: of more, everything that was decided is taken up


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()

    @routes.get("/review/doing")
    def doing(request: Request) -> Response:
        whose = house.visitor(request, May.PEOPLE)
        return house.page("doing.html", request, whose, title="Being done", doing=under_way(site))

    return routes


def want_link(
    site: Site, whose: Visitor, answer: str, record: str, *, only_this: bool, sync: str | None, key: str
) -> Action:
    """Raises ConfigError for what cannot be asked for."""
    arguments = {"answer": answer, "record": record, "only_this_answer": only_this, "sync": sync}
    return _want(site, whose, "link", arguments, key)


def want_taken_up(
    site: Site, whose: Visitor, again: Mapping[str, Sequence[int]], *, key: str = ""
) -> list[Action]:
    """Have these answers (sync → numbers) planned and written; of a roll-up's sync its accounts."""
    wanted = []
    for sync, numbers in again.items():
        rolled_up = rolled_up_sync(sync)
        name = rolled_up or sync
        if name not in site.config.sync:
            continue  # not in the YAML any more: nobody runs it
        arguments = {
            "sync": name,
            "answers": list(numbers) if len(numbers) <= _MOST else [],
            "roll_up": rolled_up is not None,
        }
        wanted.append(_want(site, whose, "take_up", arguments, f"{key}/{sync}" if key else ""))
    return wanted


def want_run(site: Site, whose: Visitor, sync: str, *, recheck: bool = False) -> Action:
    return _want(site, whose, "run", {"sync": sync, "recheck": recheck}, "")


def _want(site: Site, whose: Visitor, kind: str, arguments: Mapping[str, object], key: str) -> Action:
    action, _ = want(
        site.config,
        site.store,
        kind,
        arguments,
        who=whose.who,
        key=key or secrets.token_hex(8),
        now=site.clock.now(),
    )
    return action
