"""Tasks: created once per answer, found again by an external id where the org has one, else by a mark in their text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.contract import OWNER_REFUSED, Making, Priority, Task, TaskState, Tools
from connectors.doubting import Doubts
from connectors.marking import cut, mark, marker, marks, units
from connectors.salesforce import soql
from connectors.salesforce.codecs import clean_text
from connectors.salesforce.ids import long_id
from connectors.salesforce.library import quote
from connectors.salesforce.making import Maker
from connectors.salesforce.matching import Asked
from connectors.salesforce.org import Org
from connectors.salesforce.schema import Column
from connectors.salesforce.settings import USUAL_TASK_KEY
from nps.changes import Made, Outcome, Rejected
from nps.errors import ConfigError
from nps.values import Json, JsonFields

_TASK = "Task"
_COMPLETED = "CompletedDateTime"  # not every org shows it
_PRIORITIES = {Priority.HIGH: "High", Priority.NORMAL: "Normal", Priority.LOW: "Low"}
_PERSON = ("Contact", "Lead")  # whom WhoId may name
_SUBJECT, _DESCRIPTION = 255, 32_000


class Tasks:
    def __init__(self, org: Org, maker: Maker, tools: Tools) -> None:
        self._doubts = Doubts(tools.memory, "task")
        self._org = org
        self._maker = maker

    def give(self, tasks: Sequence[Task]) -> Iterator[Making]:
        if not tasks:
            return
        key, people = self._key(), self._people(tasks)
        there = self._by_key(key, tasks) if key else self._by_marker(tasks, people)
        yield from (Made(task.key, id) for task in tasks if (id := there.get(task.key)) is not None)
        records = {task.key: self._fields(task, key, people) for task in tasks if task.key not in there}
        made = self._maker.upsert(_TASK, key.name, records) if key else self._created(records)
        yield from map(_about_its_owner, made)

    def _created(self, records: Mapping[str, JsonFields]) -> Iterator[Making]:
        for group in self._doubts.groups(records):
            yield from self._doubts.heed(self._maker.create(_TASK, {key: records[key] for key in group}))

    def given(self, tasks: Sequence[Task]) -> Mapping[str, str]:
        if not tasks:
            return {}
        key = self._key()
        found = dict(self._by_key(key, tasks)) if key else {}
        # The field may be younger than the task.
        others = [task for task in tasks if task.key not in found]
        return found | self._by_marker(others, self._people(others))

    def states(self, ids: Sequence[str]) -> Mapping[str, TaskState]:
        if not ids:
            return {}
        completed = _COMPLETED if _COMPLETED in self._org.table(_TASK).columns else ""
        asked = {full: id for id in ids if (full := long_id(id)) is not None}
        select = ", ".join(filter(None, ("Id", "IsClosed", "OwnerId", completed)))
        wanted = [soql.Wanted("Id", quote(id)) for id in asked]
        rows = self._org.by_value(_TASK, select, wanted, "", what="read tasks")
        return {
            asked[row["Id"]]: TaskState(
                asked[row["Id"]], not row["IsClosed"], _moment(row.get(completed)), row["OwnerId"]
            )
            for row in rows
        }

    def take_away(self, ids: Sequence[str]) -> Iterable[Outcome]:
        return self._maker.delete(_TASK, ids)

    # ------------------------------------------------------------ found again

    def _key(self) -> Column | None:
        """The external id that holds a task's key: the one the settings name, or the usual one where the org has it."""
        named = self._org.settings.task_key_field
        columns = self._org.table(_TASK).columns
        if named is None:
            usual = columns.get(USUAL_TASK_KEY)
            return usual if usual is not None and _is_key(usual) else None
        if not _is_key(column := self._org.column(_TASK, named)):
            raise ConfigError(
                f'Task: "{named}" (task_key_field) has to be a text that is an external id and unique, and writable '
                "for the integration user"
            )
        return column

    def _by_key(self, key: Column, tasks: Sequence[Task]) -> Mapping[str, str]:
        by_mark = {mark(task.key): task.key for task in tasks}
        asked = Asked(key.name, key, list(by_mark))
        rows = self._org.by_value(_TASK, f"Id, {key.name}", list(asked.wanted()), "", what="find tasks")
        return {by_mark[value]: str(row["Id"]) for row in rows for value in asked.named_by(row)}

    def _by_marker(self, tasks: Sequence[Task], people: Mapping[str, str]) -> dict[str, str]:
        """A task's text cannot be searched: the tasks of these people and records are read."""
        by_mark = {mark(task.key): task.key for task in tasks}
        wanted = dict.fromkeys(
            soql.Wanted(*pair) for task in tasks for pair in _literals(self._ends(task, people))
        )
        rows = self._org.by_value(_TASK, "Id, Description", list(wanted), "", what="find tasks")
        return {
            by_mark[found]: str(row["Id"])
            for row in rows
            for found in marks(row["Description"])
            if found in by_mark
        }

    # ------------------------------------------------------------ what is sent

    def _fields(self, task: Task, key: Column | None, people: Mapping[str, str]) -> JsonFields:
        columns = self._org.table(_TASK).columns
        room = _length(columns.get("Description"), _DESCRIPTION)
        body = clean_text(task.body)
        if key is None:
            tail = f"\n\n{marker(task.key)}"
            text = cut(body, room - len(tail), units) + tail
        else:
            text = cut(body, room, units)
        subject = clean_text(" ".join(task.subject.split()))
        fields: dict[str, Json] = {
            "Subject": cut(subject, _length(columns.get("Subject"), _SUBJECT), units),
            "Description": text.strip() or None,
            "ActivityDate": task.due.isoformat(),
            **self._ends(task, people),
        }
        if key is not None:
            fields[key.name] = mark(task.key)
        if task.owner:
            fields["OwnerId"] = long_id(task.owner) or task.owner
        if _offers(columns.get("Priority"), priority := _PRIORITIES[task.priority]):
            fields["Priority"] = priority
        return fields

    def _ends(self, task: Task, people: Mapping[str, str]) -> dict[str, Json]:
        """Whom and what a task is about: WhoId names a person, WhatId any other record."""
        record = long_id(task.record_id) or task.record_id
        if task.object in _PERSON:
            account = long_id(task.account or "")
            # A lead's task takes nothing else; nor does a person account's, whose account is the person.
            alone = task.object == "Lead" or self._org.table(task.object).person_accounts
            return {"WhoId": record} if alone or account is None else {"WhoId": record, "WhatId": account}
        person = people.get(record)
        if person is None:
            return {"WhatId": record}
        return {"WhoId": person} if task.object == "Account" else {"WhoId": person, "WhatId": record}

    def _people(self, tasks: Sequence[Task]) -> Mapping[str, str]:
        """The contact behind a case, and behind a person account."""
        found: dict[str, str] = {}
        for object, field in (("Case", "ContactId"), ("Account", "PersonContactId")):
            ids = dict.fromkeys(long_id(task.record_id) for task in tasks if task.object == object)
            wanted = [soql.Wanted("Id", quote(id)) for id in ids if id]
            if not wanted or field not in self._org.table(object).columns:
                continue
            if object == "Account" and self._org.settings.person_account_tasks == "account":
                continue
            rows = self._org.by_value(object, f"Id, {field}", wanted, "", what=f"find the people of {object}")
            found |= {str(row["Id"]): str(row[field]) for row in rows if row[field]}
        return found


def _is_key(column: Column) -> bool:
    return column.external_id and column.schema.unique and column.schema.writable


def _literals(ends: Mapping[str, Json]) -> list[tuple[str, str]]:
    """The person alone where there is one: fewer tasks to read than those of their account."""
    name = "WhoId" if "WhoId" in ends else "WhatId"
    id = long_id(str(ends[name]))
    return [(name, quote(id))] if id else []


def _length(column: Column | None, usual: int) -> int:
    return (column.schema.length if column is not None else None) or usual


def _offers(priority: Column | None, option: str) -> bool:
    """An org may have renamed its priorities: a task then gets its usual one."""
    return priority is not None and option in (priority.schema.options or (option,))


def _about_its_owner(one: Making) -> Making:
    """How Salesforce says that somebody cannot own a task is UNVERIFIED: by its code, or by the field it blames."""
    if not isinstance(one, Rejected) or not ("INACTIVE" in one.code or one.field == "OwnerId"):
        return one
    return Rejected(one.record_id, OWNER_REFUSED, f"{one.code}: {one.message}", "OwnerId", one.cause)


def _moment(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
