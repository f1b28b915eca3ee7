"""The kinds of event a Salesforce connection tells, and what the credential has to see for each."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.contract import EventKind, Parameters
from connectors.record_changes import RECORD_CHANGED, RecordChanged

CASE_CLOSED, CASE_REOPENED = "case_closed", "case_reopened"

STAMP = "SystemModstamp"
CASE_NEEDS = ("IsClosed", "ClosedDate", "ContactId")
CASE_HAS = ("CaseNumber", "SuppliedEmail")  # used where they can be seen

_ALWAYS = frozenset({"Id", STAMP})


def _of_a_case(_: Parameters) -> Mapping[str, frozenset[str]]:
    return {"Case": frozenset({*CASE_NEEDS, *CASE_HAS})}


def _of_a_change(parameters: Parameters) -> Mapping[str, frozenset[str]]:
    assert isinstance(parameters, RecordChanged)
    named = {parameters.field, parameters.person} - {None}
    return {parameters.object: frozenset(str(name) for name in named) - _ALWAYS}


KINDS = (
    EventKind(
        CASE_CLOSED,
        "a case was closed",
        why="your support case was closed",
        object="Case",
        opposite=CASE_REOPENED,
        by=("poll", "hook"),
        reads=_of_a_case,
    ),
    EventKind(
        CASE_REOPENED,
        "a case that npsync saw closed is open again",
        object="Case",
        by=("poll", "hook"),
        reads=_of_a_case,
        past=False,
    ),
    EventKind(
        RECORD_CHANGED,
        "a field of a record came to show a value",
        parameters=RecordChanged,
        by=("poll", "hook"),
        reads=_of_a_change,
        past=False,
    ),
)
