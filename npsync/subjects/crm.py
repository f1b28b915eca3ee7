"""What npsync wrote and made in CRMs for one person: planned, then taken back.

A field is emptied where the record still shows what npsync wrote. Everything is compared with what is there now, so
that doing it again after a kill does what is left and nothing twice; nothing of it goes through the journal, which
would remember what it is to forget.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from connectors.contract import Destination, why_write_only
from connectors.creating import Entry, GivesTasks, KeepsHistory, KeepsLists, Task
from nps.changes import Batch, Change, Outcome, Rejected, Written
from nps.errors import ConfigError, RejectedError
from nps.values import Json
from store.api.subjects import Holdings, Place

if TYPE_CHECKING:
    from npsync.config import Config
    from npsync.opening import Opened
    from store.api import Store

_IN_DOUBT = ("open", "unknown")  # stages in which something may be there of which nobody has an id


@dataclass(frozen=True)
class Fields:
    """Fields of one record that still show what npsync wrote."""

    place: Place
    before: Mapping[str, Json] = field(repr=False)
    after: Mapping[str, Json] = field(repr=False)


@dataclass(frozen=True)
class Creation:
    """One thing npsync made: a history record, a task, a place on a list."""

    kind: str
    connection: str
    object: str
    id: str  # the vendor's; of a place on a list the record's
    slot: str = ""  # the list


@dataclass(frozen=True)
class CrmPlan:
    fields: tuple[Fields, ...] = ()
    made: tuple[Creation, ...] = ()
    left: tuple[str, ...] = ()  # what cannot be done from here, for a person to do

    @property
    def is_empty(self) -> bool:
        return not (self.fields or self.made)


def planned(
    config: Config, store: Store, records: Sequence[Place], held: Holdings, connections: Opened
) -> CrmPlan:
    """Looks at every record and for everything of which nobody knows whether it was made. Raises what CRMs raise."""
    left: list[str] = []
    fields = [
        one for place in records for one in _fields(config, store, place, connections, left) if one.after
    ]
    made = list(_made(config, held, connections, left))
    return CrmPlan(tuple(fields), tuple(made), tuple(dict.fromkeys(left)))


@dataclass(frozen=True)
class TakenBack:
    """Fields emptied, things deleted, and what a CRM refused: where it is, and why."""

    fields: int = 0
    made: int = 0
    refused: tuple[str, ...] = ()


def carried_out(plan: CrmPlan, connections: Opened) -> TakenBack:
    """Do it. Gone already counts as done."""
    fields, made = 0, 0
    refused: list[str] = []
    for one in plan.fields:
        why = list(_cleared(one, connections.destination(one.place.connection)))
        fields += 0 if why else len(one.after)
        refused += why
    for creation in plan.made:
        why = list(_taken_away(creation, connections.destination(creation.connection)))
        made += not why
        refused += why
    return TakenBack(fields, made, tuple(refused))


# ------------------------------------------------------------ fields


def _fields(
    config: Config, store: Store, place: Place, connections: Opened, left: list[str]
) -> Iterator[Fields]:
    if place.connection not in config.connections:
        left.append(f"{place.connection}: not in the YAML any more; what npsync wrote there stays")
        return
    if place.shared:
        return  # other people's answers are on it: the next run shows those
    destination = connections.destination(place.connection)
    ours = store.confirmed(place.connection, place.object, [place.id]).get(place.id, {})
    policy = config.contact_policy
    people = config.people.get(place.connection)
    shadows = set(policy.written_fields) if people is not None and people.object == place.object else set()
    if not ours and not shadows:
        return
    if why := why_write_only(destination):
        left.append(
            f"{place.connection}: nobody can look there, so what npsync wrote is emptied unseen ({why})"
        )
    known = destination.describe(place.object).fields
    names = sorted((ours.keys() | shadows) & known.keys())
    for record in destination.get(place.object, [place.id], names, {}):
        live = {name: record.fields.get(name) for name in names}
        empty = {name: _empty(destination, place.object, name) for name in names}
        after = {
            name: empty[name]
            for name in names
            if live[name] != empty[name] and live[name] is not None
            if name in shadows or live[name] == ours.get(name)
        }
        kept = sorted(
            name
            for name in ours
            if name in live and name not in after and live[name] not in (None, empty[name])
        )
        left += [f"{place.connection} {place.object}.{name}: somebody changed it; it stays" for name in kept]
        yield Fields(
            Place(place.connection, place.object, record.id), {name: live[name] for name in after}, after
        )


def _empty(destination: Destination, object: str, name: str) -> Json:
    """How the vendor shows an empty field: a checkbox shows false."""
    try:
        return destination.canonical(object, name)(None)
    except RejectedError:
        return None


def _cleared(one: Fields, destination: Destination) -> Iterable[str]:
    place = one.place
    change = Change(
        id=1, object=place.object, record_id=place.id, before=dict(one.before), after=dict(one.after)
    )
    api = destination.ways(place.object, 1)[0].api
    batch = Batch(id=1, object=place.object, api=api, changes=(change,))
    for outcome in destination.write(batch, lambda handle: None):
        what = f"{place.connection} {place.object} {place.id}, {', '.join(sorted(one.after))}"
        yield from _refused(outcome, what)


# ------------------------------------------------------------ what was made


def _made(config: Config, held: Holdings, connections: Opened, left: list[str]) -> Iterator[Creation]:
    for row in held.get("outbox", ()):
        kind, connection = str(row["kind"]), str(row["connection"])
        if kind == "alert" or (row["vendor_id"] is None and row["state"] not in _IN_DOUBT):
            continue
        if connection not in config.connections:
            left.append(f"{connection}: not in the YAML any more; a {kind} npsync made there stays")
            continue
        destination = connections.destination(connection)
        object, record = str(row["object"]), str(row["record_id"] or "")
        if kind == "list":
            yield Creation(kind, connection, object, record, str(row["slot"]))
        elif (id := row["vendor_id"]) is not None:
            yield Creation(kind, connection, object, str(id))
        elif (found := _looked_up(config, row, destination)) is not None:
            yield Creation(kind, connection, object, found)


def _looked_up(config: Config, row: Mapping[str, Json], destination: Destination) -> str | None:
    """The vendor's id of something that may have been made: nobody saw the reply."""
    key, record, object = str(row["key"]), str(row["record_id"] or ""), str(row["object"])
    if row["kind"] == "history" and isinstance(destination, KeepsHistory):
        spec = config.sync.get(str(row["sync"]))
        field = (spec.history.key or "") if spec is not None and spec.history is not None else ""
        people = config.people.get(str(row["connection"]))
        about = {people.object: record} if people is not None else {}
        return destination.kept(object, field, [Entry(key, {}, about)]).get(key)
    if row["kind"] == "task" and isinstance(destination, GivesTasks):
        people = config.people.get(str(row["connection"]))
        of = people.object if people is not None else object
        task = Task(key=key, subject="", body="", due=date.max, object=of, record_id=record)
        return destination.given([task]).get(key)
    return None


def _taken_away(one: Creation, destination: Destination) -> Iterable[str]:
    on = f"list {one.slot}" if one.kind == "list" else one.object
    what = f"{one.connection} {on} {one.id}"
    try:
        for outcome in _gone(one, destination):
            yield from _refused(outcome, what)
    except ConfigError as error:  # the list was deleted, or renamed
        yield f"{what}: {error}"


def _gone(one: Creation, destination: Destination) -> Iterable[Outcome]:
    if one.kind == "history" and isinstance(destination, KeepsHistory):
        return destination.discard(one.object, [one.id])
    if one.kind == "task" and isinstance(destination, GivesTasks):
        return destination.take_away([one.id])
    if one.kind == "list" and isinstance(destination, KeepsLists):
        return destination.drop(destination.list_id(one.slot, one.object), one.object, [one.id])
    return [Rejected(one.id, "", f"npsync cannot delete a {one.kind} there")]


def _refused(outcome: Outcome, what: str) -> Iterator[str]:
    if isinstance(outcome, Written):
        return
    reason = outcome.code or "refused" if isinstance(outcome, Rejected) else "not done; try again"
    yield f"{what}: {reason}"
