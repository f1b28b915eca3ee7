"""What a record page shows beside the record: its tasks, notes, kept answers, lists, tickets and people."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Protocol, cast

from sandbox.faces import Line, Related, band, moment
from sandbox.hubspot.colleagues import OWNERS
from sandbox.toy import Row, Toy

_NAMES = {owner.id: f"{owner.first} {owner.last}" for owner in OWNERS}
_TAG = re.compile(r"<[^>]*>")


class Account(Toy, Protocol):
    def linked(self, object: str, id: str, others: str) -> list[Row]:
        """Records of the other object that belong to this one; none where there is no such object."""
        ...

    def on_lists(self, id: str) -> list[Mapping[str, str]]: ...


def of_contact(toy: Toy, row: Row) -> list[Related]:
    account = cast(Account, toy)
    lists = [Line(one["name"], f"since {moment(one['since'])}") for one in account.on_lists(row["id"])]
    tickets = account.linked("contacts", row["id"], "tickets")
    return [
        *_acted_on(account, "contacts", row["id"]),
        Related("Lists", tuple(lists), "On no list."),
        Related("Tickets", tuple(map(_ticket, tickets)), "No ticket."),
    ]


def of_company(toy: Toy, row: Row) -> list[Related]:
    account = cast(Account, toy)
    people = account.linked("companies", row["id"], "contacts")
    return [
        Related("People", tuple(map(_person, people)), "Nobody belongs to this company."),
        *_acted_on(account, "companies", row["id"]),
    ]


def _acted_on(account: Account, object: str, id: str) -> list[Related]:
    newest = account.linked(object, id, "tasks")[::-1]
    tasks = sorted(newest, key=lambda one: one["hs_task_status"] == "COMPLETED")
    answers = account.linked(object, id, "nps_response")
    return [
        Related("Tasks", tuple(map(_task, tasks)), "No task."),
        Related("Notes", tuple(map(_note, account.linked(object, id, "notes"))), "No note."),
        Related("Answers kept", tuple(map(_answer, answers)), "No answer is kept here."),
    ]


def _task(row: Row) -> Line:
    owner = _NAMES.get(str(row["hubspot_owner_id"]), "nobody")
    status = str(row["hs_task_status"] or "")
    return Line(
        row["hs_task_subject"] or "Task",
        f"{owner} · due {moment(row['hs_timestamp'])}",
        mark=status.replace("_", " ").capitalize(),
        body=_plain(row["hs_task_body"]),
        done=status == "COMPLETED",
    )


def _note(row: Row) -> Line:
    return Line("Note", moment(row["hs_timestamp"]), body=_plain(row["hs_note_body"]))


def _answer(row: Row) -> Line:
    score = row.get("score")
    note = " · ".join(part for part in (moment(row.get("answered_at")), row.get("channel")) if part)
    text = "no score" if score is None else str(score)
    return Line(text, note, mark=row.get("segment") or "", body=row.get("comment"), band=band(score))


def _ticket(row: Row) -> Line:
    closed = bool(row.get("closed_date"))
    when = moment(row.get("closed_date") or row.get("createdate"))
    return Line(row.get("subject") or "Ticket", when, mark="Closed" if closed else "Open", done=closed)


def _person(row: Row) -> Line:
    name = " ".join(part for part in (row.get("firstname"), row.get("lastname")) if part)
    score, survey = row.get("nps_score"), row.get("nps_last_survey")
    return Line(
        name or row.get("email") or "–",
        f"last survey {survey}" if survey else "",
        mark=score or "no score",
        band=band(score),
        href=f"/hubspot/record/{row['id']}",
    )


def _plain(text: str | None) -> str | None:
    """HTML as somebody reads it, without being run."""
    if not text:
        return None
    broken = re.sub(r"<br\s*/?>|</p>|</li>|</div>", "\n", text, flags=re.IGNORECASE)
    return html.unescape(_TAG.sub("", broken)).strip()
