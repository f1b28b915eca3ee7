"""What a sync does after an answer, compiled: the history it keeps, the rules it follows up by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from connectors.contract import Alerter, Priority
from mapping.fields import CompiledFields, compile_fields
from mapping.names import field_of, root_of
from mapping.templates import compile_text, names_of, parse_template
from nps.standing import Standing
from nps.values import Value
from sync.outbox.spec import BRIEFING, FollowUpRule, HistorySpec, ListSpec, NotifySpec, TaskSpec

Text = Callable[[Standing, Mapping[str, str]], str]
"""A filled-in template: of one person, and of the names that are known only where it stands."""


@dataclass(frozen=True)
class KeptAs:
    """`history:`, compiled. `key` is "" where the object has no field for one."""

    object: str
    key: str
    fields: CompiledFields
    withdrawn: Mapping[str, Value]


@dataclass(frozen=True)
class TaskRule:
    """`body` None: the default one. `owner` None: the record's owner, then the account's."""

    subject: Text
    body: Text | None
    due: timedelta
    owner: str | None
    otherwise: tuple[str, ...]
    priority: Priority
    asks_for_cases: bool


@dataclass(frozen=True)
class Notice:
    connection: str
    to: str
    text: Text
    share_comments: bool
    at_most: int

    @property
    def slot(self) -> str:
        """Where it goes: one answer is told there once, whichever rule says so."""
        return f"{self.connection} {self.to}".strip()


@dataclass(frozen=True)
class Place:
    list: str
    status: str | None

    @property
    def slot(self) -> str:
        return self.list


@dataclass(frozen=True)
class Rule:
    """`condition` holds for the answers it is about."""

    condition: CompiledFields
    task: TaskRule | None
    notice: Notice | None
    place: Place | None


@dataclass(frozen=True)
class Aftercare:
    """All of it. `record_names` and `account_names` are what it reads of the CRM beside `owner` and `name`."""

    zone: ZoneInfo
    history: KeptAs | None = None
    rules: tuple[Rule, ...] = ()
    since: datetime | None = None
    """Answers given from then on are followed up; None: from the first run with rules on."""
    owner: str | None = (
        None  # the record's field with its owner, and the account's if it has one of that name
    )
    name: str | None = None  # the record's field with the person's name
    record_names: frozenset[str] = frozenset()
    account_names: frozenset[str] = frozenset()
    property_names: frozenset[str] = frozenset()
    uses: frozenset[str] = frozenset()
    why: Callable[[str], str] = lambda record_id: f"npsync why {record_id}"
    """Where somebody sees why a record shows what it shows: a page, or the command."""
    alerter: Callable[[str], Alerter] = field(default=lambda connection: _nobody(connection), compare=False)

    @property
    def tasks(self) -> bool:
        return any(rule.task is not None for rule in self.rules)

    @property
    def reads_accounts(self) -> bool:
        return not self.uses.isdisjoint(("account", "account_id"))

    @property
    def notices(self) -> Mapping[str, list[Rule]]:
        """Slot → the rules that tell somebody there, in order."""
        return _by_slot(self.rules, lambda rule: rule.notice)

    @property
    def places(self) -> Mapping[str, list[Rule]]:
        """Slot → the rules that put somebody on that list, in order."""
        return _by_slot(self.rules, lambda rule: rule.place)


def _nobody(connection: str) -> Alerter:
    raise LookupError(connection)  # wiring that forgot it


def _by_slot(rules: Iterable[Rule], what: Callable[[Rule], Notice | Place | None]) -> dict[str, list[Rule]]:
    found: dict[str, list[Rule]] = {}
    for rule in rules:
        if (told := what(rule)) is not None:
            found.setdefault(told.slot, []).append(rule)
    return found


def compile_history(spec: HistorySpec, zone: ZoneInfo) -> KeptAs:
    return KeptAs(
        object=spec.object,
        key=spec.key or "",
        fields=compile_fields(spec.fields, zone=zone),
        withdrawn=dict(spec.withdrawn),
    )


def compile_rule(spec: FollowUpRule, zone: ZoneInfo) -> Rule:
    return Rule(
        condition=compile_fields({}, where=spec.where, zone=zone),
        task=None if spec.task is None else _task(spec.task, zone),
        notice=None if spec.notify is None else _notice(spec.notify, zone),
        place=None if spec.add_to is None else _place(spec.add_to),
    )


def _task(spec: TaskSpec, zone: ZoneInfo) -> TaskRule:
    return TaskRule(
        subject=compile_text(spec.subject, zone),
        body=None if spec.body is None else compile_text(spec.body, zone, BRIEFING),
        due=spec.due,
        owner=spec.owner,
        otherwise=spec.otherwise,
        priority=spec.priority,
        asks_for_cases=spec.body is None or "cases" in names_of(parse_template(spec.body, BRIEFING)),
    )


def _notice(spec: NotifySpec, zone: ZoneInfo) -> Notice:
    return Notice(spec.connection, spec.to, compile_text(spec.text, zone), spec.share_comments, spec.at_most)


def _place(spec: ListSpec) -> Place:
    return Place(spec.list, spec.status)


def names_used(history: HistorySpec | None, rules: Iterable[FollowUpRule]) -> frozenset[str]:
    """Every name of a mapping that these read. Raises what compiling them raises."""
    from mapping.expressions import Expressions
    from mapping.fields import names_read

    names: set[str] = set()
    if history is not None:
        names.update(*(names_read(mapping) for mapping in history.fields.values()), ())
    for rule in rules:
        if rule.where is not None:
            names.update(Expressions(ZoneInfo("UTC")).compile(rule.where).names)
        for text in _texts(rule):
            names.update(set(names_of(parse_template(text, BRIEFING))) - set(BRIEFING))
        if rule.task is not None and rule.task.owner is not None:
            names.add(rule.task.owner)
        if rule.task is not None and rule.task.body is None:
            names.update(("comment", "previous_score"))
        if rule.notify is not None and rule.notify.share_comments:
            names.add("comment")
    return frozenset(names)


def _texts(rule: FollowUpRule) -> Iterable[str]:
    if rule.task is not None:
        yield rule.task.subject
        if rule.task.body is not None:
            yield rule.task.body
    if rule.notify is not None:
        yield rule.notify.text


def compile_aftercare(
    history: HistorySpec | None,
    rules: tuple[FollowUpRule, ...],
    zone: ZoneInfo,
    *,
    since: datetime | None = None,
    owner: str | None = None,
    name: str | None = None,
    why: Callable[[str], str] | None = None,
    alerter: Callable[[str], Alerter] | None = None,
) -> Aftercare | None:
    """None when a sync does nothing after an answer. Raises ConfigError at the first problem."""
    if history is None and not rules:
        return None
    names = names_used(history, rules)
    newer_than = {
        mapping.newer_than for mapping in (history.fields.values() if history else ()) if mapping.newer_than
    }
    return Aftercare(
        zone=zone,
        history=None if history is None else compile_history(history, zone),
        rules=tuple(compile_rule(rule, zone) for rule in rules),
        since=since,
        owner=owner,
        name=name,
        record_names=_below("record", names) | newer_than,
        account_names=_below("account", names),
        property_names=_below("properties", names),
        uses=frozenset(root_of(each) for each in names),
        why=why or (lambda record_id: f"npsync why {record_id}"),
        alerter=alerter or _nobody,
    )


def _below(root: str, names: Iterable[str]) -> frozenset[str]:
    return frozenset(found for each in names if (found := field_of(each, root)))
