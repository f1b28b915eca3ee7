"""A connector of a preset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from connectors.contract import Connector, Inbound, Needs, Settings, Source, Tools
from connectors.declared.preset import Preset, PresetSettings, settings_of


def connector_of(name: str, preset: Preset, *, base: type[Settings] = Settings, **more: Any) -> Connector:
    """`more` is what the connector declares beside reading answers (a sender, say), with `base` as its settings; what
    the preset says of itself is then the default."""
    about = preset.about
    declared: dict[str, Any] = {
        "title": about.title or name,
        "grants": _grants_of(preset),
        "channels": about.channels,
        "metrics": tuple(each.value for each in about.metrics),
        "edits": about.edits,
        "limits": about.limits,
        "confidence": about.confidence,
        "starter": about.starter,
    }
    if "push" in preset.data:
        declared["inbound"] = _inbound
    return Connector(
        name=name, settings=settings_of(preset, name, base), source=source_of, **(declared | more)
    )


def source_of(settings: PresetSettings, tools: Tools) -> Source:
    from connectors.declared.source import DeclaredSource

    return DeclaredSource(settings.described(), tools, signs_in_by=type(settings).preset.signs_in_by)


def _inbound(settings: PresetSettings, folder: Path) -> Inbound | None:
    from connectors.declared.inbound import inbound_of

    return inbound_of(settings.described())


def _grants_of(preset: Preset) -> Callable[[Any, Needs], Sequence[str]]:
    return lambda settings, needs: preset.about.grants
