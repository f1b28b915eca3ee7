"""The configuration as people and machines may look at it: every key with its value, no secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic_core import to_jsonable_python

from npsync.config.secrets import MASK, redact

if TYPE_CHECKING:
    from npsync.config.model import Config, Connection

HIDDEN = "(hidden)"
_CREDENTIALS = re.compile(r"://[^/?#\s]+@")  # of an address, written into the file
_SOUNDS_SECRET = r"[\w.-]*(?:key|token|secret|password|passwd|signature|sig|auth|credential|code)"
_IN_QUERY = re.compile(rf"([?&]{_SOUNDS_SECRET}=)[^&#\s]+", re.IGNORECASE)
_NAME = re.compile(_SOUNDS_SECRET, re.IGNORECASE)
_SENT = ("query", "body")


def as_read(config: Config) -> dict[str, Any]:
    """As JSON has it. A secret is hidden by its field's type, and by its value wherever else it stands."""
    told: dict[str, Any] = {
        "time_zone": str(config.time_zone),
        "phone_region": config.phone_region,
        "store": config.store.partition(":")[0],  # an address may hold a password
        "public_url": config.public_url or None,
        "connections": {name: _connection(one) for name, one in config.connections.items()},
        "people": config.people,
        "surveys": config.surveys,
        "sync": config.sync,
        "triggers": config.triggers,
        "contact_policy": config.contact_policy,
        "branding": config.branding,
        "report": config.report,
        "alerts": config.alerts,
        "pepper": config.pepper,
        "privacy": config.privacy,
        "retention": config.retention,
    }
    shown = _hidden(told)
    assert isinstance(shown, dict)
    return shown


def _connection(one: Connection) -> dict[str, Any]:
    return {"type": one.type, "settings": one.settings}


def _hidden(value: Any) -> Any:
    if isinstance(value, SecretStr | SecretBytes):
        return HIDDEN
    if isinstance(value, BaseModel):
        return {name: _hidden(_without_secrets(name, its)) for name, its in value}
    if isinstance(value, Mapping):
        return {redact(str(name)): _hidden(its) for name, its in value.items()}
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_hidden(its) for its in value]
    told = to_jsonable_python(value, fallback=str)
    return _text(told) if isinstance(told, str) else told


def _without_secrets(name: str, value: Any) -> Any:
    """What a described API is sent with each call may prove who calls, and has no type that says so: of headers none
    is shown, of the rest whatever sounds like a secret."""
    if not isinstance(value, Mapping):
        return value
    if name == "headers":
        return dict.fromkeys(value, HIDDEN)
    if name in _SENT:
        return {
            key: HIDDEN if isinstance(its, str) and _NAME.fullmatch(str(key)) else its
            for key, its in value.items()
        }
    return value


def _text(text: str) -> str:
    masked = redact(text)
    if masked == MASK:
        return HIDDEN  # nothing else is left of it
    return _IN_QUERY.sub(rf"\g<1>{HIDDEN}", _CREDENTIALS.sub(f"://{HIDDEN}@", masked))
