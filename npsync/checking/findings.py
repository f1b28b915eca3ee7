"""What a check finds at a place of the YAML, and what it tells of a field that is not there."""

from __future__ import annotations

from dataclasses import dataclass

from nps.schema import ObjectSchema
from npsync.config import Config
from npsync.config.problems import Path, meant_or_known


@dataclass(frozen=True)
class Finding:
    path: Path
    code: str
    message: str


def missing_field(schema: ObjectSchema, name: str, path: Path, *, creates: str = "") -> Finding:
    """`creates`: the connection, where npsync could create it there."""
    known = meant_or_known(name, schema.fields)
    hint = known if "mean" in known else ""
    to_create = f"to create it: npsync provision {creates}" if creates else ""
    next = to_create and (f" Or {to_create}" if hint.endswith("?") else f"; {to_create}")
    message = f'{schema.name} has no field "{name}", or this credential does not see it{hint}{next}'
    return Finding(path, "missing_field", message)


def who_creates(config: Config, connection: str) -> str:
    """The connection, where npsync can create what it writes there; "" where it cannot."""
    return connection if config.connections[connection].connector.provisioner is not None else ""
