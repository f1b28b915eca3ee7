"""Which fields a YAML file writes, and what they will hold, as far as that is known without an answer."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.provisioning import Wanted, WantedField
from mapping.spec import FieldMapping
from nps.errors import ConfigError
from nps.schema import FieldType
from nps.surveys import Metric
from npsync.access import needs_of
from npsync.check import outputs, unbounded
from npsync.config import Config
from npsync.config.problems import did_you_mean
from npsync.jobs import target_of

_SCORE_DIGITS = 3


def chosen(config: Config, name: str | None) -> list[str]:
    """The connections to look at: the one that is named, or all that the file writes to and that can create fields.
    ConfigError for one that cannot."""
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
    return [each for each in config.connections if can_create(config, each) and everything(config, each)]


def can_create(config: Config, name: str) -> bool:
    return config.connections[name].connector.provisioner is not None


def everything(config: Config, connection: str) -> list[Wanted]:
    """All that a connection needs for the file, objects before their fields."""
    used = config.connections[connection]
    also = used.connector.also_wants
    extra = also(used.settings, needs_of(config, connection)) if also is not None else ()
    return [*wanted_fields(config, connection), *extra]


def wanted_fields(config: Config, connection: str) -> list[WantedField]:
    """Every field of the customers' records that the YAML writes to a connection, as it would be created."""
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
                or WantedField(object, name, asked.get(name), label=label(name), help="Written by npsync")
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
            told = f"{shown(mapping)} of the survey {spec.survey}. Written by npsync (sync {sync})."
            type = types.get(target.object, {}).get(name)
            yield field(target.object, name, mapping, type, metric, help=told)


def field(
    object: str, name: str, mapping: FieldMapping, type: FieldType | None, metric: Metric, *, help: str
) -> WantedField:
    """A field that shows what a mapping gives."""
    options = _options(mapping, metric)
    if type is FieldType.TEXT and options:
        type = FieldType.CHOICE
    is_score = mapping.map is None and mapping.from_ in ("score", "previous_score")
    return WantedField(
        object,
        name,
        type,
        options=options if type in (FieldType.CHOICE, FieldType.MULTI) else (),
        length=mapping.truncate,
        long=type is FieldType.TEXT and unbounded(mapping),
        label=label(name),
        help=help,
        digits=_SCORE_DIGITS if is_score else None,
    )


def _options(mapping: FieldMapping, metric: Metric) -> tuple[str, ...]:
    """The texts a field will hold, where all of them are known."""
    is_listed = mapping.map is not None or mapping.from_ in ("segment", "previous_segment")
    values = [value for value, _ in outputs(mapping, metric) if value not in (None, "")] if is_listed else []
    texts = [value for value in values if isinstance(value, str)]
    return tuple(dict.fromkeys(texts)) if len(texts) == len(values) else ()


def shown(mapping: FieldMapping) -> str:
    return (mapping.from_ or "value").replace("_", " ").capitalize()


def label(name: str) -> str:
    """ "custom_attributes.nps_last_survey" is "NPS last survey"."""
    words = name.rpartition(".")[2].removesuffix("__c").removesuffix("__pc").replace("_", " ").split()
    told = " ".join(
        word.upper() if word.lower() in ("nps", "csat", "ces") else word.lower() for word in words
    )
    return told[:1].upper() + told[1:]
