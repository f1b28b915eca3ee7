"""What `alerts:` and `report.digests` say of other parts of the file: connections that can tell, surveys and groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors import registry
from mapping.reporting import BUILT_IN, OWNER
from npsync.config.crosscheck import Known, unknown
from npsync.config.problems import Path, meant_or_known
from npsync.config.wording import Found


def alertcheck(known: Known) -> Iterator[Found]:
    given = known.document.value.get("alerts")
    for at, alert in enumerate(given if isinstance(given, list) else ()):
        if isinstance(alert, dict):
            yield from _teller(known, alert, ("alerts", at))
            yield from _surveys(known, alert, ("alerts", at))
            yield from _groups(known, alert, ("alerts", at))
            yield from _of_no_use(alert, ("alerts", at))
    digests = known.section("report").get("digests")
    audiences: set[str] = set()
    for at, digest in enumerate(digests if isinstance(digests, list) else ()):
        path: Path = ("report", "digests", at)
        if not isinstance(digest, dict):
            continue
        yield from _teller(known, digest, path)
        yield from _surveys(known, digest, path)
        yield from _groups(known, digest, path)
        audience = digest.get("audience")
        if isinstance(audience, str):
            if audience in audiences:
                message = f'there is a digest for "{audience}" already; give each a name of its own'
                yield Found((*path, "audience"), "audience_twice", message)
            audiences.add(audience)


def _teller(known: Known, given: Mapping[str, Any], path: Path) -> Iterator[Found]:
    name = given.get("connection")
    place: Path = (*path, "connection")
    if not isinstance(name, str) or not known.is_set(place):
        return
    if name not in known.section("connections"):
        yield unknown("connection", name, known.section("connections"), place)
        return
    connector = known.connectors.get(name)
    if connector is None:
        return
    if connector.alerter is None:
        said = f'"{name}" ({connector.title}) cannot tell anybody anything'
        yield Found(place, "no_alerts", f"{said}; these types can: {', '.join(registry.tellers())}")
    elif known.section("connections")[name].get("type") == "mail" and not given.get("to"):
        yield Found(path, "to_whom", f'"{name}" sends mail: say to whom (to: alerts@example.com)')


def _surveys(known: Known, given: Mapping[str, Any], path: Path) -> Iterator[Found]:
    surveys = known.section("surveys")
    names = given.get("surveys")
    for at, name in enumerate(names if isinstance(names, list) else ()):
        place = (*path, "surveys", at)
        if not isinstance(name, str):
            continue
        if name not in surveys:
            yield unknown("survey", name, surveys, place)
        elif isinstance(surveys[name], dict) and surveys[name].get("metric", "nps") != "nps":
            message = f'the survey "{name}" measures {surveys[name]["metric"]}, and only an NPS is reported'
            yield Found(place, "other_metric", message)


def _groups(known: Known, given: Mapping[str, Any], path: Path) -> Iterator[Found]:
    by = known.section("report").get("by")
    owned = "report" in known.document.value and any(
        isinstance(each, dict) and "owner" in each for each in known.section("people").values()
    )
    names = [
        *(name for name in BUILT_IN if name != "segment"),
        *([OWNER] if owned else []),
        *(str(name) for name in (by if isinstance(by, dict) else ())),
    ]
    wanted = given.get("by")
    for at, name in enumerate(wanted if isinstance(wanted, list) else ()):
        if isinstance(name, str) and name not in names:
            hint = meant_or_known(name, names)
            message = f'there is no group "{name}"{hint}; report.by names more'
            yield Found((*path, "by", at), "unknown_group", message)


def _of_no_use(alert: Mapping[str, Any], path: Path) -> Iterator[Found]:
    on = alert.get("on")
    if isinstance(on, list) and "fall" not in on:
        for key in ("surveys", "by", "over"):
            if key in alert:
                yield Found((*path, key), "of_falls", "says which falls are told, and `on` has no fall")
    if isinstance(on, list) and "more_than" in alert and not {"dead_letters", "review"} & set(map(str, on)):
        message = "says how many may wait, and `on` has neither dead_letters nor review"
        yield Found((*path, "more_than"), "of_queues", message)
