"""Everything a YAML file needs of a connection, as things to create."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.provisioning import Wanted, WantedField
from nps.errors import ConfigError
from nps.schema import FieldType
from npsync.checking.access import needs_of
from npsync.config import Config
from npsync.config.problems import meant_or_known
from npsync.provisioning import kept
from npsync.provisioning.fields import field, label, type_of
from npsync.syncing.jobs import target_of


def chosen(config: Config, name: str | None) -> list[str]:
    """The connections to look at: the one that is named, or all that the file writes to and that can create fields.
    ConfigError for one that cannot."""
    if name is not None:
        if name not in config.connections:
            raise ConfigError(
                f'{config.file} has no connection "{name}"{meant_or_known(name, config.connections)}'
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
    return [
        *kept.history(config, connection),
        *wanted_fields(config, connection),
        *(also(used.settings, needs_of(config, connection)) if also is not None else ()),
        *dict.fromkeys(kept.lists(config, connection)),
    ]


def wanted_fields(config: Config, connection: str) -> list[WantedField]:
    """Every field of customers and accounts that the YAML writes to a connection, as it would be created."""
    needs = needs_of(config, connection)
    known = [*_mapped(config, connection), *kept.accounts(config, connection)]
    mapped = {(one.object, one.name): one for one in known}
    used = config.connections[connection]
    sends = used.connector.sends(used.settings)
    asked: dict[str | None, FieldType] = {
        **dict.fromkeys(sends.writes if sends is not None else (), FieldType.TEXT),
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
    for sync, spec in config.sync.items():
        target = target_of(config, spec)
        if target.connection != connection:
            continue
        metric = config.surveys[spec.survey].metric
        for name, mapping in spec.fields.items():
            shown = (mapping.from_ or "value").replace("_", " ").capitalize()
            told = f"{shown} of the survey {spec.survey}. Written by npsync (sync {sync})."
            type = type_of(config, spec, mapping, target.object)
            yield field(target.object, name, mapping, type, metric, help=told)
