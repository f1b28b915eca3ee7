"""What known senders do, as defaults of the same keys that anybody can write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Preset = Literal["segment", "rudderstack"]

_TRACK: Mapping[str, Any] = {
    "event": "event",
    "id": "messageId",
    "external_id": "userId",
    "email": ["context.traits.email", "traits.email", "properties.email"],
    "account": "context.groupId",
    "occurred_at": ["timestamp", "receivedAt"],
    "properties": "properties",
}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "segment": {
        # Of a batch Segment signs the first element alone.
        "auth": {"kind": "hmac", "header": "X-Signature", "algorithm": "sha1", "signed": "first_batch_item"},
        "fields": _TRACK,
        "only": {"type": "track"},
        "erasure": {"type": "delete"},
    },
    "rudderstack": {
        "auth": {"kind": "header", "name": "Authorization"},
        "fields": _TRACK,
        "only": {"type": "track"},
    },
}
