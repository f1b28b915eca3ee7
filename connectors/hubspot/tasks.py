"""Tasks: created once per answer, found again by a mark in their body among the tasks of the record they are about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, tzinfo

from connectors.contract import OWNER_REFUSED, Making, Priority, Task, TaskState
from connectors.encoding import read_moment
from connectors.hubspot.account import Account
from connectors.hubspot.finding import Row
from connectors.hubspot.making import ATTACHED, Maker, New
from connectors.hubspot.marked import Marked, keys_of
from connectors.hubspot.properties import object_type
from connectors.hubspot.texts import marked, title
from nps.changes import Made, Outcome, Rejected
from nps.errors import ConfigError

_TASKS = "tasks"
_BODY, _STATUS, _OWNER = "hs_task_body", "hs_task_status", "hubspot_owner_id"
_PRIORITIES = {Priority.HIGH: "HIGH", Priority.NORMAL: "MEDIUM", Priority.LOW: "LOW"}
_DUE = time(9)  # in the business zone: a due date is a moment here


class Tasks:
    def __init__(self, account: Account, maker: Maker, zone: tzinfo, completed_at: str) -> None:
        self._account = account
        self._maker = maker
        self._marked = Marked(account, _TASKS, _BODY)
        self._zone = zone
        self._completed_at = completed_at

    def give(self, tasks: Sequence[Task]) -> Iterator[Making]:
        there = self.given(tasks)
        yield from (Made(task.key, id) for task in tasks if (id := there.get(task.key)) is not None)
        wanted = {task.key: self._new(task) for task in tasks if task.key not in there}
        yield from map(_about_its_owner, self._maker.create(_TASKS, wanted, keys_of(_BODY, wanted), _BODY))

    def given(self, tasks: Sequence[Task]) -> Mapping[str, str]:
        return self._marked.found({task.key: (self._type(task), task.record_id) for task in tasks})

    def states(self, ids: Sequence[str]) -> Mapping[str, TaskState]:
        rows = self._marked.read(ids, [_STATUS, _OWNER, self._completed_at])
        return {id: self._state(id, row) for id, row in rows.items()}

    def take_away(self, ids: Sequence[str]) -> Iterable[Outcome]:
        return self._maker.archive(_TASKS, ids)

    # ------------------------------------------------------------ inside

    def _type(self, task: Task) -> str:
        type = object_type(task.object)
        if type not in ATTACHED[_TASKS]:
            raise ConfigError(
                f"{self._account.tools.connection}: npsync gives tasks about "
                f"{', '.join(ATTACHED[_TASKS])}, not about {task.object}"
            )
        return type

    def _new(self, task: Task) -> New:
        due = datetime.combine(task.due, _DUE, self._zone).astimezone(UTC)
        properties = {
            "hs_timestamp": f"{due:%Y-%m-%dT%H:%M:%SZ}",
            "hs_task_subject": title(task.subject),
            _BODY: marked(task.body, task.key),
            _STATUS: "NOT_STARTED",
            "hs_task_priority": _PRIORITIES[task.priority],
            "hs_task_type": "TODO",
        }
        if task.owner:
            properties[_OWNER] = task.owner
        about = {self._type(task): task.record_id}
        if task.account:
            about.setdefault("companies", task.account)
        return New(properties, about)

    def _state(self, id: str, row: Row) -> TaskState:
        held = row["properties"]
        is_open = held.get(_STATUS) != "COMPLETED"
        completed = read_moment(held.get(self._completed_at) or "")
        return TaskState(id, is_open, None if is_open else completed, held.get(_OWNER) or None)


def _about_its_owner(one: Making) -> Making:
    """How HubSpot says that somebody cannot own a task is UNVERIFIED: by its code, or by the property it blames."""
    if not isinstance(one, Rejected) or not ("OWNER" in one.code.upper() or one.field == _OWNER):
        return one
    return Rejected(one.record_id, OWNER_REFUSED, f"{one.code}: {one.message}", _OWNER, one.cause)
