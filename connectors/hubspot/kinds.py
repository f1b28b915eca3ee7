"""The kinds of event a HubSpot connection tells, and what the credential has to see for each."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.contract import EventKind, Parameters
from connectors.hubspot.properties import object_type
from connectors.record_changes import RECORD_CHANGED, RecordChanged

TICKET_CLOSED, TICKET_REOPENED = "ticket_closed", "ticket_reopened"


def _of_a_ticket(_: Parameters) -> Mapping[str, frozenset[str]]:
    # The contacts are those a ticket is associated with.
    return {"tickets": frozenset({"hs_pipeline", "hs_pipeline_stage"}), "contacts": frozenset()}


def _of_a_change(parameters: Parameters) -> Mapping[str, frozenset[str]]:
    assert isinstance(parameters, RecordChanged)
    named = frozenset(name for name in (parameters.field, parameters.person) if name is not None)
    of_people = {} if parameters.person else {"contacts": frozenset[str]()}
    return {**of_people, object_type(parameters.object): named}


KINDS = (
    EventKind(
        TICKET_CLOSED,
        "a ticket was closed",
        why="your support ticket was closed",
        object="tickets",
        opposite=TICKET_REOPENED,
        by=("poll", "hook"),
        reads=_of_a_ticket,
    ),
    EventKind(
        TICKET_REOPENED,
        "a ticket was opened again",
        object="tickets",
        by=("poll", "hook"),
        reads=_of_a_ticket,
    ),
    EventKind(
        RECORD_CHANGED,
        "a property of a record came to show a value",
        parameters=RecordChanged,
        by=("poll", "hook"),
        reads=_of_a_change,
    ),
)
