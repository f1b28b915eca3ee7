"""Support tickets: their properties, pipelines, what closing and reopening does, and those the account starts with."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.hubspot.definitions import Option, Property, in_iso
from sandbox.hubspot.records import Record, Values
from sandbox.hubspot.standard import MERGED_IDS, OWNER, RECORD_ID, ObjectType, moment, text
from sandbox.world import World

if TYPE_CHECKING:
    from sandbox.hubspot.account import Account

_MOST = 1_000


@dataclass(frozen=True, slots=True)
class Stage:
    id: str
    label: str
    closed: bool


@dataclass(frozen=True, slots=True)
class Pipeline:
    id: str
    label: str
    stages: tuple[Stage, ...]
    says_is_closed: bool = True  # `isClosed` beside `ticketState`, as some accounts show it

    def as_json(self, order: int) -> dict[str, Any]:
        return {
            "id": self.id,
            "label": self.label,
            "displayOrder": order,
            "archived": False,
            "stages": [self._stage(place, stage) for place, stage in enumerate(self.stages)],
        }

    def _stage(self, place: int, stage: Stage) -> dict[str, Any]:
        metadata = {"ticketState": "CLOSED" if stage.closed else "OPEN"}
        if self.says_is_closed:
            metadata["isClosed"] = str(stage.closed).lower()
        return {
            "id": stage.id,
            "label": stage.label,
            "displayOrder": place,
            "metadata": metadata,
            "archived": False,
        }


# Labels say nothing: "Closed" of the second pipeline is where closed tickets are checked, and still open.
PIPELINES = (
    Pipeline(
        "0",
        "Support Pipeline",
        (
            Stage("1", "New", closed=False),
            Stage("2", "Waiting on contact", closed=False),
            Stage("3", "Waiting on us", closed=False),
            Stage("4", "Closed", closed=True),
        ),
    ),
    Pipeline(
        "8890123",
        "Onboarding",
        (
            Stage("12001", "Kick-off", closed=False),
            Stage("12002", "Closed", closed=False),
            Stage("12003", "Done", closed=True),
            Stage("12004", "Cancelled", closed=True),
        ),
        says_is_closed=False,
    ),
)
_STAGES = {stage.id: stage for pipeline in PIPELINES for stage in pipeline.stages}
_PIPELINE_OF = {stage.id: pipeline.id for pipeline in PIPELINES for stage in pipeline.stages}

TICKETS = ObjectType(
    name="tickets",
    singular="TICKET",
    type_id="0-5",
    modified="hs_lastmodifieddate",
    shown_by_default=(
        "content",
        "createdate",
        "hs_lastmodifieddate",
        "hs_object_id",
        "hs_pipeline",
        "hs_pipeline_stage",
        "hs_ticket_category",
        "hs_ticket_priority",
        "subject",
    ),
    properties=(
        text("subject", "Ticket name"),
        text("content", "Ticket description", "textarea"),
        Property(
            "hs_pipeline",
            "Pipeline",
            "enumeration",
            "select",
            options=tuple(Option(pipeline.label, pipeline.id) for pipeline in PIPELINES),
        ),
        Property(
            "hs_pipeline_stage",
            "Ticket status",
            "enumeration",
            "select",
            options=tuple(Option(stage.label, stage.id) for stage in _STAGES.values()),
        ),
        Property(
            "hs_ticket_priority",
            "Priority",
            "enumeration",
            "select",
            options=tuple(Option(word.capitalize(), word) for word in ("LOW", "MEDIUM", "HIGH")),
        ),
        text("hs_ticket_category", "Category"),
        text("source_type", "Source"),
        OWNER,
        moment("closed_date", "Close date"),
        moment("hs_last_closed_date", "Last closed date"),
        moment("hs_ticket_reopened_at", "Ticket reopened at"),
        Property("time_to_close", "Time to close", "number", "number", read_only=True),
        *(
            moment(f"hs_v2_date_entered_{id}", f'Date entered "{stage.label}"')
            for id, stage in _STAGES.items()
        ),
        moment("createdate", "Create date"),
        moment("hs_lastmodifieddate", "Last modified date"),
        RECORD_ID,
        MERGED_IDS,
        Property("csat_score", "CSAT score", "number", "number", hubspot_defined=False),
        Property("csat_comment", "CSAT comment", "string", "textarea", hubspot_defined=False),
        Property("csat_answered", "CSAT answered", "datetime", "date", hubspot_defined=False),
    ),
    groups={"ticketinformation": "Ticket information", "contactinformation": "Basics"},
    read_scope="tickets",  # the only scope tickets have, for reading and writing
    write_scope="tickets",
    schema_scope="tickets",
)


def closing(record: Record | None, wanted: Mapping[str, str | None], at: datetime) -> Values:
    """What the account sets by itself when a ticket enters or leaves a closed stage."""
    if "hs_pipeline_stage" not in wanted:
        return {}
    stage = wanted["hs_pipeline_stage"]
    before = record.values.get("hs_pipeline_stage") if record is not None else None
    if stage == before:
        return {}
    now = in_iso(at)
    values: Values = {} if stage is None else {f"hs_v2_date_entered_{stage}": now}
    if _closed(stage) and not _closed(before):
        opened = datetime.fromisoformat(record.values["createdate"]) if record is not None else at
        values["time_to_close"] = str(int((at - opened).total_seconds() * 1000))
        values |= {"closed_date": now, "hs_last_closed_date": now}
    elif _closed(before) and not _closed(stage):
        values |= {"closed_date": None, "hs_ticket_reopened_at": now}
    return values


def _closed(stage: str | None) -> bool:
    return stage is not None and _STAGES[stage].closed


def stage_for(given: Any, usual: str, *, closed: bool) -> dict[str, str]:
    """The properties that move a ticket there; ValueError when the stage is of the other kind."""
    stage = str(given or usual)
    if stage not in _STAGES or _STAGES[stage].closed is not closed:
        raise ValueError(f"{stage} is not the stage of {'a closed' if closed else 'an open'} ticket")
    return {"hs_pipeline": _PIPELINE_OF[stage], "hs_pipeline_stage": stage}


def furnish_tickets(account: Account, world: World) -> None:
    """A ticket for every eighth contact, at most a thousand, most of them closed; some belong to nobody."""
    rng = random.Random(f"{world.seed}-tickets")
    contacts = list(account.contacts.living())
    step = max(8, len(contacts) // _MOST)
    for number, contact in enumerate(contacts[step // 2 :: step], start=1):
        opened = world.until - timedelta(seconds=rng.randrange(3_600, 60 * 86_400))
        closed = opened + timedelta(seconds=rng.randrange(1_800, 4 * 86_400))
        ticket = account.tickets.create(
            {
                "subject": rng.choice(_SUBJECTS),
                "hs_pipeline": "0",
                "hs_pipeline_stage": rng.choice(("1", "2", "3")),
                "hs_ticket_priority": rng.choice(("LOW", "MEDIUM", "MEDIUM", "HIGH")),
                "source_type": rng.choice(("EMAIL", "FORM", "CHAT")),
                "hubspot_owner_id": contact.values.get("hubspot_owner_id"),
            },
            at=opened.astimezone(UTC),
        )
        if number % 9:
            account.people_of_tickets[ticket.id] = [contact.id]
        if number % 4 and closed < world.until:
            account.tickets.update(ticket, {"hs_pipeline_stage": "4"}, at=closed, source="CRM_UI")


_SUBJECTS = (
    "Import stops after 500 rows",
    "Cannot sign in since Monday",
    "Invoice shows the wrong seat count",
    "Report is empty for one team",
    "How do I add a second calendar?",
)
