"""The JSON Schema of the whole file, from the same models that check it."""

from __future__ import annotations

from typing import Any

from connectors import registry
from connectors.contract import Connector
from npsync.config.aswritten import AsWritten
from npsync.config.model import FileSpec

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE = {"type": "string", "pattern": r"\$\{", "description": "A variable: ${NAME} or ${file:NAME}."}


def json_schema() -> dict[str, Any]:
    """What an editor needs to complete and check the file. A connection's keys depend on its `type`."""
    schema = FileSpec.model_json_schema(schema_generator=AsWritten)
    definitions = schema["$defs"]
    kinds = []
    for name in registry.names():
        connection, more = _connection(registry.load(name))
        definitions |= more | {f"connection.{name}": connection}
        kinds.append({"$ref": f"#/$defs/connection.{name}"})
    definitions.pop("ConnectionSpec", None)
    schema["properties"]["connections"]["additionalProperties"] = {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": list(registry.names()), "description": "The connector."}},
        "oneOf": kinds,
    }
    schema["patternProperties"] = {"^x-": {}}
    return {"$schema": DIALECT, **schema}


def _connection(connector: Connector) -> tuple[dict[str, Any], dict[str, Any]]:
    """The schema of one type of connection, and the definitions it refers to under names of its own."""
    own = _renamed(connector.settings.model_json_schema(schema_generator=AsWritten), f"{connector.name}.")
    definitions = {f"{connector.name}.{name}": each for name, each in own.pop("$defs", {}).items()}
    own["title"] = connector.title
    own["properties"] = {"type": {"const": connector.name}} | own.get("properties", {})
    own["required"] = ["type", *own.get("required", [])]
    return own, definitions


def _renamed(schema: Any, prefix: str) -> Any:
    """Two connectors may both have a `Budget`; and a number may always be given as a variable."""
    if isinstance(schema, list):
        return [_renamed(each, prefix) for each in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {key: _renamed(value, prefix) for key, value in schema.items()}
    if isinstance(reference := changed.get("$ref"), str):
        changed["$ref"] = reference.replace("#/$defs/", f"#/$defs/{prefix}")
    mapping = (
        changed.get("discriminator", {}).get("mapping")
        if isinstance(changed.get("discriminator"), dict)
        else None
    )
    if isinstance(mapping, dict):
        changed["discriminator"]["mapping"] = {
            tag: target.replace("#/$defs/", f"#/$defs/{prefix}") for tag, target in mapping.items()
        }
    if changed.get("type") in ("integer", "number", "boolean"):
        about = {key: changed.pop(key) for key in ("title", "description", "default") if key in changed}
        return {**about, "anyOf": [changed, _REFERENCE]}
    return changed
