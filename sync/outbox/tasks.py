"""Exactly one task for an answer that meets a rule: the first rule with a task gives it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import cast

from connectors.contract import OWNER_REFUSED, Case, Clock, GivesTasks, Task
from mapping.names import getter
from nps.changes import Rejected
from nps.errors import RejectedError
from nps.standing import Standing
from store.api import Store
from store.api.outbox import Kind, Outgoing, Stage
from sync.outbox.briefing import Briefing, body, cases_text
from sync.outbox.care import TaskRule
from sync.outbox.counting import Counts, counts
from sync.outbox.facts import Facts, Person, Reading, gather
from sync.outbox.making import Decision, Make, Nothing, Rest, Said, calls_for, refused
from sync.outbox.owners import Owners

_TOGETHER = 100
_RECENT = timedelta(days=90)  # a case opened since then helps before a call


@dataclass(frozen=True)
class _Due:
    """An answer that gets a task, before its owner and its cases are known."""

    row: Outgoing
    rule: TaskRule
    person: Person
    standing: Standing
    previous_answered_at: datetime | None
    named: tuple[str, ...]  # who may get it, the first choice first


@dataclass(frozen=True)
class _Given:
    """A task, and who may get it if its owner is refused."""

    task: Task
    otherwise: tuple[str, ...]


@dataclass
class Tasks:
    reading: Reading
    store: Store
    clock: Clock
    floor: datetime
    owners: Owners
    preview: bool = False

    kind = Kind.TASK
    together = _TOGETHER

    @classmethod
    def of(cls, reading: Reading, store: Store, clock: Clock, floor: datetime, *, preview: bool) -> Tasks:
        giver = cast(GivesTasks, reading.job.destination)
        return cls(reading, store, clock, floor, Owners(giver), preview)

    # ------------------------------------------------------------ which answers get one

    def decide(self, rows: Sequence[Outgoing]) -> Iterator[Decision]:
        facts = gather(self.reading, self.store, rows)
        decided = [self._due(row, facts) for row in rows]
        due = [one for one in decided if isinstance(one, _Due)]
        self.owners.learn(name for one in due for name in one.named)
        cases = self._cases(due)
        for one in decided:
            yield self._task(one, cases) if isinstance(one, _Due) else one

    def _due(self, row: Outgoing, facts: Facts) -> Decision | _Due:
        found = counts(row, facts, self.floor, preview=self.preview)
        if not isinstance(found, Counts):
            return found
        response, person, standing = found
        try:
            rule = self._rule(standing)
        except RejectedError as error:
            return refused(row, error)
        if rule is None:
            return Nothing(row)
        previous = facts.previous_answered_at(person, response)
        return _Due(row, rule, person, standing, previous, self._named(rule, person, standing))

    def _rule(self, standing: Standing) -> TaskRule | None:
        """The first rule with a task that it meets."""
        return next(
            (
                rule.task
                for rule in self.reading.care.rules
                if rule.task is not None and rule.condition.counts(standing)
            ),
            None,
        )

    def _named(self, rule: TaskRule, person: Person, standing: Standing) -> tuple[str, ...]:
        care = self.reading.care
        owners: list[object] = []
        if rule.owner is not None:
            owners.append(getter(rule.owner)(standing))
        elif care.owner is not None:
            owners.append(person.record.fields.get(care.owner))
        if rule.owner is None and person.account is not None and self.reading.account_owner is not None:
            owners.append(person.account.fields.get(self.reading.account_owner))
        return tuple(dict.fromkeys(str(one) for one in (*owners, *rule.otherwise) if one))

    # ------------------------------------------------------------ what is in it

    def _task(self, due: _Due, cases: Mapping[str, Sequence[Case]]) -> Decision:
        who = self.owners.who_may(due.named)
        if not who:
            return Rest(due.row, Stage.REJECTED, "no_owner", self.owners.why_nobody(due.named))
        job, rule, person = self.reading.job, due.rule, due.person
        known = self._briefing(due, cases)
        given = {
            "why": known.why,
            "cases": cases_text(known).strip() if known.cases is not None else "",
            "previous_answered_at": known.day(due.previous_answered_at) if due.previous_answered_at else "",
        }
        task = Task(
            key=due.row.key,
            subject=rule.subject(due.standing, given),
            body=body(due.standing, known) if rule.body is None else rule.body(due.standing, given),
            due=(self.clock.now() + rule.due).astimezone(self.reading.care.zone).date(),
            object=job.object,
            record_id=person.record.id,
            account=person.account_id,
            owner=who[0].id,
            priority=rule.priority,
        )
        return Make(
            due.row,
            _Given(task, tuple(one.id for one in who[1:])),
            person.record.id,
            example=f"{task.subject} (due {task.due.isoformat()}, for {who[0].name or who[0].id})",
        )

    def _briefing(self, due: _Due, cases: Mapping[str, Sequence[Case]]) -> Briefing:
        care, person = self.reading.care, due.person
        found = {
            one.id: one for id in (person.record.id, person.account_id) for one in cases.get(id or "", ())
        }
        name = person.record.fields.get(care.name) if care.name else None
        return Briefing(
            zone=care.zone,
            name="" if name is None else str(name),
            why=care.why(person.record.id),
            previous_answered_at=due.previous_answered_at,
            cases=tuple(found.values()) if due.rule.asks_for_cases else None,
        )

    def _cases(self, due: Sequence[_Due]) -> Mapping[str, Sequence[Case]]:
        """The cases of these people and of their accounts, read together. A plan needs none: it shows subjects."""
        asking = [one for one in due if one.rule.asks_for_cases]
        if self.preview or not asking:
            return {}
        job, since = self.reading.job, self.clock.now() - _RECENT
        found = dict(self._giver.cases(job.object, sorted({one.person.record.id for one in asking}), since))
        accounts = sorted({one.person.account_id for one in asking if one.person.account_id})
        if job.account_object is not None and accounts:
            found |= self._giver.cases(job.account_object, accounts, since)
        return found

    # ------------------------------------------------------------ giving it

    def make(self, makes: Sequence[Make], said: dict[int, Said]) -> None:
        """Somebody the CRM gives no task to is passed over for whoever comes next."""
        ids = {one.row.key: one.row.id for one in makes}
        giving: list[_Given] = [one.what for one in makes]
        while giving:
            left = {one.task.key: one for one in giving}
            passed: list[_Given] = []
            for outcome in self._giver.give([one.task for one in giving]):
                one = left[outcome.record_id]
                if isinstance(outcome, Rejected) and outcome.code == OWNER_REFUSED and one.otherwise:
                    passed.append(_passed_on(one))
                    if one.task.owner is not None:
                        self.owners.refused.add(one.task.owner)
                else:
                    said[ids[outcome.record_id]] = outcome
            giving = passed

    def look_up(self, rows: Sequence[Outgoing]) -> Mapping[int, str]:
        persons = gather(self.reading, self.store, rows).persons
        given = self._giver.given([self._sought(row, persons) for row in rows])
        return {row.id: given[row.key] for row in rows if row.key in given}

    def _sought(self, row: Outgoing, persons: Mapping[str, Person]) -> Task:
        """As much of a task as it is found by."""
        person = persons.get(row.record_id or "")
        return Task(
            key=row.key,
            subject="",
            body="",
            due=date.min,
            object=self.reading.job.object,
            record_id=person.record.id if person else row.record_id or "",
            account=person.account_id if person else None,
        )

    def calls(self, makes: int) -> int:
        return calls_for(self.reading.job, makes)

    @property
    def _giver(self) -> GivesTasks:
        return self.owners.giver


def _passed_on(given: _Given) -> _Given:
    following, *rest = given.otherwise
    return _Given(replace(given.task, owner=following), tuple(rest))
