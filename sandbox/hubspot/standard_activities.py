"""Tasks and notes: their properties, and what finishing a task does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sandbox.hubspot.definitions import Option, Property, in_iso
from sandbox.hubspot.records import Record, Values
from sandbox.hubspot.standard import OWNER, RECORD_ID, ObjectType, moment, text

LONGEST_BODY = 65_536


def _choice(name: str, label: str, *values: str) -> Property:
    options = tuple(Option(value.replace("_", " ").capitalize(), value) for value in values)
    return Property(name, label, "enumeration", "select", options=options)


_DATES = (moment("hs_createdate", "Create date"), moment("hs_lastmodifieddate", "Last modified date"))
TASKS = ObjectType(
    name="tasks",
    singular="TASK",
    type_id="0-27",
    modified="hs_lastmodifieddate",
    created="hs_createdate",
    made=True,
    shown_by_default=("hs_createdate", "hs_lastmodifieddate", "hs_object_id"),
    properties=(
        Property("hs_timestamp", "Due date", "datetime", "date"),
        text("hs_task_subject", "Task title"),
        text("hs_task_body", "Notes", "html"),
        _choice(
            "hs_task_status",
            "Task status",
            *("NOT_STARTED", "IN_PROGRESS", "WAITING", "COMPLETED", "DEFERRED"),
        ),
        _choice("hs_task_priority", "Priority", "LOW", "MEDIUM", "HIGH"),
        _choice("hs_task_type", "Task type", "TODO", "CALL", "EMAIL"),
        text("hs_task_reminders", "Reminders"),
        moment("hs_task_completion_date", "Completed at"),
        OWNER,
        *_DATES,
        RECORD_ID,
    ),
    groups={"task": "Task information", "contactinformation": "Basics"},
    read_scope="crm.objects.contacts.read",  # tasks and notes have no scope of their own
    write_scope="crm.objects.contacts.write",
    schema_scope="crm.schemas.contacts.write",
    required=("hs_timestamp",),
    longest={"hs_task_body": LONGEST_BODY},
)
NOTES = ObjectType(
    name="notes",
    singular="NOTE",
    type_id="0-46",
    modified="hs_lastmodifieddate",
    created="hs_createdate",
    made=True,
    shown_by_default=("hs_createdate", "hs_lastmodifieddate", "hs_object_id"),
    properties=(
        Property("hs_timestamp", "Activity date", "datetime", "date"),
        text("hs_note_body", "Note body", "html"),
        OWNER,
        *_DATES,
        RECORD_ID,
    ),
    groups={"note": "Note information", "contactinformation": "Basics"},
    read_scope="crm.objects.contacts.read",
    write_scope="crm.objects.contacts.write",
    schema_scope="crm.schemas.contacts.write",
    required=("hs_timestamp",),
    longest={"hs_note_body": LONGEST_BODY},
)


def finishing(record: Record | None, wanted: Mapping[str, str | None], at: datetime) -> Values:
    """A new task is not started; a finished one knows since when."""
    status = wanted.get("hs_task_status")
    before = None if record is None else record.values.get("hs_task_status")
    values: Values = {}
    if record is None and status is None:
        values["hs_task_status"] = "NOT_STARTED"
    if status == "COMPLETED" and before != "COMPLETED":
        values["hs_task_completion_date"] = in_iso(at)
    elif before == "COMPLETED" and status not in (None, "COMPLETED"):
        values["hs_task_completion_date"] = None
    return values
