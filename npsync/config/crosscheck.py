"""What takes more than one key to see: names that must exist, and syncs that would fight each other.

Works on the raw values, so that a reference is checked even while its block has other problems.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from connectors.contract import Connector, Settings
from npsync.config.document import Document
from npsync.config.problems import Path, meant_or_known
from npsync.config.wording import Found

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_RESERVED_CONNECTION = "npsync"  # answers given on our own page come from it


@dataclasses.dataclass(frozen=True)
class Known:
    """What the file names, valid or not, and the connectors that could be loaded."""

    document: Document
    connectors: Mapping[str, Connector]  # by connection
    settings: Mapping[str, Settings] = dataclasses.field(default_factory=dict)  # of those without problem

    def section(self, name: str) -> dict[str, Any]:
        found = self.document.value.get(name)
        return {str(key): value for key, value in found.items()} if isinstance(found, dict) else {}

    def is_set(self, path: Path) -> bool:
        return id(self.document.node(path)) not in self.document.unset


def crosscheck(known: Known) -> Iterator[Found]:
    yield from _names(known)
    yield from _connections(known)
    yield from _people(known)
    yield from _surveys(known)
    yield from _syncs(known)
    yield from _writers(known)


def _names(known: Known) -> Iterator[Found]:
    for section in ("connections", "people", "surveys", "sync", "triggers"):
        for name in known.section(section):
            if not _NAME.fullmatch(name):
                message = "a name starts with a letter or digit and holds letters, digits, - _ and ."
                yield Found((section, name), "bad_name", message)
    if _RESERVED_CONNECTION in known.section("connections"):
        message = 'the name "npsync" is kept for answers given on our own page; choose another'
        yield Found(("connections", _RESERVED_CONNECTION), "bad_name", message)


def _connections(known: Known) -> Iterator[Found]:
    for name, given in known.section("connections").items():
        if not isinstance(given, dict):
            continue
        address = given.get("base_url")
        if isinstance(address, str) and given.get("allow_http") is not True and is_plain_http(address):
            message = (
                "http:// would send credentials unencrypted; use https://, or say allow_http: true "
                "when the network is yours"
            )
            yield Found(("connections", name, "base_url"), "plain_http", message)


def is_plain_http(address: str) -> bool:
    parts = urlsplit(address)
    if parts.scheme.lower() != "http":
        return False
    host = parts.hostname or ""
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host != "localhost" and not host.endswith(".localhost")


def _people(known: Known) -> Iterator[Found]:
    for name in known.section("people"):
        yield from _destination(known, name, ("people", name))


def _surveys(known: Known) -> Iterator[Found]:
    claimed: dict[tuple[str, str | None], Path] = {}
    for name, given in known.section("surveys").items():
        if not isinstance(given, dict):
            continue
        for path, connection, ids in _places_asked(given.get("at"), ("surveys", name, "at")):
            yield from _tool(known, connection, path)
            yield from _meaning(known, name, given, path, connection)
            yield from _claims(known.document, claimed, path, connection, ids)
        for at, way in enumerate(_items(given.get("through"))):
            if isinstance(way, dict) and isinstance(way.get("use"), str):
                yield from _connection(known, way["use"], ("surveys", name, "through", at, "use"))


def _meaning(
    known: Known, name: str, survey: Mapping[str, Any], path: Path, connection: str
) -> Iterator[Found]:
    """A support rating that is taken for an NPS makes detractors of happy people."""
    metric, connector = survey.get("metric", "nps"), known.connectors.get(connection)
    if connector is not None and connector.metrics and metric not in connector.metrics:
        place = ("surveys", name, "metric") if "metric" in survey else path
        wanted = " or ".join(connector.metrics)
        yield Found(
            place,
            "other_metric",
            f"the scores of {connection} ({connector.title}) are {wanted} and never {metric}; say metric: "
            f"{connector.metrics[0]}",
        )


def _places_asked(at: Any, path: Path) -> Iterator[tuple[Path, str, list[str | None]]]:
    if isinstance(at, dict):
        for connection, ids in at.items():
            listed = ids if isinstance(ids, list) else [ids]
            yield (*path, str(connection)), str(connection), [str(each) for each in listed]
    for place, connection in enumerate(_items(at)):
        if isinstance(connection, str):
            yield (*path, place), connection, [None]


def _claims(
    document: Document,
    claimed: dict[tuple[str, str | None], Path],
    path: Path,
    connection: str,
    ids: list[str | None],
) -> Iterator[Found]:
    """An answer belongs to one survey: no id twice, and no id of a connection that is taken whole."""
    for each in ids:
        whole = (connection, None)
        rivals = (
            [(connection, each), whole]
            if each is not None
            else [key for key in claimed if key[0] == connection]
        )
        first = next((claimed[key] for key in rivals if key in claimed), None)
        if first is None:
            claimed[connection, each] = path
            continue
        what = f'survey "{each}" of {connection}' if each is not None else f"every survey of {connection}"
        if first[1] == path[1]:
            yield Found(path, "listed_twice", f"{what} is listed twice; once is enough")
        else:
            line = document.place(first).line
            yield Found(path, "survey_taken_twice", f"{what} already belongs to {first[1]} (line {line})")


def _syncs(known: Known) -> Iterator[Found]:
    surveys = known.section("surveys")
    for name, given in known.section("sync").items():
        if not isinstance(given, dict):
            continue
        path: Path = ("sync", name)
        survey = given.get("survey")
        if isinstance(survey, str) and known.is_set((*path, "survey")):
            if survey not in surveys:
                yield unknown("survey", survey, surveys, (*path, "survey"))
            elif isinstance(surveys[survey], dict) and not (
                surveys[survey].get("at") or surveys[survey].get("ask")
            ):
                message = (
                    f'survey "{survey}" names no connection in `at` and has no `ask` for our own page, '
                    "so no answer ever arrives"
                )
                yield Found((*path, "survey"), "no_answers", message)
        yield from _receiver(known, given.get("to"), (*path, "to"))
        if "verify" in given and (why := _why_write_only(known, given)):
            yield Found((*path, "verify"), "not_read_back", f"there is nothing to compare with: {why}")


def write_only_syncs(known: Known) -> Iterator[Found]:
    """Syncs that write where nobody can see what others wrote: a warning each."""
    for name, given in known.section("sync").items():
        if isinstance(given, dict) and (why := _why_write_only(known, given)):
            message = (
                "what others write there is overwritten unseen, and a run cannot be undone or verified: "
                + why
            )
            yield Found(("sync", name, "to"), "not_read_back", message)


def _why_write_only(known: Known, sync: Mapping[str, Any]) -> str:
    """Why the records of a sync cannot be read back; "" when they can."""
    to = sync.get("to")
    name = to.get("connection") if isinstance(to, dict) else to
    connector, settings = known.connectors.get(str(name)), known.settings.get(str(name))
    return connector.write_only.why(settings) if connector is not None and settings is not None else ""


def _receiver(known: Known, to: Any, path: Path) -> Iterator[Found]:
    people = known.section("people")
    if isinstance(to, str) and known.is_set(path) and to not in people:
        if to in known.section("connections"):
            message = (
                f'there is no people.{to}; say there which object of "{to}" holds people, and how they match'
            )
            yield Found(path, "unknown_people", message)
        else:
            yield unknown("people", to, people, path)
    if isinstance(to, dict) and isinstance(to.get("connection"), str):
        yield from _destination(known, to["connection"], (*path, "connection"))


def _writers(known: Known) -> Iterator[Found]:
    """Two syncs that write one field would overwrite each other for ever."""
    first: dict[tuple[str, str, str], Path] = {}
    for connection, object, path in _written(known):
        field = str(path[-1])
        # Salesforce and HubSpot do not tell upper from lower case in names
        rival = first.setdefault((connection, object.lower(), field.lower()), path)
        if rival is not path:
            line = known.document.place(rival).line
            message = f"{rival[1]} (line {line}) already writes {field} of {object} in {connection}; keep one"
            yield Found(path, "written_twice", message)


def _written(known: Known) -> Iterator[tuple[str, str, Path]]:
    """(connection, object, where it says so) of every field that a sync writes, on people or on their accounts."""
    people = known.section("people")
    for name, given in known.section("sync").items():
        if not isinstance(given, dict):
            continue
        to = given.get("to")
        connection = to.get("connection") if isinstance(to, dict) else to
        block = to if isinstance(to, dict) else people.get(to) if isinstance(to, str) else None
        if not isinstance(connection, str) or not isinstance(block, dict):
            continue
        for object, fields, path in (
            (block.get("object"), given.get("fields"), ("sync", name, "fields")),
            (
                _map(block.get("account")).get("object"),
                _map(given.get("account")).get("fields"),
                ("sync", name, "account", "fields"),
            ),
        ):
            if isinstance(object, str):
                for field in _map(fields):
                    yield connection, object, (*path, str(field))


def _map(given: Any) -> Mapping[Any, Any]:
    return given if isinstance(given, dict) else {}


# ---------------------------------------------------------------- one reference


def _connection(known: Known, name: str, path: Path) -> Iterator[Found]:
    if name not in known.section("connections") and known.is_set(path):
        yield unknown("connection", name, known.section("connections"), path)


def _tool(known: Known, name: str, path: Path) -> Iterator[Found]:
    """Where a survey is answered, or where it has an id because the tool sends it."""
    yield from _connection(known, name, path)
    connector, settings = known.connectors.get(name), known.settings.get(name)
    sends = connector.sends(settings) if connector is not None and settings is not None else None
    if connector is not None and connector.source is None and not (sends and sends.needs_survey_id):
        yield Found(path, "not_a_source", f'"{name}" ({connector.title}) has no survey answers to read')


def _destination(known: Known, name: str, path: Path) -> Iterator[Found]:
    yield from _connection(known, name, path)
    connector = known.connectors.get(name)
    if connector is not None and connector.destination is None:
        yield Found(path, "not_a_destination", f'"{name}" ({connector.title}) has no records to write to')


def unknown(what: str, name: str, names: Iterable[str], path: Path) -> Found:
    names = list(names)
    section = {"survey": "surveys", "connection": "connections", "people": "people"}[what]
    message = f'there is no "{name}" in {section}{meant_or_known(name, names)}'
    return Found(path, f"unknown_{what}", message)


def _items(given: Any) -> list[Any]:
    return given if isinstance(given, list) else []
