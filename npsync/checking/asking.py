"""What triggers, channels and the contact policy read of the live CRM: is it there, and can it mean what it should?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from connectors.contract import Destination, EventKind
from mapping.conditions import fields_named
from mapping.spec import PeopleSpec
from nps.events import OF_EVERY_EVENT
from nps.reasons import SHORTEST
from nps.schema import FieldSchema, FieldType, ObjectSchema
from npsync.checking.findings import Finding, missing_field, who_creates
from npsync.config import Config
from npsync.config.problems import Path
from triggers.fields import NO, YES
from triggers.spec import TriggerSpec, watches_of

YES_OR_NO = ("consent", "opted_out")


@dataclass(frozen=True)
class Condition:
    """A condition over the records of one `people:` block, and where it stands."""

    source: str
    people: str
    path: Path


def conditions(config: Config) -> list[Condition]:
    """Every condition that is judged for somebody: `where` of triggers, `when` of channels, `never_ask`."""
    found = []
    for name, trigger in config.triggers.items():
        people = trigger.people_of(tuple(config.people))
        if people is None:
            continue
        if trigger.where is not None:
            found.append(Condition(trigger.where, people, ("triggers", name, "where")))
        for at, way in enumerate(config.surveys[trigger.survey].through):
            if way.when is not None:
                path: Path = ("surveys", trigger.survey, "through", at, "when")
                found.append(Condition(way.when, people, path))
        for at, source in enumerate(config.contact_policy.never_ask):
            found.append(Condition(source, people, ("contact_policy", "never_ask", at)))
    return list(dict.fromkeys(found))


def asked_people(config: Config) -> tuple[str, ...]:
    """The `people:` blocks some trigger asks."""
    known = tuple(config.people)
    return tuple(dict.fromkeys(each for spec in config.triggers.values() if (each := spec.people_of(known))))


# ---------------------------------------------------------------- what is wrong with it


def asking(config: Config, people: str, destination: Destination) -> Iterator[Finding]:
    """What asking the people of one block needs. Whether its object is there at all has been told."""
    spec = config.people[people]
    schema = destination.describe(spec.object)
    yield from _meanings(spec, schema, people)
    yield from _conditions(config, people, schema, destination)
    if people not in asked_people(config):
        return
    yield from _own_opt_out(config, people, schema)
    yield from _written_to_ask(config, people, schema)
    yield from _audiences(config, people, schema)
    policy, creates = config.contact_policy, who_creates(config, people)
    if policy.ledger_field is not None:
        yield from _ledger_field(policy.ledger_field, schema, creates)
    if policy.reason_field is not None:
        yield from _reason_field(policy.reason_field, schema, creates)
    since = config.customer_since(people)
    counts = policy.new_customers_wait is not None and spec.customer_since is None
    if counts and since is not None and since not in schema.fields:
        yield missing_field(schema, since, ("contact_policy", "new_customers_wait"))


def _own_opt_out(config: Config, people: str, schema: ObjectSchema) -> Iterator[Finding]:
    """The CRM's own flag, where the YAML names none."""
    field = config.opted_out(people)
    if config.people[people].opted_out is None and field is not None and field not in schema.fields:
        message = (
            f'{schema.name} has no field "{field}", or this credential does not see it: it tells who must not be '
            "mailed, so nobody would be asked. Make it visible, or say opted_out: a field of your own, or false"
        )
        yield Finding(("people", people), "missing_field", message)


def _written_to_ask(config: Config, people: str, schema: ObjectSchema) -> Iterator[Finding]:
    """Fields that a channel writes for an automation of the CRM to see."""
    for survey in dict.fromkeys(spec.survey for spec in config.triggers.values()):
        for at, way in enumerate(config.surveys[survey].through):
            connection = config.connections[way.use]
            sends = connection.connector.sends(connection.settings)
            for name in sends.writes if sends is not None and way.use == people else ():
                field, path = schema.fields.get(name), ("surveys", survey, "through", at)
                if field is None:
                    yield missing_field(schema, name, path, creates=who_creates(config, people))
                elif not field.writable:
                    message = f"{schema.name}.{name} can't be written with this credential (read-only or calculated)"
                    yield Finding(path, "not_writable", message)


def _meanings(spec: PeopleSpec, schema: ObjectSchema, people: str) -> Iterator[Finding]:
    for key in YES_OR_NO:
        field = schema.fields.get(getattr(spec, key) or "")
        if field is not None and not _says_yes_or_no(field):
            message = f"{schema.name}.{field.name} is no yes/no field; nobody could tell what its values mean"
            yield Finding(("people", people, key), "type_mismatch", message)
    since = schema.fields.get(spec.customer_since or "")
    if since is not None and since.type not in (FieldType.DATE, FieldType.DATETIME):
        message = f"{schema.name}.{since.name} is no date; new_customers_wait counts from one"
        yield Finding(("people", people, "customer_since"), "type_mismatch", message)


