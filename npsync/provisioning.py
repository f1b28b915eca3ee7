"""Which fields a YAML file writes, and what is to be created before it can: planned, created, remembered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from connectors.calls import FateUnknown
from connectors.provisioning import Provisioner, Step, WantedField
from mapping.spec import FieldMapping
from nps.errors import ConfigError, RejectedError
from nps.schema import FieldType
from nps.surveys import Metric
from npsync.access import needs_of
from npsync.check import outputs
from npsync.config import Config
from npsync.config.problems import did_you_mean
from npsync.jobs import target_of
from store.api import Store

_CREATED = "provisioned/"  # in a connection's memory: fields npsync created


class Created(msgspec.Struct, frozen=True):
    """What is remembered of a field that npsync created. `id` is the vendor's for it."""

    at: datetime
    says: str
    id: str = ""


@dataclass(frozen=True)
class Refusal:
    step: Step
    why: str


@dataclass(frozen=True)
class Done:
    """What became of a plan's steps; `by_hand` are those that somebody else carries out."""

    created: Sequence[Step] = ()
    refused: Sequence[Refusal] = ()
    by_hand: Sequence[Step] = field(default=())


# ---------------------------------------------------------------- what is wanted


def chosen(config: Config, name: str | None) -> list[str]:
    """The connections to look at: the one that is named, or all that syncs and the contact policy write to and that
    can create fields. ConfigError for one that cannot."""
    if name is not None:
        if name not in config.connections:
            raise ConfigError(
                f'{config.file} has no connection "{name}"{did_you_mean(name, config.connections)}'
            )
        if not can_create(config, name):
            raise ConfigError(
                f"connection {name}: npsync cannot create fields in {config.connections[name].connector.title} yet; "
                "npsync check names those that are missing"
            )
        return [name]
    return [each for each in config.connections if can_create(config, each) and wanted_fields(config, each)]


def can_create(config: Config, name: str) -> bool:
    return config.connections[name].connector.provisioner is not None


def wanted_fields(config: Config, connection: str) -> list[WantedField]:
    """Every field that the YAML writes to a connection, as it would be created."""
    needs = needs_of(config, connection)
    mapped = {(one.object, one.name): one for one in _mapped(config, connection)}
    asked = {
        config.contact_policy.ledger_field: FieldType.DATETIME,
        config.contact_policy.reason_field: FieldType.TEXT,
    }
    found = []
    for object, names in sorted(needs.write.items()):
        for name in sorted(names):
            found.append(
                mapped.get((object, name))
                or WantedField(object, name, asked.get(name), label=_label(name), help="Written by npsync")
            )
    return found


def _mapped(config: Config, connection: str) -> Iterator[WantedField]:
    """The fields of the syncs. Two syncs that write one field are refused where the file is read."""
    types = needs_of(config, connection).types
    for sync, spec in config.sync.items():
        target = target_of(config, spec)
        if target.connection != connection:
            continue
        metric = config.surveys[spec.survey].metric
        for name, mapping in spec.fields.items():
            options = _options(mapping, metric)
            type = types.get(target.object, {}).get(name)
            if type is FieldType.TEXT and options:
                type = FieldType.CHOICE
            yield WantedField(
                target.object,
                name,
                type,
                options=options if type in (FieldType.CHOICE, FieldType.MULTI) else (),
                length=mapping.truncate,
                label=_label(name),
                help=f"{_shown(mapping)} of the survey {spec.survey}. Written by npsync (sync {sync}).",
            )


def _options(mapping: FieldMapping, metric: Metric) -> tuple[str, ...]:
    """The texts a field will hold, where all of them are known."""
    is_listed = mapping.map is not None or mapping.from_ in ("segment", "previous_segment")
    values = [value for value, _ in outputs(mapping, metric) if value not in (None, "")] if is_listed else []
    texts = [value for value in values if isinstance(value, str)]
    return tuple(dict.fromkeys(texts)) if len(texts) == len(values) else ()


def _shown(mapping: FieldMapping) -> str:
    return (mapping.from_ or "value").replace("_", " ").capitalize()


def _label(name: str) -> str:
    """ "custom_attributes.nps_last_survey" is "NPS last survey"."""
    words = name.rpartition(".")[2].removesuffix("__c").replace("_", " ").split()
    told = " ".join("NPS" if word.lower() == "nps" else word.lower() for word in words)
    return told[:1].upper() + told[1:]


# ---------------------------------------------------------------- carrying out


def carry_out(
    provisioner: Provisioner, steps: Sequence[Step], store: Store, connection: str, now: datetime
) -> Done:
    """Create what can be created, one by one; each is remembered as soon as it is there. A refusal stops nothing but
    its own step."""
    created, refused, by_hand = [], [], []
    for step in steps:
        if step.statement:
            by_hand.append(step)
            continue
        try:
            id = provisioner.create(step)
        except RejectedError as error:
            refused.append(Refusal(step, str(error)))
            continue
        except FateUnknown as error:
            if step.wanted not in provisioner.missing([step.wanted]).there:
                refused.append(Refusal(step, str(error)))
                continue
            id = ""
        remember(store, connection, step, Created(now, step.says, id))
        created.append(step)
    return Done(created, refused, by_hand)


def remember(store: Store, connection: str, step: Step, created: Created) -> None:
    store.memorize(connection, {_key(step.wanted): msgspec.json.encode(created).decode()})


def created_before(
    store: Store, connection: str, wanted: Sequence[WantedField]
) -> dict[WantedField, Created]:
    """Those of these fields that npsync created, and when."""
    keys = {_key(one): one for one in wanted}
    kept = store.recall(connection, list(keys))
    return {keys[key]: msgspec.json.decode(text, type=Created) for key, text in kept.items()}


def _key(wanted: WantedField) -> str:
    return f"{_CREATED}{wanted.object}/{wanted.name}"
