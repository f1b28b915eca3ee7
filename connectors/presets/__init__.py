"""Survey tools described in YAML: one file here per tool, and `type: NAME` in a connection."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from connectors.contract import Connector
from connectors.declared.preset import Preset


@cache
def preset(name: str) -> Preset:
    """The file NAME.yaml of this package."""
    from connectors.declared.files import parsed

    return Preset.of(parsed(files(__name__).joinpath(f"{name}.yaml").read_text("utf-8")))


def __getattr__(name: str) -> Connector:
    """What an entry point names: `apptentive = "connectors.presets:apptentive"`."""
    from connectors.declared.connecting import connector_of

    if name.startswith("_") or not files(__name__).joinpath(f"{name}.yaml").is_file():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return connector_of(name, preset(name))
