"""Settings control may switch, checked before any of them changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_Settings = TypeVar("_Settings", bound="DataclassInstance")


def switched(settings: _Settings, wanted: Mapping[str, Any]) -> _Settings:
    """ValueError names a switch that does not exist or a value of the wrong kind."""
    known = {one.name: type(getattr(settings, one.name)) for one in fields(settings)}
    for name, value in wanted.items():
        if name not in known:
            raise ValueError(f"no setting {name}; there are: {', '.join(known)}")
        kinds = (int, float) if known[name] is float else (known[name],)
        if type(value) not in kinds:
            raise ValueError(f"{name} takes a {known[name].__name__}")
    return replace(settings, **wanted)
