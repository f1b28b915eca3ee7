"""What somebody asked for on these pages, and how it stands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from nps.values import Json
from npsync.web.site import Site
from store.api import Action, Stand

KINDS = ("link", "take_up")
_TOLD = timedelta(minutes=2)  # so long an ended one is shown


def under_way(site: Site) -> list[Action]:
    """Those of everybody that are not done, and those that ended a moment ago; of what was done again and again the
    latest alone."""
    now, shown = site.clock.now(), list[Action]()
    for one in site.store.actions(limit=20):
        if one.kind not in KINDS or (one.ended_at is not None and now - one.ended_at >= _TOLD):
            continue
        again = one.stand is Stand.DONE and any(
            (one.kind, one.about) == (late.kind, late.about) for late in shown
        )
        if not again:
            shown.append(one)
    return shown


def told(action: Action) -> str:
    """How it stands, in words."""
    outcome: Mapping[str, Json] = action.outcome or {}
    what = (
        f"{action.about.removeprefix('answer ')} → {action.arguments.get('record')}"
        if action.kind == "link"
        else f"{action.about}: what was decided"
    )
    match action.stand:
        case Stand.WANTED | Stand.DOING:
            return f"{what} is being written"
        case Stand.FAILED:
            return f"{what}: {outcome.get('problem') or 'it did not work'}"
        case Stand.DONE:
            return f"{what}: done" + (f", run {action.run}" if action.run is not None else "")
