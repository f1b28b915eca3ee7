"""Who read, exported or erased a person's data: kept without saying whose it was, found again by a keyed hash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from nps.errors import ConfigError
from nps.values import Json
from npsync.asking import gatekeeper
from npsync.deciding.deciders import at_the_command_line
from store.api.privacy import Receipt

if TYPE_CHECKING:
    from npsync.config import Config
    from npsync.subjects.finding import Subject
    from store.api import Store

KINDS = ("read", "export", "erase")
_ASKED = "erasure_asked"  # the kind of a hint that somebody wants to be forgotten
_LATEST = 1000


def read(
    config: Config, store: Store, *, page: str, who: str, names: Sequence[str], about: str = "", now: datetime
) -> None:
    """Somebody looked at one person: `page` is what they looked at, `who` looked, `names` are the person's. The audit
    keeps `about`, the record, in the same breath."""
    told: dict[str, Json] = {"page": page, **_person(config, names)}
    receipt = Receipt(kind="read", at=now, who=who, report=told)
    store.note_receipt(receipt, what="read a person" if about else "", about=about)


def exported(
    config: Config, store: Store, subject: Subject, told: Mapping[str, Json], *, now: datetime
) -> None:
    held = told["held"]
    assert isinstance(held, dict)
    rows: dict[str, Json] = {name: len(some) for name, some in held.items() if isinstance(some, list)}
    report: dict[str, Json] = {"rows": rows, **_person(config, subject.names)}
    store.note_receipt(Receipt(kind="export", at=now, who=at_the_command_line(), report=report))


def known(config: Config, store: Store, *, who: str | None, kind: str | None, limit: int) -> list[Receipt]:
    if kind is not None and kind not in KINDS:
        raise ConfigError(f'"{kind}" is no kind of receipt; known: {", ".join(KINDS)}')
    if who is None:
        return store.receipts(kind=kind, limit=limit)
    if config.forgetting is None:
        raise ConfigError("pepper: is not set, and receipts say whom they are about by a keyed hash alone")
    names = gatekeeper.keys_of(config, gatekeeper.named_by(config, who))
    found = {
        one.id: one
        for name in names
        for one in store.receipts(kind=kind, person=config.forgetting.digest(name), limit=limit)
    }
    return sorted(found.values(), key=lambda one: -one.id)[:limit]


def _person(config: Config, names: Sequence[str]) -> dict[str, Json]:
    """By their first name in the order of names: an address, where there is one. Without a pepper nobody is named: a
    hash that anybody can compute says who it is."""
    if config.forgetting is None or not names:
        return {}
    return {"person": config.forgetting.digest(sorted(names)[0])}


def requested(store: Store) -> list[dict[str, str]]:
    """Wishes to be forgotten that webhooks brought, the latest first."""
    events = [
        {
            "at": one.occurred_at.isoformat(),
            "connection": one.connection,
            "who": one.subject.partition("/")[2],
        }
        for one in store.event_rows(limit=_LATEST)
        if one.kind == _ASKED
    ]
    pushed = [
        {"at": one.at.isoformat(), "connection": one.connection, "who": one.subject.partition("/")[2]}
        for one in store.arrival_rows(limit=_LATEST)
        if one.kind == _ASKED and one.state == "new"
    ]
    return [*pushed, *events]


def receipt_as_json(one: Receipt) -> dict[str, Json]:
    return {
        "id": one.id,
        "kind": one.kind,
        "at": one.at.isoformat(),
        "by": one.who,
        "report": dict(one.report),
    }


def summary(one: Receipt) -> str:
    """What a receipt says, in a line."""
    report = one.report
    rows = report.get("rows")
    count = sum(int(each) for each in rows.values() if isinstance(each, int)) if isinstance(rows, dict) else 0
    if one.kind == "read":
        return str(report.get("page", ""))
    if one.kind == "export":
        return f"{count} rows"
    crm = "CRM kept" if report.get("crm") == "keep" else f"{report.get('fields', 0)} CRM fields"
    return f"{count} rows, {crm}, {report.get('made', 0)} records made there"
