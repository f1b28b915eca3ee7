"""What a record page shows beside the record: its tasks, kept answers, campaigns, cases and people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, cast

from sandbox.faces import Line, Related, band, moment, told
from sandbox.toy import NoSuchRecord, Row, Toy


class Org(Toy, Protocol):
    def pointing(self, object: str, field: str, id: str) -> list[Row]:
        """Records whose reference is this one; none where there is no such object."""
        ...


def of_contact(toy: Toy, row: Row) -> list[Related]:
    org, id = cast(Org, toy), row["Id"]
    return [
        _tasks(org, org.pointing("Task", "WhoId", id)),
        _answers(org.pointing("NPS_Response__c", "Contact__c", id)),
        Related("Campaigns", tuple(_campaigns(org, id)), "In no campaign."),
        Related("Cases", tuple(map(_case, _newest(org.pointing("Case", "ContactId", id)))), "No case."),
    ]


def of_account(toy: Toy, row: Row) -> list[Related]:
    org, id = cast(Org, toy), row["Id"]
    people = org.pointing("Contact", "AccountId", id)
    return [
        Related("People", tuple(map(_person, people)), "Nobody belongs to this account."),
        _tasks(org, org.pointing("Task", "AccountId", id)),
        _answers(org.pointing("NPS_Response__c", "Account__c", id)),
    ]


def _tasks(org: Org, rows: list[Row]) -> Related:
    """Open ones first, then the newest."""
    ordered = sorted(_newest(rows), key=lambda row: bool(row["IsClosed"]))
    return Related("Tasks", tuple(_task(org, row) for row in ordered), "No task.")


def _task(org: Org, row: Row) -> Line:
    due = f"due {row['ActivityDate']}" if row["ActivityDate"] else "no due date"
    note = f"{_name(org, row['OwnerId'])} · {due}"
    return Line(
        row["Subject"] or "Task",
        note,
        mark=row["Status"] or "",
        body=row["Description"],
        done=row["IsClosed"],
    )


def _answers(rows: list[Row]) -> Related:
    ordered = sorted(rows, key=lambda row: row.get("Answered_At__c") or row["CreatedDate"], reverse=True)
    return Related("Answers kept", tuple(map(_answer, ordered)), "No answer is kept here.")


def _answer(row: Row) -> Line:
    score = row.get("Score__c")
    when = moment(row.get("Answered_At__c") or row["CreatedDate"])
    text = "no score" if score is None else f"{score:g}"
    note = " · ".join(part for part in (when, row.get("Channel__c"), row["Name"]) if part)
    return Line(text, note, mark=row.get("Segment__c") or "", body=row.get("Comment__c"), band=band(score))


def _campaigns(org: Org, contact: str) -> Iterator[Line]:
    for member in org.pointing("CampaignMember", "ContactId", contact):
        responded = "responded" if member["HasResponded"] else ""
        yield Line(_name(org, member["CampaignId"], "Campaign"), responded, mark=member["Status"] or "")


def _case(row: Row) -> Line:
    note = f"{row['CaseNumber']} · {moment(row['ClosedDate'] or row['CreatedDate'])}"
    return Line(row["Subject"] or "Case", note, mark=row["Status"] or "", done=row["IsClosed"])


def _person(row: Row) -> Line:
    score = row.get("NPS_Score__c")
    note = f"last survey {row['NPS_Last_Survey__c']}" if row.get("NPS_Last_Survey__c") else ""
    href = f"/salesforce/record/{row['Id']}"
    return Line(row["Name"] or "–", note, mark=told(score) or "no score", band=band(score), href=href)


def _newest(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: str(row["CreatedDate"]), reverse=True)


def _name(org: Org, id: str | None, object: str = "User") -> str:
    for kind in (object, "Group"):
        try:
            return str(org.row(kind, str(id))["Name"])
        except NoSuchRecord:
            continue
    return "nobody"
