"""Reading a description from YAML, where nobody asks for places in it: the package's own presets, and a file that was
checked when the configuration was loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from connectors.declared.description import Description
from connectors.declared.preset import Preset, faults_of
from nps.errors import ConfigError
from nps.faults import Faults


def parsed(text: str) -> Mapping[str, Any]:
    """ValueError when it is no YAML, or no map."""
    from ruamel.yaml import YAML  # a tenth of a second that other connectors need not pay
    from ruamel.yaml.error import YAMLError

    try:
        found = YAML(typ="safe").load(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        raise ValueError(f"it is no YAML{where}") from None
    if not isinstance(found, dict):
        raise ValueError("it is no map of keys")
    return found


def description_in(path: Path, given: Mapping[str, Any]) -> Description:
    """A user's own description. ConfigError, in short: `npsync check` tells it with line and column."""
    try:
        preset = Preset.of(parsed(path.read_text("utf-8")))
        return preset.described(preset.values(given))
    except ValidationError as error:
        told = "; ".join(str(fault) for fault in faults_of(error))
    except OSError as error:
        told = f"it can't be read: {error.strerror}"
    except (Faults, ValueError, RecursionError) as error:
        told = str(error)
    raise ConfigError(f"{path}: {told}")