def _says_yes_or_no(field: FieldSchema) -> bool:
    """A yes/no field, or one whose words are understood as such; of free text nobody can tell before."""
    if field.type is FieldType.CHOICE and field.options:
        return all(option.strip().lower() in (*YES, *NO) for option in field.options)
    return field.type in (FieldType.BOOLEAN, FieldType.TEXT, FieldType.CHOICE, FieldType.OTHER)


def _conditions(
    config: Config, people: str, schema: ObjectSchema, destination: Destination
) -> Iterator[Finding]:
    account = config.people[people].account
    for each in conditions(config):
        if each.people != people:
            continue
        yield from _absent(schema, fields_named([each.source], "record"), each.path)
        named = fields_named([each.source], "account")
        if named and account is not None:
            yield from _absent(destination.describe(account.object), named, each.path)


def _audiences(config: Config, people: str, schema: ObjectSchema) -> Iterator[Finding]:
    for name, trigger in config.triggers.items():
        if trigger.audience is not None and trigger.audience.connection == people:
            for field in trigger.audience.only:
                if field not in schema.fields:
                    yield missing_field(schema, field, ("triggers", name, "audience", "only", field))


def _ledger_field(name: str, schema: ObjectSchema, creates: str) -> Iterator[Finding]:
    path: Path = ("contact_policy", "ledger_field")
    field = schema.fields.get(name)
    if field is None:
        yield missing_field(schema, name, path, creates=creates)
    elif field.type not in (FieldType.DATE, FieldType.DATETIME):
        yield Finding(path, "type_mismatch", f"{schema.name}.{name} is no date; the ledger writes one")
    elif not field.writable:
        message = f"{schema.name}.{name} can't be written with this credential (read-only or calculated)"
        yield Finding(path, "not_writable", message)


def _reason_field(name: str, schema: ObjectSchema, creates: str) -> Iterator[Finding]:
    path: Path = ("contact_policy", "reason_field")
    field = schema.fields.get(name)
    if field is None:
        yield missing_field(schema, name, path, creates=creates)
    elif field.type is not FieldType.TEXT:
        yield Finding(path, "type_mismatch", f"{schema.name}.{name} is no text; a reason is a sentence")
    elif field.length is not None and field.length < SHORTEST:
        message = f"{schema.name}.{name} holds {field.length} characters; a reason needs {SHORTEST}"
        yield Finding(path, "too_short", message)
    elif not field.writable:
        message = f"{schema.name}.{name} can't be written with this credential (read-only or calculated)"
        yield Finding(path, "not_writable", message)


def events(config: Config, connection: str, destination: Destination) -> Iterator[Finding]:
    """Fields of the record an event is about, which a trigger names as `event.*`, and those its kind names itself."""
    connector = config.connections[connection].connector
    kinds = connector.event_kinds
    for name, trigger in config.triggers.items():
        if trigger.event is None or trigger.event.connection != connection:
            continue
        object = subject_of(trigger, kinds)
        told = {kind.object for kind in kinds} - set(connector.objects)  # no records of it can be described
        if object is None or object in told:
            continue
        schema = destination.describe(object)
        path: Path = ("triggers", name, "event")
        for key, value in trigger.event.own_keys.items():
            if key == "field" and isinstance(value, str) and value not in schema.fields:
                yield missing_field(schema, value, (*path, key))
        named = [each for each in (trigger.where, *_whens(config, trigger)) if each is not None]
        facts = [each for each in fields_named(named, "event") if each not in OF_EVERY_EVENT]
        yield from _absent(schema, facts, ("triggers", name, "where"))


def _whens(config: Config, trigger: TriggerSpec) -> Iterator[str | None]:
    return (way.when for way in config.surveys[trigger.survey].through)


def subject_of(trigger: TriggerSpec, kinds: Sequence[EventKind]) -> str | None:
    """The object an event is about: the kind's, or the one its own keys name."""
    assert trigger.event is not None
    kind = next(each for each in kinds if each.name == trigger.event.kind)
    if kind.object is not None:
        return kind.object
    parameters = watches_of(trigger, kinds, ())[0].parameters
    object = getattr(parameters, "object", None)
    return object if isinstance(object, str) else None


def _absent(schema: ObjectSchema, names: Sequence[str], path: Path) -> Iterator[Finding]:
    for name in names:
        if name not in schema.fields and name.partition(".")[0] not in schema.fields:
            yield missing_field(schema, name, path)
